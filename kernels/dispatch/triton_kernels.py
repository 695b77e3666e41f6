"""The kernels of dispatch: as the dense ones (kernels.swiglu.triton_backward has the formulas), a block of rows for one expert."""

import triton
import triton.language as tl

from kernels.dropout.triton import keep
from kernels.swiglu.triton_tiles import hidden_of
from kernels.triton_support import config, dot, tuned

CONFIGS = [config(4, 2, BF=64), config(8, 2, BF=64), config(4, 2, BF=32), config(4, 3, BF=32), config(4, 2, BF=16)]
SHAPE = ["BUCKET", "F", "E", "R", "GATED", "ACTIVATION", "DROP", "FIRST", "BT"]


@triton.jit
def load_rows(z_ptr, row, row_ok, expert, rank, E, R):
    """One expert's z of some tokens, [rows, padded rank]."""
    at = (row[:, None] * E + expert) * R + rank[None, :]
    return tl.load(z_ptr + at, mask=row_ok[:, None] & (rank < R)[None, :], other=0.0)


@triton.jit
def load_b(b_ptr, column, column_ok, expert, rank, F, R):
    """One expert's B, [columns, padded rank]."""
    at = (expert * F + column[:, None]) * R + rank[None, :]
    return tl.load(b_ptr + at, mask=column_ok[:, None] & (rank < R)[None, :], other=0.0)


@triton.jit
def load_a(a_ptr, column, column_ok, expert, rank, F, R):
    """One expert's A, [padded rank, columns]."""
    at = (expert * R + rank[:, None]) * F + column[None, :]
    return tl.load(a_ptr + at, mask=(rank < R)[:, None] & column_ok[None, :], other=0.0)


@tuned(CONFIGS, key=SHAPE, BF=64)
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
    order_ptr,
    starts_ptr,
    owners_ptr,
    firsts_ptr,
    before_ptr,
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
    RP: tl.constexpr,
    GATED: tl.constexpr,
    ACTIVATION: tl.constexpr,
    DROP: tl.constexpr,
    FIRST: tl.constexpr,
    BT: tl.constexpr,
    BF: tl.constexpr,
):
    TYPE: tl.constexpr = up_ptr.dtype.element_ty
    expert = tl.load(owners_ptr + tl.program_id(0)).to(tl.int32)
    if expert >= E:
        return
    place = tl.load(firsts_ptr + tl.program_id(0)) + tl.arange(0, BT)
    row_ok = place < tl.load(starts_ptr + expert + 1)
    row = tl.load(order_ptr + place, mask=row_ok, other=0)
    weight = tl.load(weights_ptr + row * E + expert, mask=row_ok, other=0.0).to(tl.float32)[:, None]
    part = tl.program_id(1)
    rank = tl.arange(0, RP)
    z_up = load_rows(z_up_ptr, row, row_ok, expert, rank, E, R)
    z_gate = z_up
    if GATED:
        z_gate = load_rows(z_gate_ptr, row, row_ok, expert, rank, E, R)
    shrunk = tl.zeros([BT, RP], tl.float32)
    for start in range(part * SLICE, tl.minimum((part + 1) * SLICE, F), BF):
        column = start + tl.arange(0, BF)
        column_ok = column < F
        at = row[:, None] * F + column[None, :]
        ok = row_ok[:, None] & column_ok[None, :]
        up = tl.load(up_ptr + at, mask=ok, other=0.0).to(tl.float32)
        b_up = load_b(b_up_ptr, column, column_ok, expert, rank, F, R)
        gate, b_gate = up, b_up
        if GATED:
            gate = tl.load(gate_ptr + at, mask=ok, other=0.0).to(tl.float32)
            b_gate = load_b(b_gate_ptr, column, column_ok, expert, rank, F, R)
        h, _, _ = hidden_of(gate, up, z_gate, z_up, b_gate, b_up, scale, GATED, ACTIVATION)
        h = tl.where(weight != 0, weight * h, 0.0)
        hidden = h
        if not FIRST:
            hidden += tl.load(before_ptr + at, mask=ok, other=0.0).to(tl.float32)
        tl.store(hidden_ptr + at, hidden.to(TYPE), mask=ok)
        if DROP:
            h = tl.where(keep(seed_ptr, row, column, threshold), h * raise_by, 0.0)
        a = load_a(a_down_ptr, column, column_ok, expert, rank, F, R)
        shrunk = dot(h.to(TYPE), tl.trans(a), shrunk)
    at = (part.to(tl.int64) * T + row)[:, None] * R + rank[None, :]
    tl.store(partial_ptr + at, scale * shrunk, mask=row_ok[:, None] & (rank < R)[None, :])


