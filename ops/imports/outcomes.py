"""Goals, measures and risk flags of the project's own format, as aggregates."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from api.models.common import instant
from domain.errors import AnamnesisError, Invalid
from domain.instruments import Instrument, instrument
from domain.model.goal import Goal, GoalContent, GoalMetric
from domain.model.measure import Measure
from domain.model.risk_flag import FlagLevel, FlagSource, RiskFlag
from domain.services.measures import flag_id_of
from ops.imports.document import GoalDoc, MeasureDoc, RiskFlagDoc
from ops.imports.entries import mark_in_error
from ops.imports.references import References


@dataclass(slots=True)
class OutcomeEntries:
    """`flagged` are the measures that the file's own flags name, with the ids these get; `newest` the last of each instrument."""

    client_id: UUID
    refs: References
    flagged: dict[UUID, UUID] = field(default_factory=dict)
    newest: set[int] = field(default_factory=set)

    @staticmethod
    def newest_of(docs: Iterable[MeasureDoc]) -> set[int]:
        """Which objects are the last of their instrument that stand, by `id()`."""
        last: dict[str, MeasureDoc] = {}
        for doc in docs:
            before = last.get(doc.content.instrument)
            if doc.entered_in_error is None and (before is None or _taken(doc) >= _taken(before)):
                last[doc.content.instrument] = doc
        return {id(doc) for doc in last.values()}

    def goal(self, doc: GoalDoc, place: str) -> Iterator[Any]:
        """Raises Invalid and what the commands raise."""
        refs = self.refs
        content, scale = self._goal_content(doc, place)
        goal = Goal.set_goal(
            refs.own("goal", doc.id, place),
            at=refs.when(doc.recorded_at, "recorded_at"),
            by=refs.by(doc.recorded_by),
            client_id=self.client_id,
            content=content,
            instrument=scale,
        )
        for told in doc.progress:
            goal.record_progress(
                at=refs.when(told.recorded_at, "recorded_at"),
                by=refs.by(told.recorded_by, goal.set_by),
                value=told.value,
                took_place=told.took_place.moment("took_place"),
                session_id=refs.maybe_entry("session", told.session_id),
            )
        for reached in doc.milestones_reached:
            goal.reach_milestone(
                at=refs.when(reached.recorded_at, "recorded_at"),
                by=refs.by(reached.recorded_by, goal.set_by),
                milestone_id=refs.entry("milestone", reached.id),
                reached_on=reached.reached_on,
            )
        self._end(goal, doc)
        mark_in_error(goal, doc.entered_in_error, refs, goal.set_by)
        yield goal

    def _goal_content(self, doc: GoalDoc, place: str) -> tuple[GoalContent, Instrument | None]:
        numbers = iter(range(len(doc.content.milestones)))
        fresh = doc.content.content(lambda: self.refs.named("milestone", None, f"{place}/{next(numbers)}"))
        given = [each.id for each in doc.content.milestones]
        milestones = tuple(
            replace(milestone, id=self.refs.named("milestone", told, place) if told else milestone.id)
            for milestone, told in zip(fresh.milestones, given, strict=True)
        )
        session_ids = tuple(self.refs.entry("session", each) for each in fresh.session_ids)
        scale = None
        if fresh.metric is GoalMetric.MEASURE and fresh.instrument is not None:
            scale = instrument(fresh.instrument)
        return replace(fresh, milestones=milestones, session_ids=session_ids), scale

    def _end(self, goal: Goal, doc: GoalDoc) -> None:
        if doc.completed is not None and doc.abandoned is not None:
            raise Invalid("A goal was completed or abandoned, not both.", field="completed")
        if (told := doc.completed) is not None:
            at, by = self.refs.when(told.at, "completed.at"), self.refs.by(told.by, goal.set_by)
            goal.complete(at=at, by=by, completed_on=told.on)
        if (told := doc.abandoned) is not None:
            at, by = self.refs.when(told.at, "abandoned.at"), self.refs.by(told.by, goal.set_by)
            goal.abandon(at=at, by=by, reason=told.reason or "", abandoned_on=told.on)

    def measure(self, doc: MeasureDoc, place: str) -> Iterator[Any]:
        """Scored as the instrument says, and with a new flag where it is the newest of its kind, answers a critical item
        and no flag of the file is about it: what nobody has looked at must not pass as history.

        Raises InstrumentUnknown, InstrumentVersionUnknown, AnswersIncomplete, AnswerOutOfRange, Invalid.
        """
        refs, told = self.refs, doc.content
        scale = instrument(told.instrument, told.instrument_version)
        by = refs.by(doc.recorded_by)
        measure_id = refs.own("measure", doc.id, place)
        answers = told.answers
        scale.check(answers)
        flag_id = self.flagged.get(doc.id) if doc.id is not None else None
        critical = scale.flag_level(answers) if flag_id is None and id(doc) in self.newest else None
        if critical is not None:
            flag_id = flag_id_of(measure_id, scale, answers)
        measure = Measure.record(
            measure_id,
            at=refs.when(doc.recorded_at, "recorded_at"),
            by=by,
            client_id=self.client_id,
            # A version that is no longer handed out was in its time.
            instrument=replace(scale, retired=False),
            taken_at=told.taken_at.moment("taken_at"),
            answers=answers,
            completed_by=told.completed_by,
            session_id=refs.maybe_entry("session", told.session_id),
            flag_id=flag_id,
        )
        mark_in_error(measure, doc.entered_in_error, refs, by)
        yield measure
        if critical is not None and flag_id is not None:
            number, level = critical
            yield RiskFlag.raise_flag(
                flag_id,
                at=refs.at,
                by=None,
                client_id=self.client_id,
                level=FlagLevel(level),
                source=FlagSource.ITEM,
                reason=f"{scale.title}, item {number}, in an imported questionnaire that no flag of the import is about.",
                measure_id=measure_id,
            )

    def risk_flag(self, doc: RiskFlagDoc, place: str) -> Iterator[Any]:
        """Raises Invalid and what the commands raise."""
        refs = self.refs
        flag = RiskFlag.raise_flag(
            refs.own("risk_flag", doc.id, place),
            at=refs.when(doc.recorded_at, "recorded_at"),
            by=refs.by(doc.recorded_by) if doc.source is FlagSource.CLINICIAN else refs.maybe_by(doc.recorded_by),
            client_id=self.client_id,
            level=doc.level,
            source=doc.source,
            reason=doc.reason,
            measure_id=refs.maybe_entry("measure", doc.measure_id),
            session_id=refs.maybe_entry("session", doc.session_id),
        )
        steps: list[tuple[Any, Any]] = [
            (refs.when(told.at, name), do)
            for name, told, do in (
                ("escalated.at", doc.escalated, lambda at: self._escalate(flag, doc, at)),
                ("acknowledged.at", doc.acknowledged, lambda at: self._acknowledge(flag, doc, at)),
            )
            if told is not None
        ]
        for at, do in sorted(steps, key=lambda step: step[0]):
            do(at)
        if doc.resolved is not None:
            at = refs.when(doc.resolved.at, "resolved.at")
            flag.resolve(at=at, by=refs.by(doc.resolved.by), outcome=doc.resolved.text)
        mark_in_error(flag, doc.entered_in_error, refs, flag.raised_by)
        yield flag

    def _acknowledge(self, flag: RiskFlag, doc: RiskFlagDoc, at: Any) -> None:
        if doc.acknowledged is not None:
            flag.acknowledge(at=at, by=self.refs.by(doc.acknowledged.by), note=doc.acknowledged.text)

    def _escalate(self, flag: RiskFlag, doc: RiskFlagDoc, at: Any) -> None:
        told = doc.escalated
        if told is None:
            return
        to = self.refs.maybe_by(told.to)
        if told.by is None and at >= flag.due_at:
            flag.escalate_overdue(at=at, to=to)
        else:
            flag.escalate(at=at, by=self.refs.by(told.by), to=to)


def _taken(doc: MeasureDoc) -> float:
    """For comparing; what can't be read is refused elsewhere."""
    try:
        return instant(doc.content.taken_at.instant, "taken_at").timestamp()
    except AnamnesisError:
        return 0.0
