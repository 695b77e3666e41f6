"""The routed hidden layer by dense kernels: all experts' factors side by side, and never a token moved.

At four experts of rank 16 what is multiplied in vain costs less than sorting tokens would, and time doesn't depend on how
evenly they are spread. Sums over features and tokens are split by shape and added in order: two runs give the same bits.
"""

from typing import Any, Final, NamedTuple

import torch
import triton
from torch import Tensor

from kernels.dropout.triton import drawing
from kernels.names import Activation
from kernels.swiglu.reference import Pairs
from kernels.swiglu.triton_backward import features_kernel, tokens_kernel
from kernels.swiglu.triton_checks import check
from kernels.swiglu.triton_forward import hidden_kernel
from kernels.triton_support import bucket, on_device, padded, parts

SLICE: Final = 128
"""Slices of a split sum are multiples of this: of every block size."""
WIDEST: Final = 256
"""Bytes of z's row of all experts, E·R of them, up to which they are computed side by side: 128 ranks in bfloat16. Beyond,
programs spill registers, and by estimate dispatch is faster. Not yet measured on a GPU."""


class Operands(NamedTuple):
    """What both directions read, contiguous. `gate` and its factors are up's where there is no gate: never read."""

    gate: Tensor
    up: Tensor
    z_gate: Tensor
    z_up: Tensor
    b_gate: Tensor
    b_up: Tensor
    a_down: Tensor
    weights: Tensor
    seed: Tensor


def operands(
    gate_TF: Tensor | None,
    up_TF: Tensor,
    z_gate_TER: Tensor | None,
    z_up_TER: Tensor,
    b_gate_EFR: Tensor | None,
    b_up_EFR: Tensor,
    a_down_ERF: Tensor,
    weights_TE: Tensor,
    seed: Tensor | None,
) -> Operands:
    """The tensors as kernels take them."""
    up, z_up, b_up = up_TF.contiguous(), z_up_TER.contiguous(), b_up_EFR.contiguous()
    weights = weights_TE.contiguous()
    return Operands(
        up if gate_TF is None else gate_TF.contiguous(),
        up,
        z_up if z_gate_TER is None else z_gate_TER.contiguous(),
        z_up,
        b_up if b_gate_EFR is None else b_gate_EFR.contiguous(),
        b_up,
        a_down_ERF.contiguous(),
        weights,
        weights if seed is None else seed,
    )


def drawn(seed: Tensor | None, p: float) -> tuple[Tensor | None, float]:
    """Seed and p where something is dropped, else neither."""
    return (None, 0.0) if seed is None or p == 0.0 else (seed, p)


def slices(length: int, programs: int) -> tuple[int, int]:
    """In how many slices, and of which length, a sum is taken."""
    size = triton.cdiv(triton.cdiv(length, parts(length, programs)), SLICE) * SLICE
    return triton.cdiv(length, size), size


def total(partial: Tensor, dtype: torch.dtype) -> Tensor:
    """Slices [S, …] added in order and rounded once."""
    return (partial[0] if len(partial) == 1 else partial.sum(0)).to(dtype)


def constants(experts: int, rank: int, top_k: int, *, gated: bool, activation: str, drop: bool) -> dict[str, object]:
    """What a kernel is compiled for."""
    return {
        "E": experts,
        "R": rank,
        "K": top_k,
        "EP": triton.next_power_of_2(experts),
        "NP": padded(experts * rank),
        "GATED": gated,
        "ACTIVATION": activation,
        "DROP": drop,
    }


@torch.library.custom_op("anamnesis::routed_hidden", mutates_args=())
def forward(
    gate_TF: Tensor | None,
    up_TF: Tensor,
    z_gate_TER: Tensor | None,
    z_up_TER: Tensor,
    b_gate_EFR: Tensor | None,
    b_up_EFR: Tensor,
    a_down_ERF: Tensor,
    weights_TE: Tensor,
    scale: float,
    activation: str,
    top_k: int,
    seed: Tensor | None,
    p: float,
) -> tuple[Tensor, Tensor]:
    """hidden [T, F] and z_down [T, E, R]."""
    read = operands(gate_TF, up_TF, z_gate_TER, z_up_TER, b_gate_EFR, b_up_EFR, a_down_ERF, weights_TE, seed)
    (tokens, features), (experts, rank, _) = up_TF.shape, a_down_ERF.shape
    hidden = torch.empty((tokens, features), dtype=up_TF.dtype, device=up_TF.device)
    if hidden.numel() == 0:
        return hidden, up_TF.new_zeros((tokens, experts, rank))
    number, size = slices(features, triton.cdiv(tokens, 64))
    partial = torch.empty((number, tokens, experts, rank), dtype=torch.float32, device=up_TF.device)
    threshold, raise_by = drawing(p)
    with on_device(up_TF):
        hidden_kernel[lambda meta: (triton.cdiv(tokens, meta["BT"]), number)](
            *read, hidden, partial, tokens, features, scale, raise_by, threshold, size, bucket(tokens),
            **constants(experts, rank, top_k, gated=gate_TF is not None, activation=activation, drop=seed is not None),
        )  # fmt: skip
    return hidden, total(partial, up_TF.dtype)


