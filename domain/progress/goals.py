"""How far goals have come, from what was recorded of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from domain.progress.period import Period, day_of, day_start
from domain.progress.record import Aim, Meeting, Milestone, Scale, Score
from domain.progress.report import Bucket, GoalProgress, MilestoneProgress, Observation, Trend
from domain.progress.series import summaries
from domain.progress.trend import in_order, trend
from domain.progress.yardstick import PART_OF_GOAL, Better, Yardstick

_ENDED = ("completed", "abandoned")


@dataclass(frozen=True, slots=True)
class _Known:
    """What goals are counted from: the period, its calendar, and the rest of the record."""

    period: Period
    zone: ZoneInfo
    scores: Sequence[Score]
    scales: dict[str, Scale]
    meetings: Sequence[Meeting]
    parts: Sequence[Bucket]

    @property
    def last_day(self) -> date:
        return day_of(self.period.until - timedelta(microseconds=1), self.zone)


def goals(  # noqa: PLR0913 - what goals are counted from
    aims: Sequence[Aim],
    period: Period,
    zone: ZoneInfo,
    *,
    scores: Sequence[Score],
    scales: dict[str, Scale],
    meetings: Sequence[Meeting],
    parts: Sequence[Bucket] = (),
) -> tuple[GoalProgress, ...]:
    """Goals that stood at any time of the period, in the order they were set. `scales` by instrument."""
    known = _Known(period, zone, scores, scales, meetings, parts)
    first_day = day_of(period.since, zone)
    standing = [
        aim for aim in aims if aim.set_at < period.until and not (aim.ended_on is not None and aim.ended_on < first_day)
    ]
    return tuple(_goal(aim, known) for aim in sorted(standing, key=lambda each: (each.set_at, each.id.int)))


def _goal(aim: Aim, known: _Known) -> GoalProgress:
    course = _course(aim, known)
    inside = tuple(each for each in course if each.at in known.period)
    current = course[-1].value if course else None
    baseline = _baseline(aim, course)
    status = _status(aim, known.last_day)
    milestones = tuple(_milestone(each, known.last_day, aim.ended_on) for each in aim.milestones)
    meetings = [each for each in known.meetings if aim.id in each.goal_ids or each.id in aim.session_ids]
    return GoalProgress(
        id=aim.id,
        statement=aim.statement,
        status=status,
        set_on=day_of(aim.set_at, known.zone),
        due_on=aim.due_on,
        overdue=status == "active" and aim.due_on is not None and aim.due_on < known.last_day,
        baseline=baseline,
        target=aim.target,
        current=current,
        unit="points" if aim.counted_by == "measure" else "percent",
        counted_by=aim.counted_by,
        completion=_completion(aim, baseline, current, milestones),
        course=inside,
        milestones=milestones,
        sessions=sum(each.at in known.period for each in meetings),
        last_touched=_last_touched(aim, course, meetings, known),
        trend=_trend(aim, baseline, inside, known.scales),
        source=aim.source,
        buckets=summaries(inside, known.parts),
    )


def _course(aim: Aim, known: _Known) -> tuple[Observation, ...]:
    """Recorded values before the end of the period; for a goal counted by an instrument also its scores since it was set, of
    the version used last: two versions are never joined.
    """
    if aim.counted_by == "milestones":
        return _milestone_course(aim, known)
    found = [
        Observation(at=step.at, value=step.value, source=aim.source)
        for step in aim.steps
        if step.at < known.period.until
    ]
    scale = known.scales.get(aim.instrument)
    if aim.counted_by == "measure" and scale is not None:
        taken = {each.at for each in found}
        found += [
            Observation(at=score.at, value=score.value, source=score.source)
            for score in known.scores
            if (score.instrument, score.version) == (scale.instrument, scale.version)
            if aim.set_at <= score.at < known.period.until and score.at not in taken
        ]
    return in_order(found)


def _milestone_course(aim: Aim, known: _Known) -> tuple[Observation, ...]:
    """The share of milestones reached, at each day on which one was."""
    days = sorted(
        each.reached_on for each in aim.milestones if each.reached_on is not None and each.reached_on <= known.last_day
    )
    shares = {day: 100.0 * count / len(aim.milestones) for count, day in enumerate(days, start=1)}
    return tuple(
        Observation(at=day_start(day, known.zone), value=share, source=aim.source) for day, share in shares.items()
    )


def _baseline(aim: Aim, course: Sequence[Observation]) -> float | None:
    """As set; a share begins at 0, and a score where it was first taken."""
    if aim.baseline is not None:
        return aim.baseline
    if aim.counted_by != "measure":
        return 0.0
    return course[0].value if course else None


def _completion(
    aim: Aim, baseline: float | None, current: float | None, milestones: Sequence[MilestoneProgress]
) -> float | None:
    """Percent of the way, 0 to 100; None where nothing was recorded."""
    if aim.counted_by == "milestones":
        return 100.0 * sum(each.reached_on is not None for each in milestones) / len(milestones) if milestones else None
    if baseline is None or current is None or aim.target is None or aim.target == baseline:
        return None
    return min(max(100.0 * (current - baseline) / (aim.target - baseline), 0.0), 100.0)


def _milestone(milestone: Milestone, last_day: date, ended_on: date | None) -> MilestoneProgress:
    """What was not due yet when its goal ended never becomes late."""
    reached = milestone.reached_on
    if reached is not None and reached > last_day:
        reached = None
    judged_on = reached or min(last_day, ended_on or last_day)
    over = milestone.due_on is not None and milestone.due_on < judged_on
    return MilestoneProgress(
        id=milestone.id, text=milestone.text, due_on=milestone.due_on, reached_on=reached, late=over
    )


def _status(aim: Aim, last_day: date) -> str:
    """As of the end of the period: what ended later was still active."""
    if aim.status in _ENDED and aim.ended_on is not None and aim.ended_on > last_day:
        return "active"
    return aim.status


def _last_touched(aim: Aim, course: Sequence[Observation], meetings: Sequence[Meeting], known: _Known) -> date:
    times = [aim.set_at, *(each.at for each in course), *(each.at for each in meetings if each.at < known.period.until)]
    return day_of(max(times), known.zone)


def _trend(aim: Aim, baseline: float | None, course: Sequence[Observation], scales: dict[str, Scale]) -> Trend:
    scale = scales.get(aim.instrument) if aim.counted_by == "measure" else None
    if scale is not None:
        return trend(course, scale.yardstick)
    way = 100.0
    better = Better.HIGHER
    unit = "percent"
    if aim.counted_by == "measure":
        unit = "points"
        way = abs(aim.target - baseline) if aim.target is not None and baseline is not None else 0.0
        better = Better.LOWER if aim.target is not None and baseline is not None and aim.target < baseline else better
    elif aim.target is not None:
        # A share to be brought down, such as days without leaving the house, improves downwards.
        better = Better.LOWER if aim.target < (baseline or 0.0) else Better.HIGHER
    part = PART_OF_GOAL / 100.0 * way
    return trend(course, Yardstick(threshold=part, important=part, better=better, known=False, unit=unit))
