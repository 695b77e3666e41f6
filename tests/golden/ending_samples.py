"""Samples of the kinds that tell of the end of a record: holds and erasures."""

from datetime import UTC, datetime
from uuid import UUID

from domain.model.erasure import Erasure, ErasureBasis
from domain.model.legal_hold import HoldBasis, LegalHold
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
}
