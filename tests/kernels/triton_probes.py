"""A small kernel that shows what kernels compute on the way."""

import triton
import triton.language as tl

from kernels.dropout.triton import keep


@triton.jit
def mask_kernel(kept_ptr, seed_ptr, threshold, first_row, M, N, BLOCK: tl.constexpr):
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    kept = keep(seed_ptr, first_row + row.to(tl.int64), column, threshold)
    mask = (row < M)[:, None] & (column < N)[None, :]
    tl.store(kept_ptr + row[:, None] * N + column[None, :], kept.to(tl.int8), mask=mask)
