"""Operations and bytes: by formula for any size, and counted by torch's own counter where something ran.

A base product is one that reads a frozen weight. Backward, a frozen weight costs one product (the gradient of its input), a
trained factor two. For the roofline (`parts`) neither what an implementation computes again instead of keeping is credited
nor experts that a token doesn't use, and bytes are the fewest there can be: every input read once, every output written once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from kernels.bench.contender import Built
from kernels.bench.peft_lora import RANK
from kernels.bench.rivals import padded_rows
from kernels.bench.shapes import Shape


@dataclass(frozen=True, slots=True)
class Flops:
    """Of base products, and of everything routed."""

    base: int
    routed: int

    @property
    def total(self) -> int:
        return self.base + self.routed


@dataclass(frozen=True, slots=True)
class Part:
    """A pass over memory: what it must compute and move."""

    name: str
    flops: int
    moved: int


def flops(contender: str, shape: Shape, *, trained: bool) -> Flops:
    """By formula, of the whole FFN as this contender computes it. Raises KeyError for a name without a formula."""
    t, d, f, e, r, k = shape.tokens, shape.width, shape.inner, shape.experts, shape.rank, shape.top_k
    router, dense = 2 * t * d * e, 2 * t * e * r * 3 * (d + f)
    products, routed = {
        "frozen": (3, 0),
        "reference": (3, router + dense),
        "triton": (3, router + dense),
        "dispatch": (3, router + 2 * t * (2 * e * r * d + k * r * 3 * f + e * r * d)),
        "torch.compile": (3, router + dense),
        "PEFT LoRA r=64": (3, 2 * t * RANK * 3 * (d + f)),
        "MixLoRA": (2 + k, router + 2 * t * k * r * 3 * (d + f)),
        "loop over experts": (2 + e, router + dense),
        "grouped_mm": (3, router + 2 * padded_rows(t * k, e) * r * 3 * (d + f)),
    }[contender]
    base = products * 2 * t * d * f
    return Flops(base * 2, routed * 3) if trained else Flops(base, routed)


class _BaseProducts(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's class states no types
    """Sums the products that read a frozen weight, told by its storage, through views and transpositions."""

    def __init__(self, frozen: list[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self._storages = {tensor.untyped_storage().data_ptr() for tensor in frozen}
        self.flops = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        counted = flop_registry.get(func.overloadpacket)
        if counted is not None and any(
            isinstance(one, Tensor) and one.untyped_storage().data_ptr() in self._storages for one in args
        ):
            self.flops += counted(*args, **(kwargs or {}), out_val=found)
        return found


def _grouped_flops(a_shape: torch.Size, b_shape: torch.Size, *_: Any, **__: Any) -> int:
    """Rows of a, wherever groups begin, times what each is multiplied with; the same for two factors cut in the middle."""
    return 2 * a_shape[-2] * a_shape[-1] * b_shape[-1]


def counted(built: Built, frozen: list[Tensor], *, trained: bool) -> Flops:
    """What torch's counter sees while this runs once, without dropout. `frozen`: the base weights."""
    towards = built.directions()
    base = _BaseProducts(frozen)
    # Torch's registry has no formula for grouped_mm.
    total = FlopCounterMode(display=False, custom_mapping={torch.ops.aten._grouped_mm: _grouped_flops})  # noqa: SLF001 - the operation behind the public grouped_mm
    with total, base:
        outputs = built.forward(0.0)
        if trained:  # not autograd.grad: the counter follows modules by hooks that it can't run
            torch.autograd.backward(outputs, towards)
    for leaf in built.leaves:
        leaf.grad = None
    return Flops(base.flops, total.get_total_flops() - base.flops)


def parts(subject: str, shape: Shape, *, trained: bool, plain: bool = False) -> list[Part]:
    """What the subject's function must compute and move, pass by pass; `plain`: what is left of it without experts."""
    forward = _FORWARD[subject](shape, plain=plain)
    return forward + [_backward(part, shape) for part in forward] if trained else forward


