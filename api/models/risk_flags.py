"""Risk flags as they are sent and answered."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from api.models.common import In, Out, Rfc3339, example
from api.models.records import RECORD_EXAMPLE, RecordOut
from domain.model.risk_flag import EscalationReason, FlagLevel, FlagSource, FlagStatus

_NO_NUL: Final = Field(json_schema_extra={"pattern": "^[^\\u0000]*$"})
Told = Annotated[str, StringConstraints(min_length=1, max_length=10_000), _NO_NUL]
Note = Annotated[str, StringConstraints(max_length=10_000), _NO_NUL]

_EXAMPLE: Final = RECORD_EXAMPLE | {
    "id": "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d30",
    "status": "acknowledged",
    "level": "high",
    "source": "item",
    "reason": "Patient Health Questionnaire-9 (PHQ-9), item 9 (thoughts of death or self-harm) was answered with 2.",
    "raised_by": None,
    "raised_at": "2026-03-02T10:05:11.120000Z",
    "due_at": "2026-03-03T10:05:11.120000Z",
    "measure_id": "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d20",
    "measure_withdrawn": False,
    "session_id": None,
    "acknowledged_by": "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22",
    "acknowledged_at": "2026-03-02T10:20:00Z",
    "note": "Called her; coming in at noon.",
    "escalated_by": None,
    "escalated_at": None,
    "escalated_to": None,
    "escalation_reason": None,
    "resolved_by": None,
    "resolved_at": None,
    "outcome": "",
}


class RiskFlagIn(In):
    """A flag raised by hand, over a measure or a session or without either."""

    level: FlagLevel
    reason: Told
    measure_id: UUID | None = None
    session_id: UUID | None = None

    model_config = example({"level": "high", "reason": "Spoke of a plan at the end of the session."})


class FlagAcknowledgedIn(In):
    """Whoever takes the flag on may note what is done first."""

    note: Note = ""

    model_config = example({"note": "Called her; coming in at noon."})


class FlagEscalatedIn(In):
    """`to` is a member of the care team; left out, it is the supervisor, or else the primary clinician."""

    to: UUID | None = None

    model_config = example({})


class FlagResolvedIn(In):
    """What became of it."""

    outcome: Told

    model_config = example({"outcome": "Safety plan made together; seen again on Friday."})


class RiskFlagOut(RecordOut):
    """`due_at` is by when somebody must take it on. `measure_withdrawn`: the measure that raised it was marked as entered
    in error after somebody had taken it on.
    """

    status: FlagStatus
    level: FlagLevel
    source: FlagSource
    reason: str
    raised_by: UUID | None
    raised_at: Rfc3339
    due_at: Rfc3339
    measure_id: UUID | None
    measure_withdrawn: bool
    session_id: UUID | None
    acknowledged_by: UUID | None
    acknowledged_at: Rfc3339 | None
    note: str
    escalated_by: UUID | None
    escalated_at: Rfc3339 | None
    escalated_to: UUID | None
    escalation_reason: EscalationReason | None
    resolved_by: UUID | None
    resolved_at: Rfc3339 | None
    outcome: str

    model_config = example(_EXAMPLE)


class RiskFlagsOut(Out):
    """`next` is the cursor of the following page, null on the last."""

    items: tuple[RiskFlagOut, ...]
    next: str | None

    model_config = example({"items": [_EXAMPLE], "next": None})
