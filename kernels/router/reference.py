"""Top-k routing: w = softmax of the k largest logits of W_r x, zero for all others.

Softmax over all experts, cut to k and divided by its sum (Mixtral, arXiv:2401.04088; MixLoRA, arXiv:2404.15159) is the same
function; written this way no small number is divided by a small sum.
"""

import torch
from torch import Tensor


def chosen(logits_TE: Tensor, top_k: int) -> Tensor:
    """Which experts each token uses, bool [T, E]: the k largest logits, of equal ones those with lower numbers."""
    order = logits_TE.detach().sort(dim=-1, descending=True, stable=True).indices
    return torch.zeros_like(logits_TE, dtype=torch.bool).scatter(-1, order[:, :top_k], value=True)


def weigh(logits_TE: Tensor, top_k: int) -> Tensor:
    """Routing weights [T, E]: k positive ones a token that sum to 1, the rest exactly zero."""
    return logits_TE.masked_fill(~chosen(logits_TE, top_k), float("-inf")).softmax(-1)


def route(x_TD: Tensor, weight_ED: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """Logits [T, E] and routing weights [T, E], in float32 whatever x is (float64 stays float64).

    Rounded to bfloat16, close logits would tie, and experts' order would decide.
    """
    precise = torch.promote_types(x_TD.dtype, torch.float32)
    logits_TE = x_TD.to(precise) @ weight_ED.to(precise).T
    return logits_TE, weigh(logits_TE, top_k)
