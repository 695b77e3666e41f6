"""Each operation by itself, on inputs as the FFN gives them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from kernels.bench.contender import Built, Contender, Subject, need
from kernels.bench.operands import SCALE, Operands
from kernels.bench.shapes import DESIGN, EIGHT, HALF, MANY, SMALL
from kernels.choice import Implementation, using
from kernels.dropout import draw_seed
from kernels.expand import expand
from kernels.linear import add_routed
from kernels.router import route, weigh
from kernels.shrink import route_and_shrink
from kernels.swiglu import Pairs, routed_hidden

Inputs = tuple[Tensor, ...]


@dataclass(frozen=True)
class Operation:
    """`inputs` makes what it reads (those that take gradients are leaves); `run` computes it, for k, a seed and p."""

    inputs: Callable[[Operands, int], Inputs]
    run: Callable[[Inputs, int, Tensor | None, float], tuple[Tensor, ...]]

    def by(self, implementation: Implementation, at: Operands, top_k: int) -> Built:
        """This operation by one implementation."""
        need(implementation, at.x_TD.device)
        return self._built(implementation, self.inputs(at, top_k), top_k)

    def exactly(self, at: Operands, top_k: int) -> Built:
        """The reference in float64, on the very same inputs."""
        inputs = tuple(
            tensor.detach().double().requires_grad_(tensor.requires_grad) for tensor in self.inputs(at, top_k)
        )
        return self._built("reference", inputs, top_k)

    def _built(self, implementation: Implementation, inputs: Inputs, top_k: int) -> Built:
        def forward(p: float) -> tuple[Tensor, ...]:
            seed = draw_seed(inputs[0].device) if p else None
            with using(implementation):
                return self.run(inputs, top_k, seed, p)

        return Built(forward, [tensor for tensor in inputs if tensor.requires_grad])


def leaves(*tensors: Tensor) -> Inputs:
    """The same values, as leaves that take gradients."""
    return tuple(tensor.detach().clone().requires_grad_() for tensor in tensors)


def _stacked(at: Operands) -> Tensor:
    return torch.cat([at.a_gate_ERD.flatten(0, 1), at.a_up_ERD.flatten(0, 1)])


def _shrink_inputs(at: Operands, top_k: int) -> Inputs:  # noqa: ARG001 - as all inputs are made
    return leaves(at.x_TD, at.router_ED, _stacked(at))


def _shrink(inputs: Inputs, top_k: int, seed: Tensor | None, p: float) -> tuple[Tensor, ...]:
    x, router, stacked = inputs
    return route_and_shrink(x, router, stacked, top_k, seed, p)


@torch.no_grad()
def _hidden_inputs(at: Operands, top_k: int) -> Inputs:
    """Logits instead of weights: an expert that isn't chosen has no gradient, and weights alone can't say so."""
    experts, rank, _ = at.a_up_ERD.shape
    logits, _ = route(at.x_TD, at.router_ED, top_k)
    z_gate, z_up = (at.x_TD @ _stacked(at).T).view(-1, 2, experts, rank).unbind(1)
    gate, up = at.x_TD @ at.w_gate_FD.T, at.x_TD @ at.w_up_FD.T
    return leaves(gate, up, logits, z_gate, z_up, at.b_gate_EFR, at.b_up_EFR, at.a_down_ERF)


def _hidden(inputs: Inputs, top_k: int, seed: Tensor | None, p: float) -> tuple[Tensor, ...]:
    gate, up, logits, z_gate, z_up, b_gate, b_up, a_down = inputs
    pairs = Pairs(z_up, b_up, a_down, z_gate, b_gate)
    return routed_hidden(gate, up, pairs, weigh(logits, top_k), SCALE, "silu", top_k, seed, p)


@torch.no_grad()
def _expand_inputs(at: Operands, top_k: int) -> Inputs:  # noqa: ARG001 - as all inputs are made
    experts, rank, _ = at.a_up_ERD.shape
    z = (at.x_TD @ at.a_up_ERD.flatten(0, 1).T).view(-1, experts, rank)
    return leaves(torch.randn_like(at.x_TD), z, at.b_down_EDR)


def _expand(inputs: Inputs, top_k: int, seed: Tensor | None, p: float) -> tuple[Tensor, ...]:  # noqa: ARG001 - as all operations are run
    return (expand(*inputs),)


def _linear_inputs(at: Operands, top_k: int) -> Inputs:  # noqa: ARG001 - as all inputs are made
    return *leaves(at.x_TD, at.router_ED, at.a_up_ERD, at.b_up_EFR), at.w_up_FD


def _linear(inputs: Inputs, top_k: int, seed: Tensor | None, p: float) -> tuple[Tensor, ...]:
    x, router, a, b, base = inputs
    _, weights, z = route_and_shrink(x, router, a.flatten(0, 1), top_k, seed, p)
    return (add_routed(functional.linear(x, base), z.view(-1, *a.shape[:2]), b, weights, SCALE),)


def _plain_linear(at: Operands, top_k: int) -> Built:
    x, *_, base = _linear_inputs(at, top_k)
    return Built(lambda _: (functional.linear(x, base),), [x])


def _plain_hidden(at: Operands, top_k: int) -> Built:
    gate, up, *_ = _hidden_inputs(at, top_k)
    return Built(lambda _: (functional.silu(gate) * up,), [gate, up])


SHRINK = Operation(_shrink_inputs, _shrink)
HIDDEN = Operation(_hidden_inputs, _hidden)
EXPAND = Operation(_expand_inputs, _expand)
LINEAR = Operation(_linear_inputs, _linear)


def _subject(name: str, told: str, operation: Operation, *plain: Contender) -> Subject:
    both = (
        Contender("reference", partial(operation.by, "reference"), masked=True),
        Contender("triton", partial(operation.by, "triton"), masked=True),
    )
    return Subject(name, told, (*plain, *both), operation.exactly, (DESIGN, HALF, SMALL))


OPERATIONS = (
    _subject("route_and_shrink", "router, dropout and the first factors of gate and up", SHRINK),
    _subject(
        "routed_hidden",
        "the hidden layer of all experts and the first factors of down",
        HIDDEN,
        Contender("plain SwiGLU", _plain_hidden, exact=False),
    ),
    _subject("expand", "the second factors, added to the base layer's output", EXPAND),
    _subject(
        "linear",
        "one linear layer with routed pairs, base product included",
        LINEAR,
        Contender("frozen", _plain_linear, exact=False),
    ),
    Subject(
        "dispatch",
        "the hidden layer with tokens sent to their experts",
        (
            Contender("plain SwiGLU", _plain_hidden, exact=False),
            Contender("dispatch", partial(HIDDEN.by, "dispatch"), masked=True),
            Contender("triton", partial(HIDDEN.by, "triton"), shapes=(DESIGN.name, EIGHT.name), masked=True),
        ),
        HIDDEN.exactly,
        (DESIGN, EIGHT, MANY),
    ),
)
