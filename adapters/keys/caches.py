"""Bounded memory for the key ring: reads take no lock, writes do."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from itertools import count
from threading import Lock
from typing import Final, Generic, TypeVar
from uuid import UUID

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """A mapping of at most `limit` entries; the one put longest ago makes room."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError("a cache holds at least one entry")
        # A plain dict walks over all that was removed from its front to find the oldest entry.
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._limit = limit
        self._lock = Lock()
        self.get: Final[Callable[[K], V | None]] = self._entries.get

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, key: K, value: V, *, unless: Callable[[], bool] = lambda: False) -> None:
        """`unless` is asked under the lock that `drop` takes: what is told before a drop holds for puts after it."""
        with self._lock:
            if unless():
                return
            self._entries.pop(key, None)
            while len(self._entries) >= self._limit:
                self._entries.popitem(last=False)
            self._entries[key] = value

    def drop(self, condemned: Callable[[V], bool]) -> int:
        """Remove the entries whose value is condemned; returns how many."""
        with self._lock:
            gone = [key for key, value in self._entries.items() if condemned(value)]
            for key in gone:
                del self._entries[key]
            return len(gone)

    def reset(self) -> None:
        """Empty, with a new lock: after a fork the old one may be held by a thread that isn't there."""
        self._lock = Lock()
        self._entries.clear()


class Budget:
    """Messages that this process reserved durably and may still seal under one key."""

    __slots__ = ("_count", "_early", "_messages", "expires_s", "nearly_spent")

    def __init__(self, messages: int, expires_s: float, *, taken: int = 0) -> None:
        self._messages = messages
        # The last eighth is for threads that were given the key just before it counted as spent.
        self._early = messages - messages // 8 - 1
        self._count = count(taken)
        self.expires_s = expires_s
        self.nearly_spent = False

    def take(self) -> bool:
        """Whether one more message may be sealed. `next` on a counter is one step of the interpreter: no lock."""
        taken = next(self._count)
        if taken >= self._early:
            self.nearly_spent = True
        return taken < self._messages


class Locks:
    """One lock out of a fixed number for each owner: strangers seldom wait for each other."""

    def __init__(self, number: int = 64) -> None:
        self._locks = tuple(Lock() for _ in range(number))

    def of(self, owner: UUID) -> Lock:
        return self._locks[hash(owner) % len(self._locks)]
