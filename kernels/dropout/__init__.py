"""Dropout whose mask is a function of a seed, the row and the column: every implementation draws the same one, and a
backward pass computes it again instead of keeping it.
"""

from kernels.dropout.reference import draw_seed, dropout, keep_mask

__all__ = ["draw_seed", "dropout", "keep_mask"]
