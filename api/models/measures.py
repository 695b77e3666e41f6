"""Questionnaires as they are sent and answered."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from api.models.common import In, MarkedOut, MomentIn, MomentOut, Out, example
from api.models.records import RECORD_EXAMPLE, RecordOut
from domain.model.measure import CompletedBy, MeasureStatus

_GIVEN: Final = {
    "instrument": "phq-9",
    "answers": [2, 1, 2, 1, 0, 2, 1, 0, 0],
    "completed_by": "client",
    "session_id": None,
}
_SCORED: Final = RECORD_EXAMPLE | {
    "id": "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d20",
    "status": "recorded",
    "instrument": "phq-9",
    "instrument_version": "1",
    "taken_at": {
        "instant": "2026-03-02T09:00:00Z",
        "local": "2026-03-02T10:00:00+01:00",
        "zone": "Europe/Berlin",
    },
    "answers": [2, 1, 2, 1, 0, 2, 1, 0, 0],
    "completed_by": "client",
    "score": 9.0,
    "severity": "mild",
    "prorated": False,
    "session_id": None,
    "recorded_by": "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22",
}

Key = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Version = Annotated[str, Field(min_length=1, max_length=9, pattern="^[0-9]+$")]


class MeasureIn(In):
    """A questionnaire as it was filled in. `answers` has an entry for each item, in order; null where there is no answer.

    Without `instrument_version` the current one is meant. `taken_at` is when it was filled in.
    """

    instrument: Key
    instrument_version: Version | None = None
    taken_at: MomentIn
    answers: Annotated[tuple[int | None, ...], Field(min_length=1, max_length=200)]
    completed_by: CompletedBy = CompletedBy.CLIENT
    session_id: UUID | None = None
    substance_use: bool = False
    """A record of substance-use treatment (42 CFR Part 2); those of a session that is one are without being told."""

    model_config = example(_GIVEN | {"taken_at": {"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"}})


class MeasureItemOut(RecordOut, MarkedOut):
    """A measure as lists show it. `score` and `severity` are as of its recording, by the instrument's version then."""

    status: MeasureStatus
    instrument: str
    instrument_version: str
    taken_at: MomentOut
    answers: tuple[int | None, ...]
    completed_by: CompletedBy
    score: float
    severity: str
    prorated: bool
    session_id: UUID | None
    recorded_by: UUID

    model_config = example(_SCORED)


class MeasureOut(MeasureItemOut):
    """`flag_id` is the risk flag that an answer raised; null where none did, and for accounts of clients."""

    flag_id: UUID | None

    model_config = example(_SCORED | {"flag_id": None})


class MeasuresOut(Out):
    """`next` is the cursor of the following page, null on the last."""

    items: tuple[MeasureItemOut, ...]
    next: str | None

    model_config = example({"items": [_SCORED], "next": None})
