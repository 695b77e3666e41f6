"""On which processor cores a process runs."""

import os


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
