"""Holds an implementation of the routed hidden layer against the reference in float64, outputs and all gradients."""

from dataclasses import dataclass

import torch
from torch import Tensor

from kernels.choice import Implementation, using
from kernels.names import Activation
from kernels.router import weigh
from kernels.swiglu import Pairs, routed_hidden

Operands = dict[str, Tensor | None]


@dataclass(frozen=True)
class Case:
    """Sizes and manners of one comparison. `skew` is added to the first logit: a large one leaves experts without tokens."""

    tokens: int
    features: int
    experts: int
    rank: int
    top_k: int
    activation: Activation = "silu"
    gated: bool = True
    p: float = 0.0
    skew: float = 0.0

    def __str__(self) -> str:
        sizes = f"T{self.tokens}-F{self.features}-E{self.experts}-R{self.rank}-k{self.top_k}"
        return f"{sizes}-{self.activation}-{'gated' if self.gated else 'plain'}-p{self.p:g}-skew{self.skew:g}"


def operands(case: Case, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Operands:
    """Random operands, the weights in float32, each rounded to its type once: both sides see the same numbers."""
    torch.manual_seed(case.tokens * 7919 + case.features)

    def of(*shape: int) -> Tensor:
        return torch.randn(*shape).to(device, dtype)

    tokens, features, experts, rank = case.tokens, case.features, case.experts, case.rank
    logits = torch.randn(tokens, experts)
    logits[:, 0] += case.skew
    return {
        "up": of(tokens, features),
        "z_up": of(tokens, experts, rank),
        "b_up": of(experts, features, rank) / rank**0.5,
        "a_down": of(experts, rank, features) / max(features, 1) ** 0.5,
        "weights": weigh(logits, case.top_k).to(device),
        "gate": of(tokens, features) if case.gated else None,
        "z_gate": of(tokens, experts, rank) if case.gated else None,
        "b_gate": of(experts, features, rank) / rank**0.5 if case.gated else None,
    }


def seed(device: str = "cpu") -> Tensor:
    """A seed with bits in both halves."""
    return torch.tensor([(3 << 40) + 2**31 + 5], device=device)


def run(case: Case, given: Operands, implementation: Implementation, *, seeded: bool = True) -> tuple[Tensor, Tensor]:
    """hidden and z_down."""
    pairs = Pairs(given["z_up"], given["b_up"], given["a_down"], given["z_gate"], given["b_gate"])
    drawn = seed(given["up"].device.type) if seeded else None
    with using(implementation):
        return routed_hidden(
            given["gate"], given["up"], pairs, given["weights"], 1.7, case.activation, case.top_k, drawn, case.p
        )


def with_gradients(
    case: Case,
    given: Operands,
    implementation: Implementation,
    rounded: torch.dtype = torch.float32,
    *,
    seeded: bool = True,
) -> dict[str, Tensor]:
    """Both outputs and, under the operands' names, their gradients towards fixed random directions, rounded to a type."""
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in given.items() if tensor is not None}
    outputs = run(case, {**given, **leaves}, implementation, seeded=seeded)
    generator = torch.Generator().manual_seed(11)
    towards = [torch.randn(y.shape, generator=generator).to(rounded).to(y) for y in outputs]
    gradients = torch.autograd.grad(outputs, list(leaves.values()), towards)
    return {"hidden": outputs[0].detach(), "z_down": outputs[1].detach()} | dict(zip(leaves, gradients, strict=True))


def in_float64(case: Case, given: Operands) -> dict[str, Tensor]:
    """What the reference makes of the same numbers. Weights of zero have no gradient where experts aren't computed."""
    precise = {name: None if tensor is None else tensor.double() for name, tensor in given.items()}
    expected = with_gradients(case, precise, "reference", given["up"].dtype)
    expected["weights"] = torch.where(given["weights"] != 0, expected["weights"], 0.0)
    return expected


def errors(case: Case, given: Operands, implementation: Implementation) -> dict[str, float]:
    """‖found - expected‖ / ‖expected‖ of each output and gradient, the plain norm where nothing is expected."""
    expected = in_float64(case, given)
    found = with_gradients(case, given, implementation, given["up"].dtype)
    return {
        name: float((found[name].double() - sought).norm()) / (float(sought.norm()) or 1.0)
        for name, sought in expected.items()
    }


def far_row(implementation: Implementation) -> tuple[Tensor, Tensor]:
    """The last row of hidden where its first element is number 2³¹ or beyond, and the same row computed alone. Needs a GPU."""
    alone = Case(1, 14336, 4, 16, 2)
    row = operands(alone, "cuda", torch.bfloat16)
    tokens = 2**31 // alone.features + 2
    of_tokens = ("up", "gate", "z_up", "z_gate", "weights")
    many = dict(row)
    for name in of_tokens:
        many[name] = row[name].new_zeros((tokens, *row[name].shape[1:]))
        many[name][-1:] = row[name]
    with torch.no_grad():
        return run(alone, many, implementation)[0][-1:], run(alone, row, implementation)[0]
