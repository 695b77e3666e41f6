"""Replacing keys by wrapping again what hangs from them. No event is rewritten: data keys stay what they are.

Each step is one transaction and leaves everything openable, so it may be interrupted anywhere and begun again.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import insert, select, update

from adapters.keys.book import ORGANISATION, KeyRow, key_row, living, lock_owner, may_wrap, transaction
from adapters.keys.errors import KeyKindRefused, RootRotationRefused
from adapters.keys.hierarchy import CLIENT_KEY, CLIENT_KEYS, CLIENT_NOTES_KEY, Hierarchy, Wrapper, wrapper_with
from adapters.keys.root_book import RootBook, RootRow, RootState
from adapters.keys.roots import NOTES
from adapters.keys.tables import keys
from adapters.keys.wrapping import KEY_BYTES
from domain.errors import Erased, KeysUnavailable, SealBroken
from domain.ports.keys import RecordClass, RootKey

BATCH: Final = 200
"""Keys wrapped again in one transaction: writers wait for it, some milliseconds."""
_ATTEMPTS: Final = 8


@dataclass(slots=True)
class Moved:
    """How many keys hang from the new root, and which could not be opened: those still hang from the old one."""

    keys: int = 0
    broken: list[UUID] = field(default_factory=list)


class Rotation:
    """Works beside running processes and beside other rotations. Needs the roots of what it moves.

    Running processes go on with data keys in memory, which stay the same; what they read anew they open under whatever
    wraps it by then.
    """

    def __init__(self, hierarchy: Hierarchy, now_us: Callable[[], int]) -> None:
        self._hierarchy = hierarchy
        self._engine = hierarchy.book.engine
        self._roots = RootBook(self._engine)
        self._now_us = now_us

    # A root

    def begin_root(self, purpose: str, successor: RootKey) -> None:
        """Let `successor` take over, unless it has. Raises RootRotationRefused, RootKeyNotHeld, KeysUnavailable."""
        held = self._hierarchy.roots_of(_class_under(purpose))
        for _ in range(_ATTEMPTS):
            known = {row.generation: row for row in self._roots.all(purpose)}
            current = next((row for row in known.values() if row.state is RootState.CURRENT), None)
            if current is None:
                raise RootRotationRefused("There is no root key to replace yet.", purpose=purpose)
            if current.generation == successor.generation:
                break
            if successor.generation in known:
                state = known[successor.generation].state
                raise RootRotationRefused("This root key served before; take a new one.", root=state)
            held.named(current.generation)
            if self._roots.succeed(current.generation, held.row_of(successor, self._now_us())):
                break
        held.look_again()

    def succeeded(self, purpose: str) -> Sequence[RootRow]:
        """Generations that were replaced and not retired yet."""
        return [row for row in self._roots.all(purpose) if row.state is RootState.SUCCEEDED]

    def move(self, old: RootRow, advance: Callable[[int], None] = lambda _: None) -> Moved:
        """Wrap with the current root whatever still hangs from `old`. Raises RootKeyNotHeld, KeysUnavailable."""
        moved, after = Moved(), UUID(int=0)
        while rows := self._hanging(old.generation, after):
            moved.keys += self._move(rows, old, moved)
            after = rows[-1].id
            advance(len(rows))
        return moved

    def retire(self, old: RootRow) -> bool:
        """False while something hangs from it."""
        return self._roots.retire(old.generation, self._now_us())

    def hanging(self, old: RootRow) -> int:
        return self._roots.hanging(old.generation)

    def _hanging(self, generation: str, after: UUID) -> Sequence[KeyRow]:
        query = select(keys).where(keys.c.wrapped_by == generation, living(), keys.c.id > after)
        with transaction(self._engine) as connection:
            return [key_row(row) for row in connection.execute(query.order_by(keys.c.id).limit(BATCH))]

    def _move(self, rows: Sequence[KeyRow], old: RootRow, moved: Moved) -> int:
        # Outside the transaction: a cloud takes its time, and nobody must wait for it.
        wrapped = [(row, again) for row in rows if (again := self._again(row, old, moved)) is not None]
        to, count = self._hierarchy.root_wrapper(_class_under(old.purpose)).name, 0
        with transaction(self._engine, writes=True) as connection:
            for row, again in wrapped:
                # Only what is as it was read: a key destroyed meanwhile stays destroyed.
                same = (keys.c.id == row.id, keys.c.wrapped_by == old.generation, keys.c.wrapped == row.wrapped)
                done = connection.execute(update(keys).where(*same, living()).values(wrapped=again, wrapped_by=to))
                count += done.rowcount
        return count

    def _again(self, row: KeyRow, old: RootRow, moved: Moved) -> bytes | None:
        before, after = (
            self._hierarchy.root_wrapper(_class_under(old.purpose), name) for name in (old.generation, None)
        )
        try:
            return self._hierarchy.rewrapped(row, before, after)
        except SealBroken:
            moved.broken.append(row.id)
            return None

    # A client

    def client(self, owner: UUID) -> int:
        """New client keys; their data keys are wrapped again under them and the old ones destroyed. Returns how many
        data keys moved. Raises Erased, SealBroken, NotesRootNotLoaded (nothing was changed), KeysUnavailable.
        """
        found = [row for name in (CLIENT_KEY, CLIENT_NOTES_KEY) if (row := self._hierarchy.book.newest(owner, name))]
        standing = [row for row in found if not row.destroyed]
        if not standing:
            raise Erased(client_id=owner)
        for row in standing:  # whether all can be done, before the first is
            self._hierarchy.roots_of(row.key_class)
        return sum(self._replace(row) for row in standing)

    def clients(self, made_before_us: int | None = None) -> Sequence[UUID]:
        """Clients with a living client key; only those with one made earlier than that."""
        query = select(keys.c.owner).where(keys.c.key_class.in_(CLIENT_KEYS), living()).distinct()
        if made_before_us is not None:
            query = query.where(keys.c.created_at_us < made_before_us)
        with transaction(self._engine) as connection:
            return list(connection.execute(query.order_by(keys.c.owner)).scalars())

    def _replace(self, before: KeyRow) -> int:
        for _ in range(_ATTEMPTS):
            old = self._hierarchy.client_wrapper(before, before.owner, before.key_class)
            root, key = self._hierarchy.root_wrapper(before.key_class), os.urandom(KEY_BYTES)
            after = self._hierarchy.wrapped_row(key, before.owner, before.key_class, before.epoch + 1, 0, root)
            count = self._exchange(before, old, after, wrapper_with(after.id, key))
            if count is not None:
                return count
            self._hierarchy.roots_of(before.key_class).look_again()
            newest = self._hierarchy.book.newest(before.owner, before.key_class)
            if newest is None or newest.destroyed:
                raise Erased(client_id=before.owner)
            if newest.id != before.id:
                return 0  # another rotation was first
            before = newest
        raise KeysUnavailable("What wraps this client's keys was replaced again and again; try once more.")

    def _exchange(self, before: KeyRow, old: Wrapper, after: KeyRow, new: Wrapper) -> int | None:
        """All of it, or None and nothing when the old key or the root is no longer what it was."""
        under_old = (keys.c.wrapped_by == old.name, living())
        with transaction(self._engine, writes=True) as connection:
            lock_owner(connection, before.owner)
            if not (may_wrap(connection, after.wrapped_by, None) and may_wrap(connection, old.name, before.id)):
                return None
            connection.execute(insert(keys).values(**_columns(after)))
            rows = [key_row(row) for row in connection.execute(select(keys).where(*under_old))]
            for row in rows:
                again = self._hierarchy.rewrapped(row, old, new)
                one = update(keys).where(keys.c.id == row.id, *under_old)
                connection.execute(one.values(wrapped=again, wrapped_by=new.name))
            gone = update(keys).where(keys.c.id == before.id)
            connection.execute(gone.values(wrapped=None, destroyed_at_us=self._now_us()))
        return len(rows)

    # An epoch

    def epoch(self, owner: UUID | None, record_class: RecordClass) -> bool:
        """A new data key from now on; False where there is none yet, or another process made one at this moment.

        Running processes take to it within `KeyLimits.cached_s`. Raises Erased, KeyKindRefused, KeysUnavailable.
        """
        if record_class is RecordClass.MAC:
            raise KeyKindRefused(key_class=record_class)
        stored_owner = owner or ORGANISATION
        row = self._hierarchy.newest(stored_owner, record_class)
        if row is not None and row.destroyed and owner is not None:  # the class went for good
            raise Erased(client_id=owner)
        return row is not None and self._hierarchy.create(stored_owner, record_class, row.epoch + 1, 0)[1]

    def owners_of(self, record_class: RecordClass) -> Sequence[UUID]:
        """Clients with a living data key of this class."""
        query = select(keys.c.owner).where(keys.c.key_class == str(record_class), living()).distinct()
        with transaction(self._engine) as connection:
            return list(connection.execute(query.order_by(keys.c.owner)).scalars())


def _class_under(purpose: str) -> str:
    """A class whose keys hang from the root of this purpose."""
    return CLIENT_NOTES_KEY if purpose == NOTES else CLIENT_KEY


def _columns(row: KeyRow) -> dict[str, object]:
    names = ("id", "owner", "key_class", "epoch", "wrapped_by", "wrapped", "reserved", "created_at_us")
    return {name: getattr(row, name) for name in names}
