"""SQLite: many rows a statement, on the driver's own cursor.

The sqlite3 module lets go of the interpreter lock at every step of a statement, so a row a step would hand the processor
to another thread in the middle of the lock; rows go in by powers of two instead.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from sqlite3 import Connection as SqliteConnection
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import Connection

from adapters.db.sqlite import WriteAheadLog
from adapters.db.transactions import BEGIN, NOT_AT_ALL
from adapters.event_store.connections import driver_of
from adapters.event_store.groups import Facts, Placement, Questions
from adapters.event_store.rows import Appended, CommandRow

_MOST_ROWS: Final = 64  # 768 parameters; SQLite takes 32,766

_LOG: Final = """
SELECT (SELECT max(incarnation) FROM deployment),
       (SELECT max(position) FROM events),
       (SELECT recorded_at_us FROM events ORDER BY position DESC LIMIT 1),
       (SELECT leaf FROM events ORDER BY position DESC LIMIT 1)"""
_HEADS: Final = "SELECT value, (SELECT max(version) FROM events WHERE stream = value) FROM json_each(?)"
_COMMANDS: Final = """
SELECT commands.id, first_position, last_position, recorded_at_us, fingerprint, status, location, version, resource_id
FROM json_each(?) CROSS JOIN commands ON commands.id = value"""
_FENCES: Final = "SELECT subject FROM json_each(?) CROSS JOIN fences ON fences.subject = value"
_TRACKING: Final = "SELECT position FROM tracking WHERE application = ?"
_TRACK: Final = """
INSERT INTO tracking (application, position) VALUES (?, ?)
ON CONFLICT (application) DO UPDATE SET position = excluded.position"""

_EVENTS: Final = (
    """INSERT INTO events (position, stream, version, topic, subject, class, key_id, incarnation, recorded_at_us,
    state_hash, leaf, state) VALUES """,
    12,
)
_COMMAND_ROWS: Final = (
    """INSERT INTO commands (id, first_position, last_position, recorded_at_us, fingerprint, status, location,
    version, resource_id) VALUES """,
    9,
)
_TILES: Final = ("INSERT INTO tiles (level, tile, hashes) VALUES ", 3)


class SqliteInserts:
    """See Inserts."""

    def prepare(self, connection: Connection) -> None:
        # `begin` opens the transaction; state writes through SQLAlchemy join it.
        connection.execution_options(**{BEGIN: NOT_AT_ALL})
        self._wal = WriteAheadLog(connection.engine.url.database or "")

    def begin(self, connection: Connection) -> None:
        self._wal.shorten(_driver(connection))
        _driver(connection).execute("BEGIN IMMEDIATE")

    def lock(self, connection: Connection) -> None:
        """BEGIN IMMEDIATE has taken it: there is one lock for all writers of a file."""

    def facts(self, connection: Connection, questions: Questions) -> Facts:
        ask = _driver(connection).execute
        incarnation, last, recorded_at_us, leaf = ask(_LOG).fetchone()
        facts = Facts(incarnation or 0, last or 0, recorded_at_us or 0, leaf or b"")
        if questions.streams:
            facts.heads = {
                UUID(stream): version
                for stream, version in ask(_HEADS, (_listed(questions.streams),))
                if version is not None
            }
        for row in ask(_COMMANDS, (_listed(questions.commands),)):
            appended = _appended(row)
            facts.commands[appended.command.id] = appended
        if questions.subjects:
            facts.fenced = {UUID(subject) for (subject,) in ask(_FENCES, (_listed(questions.subjects),))}
        for application in questions.applications:
            for (position,) in ask(_TRACKING, (application,)):
                facts.tracking[application] = position
        return facts

    def insert(self, connection: Connection, placement: Placement) -> None:
        driver = _driver(connection)
        _insert(driver, _EVENTS, list(_event_rows(placement)))
        _insert(driver, _COMMAND_ROWS, [_command_row(appended) for appended in placement.commands])
        _insert(driver, _TILES, [(tile.level, tile.number, tile.hashes) for tile in placement.tiles])
        for application, position in placement.tracking.items():
            driver.execute(_TRACK, (application, position))


def _driver(connection: Connection) -> SqliteConnection:
    return cast("SqliteConnection", driver_of(connection))


def _listed(ids: Iterable[UUID]) -> str:
    return '["' + '","'.join([each.hex for each in ids]) + '"]'


def _event_rows(placement: Placement) -> Iterable[tuple[Any, ...]]:
    incarnation, recorded_at_us = placement.incarnation, placement.recorded_at_us
    rows = zip(placement.rows, placement.leaves, strict=True)
    for position, (row, leaf) in enumerate(rows, placement.first):
        yield (
            position,
            row.stream.hex,
            row.version,
            row.topic,
            row.subject.hex if row.subject else None,
            row.record_class,
            row.key_id.hex if row.key_id else None,
            incarnation,
            recorded_at_us,
            row.state_hash,
            leaf,
            row.state,
        )


def _command_row(appended: Appended) -> tuple[Any, ...]:
    command = appended.command
    return (
        command.id.hex,
        appended.first,
        appended.last,
        appended.recorded_at_us,
        command.fingerprint,
        command.status,
        command.location,
        command.version,
        command.resource_id.hex if command.resource_id else None,
    )


def _appended(row: tuple[Any, ...]) -> Appended:
    command_id, first, last, recorded_at_us, fingerprint, status, location, version, resource_id = row
    return Appended(
        first=first,
        last=last,
        recorded_at_us=recorded_at_us,
        command=CommandRow(
            id=UUID(command_id),
            fingerprint=bytes(fingerprint),
            status=status,
            location=location,
            version=version,
            resource_id=UUID(resource_id) if resource_id else None,
        ),
    )


def _insert(driver: SqliteConnection, into: tuple[str, int], rows: Sequence[tuple[Any, ...]]) -> None:
    start = 0
    while start < len(rows):
        count = min(_MOST_ROWS, 1 << ((len(rows) - start).bit_length() - 1))
        values = [value for row in rows[start : start + count] for value in row]
        driver.execute(_values(*into, count), values)
        start += count


@cache
def _values(statement: str, columns: int, rows: int) -> str:
    return statement + ",".join(["(" + ",".join("?" * columns) + ")"] * rows)
