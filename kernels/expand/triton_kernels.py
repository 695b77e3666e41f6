"""One kernel forward and two backward. Column n of z is rank n mod R of expert n div R, and so lies in B [E, O, R]."""

import triton
import triton.language as tl

from kernels.triton_support import config, dot, tuned


@triton.jit
def place(factor, column, OUT, R: tl.constexpr):
    """Where the factors `factor` of the outputs `column` lie in B, in elements: the two of them broadcast."""
    return ((factor // R).to(tl.int64) * OUT + column) * R + factor % R


@tuned(
    [
        config(4, 3, BLOCK_T=16, BLOCK_O=64, BLOCK_N=32),
        config(4, 3, BLOCK_T=64, BLOCK_O=64, BLOCK_N=64),
        config(4, 3, BLOCK_T=64, BLOCK_O=128, BLOCK_N=32),
        config(8, 3, BLOCK_T=128, BLOCK_O=128, BLOCK_N=32),
        config(8, 3, BLOCK_T=128, BLOCK_O=128, BLOCK_N=64),
    ],
    key=["TOKENS", "OUT", "N", "R"],
    BLOCK_T=16,
    BLOCK_O=32,
    BLOCK_N=16,
)
@triton.jit
def forward_kernel(
    y_ptr,
    z_ptr,
    b_ptr,
    out_ptr,
    T,
    OUT,
    N,
    TOKENS,
    R: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_O: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64) * BLOCK_T + tl.arange(0, BLOCK_T)
    column = tl.program_id(1) * BLOCK_O + tl.arange(0, BLOCK_O)
    live = row < T
    inside = column < OUT
    added = tl.zeros((BLOCK_T, BLOCK_O), dtype=tl.float32)
    for start in range(0, N, BLOCK_N):
        factor = start + tl.arange(0, BLOCK_N)
        at = row[:, None] * N + factor[None, :]
        z = tl.load(z_ptr + at, mask=live[:, None] & (factor < N)[None, :], other=0.0)
        at = place(factor[:, None], column[None, :], OUT, R)
        b = tl.load(b_ptr + at, mask=(factor < N)[:, None] & inside[None, :], other=0.0)
        added = dot(z, b, added)
    at = row[:, None] * OUT + column[None, :]
    mask = live[:, None] & inside[None, :]
    tl.store(out_ptr + at, tl.load(y_ptr + at, mask=mask, other=0.0).to(tl.float32) + added, mask=mask)


@tuned(
    [
        config(4, 4, BLOCK_T=16, BLOCK_O=128, BLOCK_N=32),
        config(4, 4, BLOCK_T=64, BLOCK_O=64, BLOCK_N=64),
        config(4, 4, BLOCK_T=64, BLOCK_O=64, BLOCK_N=128),
        config(8, 3, BLOCK_T=128, BLOCK_O=64, BLOCK_N=64),
        config(8, 3, BLOCK_T=128, BLOCK_O=64, BLOCK_N=128),
    ],
    key=["TOKENS", "OUT", "N", "R"],
    BLOCK_T=16,
    BLOCK_O=32,
    BLOCK_N=16,
)
@triton.jit
def input_gradient_kernel(
    dy_ptr,
    b_ptr,
    dz_ptr,
    T,
    OUT,
    N,
    TOKENS,
    R: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_O: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64) * BLOCK_T + tl.arange(0, BLOCK_T)
    factor = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    live = row < T
    present = factor < N
    dz = tl.zeros((BLOCK_T, BLOCK_N), dtype=tl.float32)
    for start in range(0, OUT, BLOCK_O):
        column = start + tl.arange(0, BLOCK_O)
        inside = column < OUT
        at = row[:, None] * OUT + column[None, :]
        dy = tl.load(dy_ptr + at, mask=live[:, None] & inside[None, :], other=0.0)
        at = place(factor[None, :], column[:, None], OUT, R)
        b = tl.load(b_ptr + at, mask=present[None, :] & inside[:, None], other=0.0)
        dz = dot(dy, b, dz)
    tl.store(dz_ptr + row[:, None] * N + factor[None, :], dz, mask=live[:, None] & present[None, :])


@tuned(
    [
        config(4, 3, BLOCK_T=64, BLOCK_O=64, BLOCK_N=64),
        config(4, 4, BLOCK_T=64, BLOCK_O=64, BLOCK_N=128),
        config(8, 3, BLOCK_T=64, BLOCK_O=128, BLOCK_N=64),
        config(8, 3, BLOCK_T=128, BLOCK_O=128, BLOCK_N=64),
        config(8, 3, BLOCK_T=64, BLOCK_O=128, BLOCK_N=128),
    ],
    key=["TOKENS", "OUT", "N", "R"],
    BLOCK_T=16,
    BLOCK_O=32,
    BLOCK_N=16,
)
@triton.jit
def factor_gradient_kernel(
    dy_ptr,
    z_ptr,
    db_ptr,
    T,
    OUT,
    N,
    CHUNK,
    TOKENS,
    R: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_O: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    column = tl.program_id(0) * BLOCK_O + tl.arange(0, BLOCK_O)
    factor = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    part = tl.program_id(2).to(tl.int64)
    inside = column < OUT
    present = factor < N
    db = tl.zeros((BLOCK_O, BLOCK_N), dtype=tl.float32)
    end = tl.minimum((part + 1) * CHUNK, T)
    for start in range(part * CHUNK, end, BLOCK_T):
        row = start + tl.arange(0, BLOCK_T).to(tl.int64)
        live = row < end
        at = row[:, None] * OUT + column[None, :]
        dy = tl.load(dy_ptr + at, mask=live[:, None] & inside[None, :], other=0.0)
        at = row[:, None] * N + factor[None, :]
        z = tl.load(z_ptr + at, mask=live[:, None] & present[None, :], other=0.0)
        db = dot(tl.trans(dy), z, db)
    at = part * N * OUT + place(factor[None, :], column[:, None], OUT, R)
    tl.store(db_ptr + at, db, mask=present[None, :] & inside[:, None])
