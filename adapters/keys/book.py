"""The key database, one statement a transaction: what is written here is durable before it is used."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, and_, delete, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from adapters.db.errors import translated
from adapters.db.transactions import read_transaction, write_transaction
from adapters.keys.tables import keys, roots

ORGANISATION: Final = UUID(int=0)
"""Owner of keys that belong to no client."""
_OWNER_LOCKS: Final = 0x6F776E6572000000  # "owner": apart from the other advisory locks of a shared database


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key as stored: wrapped, or None once destroyed."""

    id: UUID
    owner: UUID
    key_class: str
    epoch: int
    wrapped_by: str
    wrapped: bytes | None
    reserved: int
    created_at_us: int
    destroyed_at_us: int | None

    @property
    def destroyed(self) -> bool:
        return self.wrapped is None or self.destroyed_at_us is not None


class KeyBook:
    """Reads and writes rows of the key database. Every method raises KeysUnavailable when it can't be reached."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Final = engine
        self._insert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def newest(self, owner: UUID, key_class: str) -> KeyRow | None:
        """The key of the highest epoch, destroyed or not."""
        query = select(keys).where(keys.c.owner == owner, keys.c.key_class == key_class)
        with self._transaction() as connection:
            found = connection.execute(query.order_by(keys.c.epoch.desc()).limit(1)).one_or_none()
        return None if found is None else key_row(found)

    def get(self, key_id: UUID) -> KeyRow | None:
        with self._transaction() as connection:
            found = connection.execute(select(keys).where(keys.c.id == key_id)).one_or_none()
        return None if found is None else key_row(found)

    def create(self, row: KeyRow, parent: UUID | None = None) -> KeyRow | None:
        """Store `row`; when another process stored a key for the same (owner, class, epoch) first, give that one.

        `parent` is the key that wraps it, without one a root does. None is the answer when that was destroyed, removed
        or replaced meanwhile, or the client's keys of this class were destroyed.
        """
        names = ("id", "owner", "key_class", "epoch", "wrapped_by", "wrapped", "reserved", "created_at_us")
        statement = self._insert(keys).values({name: getattr(row, name) for name in names}).on_conflict_do_nothing()
        same = and_(keys.c.owner == row.owner, keys.c.key_class == row.key_class, keys.c.epoch == row.epoch)
        with self._transaction(writes=True) as connection:
            lock_owner(connection, row.owner)
            allowed = may_wrap(connection, row.wrapped_by, parent) and not _ended(connection, row)
            if allowed and connection.execute(statement).rowcount == 1:
                return row
            found = connection.execute(select(keys).where(same)).one_or_none()
        return None if found is None else key_row(found)

    def reserve(self, key_id: UUID, messages: int, limit: int) -> bool:
        """Add `messages` to what processes may seal under the key; False when that would pass `limit`."""
        statement = (
            update(keys)
            .where(keys.c.id == key_id, living())
            .where(keys.c.reserved + messages <= limit)
            .values(reserved=keys.c.reserved + messages)
        )
        with self._transaction(writes=True) as connection:
            return connection.execute(statement).rowcount == 1

    def held(self, key_ids: Sequence[UUID]) -> set[UUID]:
        """Those of `key_ids` that the database knows, destroyed ones included."""
        found: set[UUID] = set()
        with self._transaction() as connection:
            for start in range(0, len(key_ids), 500):
                chunk = key_ids[start : start + 500]
                found.update(connection.execute(select(keys.c.id).where(keys.c.id.in_(chunk))).scalars())
        return found

    def owners_older_than(self, created_before_us: int) -> Sequence[tuple[UUID, int, int]]:
        """Clients all of whose keys are older and none destroyed: (owner, number of keys, messages reserved)."""
        query = (
            select(keys.c.owner, func.count(), func.sum(keys.c.reserved))
            .where(keys.c.owner != ORGANISATION)
            .group_by(keys.c.owner)
            .having(func.max(keys.c.created_at_us) < created_before_us, func.count(keys.c.destroyed_at_us) == 0)
        )
        with self._transaction() as connection:
            return [(row[0], int(row[1]), int(row[2])) for row in connection.execute(query)]

    def remove_unused(self, owner: UUID, count: int, reserved: int, created_before_us: int) -> int:
        """Delete an owner's keys if nothing about them changed since they were counted; returns how many went."""
        with self._transaction(writes=True) as connection:
            if self.engine.dialect.name == "postgresql":
                # No key is made or reserved between the look and the removal; readers go on.
                connection.execute(text("LOCK TABLE keys IN SHARE ROW EXCLUSIVE MODE"))
            owned = select(func.count(), func.sum(keys.c.reserved), func.max(keys.c.created_at_us)).where(
                keys.c.owner == owner
            )
            now_count, now_reserved, newest_us = connection.execute(owned).one()
            if (now_count, now_reserved) != (count, reserved) or newest_us >= created_before_us:
                return 0
            return connection.execute(delete(keys).where(keys.c.owner == owner)).rowcount

    def _transaction(self, *, writes: bool = False) -> AbstractContextManager[Connection]:
        return transaction(self.engine, writes=writes)


