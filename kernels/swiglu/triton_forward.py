"""The dense forward kernel.

A token's experts differ from its neighbour's, and a product on tensor cores wants whole tiles. So each of the k slots of all
tokens is computed at once: z, zero but for the slot's expert, times all experts' B side by side. Tensor cores multiply by
those zeros in vain, which at E·R = 64 is cheap; activations, which aren't, are computed k times and not E times.
"""

import triton
import triton.language as tl

from kernels.dropout.triton import keep
from kernels.swiglu.triton_tiles import SHAPE, hidden_of, load_a, load_b, load_turns, pick
from kernels.triton_support import config, dot, tuned


@tuned(
    [
        config(4, 2, BT=64, BF=32, UNROLL=False),
        config(8, 2, BT=128, BF=32, UNROLL=False),
        config(4, 2, BT=32, BF=64, UNROLL=False),
        config(4, 2, BT=16, BF=32, UNROLL=False),
        config(4, 2, BT=64, BF=32, UNROLL=True),
        config(8, 2, BT=128, BF=32, UNROLL=True),
        config(4, 2, BT=32, BF=32, UNROLL=True),
    ],
    key=SHAPE,
    BT=32,
    BF=64,
    UNROLL=False,
)
@triton.jit
def hidden_kernel(
    gate_ptr,
    up_ptr,
    z_gate_ptr,
    z_up_ptr,
    b_gate_ptr,
    b_up_ptr,
    a_down_ptr,
    weights_ptr,
    seed_ptr,
    hidden_ptr,
    partial_ptr,
    T,
    F,
    scale,
    raise_by,
    threshold,
    SLICE,
    BUCKET,
    E: tl.constexpr,
    R: tl.constexpr,
    K: tl.constexpr,
    EP: tl.constexpr,
    NP: tl.constexpr,
    GATED: tl.constexpr,
    ACTIVATION: tl.constexpr,
    DROP: tl.constexpr,
    BT: tl.constexpr,
    BF: tl.constexpr,
    UNROLL: tl.constexpr,
):
    N: tl.constexpr = E * R
    TYPE: tl.constexpr = up_ptr.dtype.element_ty
    # Tiles are addressed from their first row, which needs 64 bits (T·F passes 2³¹ at 150k tokens of 14,336 features).
    first = tl.program_id(0).to(tl.int64) * BT
    row = tl.arange(0, BT)
    row_ok = first + row < T
    part = tl.program_id(1)
    stack = tl.arange(0, NP)
    shrunk = tl.zeros([BT, NP], tl.float32)
    z_at = row[:, None] * N + stack[None, :]
    weights, turns = load_turns(weights_ptr + first * E, row, row_ok, E, EP)
    for start in range(part * SLICE, tl.minimum((part + 1) * SLICE, F), BF):
        column = start + tl.arange(0, BF)
        column_ok = column < F
        at = row[:, None] * F + column[None, :]
        ok = row_ok[:, None] & column_ok[None, :]
        up = tl.load(up_ptr + first * F + at, mask=ok, other=0.0).to(tl.float32)
        b_up = load_b(b_up_ptr, column, column_ok, F, E, R, NP)
        gate, b_gate = up, b_up
        if GATED:
            gate = tl.load(gate_ptr + first * F + at, mask=ok, other=0.0).to(tl.float32)
            b_gate = load_b(b_gate_ptr, column, column_ok, F, E, R, NP)
        a = load_a(a_down_ptr, column, column_ok, F, E, R, NP)
        kept = ok
        if DROP:
            kept = keep(seed_ptr, first + row, column, threshold)
        hidden = tl.zeros([BT, BF], tl.float32)
        # Only the innermost loop's loads are fetched ahead: unrolled slots leave that to features, for more shared memory.
        for slot in tl.range(0, K, loop_unroll_factor=K if UNROLL and K <= 4 else 1):
            expert, weight = pick(weights, turns, slot, EP)
            mine = (stack // R)[None, :] == expert[:, None]
            z_up = tl.load(z_up_ptr + first * N + z_at, mask=mine, other=0.0)
            z_gate = z_up
            if GATED:
                z_gate = tl.load(z_gate_ptr + first * N + z_at, mask=mine, other=0.0)
            h, _, _ = hidden_of(gate, up, z_gate, z_up, b_gate, b_up, scale, GATED, ACTIVATION)
            h = tl.where((expert >= 0)[:, None], weight[:, None] * h, 0.0)
            hidden += h
            if DROP:
                h = tl.where(kept, h * raise_by, 0.0)
            shrunk += tl.where(mine, dot(h.to(TYPE), tl.trans(a)), 0.0)
        tl.store(hidden_ptr + first * F + at, hidden.to(TYPE), mask=ok)
    base = (part.to(tl.int64) * T + first) * N
    tl.store(partial_ptr + base + z_at, scale * shrunk, mask=row_ok[:, None] & (stack < N)[None, :])
