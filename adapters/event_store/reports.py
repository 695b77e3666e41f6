"""Reports made in the background: sealed rows of the event database, for a while."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine, and_, bindparam, delete, exists, insert, or_, select, update

from adapters.access.tables import reports
from adapters.db.engines import write_transaction
from adapters.db.errors import translated
from adapters.event_store.envelope import length_prefixed
from adapters.event_store.journal import AuditedAppends
from adapters.event_store.ledger import command_row
from adapters.event_store.mapper import Mapper
from adapters.event_store.reading import reading
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, StateWrite
from adapters.event_store.tables import fences
from domain.errors import Erased, NotFound
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.keys import RecordClass, Sealer
from domain.ports.reports import LISTED_MOST, ReportJob, ReportState

_PLAIN: Final = tuple(column for column in reports.c if column.name != "result")
_FENCED: Final = exists(select(fences.c.subject).where(fences.c.subject == reports.c.client_id)).label("fenced")
_NOT_FENCED: Final = ~exists(select(fences.c.subject).where(fences.c.subject == bindparam("client_id")))
# A fence that comes between look and append still holds: then nothing is stored.
_ADD: Final = insert(reports).from_select(
    [column.name for column in reports.c],
    select(*[bindparam(column.name, type_=column.type) for column in reports.c]).where(_NOT_FENCED),
)
_OPEN: Final = ~exists(select(fences.c.subject).where(fences.c.subject == reports.c.client_id))
_WAITS: Final = and_(
    or_(
        reports.c.state == ReportState.QUEUED.value,
        and_(reports.c.state == ReportState.RUNNING.value, reports.c.leased_until_us <= bindparam("now_us")),
    ),
    _OPEN,
)
_BEGIN: Final = (
    update(reports)
    .where(reports.c.id == bindparam("report"), _WAITS)
    .values(
        state=ReportState.RUNNING.value,
        started_at_us=bindparam("begun_us"),
        leased_until_us=bindparam("until_us"),
        attempts=reports.c.attempts + 1,
    )
)
# Whose lease ran out finishes nothing: another worker began it anew, at another time.
_HELD: Final = and_(
    reports.c.id == bindparam("report"),
    reports.c.state == ReportState.RUNNING.value,
    reports.c.started_at_us == bindparam("begun_us"),
)
_FINISH: Final = (
    update(reports)
    .where(_HELD, _OPEN)
    .values(
        state=bindparam("new_state"),
        finished_at_us=bindparam("finished_us"),
        expires_at_us=bindparam("expires_us"),
        leased_until_us=0,
        failure=bindparam("why"),
        result=bindparam("sealed"),
    )
)
_RELEASE: Final = (
    update(reports)
    .where(_HELD)
    .values(state=ReportState.QUEUED.value, leased_until_us=0, attempts=reports.c.attempts - 1)
)


class SealedReports:
    """Satisfies domain.ports.reports.ReportStore. Reports of fenced clients can be neither written nor read."""

    def __init__(self, engine: Engine, recorder: Recorder, mapper: Mapper, sealer: Sealer, deployment: UUID) -> None:
        self._engine = engine
        self._audited = AuditedAppends(recorder, mapper)
        self._sealer = sealer
        self._deployment = deployment

    def put(self, call: Call, entry: AuditEntry, job: ReportJob) -> int:
        if self._fenced(job.client_id):
            raise Erased(client=job.client_id)
        values = {name: getattr(job, name) for name in reports.c.keys() if name not in _SEALED}  # noqa: SIM118 - columns
        row = values | {
            "state": job.state.value,
            "parameters": self._sealed(job, "parameters", job.parameters.encode()),
            "result": None,
            "leased_until_us": 0,
        }
        return self._append(call, entry, job.id, StateWrite(statement=_ADD, parameters=row))

    def get(self, report_id: UUID, *, with_result: bool = False) -> ReportJob:
        columns = reports.c if with_result else _PLAIN
        with reading(self._engine) as connection:
            row: Any = connection.execute(select(*columns, _FENCED).where(reports.c.id == report_id)).one_or_none()
        if row is None:
            raise NotFound("There is no report with this id.", report_id=report_id)
        return self._opened(row)

    def of_requester(self, account_id: UUID) -> Sequence[ReportJob]:
        """Those of erased clients are left out."""
        newest = (
            select(*_PLAIN, _FENCED)
            .where(reports.c.requested_by == account_id)
            .order_by(reports.c.requested_at_us.desc(), reports.c.id)
            .limit(LISTED_MOST)
        )
        with reading(self._engine) as connection:
            rows: Sequence[Any] = connection.execute(newest).all()
        return tuple(self._readable(rows))

    def begin(self, report_id: UUID, now_us: int, lease_s: int) -> bool:
        values = {
            "report": report_id,
            "now_us": now_us,
            "begun_us": now_us,
            "until_us": now_us + lease_s * 1_000_000,
        }
        with translated("events"), write_transaction(self._engine) as connection:
            return connection.execute(_BEGIN, values).rowcount == 1

    def release(self, job: ReportJob) -> None:
        with translated("events"), write_transaction(self._engine) as connection:
            connection.execute(_RELEASE, {"report": job.id, "begun_us": job.started_at_us})

    def finish(self, call: Call, entry: AuditEntry, job: ReportJob) -> int:
        values = {
            "report": job.id,
            "begun_us": job.started_at_us,
            "new_state": job.state.value,
            "finished_us": job.finished_at_us,
            "expires_us": job.expires_at_us,
            "why": job.failure,
            "sealed": None if job.result is None else self._sealed(job, "result", job.result),
        }
        return self._append(call, entry, job.id, StateWrite(statement=_FINISH, parameters=values))

    def unfinished(self, now_us: int) -> Sequence[UUID]:
        oldest = select(reports.c.id).where(_WAITS, reports.c.expires_at_us > now_us)
        with reading(self._engine) as connection:
            found = connection.execute(oldest.order_by(reports.c.requested_at_us), {"now_us": now_us})
            return tuple(found.scalars())

    def discard_expired(self, now_us: int) -> int:
        with translated("events"), write_transaction(self._engine) as connection:
            return connection.execute(delete(reports).where(reports.c.expires_at_us <= now_us)).rowcount

    def _append(self, call: Call, entry: AuditEntry, report_id: UUID, write: StateWrite) -> int:
        command = command_row(call, resource_id=report_id)
        return self._audited.append(
            call, [entry], lambda audit: Append(rows=audit, command=command, writes=(write,))
        ).last

    def _fenced(self, client_id: UUID) -> bool:
        with reading(self._engine) as connection:
            return not connection.execute(select(_NOT_FENCED), {"client_id": client_id}).scalar_one()

    def _readable(self, rows: Iterable[Any]) -> Iterator[ReportJob]:
        for row in rows:
            try:
                yield self._opened(row)
            except Erased:
                continue

    def _opened(self, row: Any) -> ReportJob:
        if row.fenced:
            raise Erased(client=row.client_id)
        job = ReportJob(**{name: getattr(row, name) for name in _FIELDS}, state=ReportState(row.state))
        sealed = getattr(row, "result", None)
        return replace(
            job,
            parameters=self._sealer.open(bytes(row.parameters), self._context(job, "parameters")).decode(),
            result=None if sealed is None else self._sealer.open(bytes(sealed), self._context(job, "result")),
        )

    def _sealed(self, job: ReportJob, part: str, plaintext: bytes) -> bytes:
        key_id = self._sealer.key_id(job.client_id, RecordClass.VIEW)
        return self._sealer.seal(key_id, plaintext, self._context(job, part))

    def _context(self, job: ReportJob, part: str) -> bytes:
        return length_prefixed(
            b"anamnesis/report/1",
            self._deployment.bytes,
            job.id.bytes,
            job.client_id.bytes,
            job.requested_by.bytes,
            job.media_type.encode(),
            part.encode(),
        )


_SEALED: Final = frozenset(("parameters", "result", "state", "leased_until_us"))
_FIELDS: Final = tuple(column.name for column in reports.c if column.name not in _SEALED)
