"""A stored log for verifying: raw rows in order, tiles, incarnations, all of one moment. Nothing is opened or changed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import Connection, Engine, select, text

from adapters.db.errors import translated
from adapters.event_store.connections import driver_of
from adapters.event_store.reads import last_position
from adapters.event_store.tables import deployment, tiles

_SQLITE: Final = """
SELECT position, stream, version, topic, subject, class, key_id, incarnation, recorded_at_us, state_hash, leaf, state
FROM events ORDER BY position"""
_POSTGRESQL: Final = """
SELECT position, uuid_send(stream), version, topic, uuid_send(subject), class, uuid_send(key_id), incarnation,
       recorded_at_us, state_hash, leaf, state
FROM events ORDER BY position"""
_BATCH: Final = 2_000

Row = Sequence[Any]
"""position, stream, version, topic, subject, class, key id, incarnation, recorded_at_us, state hash, leaf, state; the ids
in the form that the reader's `id_bytes` takes. Whoever rules the database may have put anything anywhere.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the database says of an incarnation."""

    incarnation: int
    deployment: UUID
    first_position: int


class LogReader(Protocol):
    """Three questions are enough to verify a log; `id_bytes` turns an id of a row into its 16 bytes."""

    id_bytes: Callable[[Any], bytes]

    def openings(self) -> Sequence[Opening]: ...

    def rows(self) -> Iterator[Sequence[Row]]:
        """All of them in order of positions, in batches."""

    def tile(self, level: int, number: int) -> bytes | None: ...

    def tiles(self) -> Iterator[tuple[int, int]]:
        """(level, number) of those that are stored."""


class SqlLogReader:
    """Satisfies LogReader over an open read transaction."""

    id_bytes: Callable[[Any], bytes]

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sqlite = connection.dialect.name == "sqlite"
        self.id_bytes = _from_digits if self._sqlite else bytes

    def openings(self) -> Sequence[Opening]:
        found = self._connection.execute(select(deployment).order_by(deployment.c.incarnation))
        return [
            Opening(incarnation=row.incarnation, deployment=row.deployment_id, first_position=row.first_position)
            for row in found
        ]

    def rows(self) -> Iterator[Sequence[Row]]:
        if self._sqlite:
            # The driver's own cursor: an ORM row a row would cost as much as all its hashes.
            cursor = driver_of(self._connection).execute(_SQLITE)
            while batch := cursor.fetchmany(_BATCH):
                yield batch
            return
        streaming = self._connection.execution_options(stream_results=True, yield_per=_BATCH)
        yield from streaming.execute(text(_POSTGRESQL)).partitions()

    def size(self) -> int:
        """About how many rows there are, for showing progress."""
        return last_position(self._connection)

    def tile(self, level: int, number: int) -> bytes | None:
        stored = select(tiles.c.hashes).where(tiles.c.level == level, tiles.c.tile == number)
        hashes: bytes | None = self._connection.execute(stored).scalar_one_or_none()
        return hashes

    def tiles(self) -> Iterator[tuple[int, int]]:
        for row in self._connection.execute(select(tiles.c.level, tiles.c.tile)):
            yield row.level, row.tile


def _from_digits(digits: str) -> bytes:
    """The one form in which an id is stored on SQLite: in another, no look-up would find the row any more."""
    content = bytes.fromhex(digits)
    if content.hex() != digits:
        raise ValueError("an id is stored as 32 lower-case digits")
    return content


@contextmanager
def snapshot(engine: Engine) -> Iterator[SqlLogReader]:
    """A reader that sees one moment, however long it takes and whoever writes meanwhile. Raises StoreUnavailable."""
    with translated("events"), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield SqlLogReader(connection)
