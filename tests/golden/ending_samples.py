"""Samples of the kinds that tell of the end of a record, and of what left the house: holds, erasures, agreements, disclosures."""

from datetime import UTC, date, datetime
from uuid import UUID

from domain.model.agreement import Agreement, AgreementKind
from domain.model.disclosure import Disclosure, LegalBasis
from domain.model.erasure import Erasure, ErasureBasis
from domain.model.legal_hold import HoldBasis, LegalHold
from domain.model.webhook import Webhook
from domain.ports.call import Purpose
from domain.ports.egress import Form
from domain.ports.keys import RecordClass


def _id(number: int) -> UUID:
    return UUID(int=0xB0000000000040008000000000000000 + number)


FIELDS = {
    LegalHold.Placed: {
        "client_id": _id(1),
        "basis": HoldBasis.LITIGATION,
        "matter": "4:26-cv-00311 — Müller",
        "placed_by": _id(2),
    },
    LegalHold.Lifted: {"lifted_by": _id(2)},
    Erasure.Requested: {
        "client_id": _id(1),
        "basis": ErasureBasis.RETENTION_ENDED,
        "classes": (RecordClass.JOURNAL, RecordClass.SUD),
        "due_at": datetime(2033, 3, 2, tzinfo=UTC),
        "requested_by": _id(3),
    },
    Erasure.Fenced: {"position": 4711, "number": 3, "events": 240},
    Erasure.KeysDestroyed: {"keys": 7},
    Erasure.Purged: {"rows": 12},
    Erasure.Recorded: {"leases_acknowledged": 4, "leases_expired": 1, "redacted": (17, 18, 4001)},
    Erasure.Completed: {"receipt": "anamnesis/erasure-receipt/1\n{}\n\n— anamnesis/x AAAA\n"},
    Erasure.Withdrawn: {"withdrawn_by": _id(2)},
    Erasure.Refused: {},
    Agreement.Recorded: {
        "recipient": "Plattform GmbH — Köln",
        "address": "Hafenstraße 12\n50667 Köln",
        "agreement_kind": AgreementKind.QUALIFIED_SERVICE_ORGANISATION,
        "purposes": (Purpose.OPERATIONS, Purpose.TREATMENT),
        "classes": (RecordClass.JOURNAL, RecordClass.SUD),
        "form": Form.IDS,
        "hosts": ("hooks.platform.example", "platform.example"),
        "signed_on": date(2026, 1, 5),
        "ends_on": date(2028, 1, 4),
        "document": "contracts/2026-017",
        "recorded_by": _id(4),
    },
    Agreement.Ended: {"ended_by": _id(4)},
    Disclosure.Recorded: {
        "client_id": _id(1),
        "agreement_id": _id(5),
        "purpose": Purpose.CLIENT_REQUEST,
        "classes": (RecordClass.JOURNAL, RecordClass.NOTES),
        "disclosed_on": date(2026, 2, 27),
        "basis": LegalBasis.AUTHORISATION,
        "recorded_by": _id(2),
    },
    Webhook.PlacedUnderAgreement: {"agreement_id": _id(5), "placed_by": _id(4)},
}
