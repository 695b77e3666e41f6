"""Keeps views at the head of the log: batches of rows, one transaction each, which also moves the position scanned.

Exactly once: the position is locked, compared and moved in the transaction of the rows, so any number of runners may run;
the one that comes second finds the position moved and throws its batch away.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event
from typing import Final, Protocol

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from adapters.db.errors import ConstraintViolated, ValueRefused, translated
from adapters.db.transactions import write_transaction
from adapters.event_store.rows import StoredRow
from adapters.views.collecting import fewer_collections
from adapters.views.fences import fenced_among
from adapters.views.health import Log, ProjectionHealth, health_of
from adapters.views.parked import alert, park
from adapters.views.projection import Batch, Projection, Refusal
from adapters.views.tracking import ViewNeedsRebuild, ViewTracking
from domain.errors import Erased, Misconfigured, Unavailable

_IDLE_S: Final = 1.0
_FIRST_RETRY_S: Final = 0.1
_LAST_RETRY_S: Final = 10.0
# A batch holds what a transaction can take without readers noticing, and without much memory: events reach 20 MB.
_MOST_ROWS: Final = 4096
_FIRST_ROWS: Final = 256
_MOST_BYTES: Final = 32 * 1024 * 1024
# From this many rows in a batch on, the runner counts as behind.
_BEHIND_ROWS: Final = 256

_log = structlog.get_logger("views")


class FollowedLog(Log, Protocol):
    """What the runner needs of the recorder."""

    def wait_for_append(self, after: int, timeout_s: float) -> int: ...


class _MovedElsewhere(Exception):
    """Another runner, or a rebuild, moved the position since the batch was read."""


class Runner:
    """Runs projections over one log. One thread at a time calls `run`, `catch_up` or `rebuild`.

    `most_rows` bounds a batch; while the log is followed batches are what came since the one before.
    """

    def __init__(
        self,
        log: FollowedLog,
        tracking: ViewTracking,
        projections: Sequence[Projection],
        *,
        most_rows: int = _MOST_ROWS,
    ) -> None:
        self._log = log
        self._tracking = tracking
        self._projections = {projection.view.name: projection for projection in projections}
        self._wanted = {p.view.name: frozenset(p.kinds) for p in projections}
        self._positions: dict[str, int] = {}
        self._most_rows = most_rows
        self._limit = min(_FIRST_ROWS, most_rows)  # grows while rows turn out small

    def run(self, stop: Event) -> None:
        """Follow the log until `stop` is set. Outages are waited out; Misconfigured and defects are raised."""
        retry_s = _FIRST_RETRY_S
        while not stop.is_set():
            try:
                if not self.step():
                    self._log.wait_for_append(min(self._positions.values()), _IDLE_S)
                retry_s = _FIRST_RETRY_S
            except Unavailable as error:
                self._lose()
                _log.warning("projection waits", code=error.code, seconds=retry_s)
                stop.wait(retry_s)
                retry_s = min(retry_s * 2, _LAST_RETRY_S)

    def catch_up(self, until: int | None = None, *, progress: Callable[[int, int], None] | None = None) -> int:
        """Run until every view has scanned `until` (the head, by default), and say which position that is.

        `progress` is called with the position reached and the goal. Raises Unavailable at once.
        """
        goal = self._log.last_position() if until is None else until
        try:
            with fewer_collections():
                while (reached := self._advance(goal)) < goal:
                    if progress:
                        progress(reached, goal)
            if progress:
                progress(goal, goal)
            return goal
        finally:
            self._lose()

    def _advance(self, goal: int) -> int:
        moved = self.step()
        reached = min(self._positions.values(), default=0)
        if not moved and reached < goal:
            self._log.wait_for_append(reached, _IDLE_S)
        return reached

    def rebuild(self, *names: str, progress: Callable[[int, int], None] | None = None) -> int:
        """Empty the named views (all, by default) and fill them from the start of the log; readers are told to wait.

        What was parked is tried again. Killed half-way, any runner goes on where it stopped. Returns the position
        reached. Raises Misconfigured for a name that isn't a view's.
        """
        unknown = sorted(set(names) - set(self._projections))
        if unknown:
            raise Misconfigured(f"There is no such view; there are: {', '.join(self._projections)}.")
        chosen = [self._projections[name] for name in names or self._projections]
        self._lose()
        goal = self._log.last_position()
        self._tracking.reset([projection.view for projection in chosen], goal)
        rebuilding = Runner(self._log, self._tracking, chosen, most_rows=self._most_rows)
        return rebuilding.catch_up(goal, progress=progress)

    def health(self) -> list[ProjectionHealth]:
        """How far each view is, how far behind, and how many events it had to park."""
        return health_of(self._log, self._tracking, [projection.view for projection in self._projections.values()])

    def step(self) -> bool:
        """One batch for the projections that are furthest behind. False when the log has nothing new for any."""
        if not self._positions:
            self._find_positions()
        start = min(self._positions.values())
        group = [name for name, position in self._positions.items() if position == start]
        # Those that lag stop where the others stand; from there on each row is read once for all.
        stop = min((position for position in self._positions.values() if position > start), default=None)
        rows = self._log.read_log(start, self._limit, stop)
        if not rows:
            self._forget(group)
            return False
        self._fit_limit(rows)
        try:
            self._take(group, rows, start)
        except _MovedElsewhere:
            self._lose()
        return True

    def _find_positions(self) -> None:
        views = [projection.view for projection in self._projections.values()]
        for name in self._tracking.renew(views, self._log.last_position()):
            _log.warning("a view of an earlier release is built anew", view=name)
        with translated("views"), write_transaction(self._tracking.engine) as connection:
            claimed = self._tracking.claim(connection, views, self._log.last_position())
        head = self._log.last_position()
        for name, progress in claimed.items():
            if progress.position > head:  # events were restored from a back-up: new ones would be taken for scanned
                raise ViewNeedsRebuild(view=name, position=progress.position, head=head, retry_after_s=60.0)
        self._positions = {name: progress.position for name, progress in claimed.items()}

    def _fit_limit(self, rows: Sequence[StoredRow]) -> None:
        taken_bytes = sum([len(row.state) for row in rows])
        if taken_bytes > _MOST_BYTES:
            self._limit = max(1, len(rows) * _MOST_BYTES // taken_bytes)
        elif self._limit < self._most_rows:
            self._limit = min(self._most_rows, self._limit * 2)

    def _lose(self) -> None:
        """Believe nothing about positions and streams until they were read again."""
        self._positions = {}
        self._forget(self._projections)

    def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            self._projections[name].forget()

    def _take(self, names: Sequence[str], rows: Sequence[StoredRow], start: int) -> None:
        """Commit a batch; when the database refuses a value in it, find the one event that holds it and park that."""
        try:
            self._commit(names, rows, start)
        except (ConstraintViolated, ValueRefused) as error:
            self._forget(names)
            if len(names) > 1:
                for name in names:
                    self._take([name], rows, start)
            elif len(rows) > 1:
                middle = len(rows) // 2
                self._take(names, rows[:middle], start)
                self._take(names, rows[middle:], rows[middle - 1].position)
            else:
                self._commit(names, (), start, parked={names[0]: [(rows[0].position, error)]}, end=rows[0].position)

    def _commit(
        self,
        names: Sequence[str],
        rows: Sequence[StoredRow],
        start: int,
        *,
        parked: dict[str, list[Refusal]] | None = None,
        end: int | None = None,
    ) -> None:
        """One transaction: rows of all named views, what is parked, and the position scanned."""
        end = rows[-1].position if end is None else end
        batches = {name: self._projections[name].begin() for name in names}
        refused: dict[str, list[Refusal]] = parked or {name: [] for name in names}
        self._fold(batches, rows, refused)
        for name, batch in batches.items():
            refused[name].extend(batch.finish())
        views = [self._projections[name].view for name in names]
        with translated("views"), write_transaction(self._tracking.engine) as connection:
            claimed = self._tracking.claim(connection, views)
            if any(progress.position != start for progress in claimed.values()):
                raise _MovedElsewhere
            self._write(connection, batches)
            park(connection, refused)
            self._tracking.advance(connection, dict.fromkeys(names, end))
        self._positions.update(dict.fromkeys(names, end))
        self._tracking.announce()
        if len(rows) < _BEHIND_ROWS:
            self._forget(names)
        alert(refused)

    def _fold(
        self, batches: Mapping[str, Batch], rows: Sequence[StoredRow], refused: Mapping[str, list[Refusal]]
    ) -> None:
        takers: dict[str, list[tuple[str, Callable[[StoredRow], None]]]] = {}
        for row in rows:
            topic = row.topic
            if topic not in takers:
                kind = topic.partition(".")[0]
                takers[topic] = [(name, batch.apply) for name, batch in batches.items() if kind in self._wanted[name]]
            if row.redacted:
                continue
            for name, apply in takers[topic]:
                try:
                    apply(row)
                except Erased:
                    continue  # its key was destroyed with the client's record: a tombstone
                except (Unavailable, SQLAlchemyError, MemoryError):
                    raise  # says something about this moment, not about the event
                except Exception as error:  # noqa: BLE001 - whatever one event does, the others are applied
                    refused[name].append((row.position, error))

    def _write(self, connection: Connection, batches: Mapping[str, Batch]) -> None:
        clients = {client for batch in batches.values() for client in batch.clients()}
        fenced = fenced_among(connection, clients) if clients else set()
        for batch in batches.values():
            if fenced:
                batch.drop(fenced)
            batch.write(connection)
