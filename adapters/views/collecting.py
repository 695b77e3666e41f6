"""Fewer garbage collections where objects come by the ten thousand and none of them is in a cycle."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

_COLLECT_AFTER: Final = 500_000  # objects, some hundred MB


class _Holders:
    """How many threads want fewer collections; the last one that leaves restores what the first one found."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._count = 0
        self._before = gc.get_threshold()

    def enter(self) -> None:
        with self._lock:
            if self._count == 0:
                self._before = gc.get_threshold()
                gc.set_threshold(_COLLECT_AFTER, *self._before[1:])
            self._count += 1

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0:
                gc.set_threshold(*self._before)


_HOLDERS: Final = _Holders()


@contextmanager
def fewer_collections() -> Iterator[None]:
    """Python's collector would look through all of them, again and again: a quarter of a rebuild, half of a long read."""
    _HOLDERS.enter()
    try:
        yield
    finally:
        _HOLDERS.leave()
