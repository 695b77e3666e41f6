"""Generations of roots as the key database knows them: which one wraps, which one is being replaced, which are gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from adapters.keys.book import living, transaction, wrapping
from adapters.keys.tables import keys, roots

_ROOTS_LOCK: Final = 0x616E616D6B657973  # "anamkeys"


class RootState(StrEnum):
    """What a generation is for."""

    CURRENT = "current"
    """New keys are wrapped by it."""
    SUCCEEDED = "succeeded"
    """Another took over; keys still hang from it."""
    RETIRED = "retired"
    """No key hangs from it any more; copies of the key database may."""
    DESTROYED = "destroyed"
    """Nobody holds it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootRow:
    """A generation as stored. `check_value` is a known value that it wrapped; times in microseconds since 1970, UTC."""

    generation: str
    purpose: str
    check_value: bytes
    created_at_us: int = 0
    destroyed_at_us: int | None = None
    succeeded_by: str | None = None
    retired_at_us: int | None = None

    @property
    def state(self) -> RootState:
        if self.destroyed_at_us is not None:
            return RootState.DESTROYED
        if self.retired_at_us is not None:
            return RootState.RETIRED
        return RootState.CURRENT if self.succeeded_by is None else RootState.SUCCEEDED


class RootBook:
    """Reads and writes the table of roots. Every method raises KeysUnavailable when the database can't be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def all(self, purpose: str | None = None) -> Sequence[RootRow]:
        """Oldest first, destroyed ones included; of one purpose, or of both."""
        query = select(roots).order_by(roots.c.created_at_us, roots.c.generation)
        if purpose is not None:
            query = query.where(roots.c.purpose == purpose)
        with transaction(self._engine) as connection:
            return [_root_row(row) for row in connection.execute(query)]

    def enrol(self, root: RootRow) -> Sequence[RootRow]:
        """Store `root` if its purpose has none yet; give all of the purpose."""
        with transaction(self._engine, writes=True) as connection:
            _lock_roots(connection)
            of_purpose = select(roots).where(roots.c.purpose == root.purpose)
            if connection.execute(of_purpose).first() is None:
                self._store(connection, root)
            return [_root_row(row) for row in connection.execute(of_purpose.order_by(roots.c.created_at_us))]

    def succeed(self, generation: str, successor: RootRow) -> bool:
        """Store `successor` and let it take over from `generation`, which wraps nothing new from then on. False when
        `generation` is no longer the one that wraps, or the successor's name is known already.
        """
        taken_over = update(roots).where(roots.c.generation == generation, wrapping())
        known = select(roots.c.generation).where(roots.c.generation == successor.generation)
        with transaction(self._engine, writes=True) as connection:
            _lock_roots(connection)
            if connection.execute(known).first() is not None:
                return False
            # Waits for those who wrap at this moment (may_wrap): after the commit all they wrapped can be seen.
            if connection.execute(taken_over.values(succeeded_by=successor.generation)).rowcount != 1:
                return False
            self._store(connection, successor)
            return True

    def retire(self, generation: str, at_us: int) -> bool:
        """Mark a succeeded root retired; False while a living key hangs from it."""
        hanging = select(keys.c.id).where(keys.c.wrapped_by == generation, living()).limit(1)
        statement = update(roots).where(
            roots.c.generation == generation, roots.c.succeeded_by.is_not(None), roots.c.retired_at_us.is_(None)
        )
        with transaction(self._engine, writes=True) as connection:
            _lock_roots(connection)
            if connection.execute(hanging).first() is not None:
                return False
            connection.execute(statement.values(retired_at_us=at_us))
            return True

    def destroy(self, generation: str, at_us: int) -> bool:
        """Mark a retired root destroyed; False when it is not retired."""
        statement = update(roots).where(roots.c.generation == generation, roots.c.retired_at_us.is_not(None))
        with transaction(self._engine, writes=True) as connection:
            _lock_roots(connection)
            return connection.execute(statement.values(destroyed_at_us=at_us)).rowcount == 1

    def hanging(self, generation: str) -> int:
        """How many living keys the root wraps."""
        query = select(func.count()).select_from(keys).where(keys.c.wrapped_by == generation, living())
        with transaction(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def _store(self, connection: Connection, root: RootRow) -> None:
        connection.execute(
            self._insert(roots).values(
                generation=root.generation,
                purpose=root.purpose,
                check_value=root.check_value,
                created_at_us=root.created_at_us,
            )
        )


def _lock_roots(connection: Connection) -> None:
    # Two processes with different files must not both become the first root, or both a successor.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ROOTS_LOCK})


def _root_row(row: Row[Any]) -> RootRow:
    return RootRow(
        generation=row.generation,
        purpose=row.purpose,
        check_value=bytes(row.check_value),
        created_at_us=row.created_at_us,
        destroyed_at_us=row.destroyed_at_us,
        succeeded_by=row.succeeded_by,
        retired_at_us=row.retired_at_us,
    )
