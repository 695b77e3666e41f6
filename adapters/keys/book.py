"""The key database, one statement a transaction: what is written here is durable before it is used."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, Row, and_, delete, exists, func, literal, select, text, true, update
from sqlalchemy.dialects import postgresql, sqlite

from adapters.db.errors import translated
from adapters.db.transactions import read_transaction, write_transaction
from adapters.keys.tables import keys, roots

ORGANISATION: Final = UUID(int=0)
"""Owner of keys that belong to no client."""
_ROOTS_LOCK: Final = 0x616E616D6B657973  # "anamkeys"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RootRow:
    generation: str
    purpose: str
    check_value: bytes


_PARENT: Final = keys.alias("parent")


def _living(table: Any) -> Any:
    return and_(table.c.wrapped.is_not(None), table.c.destroyed_at_us.is_(None))


class KeyBook:
    """Reads and writes rows of the key database. Every method raises KeysUnavailable when it can't be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def newest(self, owner: UUID, key_class: str) -> KeyRow | None:
        """The key of the highest epoch, destroyed or not."""
        query = select(keys).where(keys.c.owner == owner, keys.c.key_class == key_class)
        with self._transaction() as connection:
            return _key_row(connection.execute(query.order_by(keys.c.epoch.desc()).limit(1)).one_or_none())

    def get(self, key_id: UUID) -> KeyRow | None:
        with self._transaction() as connection:
            return _key_row(connection.execute(select(keys).where(keys.c.id == key_id)).one_or_none())

    def create(self, row: KeyRow, parent: UUID | None = None) -> KeyRow | None:
        """Store `row`; when another process stored a key for the same (owner, class, epoch) first, give that one.

        `parent` is the key that wraps it, in the same statement asked to be there still: None is the answer when it was
        destroyed or removed meanwhile.
        """
        names = ("id", "owner", "key_class", "epoch", "wrapped_by", "wrapped", "reserved", "created_at_us")
        values = select(*(literal(getattr(row, name), keys.c[name].type) for name in names)).where(
            true() if parent is None else exists(select(_PARENT.c.id).where(_PARENT.c.id == parent, _living(_PARENT)))
        )
        statement = self._insert(keys).from_select(names, values).on_conflict_do_nothing()
        with self._transaction(writes=True) as connection:
            if connection.execute(statement).rowcount == 1:
                return row
        query = select(keys).where(
            keys.c.owner == row.owner, keys.c.key_class == row.key_class, keys.c.epoch == row.epoch
        )
        with self._transaction() as connection:
            return _key_row(connection.execute(query).one_or_none())

    def reserve(self, key_id: UUID, messages: int, limit: int) -> bool:
        """Add `messages` to what processes may seal under the key; False when that would pass `limit`."""
        statement = (
            update(keys)
            .where(keys.c.id == key_id, _living(keys))
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
        """Clients all of whose keys are older: (owner, number of keys, messages reserved)."""
        query = (
            select(keys.c.owner, func.count(), func.sum(keys.c.reserved))
            .where(keys.c.owner != ORGANISATION)
            .group_by(keys.c.owner)
            .having(func.max(keys.c.created_at_us) < created_before_us)
        )
        with self._transaction() as connection:
            return [(row[0], int(row[1]), int(row[2])) for row in connection.execute(query)]

    def remove_unused(self, owner: UUID, count: int, reserved: int, created_before_us: int) -> int:
        """Delete an owner's keys if nothing about them changed since they were counted; returns how many went."""
        with self._transaction(writes=True) as connection:
            if self._engine.dialect.name == "postgresql":
                # No key is made or reserved between the look and the removal; readers go on.
                connection.execute(text("LOCK TABLE keys IN SHARE ROW EXCLUSIVE MODE"))
            owned = select(func.count(), func.sum(keys.c.reserved), func.max(keys.c.created_at_us)).where(
                keys.c.owner == owner
            )
            now_count, now_reserved, newest_us = connection.execute(owned).one()
            if (now_count, now_reserved) != (count, reserved) or newest_us >= created_before_us:
                return 0
            return connection.execute(delete(keys).where(keys.c.owner == owner)).rowcount

    def enrol_root(self, root: RootRow, created_at_us: int) -> Sequence[RootRow]:
        """Store `root` if its purpose has none yet; give the purpose's living roots."""
        columns = ["generation", "purpose", "check_value", "created_at_us"]
        living = and_(roots.c.purpose == root.purpose, roots.c.destroyed_at_us.is_(None))
        values = select(
            literal(root.generation),
            literal(root.purpose),
            literal(root.check_value, roots.c.check_value.type),
            literal(created_at_us, roots.c.created_at_us.type),
        ).where(~exists(select(roots.c.generation).where(roots.c.purpose == root.purpose)))
        with self._transaction(writes=True) as connection:
            if self._engine.dialect.name == "postgresql":
                # Two processes with different files must not both become the first root.
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ROOTS_LOCK})
            connection.execute(self._insert(roots).from_select(columns, values).on_conflict_do_nothing())
            rows = connection.execute(
                select(roots.c.generation, roots.c.purpose, roots.c.check_value).where(living)
            ).all()
        return [RootRow(generation=row[0], purpose=row[1], check_value=bytes(row[2])) for row in rows]

    @contextmanager
    def _transaction(self, *, writes: bool = False) -> Iterator[Connection]:
        opened = write_transaction if writes else read_transaction
        with translated("keys"), opened(self._engine) as connection:
            yield connection


def _key_row(row: Row[Any] | None) -> KeyRow | None:
    if row is None:
        return None
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
