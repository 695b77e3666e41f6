"""Opens every key there is, once, and says of each that does not fit what is wrong with it. Changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from adapters.keys.book import ORGANISATION, KeyRow, key_row, transaction
from adapters.keys.errors import NotesRootNotLoaded, RootKeyNotHeld
from adapters.keys.hierarchy import CLIENT_KEY, CLIENT_KEYS, Hierarchy, Wrapper, client_class_of
from adapters.keys.tables import keys
from domain.errors import Erased, SealBroken
from domain.ports.keys import RecordClass

PAGE: Final = 1000
_DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`code` is stable; `key_id` the key, `owner` a client's id or the nil UUID of the organisation."""

    code: str
    key_id: UUID
    owner: UUID


FAULTS: Final = {
    "does_not_open": "It does not open under what wraps it: its row was altered, or belongs to another deployment.",
    "parent_missing": "The client key that wraps it is not there.",
    "parent_destroyed": "It lives, and the client key that wraps it was destroyed.",
    "owner_destroyed": "It lives, and its client's key was destroyed.",
    "half_destroyed": "It counts as destroyed and still holds a wrapped key, or the other way round.",
    "reserved_impossible": "It counts fewer than no messages, or more than a key may seal.",
    "made_in_the_future": "It was made later than now.",
    "class_unknown": "No key has this class, or not for this kind of owner.",
    "root_not_held": "It hangs from a root key that the settings don't name.",
    "not_there": "Events name it, and it is not in the key database.",
    "of_another": "Events name it that belong to another client or class.",
}
"""What each code means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A key as events name it: under which client, in which class."""

    key_id: UUID
    subject: UUID | None
    record_class: str


class Examination:
    """`messages` is how many one key may seal. `passed_over` counts keys under the notes root, when it isn't held."""

    def __init__(self, hierarchy: Hierarchy, now_us: Callable[[], int], messages: int) -> None:
        self._hierarchy = hierarchy
        self._engine = hierarchy.book.engine
        self._now_us = now_us
        self._messages = messages
        self.passed_over = 0

    def total(self) -> int:
        """How many keys there are. Raises KeysUnavailable."""
        with transaction(self._engine) as connection:
            return int(connection.execute(select(func.count()).select_from(keys)).scalar_one())

    def faults(self, advance: Callable[[int], None] = lambda _: None) -> Iterator[Fault]:
        """Of all keys, owner by owner. Raises KeysUnavailable."""
        for owner, rows in groupby(self._rows(), key=lambda row: row.owner):
            of_owner = list(rows)
            yield from self._of_owner(owner, of_owner)
            advance(len(of_owner))

    def of_events(self, named: Iterable[Named]) -> Iterator[Fault]:
        """Of the keys that events name. Raises KeysUnavailable."""
        for each in named:
            owner = each.subject or ORGANISATION
            row = self._hierarchy.book.get(each.key_id)
            if row is None:
                yield Fault(code="not_there", key_id=each.key_id, owner=owner)
            elif row.key_class != each.record_class or (row.owner not in (owner, ORGANISATION)):
                yield Fault(code="of_another", key_id=each.key_id, owner=owner)

    def _rows(self) -> Iterator[KeyRow]:
        last = (UUID(int=0), UUID(int=0))
        first = True
        while True:
            query = select(keys).order_by(keys.c.owner, keys.c.id).limit(PAGE)
            if not first:
                later = (keys.c.owner > last[0]) | ((keys.c.owner == last[0]) & (keys.c.id > last[1]))
                query = query.where(later)
            with transaction(self._engine) as connection:
                rows = [key_row(row) for row in connection.execute(query)]
            yield from rows
            if len(rows) < PAGE:
                return
            last, first = (rows[-1].owner, rows[-1].id), False

    def _of_owner(self, owner: UUID, rows: Sequence[KeyRow]) -> Iterator[Fault]:
        above = {row.id.hex: row for row in rows if row.key_class in CLIENT_KEYS}
        opened: dict[str, Wrapper | str] = {}
        newest = max(
            (row for row in above.values() if row.key_class == CLIENT_KEY), key=lambda row: row.epoch, default=None
        )
        ended = newest is not None and newest.destroyed
        for row in rows:
            codes = list(self._plain(row))
            if not row.destroyed:
                codes += [code] if (code := self._opens(row, above, opened)) else []
                codes += ["owner_destroyed"] if ended else []
            yield from (Fault(code=code, key_id=row.id, owner=owner) for code in codes)

    def _plain(self, row: KeyRow) -> Iterator[str]:
        """What the row says by itself."""
        if (row.wrapped is None) != (row.destroyed_at_us is not None):
            yield "half_destroyed"
        if not 0 <= row.reserved <= self._messages:
            yield "reserved_impossible"
        if row.created_at_us > self._now_us() + _DAY_US:
            yield "made_in_the_future"
        known = row.key_class in CLIENT_KEYS or row.key_class in set(RecordClass)
        of_organisation = known and row.key_class not in CLIENT_KEYS and RecordClass(row.key_class).of_organisation
        if not known or of_organisation != (row.owner == ORGANISATION) or row.epoch < 1:
            yield "class_unknown"

    def _opens(self, row: KeyRow, above: dict[str, KeyRow], opened: dict[str, Wrapper | str]) -> str:
        """The code of why it doesn't, "" when it does."""
        try:
            if row.owner == ORGANISATION or row.key_class in CLIENT_KEYS:
                self._hierarchy.unwrapped(row, self._hierarchy.wrapper_of(row))
                return ""
            if row.wrapped_by not in opened:
                opened[row.wrapped_by] = self._opened(row, above)
            parent = opened[row.wrapped_by]
            if isinstance(parent, str):
                self.passed_over += parent == ""
                return parent
            self._hierarchy.unwrapped(row, parent)
        except NotesRootNotLoaded:
            self.passed_over += 1
        except RootKeyNotHeld:
            return "root_not_held"
        except SealBroken:
            return "does_not_open"
        return ""

    def _opened(self, row: KeyRow, above: dict[str, KeyRow]) -> Wrapper | str:
        """The client key that wraps a data key, or why it can't be had."""
        parent = above.get(row.wrapped_by)
        if parent is None:
            return "parent_missing"
        try:
            return self._hierarchy.client_wrapper(parent, row.owner, client_class_of(row.key_class))
        except Erased:
            return "parent_destroyed"
        except NotesRootNotLoaded:
            return ""