@tuned(CONFIGS, key=SHAPE, BF=64)
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
    order_ptr,
    starts_ptr,
    owners_ptr,
    firsts_ptr,
    d_hidden_ptr,
    d_z_down_ptr,
    before_gate_ptr,
    before_up_ptr,
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
    RP: tl.constexpr,
    GATED: tl.constexpr,
    ACTIVATION: tl.constexpr,
    DROP: tl.constexpr,
    FIRST: tl.constexpr,
    BT: tl.constexpr,
    BF: tl.constexpr,
):
    TYPE: tl.constexpr = up_ptr.dtype.element_ty
    expert = tl.load(owners_ptr + tl.program_id(0)).to(tl.int32)
    if expert >= E:
        return
    place = tl.load(firsts_ptr + tl.program_id(0)) + tl.arange(0, BT)
    row_ok = place < tl.load(starts_ptr + expert + 1)
    row = tl.load(order_ptr + place, mask=row_ok, other=0)
    weight = tl.load(weights_ptr + row * E + expert, mask=row_ok, other=0.0).to(tl.float32)[:, None]
    part = tl.program_id(1)
    rank = tl.arange(0, RP)
    d_z = load_rows(d_z_down_ptr, row, row_ok, expert, rank, E, R)
    z_up = load_rows(z_up_ptr, row, row_ok, expert, rank, E, R)
    z_gate = z_up
    if GATED:
        z_gate = load_rows(z_gate_ptr, row, row_ok, expert, rank, E, R)
    all_z_gate = tl.zeros([BT, RP], tl.float32)
    all_z_up = tl.zeros([BT, RP], tl.float32)
    d_weight = tl.zeros([BT], tl.float32)
    for start in range(part * SLICE, tl.minimum((part + 1) * SLICE, F), BF):
        column = start + tl.arange(0, BF)
        column_ok = column < F
        at = row[:, None] * F + column[None, :]
        ok = row_ok[:, None] & column_ok[None, :]
        up = tl.load(up_ptr + at, mask=ok, other=0.0).to(tl.float32)
        b_up = load_b(b_up_ptr, column, column_ok, expert, rank, F, R)
        gate, b_gate = up, b_up
        if GATED:
            gate = tl.load(gate_ptr + at, mask=ok, other=0.0).to(tl.float32)
            b_gate = load_b(b_gate_ptr, column, column_ok, expert, rank, F, R)
        h, by_up, by_gate = hidden_of(gate, up, z_gate, z_up, b_gate, b_up, scale, GATED, ACTIVATION)
        behind = dot(d_z, load_a(a_down_ptr, column, column_ok, expert, rank, F, R)) * (scale * raise_by)
        if DROP:
            behind = tl.where(keep(seed_ptr, row, column, threshold), behind, 0.0)
        towards = tl.load(d_hidden_ptr + at, mask=ok, other=0.0).to(tl.float32) + behind
        d_weight += tl.sum(tl.where(weight != 0, h * towards, 0.0), axis=1)
        towards *= weight
        d_up = tl.where(weight != 0, towards * by_up, 0.0)
        all_z_up = dot(d_up.to(TYPE), b_up, all_z_up)
        if GATED:
            d_gate = tl.where(weight != 0, towards * by_gate, 0.0)
            all_z_gate = dot(d_gate.to(TYPE), b_gate, all_z_gate)
            if not FIRST:
                d_gate += tl.load(before_gate_ptr + at, mask=ok, other=0.0).to(tl.float32)
            tl.store(d_gate_ptr + at, d_gate.to(TYPE), mask=ok)
        if not FIRST:
            d_up += tl.load(before_up_ptr + at, mask=ok, other=0.0).to(tl.float32)
        tl.store(d_up_ptr + at, d_up.to(TYPE), mask=ok)
    at = part.to(tl.int64) * T + row
    tl.store(d_weights_ptr + at, d_weight, mask=row_ok)
    at = at[:, None] * R + rank[None, :]
    ok = row_ok[:, None] & (rank < R)[None, :]
    tl.store(d_z_up_ptr + at, scale * all_z_up, mask=ok)
    if GATED:
        tl.store(d_z_gate_ptr + at, scale * all_z_gate, mask=ok)


