"""The whole journey at a glance: sessions, each measure, goals, milestones and risk flags in lanes of one time."""

from collections.abc import Sequence
from dataclasses import replace

from adapters.pictures import goals as goal_signs
from adapters.pictures import theme, timeline, words
from adapters.pictures.sheet import Axis, Frame, Sheet
from adapters.pictures.timeline import Clock
from domain.progress.report import FlagSummary, GoalProgress, Report

LANE_PX = 42
MOST_MEASURES = 5
MOST_BARS = 7
MERGED_PX = 2.0
"""Marks nearer than this are drawn as one block: the eye couldn't part them."""
STEP_PX = 9
FRAME = Frame(height=0, left=126, right=18, top=62, bottom=126)


def draw(report: Report, clock: Clock) -> tuple[Sheet, str]:
    """The sheet and its words. The report holds something to place in time."""
    lanes = _lanes(report, clock)
    goals = sorted(report.goals, key=lambda goal: (goal.set_on, str(goal.id)))
    spans = [_worked_on(goal, clock, report) for goal in goals]
    times = [at for _, lane in lanes for at in lane] + [end for span in spans for end in span]
    times += [clock.ms(flag.raised_at) for flag in report.flags]
    low, high = timeline.span(times)
    ticks, years = timeline.ticks(low, high, FRAME.width)
    height = LANE_PX * (len(lanes) + (2 if report.released else 3))
    sheet = Sheet(
        title="The journey",
        subtitle=[f"{words.count(report.events, 'record')} {_days(report, clock)}"],
        frame=replace(FRAME, height=height),
        x=Axis(low, high, ticks, years),
        y=Axis(0, height),
    )
    foot = float(height)
    for name, at in lanes:
        foot = _lane(sheet, foot, name, len(at))
        _marks(sheet, at, foot + LANE_PX / 2, theme.SQUARE if name == "Sessions" else theme.DOT)
    foot = _lane(sheet, foot, "Goals", len(goals))
    _bars(sheet, goals, spans, foot)
    foot = _milestones(sheet, foot, goals, clock, clock.ms(report.since))
    if not report.released:
        foot = _lane(sheet, foot, "Risk flags", len(report.flags))
        for flag in report.flags:
            _flag(sheet, flag, clock, foot + LANE_PX / 2)
    _key(sheet, flags=not report.released)
    flags = None if report.released else report.flags
    counts = words.journey(report.engagement.appearances, report.measures, report.goals, flags)
    return sheet, f"The journey {_days(report, clock)}: {counts}"


def _days(report: Report, clock: Clock) -> str:
    return words.days_between(clock, [report.since, words.last_day(clock, report.until)])


def _worked_on(goal: GoalProgress, clock: Clock, report: Report) -> tuple[int, int]:
    """From when to when, within the period: before it there would be goals beside sessions that the report doesn't hold."""
    since, until = goal_signs.started(goal, clock, report.until)
    first = clock.ms(report.since)
    return max(since, first), max(until, first)


def _lanes(report: Report, clock: Clock) -> list[tuple[str, list[int]]]:
    """Sessions held, and the measures given most often."""
    held = [clock.ms(seen.at) for seen in report.engagement.appearances if seen.state == "held"]
    lanes = [("Sessions", sorted(held))]
    often = sorted(report.measures, key=lambda measure: (-len(measure.scores), measure.instrument))[:MOST_MEASURES]
    return lanes + [
        (measure.instrument.upper(), [clock.ms(score.at) for score in measure.scores])
        for measure in often
        if measure.scores
    ]


def _lane(sheet: Sheet, top: float, name: str, number: int, of: int | None = None) -> float:
    """A lane's line and name, with how many are drawn in it, and of how many, where others lie outside; its foot."""
    foot = top - LANE_PX
    counted = f"{number}/{of}" if of not in {None, number} else str(number)
    sheet.across(foot, colour=theme.GRID)
    start = sheet.x.low - sheet.dx(sheet.frame.left - 8)
    sheet.word(start, foot + LANE_PX / 2, f"{theme.shortened(name, 88)} {counted}")
    return foot


