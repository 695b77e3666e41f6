"""Progress reports made in the background: asked for, looked after, read, and gone after some days."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, represented, written
from api.asks import Reader, Writer
from api.declare import creates, reads, represents
from api.dispatch import Operation
from api.errors import NotAcceptable
from api.models.common import instant
from api.models.progress import ReportOut
from api.models.reports import ReportIn, ReportJobOut, ReportJobsOut
from api.negotiation import preferred
from domain.errors import Erased
from domain.model.checks import ImpossibleTime
from domain.model.client import ClientNotFound
from domain.model.values import ZonelessTime
from domain.ports.ledger import Receipt
from domain.ports.reports import ReportJob
from domain.progress.period import LookBackNotUnderstood, PeriodNotPossible
from domain.services.access import Action, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering import microseconds_as_json
from domain.services.reports import ReportFailed, ReportFormat, ReportNotFound, ReportNotReady, ReportWanted

router = APIRouter(prefix="/v1", tags=["Reports"], route_class=Operation)

_PERMITTED = (RoleNotPermitted, OutsideCareTeam, RelationNotPermitted, Erased)
_THERE = (ReportNotFound, ClientNotFound, *_PERMITTED)


@router.post(
    "/clients/{client_id}/reports",
    **creates(
        "Ask for a report in the background",
        ClientNotFound,
        *_PERMITTED,
        LookBackNotUnderstood,
        PeriodNotPossible,
        ImpossibleTime,
        ZonelessTime,
        action=Action.REPORT_REQUEST,
    ),
)
def request_report(client_id: UUID, body: ReportIn, ask: Writer) -> Response:
    """The same report that `progress` answers at once, for periods and moments when nobody wants to wait. The period is
    fixed now. It is made as you: who leaves the care team before that gets none. Read its state at `Location`.
    """
    report_id = ask.runtime.ids.ordered()
    location = f"/v1/reports/{report_id}"
    wanted = ReportWanted(
        format=body.format,
        since=instant(body.since, "since") if body.since else None,
        until=instant(body.until, "until") if body.until else None,
        back=body.look_back,
        by=body.by,
        named=body.named,
    )
    position = ask.services.reports.request(ask.writing(201, location), report_id, client_id, wanted)
    return written(Receipt(position=position, resource_id=report_id), location=location)


@router.get("/reports", **reads("List one's reports", ReportJobsOut, RoleNotPermitted, action=Action.REPORT_LIST))
def list_reports(ask: Reader) -> Response:
    """Newest first; those that have expired are gone."""
    return found({"items": [_job_as_json(job) for job in ask.services.reports.mine(ask.call())]})


@router.get(
    "/reports/{report_id}", **reads("Read how a report stands", ReportJobOut, *_THERE, action=Action.REPORT_READ)
)
def read_report(report_id: UUID, ask: Reader) -> Response:
    """Another's report is answered as if there were none, and so is one that has expired."""
    return found(_job_as_json(ask.services.reports.read(ask.call(), report_id)))


@router.get(
    "/reports/{report_id}/result",
    **represents(
        "Read a finished report",
        {ReportFormat.JSON.value: ReportOut, ReportFormat.PDF.value: bytes},
        *_THERE,
        ReportNotReady,
        ReportFailed,
        NotAcceptable,
        action=Action.REPORT_READ,
    ),
)
def read_report_result(report_id: UUID, ask: Reader) -> Response:
    """In the form that was asked for, and none other. Whether you may read the client is asked again now."""
    job = ask.services.reports.result(ask.call(), report_id)
    preferred(ask.origin.headers.get("accept"), (job.media_type,))
    # Says nothing of whose it is: it lands in download folders and histories.
    name = f"report-{report_id}.pdf" if job.media_type == ReportFormat.PDF else ""
    return represented(job.result or b"", job.media_type, name=name)


def _job_as_json(job: ReportJob) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "client_id": str(job.client_id),
        "format": job.media_type,
        "state": job.state.value,
        "failure": job.failure,
        "requested_at": microseconds_as_json(job.requested_at_us),
        "finished_at": microseconds_as_json(job.finished_at_us) if job.finished_at_us else None,
        "expires_at": microseconds_as_json(job.expires_at_us),
    }
