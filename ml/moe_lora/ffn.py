"""Reads an FFN's structure out of a module, and proves it: the parts, put together our way, must give what the module gives.

Shapes of the linear layers say what could be up, gate and down; which of the possible readings is right, and by which
activation, is decided by computing each on a few random tokens. A module that does more than an FFN (a norm inside, a
dropout between, tokens that see each other) agrees with none of them and is refused.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Final, Literal

import torch
from peft.tuners.tuners_utils import BaseTunerLayer, _get_in_out_features
from peft.utils import resolve_quantization_backend
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from kernels.names import ACTIVATIONS, Activation
from kernels.swiglu import activate

TOKENS: Final = 3
TOLERANCES: Final = {torch.float64: 1e-10, torch.float32: 1e-4}
"""‖ours - module's‖ / ‖module's‖ on random tokens; both round alike, so that what an FFN doesn't explain stands out."""
COMPUTED: Final = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
"""Types of weights that a product computes in; others are a quantised layer's own affair."""
COARSE: Final = 3e-2
"""The same for 16-bit types and quantised weights."""
APART: Final = 3.0
"""A reading must be this many times nearer than the next one that also fits, or we couldn't tell."""


class NotAnFfn(Exception):
    """Why a module is no FFN that experts can be put into: a sentence without a subject."""


@dataclass(frozen=True)
class Ffn:
    """Names of an FFN's linear layers inside their module, and how they are put together."""

    up: str
    down: str
    gate: str | None
    """None: two layers, or the gate is a half of `up`."""
    fused: Literal["gate_up", "up_gate"] | None
    """Which half of `up` comes first, where one layer gives both."""
    activation: Activation
    after: tuple[str, ...]
    """Dropouts that follow the down product."""
    width: int
    inner: int

    @property
    def gated(self) -> bool:
        """Whether there is a gate."""
        return self.gate is not None or self.fused is not None

    def products(self, module: nn.Module, x: Tensor) -> tuple[Tensor | None, Tensor]:
        """The base's gate (None in a plain FFN) and up [..., F] of x [..., D]."""
        up = getattr(module, self.up)(x)
        if self.fused is not None:
            first, second = up.chunk(2, dim=-1)
            return (first, second) if self.fused == "gate_up" else (second, first)
        return (None if self.gate is None else getattr(module, self.gate)(x)), up

    def close(self, module: nn.Module, hidden: Tensor) -> Tensor:
        """The base's down product [..., D] of hidden [..., F], once."""
        return cast_tensor(getattr(module, self.down)(hidden))

    def finish(self, module: nn.Module, y: Tensor) -> Tensor:
        """What the base does after the down product: its own dropout."""
        for name in self.after:
            y = getattr(module, name)(y)
        return y


class Pair(nn.Module):
    """An FFN whose two layers and activation lie in a decoder layer among other things, taken out of it as one module."""

    def __init__(self, owner: nn.Module, names: tuple[str, str, str]) -> None:
        super().__init__()
        self.names = names
        self.opening, self.activation, self.closing = (getattr(owner, name) for name in names)

    def forward(self, x: Tensor) -> Tensor:
        """y [..., D]."""
        return cast_tensor(self.closing(self.activation(self.opening(x))))

    def take(self, owner: nn.Module, block: nn.Module) -> None:
        """Put `block` in the place of the first layer; what followed passes its input on."""
        setattr(owner, self.names[0], block)
        for name in self.names[1:]:
            setattr(owner, name, nn.Identity())

    def give_back(self, owner: nn.Module) -> None:
        """Put all parts where they were."""
        for name, part in zip(self.names, (self.opening, self.activation, self.closing), strict=True):
            setattr(owner, name, part)


def cast_tensor(value: object) -> Tensor:
    """The value, known to be a tensor."""
    if not isinstance(value, Tensor):
        raise NotAnFfn(f"returns {type(value).__name__}, not a tensor")
    return value


def sizes(module: nn.Module) -> tuple[int, int] | None:
    """(inputs, outputs) of a linear layer of any kind that has them, None for other modules."""
    if isinstance(module, BaseTunerLayer):  # adapted already: what lies beneath counts
        module = module.get_base_layer()
    if not isinstance(module, nn.Linear | Conv1D):
        backend = resolve_quantization_backend(module)
        if backend is None or backend.layer_type != "linear":
            return None
    inputs, outputs = _get_in_out_features(module)
    return None if inputs is None or outputs is None else (int(inputs), int(outputs))


