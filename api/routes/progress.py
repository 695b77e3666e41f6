"""How a client fares: the report as JSON and on paper, its pictures, and how a whole caseload does."""

from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.answers import found, represented
from api.asks import Reader, Reading
from api.declare import reads, represents
from api.dispatch import Operation
from api.errors import CursorInvalid, NotAcceptable
from api.models.pages import Cursor, Flag, LookBack, Since, Until
from api.models.progress import CaseloadReportOut, ReportOut
from api.negotiation import preferred
from domain.errors import Erased, NothingToDraw, ViewBehind
from domain.model.checks import ImpossibleTime
from domain.model.client import ClientNotFound
from domain.model.moment import FIRST_YEAR, LAST_YEAR
from domain.ports.call import Role
from domain.ports.pictures import Heading, Picture, PictureFormat
from domain.progress.period import LookBackNotUnderstood, PeriodNotPossible, TooManyBuckets, day_of
from domain.progress.report import By, Report
from domain.services.access import Action, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted, ScopeNotPermitted
from domain.services.rendering_progress import caseload_as_json, report_as_json

router = APIRouter(prefix="/v1", tags=["Progress"], route_class=Operation)

JSON: Final = "application/json"
PDF: Final = "application/pdf"
WORDS: Final = "text/plain"
PICTURES: Final = (PictureFormat.SVG.value, PictureFormat.PNG.value, PictureFormat.SPEC.value, WORDS)
_THERE = (
    ClientNotFound,
    Erased,
    RoleNotPermitted,
    OutsideCareTeam,
    RelationNotPermitted,
    ScopeNotPermitted,
    ViewBehind,
)
_PERIOD = (LookBackNotUnderstood, PeriodNotPossible, TooManyBuckets, ImpossibleTime, NotAcceptable)
Part = Annotated[By | None, Query(description="Also by day, week (from Monday), month, quarter or year.")]


@router.get(
    "/clients/{client_id}/progress",
    **represents(
        "Read a progress report", {JSON: ReportOut, PDF: bytes}, *_THERE, *_PERIOD, action=Action.PROGRESS_READ
    ),
)
def read_progress(  # noqa: PLR0917 - FastAPI passes them by name
    client_id: UUID,
    ask: Reader,
    since: Since = None,
    until: Until = None,
    look_back: LookBack = None,
    by: Part = None,
    named: Annotated[Flag, Query(description="Whether the PDF says whose it is; it does unless told not to.")] = None,
) -> Response:
    """Goals, measures with reliable change and crossings of cut-offs, emotions, engagement; each trend with its verdict,
    interval, rule and number of observations, each figure with its records. The period is `since` to `until`, or so far back
    from `until`; without a beginning, six months. Without an end, or with one beyond now, it ends with the current day: the
    same data gives the same report all day. Days are those of the clinic's zone. `notices` say first what must not be missed.

    `Accept: application/pdf` gives the report on paper, tagged for readers of screens, with the events behind its figures in
    an appendix. It carries the client's name, which is read by a permission of its own and on record as such; programs, and
    whoever asks with `named=false`, get the id of the chart instead. Clients see their own report without unsigned sessions
    and without risk flags.
    """
    wanted = preferred(ask.origin.headers.get("accept"), (JSON, PDF))
    report = _report(ask, client_id, since, until, look_back, by)
    if wanted == JSON:
        return found(report_as_json(report), vary="Accept")
    heading = _heading(ask, client_id, named=named is not False)
    return represented(ask.runtime.printer.pdf(report, heading), PDF, name=_file_name(report))


