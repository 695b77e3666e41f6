"""Reports that were asked for: made when the queue says so, and looked for in case it never did."""

from typing import Final
from uuid import UUID

import structlog

from domain.errors import KeyMissing, SealBroken, ViewBehind
from domain.services.policy import Action
from ops.bootstrap import System
from ops.jobs.caller import call_of_job
from ops.jobs.job import Job

_log = structlog.get_logger("ops.jobs.reports")


def make_report(system: System, report_id: str) -> int:
    """1 when it was finished now. Raises Unavailable, ValueError for what is no id."""
    return int(system.services.reports.make(call_of_job(system), UUID(report_id)))


def sweep_reports(system: System) -> int:
    """What Redis lost, or was away for, or a worker died over; and what has expired. Returns how many were finished or
    went. Raises Unavailable; ViewBehind only when all the others were seen to.
    """
    service = system.services.reports
    made, behind = 0, None
    for report_id in service.unfinished(call_of_job(system)):
        try:
            made += service.make(call_of_job(system), report_id)
        except (SealBroken, KeyMissing) as exc:  # it expires like the others, which must not wait for it
            _log.error("A report does not open", exc_info=exc)
        except ViewBehind as exc:  # it asked for a position that the views have not reached
            behind = exc
    gone = service.discard_expired(call_of_job(system))
    if behind is not None:
        raise behind
    return made + gone


MAKE_REPORT: Final = Job(name="make_report", run=make_report, queued=True, actions=(Action.REPORT_MAKE,))
SWEEP_REPORTS: Final = Job(
    name="sweep_reports",
    run=sweep_reports,
    minutes=None,
    at_start=True,
    often=True,
    actions=(Action.REPORT_MAKE,),
)
