"""route_and_shrink on a GPU: x is read once forward, and twice backward.

With b bytes an element, moved: forward (TD + ND + TN)·b + 4·ED + 8·TE; backward, for x's gradient (TD + ND + TN)·b, and
for the factors' the same and, where tokens are too many for one sum, 4·(N + E)·D for each part of it. Multiplied and
added: 2·T·D·(N + E) forward, twice that backward. A block of N wider than a program's is another reading of x.
"""

import torch
import triton
from torch import Tensor

from kernels.dropout.triton import check_seed, drawing
from kernels.shrink.triton_kernels import factor_gradients_kernel, forward_kernel, input_gradient_kernel
from kernels.triton_support import (
    bucket,
    check_dimensions,
    check_places,
    check_shape,
    check_types,
    on_device,
    padded,
    parts,
)

NAME = "route_and_shrink"
Outputs = tuple[Tensor, Tensor, Tensor]


def route_and_shrink(
    x_TD: Tensor, weight_ED: Tensor, a_ND: Tensor, top_k: int, seed: Tensor | None = None, p: float = 0.0
) -> Outputs:
    """Logits [T, E], weights [T, E] (both float32) and z [T, N], as kernels.shrink has them.

    A logit that is NaN or infinite makes its token's weights NaN, all of them, and the loss with them; other tokens don't
    notice. (At minus infinity, in float32, an expert is merely out of reach.) Nothing is raised, since to look the host
    would have to wait. Raises ValueError for types and shapes that
    don't fit. Any strides are taken; what isn't contiguous is copied first.
    """
    _check(x_TD, weight_ED, a_ND, top_k, seed, p)
    outputs: Outputs = forward(x_TD, weight_ED, a_ND, top_k, seed, p)
    return outputs


def _check(x_TD: Tensor, weight_ED: Tensor, a_ND: Tensor, top_k: int, seed: Tensor | None, p: float) -> None:
    check_dimensions(NAME, 2, x=x_TD, router=weight_ED, a=a_ND)
    check_types(NAME, x=x_TD, a=a_ND)
    check_types(NAME, router=weight_ED)
    check_places(NAME, x=x_TD, router=weight_ED, a=a_ND, seed=seed)
    width, experts = x_TD.shape[1], weight_ED.shape[0]
    check_shape(NAME, "a", a_ND, a_ND.shape[0], width)
    check_shape(NAME, "router", weight_ED, experts, width)
    if not 1 <= top_k <= experts:
        raise ValueError(f"{NAME} wants a top_k from 1 to its number of experts, {experts}, not {top_k}")
    if a_ND.shape[0] == 0:
        raise ValueError(f"{NAME} wants at least one row in a, not shape {list(a_ND.shape)}: use kernels.router alone")
    check_seed(NAME, seed)
    drawing(p)


@torch.library.custom_op("anamnesis::route_and_shrink", mutates_args=())
def forward(
    x_TD: Tensor, weight_ED: Tensor, a_ND: Tensor, top_k: int, seed: Tensor | None, p: float
) -> tuple[Tensor, Tensor, Tensor]:
    x_TD, weight_ED, a_ND = x_TD.contiguous(), weight_ED.contiguous(), a_ND.contiguous()
    (T, D), (N, _), (E, _) = x_TD.shape, a_ND.shape, weight_ED.shape
    logits_TE = torch.empty((T, E), dtype=torch.float32, device=x_TD.device)
    weights_TE = torch.empty((T, E), dtype=torch.float32, device=x_TD.device)
    z_TN = torch.empty((T, N), dtype=x_TD.dtype, device=x_TD.device)
    if T == 0:
        return logits_TE, weights_TE, z_TN
    drops = seed is not None and p > 0.0

    def grid(sizes: dict[str, int]) -> tuple[int, int]:
        return triton.cdiv(T, sizes["BLOCK_T"]), triton.cdiv(N, sizes["BLOCK_N"])

    with on_device(x_TD):
        forward_kernel[grid](
            x_TD, weight_ED, a_ND, seed if drops else None, logits_TE, weights_TE, z_TN, T, D, N,
            *(drawing(p) if drops else (0, 1.0)), bucket(T),
            E=E, EP=padded(E), TOP_K=top_k, DROPS=drops,
        )  # fmt: skip
    return logits_TE, weights_TE, z_TN


@forward.register_fake
def _(
    x_TD: Tensor, weight_ED: Tensor, a_ND: Tensor, top_k: int, seed: Tensor | None, p: float
) -> tuple[Tensor, Tensor, Tensor]:
    T, E = x_TD.shape[0], weight_ED.shape[0]
    logits_TE = x_TD.new_empty((T, E), dtype=torch.float32)
    return logits_TE, torch.empty_like(logits_TE), x_TD.new_empty((T, a_ND.shape[0]))