def _marks(sheet: Sheet, times: list[int], middle: float, shape: str) -> None:
    near = sheet.dx(MERGED_PX)
    blocks = timeline.runs([(float(at), 0.0) for at in times], near)
    spacing = timeline.usual_spacing([int(block[0][0]) for block in blocks])
    side = theme.side_px(spacing / sheet.dx(1), 8.0)
    for block in blocks:
        if block[-1][0] - block[0][0] < sheet.dx(side):
            sheet.sign((block[0][0] + block[-1][0]) / 2, middle, shape, size=side**2, width=0.5)
        else:
            since, until = block[0][0] - near / 4, block[-1][0] + near / 4
            sheet.area(since, until, middle - side / 2 - 4, middle + side / 2 + 4, fill=theme.LINE)


def _bars(sheet: Sheet, goals: list[GoalProgress], spans: list[tuple[int, int]], foot: float) -> None:
    """Bars from the day a goal was set; the end says how it ended. More than fit share the lowest lines."""
    rows = min(len(goals), MOST_BARS)
    for number, (goal, (since, until)) in enumerate(zip(goals, spans, strict=True)):
        height = foot + LANE_PX - (number % rows + 1) * LANE_PX / (rows + 1)
        until_drawn = min(until, sheet.x.high)
        sheet.rule(since, until_drawn, height, height, colour=theme.LINE, width=3 if rows < 5 else 2)
        _ending(sheet, goal.status, until_drawn, height)


def _milestones(sheet: Sheet, top: float, goals: Sequence[GoalProgress], clock: Clock, since: int) -> float:
    """What went as planned on the upper line, what was or is late on the lower, as far as it lies in the time drawn."""
    steps = [step for goal in goals for step in goal.milestones]
    days = [(clock.ms(day), step) for step in steps if (day := step.reached_on or step.due_on) is not None]
    shown = [(at, step) for at, step in days if since <= at <= sheet.x.high]
    foot = _lane(sheet, top, "Milestones", len(shown), len(steps))
    for at, step in shown:
        state = words.milestone_state(step)
        late = state in {words.LATE, words.OVERDUE}
        goal_signs.mark(sheet, state, at, foot + LANE_PX / 2 + (-STEP_PX if late else STEP_PX))
    return foot


def _flag(sheet: Sheet, flag: FlagSummary, clock: Clock, middle: float) -> None:
    """Full while nobody has taken it up, hollow afterwards; higher levels are larger."""
    fill = theme.ALERT if flag.status in words.OPEN_FLAGS else theme.PAPER
    size = {"low": 60, "moderate": 90, "high": 130, "imminent": 180}.get(flag.level, 90)
    sheet.sign(clock.ms(flag.raised_at), middle, theme.UP, fill=fill, colour=theme.ALERT, size=size, width=2)


def _key(sheet: Sheet, *, flags: bool) -> None:
    """Lines of signs: goals, milestones, flags if they are told, each after the name of its lane."""
    rows = (("Goals", -58.0), ("Milestones", -82.0), ("Risk flags", -106.0))
    for name, y in rows if flags else rows[:2]:
        sheet.word(sheet.x.low - sheet.dx(sheet.frame.left - 8), y, name, colour=theme.MUTED)
    x = 0.0
    for name in ("active", "completed", "abandoned"):
        _ending(sheet, name, sheet.x.low + sheet.dx(x + 6), rows[0][1])
        sheet.word(sheet.x.low + sheet.dx(x + 18), rows[0][1], name, colour=theme.MUTED)
        x += 42 + theme.text_px(name)
    goal_signs.steps_key(sheet, 0, rows[1][1])
    if not flags:
        return
    for place, fill, name in (
        (0, theme.ALERT, "not yet taken up"),
        (148, theme.PAPER, "taken up; larger: higher level"),
    ):
        y = rows[2][1]
        sheet.sign(sheet.x.low + sheet.dx(place + 6), y, theme.UP, fill=fill, colour=theme.ALERT, size=90, width=2)
        sheet.word(sheet.x.low + sheet.dx(place + 18), y, name, colour=theme.MUTED)


def _ending(sheet: Sheet, status: str, x: float, y: float) -> None:
    """How a goal's bar ends."""
    if status == "completed":
        sheet.sign(x, y, theme.DOT, fill=theme.INK, colour=theme.INK, size=40)
    elif status == "abandoned":
        sheet.sign(x, y, theme.CROSS, fill=theme.PAPER, colour=theme.ALERT, size=60, width=2.5)
    else:
        sheet.sign(x, y, theme.RIGHT, size=40)
