"""Which key wraps which: root → data keys of the organisation; root → client key → the client's data keys.

Psychotherapy notes hang from a second client key, wrapped by the notes root.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.keys.book import ORGANISATION, KeyBook, KeyRow, RootRow
from adapters.keys.errors import NotesRootNotLoaded, RootKeysAlike, RootKeyWrong
from adapters.keys.wrapping import CHECK_VALUE, KEY_BYTES, check_context, unwrap, wrap, wrap_context
from domain.errors import Erased, KeyMissing, KeysUnavailable, SealBroken
from domain.ports.keys import RecordClass, RootKey

CLIENT_KEY: Final = "client"
CLIENT_NOTES_KEY: Final = "client-notes"
DERIVING: Final = frozenset((RecordClass.MAC, RecordClass.TOKEN))
"""Classes whose keys feed HMAC and are never used to encrypt."""
DAY_US: Final = 86_400_000_000


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


class _Wrapper(NamedTuple):
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
        self, book: KeyBook, deployment: UUID, root: RootKey, notes_root: RootKey | None, now_us: Callable[[], int]
    ) -> None:
        self._book = book
        self._deployment = deployment
        self._root = root
        self._notes_root = notes_root
        self._now_us = now_us

    def enrol_roots(self) -> None:
        """Remember the roots of a new key database; refuse any other afterwards. Raises RootKeyWrong, RootKeysAlike."""
        self._enrol("main", self._root)
        if self._notes_root is None:
            return
        if self._notes_root.generation == self._root.generation:
            raise RootKeysAlike
        self._enrol("notes", self._notes_root)

    def newest(self, owner: UUID, record_class: RecordClass) -> KeyRow | None:
        """The key of the highest epoch. Raises Erased for a client whose keys are destroyed."""
        if record_class.of_organisation != (owner == ORGANISATION):
            raise ValueError(f"class {record_class} does not belong to this kind of owner")
        row = self._book.newest(owner, record_class)
        if row is not None and row.destroyed and (owner != ORGANISATION or record_class is RecordClass.MAC):
            raise Erased(key_id=row.id)  # a second mac key would silently find nothing of what the first one named
        return row

    def get(self, key_id: UUID) -> KeyRow:
        """Raises KeyMissing."""
        row = self._book.get(key_id)
        if row is None:
            raise KeyMissing(key_id=key_id)
        return row

    def create(self, owner: UUID, record_class: RecordClass, epoch: int, reserved: int) -> tuple[KeyRow, bool]:
        """A key of this epoch, stored durably, and whether it was this call that made it."""
        wrapper = self._wrapper_of_data(owner, record_class, make=True)
        row = self._make(owner, record_class, epoch, reserved, wrapper)
        stored = self._book.create(row, wrapper.key_id)
        if stored is None:
            self._wrapper_of_data(owner, record_class, make=True)  # raises Erased if that is why
            raise _gone(record_class)
        return stored, stored.id == row.id

    def opened(self, row: KeyRow) -> OpenedKey:
        """Raises Erased when the key or the one above it was destroyed, SealBroken when its row was altered."""
        try:
            record_class = RecordClass(row.key_class)
        except ValueError as exc:  # a wrapping key named where a data key belongs
            raise SealBroken(key_id=row.id) from exc
        if record_class.of_organisation != (row.owner == ORGANISATION):
            raise SealBroken(key_id=row.id)
        if row.destroyed:
            raise Erased(key_id=row.id)
        key = self._unwrapped(row, self._wrapper_of_data(row.owner, record_class, named=row.wrapped_by))
        derives = record_class in DERIVING
        return OpenedKey(
            id=row.id,
            owner=row.owner,
            record_class=record_class,
            created_at_us=row.created_at_us,
            cipher=None if derives else AESGCM(key),
            secret=key if derives else None,
        )

    def _wrapper_of_data(
        self, owner: UUID, record_class: RecordClass, *, named: str = "", make: bool = False
    ) -> _Wrapper:
        """What wraps data keys of (owner, class): as `named` in an existing row, or the newest one for a new row."""
        if record_class.of_organisation:
            return self._root_wrapper(self._root)
        root = self._notes() if record_class.of_notes_root else self._root
        client_class = CLIENT_NOTES_KEY if record_class.of_notes_root else CLIENT_KEY
        row = self._client_row(owner, client_class, root, named=named, make=make)
        if row.owner != owner or row.key_class != client_class:
            raise SealBroken(key_id=row.id)
        if row.destroyed:
            raise Erased(key_id=row.id)
        cipher = AESGCM(self._unwrapped(row, self._root_wrapper(root)))
        return _Wrapper(row.id.hex, row.id, lambda k, c: wrap(cipher, k, c), lambda w, c: unwrap(cipher, w, c))

    def _client_row(self, owner: UUID, client_class: str, root: RootKey, *, named: str, make: bool) -> KeyRow:
        if not make:
            try:
                return self.get(UUID(hex=named))
            except ValueError as exc:
                raise SealBroken from exc
        row = self._book.newest(owner, client_class)
        row = row or self._book.create(self._make(owner, client_class, 1, 0, self._root_wrapper(root)))
        if row is None:
            raise _gone(client_class)
        return row

    def _make(self, owner: UUID, key_class: str, epoch: int, reserved: int, wrapper: _Wrapper) -> KeyRow:
        key_id, now_us = uuid4(), self._now_us()
        context = wrap_context(self._deployment, owner, str(key_class), epoch, key_id, wrapper.name, now_us)
        return KeyRow(
            id=key_id,
            owner=owner,
            key_class=str(key_class),
            epoch=epoch,
            wrapped_by=wrapper.name,
            wrapped=wrapper.wrap(os.urandom(KEY_BYTES), context),
            reserved=reserved,
            created_at_us=now_us,
            destroyed_at_us=None,
        )

    def _unwrapped(self, row: KeyRow, wrapper: _Wrapper) -> bytes:
        if row.wrapped is None:
            raise Erased(key_id=row.id)
        if row.wrapped_by != wrapper.name:
            raise SealBroken(key_id=row.id)
        try:
            context = wrap_context(
                self._deployment, row.owner, row.key_class, row.epoch, row.id, row.wrapped_by, row.created_at_us
            )
            return wrapper.unwrap(row.wrapped, context)
        except (SealBroken, OverflowError) as exc:  # no key was ever made with a number that doesn't fit
            raise SealBroken(key_id=row.id) from exc

    def _notes(self) -> RootKey:
        if self._notes_root is None:
            raise NotesRootNotLoaded
        return self._notes_root

    @staticmethod
    def _root_wrapper(root: RootKey) -> _Wrapper:
        return _Wrapper(root.generation, None, root.wrap, root.unwrap)

    def _enrol(self, purpose: str, root: RootKey) -> None:
        context = check_context(self._deployment, purpose, root.generation)
        ours = RootRow(generation=root.generation, purpose=purpose, check_value=root.wrap(CHECK_VALUE, context))
        known = {row.generation: row for row in self._book.enrol_root(ours, self._now_us())}
        stored = known.get(root.generation)
        if stored is None or len(known) > 1:
            raise RootKeyWrong(root=purpose)
        try:
            recognised = root.unwrap(stored.check_value, context) == CHECK_VALUE
        except SealBroken as exc:
            raise RootKeyWrong(root=purpose) from exc
        if not recognised:
            raise RootKeyWrong(root=purpose)


def _gone(key_class: str) -> KeysUnavailable:
    return KeysUnavailable("A key was made and removed by another process at once; try again.", key_class=key_class)
