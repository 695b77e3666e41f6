"""The recorder: group-committed appends with their leaves, and reads in stream or log order, on SQLite and PostgreSQL."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any, Final
from uuid import UUID, uuid4
from weakref import WeakMethod, finalize

from eventsourcing.persistence import IntegrityError, ProcessRecorder, StoredEvent, Tracking
from sqlalchemy import Connection, Engine, event

from adapters.db.errors import translated
from adapters.event_store import reads
from adapters.event_store.committer import GROUP_BYTES, Committer
from adapters.event_store.forks import MadeBeforeFork, mind_forks
from adapters.event_store.reading import reading
from adapters.event_store.rows import Append, Appended, CommandRow, NewRow, StoredRow
from adapters.event_store.settlement import Settlement
from adapters.event_store.subscription import LogSubscription
from adapters.event_store.tables import deployment
from adapters.event_store.tip import Tip
from adapters.event_store.tracking import PositionRecorder
from adapters.event_store.watch import Watcher
from adapters.event_store.writer import OpenLog, Writer, exclusive_transaction
from domain.errors import Conflict, Erased, StaleVersion

RESOLVE_S: Final = 5.0


class Recorder(PositionRecorder, ProcessRecorder):
    """Any number of threads, and of processes on one database. `close`, or disposing of the engine, gives up its own
    connections; it opens new ones when used again.

    `group_bytes` bounds a group commit; `clock` gives nanoseconds since 1970, UTC; `resolve_s` is how long an append
    whose commit was cut off waits for the database to come back before OutcomeUnknown is raised.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        group_bytes: int = GROUP_BYTES,
        clock: Callable[[], int] = time.time_ns,
        resolve_s: float = RESOLVE_S,
    ) -> None:
        super().__init__(engine)
        self.tip = Tip()
        self._group_bytes = group_bytes
        self._clock = clock
        self._resolve_s = resolve_s
        self._setting_up = Lock()
        self._log: OpenLog | None = None
        self._committer: Committer | None = None
        self._watcher: Watcher | None = None
        self._finalizers: list[finalize[..., Any]] = []
        self._inherited = False
        event.listen(engine, "engine_disposed", _closer(WeakMethod(self.close)))
        mind_forks(self)

    # The log

    @property
    def log(self) -> OpenLog:
        """Which log this process writes to. Raises LogNotOpened, StoreUnavailable."""
        if self._log is None:
            with self._reading() as connection:
                self._log = OpenLog.of(connection)
        return self._log

    @property
    def deployment_id(self) -> UUID:
        return self.log.deployment_id

    @property
    def incarnation(self) -> int:
        return self.log.incarnation

    def open_log(self, deployment_id: UUID, at_us: int) -> OpenLog:
        """Begin the log as incarnation 1 unless one is open; the one that is. Raises Conflict when the database belongs
        to another deployment.
        """
        row = {"incarnation": 1, "deployment_id": deployment_id, "first_position": 1, "opened_at_us": at_us}
        with translated("events"), exclusive_transaction(self._engine) as connection:
            if connection.execute(deployment.select()).first() is None:
                connection.execute(deployment.insert().values(row))
            self._log = OpenLog.of(connection)
        if self._log.deployment_id != deployment_id:
            raise Conflict("This event database belongs to another deployment.", deployment=self._log.deployment_id)
        return self._log

    # Writing

    def append(self, append: Append) -> Appended:
        """Store one request's writes durably, all or none.

        A command id stored before gives the stored outcome, `replayed`. Raises StaleVersion, Erased,
        IdempotencyKeyReused, TrackingBehind, ConstraintViolated or ValueRefused (a state write or a value the database
        can't take), StoreUnavailable (nothing was stored), OutcomeUnknown (a commit was cut off).
        """
        self._check_process()
        appended = (self._committer or self._made_committer()).submit(append)
        self.tip.advance(appended.last)
        return appended

    def command(self, command_id: UUID) -> Appended | None:
        """The outcome a command was stored with, None when it wasn't. Raises StoreUnavailable."""
        self._check_process()
        return reads.stored_command(self._engine, command_id)

    def _made_committer(self) -> Committer:
        with self._setting_up:
            if self._committer is None:
                writer = Writer(self._engine, self.log, self._clock)
                self._committer = Committer(Settlement(writer, self._resolve_s), self._group_bytes)
                self._finalizers.append(finalize(self, self._committer.close))
            return self._committer

    # Reading

    def read_stream(self, stream: UUID, after_version: int = -1) -> list[StoredRow]:
        """A stream's rows beyond `after_version`, oldest first, redacted ones included. Raises StoreUnavailable."""
        with self._reading() as connection:
            return reads.rows_of(connection, reads.of_stream(stream, gt=after_version))

    def read_log(self, after: int, limit: int, stop: int | None = None) -> list[StoredRow]:
        """At most `limit` rows of the log beyond `after`, up to and with `stop`; redacted ones included."""
        with self._reading() as connection:
            return reads.rows_of(connection, reads.of_log(after, limit, stop))

    def last_position(self) -> int:
        """The newest committed position, 0 when there is none. All before it are committed too."""
        with self._reading() as connection:
            last = reads.last_position(connection)
        self.tip.advance(last)
        return last

    def wait_for_append(self, after: int, timeout_s: float, stopped: Callable[[], bool] = lambda: False) -> int:
        """Block until something beyond `after` is committed by any process, or the time is over, or `stopped` answers
        true (looked at when `tip.wake` is called); the newest position known then.
        """
        self._check_process()
        if self._watcher is None:
            with self._setting_up:
                if self._watcher is None:
                    self._watcher = Watcher(self._engine, self.tip)
                    self._watcher.start()
                    self._finalizers.append(finalize(self, self._watcher.ask_to_stop))
        return self.tip.wait(after, timeout_s, stopped)

    def _reading(self) -> AbstractContextManager[Connection]:
        self._check_process()
        return reading(self._engine)

    # The library's contract

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Positions of the stored events. `tracking` is stored with them. Raises the library's IntegrityError."""
        tracking: Tracking | None = kwargs.get("tracking")
        if not stored_events and tracking is None:
            return None
        append = Append(
            rows=[NewRow.of(stored) for stored in stored_events],
            command=CommandRow(id=uuid4()),
            tracking=(tracking.application_name, tracking.notification_id) if tracking else None,
        )
        try:
            appended = self.append(append)
        except (StaleVersion, Erased) as error:
            raise IntegrityError(str(error)) from error
        return list(range(appended.first, appended.last + 1))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredRow]:
        """A stream's rows without those whose state was removed, which no mapper could read."""
        stream = originator_id if isinstance(originator_id, UUID) else UUID(originator_id)
        with self._reading() as connection:
            rows = reads.rows_of(connection, reads.of_stream(stream, gt=gt, lte=lte, desc=desc, limit=limit))
        return [row for row in rows if not row.redacted]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[StoredRow]:
        """Rows of the log by position, redacted ones included, so that readers pass over them knowingly."""
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        with self._reading() as connection:
            return reads.rows_of(connection, reads.of_log(after, limit, stop, topics))

    def max_notification_id(self) -> int | None:
        return self.last_position() or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> LogSubscription:
        """See LogSubscription."""
        return LogSubscription(self, gt, topics)

    def close(self) -> None:
        """Give up the connections kept for writing and watching."""
        if self._inherited:
            return
        with self._setting_up:
            watcher, self._watcher = self._watcher, None
        if watcher:
            watcher.stop()
            self.tip.wake()
        if self._committer:
            self._committer.close()

    def after_fork(self) -> object:
        """In the child of a fork: refuse, and leave alone what is the parent's."""
        for each in self._finalizers:
            each.detach()
        self._inherited = True
        return self

    def _check_process(self) -> None:
        if self._inherited:
            raise MadeBeforeFork


def _closer(close: WeakMethod[Callable[[], None]]) -> Callable[[Engine], None]:
    def disposed(_engine: Engine) -> None:
        recorder_close = close()
        if recorder_close:
            recorder_close()

    return disposed
