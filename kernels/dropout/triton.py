"""The mask of kernels.dropout.reference inside of Triton kernels: the same words, in 32 bits that wrap."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.dropout import reference

FIRST: tl.constexpr = tl.constexpr(reference.FIRST)
SECOND: tl.constexpr = tl.constexpr(reference.SECOND)
SHIFT: tl.constexpr = tl.constexpr(32 - reference.BITS)


@triton.jit
def mix(word):
    """The reference's bijection of uint32."""
    word = word ^ (word >> 16)
    word = word * FIRST
    word = word ^ (word >> 15)
    word = word * SECOND
    return word ^ (word >> 15)


@triton.jit
def keep_of(seed, row, column, threshold):
    """Which elements of a tile stay: row [M] and column [N] → bool [M, N]. `threshold` as in the reference."""
    mixed_row = mix(row.to(tl.uint32) + seed.to(tl.uint32))
    mixed_column = mix(column.to(tl.uint32) + (seed >> 32).to(tl.uint32))
    return (mix(mixed_row[:, None] ^ mixed_column[None, :]) >> SHIFT).to(tl.int32) >= threshold


@triton.jit
def keep(seed_ptr, row, column, threshold):
    """`keep_of` with the seed read here: in a loop, read it before."""
    return keep_of(tl.load(seed_ptr), row, column, threshold)


def drawing(p: float) -> tuple[int, float]:
    """`threshold` for `keep`, and what those that stay are multiplied by. Raises ValueError outside of 0 ≤ p ≤ 1."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout is a probability from 0 to 1, not {p}")
    return reference.threshold(p), 0.0 if p == 1.0 else 1.0 / (1.0 - p)


def check_seed(operation: str, seed: Tensor | None) -> None:
    """Raises ValueError unless the seed, if any, is one int64."""
    if seed is not None and (seed.dtype != torch.int64 or seed.numel() != 1):
        found = f"{seed.numel()} of {str(seed.dtype).removeprefix('torch.')}"
        raise ValueError(f"{operation} wants a seed of one int64, not {found}: draw it by kernels.dropout.draw_seed")
