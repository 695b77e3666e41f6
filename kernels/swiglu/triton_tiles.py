"""What every kernel of the routed hidden layer does to one tile of tokens and features, in float32."""

from typing import Final

import triton
import triton.language as tl

from kernels.triton_support import dot

SHAPE: Final = ["BUCKET", "F", "E", "R", "K", "GATED", "ACTIVATION", "DROP"]
"""The arguments that block sizes are tuned for."""


@triton.jit
def sigmoid(x):
    """σ(x) by exp(-|x|), which can't overflow."""
    small = tl.exp(-tl.abs(x))
    return tl.where(x >= 0, 1.0, small) / (1.0 + small)


@triton.jit
def activate(x, ACTIVATION: tl.constexpr):
    """act(x) and act'(x) by the formulas of kernels.names."""
    if ACTIVATION == "silu":
        near = sigmoid(x)
        value = x * near
        slope = near * (1.0 + x * (1.0 - near))
    elif ACTIVATION == "gelu":
        near = 0.5 + 0.5 * tl.erf(x * 0.7071067811865476)
        value = x * near
        slope = near + x * tl.exp(-0.5 * x * x) * 0.3989422804014327
    elif ACTIVATION == "gelu_tanh":
        # (1 + tanh(y)) / 2 = σ(2y), and 2·sqrt(2/π) = 1.5957…
        near = sigmoid(1.5957691216057308 * x * (1.0 + 0.044715 * x * x))
        value = x * near
        slope = near + x * near * (1.0 - near) * 1.5957691216057308 * (1.0 + 0.134145 * x * x)
    elif ACTIVATION == "quick_gelu":
        near = sigmoid(1.702 * x)
        value = x * near
        slope = near + 1.702 * x * near * (1.0 - near)
    else:
        tl.static_assert(ACTIVATION == "relu", "no such activation")
        value = tl.where(x <= 0, 0.0, x)
        slope = tl.where(x <= 0, 0.0, 1.0)
    return value, slope


@triton.jit
def load_turns(weights_ptr, row, row_ok, E: tl.constexpr, EP: tl.constexpr):
    """Each token's weights [M, EP], and the slot, from 1, that an expert of weight other than zero has by number, else 0."""
    experts = tl.arange(0, EP)
    ok = row_ok[:, None] & (experts < E)[None, :]
    weights = tl.load(weights_ptr + row[:, None] * E + experts[None, :], mask=ok, other=0.0).to(tl.float32)
    used = weights != 0
    return weights, tl.where(used, tl.cumsum(used.to(tl.int32), axis=1), 0)


@triton.jit
def pick(weights, turns, slot, EP: tl.constexpr):
    """Of each token, the expert that has the slot, and its weight; -1 and 0 if none."""
    here = turns == slot + 1
    experts = tl.where(here, tl.arange(0, EP)[None, :], -1)
    return tl.max(experts, axis=1), tl.sum(tl.where(here, weights, 0.0), axis=1)


@triton.jit
def load_b(b_ptr, column, column_ok, F, E: tl.constexpr, R: tl.constexpr, NP: tl.constexpr):
    """All experts' B side by side, [columns, N], zero in the padding."""
    stack = tl.arange(0, NP)
    at = ((stack // R * F)[None, :] + column[:, None]) * R + (stack % R)[None, :]
    return tl.load(b_ptr + at, mask=column_ok[:, None] & (stack < E * R)[None, :], other=0.0)


@triton.jit
def load_a(a_ptr, column, column_ok, F, E: tl.constexpr, R: tl.constexpr, NP: tl.constexpr):
    """All experts' A one below the other, [N, columns], zero in the padding."""
    stack = tl.arange(0, NP)
    at = (stack * F)[:, None] + column[None, :]
    return tl.load(a_ptr + at, mask=(stack < E * R)[:, None] & column_ok[None, :], other=0.0)


@triton.jit
def hidden_of(gate, up, z_gate, z_up, b_gate, b_up, scale, GATED: tl.constexpr, ACTIVATION: tl.constexpr):
    """h of each token's expert, with ∂h/∂up and ∂h/∂gate (of a plain FFN: ∂h/∂up twice)."""
    own_up = up + scale * dot(z_up, tl.trans(b_up))
    if GATED:
        value, slope = activate(gate + scale * dot(z_gate, tl.trans(b_gate)), ACTIVATION)
        h = value * own_up
        by_up = value
        by_gate = slope * own_up
    else:
        h, by_up = activate(own_up, ACTIVATION)
        by_gate = by_up
    return h, by_up, by_gate
