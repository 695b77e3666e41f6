"""Which implementation of an operation runs, chosen by device, type and shape alone, so that nothing waits for the device.

On a CPU the reference runs. On a GPU with Triton the dense kernels run while few rows of experts are idle: what they multiply
in vain, (E - k)·r rows a token, costs less than sorting tokens by expert until about 350 rows; beyond, dispatch does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final, Literal

import torch
from torch import Tensor

Implementation = Literal["reference", "triton", "dispatch"]

IDLE_ROWS: Final = 350
"""(E - k)·r above which tokens are dispatched to their experts, by estimate: not yet measured on a GPU."""
RANKS: Final = range(1, 257)
_TYPES: Final = (torch.float32, torch.bfloat16, torch.float16)

_HAS_TRITON: Final = find_spec("triton") is not None
_forced: Implementation | None = None


@contextmanager
def using(implementation: Implementation) -> Iterator[None]:
    """Run all operations inside by one implementation: for tests, benchmarks and the search for a fault.

    Not per thread, and a compiled function keeps what it was compiled with.
    """
    global _forced  # noqa: PLW0603 - one choice a process; compiled code can read a global, not a context variable
    before, _forced = _forced, implementation
    try:
        yield
    finally:
        _forced = before


def choose(x: Tensor, *, experts: int, rank: int, top_k: int) -> Implementation:
    """The implementation for operands like x."""
    if _forced is not None:
        return _forced
    if not (x.is_cuda and _HAS_TRITON and x.dtype in _TYPES and rank in RANKS and experts <= 64):
        return "reference"
    return "dispatch" if (experts - top_k) * rank > IDLE_ROWS else "triton"