@torch.library.custom_op("anamnesis::routed_hidden_backward", mutates_args=())
def backward(
    d_hidden_TF: Tensor,
    d_z_down_TER: Tensor,
    gate_TF: Tensor | None,
    up_TF: Tensor,
    z_gate_TER: Tensor | None,
    z_up_TER: Tensor,
    b_gate_EFR: Tensor | None,
    b_up_EFR: Tensor,
    a_down_ERF: Tensor,
    weights_TE: Tensor,
    scale: float,
    activation: str,
    top_k: int,
    seed: Tensor | None,
    p: float,
) -> list[Tensor]:
    """Gradients of up, z_up, b_up, a_down and weights; of a gated FFN, those of gate, z_gate and b_gate after them."""
    read = operands(gate_TF, up_TF, z_gate_TER, z_up_TER, b_gate_EFR, b_up_EFR, a_down_ERF, weights_TE, seed)
    if up_TF.numel() == 0:
        return zeros(read, gated=gate_TF is not None)
    (tokens, features), (experts, rank, _) = up_TF.shape, a_down_ERF.shape
    threshold, raise_by = drawing(p)
    numbers = (tokens, features, scale, raise_by, threshold)
    compiled = constants(experts, rank, top_k, gated=gate_TF is not None, activation=activation, drop=seed is not None)
    towards = (d_hidden_TF.contiguous(), d_z_down_TER.contiguous())
    with on_device(up_TF):
        by_token = _by_token(read, towards, numbers, compiled)
        by_feature = _by_feature(read, towards, numbers, compiled)
    d_gate, d_up, d_z_gate, d_z_up, d_weights = by_token
    d_b_gate, d_b_up, d_a_down = by_feature
    found = [d_up, d_z_up, d_b_up, d_a_down, d_weights]
    return found if gate_TF is None else [*found, d_gate, d_z_gate, d_b_gate]


def zeros(read: Operands, *, gated: bool) -> list[Tensor]:
    """The gradients of nothing."""
    always = [read.up, read.z_up, read.b_up, read.a_down, read.weights]
    of_gate = [read.gate, read.z_gate, read.b_gate] if gated else []
    return [torch.zeros_like(tensor) for tensor in (*always, *of_gate)]


def _by_token(
    read: Operands,
    towards: tuple[Tensor, Tensor],
    numbers: tuple[int, int, float, float, int],
    compiled: dict[str, object],
) -> list[Tensor]:
    """Gradients of gate, up, z_gate, z_up and weights; without a gate, its are never written."""
    tokens, features = read.up.shape
    number, size = slices(features, triton.cdiv(tokens, 64))
    d_up = torch.empty(read.up.shape, dtype=read.up.dtype, device=read.up.device)
    d_gate = torch.empty(read.up.shape, dtype=read.up.dtype, device=read.up.device) if compiled["GATED"] else d_up
    d_z_gate, d_z_up, d_weights = (
        torch.empty((number, *tensor.shape), dtype=torch.float32, device=read.up.device)
        for tensor in (read.z_gate, read.z_up, read.weights)
    )
    written = (d_gate, d_up, d_z_gate, d_z_up, d_weights)
    tokens_kernel[lambda meta: (triton.cdiv(tokens, meta["BT"]), number)](
        *read, *towards, *written, *numbers, size, bucket(tokens), **compiled
    )
    dtype = read.up.dtype
    return [d_gate, d_up, total(d_z_gate, dtype), total(d_z_up, dtype), total(d_weights, read.weights.dtype)]


