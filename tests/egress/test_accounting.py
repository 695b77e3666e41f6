"""To whom a record went, from the recipient's agreement to the accounting: on a real database, also after the erasure."""

from datetime import date
from uuid import uuid4

from adapters.access.rebuild import rebuild_access_state
from adapters.access.vault import AccessVault
from adapters.access.writes import AccessWrites
from adapters.egress.agreements import SqlAgreements
from domain.model.disclosure import LegalBasis
from domain.ports.call import Actor, Purpose, Role
from domain.ports.keys import RecordClass
from ops.auditing import client_of
from tests.egress.kit import agreed
from tests.erasure.conftest import on_sqlite, practice

__all__ = ["on_sqlite", "practice"]
OPERATOR = Actor(id=uuid4(), role=Role.OPERATOR)
OFFICER = Actor(id=uuid4(), role=Role.COMPLIANCE_OFFICER)


def given(place, client_id, agreement_id, **more):
    what = {
        "agreement_id": agreement_id,
        "purpose": Purpose.CLIENT_REQUEST,
        "classes": (RecordClass.JOURNAL, RecordClass.MEASURES),
        "disclosed_on": date(2026, 1, 9),
        "basis": LegalBasis.AUTHORISATION,
        **more,
    }
    place.system.services.disclosures.record(place.by(OFFICER), uuid4(), client_id, **what)


def accounting(place, client_id):
    place.system.runner().catch_up()
    return place.system.services.audit.disclosures(place.by(OFFICER), client_id)


def test_an_erased_clients_disclosures_are_told_by_the_receipt(on_sqlite, tmp_path):
    place, client_id = on_sqlite, on_sqlite.new_client()
    agreement_id = agreed(place.system.services, place.by(OPERATOR), recipient="Statutory insurer")
    given(place, client_id, agreement_id)
    place.system.services.agreements.end(place.by(OPERATOR), agreement_id)
    erasure = place.erase(client_id)
    file = tmp_path / "receipt.txt"
    file.write_text(erasure.receipt)
    assert client_of(file) == client_id
    (told,) = accounting(place, client_of(file))
    assert (told.recipient, told.recipient_id, told.given.on) == ("Statutory insurer", agreement_id, date(2026, 1, 9))
    assert (told.given.classes, told.given.basis) == (("journal", "measures"), "authorisation")


def test_agreements_are_listed_from_rows_and_read_from_events(practice):
    services = practice.system.services
    first = agreed(services, practice.by(OPERATOR))
    second = agreed(services, practice.by(OPERATOR), recipient="Insurer")
    assert [each.id for each in services.agreements.browse(practice.by(OPERATOR))] == [first, second]
    system = practice.system
    writes = AccessWrites(AccessVault(system.keys, system.recorder.deployment_id))
    rebuild_access_state(system.databases.events, system.recorder, system.mapper, writes)
    assert list(SqlAgreements(system.databases.events).listed()) == [first, second]
