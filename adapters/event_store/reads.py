"""Rows as readers get them, in the order of a stream or of the log."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, Select, bindparam, func, select

from adapters.event_store.questions import Question
from adapters.event_store.rows import Appended, CommandRow, StoredRow
from adapters.event_store.tables import commands, events

ROWS: Final = select(
    events.c.position,
    events.c.stream,
    events.c.version,
    events.c.topic,
    events.c.subject,
    events.c.record_class,
    events.c.key_id,
    events.c.incarnation,
    events.c.recorded_at_us,
    events.c.state_hash,
    events.c.leaf,
    events.c.state,
)
_LAST: Final = select(func.max(events.c.position))
_COMMAND: Final = Question(select(commands).where(commands.c.id == bindparam("command")))


def stored_row(row: Iterable[Any]) -> StoredRow:
    """A redacted row comes with an empty state and `redacted` true."""
    position, stream, version, topic, subject, record_class, key_id, incarnation, at_us, state_hash, leaf, state = row
    stored = object.__new__(StoredRow)
    # Frozen dataclasses set each field through object.__setattr__, a third of the cost of a read.
    stored.__dict__.update(
        id=position,
        originator_id=stream,
        originator_version=version,
        topic=topic,
        state=b"" if state is None else state,
        subject=subject,
        record_class=record_class,
        key_id=key_id,
        incarnation=incarnation,
        recorded_at_us=at_us,
        state_hash=state_hash,
        leaf=leaf,
        redacted=state is None,
    )
    return stored


def rows_of(connection: Connection, statement: Select[Any]) -> list[StoredRow]:
    """The statement's rows; it comes from `of_stream` or `of_log`."""
    return [stored_row(row) for row in connection.execute(statement).all()]


def of_stream(
    stream: UUID, *, gt: int | None = None, lte: int | None = None, desc: bool = False, limit: int | None = None
) -> Select[Any]:
    """A stream's rows by version."""
    statement = ROWS.where(events.c.stream == stream)
    if gt is not None:
        statement = statement.where(events.c.version > gt)
    if lte is not None:
        statement = statement.where(events.c.version <= lte)
    return statement.order_by(events.c.version.desc() if desc else events.c.version).limit(limit)


def of_log(after: int, limit: int, stop: int | None = None, topics: Sequence[str] = ()) -> Select[Any]:
    """The log's rows beyond `after`, up to and with `stop`, by position."""
    statement = ROWS.where(events.c.position > after)
    if stop is not None:
        statement = statement.where(events.c.position <= stop)
    if topics:
        statement = statement.where(events.c.topic.in_(topics))
    return statement.order_by(events.c.position).limit(limit)


def last_position(connection: Connection) -> int:
    """The newest position, 0 when nothing is stored."""
    return connection.execute(_LAST).scalar_one() or 0


def stored_command(engine: Engine, command_id: UUID) -> Appended | None:
    """The outcome a command was committed with, marked `replayed`; None when it never was."""
    found = _COMMAND.ask(engine, command=command_id)
    if not found:
        return None
    row = found[0]
    command = CommandRow(
        id=row.id,
        fingerprint=row.fingerprint,
        status=row.status,
        location=row.location,
        version=row.version,
        resource_id=row.resource_id,
    )
    return Appended(
        first=row.first_position,
        last=row.last_position,
        recorded_at_us=row.recorded_at_us,
        command=command,
        replayed=True,
    )
