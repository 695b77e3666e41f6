"""Pictures of a report: Vega-Lite written with Altair, drawn by vl-convert without a browser or a network."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from adapters.pictures import attendance, emotions, goals, journey, render, scores, theme
from adapters.pictures.sheet import Axis, Sheet
from adapters.pictures.timeline import Clock
from domain.errors import NothingToDraw
from domain.ports.pictures import Drawing, Picture, PictureFormat
from domain.progress.report import MeasureProgress, Report

Sketch = tuple[Sheet, str]


class AltairPictures:
    """Fulfils `domain.ports.pictures.Pictures`. Any thread may draw; vl-convert draws one picture after the other."""

    def draw(
        self, picture: Picture, picture_format: PictureFormat, report: Report, *, instrument: str | None = None
    ) -> Drawing:
        sheet, alt = sketch(picture, report, instrument)
        if picture_format is PictureFormat.SPEC:
            return Drawing(body=render.specification(sheet, alt), media_type=picture_format.value, alt=alt)
        drawn = render.svg(sheet, alt)
        body = render.png(drawn, alt) if picture_format is PictureFormat.PNG else drawn.encode()
        return Drawing(body=body, media_type=picture_format.value, alt=alt)

    def warm(self) -> None:
        """Load Altair and start vl-convert's engine (together about half a second), so that the first reader needn't wait."""
        sheet = Sheet("", (), scores.FRAME, Axis(0, 1, [(0, "0")]), Axis(0, 1, [(0, "0")]))
        sheet.area(0, 1, 0, 1, fill="#fff")
        sheet.line([(0, 0), (1, 1)])
        sheet.sign(0, 0, "circle")
        sheet.word(0, 0, "")
        render.png(render.svg(sheet, ""), "")


def sketch(picture: Picture, report: Report, instrument: str | None = None) -> Sketch:
    """What to draw and the words that stand for it. Raises NothingToDraw."""
    sheet, alt = _SKETCHES[picture](report, Clock(ZoneInfo(report.zone)), instrument)
    return sheet, theme.printable(alt)


def _scores(report: Report, clock: Clock, instrument: str | None) -> Sketch:
    measure = _measure(report, instrument)
    sheet, alt = scores.draw(measure, clock)
    others = {each.title for each in report.measures if each.scores and each.instrument != measure.instrument}
    if instrument is None and others:  # nobody chose: say what else there is
        alt += f" Not drawn here: {', '.join(sorted(others))}."
    return sheet, alt


def _measure(report: Report, instrument: str | None) -> MeasureProgress:
    """The named instrument in the version used last; without a name the one measured last, so that no news hides."""
    found = [m for m in report.measures if m.scores and (instrument is None or m.instrument == instrument)]
    if not found:
        raise NothingToDraw(picture=Picture.SCORES.value)
    return max(found, key=lambda measure: (measure.scores[-1].at, len(measure.scores)))


def _goals(report: Report, clock: Clock, _: str | None) -> Sketch:
    if not report.goals:
        raise NothingToDraw(picture=Picture.GOALS.value)
    return goals.draw(report.goals, clock)


def _emotions(report: Report, clock: Clock, _: str | None) -> Sketch:
    seen = [emotion for emotion in report.emotions if emotion.observations]
    if not seen:
        raise NothingToDraw(picture=Picture.EMOTIONS.value)
    return emotions.draw(seen, clock)


def _attendance(report: Report, clock: Clock, _: str | None) -> Sketch:
    if not report.engagement.appearances:
        raise NothingToDraw(picture=Picture.ATTENDANCE.value)
    return attendance.draw(report.engagement, clock)


def _journey(report: Report, clock: Clock, _: str | None) -> Sketch:
    scored = any(measure.scores for measure in report.measures)
    held = any(seen.state == "held" for seen in report.engagement.appearances)
    if not (held or scored or report.goals or report.flags):
        raise NothingToDraw(picture=Picture.JOURNEY.value)
    return journey.draw(report, clock)


_SKETCHES: dict[Picture, Callable[[Report, Clock, str | None], Sketch]] = {
    Picture.SCORES: _scores,
    Picture.GOALS: _goals,
    Picture.EMOTIONS: _emotions,
    Picture.ATTENDANCE: _attendance,
    Picture.JOURNEY: _journey,
}
