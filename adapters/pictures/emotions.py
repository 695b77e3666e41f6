"""Named states over time, a ribbon each: how strong, around which level, and how widely it moved."""

from collections.abc import Sequence
from dataclasses import replace

from adapters.pictures import theme, timeline, words
from adapters.pictures.sheet import Axis, Frame, Sheet
from adapters.pictures.timeline import Clock
from domain.progress.report import EmotionProgress

MOST_ROWS = 8
STRONGEST = 10.0
ROW_PX, LANE_PX, FOOT_PX = 92, 56.0, 6.0
MANY = 110
MOST_SLICES = 70
"""More observations of one state than this are drawn as slices of the calendar."""
FRAME = Frame(height=0, left=34, right=112, top=84)


def draw(emotions: Sequence[EmotionProgress], clock: Clock) -> tuple[Sheet, str]:
    """The sheet and its words. The states named most often come first."""
    ranked = sorted(emotions, key=lambda emotion: (-len(emotion.observations), emotion.name))
    shown = ranked[:MOST_ROWS]
    low, high = timeline.span([clock.ms(seen.at) for emotion in shown for seen in emotion.observations])
    ticks, years = timeline.ticks(low, high, FRAME.width)
    height = ROW_PX * len(shown)
    more = f" (of {len(emotions)})" if len(shown) < len(emotions) else ""
    many = any(len(emotion.observations) > MANY for emotion in shown)
    sheet = Sheet(
        title=words.title_case(words.count(len(shown), "named state")) + more,
        subtitle=[
            "Intensity from 0 (absent) to 10 (as strong as can be)",
            "Ribbon: mean level, one standard deviation to each side",
        ],
        frame=replace(FRAME, height=height, bottom=82 if many else 56),
        x=Axis(low, high, ticks, years),
        y=Axis(0, height),
    )
    pieces = {
        _row(sheet, emotion, clock, float(height - (number + 1) * ROW_PX)) for number, emotion in enumerate(shown)
    }
    if many:
        _key(sheet, ", ".join(sorted(piece for piece in pieces if piece)))
    said = " ".join(_words(emotion) for emotion in shown)
    return sheet, f"{words.title_case(words.count(len(emotions), 'named state'))}, intensity from 0 to 10. {said}"


def _words(emotion: EmotionProgress) -> str:
    text = f"{words.quoted(emotion.name)} ({emotion.valence}), {words.count(len(emotion.observations), 'observation')}"
    if emotion.level is not None:
        text += f": mean {words.figure(emotion.level)}"
        if emotion.variability is not None:
            text += f", standard deviation {words.figure(emotion.variability)}"
    if emotion.shift is not None:
        text += f", shift from first to second half {words.signed(emotion.shift)}"
    return f"{text}; verdict: {words.verdict(emotion.trend)}."


def _row(sheet: Sheet, emotion: EmotionProgress, clock: Clock, foot: float) -> str:
    """Draws one state; the piece of the calendar that its bars stand for, empty where each observation is drawn."""
    base = foot + FOOT_PX

    def place(intensity: float) -> float:
        return base + min(max(intensity, 0), STRONGEST) / STRONGEST * LANE_PX

    name = theme.shortened(emotion.name, sheet.frame.width * 0.42, bold=True)
    sheet.word(sheet.x.low, foot + 78, name, bold=True)
    told = f"{emotion.valence}, {words.verdict(emotion.trend)}"
    sheet.word(sheet.x.low + sheet.dx(theme.text_px(name, bold=True) + 9), foot + 78, told, colour=theme.MUTED)
    for end in (0.0, STRONGEST):
        sheet.across(place(end), colour=theme.GRID)
        sheet.word(sheet.x.low - sheet.dx(6), place(end), words.figure(end), colour=theme.MUTED, align="right")
    points = [(clock.ms(seen.at), place(seen.value)) for seen in emotion.observations]
    _ribbon(sheet, emotion, place(emotion.level or 0), base, (points[0][0], points[-1][0]))
    if len(points) > MANY:
        return _slices(sheet, points)
    for run in timeline.runs(points, timeline.usual_break([at for at, _ in points])):
        sheet.line(run)
    size = theme.side_px(timeline.usual_spacing([at for at, _ in points]) / sheet.dx(1), 6.0) ** 2
    for at, height in points:
        sheet.sign(at, height, theme.DOT, size=size)
    return ""


def _ribbon(sheet: Sheet, emotion: EmotionProgress, middle: float, base: float, seen: tuple[int, int]) -> None:
    """From the first observation to the last: before and after nobody knows the level."""
    if emotion.level is None:
        return
    end = sheet.x.high + sheet.dx(8)
    since, until = seen
    sheet.rule(since, until, middle, middle, colour=theme.INK, dash=theme.DASHED)
    if emotion.variability is None:
        sheet.word(end, middle, f"mean {words.figure(emotion.level)}")
        return
    half = emotion.variability / STRONGEST * LANE_PX
    low, high = max(middle - half, base), min(middle + half, base + LANE_PX)
    sheet.area(since, until, low, high, fill=theme.BAND)
    for edge in (low, high):
        sheet.rule(since, until, edge, edge, colour=theme.EDGE, dash=theme.DOTTED, width=1.5)
    level = min(max(middle, base + 8), base + LANE_PX - 8)
    sheet.word(end, level + 8, f"mean {words.figure(emotion.level)}")
    sheet.word(end, level - 8, f"\u00b1 {words.figure(emotion.variability)}", colour=theme.MUTED)


def _slices(sheet: Sheet, points: Sequence[tuple[int, float]]) -> str:
    held, piece = timeline.sliced(points, int(sheet.x.low), int(sheet.x.high), MOST_SLICES)
    for part in held:
        sheet.rule(part.at, part.at, part.least, part.most, colour=theme.SPREAD, width=2)
    for run in timeline.runs([(part.at, part.mean) for part in held], timeline.usual_break([int(p.at) for p in held])):
        sheet.line(run)
        if len(run) == 1:
            sheet.sign(*run[0], theme.DOT, size=12)
    return piece


def _key(sheet: Sheet, piece: str) -> None:
    y = -62.0
    sheet.rule(sheet.x.low, sheet.x.low + sheet.dx(18), y, y, colour=theme.LINE, width=2)
    sheet.word(sheet.x.low + sheet.dx(24), y, f"mean of a {piece}", colour=theme.MUTED)
    x = 44 + theme.text_px(f"mean of a {piece}")
    sheet.rule(sheet.x.low + sheet.dx(x), sheet.x.low + sheet.dx(x), y - 8, y + 8, colour=theme.SPREAD, width=3)
    sheet.word(sheet.x.low + sheet.dx(x + 10), y, "lowest to highest", colour=theme.MUTED)
