"""One instrument over time: its scores, the reliable-change band about the first, the cut-offs."""

from collections.abc import Sequence

from adapters.pictures import theme, timeline, words
from adapters.pictures.sheet import Axis, Frame, Sheet
from adapters.pictures.timeline import Clock
from domain.progress.report import Crossing, MeasureProgress

HEIGHT = 250
FRAME = Frame(height=HEIGHT, left=42, right=168, top=84, bottom=84)
MOST_CROSSINGS = 12
"""More crossings than this would cover the line: they are told in words then."""
LABEL_PX = 17


def draw(measure: MeasureProgress, clock: Clock) -> tuple[Sheet, str]:
    """The sheet and its words. `measure` has one score at least."""
    points = [(clock.ms(score.at), score.value) for score in measure.scores]
    low, high = timeline.span([at for at, _ in points])
    ticks, years = timeline.ticks(low, high, FRAME.width)
    sheet = Sheet(
        title=f"{_name(measure)}: {words.verdict(measure.trend)}",
        subtitle=_subtitle(measure),
        frame=FRAME,
        x=Axis(low, high, ticks, years),
        y=Axis(measure.least, measure.most, _marks(measure.least, measure.most)),
    )
    _band(sheet, measure)
    _cutoffs(sheet, measure)
    many = len(points) > timeline.MANY
    key = _slices(sheet, points) if many else _line(sheet, measure, points)
    _crossings(sheet, measure, clock, key)
    _key(sheet, [*key, "assumed band of error" if measure.assumed else "band of error"])
    return sheet, words.scores(measure, clock)


def _name(measure: MeasureProgress) -> str:
    """The short name in brackets where the title has one: the line has no room for more."""
    inside = measure.title.rpartition("(")[2].rstrip(")")
    short = inside if measure.title.endswith(")") else measure.title
    return theme.shortened(short, 260, theme.TITLE_PX)


def _subtitle(measure: MeasureProgress) -> list[str]:
    scores = words.count(len(measure.scores), "score")
    worse = "higher is worse" if measure.higher_is_worse else "higher is better"
    change = measure.change
    if change is None:
        second = "One score: no change can be told"
    else:
        said = "beyond" if abs(change.difference) >= change.threshold else "within"
        error = f"{'assumed ' if measure.assumed else ''}error of {words.figure(change.threshold)}"
        second = f"First to last {words.signed(change.difference)}, {said} the measure's {error}"
    return [f"{scores}, scale {words.figure(measure.least)} to {words.figure(measure.most)}, {worse}", second]


def _marks(least: float, most: float) -> list[tuple[float, str]]:
    """Round places from end to end of the scale, both ends among them."""
    step = next(step for step in (1, 2, 3, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 10**9) if (most - least) / step <= 6)
    places = [least + i * step for i in range(int((most - least) / step) + 1)]
    if most - places[-1] < step * 0.6 and len(places) > 1:
        places.pop()
    return [(place, words.figure(place)) for place in [*places, most]]


def _band(sheet: Sheet, measure: MeasureProgress) -> None:
    first = measure.scores[0].value
    low, high = max(measure.least, first - measure.band), min(measure.most, first + measure.band)
    sheet.area(sheet.x.low, sheet.x.high, low, high, fill=theme.BAND)
    for edge in (low, high):
        sheet.across(edge, colour=theme.EDGE, dash=theme.DOTTED, width=1.5)


def _cutoffs(sheet: Sheet, measure: MeasureProgress) -> None:
    cuts = {cut.score: cut.label for cut in measure.cutoffs}
    if measure.clinical_cutoff is not None:
        cuts.setdefault(measure.clinical_cutoff, "clinical cut-off")
    scores = sorted(cuts)
    places = theme.apart(list(scores), sheet.dy(LABEL_PX), measure.least, measure.most)
    for score, place in zip(scores, places, strict=True):
        clinical = score == measure.clinical_cutoff
        sheet.across(score, colour=theme.INK if clinical else theme.EDGE, dash=theme.DASHED, width=2 if clinical else 1)
        end = sheet.x.high
        sheet.rule(end, end + sheet.dx(8), score, place, colour=theme.EDGE)
        from_on = "\u2265" if measure.higher_is_worse else "\u2264"
        text, room = f"{from_on} {words.figure(score)} {cuts[score]}", sheet.frame.right - 14
        if clinical and theme.shortened(text, room, bold=True) != text:
            text = f"{from_on} {words.figure(score)} clinical cut-off"
        text = theme.shortened(text, room, bold=clinical)
        sheet.word(end + sheet.dx(11), place, text, bold=clinical)


