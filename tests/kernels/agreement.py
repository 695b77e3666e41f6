"""Holds an implementation of an operation against the reference in float64, outputs and all gradients."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from kernels.choice import Implementation, using

Operation = Callable[..., Tensor | tuple[Tensor, ...]]


def far(found: Tensor, expected: Tensor) -> float:
    """‖found - expected‖ / ‖expected‖, and the plain norm where nothing is expected."""
    found, expected = found.detach().double().cpu(), expected.detach().double().cpu()
    return float((found - expected).norm() / (expected.norm() or 1.0))


def drawn(*shape: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Tensor:
    """Random numbers that float32 and the narrower type have in common."""
    return torch.randn(*shape).to(device=device, dtype=dtype)


def both(operation: Operation, operands: Sequence[Tensor], implementation: Implementation) -> list[Tensor]:
    """Outputs, then gradients of all operands towards directions that are the same for every implementation."""
    leaves = [tensor.detach().requires_grad_() for tensor in operands]
    with using(implementation):
        outputs = operation(*leaves)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    generator = torch.Generator().manual_seed(5)
    # Rounded to bfloat16, directions are the same numbers in every type.
    towards = [torch.randn(y.shape, generator=generator).bfloat16().to(y) for y in outputs]
    return [*outputs, *torch.autograd.grad(outputs, leaves, towards)]


def distances(operation: Operation, operands: Sequence[Tensor]) -> list[float]:
    """How far the Triton kernels are from the reference in float64 on the same numbers: outputs, then gradients."""
    found = both(operation, operands, "triton")
    expected = both(operation, [tensor.double() for tensor in operands], "reference")
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
    return [far(one, other) for one, other in zip(found, expected, strict=True)]