@router.get(
    "/clients/{client_id}/progress/pictures/{picture}",
    **represents(
        "Draw a picture of a report",
        {PictureFormat.SVG.value: str, PictureFormat.PNG.value: bytes, PictureFormat.SPEC.value: dict, WORDS: str},
        *_THERE,
        *_PERIOD,
        NothingToDraw,
        action=Action.PROGRESS_READ,
    ),
)
def draw_picture(  # noqa: PLR0917 - as above
    client_id: UUID,
    picture: Annotated[Picture, Path(description="What to draw.")],
    ask: Reader,
    since: Since = None,
    until: Until = None,
    look_back: LookBack = None,
    by: Part = None,
    instrument: Annotated[
        str | None,
        Query(max_length=64, description="Whose scores, for `scores`; without it the instrument measured last."),
    ] = None,
) -> Response:
    """The same report drawn: SVG, PNG, or the Vega-Lite specification for a page that draws it itself, by the header `Accept`;
    SVG without it. `Accept: text/plain` gives in words what the picture shows: the text to stand in its place for people who
    can't see it, which SVG and PNG carry as well. Reading a picture is reading the report, and on record as that.
    """
    wanted = preferred(ask.origin.headers.get("accept"), PICTURES)
    report = _report(ask, client_id, since, until, look_back, by)
    drawn_as = PictureFormat.SPEC if wanted == WORDS else PictureFormat(wanted)
    drawing = ask.runtime.pictures.draw(picture, drawn_as, report, instrument=instrument)
    return represented(drawing.alt.encode() if wanted == WORDS else drawing.body, wanted)


@router.get(
    "/caseload",
    **reads(
        "See how one's caseload fares",
        CaseloadReportOut,
        RoleNotPermitted,
        ViewBehind,
        CursorInvalid,
        action=(Action.PROGRESS_CASELOAD, Action.CLIENT_CASELOAD),
    ),
)
def read_caseload_progress(
    ask: Reader,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Most clients of a page.")] = 200,
    cursor: Cursor = None,
) -> Response:
    """The clients whose care team the caller is in, worst standing first: with an open risk flag, off track, not measured
    lately, unclear, stable, improving, recovered; each with why, by their last 52 weeks, and by flags that are still open
    however old. The worst of several questionnaires decides. Names are those of `GET /v1/clients`, read by its permission and
    on record as such. Counted anew for every page: somebody whose standing changes meanwhile may come twice or not at all.
    """
    query = {"of": "caseload"}
    after = ask.cursors.open(ask.actor.id, query, cursor) or (0,)
    entries = ask.services.progress.caseload(ask.call(), at_least=ask.at_least)
    names = {each.client_id: each.name for each in ask.services.clients.caseload(ask.call(), ask.at_least)}
    end = after[0] + limit
    onward = ask.cursors.seal(ask.actor.id, query, (end,)) if end < len(entries) else None
    return found({**caseload_as_json(entries[after[0] : end], names), "next": onward})


def _report(  # noqa: PLR0917 - which report
    ask: Reading,
    client_id: UUID,
    since: datetime | None,
    until: datetime | None,
    look_back: str | None,
    by: By | None,
) -> Report:
    """Raises what reports raise; ImpossibleTime, PeriodNotPossible for periods that can't be meant."""
    for field, instant in (("since", since), ("until", until)):
        if instant is not None and not FIRST_YEAR <= instant.year <= LAST_YEAR:
            raise ImpossibleTime(f"{field} lies outside the years {FIRST_YEAR} to {LAST_YEAR}.", field=field)
    if since is not None and look_back is not None:
        raise PeriodNotPossible("look_back and since both say where the period begins: send one.", field="since")
    return ask.services.progress.report(
        ask.call(), client_id, since=since, until=until, by=by, at_least=ask.at_least, back=look_back
    )


def _heading(ask: Reading, client_id: UUID, *, named: bool) -> Heading:
    """Whose report it is, as far as the caller may know and wants to print."""
    if ask.actor.role is Role.SERVICE or not named:
        return Heading(client_name=str(client_id))
    identity = ask.services.clients.identity(ask.call(), client_id)
    return Heading(client_name=identity.content.names[0].full)


def _file_name(report: Report) -> str:
    """First and last day, and nothing of whose it is: it lands in download folders and histories."""
    zone = ZoneInfo(report.zone)
    first, last = day_of(report.since, zone), day_of(report.until - timedelta(microseconds=1), zone)
    return f"progress-{first}-{last}.pdf"
