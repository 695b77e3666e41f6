"""The first half of stacked LoRA pairs: one product for all experts, z = dropout(x) Aᵀ.

Experts share the mask, and so do gate and up: x is read once and dropped once. Each expert alone sees the dropout that LoRA
defines (arXiv:2106.09685); what is given up is independence between experts.
"""

from torch import Tensor

from kernels.dropout import dropout


def shrink(x_TD: Tensor, a_ND: Tensor, seed: Tensor | None, p: float) -> Tensor:
    """z [T, N] in x's dtype."""
    return dropout(x_TD, seed, p) @ a_ND.T
