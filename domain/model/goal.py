"""A goal: what client and clinician want to reach, from where to where, by when, and what became of it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Invalid, NotFound
from domain.instruments import Instrument
from domain.model import checks
from domain.model.clinical import REASON_MOST, ClinicalRecord, MarkedInError
from domain.model.moment import FIRST_YEAR, LAST_YEAR
from domain.model.values import MomentInZone
from domain.ports.keys import RecordClass

STATEMENT_MOST: Final = 2_000
MILESTONES_MOST: Final = 100
SESSIONS_MOST: Final = 500
AHEAD_OF_UTC_MOST: Final = timedelta(hours=14)
"""Where the day begins first (Kiribati): a day that has begun nowhere yet lies ahead."""


class GoalNotFound(NotFound):
    code = "goal_not_found"
    message = "There is no goal with this id."


class GoalEnteredInError(Conflict):
    code = "goal_entered_in_error"
    message = "The goal was marked as entered in error; it stays readable and takes no more changes."


class GoalNotActive(Conflict):
    code = "goal_not_active"
    message = "The goal is completed or abandoned."
    hint = "Reopen it first."


class GoalAlreadyActive(Conflict):
    code = "goal_already_active"
    message = "The goal is neither completed nor abandoned."


class GoalProgressNotByHand(Conflict):
    code = "goal_progress_not_by_hand"
    message = "Progress of this goal is counted from its measures or its milestones."
    hint = "Record a measure of the goal's instrument, or say that a milestone was reached."


class GoalWithoutTarget(Invalid):
    code = "goal_without_target"
    message = "A goal needs a target that differs from its baseline, or milestones to count."


class MilestonesOutOfOrder(Invalid):
    code = "milestones_out_of_order"
    message = "Milestones must be due in the order they are listed, none after the goal itself."


class MilestoneNotFound(NotFound):
    code = "milestone_not_found"
    message = "The goal has no milestone with this id."


class MilestoneAlreadyReached(Conflict):
    code = "milestone_already_reached"
    message = "The milestone was reached before; it stays with the goal."


class GoalMetric(StrEnum):
    """How progress is counted: by hand in percent, by an instrument's scores, or by milestones reached."""

    PERCENTAGE = "percentage"
    MEASURE = "measure"
    MILESTONES = "milestones"


