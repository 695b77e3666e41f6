"""What pictures say in words: figures, days, verdicts, and the sentences that stand for a picture."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from adapters.pictures.theme import shortened
from adapters.pictures.timeline import Clock
from domain.progress.report import (
    Appearance,
    Engagement,
    FlagSummary,
    GoalProgress,
    Interval,
    MeasureProgress,
    MilestoneProgress,
    Trend,
    TrendClass,
)

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
VERDICTS = {
    TrendClass.IMPROVING: "improving",
    TrendClass.STABLE: "stable",
    TrendClass.REGRESSING: "regressing",
    TrendClass.FLUCTUATING: "fluctuating",
    TrendClass.UNCLEAR: "unclear",
    TrendClass.INSUFFICIENT_DATA: "not enough data to tell",
}
ASSUMED = "it rests on a standard deviation taken for want of a published one"
OPEN_FLAGS = frozenset({"raised", "escalated"})
LONGEST_TEXT = 160
"""Characters of a person's text in a picture's own words; the report prints all of it."""
ROOM_PX = 1400
REACHED, LATE, OPEN, OVERDUE = "reached", "reached late", "set", "overdue"


def figure(value: float, digits: int = 1) -> str:
    """A number without needless zeros and with a true minus sign."""
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "\u2212") if float(text) else "0"


def signed(value: float, digits: int = 1) -> str:
    text = figure(value, digits)
    return f"+{text}" if value > 0 and text != "0" else text


def interval(value: Interval, digits: int = 1) -> str:
    return f"{figure(100 * value.level, 0)} % interval {figure(value.low, digits)} to {figure(value.high, digits)}"


def unit(name: str) -> str:
    """A unit as it stands behind a figure."""
    return {"percent": "%", "points": ""}.get(name, name)


def with_unit(value: float, name: str) -> str:
    return f"{figure(value)} {unit(name)}".rstrip()


def count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def day(value: date) -> str:
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def day_of(clock: Clock, at: datetime | date) -> str:
    return day(clock.day(at))


def quoted(text: str) -> str:
    return f"\u201c{shortened(text, ROOM_PX)[:LONGEST_TEXT]}\u201d"


def verdict(trend: Trend) -> str:
    return VERDICTS[trend.verdict]


def title_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """`text` with an end to it."""
    text = title_case(text.strip())
    return text if not text or text.endswith((".", "!", "?", "\u2026")) else f"{text}."


def listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def milestone_state(step: MilestoneProgress) -> str:
    if step.reached_on is not None:
        return LATE if step.late else REACHED
    return OVERDUE if step.late else OPEN


def crossings(measure: MeasureProgress) -> str:
    """How often and where the cut-offs were crossed; empty where never."""
    if not measure.crossings:
        return ""
    last = measure.crossings[-1]
    way = "to the worse" if last.worsened else "to the better"
    return (
        f"{count(len(measure.crossings), 'crossing')} of a cut-off, the last one {way} "
        f"({figure(last.cutoff)}, {last.label})."
    )


def scores(measure: MeasureProgress, clock: Clock) -> str:
    """The score line in words."""
    values = [score.value for score in measure.scores]
    first, last = measure.scores[0], measure.scores[-1]
    worse = "higher is worse" if measure.higher_is_worse else "higher is better"
    parts = [
        f"{measure.title}: {count(len(values), 'score')} on a scale from {figure(measure.least)} to {figure(measure.most)}, {worse}."
    ]
    if len(values) == 1:
        parts.append(f"The only one is {figure(first.value)} ({measure.severities[0]}) on {day_of(clock, first.at)}.")
    else:
        parts.append(
            f"The first is {figure(first.value)} ({measure.severities[0]}) on {day_of(clock, first.at)}, the last "
            f"{figure(last.value)} ({measure.severities[-1]}) on {day_of(clock, last.at)}; lowest {figure(min(values))}, "
            f"highest {figure(max(values))}."
        )
    parts.append(f"Verdict: {verdict(measure.trend)}, from {count(measure.trend.observations, 'observation')}.")
    parts.append(sentence(measure.trend.because))
    error = f"the measure's error; {ASSUMED}" if measure.assumed else "the measure's error"
    parts.append(f"Differences within {figure(measure.band)} points of the first score are within {error}.")
    parts.append(crossings(measure))
    if measure.prorated:
        parts.append(f"{title_case(count(len(measure.prorated), 'score'))} prorated because answers were missing.")
    return " ".join(part for part in parts if part)


def goal(goal: GoalProgress) -> str:
    """One goal in words."""
    text = f"{quoted(goal.statement)} is {goal.status.replace('_', ' ')}"
    if goal.completion is not None:
        text += f", {figure(goal.completion, 0)} % complete"
    states = [milestone_state(step) for step in goal.milestones]
    if states:
        reached = sum(state in {REACHED, LATE} for state in states)
        text += f", {reached} of {count(len(states), 'milestone')} reached"
        text += f" ({states.count(LATE)} late)" if LATE in states else ""
        text += f", {states.count(OVERDUE)} overdue" if OVERDUE in states else ""
    return f"{text}; verdict: {verdict(goal.trend)}, from {count(goal.trend.observations, 'observation')}."


def attendance(engagement: Engagement) -> str:
    """The attendance strip in words."""
    counts = [
        count(engagement.held, "appointment") + " held",
        f"{engagement.missed} missed",
        f"{engagement.cancelled} cancelled ({engagement.cancelled_late} of them late)",
        f"{engagement.planned} planned",
    ]
    text = f"{listed(counts)}; {count(engagement.sessions, 'session')} in all."
    if engagement.attendance_rate is not None:
        text += f" Attendance rate {figure(100 * engagement.attendance_rate, 0)} %"
        if engagement.attendance_interval is not None:
            bounds = engagement.attendance_interval
            text += f" ({figure(100 * bounds.level, 0)} % interval {figure(100 * bounds.low, 0)} to {figure(100 * bounds.high, 0)} %)"
        text += "."
    if engagement.gaps:
        longest = max(engagement.gaps, key=lambda gap: gap.days)
        text += f" {title_case(count(len(engagement.gaps), 'gap'))} longer than usual, the longest of {count(round(longest.days), 'day')}"
        text += ", still open." if longest.open else "."
    return f"{text} Verdict: {verdict(engagement.trend)}, from {count(engagement.trend.observations, 'observation')}."


def days_between(clock: Clock, times: Sequence[datetime | date]) -> str:
    first, last = min(map(clock.day, times)), max(map(clock.day, times))
    return f"on {day(first)}" if first == last else f"from {day(first)} to {day(last)}"


def journey(
    appearances: Sequence[Appearance],
    measures: Sequence[MeasureProgress],
    goals: Sequence[GoalProgress],
    flags: Sequence[FlagSummary] | None,
) -> str:
    """The counts of a timeline in words; `flags` None where they are not told at all."""
    held = sum(appearance.state == "held" for appearance in appearances)
    steps = sum(len(goal.milestones) for goal in goals)
    parts = [
        count(held, "session"),
        *(f"{count(len(measure.scores), 'score')} of {measure.title}" for measure in measures if measure.scores),
        count(len(goals), "goal"),
        count(steps, "milestone"),
        *([] if flags is None else [count(len(flags), "risk flag")]),
    ]
    open_flags = sum(flag.status in OPEN_FLAGS for flag in flags or ())
    return f"{listed(parts)}{f' ({open_flags} not yet acknowledged)' if open_flags else ''}."


def last_day(clock: Clock, until: datetime) -> date:
    """The last day that a period before `until` holds."""
    return clock.day(until - timedelta(microseconds=1))
