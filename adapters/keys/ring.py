"""The key ring: seals and opens under data keys that it makes, wraps, counts, rolls and forgets.

Three caches, each bounded: opened keys (by count and by time: they are the secret), the key now used for an (owner,
class), and budgets, the messages this process reserved durably and may still seal under a key. Sealing and opening
take no lock as long as they find what they need; whatever is missing is fetched under a lock of the owner's own.
"""

import hmac
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic, time_ns
from typing import Final
from uuid import UUID
from weakref import WeakSet

from cryptography.exceptions import InvalidTag
from sqlalchemy import Engine

from adapters.event_store.envelope import length_prefixed
from adapters.keys.book import ORGANISATION, KeyBook, KeyRow
from adapters.keys.caches import BoundedCache, Budget, Locks
from adapters.keys.hierarchy import DERIVING, Hierarchy, OpenedKey, is_of_an_earlier_day
from adapters.keys.root_book import RootBook
from adapters.keys.roots import MAIN, NOTES, Roots
from adapters.keys.wrapping import NONCE_BYTES, TAG_BYTES, derived
from domain.errors import Erased, KeysUnavailable, SealBroken
from domain.ports.keys import RecordClass, RootKey

SEAL_FORMAT: Final = b"\x01"
HEADER_BYTES: Final = 1 + 16
OVERHEAD_BYTES: Final = HEADER_BYTES + NONCE_BYTES + TAG_BYTES
"""How much longer sealed bytes are than their plaintext."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLimits:
    """How often a key may be used and how long it stays in memory."""

    messages: int = 2**28
    """Messages one data key may seal. NIST SP 800-38D allows 2**32 with random nonces; a sixteenth of that keeps the
    chance of a repeated nonce below 2**-40."""
    client_block: int = 2**12
    organisation_block: int = 2**16
    """Messages a process reserves at a time; what it doesn't use is lost to the key, not to anyone's data."""
    cached_keys: int = 20_000
    cached_s: float = 300.0
    """Seconds an opened key stays in memory, and so the longest that a process forgets the destruction of a key."""
    budgets: int = 100_000
    budget_s: float = 3600.0
    epoch_us: int | None = None
    """Microseconds after which a data key is followed by another; None leaves that to the number of messages."""

    def block(self, owner: UUID) -> int:
        return min(self.organisation_block if owner == ORGANISATION else self.client_block, self.messages)


class KeyRing:
    """Satisfies domain.ports.keys.Sealer. One a process; safe for threads, and after a fork starts empty.

    `root` is one, or while one is replaced by another all that are in use. Raises RootKeyWrong, RootKeysAlike,
    RootKeyDestroyed, KeysUnavailable when made.
    """

    def __init__(  # noqa: PLR0913 - wiring
        self,
        engine: Engine,
        *,
        deployment: UUID,
        root: RootKey | Sequence[RootKey],
        notes_root: RootKey | Sequence[RootKey] | None = None,
        limits: KeyLimits | None = None,
        now_us: Callable[[], int] = lambda: time_ns() // 1000,
    ) -> None:
        self.deployment: Final = deployment
        self.limits: Final = limits or KeyLimits()
        self.book: Final = KeyBook(engine)
        self._now_us = now_us
        self._hierarchy = hierarchy_on(self.book, deployment, root, notes_root, now_us)
        self._hierarchy.enrol_roots()
        self._locks = Locks()
        self._opened: BoundedCache[bytes, OpenedKey] = BoundedCache(self.limits.cached_keys)
        self._current: BoundedCache[tuple[UUID | None, RecordClass], OpenedKey] = BoundedCache(self.limits.cached_keys)
        self._budgets: BoundedCache[bytes, Budget] = BoundedCache(self.limits.budgets)
        self._forgotten = 0
        self._barred: set[tuple[UUID, RecordClass | None]] = set()
        self.leased_until_s = inf
        """On the monotonic clock: from then on clients' keys stay closed. Whoever keeps the process's lease moves it."""
        _RINGS.add(self)

    def key_id(self, owner: UUID | None, record_class: RecordClass) -> UUID:
        key = self._current.get((owner, record_class))
        return key.id if key is not None and self._serves(key) else self._choose(owner, record_class).id

    def seal(self, key_id: UUID, plaintext: bytes, context: bytes) -> bytes:
        header = key_id.bytes
        key = self._opened.get(header)
        now_s = monotonic()
        if key is None or key.expires_s < now_s or self.leased_until_s < now_s:
            key = self._load(key_id)
        if key.cipher is None:
            raise ValueError(f"keys of class {key.record_class} derive, they don't seal")
        budget = self._budgets.get(header)
        if budget is None or not budget.take():
            self._reserve_again(key)
        nonce = _random(NONCE_BYTES)
        return SEAL_FORMAT + header + nonce + key.cipher.encrypt(nonce, plaintext, context)

    def open(self, sealed: bytes, context: bytes, record_class: RecordClass | None = None) -> bytes:
        if len(sealed) < OVERHEAD_BYTES or sealed[:1] != SEAL_FORMAT:
            raise SealBroken
        key = self._opened.get(sealed[1:HEADER_BYTES])
        now_s = monotonic()
        if key is None or key.expires_s < now_s or self.leased_until_s < now_s:
            key = self._load(UUID(bytes=sealed[1:HEADER_BYTES]))
        if key.cipher is None or (record_class is not None and key.record_class is not record_class):
            raise SealBroken
        start = HEADER_BYTES + NONCE_BYTES
        try:
            return key.cipher.decrypt(sealed[HEADER_BYTES:start], sealed[start:], context)
        except InvalidTag as exc:
            raise SealBroken from exc

    def mac(self, label: str, *parts: bytes) -> bytes:
        key = self._current.get((None, RecordClass.MAC))
        if key is None or not self._serves(key):
            key = self._choose(None, RecordClass.MAC)
        message = length_prefixed(b"anamnesis/mac/1", label.encode(), *parts)
        return hmac.digest(_secret(key), message, "sha256")

    def derive(self, key_id: UUID, label: str) -> bytes:
        """A 32-byte secret for one use, from a key of class `token`.

        Raises SealBroken for a key of another class, KeyMissing, Erased, KeysUnavailable.
        """
        key = self._opened.get(key_id.bytes)
        if key is None or key.expires_s < monotonic():
            key = self._load(key_id)
        if key.record_class is not RecordClass.TOKEN:
            raise SealBroken
        return derived(_secret(key), f"anamnesis/derived/1/{label}")

    def forget(self, owner: UUID | None) -> None:
        """Drop an owner's keys from memory, at once; None drops the organisation's."""
        self._forgotten += 1
        stored_owner = owner or ORGANISATION
        for cache in (self._opened, self._current):
            cache.drop(lambda key: key.owner == stored_owner)

    def bar(self, owner: UUID, classes: Collection[RecordClass] = ()) -> None:
        """Forget the keys of an erased client, or those of some classes, and never take them up again: between the fence
        and the destruction the key database still has them.
        """
        self._barred.update({(owner, each) for each in classes} if classes else {(owner, None)})
        self.forget(owner)

    def forget_expired(self) -> None:
        """Drop what has been in memory for its time; the process calls it now and then."""
        now_s = monotonic()
        for cache in (self._opened, self._current):
            cache.drop(lambda key: key.expires_s < now_s)
        self._budgets.drop(lambda budget: budget.expires_s < now_s)

    def start_anew(self) -> None:
        """Drop everything: keys, budgets, locks. What a forked child does first."""
        self._forgotten += 1
        self._locks = Locks()
        self._opened.reset()
        self._current.reset()
        self._budgets.reset()

    def _serves(self, key: OpenedKey) -> bool:
        now_s = monotonic()
        if key.expires_s < now_s or (self.leased_until_s < now_s and key.owner != ORGANISATION):
            return False
        if key.cipher is None:
            return True
        budget = self._budgets.get(key.id.bytes)
        if budget is None or budget.nearly_spent or budget.expires_s < now_s:
            return False
        return not self._has_had_its_time(key.record_class, key.created_at_us)

    def _choose(self, owner: UUID | None, record_class: RecordClass) -> OpenedKey:
        """The newest usable key of (owner, class), with a budget for it; made when there is none."""
        stored_owner = owner or ORGANISATION
        with self._locks.of(stored_owner):
            known = self._current.get((owner, record_class))
            if known is not None and self._serves(known):
                return known  # another thread was first
            self._check(stored_owner, record_class)
            before = self._forgotten
            key = self._hierarchy.opened(self._usable(stored_owner, record_class))
            self._remember(before, key)
            self._current.put((owner, record_class), key, unless=lambda: self._forgotten != before)
            return key

    def _usable(self, owner: UUID, record_class: RecordClass) -> KeyRow:
        """Walk the epochs until one may be sealed under: neither destroyed, nor used up, nor of an earlier day."""
        block = self.limits.block(owner)
        row = self._hierarchy.newest(owner, record_class)
        while row is None or not self._may_use(row, record_class, block):
            row, ours = self._hierarchy.create(owner, record_class, row.epoch + 1 if row else 1, block)
            if ours:
                self._grant(row.id, block)
                return row
        return row

    def _has_had_its_time(self, record_class: RecordClass, created_at_us: int) -> bool:
        now_us, most_us = self._now_us(), self.limits.epoch_us
        if most_us is not None and created_at_us + most_us <= now_us:
            return True
        return is_of_an_earlier_day(record_class, created_at_us, now_us)

    def _may_use(self, row: KeyRow, record_class: RecordClass, block: int) -> bool:
        if row.destroyed:
            return False
        if record_class in DERIVING:
            return True
        if self._has_had_its_time(record_class, row.created_at_us):
            return False
        budget = self._budgets.get(row.id.bytes)
        if budget is not None and not budget.nearly_spent and budget.expires_s >= monotonic():
            return True
        if not self.book.reserve(row.id, block, self.limits.messages):
            return False
        self._grant(row.id, block)
        return True

    def _load(self, key_id: UUID) -> OpenedKey:
        """Raises KeyMissing, Erased, SealBroken, KeysUnavailable."""
        with self._locks.of(key_id):
            key = self._opened.get(key_id.bytes)
            if key is None or key.expires_s < monotonic():
                before = self._forgotten
                key = self._hierarchy.opened(self._hierarchy.get(key_id))
                self._remember(before, key)
            self._check(key.owner, key.record_class)
            return key

    def _check(self, owner: UUID, record_class: RecordClass) -> None:
        """Raises Erased for a client who was fenced, KeysUnavailable when this process's lease is over."""
        if owner == ORGANISATION:
            return
        if (owner, None) in self._barred or (owner, record_class) in self._barred:
            raise Erased(client=owner)
        if self.leased_until_s < monotonic():
            raise KeysUnavailable("This process could not renew its lease, and keeps clients' keys closed meanwhile.")

    def _remember(self, before: int, key: OpenedKey) -> None:
        key.expires_s = monotonic() + self.limits.cached_s
        # A key read before someone said `forget` may have been destroyed meanwhile: it serves once and isn't kept.
        self._opened.put(key.id.bytes, key, unless=lambda: self._forgotten != before)

    def _grant(self, key_id: UUID, messages: int, *, taken: int = 0) -> None:
        self._budgets.put(key_id.bytes, Budget(messages, monotonic() + self.limits.budget_s, taken=taken))

    def _reserve_again(self, key: OpenedKey) -> None:
        """One message under a key whose budget is used up. Raises KeysUnavailable when the whole key is."""
        with self._locks.of(key.owner):
            budget = self._budgets.get(key.id.bytes)
            if budget is not None and budget.take():
                return
            block = self.limits.block(key.owner)
            if not self.book.reserve(key.id, block, self.limits.messages):
                raise KeysUnavailable("This key is used up; take the current one.", retry_after_s=0.0, key_id=key.id)
            self._grant(key.id, block, taken=1)


