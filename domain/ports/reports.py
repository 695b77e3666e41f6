"""Reports made in the background: asked for, made by a worker, kept sealed for a while. Mutable, outside the log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from domain.ports.audit import AuditEntry
from domain.ports.call import Call

LISTED_MOST: Final = 100
"""Reports in one list; what is older goes by its id until it expires."""


class ReportState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportJob:
    """`parameters` is the JSON object asked for, `result` the finished bytes: both sealed at rest under the client's view
    key. Times in microseconds since 1970, UTC; 0 for what has not come. `failure` is a code.
    """

    id: UUID
    client_id: UUID
    requested_by: UUID
    role: str
    state: ReportState
    requested_at_us: int
    started_at_us: int = 0
    finished_at_us: int = 0
    expires_at_us: int = 0
    attempts: int = 0
    failure: str = ""
    media_type: str = ""
    parameters: str = field(default="{}", repr=False)
    result: bytes | None = field(default=None, repr=False)


class ReportStore(Protocol):
    def put(self, call: Call, entry: AuditEntry, job: ReportJob) -> int:
        """Store a new one with its audit entry, in one transaction; the position. Raises Erased, StoreUnavailable."""

    def get(self, report_id: UUID, *, with_result: bool = False) -> ReportJob:
        """Raises NotFound, Erased, StoreUnavailable."""

    def of_requester(self, account_id: UUID) -> Sequence[ReportJob]:
        """Newest first, without results: the newest `LISTED_MOST`."""

    def begin(self, report_id: UUID, now_us: int, lease_s: int) -> bool:
        """Take it for work: True for one caller only, until it finished or its lease ran out."""

    def release(self, job: ReportJob) -> None:
        """Give it back before it is finished, as if it had not been begun; nothing happens when the lease was lost."""

    def finish(self, call: Call, entry: AuditEntry, job: ReportJob) -> int:
        """Store result or failure with its audit entry, in one transaction; the position. Nothing but the entry when
        another worker has begun it anew since `started_at_us`. Raises Erased for a result that can't be sealed any more.
        """

    def unfinished(self, now_us: int) -> Sequence[UUID]:
        """Queued ones, and running ones whose lease ran out: what a worker that starts must pick up."""

    def discard_expired(self, now_us: int) -> int:
        """How many went."""
