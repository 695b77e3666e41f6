"""Reports in the background: asked for, made by the worker as whoever asked for them, kept sealed for some days.

A report can take longer than somebody waits for an answer, and is read later, on another device perhaps. Whether its reader
may still read the client is asked three times: at the request, when it is made and when it is read.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.errors import (
    AnamnesisError,
    Conflict,
    Denied,
    Erased,
    Invalid,
    NotFound,
    QueueUnavailable,
    TooMany,
    Unavailable,
)
from domain.model.client import ClientEnteredInError
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Call
from domain.ports.feed import ChangeFeed
from domain.ports.ids import Clock
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.ports.pictures import Heading, ReportPrinter
from domain.ports.queue import Queue
from domain.ports.reports import ReportJob, ReportState, ReportStore
from domain.progress.report import By, Report
from domain.services.access import Access, Action
from domain.services.clients import ClientService
from domain.services.drafts import microseconds
from domain.services.grants import Grant, Grants
from domain.services.progress import ProgressService
from domain.services.rendering_progress import report_as_json

MAKE_JOB: Final = "make_report"
LEASE_S: Final = 120
ATTEMPTS_MOST: Final = 5
KEPT_MOST: Final = 500
"""Reports of one requester at a time, finished ones too: a stolen token must not fill the store."""
_GAVE_UP: Final = "gave_up"


class ReportNotFound(NotFound):
    code = "report_not_found"
    message = "You have no report with this id; reports are kept for some days only."


class ReportNotReady(Conflict):
    code = "report_not_ready"
    message = "The report is not finished yet."
    hint = "Read its state, and its result once that says ready."


class ReportFailed(Conflict):
    code = "report_failed"
    message = "The report could not be made; its state says why."
    hint = "Ask for it again."


class ReportFormat(StrEnum):
    """Media types."""

    JSON = "application/json"
    PDF = "application/pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportWanted:
    """What progress over which period, as `ProgressService.report` takes it. `named` says whether a PDF tells the client's
    name or the id of the chart.
    """

    format: ReportFormat
    since: datetime | None = None
    until: datetime | None = None
    back: str | None = None
    by: By | None = None
    named: bool = True
    at_least: int = 0


class ReportService:
    def __init__(  # noqa: PLR0913 - one argument a port
        self,
        *,
        ledger: Ledger,
        access: Access,
        reports: ReportStore,
        feed: ChangeFeed,
        queue: Queue,
        progress: ProgressService,
        clients: ClientService,
        printer: ReportPrinter,
        clock: Clock,
        days: int,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._grants = Grants(access)
        self._reports = reports
        self._feed = feed
        self._queue = queue
        self._progress = progress
        self._clients = clients
        self._printer = printer
        self._clock = clock
        self._kept = timedelta(days=days)

    def request(self, call: Call, report_id: UUID, client_id: UUID, wanted: ReportWanted) -> int:
        """Store it for the worker; the position. Its period is fixed now, however late it is made. Where the queue is away
        the worker finds it by itself.

        Raises ClientNotFound, Denied, PeriodNotPossible, LookBackNotUnderstood, Erased, TooMany.
        """
        resources = (client_id, report_id)
        self._access.require(call, Action.REPORT_REQUEST, RecordClass.JOURNAL, client_id, resources)
        now_us = microseconds(call.at)
        if sum(job.expires_at_us > now_us for job in self._reports.of_requester(call.actor.id)) >= KEPT_MOST:
            raise TooMany(retry_after_s=3_600, limit="reports_kept")
        job = ReportJob(
            id=report_id,
            client_id=client_id,
            requested_by=call.actor.id,
            role=call.actor.role.value,
            state=ReportState.QUEUED,
            requested_at_us=now_us,
            expires_at_us=now_us + self._kept // timedelta(microseconds=1),
            media_type=wanted.format.value,
            parameters=self._parameters(call, client_id, wanted),
        )
        position = self._reports.put(call, _entry(Action.REPORT_REQUEST, job), job)
        with suppress(QueueUnavailable):
            self._queue.put(MAKE_JOB, str(report_id), job_id=f"{MAKE_JOB}:{report_id}")
        return position

    def read(self, call: Call, report_id: UUID) -> ReportJob:
        """How it stands, without the result. Raises ReportNotFound, Denied, Erased."""
        job = self._own(call, report_id)
        self._ledger.note(call, _entry(Action.REPORT_READ, job))
        return job

    def result(self, call: Call, report_id: UUID) -> ReportJob:
        """With the finished bytes. Raises ReportNotFound, ReportNotReady, ReportFailed, Denied, Erased."""
        job = self._own(call, report_id, with_result=True)
        if job.state is ReportState.FAILED:
            raise ReportFailed(report_id=report_id, failure=job.failure)
        if job.result is None:
            raise ReportNotReady(report_id=report_id, state=job.state)
        self._ledger.note(call, _entry(Action.REPORT_READ, job))
        return job

    def mine(self, call: Call) -> Sequence[ReportJob]:
        """The caller's, newest first. Raises Denied."""
        self._access.require(call, Action.REPORT_LIST, RecordClass.JOURNAL)
        now_us = microseconds(call.at)
        jobs = [job for job in self._reports.of_requester(call.actor.id) if job.expires_at_us > now_us]
        clients = tuple(sorted({job.client_id for job in jobs}))
        resources = tuple(job.id for job in jobs)
        self._ledger.note(call, AuditEntry(action=Action.REPORT_LIST, resources=resources, clients=clients))
        return jobs

    def make(self, call: Call, report_id: UUID) -> bool:
        """Make it on behalf of its requester, under the grant that was given at the request, and as far as the requester may
        still read the client. For the worker; whether something was
        finished now. A worker that dies is followed by another when the lease is over; what can't be reached for the
        moment is tried again.

        Raises Denied, Unavailable.
        """
        self._access.require(call, Action.REPORT_MAKE, RecordClass.JOURNAL, resources=(report_id,))
        if not self._reports.begin(report_id, microseconds(self._clock.now()), LEASE_S):
            return False
        try:
            job = self._reports.get(report_id)
        except Erased:
            return False  # its row goes with the client
        try:
            finished = self._finished(call, job)
        except Unavailable:
            self._reports.release(job)
            raise
        failed = finished.state is ReportState.FAILED
        entry = _entry(Action.REPORT_MAKE, job)
        if failed:
            entry = replace(entry, outcome=Outcome.FAILED, reason=finished.failure)
        with suppress(Erased):  # fenced while it was made
            self._reports.finish(call, entry, finished)
        return not failed

    def unfinished(self, call: Call) -> Sequence[UUID]:
        """What waits for a worker. Raises Denied."""
        self._access.require(call, Action.REPORT_MAKE, RecordClass.JOURNAL)
        return self._reports.unfinished(microseconds(self._clock.now()))

    def discard_expired(self, call: Call) -> int:
        """Raises Denied."""
        self._access.require(call, Action.REPORT_MAKE, RecordClass.JOURNAL)
        gone = self._reports.discard_expired(microseconds(self._clock.now()))
        if gone:
            self._ledger.note(call, AuditEntry(action=Action.REPORT_MAKE, reason="expired_discarded"))
        return gone

    def _finished(self, call: Call, job: ReportJob) -> ReportJob:
        """The job with its result, or with the code of what stands in the way for good. Raises Unavailable."""
        result, failure = None, ""
        if job.attempts > ATTEMPTS_MOST:
            failure = _GAVE_UP
        else:
            try:
                result = self._made(call, job)
            except (Denied, NotFound, Erased, Invalid, ClientEnteredInError) as exc:
                failure = _code(exc)
        now_us = microseconds(self._clock.now())
        return replace(
            job,
            state=ReportState.READY if result is not None else ReportState.FAILED,
            finished_at_us=now_us,
            expires_at_us=now_us + self._kept // timedelta(microseconds=1),
            failure=failure,
            result=result,
        )

    def _made(self, call: Call, job: ReportJob) -> bytes:
        asked = json.loads(job.parameters)
        grant = Grant.of_text(asked.get("grant", ""))
        acting = self._grants.acting(replace(call, at=self._clock.now()), grant, job.id)
        report = self._progress.report(
            acting,
            job.client_id,
            since=datetime.fromisoformat(asked["since"]),
            until=datetime.fromisoformat(asked["until"]),
            by=By(asked["by"]) if asked["by"] else None,
            at_least=asked["at_least"],
        )
        if job.media_type == ReportFormat.JSON:
            return json.dumps(report_as_json(report), ensure_ascii=False, separators=(",", ":")).encode()
        return self._printer.pdf(report, self._heading(acting, report, named=asked["named"]))

    def _heading(self, call: Call, report: Report, *, named: bool) -> Heading:
        if not named:
            return Heading(client_name=str(report.client_id))
        return Heading(client_name=self._clients.identity(call, report.client_id).content.names[0].full)

    def _parameters(self, call: Call, client_id: UUID, wanted: ReportWanted) -> str:
        grant = self._grants.issue(call, Action.REPORT_READ, RecordClass.JOURNAL, client_id)
        within = self._progress.period(call, wanted.since, wanted.until, wanted.back)
        return json.dumps(
            {
                "since": within.since.isoformat(),
                "until": within.until.isoformat(),
                "by": wanted.by.value if wanted.by else None,
                "named": wanted.named,
                # What was written before it was asked for is in it.
                "at_least": max(wanted.at_least, self._feed.last_position()),
                # Sealed with the rest, so that nobody who writes into the table can make one.
                "grant": grant.as_text(),
            }
        )

    def _own(self, call: Call, report_id: UUID, *, with_result: bool = False) -> ReportJob:
        """Another's report is answered as if there were none."""
        self._access.require_role(call, Action.REPORT_READ, (report_id,))
        try:
            job = self._reports.get(report_id, with_result=with_result)
        except NotFound:
            raise ReportNotFound(report_id=report_id) from None
        if job.requested_by != call.actor.id:
            self._access.note_denial(call, Action.REPORT_READ, job.client_id, (report_id,), "not_the_requester")
            raise ReportNotFound(report_id=report_id)
        if job.expires_at_us <= microseconds(call.at):
            raise ReportNotFound(report_id=report_id)
        self._access.require(call, Action.REPORT_READ, RecordClass.JOURNAL, job.client_id, (report_id,))
        return job


def _entry(action: Action, job: ReportJob) -> AuditEntry:
    return AuditEntry(action=action, client_id=job.client_id, resources=(job.id, job.requested_by))


def _code(error: AnamnesisError) -> str:
    return error.code
