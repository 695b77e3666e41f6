"""The whole journey at a glance: sessions, each measure, goals, milestones and risk flags in lanes of one time."""

from adapters.pictures import goals as goal_signs
from adapters.pictures import theme, timeline, words
from adapters.pictures.sheet import Axis, Frame, Sheet
from adapters.pictures.timeline import Clock
from domain.progress.report import FlagSummary, GoalProgress, Report

LANE_PX = 42
MOST_MEASURES = 5
MOST_BARS = 7
MANY = 60
OPEN_FLAGS = frozenset({"raised", "escalated"})


def draw(report: Report, clock: Clock) -> tuple[Sheet, str]:
    """The sheet and its words. The report holds something to place in time."""
    lanes = _lanes(report, clock)
    goals = sorted(report.goals, key=lambda goal: (goal.set_on, str(goal.id)))
    spans = [goal_signs.started(goal, clock, report.until) for goal in goals]
    times = [at for _, lane in lanes for at in lane] + [end for span in spans for end in span]
    times += [clock.ms(flag.raised_at) for flag in report.flags]
    low, high = timeline.span(times)
    ticks, years = timeline.ticks(low, high, most=5)
    height = LANE_PX * (len(lanes) + 3)
    sheet = Sheet(
        title="The journey",
        subtitle=[f"{words.count(report.events, 'record')} {words.days_between(clock, [report.since, report.until])}"],
        frame=Frame(height=height, left=126, right=18, top=62, bottom=56),
        x=Axis(low, high, ticks, years),
        y=Axis(0, height),
    )
    foot = float(height)
    for name, at in lanes:
        foot = _lane(sheet, foot, name, len(at))
        _marks(sheet, at, foot + LANE_PX / 2, theme.SQUARE if name == "Sessions" else theme.DOT)
    foot = _lane(sheet, foot, "Goals", len(goals))
    _bars(sheet, goals, spans, foot)
    foot = _lane(sheet, foot, "Milestones", sum(len(goal.milestones) for goal in goals))
    _milestones(sheet, report.goals, clock, foot + LANE_PX / 2)
    foot = _lane(sheet, foot, "Risk flags", len(report.flags))
    for flag in report.flags:
        _flag(sheet, flag, clock, foot + LANE_PX / 2)
    counts = words.journey(report.engagement.appearances, report.measures, report.goals, report.flags)
    return sheet, f"The journey {words.days_between(clock, [report.since, report.until])}: {counts}"


def _lanes(report: Report, clock: Clock) -> list[tuple[str, list[int]]]:
    """Sessions held, and the measures given most often."""
    held = [clock.ms(seen.at) for seen in report.engagement.appearances if seen.state == "held"]
    lanes = [("Sessions", sorted(held))]
    often = sorted(report.measures, key=lambda measure: (-len(measure.scores), measure.instrument))[:MOST_MEASURES]
    for measure in often:
        if measure.scores:
            lanes.append((measure.instrument.upper(), [clock.ms(score.at) for score in measure.scores]))
    return lanes


def _lane(sheet: Sheet, top: float, name: str, number: int) -> float:
    foot = top - LANE_PX
    sheet.across(foot, colour=theme.GRID)
    start = sheet.x.low - sheet.dx(sheet.frame.left - 8)
    sheet.word(start, foot + LANE_PX / 2, f"{theme.shortened(name, 88)} {number}")
    return foot


def _marks(sheet: Sheet, times: list[int], middle: float, shape: str) -> None:
    if len(times) > MANY:
        for at in times:
            sheet.rule(at, at, middle - 10, middle + 10, colour=theme.LINE, width=0.8 if len(times) > 300 else 1.2)
        return
    for at in times:
        sheet.sign(at, middle, shape, size=46)


def _bars(sheet: Sheet, goals: list[GoalProgress], spans: list[tuple[int, int]], foot: float) -> None:
    """Bars from the day a goal was set; the end says how it ended. More than fit share the lowest lines."""
    rows = min(len(goals), MOST_BARS)
    for number, (goal, (since, until)) in enumerate(zip(goals, spans, strict=True)):
        height = foot + LANE_PX - (number % rows + 1) * LANE_PX / (rows + 1)
        until_drawn = min(until, sheet.x.high)
        sheet.rule(since, until_drawn, height, height, colour=theme.LINE, width=3 if rows < 5 else 2)
        if goal.status == "completed":
            sheet.sign(until_drawn, height, theme.DOT, fill=theme.INK, colour=theme.INK, size=40)
        elif goal.status == "abandoned":
            sheet.sign(until_drawn, height, theme.CROSS, fill=theme.PAPER, colour=theme.ALERT, size=60, width=2.5)
        else:
            sheet.sign(until_drawn, height, theme.RIGHT, size=40)


def _milestones(sheet: Sheet, goals: tuple[GoalProgress, ...], clock: Clock, middle: float) -> None:
    for goal in goals:
        for step in goal.milestones:
            day = step.reached_on or step.due_on
            if day is not None and sheet.x.low <= clock.ms(day) <= sheet.x.high:
                goal_signs.mark(sheet, words.milestone_state(step), clock.ms(day), middle)


def _flag(sheet: Sheet, flag: FlagSummary, clock: Clock, middle: float) -> None:
    """Full while nobody has taken it up, hollow afterwards; higher levels are larger."""
    fill = theme.ALERT if flag.status in OPEN_FLAGS else theme.PAPER
    size = {"low": 60, "moderate": 90, "high": 130, "imminent": 180}.get(flag.level, 90)
    sheet.sign(clock.ms(flag.raised_at), middle, theme.UP, fill=fill, colour=theme.ALERT, size=size, width=2)