def hierarchy_on(
    book: KeyBook,
    deployment: UUID,
    root: RootKey | Sequence[RootKey],
    notes_root: RootKey | Sequence[RootKey] | None,
    now_us: Callable[[], int],
) -> Hierarchy:
    """The keys of a key database under these roots; none is enrolled yet."""
    known = RootBook(book.engine)
    main = Roots(known, deployment, MAIN, _several(root))
    notes = None if notes_root is None else Roots(known, deployment, NOTES, _several(notes_root))
    return Hierarchy(book, deployment, main, notes, now_us)


def _several(root: RootKey | Sequence[RootKey]) -> Sequence[RootKey]:
    return root if isinstance(root, Sequence) else (root,)


# The same bytes of the kernel's as os.urandom gives, without handing the interpreter to another thread at every nonce.
_random: Final[Callable[[int], bytes]] = getattr(os, "getrandom", os.urandom)
_RINGS: "WeakSet[KeyRing]" = WeakSet()


def _secret(key: OpenedKey) -> bytes:
    if key.secret is None:
        raise SealBroken(key_id=key.id)
    return key.secret


def _start_children_anew() -> None:
    # A child that kept the parent's budgets would seal messages that the parent counts as its own.
    for ring in list(_RINGS):
        ring.start_anew()


os.register_at_fork(after_in_child=_start_children_anew)
