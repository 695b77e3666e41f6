"""The mask of dropout as a counter-based hash.

keep(row, column) = mix(mix(row + low) ^ mix(column + high)) >> 8 ≥ p·2²⁴, where low and high are the halves of a 64-bit seed
and `mix` is a bijection of 32-bit words: xor-shifts by 16, 15, 15 and products by 0x21F0AAAD and 0x735A2D97, constants found
by search for least bias (Wellons, "Prospecting for hash functions", 2018, and its later results). Both products of a word
fit into 63 bits, so that int64 holds them without overflow on every device.
"""

from typing import Final

import torch
from torch import Tensor

WORD: Final = 0xFFFFFFFF
FIRST: Final = 0x21F0AAAD
SECOND: Final = 0x735A2D97
BITS: Final = 24


def draw_seed(device: torch.device | str) -> Tensor:
    """A seed [1], int64, from the device's own generator, without waiting for the device.

    Drawn inside a region that is recomputed (activation checkpointing) it is drawn again the same.
    """
    return torch.randint(0, 2**62, (1,), dtype=torch.int64, device=device)


def mix(word: Tensor) -> Tensor:
    """A bijection of words below 2³², kept in int64; one changed bit changes each bit of the result about half the time."""
    word = word ^ (word >> 16)
    word = (word * FIRST) & WORD
    word = word ^ (word >> 15)
    word = (word * SECOND) & WORD
    return word ^ (word >> 15)


def threshold(p: float) -> int:
    """The word of 24 bits below which an element is dropped."""
    return round(p * 2**BITS)


def keep_mask(rows: int, columns: int, seed: Tensor, p: float) -> Tensor:
    """Which elements stay, bool [rows, columns]: each with probability 1 - p (to 2⁻²⁴)."""
    row = torch.arange(rows, device=seed.device)[:, None]
    column = torch.arange(columns, device=seed.device)[None, :]
    mixed_row = mix((row + (seed & WORD)) & WORD)
    mixed_column = mix((column + (seed >> 32)) & WORD)
    return (mix(mixed_row ^ mixed_column) >> (32 - BITS)) >= threshold(p)


def dropout(x_TN: Tensor, seed: Tensor | None, p: float) -> Tensor:
    """x with each element zero with probability p and the others divided by 1 - p; x itself without a seed or at p = 0."""
    if seed is None or p == 0.0:
        return x_TN
    kept = keep_mask(x_TN.shape[0], x_TN.shape[1], seed, p)
    return torch.where(kept, x_TN / (1.0 - p), 0.0)
