"""The dense backward kernels. Both compute h again: by tokens, for what the hidden layer read; by features, for B and A.

With dh of `hidden` and dz_e of `z_down_e`, m the mask over 1 - p:

    t_e = dh + s·m·(dz_e A_e)           what one unit of w_e h_e adds to the loss
    dw_e = Σ_f h_e t_e                  dup_e = w_e t_e ∂h/∂up          dgate_e = w_e t_e ∂h/∂gate
    dup = Σ_e dup_e                     dz_up_e = s·dup_e B_up_e        dB_up_e = s·dup_eᵀ z_up_e       gate alike
    dA_e = s·dz_eᵀ (m·w_e h_e)
"""

import triton
import triton.language as tl

from kernels.dropout.triton import keep
from kernels.swiglu.triton_tiles import SHAPE, hidden_of, load_a, load_b, load_turns, pick
from kernels.triton_support import config, dot, tuned


@tuned(
    [
        config(4, 2, BT=64, BF=32, UNROLL=False),
        config(8, 2, BT=64, BF=32, UNROLL=False),
        config(4, 2, BT=32, BF=32, UNROLL=False),
        config(4, 2, BT=16, BF=32, UNROLL=False),
        config(4, 2, BT=32, BF=32, UNROLL=True),
        config(4, 2, BT=16, BF=32, UNROLL=True),
    ],
    key=SHAPE,
    BT=32,
    BF=64,
    UNROLL=False,
)
@triton.jit
def tokens_kernel(
    gate_ptr,
    up_ptr,
    z_gate_ptr,
    z_up_ptr,
    b_gate_ptr,
    b_up_ptr,
    a_down_ptr,
    weights_ptr,
    seed_ptr,
    d_hidden_ptr,
    d_z_down_ptr,
    d_gate_ptr,
    d_up_ptr,
    d_z_gate_ptr,
    d_z_up_ptr,
    d_weights_ptr,
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
    first = tl.program_id(0).to(tl.int64) * BT
    row = tl.arange(0, BT)
    row_ok = first + row < T
    part = tl.program_id(1)
    experts = tl.arange(0, EP)
    stack = tl.arange(0, NP)
    all_z_gate = tl.zeros([BT, NP], tl.float32)
    all_z_up = tl.zeros([BT, NP], tl.float32)
    all_weights = tl.zeros([BT, EP], tl.float32)
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
        d_hidden = tl.load(d_hidden_ptr + first * F + at, mask=ok, other=0.0).to(tl.float32)
        kept = ok
        if DROP:
            kept = keep(seed_ptr, first + row, column, threshold)
        sum_gate = tl.zeros([BT, BF], tl.float32)
        sum_up = tl.zeros([BT, BF], tl.float32)
        # See the forward kernel: unrolled, loads of the next block of features, or of tokens below, are fetched ahead.
        for slot in tl.range(0, K, loop_unroll_factor=K if UNROLL and K <= 4 else 1):
            expert, weight = pick(weights, turns, slot, EP)
            mine = (stack // R)[None, :] == expert[:, None]
            z_up = tl.load(z_up_ptr + first * N + z_at, mask=mine, other=0.0)
            z_gate = z_up
            if GATED:
                z_gate = tl.load(z_gate_ptr + first * N + z_at, mask=mine, other=0.0)
            h, by_up, by_gate = hidden_of(gate, up, z_gate, z_up, b_gate, b_up, scale, GATED, ACTIVATION)
            d_z = tl.load(d_z_down_ptr + first * N + z_at, mask=mine, other=0.0)
            towards = d_hidden + tl.where(kept, dot(d_z, a) * (scale * raise_by), 0.0)
            d_weight = tl.sum(h * towards, axis=1)
            all_weights += tl.where(experts[None, :] == expert[:, None], d_weight[:, None], 0.0)
            used = (expert >= 0)[:, None]
            towards *= weight[:, None]
            d_up = tl.where(used, towards * by_up, 0.0)
            sum_up += d_up
            all_z_up += tl.where(mine, dot(d_up.to(TYPE), b_up), 0.0)
            if GATED:
                d_gate = tl.where(used, towards * by_gate, 0.0)
                sum_gate += d_gate
                all_z_gate += tl.where(mine, dot(d_gate.to(TYPE), b_gate), 0.0)
        tl.store(d_up_ptr + first * F + at, sum_up.to(TYPE), mask=ok)
        if GATED:
            tl.store(d_gate_ptr + first * F + at, sum_gate.to(TYPE), mask=ok)
    base = part.to(tl.int64) * T + first
    ok = row_ok[:, None] & (experts < E)[None, :]
    tl.store(d_weights_ptr + base * E + row[:, None] * E + experts[None, :], all_weights, mask=ok)
    ok = row_ok[:, None] & (stack < N)[None, :]
    tl.store(d_z_up_ptr + base * N + z_at, scale * all_z_up, mask=ok)
    if GATED:
        tl.store(d_z_gate_ptr + base * N + z_at, scale * all_z_gate, mask=ok)


@tuned(
    [
        config(4, 2, BT=64, BF=32, UNROLL=False),
        config(8, 2, BT=64, BF=32, UNROLL=False),
        config(8, 2, BT=32, BF=64, UNROLL=False),
        config(4, 2, BT=32, BF=16, UNROLL=False),
        config(8, 2, BT=32, BF=64, UNROLL=True),
        config(4, 2, BT=32, BF=16, UNROLL=True),
    ],
    key=SHAPE,
    BT=32,
    BF=64,
    UNROLL=False,
)
@triton.jit
def features_kernel(
    gate_ptr,
    up_ptr,
    z_gate_ptr,
    z_up_ptr,
    b_gate_ptr,
    b_up_ptr,
    a_down_ptr,
    weights_ptr,
    seed_ptr,
    d_hidden_ptr,
    d_z_down_ptr,
    d_b_gate_ptr,
    d_b_up_ptr,
    d_a_down_ptr,
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
    column = tl.program_id(0) * BF + tl.arange(0, BF)
    column_ok = column < F
    part = tl.program_id(1)
    row = tl.arange(0, BT)
    stack = tl.arange(0, NP)
    all_b_gate = tl.zeros([BF, NP], tl.float32)
    all_b_up = tl.zeros([BF, NP], tl.float32)
    all_a = tl.zeros([BF, NP], tl.float32)
    b_up = load_b(b_up_ptr, column, column_ok, F, E, R, NP)
    b_gate = b_up
    if GATED:
        b_gate = load_b(b_gate_ptr, column, column_ok, F, E, R, NP)
    a = load_a(a_down_ptr, column, column_ok, F, E, R, NP)
    at = row[:, None] * F + column[None, :]
    z_at = row[:, None] * N + stack[None, :]
    for start in range(part * SLICE, tl.minimum((part + 1) * SLICE, T), BT):
        first = tl.cast(start, tl.int64)
        row_ok = first + row < T
        weights, turns = load_turns(weights_ptr + first * E, row, row_ok, E, EP)
        ok = row_ok[:, None] & column_ok[None, :]
        up = tl.load(up_ptr + first * F + at, mask=ok, other=0.0).to(tl.float32)
        gate = up
        if GATED:
            gate = tl.load(gate_ptr + first * F + at, mask=ok, other=0.0).to(tl.float32)
        d_hidden = tl.load(d_hidden_ptr + first * F + at, mask=ok, other=0.0).to(tl.float32)
        kept = ok
        if DROP:
            kept = keep(seed_ptr, first + row, column, threshold)
        for slot in tl.range(0, K, loop_unroll_factor=K if UNROLL and K <= 4 else 1):
            expert, weight = pick(weights, turns, slot, EP)
            mine = (stack // R)[None, :] == expert[:, None]
            z_up = tl.load(z_up_ptr + first * N + z_at, mask=mine, other=0.0)
            z_gate = z_up
            if GATED:
                z_gate = tl.load(z_gate_ptr + first * N + z_at, mask=mine, other=0.0)
            h, by_up, by_gate = hidden_of(gate, up, z_gate, z_up, b_gate, b_up, scale, GATED, ACTIVATION)
            d_z = tl.load(d_z_down_ptr + first * N + z_at, mask=mine, other=0.0)
            towards = d_hidden + tl.where(kept, dot(d_z, a) * (scale * raise_by), 0.0)
            used = (expert >= 0)[:, None]
            towards *= weight[:, None]
            d_up = tl.where(used, towards * by_up, 0.0)
            all_b_up = dot(tl.trans(d_up.to(TYPE)), z_up, all_b_up)
            if GATED:
                d_gate = tl.where(used, towards * by_gate, 0.0)
                all_b_gate = dot(tl.trans(d_gate.to(TYPE)), z_gate, all_b_gate)
            h = tl.where(kept & used, weight[:, None] * h * raise_by, 0.0)
            all_a = dot(tl.trans(h.to(TYPE)), d_z, all_a)
    ok = column_ok[:, None] & (stack < N)[None, :]
    owner = (part * E + stack // R).to(tl.int64)[None, :]
    at = (owner * F + column[:, None]) * R + (stack % R)[None, :]
    tl.store(d_b_up_ptr + at, scale * all_b_up, mask=ok)
    if GATED:
        tl.store(d_b_gate_ptr + at, scale * all_b_gate, mask=ok)
    at = (part * N + stack).to(tl.int64)[None, :] * F + column[:, None]
    tl.store(d_a_down_ptr + at, scale * all_a, mask=ok)
