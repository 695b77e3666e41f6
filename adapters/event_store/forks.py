"""A recorder doesn't survive a fork: sockets, file locks and mutexes it holds would be shared with the parent."""

import os
from functools import cache
from typing import Any, Protocol
from weakref import WeakSet

from domain.errors import Misconfigured


class MadeBeforeFork(Misconfigured):
    """A child process uses what its parent opened."""

    code = "made_before_fork"
    message = "This recorder was made before the process forked; its connections are the parent's."
    hint = "Make recorders after the fork, one a process, or start processes by spawning."


class Forkable(Protocol):
    def after_fork(self) -> object:
        """Refuse from now on. Returns what must not be collected in the child, since closing it would hit the parent."""


_alive: WeakSet[Any] = WeakSet()
_inherited: list[object] = []


def mind_forks(each: Forkable) -> None:
    """Have `after_fork` called in every child of this process for as long as `each` lives."""
    _register()
    _alive.add(each)


@cache
def _register() -> None:
    os.register_at_fork(after_in_child=_in_child)


def _in_child() -> None:
    _inherited.extend(each.after_fork() for each in list(_alive))
