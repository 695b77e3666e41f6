"""How far each view has come, changed in the transaction of its rows, and how readers wait for it."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from time import monotonic, time_ns
from typing import Any, Final
from uuid import UUID

from eventsourcing.persistence import IntegrityError, Tracking, TrackingRecorder
from sqlalchemy import Connection, Engine, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql.base import Executable

from adapters.db.errors import translated
from adapters.db.transactions import read_transaction, write_transaction
from adapters.views.tables import View, parked_events, view_tracking
from domain.errors import Unavailable, ViewBehind

# A reader in another process polls the row: quickly at first, because a view is usually milliseconds behind.
_FIRST_POLL_S: Final = 0.002
_LAST_POLL_S: Final = 0.025


class ViewNeedsRebuild(Unavailable):
    """The rows were built from another log, another fork of it, events that a restore took back, or for another shape."""

    code = "view_needs_rebuild"
    message = "This view was built for another log or version and must be rebuilt before it is read."
    hint = "An operator runs `anamnesis rebuild-views`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One row of `view_tracking`."""

    projection: str
    position: int
    rebuild_until: int
    deployment_id: UUID
    incarnation: int
    version: int
    moved_at_us: int

    @property
    def rebuilding(self) -> bool:
        return self.position < self.rebuild_until


class ViewTracking(TrackingRecorder):
    """The library's tracking contract, with a projection's name for the application's.

    `deployment_id` and `incarnation` name the log that the views are built from. One object serves all threads of a
    process; a runner that shares it with readers wakes them at once, others are seen by polling.
    """

    def __init__(self, engine: Engine, deployment_id: UUID, incarnation: int, *, patience_s: float = 2.0) -> None:
        super().__init__()
        self.engine = engine
        self.patience_s = patience_s
        self._deployment_id = deployment_id
        self._incarnation = incarnation
        postgresql = engine.dialect.name == "postgresql"
        self._forward, self._locking = _statements(postgresql_insert if postgresql else sqlite_insert)
        # Rows and position must be of one moment: PostgreSQL needs a snapshot, SQLite's transactions are one.
        self._snapshots = engine.execution_options(isolation_level="REPEATABLE READ") if postgresql else engine
        self._moved = Condition()

    # The library's contract.

    def insert_tracking(self, tracking: Tracking) -> None:
        """Raises eventsourcing's IntegrityError when that position, or a later one, was recorded before."""
        with translated("views"), write_transaction(self.engine) as connection:
            self.record(connection, tracking.application_name, tracking.notification_id)
        self.announce()

    def max_tracking_id(self, application_name: str) -> int | None:
        progress = self.progress().get(application_name)
        return progress.position if progress and progress.position else None

    # Writers: inside their transaction.

    def record(self, connection: Connection, projection: str, position: int) -> None:
        """Move to `position`. Raises eventsourcing's IntegrityError unless that is forward."""
        moved = connection.execute(self._forward, self._row(projection, position=position)).one_or_none()
        if moved is None:
            raise IntegrityError(f"{projection} has already passed position {position}")

    def claim(self, connection: Connection, views: Collection[View], head: int = 0) -> dict[str, Progress]:
        """Lock the views' rows until the transaction ends, making those that are missing; nobody else writes them then.

        A new view counts as being built until `head`. Raises ViewNeedsRebuild.
        """
        claimed = self.lock(connection, views, head)
        for view in views:
            self.check(view, claimed[view.name])
        return claimed

    def lock(self, connection: Connection, views: Collection[View], head: int = 0) -> dict[str, Progress]:
        """As `claim`, whatever log or version the rows were built for."""
        # One order for all, so that no two wait on each other.
        return {v.name: self._lock(connection, v, head) for v in sorted(views, key=lambda view: view.name)}

    def _lock(self, connection: Connection, view: View, head: int) -> Progress:
        missing = self._row(view.name, position=0, rebuild_until=head, version=view.version)
        row = connection.execute(self._locking, missing).one()
        return Progress(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping

    def advance(self, connection: Connection, positions: Mapping[str, int]) -> None:
        """Move claimed rows."""
        now_us = time_ns() // 1000
        connection.execute(_ADVANCE, [{"name": n, "to": p, "now_us": now_us} for n, p in positions.items()])

    def reset(self, views: Collection[View], head: int) -> None:
        """Empty the views and start them over, for the current log; they count as being built until `head`."""
        with translated("views"), write_transaction(self.engine) as connection:
            self.lock(connection, views)
            for view in views:
                self._start_over(connection, view, head)

    def renew(self, views: Collection[View], head: int) -> list[str]:
        """As `reset`, for those views alone whose rows an earlier release built from this log; their names.

        Never for rows of a later release, nor for those of another log: that is for a person to decide.
        """
        with translated("views"), write_transaction(self.engine) as connection:
            found = self.lock(connection, views, head)
            old = [view for view in views if self.of_earlier_release(view, found[view.name])]
            for view in old:
                self._start_over(connection, view, head)
        return [view.name for view in old]

    def of_earlier_release(self, view: View, progress: Progress) -> bool:
        """Whether the rows are of this log, and of a shape that this release has left behind."""
        of_this_log = (progress.deployment_id, progress.incarnation) == (self._deployment_id, self._incarnation)
        return of_this_log and 0 < progress.version < view.version

    def _start_over(self, connection: Connection, view: View, head: int) -> None:
        for table in view.tables:
            connection.execute(delete(table))
        connection.execute(delete(parked_events).where(parked_events.c.projection == view.name))
        row = self._row(view.name, position=0, rebuild_until=head, version=view.version)
        name = row.pop("projection")
        connection.execute(update(view_tracking).where(view_tracking.c.projection == name).values(row))

    def announce(self) -> None:
        """Wake the readers of this process; call it after the commit."""
        with self._moved:
            self._moved.notify_all()

    def _row(self, projection: str, *, position: int, rebuild_until: int = 0, version: int = 0) -> dict[str, object]:
        return {
            "projection": projection,
            "position": position,
            "rebuild_until": rebuild_until,
            "deployment_id": self._deployment_id,
            "incarnation": self._incarnation,
            "version": version,
            "moved_at_us": time_ns() // 1000,
        }

    # Readers.

    def progress(self) -> dict[str, Progress]:
        """Every projection's row, by name."""
        with translated("views"), read_transaction(self.engine) as connection:
            return {row.projection: Progress(**row._mapping) for row in connection.execute(select(view_tracking))}  # noqa: SLF001 - as above

    def check(self, view: View, progress: Progress) -> None:
        """Raises ViewNeedsRebuild when the rows are of another log, another incarnation or another version."""
        built_for = (progress.deployment_id, progress.incarnation, progress.version)
        if built_for != (self._deployment_id, self._incarnation, view.version):
            raise ViewNeedsRebuild(
                view=view.name,
                built_for_incarnation=progress.incarnation,
                current_incarnation=self._incarnation,
                built_for_version=progress.version,
                current_version=view.version,
                retry_after_s=60.0,
            )

    @contextmanager
    def snapshot(self, view: View, at_least: int = 0, timeout_s: float | None = None) -> Iterator[Connection]:
        """A connection that sees the view at one moment at or after `at_least`, and never half-built.

        Waits up to `timeout_s` (the patience given at the start). Raises ViewBehind, ViewNeedsRebuild.
        """
        deadline = monotonic() + (self.patience_s if timeout_s is None else timeout_s)
        poll_s = _FIRST_POLL_S
        while True:
            with translated("views"), read_transaction(self._snapshots) as connection:
                if self._reached(connection, view, at_least):
                    yield connection
                    return
            remaining_s = deadline - monotonic()
            if remaining_s <= 0:
                raise ViewBehind(view=view.name, position=at_least, retry_after_s=1.0)
            with self._moved:
                self._moved.wait(min(poll_s, remaining_s))
            poll_s = min(poll_s * 1.5, _LAST_POLL_S)

    def wait_until(self, view: View, position: int, timeout_s: float | None = None) -> None:
        """Return once the view has scanned `position`. Raises ViewBehind, ViewNeedsRebuild."""
        with self.snapshot(view, position, timeout_s):
            pass

    def _reached(self, connection: Connection, view: View, at_least: int) -> bool:
        row = connection.execute(_PROGRESS, {"name": view.name}).one_or_none()
        if row is None:  # nobody has begun to build it: no rows doesn't mean that there is nothing
            return False
        progress = Progress(**row._mapping)  # noqa: SLF001 - as above
        self.check(view, progress)
        return not progress.rebuilding and progress.position >= at_least


def _statements(insert: Any) -> tuple[Executable, Executable]:
    """Move forward only, and lock a row or make it. Built once: they run for every batch."""
    statement = insert(view_tracking)
    forward = statement.on_conflict_do_update(
        index_elements=["projection"],
        set_={"position": statement.excluded.position, "moved_at_us": statement.excluded.moved_at_us},
        where=view_tracking.c.position < statement.excluded.position,
    ).returning(view_tracking.c.position)
    locking = statement.on_conflict_do_update(
        index_elements=["projection"], set_={"projection": statement.excluded.projection}
    ).returning(*view_tracking.c)
    return forward, locking


_ADVANCE: Final = (
    update(view_tracking)
    .where(view_tracking.c.projection == bindparam("name"))
    .values(position=bindparam("to"), moved_at_us=bindparam("now_us"))
)
_PROGRESS: Final = select(*view_tracking.c).where(view_tracking.c.projection == bindparam("name"))