class GoalStatus(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    ABANDONED = "abandoned"
    ENTERED_IN_ERROR = "entered_in_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    id: UUID
    text: str
    due_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalContent:
    """What was agreed on. `specific` to `relevant` are the rest of a SMART goal, as far as they were written down.

    `baseline` and `target` are percent, or points of `instrument`; without a baseline percent
    count from 0 and points from the first score. A goal counted by milestones has neither.
    """

    statement: str
    specific: str = ""
    measurable: str = ""
    achievable: str = ""
    relevant: str = ""
    metric: GoalMetric
    instrument: str | None = None
    baseline: float | None = None
    target: float | None = None
    due_on: date | None = None
    milestones: tuple[Milestone, ...] = ()
    session_ids: tuple[UUID, ...] = ()

    def check(self, instrument: Instrument | None = None) -> None:
        """`instrument` is the one named, None where none is. Raises GoalWithoutTarget, MilestonesOutOfOrder, Invalid."""
        checks.text("statement", self.statement, STATEMENT_MOST, least=1)
        for name in ("specific", "measurable", "achievable", "relevant"):
            checks.text(name, getattr(self, name), STATEMENT_MOST)
        _day("due_on", self.due_on)
        self._check_milestones()
        checks.count("session_ids", self.session_ids, SESSIONS_MOST)
        checks.distinct("session_ids", self.session_ids)
        if self.metric is not GoalMetric.MEASURE and self.instrument is not None:
            raise Invalid("instrument is for goals that are counted by a measure.", field="instrument")
        match self.metric:
            case GoalMetric.MILESTONES:
                self._check_milestones_only()
            case GoalMetric.PERCENTAGE:
                self._check_target(0.0, 100.0)
            case GoalMetric.MEASURE:
                if instrument is None or instrument.key != self.instrument:
                    raise Invalid("instrument must name the measure that counts.", field="instrument")
                self._check_target(instrument.least, instrument.most)

    def _check_target(self, least: float, most: float) -> None:
        if self.target is None:
            raise GoalWithoutTarget("A goal needs a target.", field="target")
        checks.number("target", self.target, least, most)
        if self.baseline is None and self.metric is GoalMetric.PERCENTAGE and self.target == 0:
            raise GoalWithoutTarget("A goal of 0 % needs the baseline that it comes down from.", field="baseline")
        if self.baseline is not None:
            checks.number("baseline", self.baseline, least, most)
            if self.baseline == self.target:
                raise GoalWithoutTarget("A goal's target must differ from its baseline.", field="target")

    def _check_milestones_only(self) -> None:
        for name in ("baseline", "target"):
            if getattr(self, name) is not None:
                raise Invalid(f"A goal counted by milestones takes no {name}.", field=name)
        if not self.milestones:
            raise GoalWithoutTarget("A goal counted by milestones needs one at least.", field="milestones")

    def _check_milestones(self) -> None:
        checks.count("milestones", self.milestones, MILESTONES_MOST)
        checks.distinct("milestones", (milestone.id for milestone in self.milestones))
        before: date | None = None
        for index, milestone in enumerate(self.milestones):
            field = f"milestones[{index}]"
            checks.text(f"{field}.text", milestone.text, STATEMENT_MOST, least=1)
            _day(f"{field}.due_on", milestone.due_on)
            if milestone.due_on is None:
                continue
            if before is not None and milestone.due_on < before:
                raise MilestonesOutOfOrder(f"{field} is due before one listed earlier.", field=f"{field}.due_on")
            if self.due_on is not None and milestone.due_on > self.due_on:
                raise MilestonesOutOfOrder(f"{field} is due after the goal itself.", field=f"{field}.due_on")
            before = milestone.due_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A value as of a moment, told by hand."""

    at: MomentInZone
    value: float
    session_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A milestone was reached on a day, and recorded at an instant."""

    id: UUID
    reached_on: date
    recorded_at: datetime


class Goal(ClinicalRecord):
    """`progress` in the order it was recorded. `reason` says why it was abandoned; reopening clears it."""

    NAME = "goal"
    WRITTEN_BY = "set_by"
    RECORD_CLASS = RecordClass.JOURNAL
    NOT_FOUND = GoalNotFound
    ENTERED_IN_ERROR = GoalEnteredInError

    def __init__(self) -> None:
        self.client_id: UUID
        self.set_by: UUID
        self.content: GoalContent
        self.status = GoalStatus.ACTIVE
        self.progress: tuple[Progress, ...] = ()
        self.reached: tuple[Reached, ...] = ()
        self.completed_on: date | None = None
        self.abandoned_on: date | None = None
        self.reason = ""
        self.error_reason = ""

    class Event(Aggregate.Event):
        pass

    class Set(Event, Aggregate.Created):
        KIND: ClassVar[str] = "goal.set"
        client_id: UUID
        set_by: UUID
        content: GoalContent
        substance_use: bool = False

        def apply(self, aggregate: "Goal") -> None:
            aggregate.client_id = self.client_id
            aggregate.substance_use = self.substance_use
            aggregate.set_by = self.set_by
            aggregate.content = self.content

    class Revised(Event):
        KIND: ClassVar[str] = "goal.revised"
        revised_by: UUID
        content: GoalContent

        def apply(self, aggregate: "Goal") -> None:
            aggregate.content = self.content

    class ProgressRecorded(Event):
        KIND: ClassVar[str] = "goal.progress_recorded"
        recorded_by: UUID
        value: float
        took_place: MomentInZone
        session_id: UUID | None

        def apply(self, aggregate: "Goal") -> None:
            told = Progress(at=self.took_place, value=self.value, session_id=self.session_id)
            aggregate.progress = (*aggregate.progress, told)

    class MilestoneReached(Event):
        KIND: ClassVar[str] = "goal.milestone_reached"
        recorded_by: UUID
        milestone_id: UUID
        reached_on: date

        def apply(self, aggregate: "Goal") -> None:
            reached = Reached(id=self.milestone_id, reached_on=self.reached_on, recorded_at=self.timestamp)
            aggregate.reached = (*aggregate.reached, reached)

    class Completed(Event):
        KIND: ClassVar[str] = "goal.completed"
        completed_by: UUID
        completed_on: date

        def apply(self, aggregate: "Goal") -> None:
            aggregate.status = GoalStatus.COMPLETED
            aggregate.completed_on = self.completed_on

    class Abandoned(Event):
        KIND: ClassVar[str] = "goal.abandoned"
        abandoned_by: UUID
        abandoned_on: date
        reason: str

        def apply(self, aggregate: "Goal") -> None:
            aggregate.status = GoalStatus.ABANDONED
            aggregate.abandoned_on = self.abandoned_on
            aggregate.reason = self.reason

    class Reopened(Event):
        KIND: ClassVar[str] = "goal.reopened"
        reopened_by: UUID

        def apply(self, aggregate: "Goal") -> None:
            aggregate.status = GoalStatus.ACTIVE
            aggregate.completed_on = None
            aggregate.abandoned_on = None
            aggregate.reason = ""

    class EnteredInError(MarkedInError, Event):
        KIND: ClassVar[str] = "goal.entered_in_error"

    @classmethod
    def set_goal(  # noqa: PLR0913 - one argument a fact of the goal
        cls,
        goal_id: UUID,
        *,
        at: datetime,
        by: UUID,
        client_id: UUID,
        content: GoalContent,
        instrument: Instrument | None = None,
        substance_use: bool = False,
    ) -> "Goal":
        """`instrument` is the one that `content` names. Raises GoalWithoutTarget, MilestonesOutOfOrder, Invalid."""
        content.check(instrument)
        return cls._create(
            cls.Set,
            id=goal_id,
            timestamp=at,
            client_id=client_id,
            set_by=by,
            content=content,
            substance_use=substance_use,
        )

    def revise(self, *, at: datetime, by: UUID, content: GoalContent, instrument: Instrument | None = None) -> None:
        """Agree on something else while it is active; a milestone that was reached stays among its milestones.

        Raises GoalNotActive, GoalEnteredInError, MilestoneAlreadyReached, and as `set_goal`.
        """
        self._require_active()
        content.check(instrument)
        kept = {milestone.id for milestone in content.milestones}
        for reached in self.reached:
            if reached.id not in kept:
                raise MilestoneAlreadyReached(goal_id=self.id, milestone_id=reached.id)
        self.trigger_event(self.Revised, timestamp=at, revised_by=by, content=content)

    def record_progress(
        self, *, at: datetime, by: UUID, value: float, took_place: MomentInZone, session_id: UUID | None = None
    ) -> None:
        """Percent reached, as of when it took place. Raises GoalNotActive, GoalProgressNotByHand, GoalEnteredInError,
        Invalid.
        """
        self._require_active()
        if self.content.metric is not GoalMetric.PERCENTAGE:
            raise GoalProgressNotByHand(goal_id=self.id)
        checks.number("value", value, 0.0, 100.0)
        took_place.check_past("took_place", at)
        self.trigger_event(
            self.ProgressRecorded,
            timestamp=at,
            recorded_by=by,
            value=float(value),
            took_place=took_place,
            session_id=session_id,
        )

    def reach_milestone(self, *, at: datetime, by: UUID, milestone_id: UUID, reached_on: date | None = None) -> None:
        """In whatever order life took. Without a day it is the day of `at`, UTC.

        Raises MilestoneNotFound, MilestoneAlreadyReached, GoalNotActive, GoalEnteredInError, Invalid.
        """
        self._require_active()
        if milestone_id not in {milestone.id for milestone in self.content.milestones}:
            raise MilestoneNotFound(goal_id=self.id, milestone_id=milestone_id)
        if milestone_id in {reached.id for reached in self.reached}:
            raise MilestoneAlreadyReached(goal_id=self.id, milestone_id=milestone_id)
        self.trigger_event(
            self.MilestoneReached,
            timestamp=at,
            recorded_by=by,
            milestone_id=milestone_id,
            reached_on=_come("reached_on", reached_on, at),
        )

    def complete(self, *, at: datetime, by: UUID, completed_on: date | None = None) -> None:
        """It was reached. Raises GoalNotActive, GoalEnteredInError, Invalid."""
        self._require_active()
        day = _come("completed_on", completed_on, at)
        self.trigger_event(self.Completed, timestamp=at, completed_by=by, completed_on=day)

    def abandon(self, *, at: datetime, by: UUID, reason: str, abandoned_on: date | None = None) -> None:
        """It is pursued no longer, and why. Raises GoalNotActive, GoalEnteredInError, Invalid."""
        self._require_active()
        checks.text("reason", reason, REASON_MOST, least=1)
        day = _come("abandoned_on", abandoned_on, at)
        self.trigger_event(self.Abandoned, timestamp=at, abandoned_by=by, abandoned_on=day, reason=reason)

    def reopen(self, *, at: datetime, by: UUID) -> None:
        """Pursue it again. Raises GoalAlreadyActive, GoalEnteredInError."""
        self.require_standing()
        if self.status is GoalStatus.ACTIVE:
            raise GoalAlreadyActive(goal_id=self.id)
        self.trigger_event(self.Reopened, timestamp=at, reopened_by=by)

    def _require_active(self) -> None:
        self.require_standing()
        if self.status is not GoalStatus.ACTIVE:
            raise GoalNotActive(goal_id=self.id)


def _day(field: str, day: date | None) -> None:
    if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise checks.ImpossibleTime(f"{field} lies outside the years {FIRST_YEAR} to {LAST_YEAR}.", field=field)


def _come(field: str, day: date | None, at: datetime) -> date:
    """The day, if it has come already somewhere on earth; the day of `at` in UTC where none is given."""
    if day is None:
        return at.date()
    _day(field, day)
    if day > (at + AHEAD_OF_UTC_MOST).date():
        raise checks.ImpossibleTime(f"{field} lies in the future.", field=field)
    return day
