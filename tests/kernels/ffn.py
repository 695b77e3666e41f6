"""The whole routed FFN out of the operations, as a layer puts it together, for tests."""

import torch
from torch import Tensor

from kernels.expand import expand
from kernels.names import Activation
from kernels.shrink import route_and_shrink
from kernels.swiglu import Pairs, routed_hidden
from tests.kernels.literal import Ffn


def made(
    experts: int, rank: int, width: int, inner: int, *, gated: bool = True, dtype: torch.dtype = torch.float64
) -> Ffn:
    """Random weights of the size that keeps activations near one; B isn't zero, or half the gradients would be."""

    def of(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=dtype) / shape[-1] ** 0.5

    ffn = Ffn(
        of(inner, width) if gated else None,
        of(inner, width),
        of(width, inner),
        of(experts, rank, width) if gated else None,
        of(experts, inner, rank) if gated else None,
        of(experts, rank, width),
        of(experts, inner, rank),
        of(experts, rank, inner),
        of(experts, width, rank),
        2 * of(experts, width),
    )
    for tensor in ffn.trained():
        tensor.requires_grad_()
    return ffn


def routed(
    x: Tensor,
    ffn: Ffn,
    top_k: int,
    scale: float,
    activation: Activation,
    seeds: tuple[Tensor, Tensor] | None = None,
    p: float = 0.0,
) -> Tensor:
    """y [T, D]; `seeds` draw the masks of x and of the hidden layer."""
    experts, rank, _ = ffn.a_up.shape
    first, second = seeds or (None, None)
    factors = [ffn.a_up] if ffn.a_gate is None else [ffn.a_gate, ffn.a_up]
    stacked = torch.cat([a.flatten(0, 1) for a in factors])
    _, weights, z = route_and_shrink(x, ffn.router, stacked, top_k, first, p)
    *gate_z, up_z = z.unflatten(1, (len(factors), experts, rank)).unbind(1)
    pairs = Pairs(up_z, ffn.b_up, ffn.a_down, gate_z[0] if gate_z else None, ffn.b_gate)
    gate = None if ffn.w_gate is None else x @ ffn.w_gate.T
    hidden, z_down = routed_hidden(gate, x @ ffn.w_up.T, pairs, weights, scale, activation, top_k, second, p)
    return expand(hidden @ ffn.w_down.T, z_down, ffn.b_down)