def _by_feature(
    read: Operands,
    towards: tuple[Tensor, Tensor],
    numbers: tuple[int, int, float, float, int],
    compiled: dict[str, object],
) -> list[Tensor]:
    """Gradients of b_gate, b_up and a_down; without a gate, its are never written."""
    tokens, features = read.up.shape
    number, size = slices(tokens, triton.cdiv(features, 64))
    written = [
        torch.empty((number, *tensor.shape), dtype=torch.float32, device=read.up.device)
        for tensor in (read.b_gate, read.b_up, read.a_down)
    ]
    features_kernel[lambda meta: (triton.cdiv(features, meta["BF"]), number)](
        *read, *towards, *written, *numbers, size, bucket(tokens), **compiled
    )
    return [total(partial, read.up.dtype) for partial in written]


def differentiable(forward: Any, backward: Any) -> None:
    """Give two operators with the signatures of those above their shapes, and the first its gradient by the second."""

    def keep(ctx, inputs, output):
        *tensors, ctx.scale, ctx.activation, ctx.top_k, seed, ctx.p = inputs
        ctx.save_for_backward(*tensors, seed)

    def differentiate(ctx, d_hidden_TF, d_z_down_TER):
        *tensors, seed = ctx.saved_tensors
        settings = (ctx.scale, ctx.activation, ctx.top_k, seed, ctx.p)
        found = backward(d_hidden_TF, d_z_down_TER, *tensors, *settings)
        d_up, d_z_up, d_b_up, d_a_down, d_weights, *of_gate = found
        d_gate, d_z_gate, d_b_gate = of_gate or (None, None, None)
        return d_gate, d_up, d_z_gate, d_z_up, d_b_gate, d_b_up, d_a_down, d_weights, *(None for _ in settings)

    forward.register_fake(_outputs)
    backward.register_fake(_gradients)
    forward.register_autograd(differentiate, setup_context=keep)


def _outputs(gate_TF, up_TF, z_gate_TER, z_up_TER, *others):
    return up_TF.new_empty(up_TF.shape), up_TF.new_empty(z_up_TER.shape)


def _gradients(d_hidden, d_z_down, gate, up, z_gate, z_up, b_gate, b_up, a_down, weights, *others):
    gated = [] if gate is None else [gate, z_gate, b_gate]
    return [tensor.new_empty(tensor.shape) for tensor in (up, z_up, b_up, a_down, weights, *gated)]


differentiable(forward, backward)


def routed_hidden(
    gate_TF: Tensor | None,
    up_TF: Tensor,
    pairs: Pairs,
    weights_TE: Tensor,
    scale: float,
    activation: Activation,
    top_k: int,
    seed: Tensor | None = None,
    p: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """hidden [T, F] and z_down [T, E, R] in up's dtype, as kernels.swiglu.reference has them, in one kernel.

    Of each token the first `top_k` experts of weight other than zero are used, and its other weights' gradients are zero.

    With N = E·R: forward reads gate and up and writes hidden once, 3·T·F elements (plain: 2·T·F), a plain SwiGLU's traffic,
    and beside them 8·T·N bytes of partial sums a slice of features. It multiplies 6·k·T·F·N (plain: 4·k·T·F·N) and
    activates k·T·F elements. Backward keeps gate and up alone, computes h again in each of two passes, reads 6·T·F and
    writes 2·T·F elements (plain: 4 and 1), and multiplies 22·k·T·F·N (plain: 14·k·T·F·N). Not yet measured on a GPU.

    Stacks of more than WIDEST bytes are dispatched. Raises ValueError for types and shapes that don't fit.
    """
    check(gate_TF, up_TF, pairs, weights_TE, activation, top_k, seed, p)
    experts, rank, _ = pairs.a_down_ERF.shape
    if experts * rank * up_TF.element_size() > WIDEST:
        from kernels.dispatch import triton as dispatch

        return dispatch.routed_hidden(gate_TF, up_TF, pairs, weights_TE, scale, activation, top_k, seed, p)
    seed, p = drawn(seed, p)
    z, b = (pairs.z_gate_TER, pairs.z_up_TER), (pairs.b_gate_EFR, pairs.b_up_EFR)
    made: tuple[Tensor, Tensor] = forward(
        gate_TF, up_TF, *z, *b, pairs.a_down_ERF, weights_TE, scale, activation, top_k, seed, p
    )
    return made