@tuned(CONFIGS, key=[name for name in SHAPE if name != "FIRST"], BF=64)
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
    order_ptr,
    starts_ptr,
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
    BUCKET,
    E: tl.constexpr,
    R: tl.constexpr,
    RP: tl.constexpr,
    GATED: tl.constexpr,
    ACTIVATION: tl.constexpr,
    DROP: tl.constexpr,
    K: tl.constexpr,
    BT: tl.constexpr,
    BF: tl.constexpr,
):
    TYPE: tl.constexpr = up_ptr.dtype.element_ty
    column = tl.program_id(0) * BF + tl.arange(0, BF)
    column_ok = column < F
    expert = tl.program_id(1)
    part = tl.program_id(2)
    rank = tl.arange(0, RP)
    b_up = load_b(b_up_ptr, column, column_ok, expert, rank, F, R)
    b_gate = b_up
    if GATED:
        b_gate = load_b(b_gate_ptr, column, column_ok, expert, rank, F, R)
    a = load_a(a_down_ptr, column, column_ok, expert, rank, F, R)
    all_b_gate = tl.zeros([BF, RP], tl.float32)
    all_b_up = tl.zeros([BF, RP], tl.float32)
    all_a = tl.zeros([BF, RP], tl.float32)
    for turn in range(K):
        begin = tl.load(starts_ptr + turn * (E + 1) + expert)
        end = tl.load(starts_ptr + turn * (E + 1) + expert + 1)
        for start in range(begin + part * BT, end, tl.num_programs(2) * BT):
            row_ok = start + tl.arange(0, BT) < end
            row = tl.load(order_ptr + tl.cast(turn, tl.int64) * T + start + tl.arange(0, BT), mask=row_ok, other=0)
            weight = tl.load(weights_ptr + row * E + expert, mask=row_ok, other=0.0).to(tl.float32)
            used = weight != 0  # an idle row would put 0·z into sums over rows, and its z may be NaN
            weight = weight[:, None]
            at = row[:, None] * F + column[None, :]
            ok = row_ok[:, None] & column_ok[None, :]
            up = tl.load(up_ptr + at, mask=ok, other=0.0).to(tl.float32)
            z_up = load_rows(z_up_ptr, row, used, expert, rank, E, R)
            gate, z_gate = up, z_up
            if GATED:
                gate = tl.load(gate_ptr + at, mask=ok, other=0.0).to(tl.float32)
                z_gate = load_rows(z_gate_ptr, row, used, expert, rank, E, R)
            h, by_up, by_gate = hidden_of(gate, up, z_gate, z_up, b_gate, b_up, scale, GATED, ACTIVATION)
            h = tl.where(weight != 0, weight * h, 0.0)
            d_z = load_rows(d_z_down_ptr, row, used, expert, rank, E, R)
            behind = dot(d_z, a) * (scale * raise_by)
            if DROP:
                kept = keep(seed_ptr, row, column, threshold)
                behind = tl.where(kept, behind, 0.0)
                h = tl.where(kept, h * raise_by, 0.0)
            towards = weight * (tl.load(d_hidden_ptr + at, mask=ok, other=0.0).to(tl.float32) + behind)
            d_up = tl.where(weight != 0, towards * by_up, 0.0)
            all_b_up = dot(tl.trans(d_up.to(TYPE)), z_up, all_b_up)
            if GATED:
                d_gate = tl.where(weight != 0, towards * by_gate, 0.0)
                all_b_gate = dot(tl.trans(d_gate.to(TYPE)), z_gate, all_b_gate)
            all_a = dot(tl.trans(h.to(TYPE)), d_z, all_a)
    ok = column_ok[:, None] & (rank < R)[None, :]
    owner = part.to(tl.int64) * E + expert
    at = (owner * F + column[:, None]) * R + rank[None, :]
    tl.store(d_b_up_ptr + at, scale * all_b_up, mask=ok)
    if GATED:
        tl.store(d_b_gate_ptr + at, scale * all_b_gate, mask=ok)
    at = (owner * R + rank[None, :]) * F + column[:, None]
    tl.store(d_a_down_ptr + at, scale * all_a, mask=ok)
