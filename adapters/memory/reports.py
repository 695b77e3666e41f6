"""Reports of one world in memory."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from adapters.memory.ledger import InMemoryLedger, InMemoryLog
from domain.errors import Erased, NotFound
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.reports import LISTED_MOST, ReportJob, ReportState


class InMemoryReports:
    """A ReportStore."""

    def __init__(self, log: InMemoryLog, ledger: InMemoryLedger) -> None:
        self._log = log
        self._ledger = ledger
        self._jobs: dict[UUID, ReportJob] = {}
        self._leases: dict[UUID, int] = {}

    def put(self, call: Call, entry: AuditEntry, job: ReportJob) -> int:
        with self._log.lock:
            if self._ledger.replay(call) is None:
                self._log.refuse_fenced(job.client_id)
                self._jobs[job.id] = job
            return self._ledger.save(call, entry).position

    def get(self, report_id: UUID, *, with_result: bool = False) -> ReportJob:
        job = self._jobs.get(report_id)
        if job is None:
            raise NotFound(report_id=report_id)
        self._log.refuse_fenced(job.client_id)
        return job if with_result else replace(job, result=None)

    def of_requester(self, account_id: UUID) -> Sequence[ReportJob]:
        own = [job for job in self._jobs.values() if job.requested_by == account_id]
        standing = [replace(job, result=None) for job in own if job.client_id not in self._log.fences]
        return tuple(sorted(standing, key=lambda job: (-job.requested_at_us, job.id))[:LISTED_MOST])

    def begin(self, report_id: UUID, now_us: int, lease_s: int) -> bool:
        with self._log.lock:
            job = self._jobs.get(report_id)
            if job is None or not self._waits(job, now_us):
                return False
            self._jobs[report_id] = replace(
                job, state=ReportState.RUNNING, started_at_us=now_us, attempts=job.attempts + 1
            )
            self._leases[report_id] = now_us + lease_s * 1_000_000
            return True

    def release(self, job: ReportJob) -> None:
        with self._log.lock:
            if self._held(job):
                now = self._jobs[job.id]
                self._jobs[job.id] = replace(now, state=ReportState.QUEUED, attempts=now.attempts - 1)

    def finish(self, call: Call, entry: AuditEntry, job: ReportJob) -> int:
        with self._log.lock:
            if job.result is not None and job.client_id in self._log.fences:
                raise Erased(client_id=job.client_id)
            if self._held(job):
                self._jobs[job.id] = job
            return self._ledger.save(call, entry).position

    def unfinished(self, now_us: int) -> Sequence[UUID]:
        waiting = [job for job in self._jobs.values() if self._waits(job, now_us) and job.expires_at_us > now_us]
        return tuple(job.id for job in sorted(waiting, key=lambda job: job.requested_at_us))

    def discard_expired(self, now_us: int) -> int:
        gone = [job.id for job in self._jobs.values() if job.expires_at_us <= now_us]
        for report_id in gone:
            del self._jobs[report_id]
        return len(gone)

    def _waits(self, job: ReportJob, now_us: int) -> bool:
        if job.client_id in self._log.fences:
            return False
        lost = job.state is ReportState.RUNNING and self._leases[job.id] <= now_us
        return job.state is ReportState.QUEUED or lost

    def _held(self, job: ReportJob) -> bool:
        now = self._jobs.get(job.id)
        return now is not None and (now.state, now.started_at_us) == (ReportState.RUNNING, job.started_at_us)