def compute_dtype(linear: nn.Module) -> torch.dtype:
    """The type a linear layer computes in: its weight's, or what a quantised one says."""
    weight = getattr(linear, "weight", None)
    if isinstance(weight, Tensor) and weight.is_floating_point():
        return weight.dtype
    told = getattr(linear, "compute_dtype", None)
    return told if isinstance(told, torch.dtype) else torch.float16


def read_ffn(module: nn.Module) -> Ffn:
    """The module as an FFN. Raises NotAnFfn."""
    linears = {name: size for name, child in module.named_children() if (size := sizes(child)) is not None}
    if len(linears) not in {2, 3}:
        raise NotAnFfn(f"has {len(linears)} linear layers of its own; an FFN has 2 or 3")
    if strange := _strange_parts(module, set(linears)):
        raise NotAnFfn(f"has more than linear layers, an activation and dropout: {', '.join(strange)}")
    readings = list(_readings(linears))
    if not readings:
        shapes = ", ".join(f"{name} {i}→{o}" for name, (i, o) in linears.items())
        raise NotAnFfn(f"its linear layers don't lead into another space and back: {shapes}")
    weights = [next(iter(getattr(module, name).parameters()), None) for name in linears]
    if any(weight is None or weight.is_meta for weight in weights):
        raise NotAnFfn("its weights aren't loaded (they are on the meta device): load the base model first")
    refusals = []
    with _quiet(module), torch.no_grad():
        for width in sorted({reading.width for reading in readings}):  # two layers D→F→D could as well be F→D→F
            try:
                return _proven(module, [reading for reading in readings if reading.width == width])
            except NotAnFfn as refusal:
                refusals.append(refusal)
    raise refusals[0]


def _strange_parts(module: nn.Module, linears: set[str]) -> list[str]:
    """What of a module has parameters and is no linear layer."""
    own = [name for name, _ in module.named_parameters(recurse=False)]
    children = [
        f"{name} ({type(child).__name__})"
        for name, child in module.named_children()
        if name not in linears and any(True for _ in child.parameters())
    ]
    return own + children


def _readings(linears: dict[str, tuple[int, int]]) -> Iterator[Ffn]:
    """All ways in which layers of these sizes could be an FFN, with the activation left open (the first one stands in)."""
    for *opening, down in permutations(linears, len(linears)):
        width, (inner, back) = linears[opening[0]][0], linears[down]
        if back != width or any(linears[name][0] != width for name in opening):
            continue
        outputs = [linears[name][1] for name in opening]
        plain = Ffn(opening[-1], down, None, None, ACTIVATIONS[0], (), width, inner)
        if outputs == [inner]:
            yield plain
        elif outputs == [inner, inner]:
            yield replace(plain, gate=opening[0])
        elif outputs == [2 * inner]:
            yield replace(plain, fused="gate_up")
            yield replace(plain, fused="up_gate")


