"""Tables of the event database. Alembic creates them; a test shows that migrations and this file agree."""

from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)


@lru_cache(maxsize=8192)
def _uuid_of(digits: str | None) -> UUID | None:
    return None if digits is None else UUID(digits)


class _Id(Uuid[UUID]):
    """Streams, subjects and keys repeat from row to row, and to parse an id on SQLite costs as much as the rest of its row."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _uuid_of if dialect.name == "sqlite" else super().result_processor(dialect, coltype)  # type: ignore[no-untyped-call]  # not annotated there


def _id(name: str, **kwargs: Any) -> Column[Any]:
    """A UUID: native on PostgreSQL, 32 hexadecimal characters on SQLite."""
    return Column(name, _Id(as_uuid=True), **kwargs)


deployment = Table(
    "deployment",
    metadata,
    # One row an incarnation; the newest is the current one. A restore adds a row and never changes one.
    Column("incarnation", Integer, primary_key=True, autoincrement=False),
    _id("deployment_id", nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("opened_at_us", BigInteger, nullable=False),
)

events = Table(
    "events",
    metadata,
    # Explicit: SQLite would hand the rowid of a deleted newest row out again.
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    _id("stream", nullable=False),
    Column("version", Integer, nullable=False),
    Column("topic", String(200), nullable=False),
    _id("subject"),
    Column("class", String(32), nullable=False, key="record_class"),
    _id("key_id"),
    Column("incarnation", SmallInteger, nullable=False),
    Column("recorded_at_us", BigInteger, nullable=False),
    Column("state_hash", LargeBinary(32), nullable=False),
    Column("leaf", LargeBinary(32), nullable=False),
    # NULL once removed by retention or erasure; a later unsealed record in the log names the position.
    Column("state", LargeBinary),
    UniqueConstraint("stream", "version"),
)
# Half of all rows are audit entries, which concern no client: they need no place in it.
_of_clients = events.c.subject.is_not(None)
Index("ix_events_subject", events.c.subject, events.c.position, sqlite_where=_of_clients, postgresql_where=_of_clients)

tiles = Table(
    "tiles",
    metadata,
    # C2SP tlog-tiles of height 8: 256 hashes of 32 bytes, only when full, never changed.
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("tile", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary(8192), nullable=False),
)

commands = Table(
    "commands",
    metadata,
    _id("id", primary_key=True),
    Column("first_position", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False),
    Column("recorded_at_us", BigInteger, nullable=False),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("location", String(300), nullable=False),
    Column("version", Integer, nullable=False),
    _id("resource_id"),
    # Looked up by id alone: one tree instead of two, a page less to write for each commit.
    sqlite_with_rowid=False,
)

fences = Table(
    "fences",
    metadata,
    # A client under erasure: recorder and view writers refuse it, under their locks.
    _id("subject", primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("reason", String(64), nullable=False),
)

snapshots = Table(
    "snapshots",
    metadata,
    _id("stream", primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("topic", String(200), nullable=False),
    _id("subject"),
    Column("class", String(32), nullable=False, key="record_class"),
    _id("key_id"),
    Column("incarnation", SmallInteger, nullable=False),
    Column("state", LargeBinary, nullable=False),
)

# An erasure removes a client's while it holds the lock of the log.
Index("ix_snapshots_subject", snapshots.c.subject)

tracking = Table(
    "tracking",
    metadata,
    # Positions of the library's process recorders, in the transaction of the events they cause.
    Column("application", String(100), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

restores = Table(
    "restores",
    metadata,
    # One row an incarnation that a restore opened: from which back-up (SHA-256 of its manifest), up to which position.
    Column("incarnation", Integer, primary_key=True, autoincrement=False),
    Column("backup", String(64), nullable=False),
    Column("kept", BigInteger, nullable=False),
    # How far it has come; no process starts before it is finished.
    Column("stage", String(16), nullable=False),
    Column("begun_at_us", BigInteger, nullable=False),
    # 0 until then.
    Column("finished_at_us", BigInteger, nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    # What was published, for those who ask here; what counts lies off the box. Added to and never changed.
    Column("incarnation", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("published_at_us", BigInteger, nullable=False),
    Column("cosignatures", SmallInteger, nullable=False),
    Column("note", Text, nullable=False),
)

checkpoint_attempts = Table(
    "checkpoint_attempts",
    metadata,
    # How the last try to publish ended, for metrics and the doctor: "" for well, else the code of what went wrong.
    Column("incarnation", Integer, primary_key=True, autoincrement=False),
    Column("tried_at_us", BigInteger, nullable=False),
    Column("outcome", String(64), nullable=False),
)