def floor_s(work: list[Part], flops_per_s: float, bytes_per_s: float) -> float:
    """Seconds in which a machine of these rates could do it: each pass by whichever of the two it has less of."""
    return sum(max(part.flops / flops_per_s, part.moved / bytes_per_s) for part in work)


def _product(name: str, shape: Shape, inputs: int, outputs: int) -> Part:
    size = shape.dtype.itemsize
    moved = size * (shape.tokens * (inputs + outputs) + inputs * outputs)
    return Part(name, 2 * shape.tokens * inputs * outputs, moved)


def _shrink(shape: Shape, factors: int) -> Part:
    """Of one factor A, or of two that read the same x."""
    t, d, e, size = shape.tokens, shape.width, shape.experts, shape.dtype.itemsize
    rows = factors * e * shape.rank
    moved = size * (t * d + rows * d + t * rows) + 4 * (e * d + 2 * t * e)
    return Part("shrink", 2 * t * d * (factors * shape.top_k * shape.rank + e), moved)


def _hidden(shape: Shape) -> Part:
    t, f, e, rows, size = shape.tokens, shape.inner, shape.experts, shape.experts * shape.rank, shape.dtype.itemsize
    moved = size * (3 * t * f + 3 * t * rows + 3 * rows * f) + 4 * t * e
    return Part("hidden", 2 * t * 3 * shape.top_k * shape.rank * f, moved)


def _swiglu(shape: Shape) -> Part:
    return Part("swiglu", 0, 3 * shape.tokens * shape.inner * shape.dtype.itemsize)


def _expand(shape: Shape, outputs: int) -> Part:
    t, rows, size = shape.tokens, shape.experts * shape.rank, shape.dtype.itemsize
    return Part(
        "expand", 2 * t * shape.top_k * shape.rank * outputs, size * (2 * t * outputs + t * rows + rows * outputs)
    )


def _ffn(shape: Shape, *, plain: bool) -> list[Part]:
    d, f = shape.width, shape.inner
    base = [_product("base", shape, d, f), _product("base", shape, d, f), _product("base", shape, f, d)]
    return [*base, _swiglu(shape)] if plain else [*base, _shrink(shape, 2), _hidden(shape), _expand(shape, d)]


def _linear(shape: Shape, *, plain: bool) -> list[Part]:
    base = _product("base", shape, shape.width, shape.inner)
    return [base] if plain else [base, _shrink(shape, 1), _expand(shape, shape.inner)]


def _backward(part: Part, shape: Shape) -> Part:
    """The backward pass of a forward one: inputs and the outputs' gradients read, the inputs' gradients written."""
    size, hidden = shape.dtype.itemsize, shape.tokens * shape.inner
    match part.name:
        case "base":  # reads the gradient of y and the weight, writes the gradient of x
            return part
        case "hidden" | "swiglu":  # gate, up and the gradient of hidden in, the gradients of gate and up out
            return Part(part.name, 2 * part.flops, part.moved + 2 * size * hidden)
        case "shrink":  # x in, its gradient out
            return Part(part.name, 2 * part.flops, part.moved + size * shape.tokens * shape.width)
        case _:  # the gradient of y is read once and passed on as it is: no more moves than forward
            return Part(part.name, 2 * part.flops, part.moved)


def _routed_hidden(shape: Shape, *, plain: bool) -> list[Part]:
    return [_swiglu(shape) if plain else _hidden(shape)]


def _route_and_shrink(shape: Shape, *, plain: bool) -> list[Part]:
    return [] if plain else [_shrink(shape, 2)]


def _expand_alone(shape: Shape, *, plain: bool) -> list[Part]:
    return [] if plain else [_expand(shape, shape.width)]


_FORWARD: Final[dict[str, Callable[..., list[Part]]]] = {
    "ffn": _ffn,
    "ffn-many": _ffn,
    "linear": _linear,
    "route_and_shrink": _route_and_shrink,
    "routed_hidden": _routed_hidden,
    "dispatch": _routed_hidden,
    "expand": _expand_alone,
}
