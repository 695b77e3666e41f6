"""What became of appointments: a lane for each outcome, told apart by place, shape and shade; gaps across all lanes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from adapters.pictures import theme, timeline, words
from adapters.pictures.sheet import Axis, Frame, Sheet
from adapters.pictures.timeline import Clock
from domain.progress.report import Engagement, Gap

LANES = ("held", "missed", "cancelled", "planned")
LANE_PX = 44
MANY = 130
"""More appearances than this are counted by slices of the calendar: a bar's height is their number."""
MOST_GAP_LABELS = 4
SIGNS = {
    "held": (theme.SQUARE, theme.LINE, theme.LINE, 90.0, 0.5),
    "missed": (theme.CROSS, theme.PAPER, theme.ALERT, 130.0, 3.0),
    "cancelled": (theme.DIAMOND, theme.PAPER, theme.INK, 90.0, 1.5),
    "planned": (theme.DOT, theme.PAPER, theme.EDGE, 70.0, 1.5),
}
SHADES = {"held": theme.LINE, "missed": theme.ALERT, "cancelled": theme.INK, "planned": theme.EDGE}
FRAME = Frame(height=0, left=118, right=18, top=78)


def draw(engagement: Engagement, clock: Clock) -> tuple[Sheet, str]:
    """The sheet and its words."""
    shown = sorted(engagement.appearances, key=lambda appearance: appearance.at)
    times = [clock.ms(appearance.at) for appearance in shown]
    times += [clock.ms(gap.until) for gap in engagement.gaps if gap.open]
    low, high = timeline.span(times)
    ticks, years = timeline.ticks(low, high, FRAME.width)
    height = LANE_PX * len(LANES)
    many = len(shown) > MANY
    sheet = Sheet(
        title=_title(engagement),
        subtitle=[_subtitle(engagement)],
        frame=replace(FRAME, height=height, bottom=82 if many else 56),
        x=Axis(low, high, ticks, years),
        y=Axis(0, height),
    )
    lanes = {lane: [clock.ms(seen.at) for seen in shown if seen.state == lane] for lane in LANES}
    starts, piece = timeline.pieces(low, high)
    counted = {lane: _counts(at, starts) for lane, at in lanes.items()}
    most = max(number for counts in counted.values() for number in counts.values() or [0])
    small = (theme.side_px(timeline.usual_spacing(times) / sheet.dx(1)) / 9.5) ** 2
    _gaps(sheet, engagement.gaps, clock, height)
    for number, lane in enumerate(LANES):
        foot = float(height - (number + 1) * LANE_PX)
        sheet.across(foot, colour=theme.GRID)
        shape, fill, colour, size, width = SIGNS[lane]
        sheet.sign(low - sheet.dx(106), foot + LANE_PX / 2, shape, fill=fill, colour=colour, size=size, width=width)
        sheet.word(low - sheet.dx(92), foot + LANE_PX / 2, f"{lane} {len(lanes[lane])}")
        if many:
            _bars(sheet, counted[lane], foot, most, SHADES[lane])
            continue
        for x in lanes[lane]:
            sheet.sign(x, foot + LANE_PX / 2, shape, fill=fill, colour=colour, size=size * small, width=width * small)
    if many:
        text = f"Bars count by {piece}; the tallest stands for {most}"
        sheet.word(low - sheet.dx(112), -62, text, colour=theme.MUTED)
    return sheet, "Attendance: " + words.attendance(engagement)


def _title(engagement: Engagement) -> str:
    if engagement.attendance_rate is None:
        return f"Attendance: {words.count(engagement.sessions, 'session')}"
    return f"Attendance: {words.figure(100 * engagement.attendance_rate, 0)} % of appointments kept"


def _subtitle(engagement: Engagement) -> str:
    text = (
        f"{words.count(engagement.sessions, 'session')}, {words.count(len(engagement.gaps), 'gap')} longer than usual"
    )
    return f"{text}; trend {words.verdict(engagement.trend)}"


def _gaps(sheet: Sheet, gaps: Sequence[Gap], clock: Clock, height: int) -> None:
    labelled = sorted(gaps, key=lambda gap: -gap.days)[:MOST_GAP_LABELS]
    taken: list[tuple[float, float]] = []
    for gap in sorted(gaps, key=lambda gap: -gap.days):
        since, until = max(clock.ms(gap.since), sheet.x.low), min(clock.ms(gap.until), sheet.x.high)
        sheet.area(since, until, 0, height, fill=theme.BAND)
        for edge in (since, until):
            sheet.rule(edge, edge, 0, height + 4, dash=theme.DOTTED, width=1.5)
        text = f"{round(gap.days)} days" + (", open" if gap.open else "")
        half = sheet.dx(theme.text_px(text) / 2)
        middle = min(max((since + until) / 2, sheet.x.low + half), sheet.x.high - half)
        if gap in labelled and all(middle + half < left or middle - half > right for left, right in taken):
            taken.append((middle - half, middle + half))
            sheet.word(middle, height + 13, text, colour=theme.MUTED, align="center")


Piece = tuple[int, int]


def _counts(times: Sequence[int], starts: Sequence[int]) -> Counter[Piece]:
    """How many fall into each piece of the calendar."""
    counted: Counter[Piece] = Counter()
    place = 0
    for at in times:
        while place + 2 < len(starts) and at >= starts[place + 1]:
            place += 1
        counted[starts[place], starts[place + 1]] += 1
    return counted


def _bars(sheet: Sheet, counted: Counter[Piece], foot: float, most: int, colour: str) -> None:
    """One bar a piece, on one scale for all lanes."""
    for (since, until), number in counted.items():
        middle = (since + until) / 2
        width = max(1.5, min((until - since) / sheet.dx(1) * 0.7, 14))
        top = foot + 2 + number / most * (LANE_PX - 8)
        sheet.rule(middle, middle, foot + 1, top, colour=colour, width=width)
