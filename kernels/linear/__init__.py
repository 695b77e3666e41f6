"""One linear layer with routed LoRA pairs."""

from torch import Tensor

from kernels.expand import expand

__all__ = ["add_routed"]


def add_routed(y_TO: Tensor, z_TER: Tensor, b_EOR: Tensor, weights_TE: Tensor, scale: float) -> Tensor:
    """y + s Σ_e w_e z_e B_eᵀ, [T, O] in y's dtype, where z [T, E, R] = dropout(x) A_eᵀ comes from route_and_shrink.

    Weighing z costs E·R products a token, beside which a kernel of its own would only be another launch.
    """
    weighed = z_TER * (scale * weights_TE).to(z_TER.dtype)[:, :, None]
    return expand(y_TO, weighed, b_EOR)
