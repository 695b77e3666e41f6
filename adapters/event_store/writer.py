"""The one connection of a process that writes events, and what the process keeps of the log between groups."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Engine, select

from adapters.db.engines import write_transaction
from adapters.event_store.connections import OwnConnection
from adapters.event_store.envelope import log_id
from adapters.event_store.groups import Facts, Placement, Questions, Verdict, place
from adapters.event_store.inserts import Inserts
from adapters.event_store.inserts.postgresql import PostgresqlInserts
from adapters.event_store.inserts.sqlite import SqliteInserts
from adapters.event_store.log_reader import read_leaves, read_tile
from adapters.event_store.rows import Append, Appended
from adapters.event_store.tables import deployment
from adapters.log.tiles import Frontier
from domain.errors import Misconfigured

_NEAR: Final = 4096
"""Leaves that another process may have appended before reading tiles is quicker than reading them all."""


class LogNotOpened(Misconfigured):
    """No incarnation of the log stands in the database."""

    code = "log_not_opened"
    message = "The event database holds no log yet."
    hint = "Run `anamnesis migrate`, or `anamnesis demo` for a first look."


class LogReplaced(Misconfigured):
    """The database under this process is not the one it began with: a restore opened another incarnation of the log."""

    code = "log_replaced"
    message = "The log was restored or replaced under this process; it writes nothing more."
    hint = "Restart the process, so that it seals for the incarnation that stands now."


@dataclass(frozen=True, slots=True)
class OpenLog:
    """Which log a process writes to."""

    deployment_id: UUID
    incarnation: int

    @property
    def name(self) -> bytes:
        return log_id(self.deployment_id, self.incarnation)

    @staticmethod
    def of(connection: Connection) -> "OpenLog":
        """The current incarnation. Raises LogNotOpened."""
        newest = select(deployment).order_by(deployment.c.incarnation.desc()).limit(1)
        row = connection.execute(newest).one_or_none()
        if row is None:
            raise LogNotOpened
        return OpenLog(row.deployment_id, row.incarnation)


def inserts_for(engine: Engine) -> Inserts:
    """What the engine's database does its own way."""
    return SqliteInserts() if engine.dialect.name == "sqlite" else PostgresqlInserts()


@contextmanager
def exclusive_transaction(engine: Engine) -> Iterator[Connection]:
    """A write transaction under the lock of the log: nobody appends in any process until it ends.

    For what appends must see at once or not at all: fences, holds, the opening of a log.
    """
    with write_transaction(engine) as connection:
        inserts_for(engine).lock(connection)
        yield connection


class Writer:
    """Used by one thread at a time: `begin`, then `write`, which commits; `abandon` after any error."""

    def __init__(self, engine: Engine, log: OpenLog, clock: Callable[[], int]) -> None:
        """`clock` gives nanoseconds since 1970, UTC."""
        self._engine = engine
        self._log = log
        self._log_name = log.name
        self._clock = clock
        self._inserts = inserts_for(engine)
        self._frontier = Frontier()
        self._last_leaf = b""  # of the row at the frontier
        self._own: OwnConnection | None = None
        self.committing = False
        """True from the moment a commit was sent until it was answered: an error then leaves the outcome in doubt."""
        self.placed: Sequence[Appended] = ()
        """What the last `write` was about to commit."""

    @property
    def connected(self) -> bool:
        return self._own is not None

    def begin(self) -> None:
        """Connect if need be, open a transaction and take the lock. Raises what the driver raises."""
        self.committing, self.placed = False, ()
        if self._own is None:
            self._own = self._prepared()
        self._inserts.begin(self._own.connection)

    def _prepared(self) -> OwnConnection:
        own = OwnConnection(self._engine)
        try:
            self._inserts.prepare(own.connection)
        except BaseException:
            own.close()  # half set up it would fail every group from now on
            raise
        return own

    def write(self, group: Sequence[Append]) -> list[Verdict]:
        """Judge the group, store the winners, commit; a verdict for each. Raises LogReplaced, LogNotOpened and what the
        driver raises; then nothing was stored, unless `committing` is true.
        """
        if self._own is None:
            raise RuntimeError("write comes after begin")
        own, connection = self._own, self._own.connection
        facts = self._inserts.facts(connection, Questions.of(group))
        self._check(facts)
        if facts.last_position != self._frontier.size:
            self._frontier = self._caught_up(connection, facts.last_position)
            self._last_leaf = facts.last_leaf
        elif facts.last_leaf != self._last_leaf:
            raise LogReplaced(position=facts.last_position)
        placement, verdicts = place(group, facts, self._log_name, self._now_us(facts))
        if not placement.commands:
            own.rolled_back()
            return verdicts
        frontier, placement.tiles = self._frontier.extended(placement.leaves)
        self._inserts.insert(connection, placement)
        for each in placement.writes:
            connection.execute(each.statement, each.parameters)
        self._commit(own, placement)
        self._frontier = frontier
        if placement.leaves:
            self._last_leaf = placement.leaves[-1]
        return verdicts

    def _now_us(self, facts: Facts) -> int:
        """Our clock, unless the server's is behind it: time never runs back in the log, so that one machine whose clock
        jumped ahead would date all that any machine writes from then on.
        """
        now_us = self._clock() // 1000
        return now_us if facts.server_us is None else min(now_us, facts.server_us)

    def _commit(self, own: OwnConnection, placement: Placement) -> None:
        self.placed = placement.commands
        self.committing = True
        own.commit()
        self.committing = False

    def _check(self, facts: Facts) -> None:
        if facts.incarnation == 0:
            raise LogNotOpened
        if facts.incarnation != self._log.incarnation:
            raise LogReplaced(incarnation=facts.incarnation, expected=self._log.incarnation)
        if facts.last_position < self._frontier.size:
            raise LogReplaced(last_position=facts.last_position, expected=self._frontier.size)

    def _caught_up(self, connection: Connection, size: int) -> Frontier:
        known = self._frontier
        # Rows that this process had stored may be gone, and others stand in their places (a failover to a standby that
        # lagged): tiles made from what is remembered would contradict the rows for ever.
        if known.size and read_leaves(connection, known.size - 1, known.size) != [self._last_leaf]:
            raise LogReplaced(position=known.size)
        if size - known.size <= _NEAR:
            return known.extended(read_leaves(connection, known.size, size))[0]
        return Frontier.at(
            size,
            lambda level, number: read_tile(connection, level, number),
            lambda start, end: read_leaves(connection, start, end),
        )

    def abandon(self) -> bool:
        """Roll back after an error; True when the connection had to be given up."""
        if self._own is not None and self._own.rolled_back():
            return False
        self.disconnect()
        return True

    def disconnect(self) -> None:
        """Close the connection, and with it whatever transaction is open; the next `begin` makes another."""
        own, self._own = self._own, None
        if own is not None:
            own.close()
