"""Goals as they are sent and answered."""

from collections.abc import Callable
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from api.models.common import In, MarkedOut, MomentIn, MomentOut, Out, Reason, Rfc3339, example
from api.models.measures import Key
from api.models.records import RECORD_EXAMPLE, Day, DayOut, RecordOut
from domain.model.goal import GoalContent, GoalMetric, GoalStatus, Milestone

_NO_NUL: Final = Field(json_schema_extra={"pattern": "^[^\\u0000]*$"})
Statement = Annotated[str, StringConstraints(min_length=1, max_length=2_000), _NO_NUL]
Smart = Annotated[str, StringConstraints(max_length=2_000), _NO_NUL]
# Far beyond any instrument's range; the domain names the exact one.
Points = Annotated[float, Field(ge=-1_000_000, le=1_000_000)]

_CONTENT: Final[dict[str, Any]] = {
    "statement": "Take the train alone again.",
    "specific": "The line to work, at rush hour.",
    "measurable": "Share of the week's journeys taken alone.",
    "achievable": "One stop first, with a friend at the other end.",
    "relevant": "The job depends on it.",
    "metric": "percentage",
    "instrument": None,
    "baseline": 0,
    "target": 80,
    "due_on": "2026-09-30",
    "milestones": [
        {"id": "5f0c5b5e-9f0e-4a53-8a3d-0a6f1f0d4c01", "text": "One stop, alone.", "due_on": "2026-04-15"},
    ],
    "session_ids": [],
}
_EXAMPLE: Final[dict[str, Any]] = RECORD_EXAMPLE | {
    "id": "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d40",
    "status": "active",
    "content": _CONTENT,
    "progress": [
        {
            "at": {
                "instant": "2026-03-02T09:00:00Z",
                "local": "2026-03-02T10:00:00+01:00",
                "zone": "Europe/Berlin",
            },
            "value": 20.0,
            "session_id": None,
        }
    ],
    "milestones_reached": [],
    "session_ids": [],
    "set_by": "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22",
    "set_at": "2026-03-02T10:05:11.120000Z",
    "completed_on": None,
    "abandoned_on": None,
    "reason": "",
}


class GoalMilestoneIn(In):
    """`id` as a read gave it keeps the milestone when a goal is revised; a new one has none yet."""

    id: UUID | None = None
    text: Statement
    due_on: Day | None = None


class GoalIn(In):
    """What was agreed on. `baseline` and `target` are percent, or points of `instrument`, and left out where milestones
    are counted. Milestones are due in the order they are listed, none after the goal itself.
    """

    statement: Statement
    specific: Smart = ""
    measurable: Smart = ""
    achievable: Smart = ""
    relevant: Smart = ""
    metric: GoalMetric
    instrument: Key | None = None
    baseline: Points | None = None
    target: Points | None = None
    due_on: Day | None = None
    milestones: Annotated[tuple[GoalMilestoneIn, ...], Field(max_length=100)] = ()
    session_ids: Annotated[tuple[UUID, ...], Field(max_length=100)] = ()

    model_config = example(_CONTENT)

    def content(self, new_id: Callable[[], UUID]) -> GoalContent:
        """`new_id` names milestones that have no id yet."""
        return GoalContent(
            statement=self.statement,
            specific=self.specific,
            measurable=self.measurable,
            achievable=self.achievable,
            relevant=self.relevant,
            metric=self.metric,
            instrument=self.instrument,
            baseline=self.baseline,
            target=self.target,
            due_on=self.due_on,
            milestones=tuple(
                Milestone(id=each.id or new_id(), text=each.text, due_on=each.due_on) for each in self.milestones
            ),
            session_ids=self.session_ids,
        )


class NewGoalIn(GoalIn):
    """`substance_use` says, for good, that it is a record of substance-use treatment (42 CFR Part 2)."""

    substance_use: bool = False


class GoalProgressIn(In):
    """Percent reached, as of when it took place."""

    value: Annotated[float, Field(ge=0, le=100)]
    took_place: MomentIn
    session_id: UUID | None = None

    model_config = example(
        {"value": 40, "took_place": {"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"}}
    )


class MilestoneReachedIn(In):
    """Without a day it is today, UTC."""

    reached_on: Day | None = None

    model_config = example({"reached_on": "2026-03-01"})


class GoalCompletedIn(In):
    """Without a day it is today, UTC."""

    completed_on: Day | None = None

    model_config = example({"completed_on": "2026-03-01"})


class GoalAbandonedIn(In):
    """Why it is pursued no longer. Without a day it is today, UTC."""

    reason: Reason
    abandoned_on: Day | None = None

    model_config = example({"reason": "The new job is within walking distance."})


class GoalMilestoneOut(Out):
    id: UUID
    text: str
    due_on: DayOut | None


class GoalContentOut(Out):
    statement: str
    specific: str
    measurable: str
    achievable: str
    relevant: str
    metric: GoalMetric
    instrument: str | None
    baseline: float | None
    target: float | None
    due_on: DayOut | None
    milestones: tuple[GoalMilestoneOut, ...]
    session_ids: tuple[UUID, ...]


class GoalProgressOut(Out):
    """Told by hand; a goal counted by a measure takes its values from the client's measures."""

    at: MomentOut
    value: float
    session_id: UUID | None


class MilestoneReachedOut(Out):
    id: UUID
    reached_on: DayOut
    recorded_at: Rfc3339


class GoalOut(RecordOut, MarkedOut):
    """`content` is what was agreed on last; `session_ids` are the sessions linked to it, or named with progress."""

    status: GoalStatus
    content: GoalContentOut
    progress: tuple[GoalProgressOut, ...]
    milestones_reached: tuple[MilestoneReachedOut, ...]
    session_ids: tuple[UUID, ...]
    set_by: UUID
    set_at: Rfc3339
    completed_on: DayOut | None
    abandoned_on: DayOut | None
    reason: str

    model_config = example(_EXAMPLE)


class GoalsOut(Out):
    """`next` is the cursor of the following page, null on the last."""

    items: tuple[GoalOut, ...]
    next: str | None

    model_config = example({"items": [_EXAMPLE], "next": None})
