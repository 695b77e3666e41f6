"""Adds the experts' parts of an output to the base layer's."""

from torch import Tensor

from kernels.choice import choose
from kernels.expand import reference

__all__ = ["expand"]


def expand(y_TO: Tensor, z_TER: Tensor, b_EOR: Tensor) -> Tensor:
    """y + Σ_e z_e B_eᵀ, [T, O] in y's dtype. z holds scale and routing weights already."""
    experts, _, rank = b_EOR.shape
    if choose(y_TO, experts=experts, rank=rank, top_k=experts) == "reference":
        return reference.expand(y_TO, z_TER, b_EOR)
    from kernels.expand import triton

    return triton.expand(y_TO, z_TER, b_EOR)
