"""What a long-running process does about its memory once it has started."""

import ctypes
import gc
import sys
from typing import Final

_M_ARENA_MAX: Final = -8  # malloc.h
_ARENAS: Final = 2


def settle() -> None:
    """Give back what starting needed, and keep what stays out of the collector's sight.

    glibc would give each of dozens of threads an arena of its own, and rarely return what they freed.
    """
    gc.collect()
    gc.freeze()
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
        libc.malloc_trim(0)
