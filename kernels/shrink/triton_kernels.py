"""One kernel forward and two backward. Shapes are named as in kernels.names; EP is E padded to a product's least width.

The first configuration of each fits into any GPU's shared memory, for float32 and 64 experts too; what doesn't fit is passed
over when configurations are timed.
"""

import triton
import triton.language as tl

from kernels.dropout.triton import keep_of
from kernels.triton_support import config, dot, tuned


@triton.jit
def weigh(logits, slots, E: tl.constexpr, TOP_K: tl.constexpr):
    """Softmax of the TOP_K largest of logits [M, EP], of equal ones those with lower numbers; zero elsewhere.

    NaN counts as largest, as in torch.sort, and makes its whole row NaN, as in torch.softmax.
    """
    order = tl.where(logits != logits, float("inf"), logits)
    free = (slots < E)[None, :] & (order == order)
    taken = order != order
    largest = tl.max(tl.where(free, order, float("-inf")), axis=1)
    for _ in range(TOP_K):
        highest = tl.max(tl.where(free, order, float("-inf")), axis=1)
        candidates = tl.where(free & (order == highest[:, None]), slots[None, :], E)
        picked = slots[None, :] == tl.min(candidates, axis=1)[:, None]
        taken = taken | picked
        free = free & ~picked
    powers = tl.where(taken, tl.exp(logits - largest[:, None]), 0.0)
    return powers / tl.sum(powers, axis=1)[:, None]


@triton.jit
def dot_wide(narrow, wide, acc):
    """Acc + narrow wide to the precision of float32, which `wide` [K, N] has: the router decides by close differences.

    Three bfloat16 hold a float32, and their products with a bfloat16 are exact: a third the price of TF32 in three parts.
    """
    if narrow.dtype == tl.bfloat16:
        high = wide.to(tl.bfloat16)
        rest = wide - high.to(tl.float32)
        middle = rest.to(tl.bfloat16)
        acc = dot(narrow, (rest - middle.to(tl.float32)).to(tl.bfloat16), acc)
        acc = dot(narrow, middle, acc)
        acc = dot(narrow, high, acc)
    else:
        acc = dot(narrow.to(tl.float32), wide, acc)
    return acc


@triton.jit
def load_d_logits(weights_ptr, d_logits_ptr, d_weights_ptr, at, mask):
    """What reaches the logits [M, EP], directly and through the softmax of the weights."""
    weights = tl.load(weights_ptr + at, mask=mask, other=0.0)
    d_weights = tl.load(d_weights_ptr + at, mask=mask, other=0.0)
    through = weights * (d_weights - tl.sum(weights * d_weights, axis=1)[:, None])
    return tl.load(d_logits_ptr + at, mask=mask, other=0.0) + through


@tuned(
    [
        config(4, 2, BLOCK_T=32, BLOCK_D=32, BLOCK_N=32),
        config(4, 3, BLOCK_T=16, BLOCK_D=128, BLOCK_N=32),
        config(4, 4, BLOCK_T=64, BLOCK_D=64, BLOCK_N=64),
        config(4, 4, BLOCK_T=64, BLOCK_D=64, BLOCK_N=128),
        config(8, 3, BLOCK_T=128, BLOCK_D=64, BLOCK_N=128),
        config(8, 3, BLOCK_T=64, BLOCK_D=64, BLOCK_N=256),
    ],
    key=["TOKENS", "D", "N", "E"],
    BLOCK_T=16,
    BLOCK_D=32,
    BLOCK_N=16,
)
@triton.jit
def forward_kernel(
    x_ptr,
    router_ptr,
    a_ptr,
    seed_ptr,
    logits_ptr,
    weights_ptr,
    z_ptr,
    T,
    D,
    N,
    threshold,
    raise_by,
    TOKENS,
    E: tl.constexpr,
    EP: tl.constexpr,
    TOP_K: tl.constexpr,
    DROPS: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64) * BLOCK_T + tl.arange(0, BLOCK_T)
    factor = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    slots = tl.arange(0, EP)
    live = row < T
    seed = tl.load(seed_ptr) if DROPS else 0
    logits = tl.zeros((BLOCK_T, EP), dtype=tl.float32)
    z = tl.zeros((BLOCK_T, BLOCK_N), dtype=tl.float32)
    for start in range(0, D, BLOCK_D):
        column = start + tl.arange(0, BLOCK_D)
        inside = column < D
        x = tl.load(x_ptr + row[:, None] * D + column[None, :], mask=live[:, None] & inside[None, :], other=0.0)
        at = slots[None, :] * D + column[:, None]
        router = tl.load(router_ptr + at, mask=(slots < E)[None, :] & inside[:, None], other=0.0)
        logits = dot_wide(x, router.to(tl.float32), logits)
        at = factor.to(tl.int64)[None, :] * D + column[:, None]
        a = tl.load(a_ptr + at, mask=(factor < N)[None, :] & inside[:, None], other=0.0)
        if DROPS:
            x = tl.where(keep_of(seed, row, column, threshold), x, 0.0)
        z = dot(x, a, z)
    at = row[:, None] * N + factor[None, :]
    tl.store(z_ptr + at, z * raise_by, mask=live[:, None] & (factor < N)[None, :])
    if tl.program_id(1) == 0:
        routed = row[:, None] * E + slots[None, :]
        mask = live[:, None] & (slots < E)[None, :]
        tl.store(logits_ptr + routed, logits, mask=mask)
        tl.store(weights_ptr + routed, weigh(logits, slots, E, TOP_K), mask=mask)


