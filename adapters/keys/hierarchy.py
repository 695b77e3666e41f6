"""Which key wraps which: root → data keys of the organisation; root → client key → the client's data keys.

Psychotherapy notes hang from a second client key, wrapped by the notes root.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.keys.book import ORGANISATION, KeyBook, KeyRow
from adapters.keys.errors import NotesRootNotLoaded, RootKeyNotHeld, RootKeysAlike
from adapters.keys.roots import Roots
from adapters.keys.wrapping import KEY_BYTES, unwrap, wrap, wrap_context
from domain.errors import Erased, KeyMissing, KeysUnavailable, SealBroken
from domain.ports.keys import RecordClass

CLIENT_KEY: Final = "client"
CLIENT_NOTES_KEY: Final = "client-notes"
CLIENT_KEYS: Final = frozenset((CLIENT_KEY, CLIENT_NOTES_KEY))
OF_NOTES: Final = frozenset((CLIENT_NOTES_KEY, *(str(each) for each in RecordClass if each.of_notes_root)))
"""Classes of keys that hang from the second root."""
DERIVING: Final = frozenset((RecordClass.MAC, RecordClass.TOKEN))
"""Classes whose keys feed HMAC and are never used to encrypt."""
DAY_US: Final = 86_400_000_000
_ATTEMPTS: Final = 4
"""How often a key is made anew because what wraps it was replaced at that moment."""


@dataclass(slots=True, kw_only=True)
class OpenedKey:
    """A data key in memory: an AES-GCM cipher, or for the deriving classes the secret itself."""

    id: UUID
    owner: UUID
    record_class: RecordClass
    created_at_us: int
    cipher: AESGCM | None = field(repr=False)
    secret: bytes | None = field(repr=False)
    expires_s: float = 0.0
    """On the monotonic clock."""


class Wrapper(NamedTuple):
    """What wraps a key: its name in the row, and the two directions."""

    name: str
    key_id: UUID | None
    """None for a root."""
    wrap: Callable[[bytes, bytes], bytes]
    unwrap: Callable[[bytes, bytes], bytes]


def is_of_an_earlier_day(record_class: str, created_at_us: int, now_us: int) -> bool:
    """Whether a key that serves one UTC day (audit) has had its day. A clock that is behind never rolls back."""
    return record_class == RecordClass.AUDIT and created_at_us // DAY_US < now_us // DAY_US


class Hierarchy:
    """Makes, wraps and unwraps keys; keeps none of them."""

    def __init__(
        self, book: KeyBook, deployment: UUID, main: Roots, notes: Roots | None, now_us: Callable[[], int]
    ) -> None:
        self.book: Final = book
        self._deployment = deployment
        self._main = main
        self._notes = notes
        self._now_us = now_us

    def enrol_roots(self) -> None:
        """Remember the roots of a new key database; refuse any other afterwards.

        Raises RootKeyWrong, RootKeysAlike, RootKeyDestroyed.
        """
        if self._notes is not None and self._notes.generations & self._main.generations:
            raise RootKeysAlike
        self._main.enrol(self._now_us)
        if self._notes is not None:
            self._notes.enrol(self._now_us)

    def newest(self, owner: UUID, record_class: RecordClass) -> KeyRow | None:
        """The key of the highest epoch. Raises Erased for a client whose keys are destroyed."""
        if record_class.of_organisation != (owner == ORGANISATION):
            raise ValueError(f"class {record_class} does not belong to this kind of owner")
        row = self.book.newest(owner, record_class)
        if row is not None and row.destroyed and (owner != ORGANISATION or record_class is RecordClass.MAC):
            raise Erased(key_id=row.id)  # a second mac key would silently find nothing of what the first one named
        return row

    def get(self, key_id: UUID) -> KeyRow:
        """Raises KeyMissing."""
        row = self.book.get(key_id)
        if row is None:
            raise KeyMissing(key_id=key_id)
        return row

    def create(self, owner: UUID, record_class: RecordClass, epoch: int, reserved: int) -> tuple[KeyRow, bool]:
        """A key of this epoch, stored durably, and whether it was this call that made it."""
        for _ in range(_ATTEMPTS):
            wrapper = self._wrapper_of_data(owner, record_class)  # raises Erased when the client's key was destroyed
            row = self.made(owner, record_class, epoch, reserved, wrapper)
            stored = self.book.create(row, wrapper.key_id)
            if stored is not None:
                return stored, stored.id == row.id
            self.newest(owner, record_class)  # raises Erased when keys of this class were destroyed meanwhile
            self.roots_of(record_class).look_again()
        raise _gone(record_class)

    def opened(self, row: KeyRow) -> OpenedKey:
        """Raises Erased when the key or the one above it was destroyed, SealBroken when its row was altered,
        RootKeyNotHeld.
        """
        try:
            return self._opened(row)
        except (Erased, RootKeyNotHeld):
            # What wraps it may have been replaced since the row was read.
            again = self.get(row.id)
            if again.wrapped_by == row.wrapped_by:
                raise
            return self._opened(again)

    def _opened(self, row: KeyRow) -> OpenedKey:
        try:
            record_class = RecordClass(row.key_class)
        except ValueError as exc:  # a wrapping key named where a data key belongs
            raise SealBroken(key_id=row.id) from exc
        if record_class.of_organisation != (row.owner == ORGANISATION):
            raise SealBroken(key_id=row.id)
        if row.destroyed:
            raise Erased(key_id=row.id)
        key = self.unwrapped(row, self.wrapper_of(row))
        derives = record_class in DERIVING
        return OpenedKey(
            id=row.id,
            owner=row.owner,
            record_class=record_class,
            created_at_us=row.created_at_us,
            cipher=None if derives else AESGCM(key),
            secret=key if derives else None,
        )

    def roots_of(self, key_class: str) -> Roots:
        """The roots that keys of this class hang from in the end. Raises NotesRootNotLoaded."""
        if key_class not in OF_NOTES:
            return self._main
        if self._notes is None:
            raise NotesRootNotLoaded
        return self._notes

    def root_wrapper(self, key_class: str, generation: str | None = None) -> Wrapper:
        """The root of this class by name, or the one for new keys. Raises RootKeyNotHeld, SealBroken."""
        held = self.roots_of(key_class)
        root = held.current() if generation is None else held.named(generation)
        return Wrapper(root.generation, None, root.wrap, root.unwrap)

    def wrapper_of(self, row: KeyRow) -> Wrapper:
        """What wraps an existing key, as its row names it. Raises Erased, SealBroken, RootKeyNotHeld."""
        if row.owner == ORGANISATION or row.key_class in CLIENT_KEYS:
            try:
                return self.root_wrapper(row.key_class, row.wrapped_by)
            except SealBroken as exc:
                raise SealBroken(key_id=row.id) from exc
        try:
            parent = self.get(UUID(hex=row.wrapped_by))
        except ValueError as exc:
            raise SealBroken(key_id=row.id) from exc
        return self.client_wrapper(parent, row.owner, client_class_of(row.key_class))

    def client_wrapper(self, row: KeyRow, owner: UUID, client_class: str) -> Wrapper:
        """A client key, opened to wrap. Raises Erased, SealBroken, RootKeyNotHeld."""
        if row.owner != owner or row.key_class != client_class:
            raise SealBroken(key_id=row.id)
        if row.destroyed:
            raise Erased(key_id=row.id)
        return wrapper_with(row.id, self.unwrapped(row, self.wrapper_of(row)))

    def _wrapper_of_data(self, owner: UUID, record_class: RecordClass) -> Wrapper:
        """What wraps new data keys of (owner, class): a root, or the client's newest key, made when there is none."""
        if record_class.of_organisation:
            return self.root_wrapper(record_class)
        client_class = client_class_of(record_class)
        row = self.book.newest(owner, client_class) or self._first_client_key(owner, client_class)
        return self.client_wrapper(row, owner, client_class)

    def _first_client_key(self, owner: UUID, client_class: str) -> KeyRow:
        for _ in range(_ATTEMPTS):
            made = self.made(owner, client_class, 1, 0, self.root_wrapper(client_class))
            stored = self.book.create(made)
            if stored is not None:
                return stored
            self.roots_of(client_class).look_again()
        raise _gone(client_class)

    def made(self, owner: UUID, key_class: str, epoch: int, reserved: int, wrapper: Wrapper) -> KeyRow:
        """A new random key as a row, not stored yet. Raises KeysUnavailable."""
        return self.wrapped_row(os.urandom(KEY_BYTES), owner, key_class, epoch, reserved, wrapper)

    def wrapped_row(  # noqa: PLR0913, PLR0917 - the wrapping binds all of them
        self, key: bytes, owner: UUID, key_class: str, epoch: int, reserved: int, wrapper: Wrapper
    ) -> KeyRow:
        """A new row, not stored yet, for a key that the caller has."""
        key_id, now_us = uuid4(), self._now_us()
        context = wrap_context(self._deployment, owner, str(key_class), epoch, key_id, wrapper.name, now_us)
        return KeyRow(
            id=key_id,
            owner=owner,
            key_class=str(key_class),
            epoch=epoch,
            wrapped_by=wrapper.name,
            wrapped=wrapper.wrap(key, context),
            reserved=reserved,
            created_at_us=now_us,
            destroyed_at_us=None,
        )

    def unwrapped(self, row: KeyRow, wrapper: Wrapper) -> bytes:
        """The key of a row. Raises Erased, SealBroken, KeysUnavailable."""
        if row.wrapped is None:
            raise Erased(key_id=row.id)
        if row.wrapped_by != wrapper.name:
            raise SealBroken(key_id=row.id)
        try:
            return wrapper.unwrap(row.wrapped, self._context(row, row.wrapped_by))
        except (SealBroken, OverflowError) as exc:  # no key was ever made with a number that doesn't fit
            raise SealBroken(key_id=row.id) from exc

    def rewrapped(self, row: KeyRow, before: Wrapper, after: Wrapper) -> bytes:
        """The same key, wrapped by another. Raises Erased, SealBroken, KeysUnavailable."""
        return after.wrap(self.unwrapped(row, before), self._context(row, after.name))

    def _context(self, row: KeyRow, wrapped_by: str) -> bytes:
        return wrap_context(
            self._deployment, row.owner, row.key_class, row.epoch, row.id, wrapped_by, row.created_at_us
        )


def client_class_of(key_class: str) -> str:
    """The class of the client key that wraps data keys of this class."""
    return CLIENT_NOTES_KEY if key_class in OF_NOTES else CLIENT_KEY


def wrapper_with(key_id: UUID, key: bytes) -> Wrapper:
    """A client key in memory, to wrap data keys with."""
    cipher = AESGCM(key)
    return Wrapper(key_id.hex, key_id, lambda k, c: wrap(cipher, k, c), lambda w, c: unwrap(cipher, w, c))


def _gone(key_class: str) -> KeysUnavailable:
    return KeysUnavailable("A key was made and removed by another process at once; try again.", key_class=key_class)
