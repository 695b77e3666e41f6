"""Router, dropout and the stacked product with the experts' A, which all read x: once."""

from torch import Tensor

from kernels import router
from kernels.choice import choose
from kernels.shrink import reference

__all__ = ["route_and_shrink"]


def route_and_shrink(
    x_TD: Tensor,
    weight_ED: Tensor,
    a_ND: Tensor,
    top_k: int,
    seed: Tensor | None = None,
    p: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Logits [T, E] and weights [T, E] as kernels.router.route has them, and z [T, N] = dropout(x) Aᵀ in x's dtype.

    The router sees x whole.
    """
    experts = weight_ED.shape[0]
    if choose(x_TD, experts=experts, rank=a_ND.shape[0] // experts, top_k=top_k) == "reference":
        return *router.route(x_TD, weight_ED, top_k), reference.shrink(x_TD, a_ND, seed, p)
    from kernels.shrink import triton

    return triton.route_and_shrink(x_TD, weight_ED, a_ND, top_k, seed, p)