@contextmanager
def transaction(engine: Engine, *, writes: bool = False) -> Iterator[Connection]:
    """One of the key database. Raises KeysUnavailable."""
    opened = write_transaction if writes else read_transaction
    with translated("keys"), opened(engine) as connection:
        yield connection


def lock_owner(connection: Connection, owner: UUID) -> None:
    """Until the transaction ends nobody else makes, replaces or destroys keys of this owner.

    Whatever destroys keys of an owner takes it first: otherwise a key that is made at this moment is not seen, and stays.
    On SQLite the write transaction itself is that lock.
    """
    if connection.dialect.name != "postgresql":
        return
    # First the table, as all writers do: taken after a row, it could wait for a sweep that waits for that row.
    connection.execute(text("LOCK TABLE keys IN ROW EXCLUSIVE MODE"))
    number = int.from_bytes(owner.bytes[:8], "big", signed=True) ^ _OWNER_LOCKS
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def living(table: Any = keys) -> Any:
    """The condition of a key that was not destroyed."""
    return and_(table.c.wrapped.is_not(None), table.c.destroyed_at_us.is_(None))


def may_wrap(connection: Connection, wrapped_by: str, parent: UUID | None) -> bool:
    """Whether new keys may be wrapped by this key, or this root, and goes on being so until the transaction ends."""
    if parent is not None:
        query = select(keys.c.id).where(keys.c.id == parent, living())
    else:
        query = select(roots.c.generation).where(roots.c.generation == wrapped_by, wrapping())
    return connection.execute(query.with_for_update(read=True)).first() is not None


def _ended(connection: Connection, row: KeyRow) -> bool:
    """Whether the client's keys of this class were destroyed: no later epoch follows."""
    if row.owner == ORGANISATION:
        return False
    of_class = select(keys.c.destroyed_at_us).where(keys.c.owner == row.owner, keys.c.key_class == row.key_class)
    newest = connection.execute(of_class.order_by(keys.c.epoch.desc()).limit(1)).one_or_none()
    return newest is not None and newest.destroyed_at_us is not None


def wrapping() -> Any:
    """The condition of a root that new keys are wrapped by."""
    return and_(roots.c.succeeded_by.is_(None), roots.c.retired_at_us.is_(None), roots.c.destroyed_at_us.is_(None))


def key_row(row: Row[Any]) -> KeyRow:
    """As selected from the table with all its columns."""
    return KeyRow(
        id=row.id,
        owner=row.owner,
        key_class=row.key_class,
        epoch=row.epoch,
        wrapped_by=row.wrapped_by,
        wrapped=None if row.wrapped is None else bytes(row.wrapped),
        reserved=row.reserved,
        created_at_us=row.created_at_us,
        destroyed_at_us=row.destroyed_at_us,
    )
