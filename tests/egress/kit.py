"""Agreements as tests need them."""

from datetime import date
from uuid import UUID, uuid4

from domain.model.agreement import AgreementKind
from domain.ports.call import Call, Purpose
from domain.ports.egress import Form
from domain.ports.keys import RecordClass

TERMS = {
    "recipient": "Platform Ltd",
    "address": "12 Harbour Road",
    "kind": AgreementKind.QUALIFIED_SERVICE_ORGANISATION,
    "purposes": (Purpose.OPERATIONS,),
    "classes": (RecordClass.IDENTITY, RecordClass.JOURNAL, RecordClass.MEASURES, RecordClass.SUD),
    "form": Form.IDS,
    "hosts": ("platform.example", "127.0.0.1", "localhost"),
    "signed_on": date(2020, 1, 2),
    "document": "contracts/1",
}
"""That let ids of everything but psychotherapy notes go to the hosts that tests use."""


def agreed(services, call: Call, **terms) -> UUID:
    """A new agreement on record."""
    agreement_id = uuid4()
    services.agreements.record(call, agreement_id, **{**TERMS, **terms})
    return agreement_id
