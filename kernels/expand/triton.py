"""expand on a GPU: the experts' parts are added while y passes by once.

With b bytes an element and N = E·R, moved: forward (2·TO + TN + NO)·b; backward, for z's gradient (TO + TN + NO)·b, and
for B's the same and, where tokens are too many for one sum, 4·N·O for each part of it. Multiplied and added: 2·T·N·O
forward, twice that backward. y's gradient is dy itself and costs nothing.
"""

import torch
import triton
from torch import Tensor

from kernels.expand.triton_kernels import factor_gradient_kernel, forward_kernel, input_gradient_kernel
from kernels.triton_support import bucket, check_dimensions, check_places, check_shape, check_types, on_device, parts


def expand(y_TO: Tensor, z_TER: Tensor, b_EOR: Tensor) -> Tensor:
    """y + Σ_e z_e B_eᵀ, [T, O], summed in float32 and rounded once; y stays as it is, for whoever else holds it.

    Raises ValueError for types and shapes that don't fit. Any strides are taken; what isn't contiguous is copied first.
    """
    check_dimensions("expand", 2, y=y_TO)
    check_dimensions("expand", 3, z=z_TER, b=b_EOR)
    experts, outputs, rank = b_EOR.shape
    check_types("expand", y=y_TO, z=z_TER, b=b_EOR)
    check_places("expand", y=y_TO, z=z_TER, b=b_EOR)
    check_shape("expand", "z", z_TER, y_TO.shape[0], experts, rank)
    check_shape("expand", "y", y_TO, z_TER.shape[0], outputs)
    added: Tensor = forward(y_TO, z_TER, b_EOR)
    return added


@torch.library.custom_op("anamnesis::expand", mutates_args=())
def forward(y_TO: Tensor, z_TER: Tensor, b_EOR: Tensor) -> Tensor:
    y_TO, z_TER, b_EOR = y_TO.contiguous(), z_TER.contiguous(), b_EOR.contiguous()
    (T, OUT), (E, _, R) = y_TO.shape, b_EOR.shape
    out_TO = torch.empty((T, OUT), dtype=y_TO.dtype, device=y_TO.device)
    if out_TO.numel() == 0:
        return out_TO

    def grid(sizes: dict[str, int]) -> tuple[int, int]:
        return triton.cdiv(T, sizes["BLOCK_T"]), triton.cdiv(OUT, sizes["BLOCK_O"])

    with on_device(y_TO):
        forward_kernel[grid](y_TO, z_TER, b_EOR, out_TO, T, OUT, E * R, bucket(T), R=R)
    return out_TO


@forward.register_fake
def _(y_TO: Tensor, z_TER: Tensor, b_EOR: Tensor) -> Tensor:
    return y_TO.new_empty(y_TO.shape)


@torch.library.custom_op("anamnesis::expand_dz", mutates_args=())
def input_gradient(dy_TO: Tensor, b_EOR: Tensor) -> Tensor:
    dy_TO, b_EOR = dy_TO.contiguous(), b_EOR.contiguous()
    (T, OUT), (E, _, R) = dy_TO.shape, b_EOR.shape
    dz_TER = torch.empty((T, E, R), dtype=dy_TO.dtype, device=dy_TO.device)
    if dz_TER.numel() == 0:
        return dz_TER

    def grid(sizes: dict[str, int]) -> tuple[int, int]:
        return triton.cdiv(T, sizes["BLOCK_T"]), triton.cdiv(E * R, sizes["BLOCK_N"])

    with on_device(dy_TO):
        input_gradient_kernel[grid](dy_TO, b_EOR, dz_TER, T, OUT, E * R, bucket(T), R=R)
    return dz_TER


@input_gradient.register_fake
def _(dy_TO: Tensor, b_EOR: Tensor) -> Tensor:
    return dy_TO.new_empty((dy_TO.shape[0], b_EOR.shape[0], b_EOR.shape[2]))


@torch.library.custom_op("anamnesis::expand_db", mutates_args=())
def factor_gradient(dy_TO: Tensor, z_TER: Tensor) -> Tensor:
    dy_TO, z_TER = dy_TO.contiguous(), z_TER.contiguous()
    (T, OUT), (_, E, R) = dy_TO.shape, z_TER.shape
    if dy_TO.numel() == 0 or z_TER.numel() == 0:
        return z_TER.new_zeros((E, OUT, R))
    count = parts(T, triton.cdiv(OUT, 64) * triton.cdiv(E * R, 64))
    db_SEOR = torch.empty((count, E, OUT, R), dtype=torch.float32 if count > 1 else z_TER.dtype, device=z_TER.device)

    def grid(sizes: dict[str, int]) -> tuple[int, int, int]:
        return triton.cdiv(OUT, sizes["BLOCK_O"]), triton.cdiv(E * R, sizes["BLOCK_N"]), count

    with on_device(dy_TO):
        factor_gradient_kernel[grid](dy_TO, z_TER, db_SEOR, T, OUT, E * R, triton.cdiv(T, count), bucket(T), R=R)
    return db_SEOR[0] if count == 1 else db_SEOR.sum(0).to(z_TER.dtype)


@factor_gradient.register_fake
def _(dy_TO: Tensor, z_TER: Tensor) -> Tensor:
    return z_TER.new_empty((z_TER.shape[1], dy_TO.shape[1], z_TER.shape[2]))


def _keep_for_backward(ctx, inputs, output):
    _, z_TER, b_EOR = inputs
    ctx.save_for_backward(z_TER, b_EOR)


def _backward(ctx, dy_TO):
    z_TER, b_EOR = ctx.saved_tensors
    _, wants_z, wants_b = ctx.needs_input_grad
    dz_TER = input_gradient(dy_TO, b_EOR) if wants_z else None
    return dy_TO, dz_TER, factor_gradient(dy_TO, z_TER) if wants_b else None


forward.register_autograd(_backward, setup_context=_keep_for_backward)