def _line(sheet: Sheet, measure: MeasureProgress, points: Sequence[tuple[int, float]]) -> list[str]:
    for run in timeline.runs(points, timeline.usual_break([at for at, _ in points])):
        sheet.line(run)
    prorated = {source.id for source in measure.prorated}
    spacing = timeline.usual_spacing([at for at, _ in points]) / sheet.dx(1)
    size = theme.side_px(spacing, 8.0) ** 2
    for (at, value), score in zip(points, measure.scores, strict=True):
        if score.source.id in prorated:
            sheet.sign(at, value, theme.DIAMOND, fill=theme.PAPER, size=max(size * 1.7, 40))
        else:
            sheet.sign(at, value, theme.DOT, size=size)
    return ["score", *(["prorated"] if prorated else [])]


def _slices(sheet: Sheet, points: Sequence[tuple[int, float]]) -> list[str]:
    held, piece = timeline.sliced(points, int(sheet.x.low), int(sheet.x.high))
    for part in held:
        sheet.rule(part.at, part.at, part.least, part.most, colour=theme.SPREAD, width=2)
    for run in timeline.runs([(part.at, part.mean) for part in held], timeline.usual_break([int(p.at) for p in held])):
        sheet.line(run)
        if len(run) == 1:
            sheet.sign(*run[0], theme.DOT, size=12)
    return [f"mean of a {piece}", "lowest to highest"]


def _crossings(sheet: Sheet, measure: MeasureProgress, clock: Clock, key: list[str]) -> None:
    crossings: Sequence[Crossing] = measure.crossings
    if len(crossings) > MOST_CROSSINGS:
        crossings = [crossing for crossing in crossings if crossing.cutoff == measure.clinical_cutoff]
    if not crossings or len(crossings) > MOST_CROSSINGS:
        return
    value = {score.source.id: score.value for score in measure.scores}
    for crossing in crossings:
        up = crossing.worsened == measure.higher_is_worse
        at = value.get(crossing.source.id, crossing.cutoff)
        colour = theme.ALERT if crossing.worsened else theme.INK
        place = at + (1 if up else -1) * sheet.dy(13)
        sheet.sign(clock.ms(crossing.at), place, theme.UP if up else theme.DOWN, fill=colour, colour=colour, size=44)
    key.extend(["up, worse", "down"] if measure.higher_is_worse else ["up", "down, worse"])


def _key(sheet: Sheet, names: Sequence[str]) -> None:
    """What the signs stand for, in one line under the axis."""
    x, y = -sheet.frame.left + 8.0, -70.0
    for name in names:
        place, height = sheet.x.low + sheet.dx(x + 8), sheet.y.low + sheet.dy(y)
        half = sheet.dx(9)
        if name == "prorated":
            sheet.sign(place, height, theme.DIAMOND, fill=theme.PAPER, size=90)
        elif name == "lowest to highest":
            sheet.rule(place, place, height - sheet.dy(7), height + sheet.dy(7), colour=theme.SPREAD, width=3)
        elif name.endswith("band of error"):
            sheet.area(place - half, place + half, height - sheet.dy(6), height + sheet.dy(6), fill=theme.BAND)
            for edge in (-6, 6):
                level = height + sheet.dy(edge)
                sheet.rule(place - half, place + half, level, level, dash=theme.DOTTED, width=1.5)
        elif name.startswith(("up", "down")):
            shape = theme.UP if name.startswith("up") else theme.DOWN
            colour = theme.ALERT if name.endswith("worse") else theme.INK
            sheet.sign(place, height, shape, fill=colour, colour=colour, size=44)
        else:
            sheet.rule(place - half, place + half, height, height, colour=theme.LINE, width=2)
            if name == "score":
                sheet.sign(place, height, theme.DOT, size=50)
        sheet.word(sheet.x.low + sheet.dx(x + 22), height, name, colour=theme.MUTED)
        x += 40 + theme.text_px(name)