@torch.library.custom_op("anamnesis::route_and_shrink_dx", mutates_args=())
def input_gradient(
    weight_ED: Tensor,
    a_ND: Tensor,
    weights_TE: Tensor,
    seed: Tensor | None,
    p: float,
    d_logits_TE: Tensor,
    d_weights_TE: Tensor,
    dz_TN: Tensor,
) -> Tensor:
    weight_ED, a_ND, dz_TN = weight_ED.contiguous(), a_ND.contiguous(), dz_TN.contiguous()
    (T, N), (E, D) = dz_TN.shape, weight_ED.shape
    dx_TD = torch.empty((T, D), dtype=dz_TN.dtype, device=dz_TN.device)
    if T == 0 or D == 0:
        return dx_TD
    drops = seed is not None and p > 0.0

    def grid(sizes: dict[str, int]) -> tuple[int, int]:
        return triton.cdiv(T, sizes["BLOCK_T"]), triton.cdiv(D, sizes["BLOCK_D"])

    with on_device(dz_TN):
        input_gradient_kernel[grid](
            weight_ED, a_ND, weights_TE, seed if drops else None, d_logits_TE.contiguous(), d_weights_TE.contiguous(),
            dz_TN, dx_TD, T, D, N, *(drawing(p) if drops else (0, 1.0)), bucket(T),
            E=E, EP=padded(E), DROPS=drops,
        )  # fmt: skip
    return dx_TD


@input_gradient.register_fake
def _(
    weight_ED: Tensor,
    a_ND: Tensor,
    weights_TE: Tensor,
    seed: Tensor | None,
    p: float,
    d_logits_TE: Tensor,
    d_weights_TE: Tensor,
    dz_TN: Tensor,
) -> Tensor:
    return dz_TN.new_empty((dz_TN.shape[0], a_ND.shape[1]))


@torch.library.custom_op("anamnesis::route_and_shrink_dw", mutates_args=())
def factor_gradients(
    x_TD: Tensor,
    weights_TE: Tensor,
    seed: Tensor | None,
    p: float,
    d_logits_TE: Tensor,
    d_weights_TE: Tensor,
    dz_TN: Tensor,
) -> tuple[Tensor, Tensor]:
    """Of the router [E, D] in float32, and of A [N, D] in x's dtype."""
    x_TD, dz_TN = x_TD.contiguous(), dz_TN.contiguous()
    (T, D), (_, N), (_, E) = x_TD.shape, dz_TN.shape, weights_TE.shape
    if T == 0 or D == 0:
        return x_TD.new_zeros((E, D), dtype=torch.float32), x_TD.new_zeros((N, D))
    drops = seed is not None and p > 0.0
    count = parts(T, triton.cdiv(D, 64) * triton.cdiv(N, 128))
    d_router_SED = torch.empty((count, E, D), dtype=torch.float32, device=x_TD.device)
    da_SND = torch.empty((count, N, D), dtype=torch.float32 if count > 1 else x_TD.dtype, device=x_TD.device)

    def grid(sizes: dict[str, int]) -> tuple[int, int, int]:
        return triton.cdiv(D, sizes["BLOCK_D"]), triton.cdiv(N, sizes["BLOCK_N"]), count

    with on_device(x_TD):
        factor_gradients_kernel[grid](
            x_TD, weights_TE, seed if drops else None, d_logits_TE.contiguous(), d_weights_TE.contiguous(),
            dz_TN, d_router_SED, da_SND, T, D, N, triton.cdiv(T, count), *(drawing(p) if drops else (0, 1.0)), bucket(T),
            E=E, EP=padded(E), DROPS=drops,
        )  # fmt: skip
    if count == 1:
        return d_router_SED[0], da_SND[0]
    return d_router_SED.sum(0), da_SND.sum(0).to(x_TD.dtype)


@factor_gradients.register_fake
def _(
    x_TD: Tensor,
    weights_TE: Tensor,
    seed: Tensor | None,
    p: float,
    d_logits_TE: Tensor,
    d_weights_TE: Tensor,
    dz_TN: Tensor,
) -> tuple[Tensor, Tensor]:
    E, N, D = weights_TE.shape[1], dz_TN.shape[1], x_TD.shape[1]
    return x_TD.new_empty((E, D), dtype=torch.float32), x_TD.new_empty((N, D))


def _keep_for_backward(ctx, inputs, output):
    x_TD, weight_ED, a_ND, _, seed, p = inputs
    ctx.save_for_backward(x_TD, weight_ED, a_ND, output[1], seed)
    ctx.p = p


def _backward(ctx, d_logits_TE, d_weights_TE, dz_TN):
    x_TD, weight_ED, a_ND, weights_TE, seed = ctx.saved_tensors
    wants_x, wants_router, wants_a = ctx.needs_input_grad[:3]
    towards = (seed, ctx.p, d_logits_TE, d_weights_TE, dz_TN)
    dx_TD = input_gradient(weight_ED, a_ND, weights_TE, *towards) if wants_x else None
    d_router_ED, da_ND = None, None
    if wants_router or wants_a:
        d_router_ED, da_ND = factor_gradients(x_TD, weights_TE, *towards)
        d_router_ED = d_router_ED.to(weight_ED.dtype)
    return dx_TD, d_router_ED, da_ND, None, None, None


forward.register_autograd(_backward, setup_context=_keep_for_backward)
