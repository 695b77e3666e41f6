"""The whole FFN: frozen, and routed by this package in each of its implementations."""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from kernels.bench import rivals
from kernels.bench.contender import Built, Contender, Subject, Unavailable, need
from kernels.bench.operands import SCALE, Operands
from kernels.bench.peft_lora import peft_lora
from kernels.bench.shapes import DESIGN, MANY, SHAPES
from kernels.choice import Implementation, using
from kernels.dropout import draw_seed
from kernels.expand import expand
from kernels.shrink import route_and_shrink
from kernels.swiglu import Pairs, routed_hidden

Seeds = tuple[Tensor, Tensor] | tuple[None, None]


def routed(at: Operands, top_k: int, seeds: Seeds, p: float) -> Tensor:
    """y [T, D], put together from the operations as a layer does it."""
    experts, rank, _ = at.a_up_ERD.shape
    stacked = torch.cat([at.a_gate_ERD.flatten(0, 1), at.a_up_ERD.flatten(0, 1)])
    _, weights, z = route_and_shrink(at.x_TD, at.router_ED, stacked, top_k, seeds[0], p)
    z_gate, z_up = z.view(-1, 2, experts, rank).unbind(1)
    pairs = Pairs(z_up, at.b_up_EFR, at.a_down_ERF, z_gate, at.b_gate_EFR)
    gate, up = functional.linear(at.x_TD, at.w_gate_FD), functional.linear(at.x_TD, at.w_up_FD)
    hidden, z_down = routed_hidden(gate, up, pairs, weights, SCALE, "silu", top_k, seeds[1], p)
    return expand(functional.linear(hidden, at.w_down_DF), z_down, at.b_down_EDR)


def drawn(at: Operands, p: float) -> Seeds:
    """Two seeds from the device's generator, or none without dropout."""
    return (draw_seed(at.x_TD.device), draw_seed(at.x_TD.device)) if p else (None, None)


def ours(implementation: Implementation, at: Operands, top_k: int) -> Built:
    """The routed FFN by one of this package's implementations."""
    need(implementation, at.x_TD.device)

    def forward(p: float) -> tuple[Tensor]:
        with using(implementation):
            return (routed(at, top_k, drawn(at, p), p),)

    return Built(forward, at.leaves())


def compiled(at: Operands, top_k: int) -> Built:
    """The reference through torch.compile, one graph, at fixed sizes. Seeds are drawn outside, as eager draws them."""
    if not at.x_TD.is_cuda:
        raise Unavailable("torch.compile runs the reference's own products: it is compared by speed, on a GPU")
    torch._dynamo.config.recompile_limit = 64  # noqa: SLF001 - one code object is compiled for every size, on purpose
    function = torch.compile(routed, fullgraph=True, dynamic=False)

    def forward(p: float) -> tuple[Tensor]:
        with using("reference"):
            return (function(at, top_k, drawn(at, p), p),)

    return Built(forward, at.leaves())


def frozen(at: Operands, top_k: int) -> Built:  # noqa: ARG001 - every contender is built from the same arguments
    """The FFN without any experts; only x takes a gradient."""

    def forward(p: float) -> tuple[Tensor]:  # noqa: ARG001 - nothing of a frozen FFN drops anything
        gate, up = functional.linear(at.x_TD, at.w_gate_FD), functional.linear(at.x_TD, at.w_up_FD)
        return (functional.linear(functional.silu(gate) * up, at.w_down_DF),)

    return Built(forward, [at.x_TD])


def exactly(at: Operands, top_k: int) -> Built:
    """The reference in float64, on the very same operands."""
    return ours("reference", at.at(torch.float64), top_k)


TRITON = Contender("triton", partial(ours, "triton"), masked=True)
DISPATCH = Contender("dispatch", partial(ours, "dispatch"), masked=True)
REFERENCE = Contender("reference", partial(ours, "reference"), masked=True)

FFN = Subject(
    "ffn",
    "the whole routed FFN, base products included",
    (
        Contender("frozen", frozen, exact=False),
        TRITON,
        Contender("PEFT LoRA r=64", peft_lora, exact=False),
        Contender("MixLoRA", rivals.mixlora),
        Contender("loop over experts", rivals.loop),
        Contender("grouped_mm", rivals.grouped, kinds=(torch.bfloat16,)),
        REFERENCE,
        # Compiling takes longer than all of its measuring: it is compared where the comparison matters.
        Contender("torch.compile", compiled, shapes=(DESIGN.name,), kinds=(torch.bfloat16,)),
    ),
    exactly,
    SHAPES,
)

FFN_MANY = Subject(
    "ffn-many",
    "the whole FFN with more experts than the dense kernels are for",
    (
        Contender("frozen", frozen, exact=False),
        DISPATCH,
        Contender("MixLoRA", rivals.mixlora),
        Contender("grouped_mm", rivals.grouped, kinds=(torch.bfloat16,)),
    ),
    exactly,
    (MANY,),
)
