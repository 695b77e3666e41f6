"""The routed hidden layer of an FFN, with the experts' down factors A folded in."""

from torch import Tensor

from kernels.choice import choose
from kernels.names import Activation
from kernels.swiglu import reference
from kernels.swiglu.reference import Pairs, activate

__all__ = ["Pairs", "activate", "routed_hidden"]


def routed_hidden(
    gate_TF: Tensor | None,
    up_TF: Tensor,
    pairs: Pairs,
    weights_TE: Tensor,
    scale: float,
    activation: Activation,
    top_k: int,
    seed: Tensor | None = None,
    p: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """hidden [T, F] = Σ w_e h_e and z_down [T, E, R] = s·w_e·dropout(h_e) A_down_eᵀ, in up's dtype.

    `weights_TE` has `top_k` positive entries a row, zeros elsewhere. The formula is in kernels.swiglu.reference.
    """
    _, experts, rank = pairs.z_up_TER.shape
    operands = (gate_TF, up_TF, pairs, weights_TE, scale, activation)
    match choose(up_TF, experts=experts, rank=rank, top_k=top_k):
        case "reference":
            return reference.routed_hidden(*operands, seed, p)
        case "triton":
            from kernels.swiglu import triton

            return triton.routed_hidden(*operands, top_k, seed, p)
        case "dispatch":
            from kernels.dispatch import triton as dispatch

            return dispatch.routed_hidden(*operands, top_k, seed, p)