@tuned(
    [
        config(4, 3, BLOCK_T=32, BLOCK_D=64, BLOCK_N=32),
        config(4, 3, BLOCK_T=64, BLOCK_D=128, BLOCK_N=32),
        config(4, 3, BLOCK_T=64, BLOCK_D=64, BLOCK_N=64),
        config(8, 3, BLOCK_T=128, BLOCK_D=128, BLOCK_N=32),
        config(8, 3, BLOCK_T=128, BLOCK_D=128, BLOCK_N=64),
    ],
    key=["TOKENS", "D", "N", "E"],
    BLOCK_T=16,
    BLOCK_D=32,
    BLOCK_N=16,
)
@triton.jit
def input_gradient_kernel(
    router_ptr,
    a_ptr,
    weights_ptr,
    seed_ptr,
    d_logits_ptr,
    d_weights_ptr,
    dz_ptr,
    dx_ptr,
    T,
    D,
    N,
    threshold,
    raise_by,
    TOKENS,
    E: tl.constexpr,
    EP: tl.constexpr,
    DROPS: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64) * BLOCK_T + tl.arange(0, BLOCK_T)
    column = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    slots = tl.arange(0, EP)
    live = row < T
    inside = column < D
    dx = tl.zeros((BLOCK_T, BLOCK_D), dtype=tl.float32)
    for start in range(0, N, BLOCK_N):
        factor = start + tl.arange(0, BLOCK_N)
        at = row[:, None] * N + factor[None, :]
        dz = tl.load(dz_ptr + at, mask=live[:, None] & (factor < N)[None, :], other=0.0)
        at = factor.to(tl.int64)[:, None] * D + column[None, :]
        a = tl.load(a_ptr + at, mask=(factor < N)[:, None] & inside[None, :], other=0.0)
        dx = dot(dz, a, dx)
    if DROPS:
        dx = tl.where(keep_of(tl.load(seed_ptr), row, column, threshold), dx * raise_by, 0.0)
    mask = live[:, None] & (slots < E)[None, :]
    d_logits = load_d_logits(weights_ptr, d_logits_ptr, d_weights_ptr, row[:, None] * E + slots[None, :], mask)
    at = slots[:, None] * D + column[None, :]
    router = tl.load(router_ptr + at, mask=(slots < E)[:, None] & inside[None, :], other=0.0)
    dx = dot(d_logits, router.to(tl.float32), dx)
    tl.store(dx_ptr + row[:, None] * D + column[None, :], dx, mask=live[:, None] & inside[None, :])


@tuned(
    [
        config(4, 2, BLOCK_T=32, BLOCK_D=32, BLOCK_N=32),
        config(4, 3, BLOCK_T=64, BLOCK_D=64, BLOCK_N=64),
        config(4, 3, BLOCK_T=64, BLOCK_D=64, BLOCK_N=128),
        config(8, 3, BLOCK_T=64, BLOCK_D=128, BLOCK_N=128),
        config(8, 3, BLOCK_T=64, BLOCK_D=64, BLOCK_N=256),
    ],
    key=["TOKENS", "D", "N", "E"],
    BLOCK_T=16,
    BLOCK_D=32,
    BLOCK_N=16,
)
@triton.jit
def factor_gradients_kernel(
    x_ptr,
    weights_ptr,
    seed_ptr,
    d_logits_ptr,
    d_weights_ptr,
    dz_ptr,
    d_router_ptr,
    da_ptr,
    T,
    D,
    N,
    CHUNK,
    threshold,
    raise_by,
    TOKENS,
    E: tl.constexpr,
    EP: tl.constexpr,
    DROPS: tl.constexpr,
    BLOCK_T: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    column = tl.program_id(0) * BLOCK_D + tl.arange(0, BLOCK_D)
    factor = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    part = tl.program_id(2).to(tl.int64)
    slots = tl.arange(0, EP)
    inside = column < D
    seed = tl.load(seed_ptr) if DROPS else 0
    d_router = tl.zeros((BLOCK_D, EP), dtype=tl.float32)
    da = tl.zeros((BLOCK_N, BLOCK_D), dtype=tl.float32)
    end = tl.minimum((part + 1) * CHUNK, T)
    for start in range(part * CHUNK, end, BLOCK_T):
        row = start + tl.arange(0, BLOCK_T).to(tl.int64)
        live = row < end
        x = tl.load(x_ptr + row[:, None] * D + column[None, :], mask=live[:, None] & inside[None, :], other=0.0)
        mask = live[:, None] & (slots < E)[None, :]
        d_logits = load_d_logits(weights_ptr, d_logits_ptr, d_weights_ptr, row[:, None] * E + slots[None, :], mask)
        d_router = dot_wide(tl.trans(x), d_logits, d_router)
        if DROPS:
            x = tl.where(keep_of(seed, row, column, threshold), x, 0.0)
        at = row[:, None] * N + factor[None, :]
        dz = tl.load(dz_ptr + at, mask=live[:, None] & (factor < N)[None, :], other=0.0)
        da = dot(tl.trans(dz), x, da)
    at = (part * N + factor[:, None]) * D + column[None, :]
    tl.store(da_ptr + at, da * raise_by, mask=(factor < N)[:, None] & inside[None, :])
    if tl.program_id(1) == 0:
        routed = (part * E + slots[None, :]) * D + column[:, None]
        tl.store(d_router_ptr + routed, d_router, mask=(slots < E)[None, :] & inside[:, None])