@contextmanager
def _quiet(module: nn.Module) -> Iterator[None]:
    """Without dropout, and put back into the mode each part was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _proven(module: nn.Module, readings: list[Ffn]) -> Ffn:
    """The one reading that gives what the module gives."""
    x = _tokens(module, readings[0])
    expected, calls = _traced(module, x)
    if expected.shape != x.shape:
        raise NotAnFfn(f"gives {list(expected.shape)} for {list(x.shape)}")
    dtype = compute_dtype(getattr(module, readings[0].up))
    plain = isinstance(getattr(module, readings[0].up), nn.Linear | Conv1D)
    tolerance = TOLERANCES.get(dtype, COARSE) if plain else COARSE
    tried = sorted(_tried(module, readings, x, expected), key=lambda found: found[0])
    fitting = [found for found in tried if found[0] <= tolerance]
    if not fitting:
        raise NotAnFfn(
            f"computes something else than an FFN of its linear layers with one of {', '.join(ACTIVATIONS)} "
            f"(nearest: {tried[0][1].activation}, {tried[0][0]:.1e} away)"
        )
    error, ffn = fitting[0]
    if len(fitting) > 1 and fitting[1][0] < APART * error:
        raise NotAnFfn(
            f"can't be told apart in {dtype}: {ffn.activation} or {fitting[1][1].activation}; load the base in float32"
        )
    _check_training(module, x, expected)
    return replace(ffn, after=_dropouts_after(module, ffn, calls))


def _tokens(module: nn.Module, reading: Ffn) -> Tensor:
    """Random tokens [1, TOKENS, D] that bring the hidden layer to about ±2, where activations differ."""
    linear = getattr(module, reading.up)
    weight = next(linear.parameters())
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(1, TOKENS, reading.width, generator=generator).to(weight.device, compute_dtype(linear))
    try:
        spread = float(linear(x).float().std())
    except (RuntimeError, TypeError) as problem:
        raise NotAnFfn(f"its layer {reading.up} can't be called: {problem}") from problem
    return x * (2.0 / spread) if spread > 0 else x


def _traced(module: nn.Module, x: Tensor) -> tuple[Tensor, list[str]]:
    """What the module gives, and the order in which it called its parts."""
    calls: list[str] = []

    def note(name: str) -> Callable[..., None]:
        return lambda *_: calls.append(name)

    with ExitStack() as stack:
        for name, child in module.named_children():
            stack.callback(child.register_forward_hook(note(name)).remove)
        try:
            return cast_tensor(module(x)), calls
        except NotAnFfn:
            raise
        except Exception as problem:
            raise NotAnFfn(
                f"can't be called with hidden states alone ({type(problem).__name__}: {problem})"
            ) from problem


def _tried(module: nn.Module, readings: list[Ffn], x: Tensor, expected: Tensor) -> Iterator[tuple[float, Ffn]]:
    """Each reading with each activation, and how far it is from what the module gives.

    The activation is computed by the module's own part where it has one, so that it can be recognised in float32.
    """
    own = _own_activation(module)
    size = expected.double().norm()
    for reading in readings:
        gate, up = reading.products(module, x)
        for activation in ACTIVATIONS if own is None else (own,):
            hidden = activate(up, activation) if gate is None else activate(gate, activation) * up
            away = float((reading.close(module, hidden).double() - expected.double()).norm() / size)
            yield (away if away == away else float("inf")), replace(reading, activation=activation)  # noqa: PLR0124 - NaN is no distance


def _own_activation(module: nn.Module) -> Activation | None:
    """The activation that a part without parameters, or a function kept by the module, computes; None if none is one."""
    candidates = [child for child in module.children() if not any(True for _ in child.parameters())]
    kept = [value for value in vars(module).values() if callable(value) and not isinstance(value, type)]
    points = torch.linspace(-6, 6, 193)
    for candidate in (*candidates, *kept):
        if isinstance(candidate, nn.Dropout | nn.Identity):
            continue
        try:
            found = candidate(points)
        except Exception:  # noqa: BLE001, S112 - whatever it is, it is no activation
            continue
        for activation in ACTIVATIONS:
            if isinstance(found, Tensor) and torch.allclose(found, activate(points, activation), atol=2e-6, rtol=0):
                return activation
    return None


def _check_training(module: nn.Module, x: Tensor, expected: Tensor) -> None:
    """In training, with its dropout layers off, a module must do what it does otherwise: else there is dropout unseen."""
    module.training = True
    state = torch.get_rng_state()
    try:
        found = cast_tensor(module(x))
    finally:
        torch.set_rng_state(state)
        module.training = False
    if not torch.allclose(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max())):
        raise NotAnFfn("does something else in training than otherwise, such as a dropout inside its forward")


def _dropouts_after(module: nn.Module, ffn: Ffn, calls: list[str]) -> tuple[str, ...]:
    """Dropouts that follow the down product. Those before it would have to act within experts: refused unless p is 0."""
    acting = {name for name, child in module.named_children() if isinstance(child, nn.Dropout) and child.p > 0}
    last = calls.index(ffn.down)
    if inside := sorted(acting & set(calls[:last])):
        raise NotAnFfn(
            f"drops hidden activations inside ({', '.join(inside)}), which experts would each need of their own: "
            "set that dropout to 0 in the base's configuration"
        )
    return tuple(name for name in calls[last + 1 :] if name in acting)
