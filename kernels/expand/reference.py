"""The second half of stacked LoRA pairs, added to what the base layer gave: y + Σ_e z_e B_eᵀ, one product for all experts."""

from torch import Tensor


def expand(y_TO: Tensor, z_TER: Tensor, b_EOR: Tensor) -> Tensor:
    """y [T, O] in y's dtype. z holds scale and routing weights already: experts that a token doesn't use are zero in it."""
    return y_TO + z_TER.flatten(1) @ b_EOR.transpose(1, 2).flatten(0, 1)
