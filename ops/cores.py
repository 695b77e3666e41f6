"""On which processor cores a process runs."""

import os
from typing import Final

_ALLOWED: Final = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset[int]()
"""What the process may use, as it was before a thread was kept to one of them."""


def stay_on_one_core() -> None:
    """Keep this thread, and all that it starts from now on, on one of the cores it may use.

    Python runs one thread at a time. Threads spread over cores hand the interpreter over from core to core, which costs
    more than their work: with two idle cores an API process answered 864 recordings a second, kept on one core 1,454
    (docs/benchmarks.md). Processes take cores by their ids, so that several seldom share one. Does nothing where the
    system knows no such thing.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})


def use_every_core() -> None:
    """Let this thread, and all that it starts from now on, run on any core again: for libraries that keep threads of their
    own, which need no interpreter. They take on the cores of the thread that first calls them.
    """
    if _ALLOWED:
        os.sched_setaffinity(0, _ALLOWED)
