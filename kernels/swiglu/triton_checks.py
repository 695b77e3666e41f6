"""What the kernels of the routed hidden layer want of their operands, said before they are launched."""

import torch
from torch import Tensor

from kernels.names import ACTIVATIONS
from kernels.swiglu.reference import Pairs
from kernels.triton_support import check_shape, check_types

NAME = "routed_hidden"


def check(
    gate_TF: Tensor | None,
    up_TF: Tensor,
    pairs: Pairs,
    weights_TE: Tensor,
    activation: str,
    top_k: int,
    seed: Tensor | None,
    p: float,
) -> None:
    """Raises ValueError with the operand that doesn't fit and what it should be."""
    operands = {"up": up_TF, "z_up": pairs.z_up_TER, "b_up": pairs.b_up_EFR, "a_down": pairs.a_down_ERF}
    of_gate = {"gate": gate_TF, "z_gate": pairs.z_gate_TER, "b_gate": pairs.b_gate_EFR}
    given = {name: tensor for name, tensor in of_gate.items() if tensor is not None}
    if given and len(given) < len(of_gate):
        missing = ", ".join(name for name in of_gate if name not in given)
        raise ValueError(f"{NAME} got {', '.join(given)} without {missing}: give all three, or none for a plain FFN")
    operands |= given
    if activation not in ACTIVATIONS:
        raise ValueError(f"{NAME} knows the activations {', '.join(ACTIVATIONS)}, not {activation!r}")
    if seed is not None and (seed.dtype != torch.int64 or seed.numel() != 1):
        raise ValueError(f"{NAME} wants a seed of one int64, not {seed.numel()} of {seed.dtype}: see draw_seed")
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{NAME} wants a dropout of 0 to 1, not {p}")
    experts = weights_TE.shape[-1]
    if not 1 <= top_k <= experts:
        raise ValueError(f"{NAME} wants a top_k from 1 to its {experts} experts, not {top_k}")
    check_types(NAME, **operands)
    _check_shapes(operands | {"weights": weights_TE})


def _check_shapes(operands: dict[str, Tensor]) -> None:
    """Raises ValueError unless all shapes follow from up's [T, F] and a_down's [E, R, F]."""
    for name, dimensions in (("up", 2), ("a_down", 3)):
        if operands[name].dim() != dimensions:
            raise ValueError(
                f"{NAME} wants {name} of {dimensions} dimensions, not of shape {list(operands[name].shape)}"
            )
    tokens, features = operands["up"].shape
    experts, rank, _ = operands["a_down"].shape
    if experts * rank * features >= 2**31:  # factors are addressed with 32 bits
        raise ValueError(f"{NAME} wants experts x rank x features below 2**31, not {experts} x {rank} x {features}")
    expected = {
        "gate": (tokens, features),
        "z_gate": (tokens, experts, rank),
        "z_up": (tokens, experts, rank),
        "b_gate": (experts, features, rank),
        "b_up": (experts, features, rank),
        "a_down": (experts, rank, features),
        "weights": (tokens, experts),
    }
    for name, tensor in operands.items():
        if name in expected:
            check_shape(NAME, name, tensor, *expected[name])
        if tensor.device != operands["up"].device:
            raise ValueError(
                f"{NAME} got {name} on {tensor.device} and up on {operands['up'].device}: move one to the other"
            )
