"""After a fork the child must not touch what it inherited: a socket closed or a file unlocked there hits the parent."""

import os
from functools import cache
from typing import Any, Protocol
from weakref import WeakSet


class Forkable(Protocol):
    def after_fork(self) -> object:
        """Start anew in the child, without locks or connections of the parent's; what must stay untouched is returned."""


_alive: WeakSet[Any] = WeakSet()
_inherited: list[object] = []
"""Kept for the life of the child: collecting a connection would close it."""


def mind_forks(each: Forkable) -> None:
    """Have `after_fork` called in every child of this process for as long as `each` lives."""
    _register()
    _alive.add(each)


@cache
def _register() -> None:
    os.register_at_fork(after_in_child=_in_child)


def _in_child() -> None:
    _inherited.extend(each.after_fork() for each in list(_alive))
