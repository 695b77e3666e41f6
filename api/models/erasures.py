"""Erasures, holds and retention as they are asked for and told of."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from api.models.common import In, Out, Rfc3339, example
from domain.model.erasure import ErasureBasis, ErasureState
from domain.model.legal_hold import HoldBasis
from domain.ports.keys import RecordClass

_ID: Final = "01950f2e-6d3a-7001-8f00-000000000e01"
_CLIENT: Final = "3f1c9a52-77aa-4b10-9a52-6a4f5f0f3d10"
_ERASURE: Final = {
    "id": _ID,
    "client_id": _CLIENT,
    "basis": "client_request",
    "classes": [],
    "state": "completed",
    "requested_at": "2026-03-02T10:03:00Z",
    "due_at": "2026-03-02T10:03:00Z",
    "fence_position": 4711,
    "events": 240,
    "keys_destroyed": 7,
    "completed_at": "2026-03-02T10:03:11Z",
    "receipt": "anamnesis/erasure-receipt/1\n{…}\n\n— anamnesis/… …\n",
}


class ErasureIn(In):
    """`basis` says why it is lawful. Without `classes` the whole record goes."""

    basis: ErasureBasis
    classes: Annotated[tuple[RecordClass, ...], Field(max_length=8)] = ()

    model_config = example({"basis": "client_request", "classes": []})


class ErasureOut(Out):
    """`due_at` lies ahead where the record must be kept until then. `receipt` is a signed note, "" before it is done."""

    id: UUID
    client_id: UUID
    basis: ErasureBasis
    classes: tuple[RecordClass, ...]
    state: ErasureState
    requested_at: Rfc3339
    due_at: Rfc3339
    fence_position: int
    events: int
    keys_destroyed: int
    completed_at: Rfc3339 | None
    receipt: str

    model_config = example(_ERASURE)


class HoldingOut(Out):
    """`kept_until` and `gone_from` are what the policies say of this class; null where nothing says so."""

    record_class: RecordClass
    events: int
    last_entry_at: Rfc3339
    kept_until: str | None
    gone_from: str | None
    basis: str


class ErasurePlanOut(Out):
    """What an erasure would do. `outcome`: `erased_now`, `deferred`, or the code that it would be refused with."""

    client_id: UUID
    outcome: str
    kept_until: str | None
    holds: tuple[UUID, ...]
    under_way: UUID | None
    holdings: tuple[HoldingOut, ...]

    model_config = example(
        {
            "client_id": _CLIENT,
            "outcome": "retention_runs_still",
            "kept_until": "2033-03-02",
            "holds": [],
            "under_way": None,
            "holdings": [
                {
                    "record_class": "journal",
                    "events": 240,
                    "last_entry_at": "2026-03-02T10:03:00Z",
                    "kept_until": "2033-03-02",
                    "gone_from": None,
                    "basis": "professional_guideline",
                }
            ],
        }
    )


class ErasureItemOut(Out):
    id: UUID
    classes: tuple[RecordClass, ...]
    state: ErasureState
    requested_at: Rfc3339
    due_at: Rfc3339


class ErasuresOut(Out):
    items: tuple[ErasureItemOut, ...]

    model_config = example(
        {"items": [{key: _ERASURE[key] for key in ("id", "classes", "state", "requested_at", "due_at")}]}
    )


class HoldIn(In):
    """`matter` names the case, such as a docket number; never a person: it outlives the record."""

    basis: HoldBasis
    matter: Annotated[
        str, Field(max_length=200, json_schema_extra={"pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$"})
    ] = ""

    model_config = example({"basis": "litigation", "matter": "4:26-cv-00311"})


class HoldOut(Out):
    id: UUID
    client_id: UUID
    basis: HoldBasis
    matter: str
    placed_by: UUID
    placed_at: Rfc3339
    lifted_at: Rfc3339 | None


class HoldsOut(Out):
    items: tuple[HoldOut, ...]

    model_config = example(
        {
            "items": [
                {
                    "id": _ID,
                    "client_id": _CLIENT,
                    "basis": "litigation",
                    "matter": "4:26-cv-00311",
                    "placed_by": "01950f2e-6d3a-7001-8f00-000000000002",
                    "placed_at": "2026-03-02T10:03:00Z",
                    "lifted_at": None,
                }
            ]
        }
    )


class PolicyOut(Out):
    """Years count from the last entry of a client's record."""

    record_class: RecordClass
    minimum_years: int
    minimum_years_after_majority: int
    maximum_years: int | None
    basis: str
    citation: str


class RetentionOut(Out):
    """`early` says what happens to a wish to erase before the minimum is over: refuse or defer."""

    early: str
    majority_years: int
    classes: tuple[PolicyOut, ...]

    model_config = example(
        {
            "early": "refuse",
            "majority_years": 18,
            "classes": [
                {
                    "record_class": "journal",
                    "minimum_years": 7,
                    "minimum_years_after_majority": 3,
                    "maximum_years": None,
                    "basis": "professional_guideline",
                    "citation": "APA Record Keeping Guidelines (2007), guideline 7",
                }
            ],
        }
    )
