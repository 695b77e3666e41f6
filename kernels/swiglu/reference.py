"""The hidden layer of a routed FFN, for all experts, before the one down product.

    h_e = act(gate + s·z_gate_e B_gate_eᵀ) ⊙ (up + s·z_up_e B_up_eᵀ)          gated (SwiGLU, GeGLU: arXiv:2002.05202)
    h_e = act(up + s·z_up_e B_up_eᵀ)                                          plain, two layers
    hidden = Σ_e w_e h_e         z_down_e = s·w_e·dropout(h_e) A_down_eᵀ

`hidden` goes through the base down product once, because that product is linear; `z_down` then goes through the experts'
B_down (kernels.expand). Experts share the mask of dropout.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kernels.dropout import dropout
from kernels.names import Activation


@dataclass(frozen=True)
class Pairs:
    """The experts' factors that a hidden layer needs, and what x shrank to. Gate's are None in a plain FFN."""

    z_up_TER: Tensor
    b_up_EFR: Tensor
    a_down_ERF: Tensor
    z_gate_TER: Tensor | None = None
    b_gate_EFR: Tensor | None = None


def activate(x: Tensor, activation: Activation) -> Tensor:
    """The activation by its name (kernels.names)."""
    match activation:
        case "silu":
            return functional.silu(x)
        case "gelu":
            return functional.gelu(x)
        case "gelu_tanh":
            return functional.gelu(x, approximate="tanh")
        case "relu":
            return functional.relu(x)
        case "quick_gelu":
            return x * torch.sigmoid(1.702 * x)


def hidden_of(
    expert: int, gate_TF: Tensor | None, up_TF: Tensor, pairs: Pairs, scale: float, activation: Activation
) -> Tensor:
    """h_e [T, F] of one expert."""
    up = up_TF + scale * (pairs.z_up_TER[:, expert] @ pairs.b_up_EFR[expert].T)
    if gate_TF is None or pairs.z_gate_TER is None or pairs.b_gate_EFR is None:
        return activate(up, activation)
    gate = gate_TF + scale * (pairs.z_gate_TER[:, expert] @ pairs.b_gate_EFR[expert].T)
    return activate(gate, activation) * up


def routed_hidden(
    gate_TF: Tensor | None,
    up_TF: Tensor,
    pairs: Pairs,
    weights_TE: Tensor,
    scale: float,
    activation: Activation,
    seed: Tensor | None = None,
    p: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """hidden [T, F] and z_down [T, E, R], in up's dtype."""
    hidden = torch.zeros_like(up_TF)
    shrunk = []
    for expert in range(weights_TE.shape[1]):
        weight = weights_TE[:, expert, None].to(up_TF.dtype)
        h = hidden_of(expert, gate_TF, up_TF, pairs, scale, activation)
        hidden = hidden + weight * h
        shrunk.append(scale * weight * (dropout(h, seed, p) @ pairs.a_down_ERF[expert].T))
    return hidden, torch.stack(shrunk, dim=1)
