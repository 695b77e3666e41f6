"""Goals, a row each: what was recorded between baseline and target, and the milestones underneath."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from adapters.pictures import theme, timeline, words
from adapters.pictures.sheet import Axis, Frame, Sheet
from adapters.pictures.timeline import Clock
from domain.progress.report import GoalProgress, MilestoneProgress

MOST_ROWS = 7
COURSE_PX, STEPS_PX = 130, 86
"""Height of a row with a course, and of one with milestones alone."""
LANE_TOP, LANE_LOW, STEPS = 72.0, 24.0, 8.0
"""Heights of the course's upper and lower end and of the milestones in a row, in pixels from its foot."""
KEY_PX = 62
SHOWN_OF = {"active": 0, "completed": 1, "abandoned": 2}
FRAME = Frame(height=0, left=34, right=120, top=62)


def draw(goals: Sequence[GoalProgress], clock: Clock) -> tuple[Sheet, str]:
    """The sheet and its words. Active goals come first, then the completed, each by the day it was set."""
    ranked = sorted(goals, key=lambda goal: (SHOWN_OF.get(goal.status, 3), -goal.set_on.toordinal(), str(goal.id)))
    shown = ranked[:MOST_ROWS]
    low, high = timeline.span([time for goal in shown for time in _times(goal, clock)])
    ticks, years = timeline.ticks(low, high, FRAME.width)
    height = sum(_row_px(goal) for goal in shown)
    more = f" (of {len(goals)}; the others are in the text)" if len(shown) < len(goals) else ""
    sheet = Sheet(
        title=words.title_case(words.count(len(shown), "goal")) + more,
        subtitle=["From baseline to target, with milestones below"],
        frame=replace(FRAME, height=height, bottom=KEY_PX + 26),
        x=Axis(low, high, ticks, years),
        y=Axis(0, height),
    )
    foot = float(height)
    for goal in shown:
        foot -= _row_px(goal)
        _row(sheet, goal, clock, foot)
    _key(sheet)
    said = " ".join(words.goal(goal) for goal in shown)
    return sheet, f"{words.title_case(words.count(len(goals), 'goal'))}{', the first of them' if more else ''}: {said}"


def _times(goal: GoalProgress, clock: Clock) -> list[int]:
    times = [clock.ms(goal.set_on), *(clock.ms(value.at) for value in goal.course)]
    days = [goal.due_on, *(day for step in goal.milestones for day in (step.due_on, step.reached_on))]
    return times + [clock.ms(day) for day in days if day is not None]


def _row(sheet: Sheet, goal: GoalProgress, clock: Clock, foot: float) -> None:
    left = sheet.x.low - sheet.dx(sheet.frame.left - 8)
    room = theme.WIDTH - 16
    top = foot + _row_px(goal)
    sheet.word(left, top - 18, theme.shortened(goal.statement, room, bold=True), bold=True)
    sheet.word(left, top - 37, theme.shortened(_state(goal), room), colour=theme.MUTED)
    if goal.milestones:
        sheet.across(foot + STEPS, colour=theme.EDGE)
    _course(sheet, goal, clock, foot)
    for step in goal.milestones:
        _step(sheet, step, clock, foot + STEPS)
    if goal.due_on is not None:
        due = clock.ms(goal.due_on)
        sheet.rule(
            due,
            due,
            foot,
            foot + (LANE_TOP if _has_course(goal) else LANE_LOW),
            colour=theme.EDGE,
            dash=theme.DOTTED,
            width=1.5,
        )


def _has_course(goal: GoalProgress) -> bool:
    return bool(goal.course) or goal.baseline is not None or goal.target is not None


def _row_px(goal: GoalProgress) -> int:
    return COURSE_PX if _has_course(goal) else STEPS_PX


def _state(goal: GoalProgress) -> str:
    parts = [goal.status.replace("_", " ")]
    if goal.completion is not None:
        parts.append(f"{words.figure(goal.completion, 0)} %")
    if goal.overdue:
        parts.append("overdue")
    if goal.due_on is not None:
        parts.append(f"due {goal.due_on.day} {timeline.MONTHS[goal.due_on.month - 1]} {goal.due_on.year}")
    return ", ".join([*parts, words.verdict(goal.trend)])


