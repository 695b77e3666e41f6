"""What is measured: subjects, each with contenders that compute it from the same operands."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import Tensor

from kernels.bench.operands import Operands
from kernels.bench.shapes import Shape
from kernels.choice import Implementation

NO_MEMORY = "out of memory"
DROPOUT = 0.1
"""In forward+backward, as in training. Forward alone runs without, as in inference."""


class Unavailable(Exception):
    """This contender can't run here; the message says why."""


@dataclass(frozen=True)
class Built:
    """A contender on its operands: `forward(p)` gives the outputs, `leaves` are what gradients are taken for."""

    forward: Callable[[float], tuple[Tensor, ...]]
    leaves: list[Tensor]

    def trained(self, towards: tuple[Tensor, ...], p: float) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Outputs, and gradients of the leaves where the outputs' own are `towards`."""
        outputs = self.forward(p)
        return outputs, torch.autograd.grad(outputs, self.leaves, towards)

    def directions(self) -> tuple[Tensor, ...]:
        """Random gradients of the outputs, the same for the same generator state."""
        return tuple(torch.randn_like(output) for output in self.forward(0.0))


@dataclass(frozen=True)
class Contender:
    """`build` may raise Unavailable. `exact`: it computes the subject's function, so that it must pass the gate.

    `shapes`: where it is measured; None for all. `masked`: it draws the masks of kernels.dropout, so that the gate also holds
    it to the reference with dropout. `kinds`: the types of numbers it is held to the reference in.
    """

    name: str
    build: Callable[[Operands, int], Built]
    exact: bool = True
    shapes: tuple[str, ...] | None = None
    masked: bool = False
    kinds: tuple[torch.dtype, ...] = (torch.float32, torch.bfloat16)

    def fits(self, shape: Shape) -> bool:
        return self.shapes is None or shape.name in self.shapes


@dataclass(frozen=True)
class Subject:
    """An operation, or the whole FFN. The first contender is what the others are set in proportion to."""

    name: str
    told: str
    contenders: tuple[Contender, ...]
    truth: Callable[[Operands, int], Built]
    shapes: tuple[Shape, ...]


def need(implementation: Implementation, device: torch.device) -> None:
    """Raises Unavailable where this implementation can't run."""
    if implementation == "reference":
        return
    if find_spec("triton") is None:
        raise Unavailable("Triton isn't installed: pip install triton (Linux)")
    if device.type == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
        raise Unavailable("Triton's kernels run on a CPU under its interpreter alone: set TRITON_INTERPRET=1")


def told(fault: Exception) -> str:
    """Why something didn't run, in a line."""
    if isinstance(fault, torch.cuda.OutOfMemoryError):
        return NO_MEMORY
    return f"{type(fault).__name__}: {str(fault).strip()}".splitlines()[0]


@contextmanager
def precise() -> Iterator[None]:
    """Products of float32 in float32, not in TF32, whatever the process was set to."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
