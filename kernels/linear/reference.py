"""One linear layer with routed LoRA pairs: y + s Σ_e w_e B_e A_e dropout(x)."""

from torch import Tensor

from kernels.expand.reference import expand
from kernels.shrink.reference import shrink


def routed_linear(
    y_TO: Tensor,
    x_TI: Tensor,
    a_ERI: Tensor,
    b_EOR: Tensor,
    weights_TE: Tensor,
    scale: float,
    seed: Tensor | None = None,
    p: float = 0.0,
) -> Tensor:
    """y [T, O], the base layer's output with all experts' weighted parts added, in y's dtype."""
    experts, rank, _ = a_ERI.shape
    z_TER = shrink(x_TI, a_ERI.flatten(0, 1), seed, p).reshape(-1, experts, rank)
    return expand(y_TO, z_TER * (scale * weights_TE).to(z_TER.dtype)[:, :, None], b_EOR)