def _course(sheet: Sheet, goal: GoalProgress, clock: Clock, foot: float) -> None:
    """The recorded values, each goal on a scale of its own from the least to the most of values, baseline and target."""
    # Milestones are counted up to all of them: without that end a goal half-way would seem to be at the top.
    # Without a course there is only the line of milestones, and no room above it for an end.
    counted = goal.counted_by == "milestones" and bool(goal.course)
    whole = (100.0, "all") if counted else (goal.target, "target")
    ends = [(goal.baseline, "baseline"), whole]
    known = [(value, name) for value, name in ends if value is not None]
    values = [value.value for value in goal.course] + [value for value, _ in known]
    if not values:
        sheet.word(sheet.x.high + sheet.dx(8), foot + STEPS, "milestones", colour=theme.MUTED)
        return
    least, most = min(values), max(values)

    def place(value: float) -> float:
        share = (value - least) / (most - least) if most > least else 0.5
        return foot + LANE_LOW + share * (LANE_TOP - LANE_LOW)

    heights = theme.apart([place(value) for value, _ in known], 16, foot, foot + LANE_TOP + 4)
    for (value, name), height in zip(known, heights, strict=True):
        dash, width = (theme.DASHED, 2) if name != "baseline" else (theme.DOTTED, 1.5)
        sheet.across(place(value), colour=theme.INK, dash=dash, width=width)
        text = theme.shortened(f"{name} {words.with_unit(value, goal.unit)}", sheet.frame.right - 12)
        sheet.word(sheet.x.high + sheet.dx(8), height, text)
    points = [(clock.ms(value.at), place(value.value)) for value in goal.course]
    size = theme.side_px(timeline.usual_spacing([at for at, _ in points]) / sheet.dx(1), 6.5) ** 2
    for run in timeline.runs(points, timeline.usual_break([at for at, _ in points])):
        sheet.line(run)
    if len(points) <= timeline.MANY:
        for at, height in points:
            sheet.sign(at, height, theme.DOT, size=size)


def _step(sheet: Sheet, step: MilestoneProgress, clock: Clock, height: float) -> None:
    """Where it was reached, or where it is due; without either it has no place in time and stands in the text alone."""
    day = step.reached_on or step.due_on
    if day is not None:
        mark(sheet, words.milestone_state(step), clock.ms(day), height)


def mark(sheet: Sheet, state: str, x: float, y: float) -> None:
    """The sign of a milestone's state: full when reached, upside down when late, hollow while open."""
    late = state in {words.LATE, words.OVERDUE}
    colour = theme.ALERT if late else theme.INK
    fill = colour if state in {words.REACHED, words.LATE} else theme.PAPER
    sheet.sign(x, y, theme.DOWN if late else theme.DIAMOND, fill=fill, colour=colour, size=80)


def _key(sheet: Sheet) -> None:
    y = -float(KEY_PX)
    x = steps_key(sheet, 8.0 - sheet.frame.left, y)
    sheet.rule(sheet.x.low + sheet.dx(x + 4), sheet.x.low + sheet.dx(x + 4), y - 8, y + 8, dash=theme.DOTTED, width=1.5)
    sheet.word(sheet.x.low + sheet.dx(x + 14), y, "goal due", colour=theme.MUTED)


def steps_key(sheet: Sheet, x: float, y: float) -> float:
    """The signs of milestones in words, from `x` pixels on; where it ends."""
    for name in (words.OPEN, words.REACHED, words.LATE, words.OVERDUE):
        mark(sheet, name, sheet.x.low + sheet.dx(x + 6), y)
        sheet.word(sheet.x.low + sheet.dx(x + 18), y, name, colour=theme.MUTED)
        x += 42 + theme.text_px(name)
    return x


def started(goal: GoalProgress, clock: Clock, until: datetime) -> tuple[int, int]:
    """From when to when the goal was worked on: an active one to the end of the period."""
    since = clock.ms(goal.set_on)
    end = clock.ms(until) if goal.status == "active" else clock.ms(goal.last_touched or goal.set_on)
    return since, max(since, end)
