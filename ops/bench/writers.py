"""Threads that start together and work a list off, and the time they take."""

import gc
from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


def per_second(pieces: Sequence[T], act: Callable[[T], object], writers: int) -> float:
    """How many `pieces` a second `writers` threads act on, each its share. Raises what the first failing thread raised."""
    shares = [pieces[number::writers] for number in range(writers)]
    begin = Barrier(writers + 1)
    errors: list[BaseException] = []

    def work(share: Sequence[T]) -> None:
        begin.wait()
        try:
            for piece in share:
                act(piece)
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            errors.append(error)

    threads = [Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    # What was prepared is the benchmark's, not the product's: the collector need not look at it.
    gc.collect()
    gc.freeze()
    try:
        begin.wait()
        started = perf_counter()
        for thread in threads:
            thread.join()
        seconds = perf_counter() - started
    finally:
        gc.unfreeze()
    if errors:
        raise errors[0]
    return len(pieces) / seconds
