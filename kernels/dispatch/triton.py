"""The routed hidden layer by dispatch: in each of k turns a token meets one of its experts, in a block of others that do too.

No tensor is permuted: kernels gather rows of gate and up by index and write to the same rows. The order of tokens is sorted on
the device into shapes that follow from T, E and k, so that nothing waits for it. A turn reads what the turn before it wrote and
writes elsewhere: a launch can be repeated (tuning does), and sums over experts are taken in one order.
"""

from typing import Final

import torch
import triton
from torch import Tensor

from kernels.dispatch.triton_kernels import features_kernel, hidden_kernel, tokens_kernel
from kernels.dispatch.turns import Turns, spread, take_turns
from kernels.dropout.triton import drawing
from kernels.names import Activation
from kernels.swiglu.reference import Pairs
from kernels.swiglu.triton import Operands, differentiable, drawn, operands, slices, total, zeros
from kernels.swiglu.triton_checks import check
from kernels.triton_support import LEAST, bucket, on_device, padded

ROWS_BYTES: Final = 2**14
"""What a block's rows of one expert's z may take, by estimate."""


def block_of(tokens: int, experts: int, row_bytes: int) -> int:
    """Tokens a block: about those of one expert, so that little is multiplied in vain, and no more of z than registers hold."""
    widest = min(64, ROWS_BYTES // row_bytes)
    return int(max(LEAST, min(widest, triton.next_power_of_2(triton.cdiv(tokens, experts)))))


@torch.library.custom_op("anamnesis::dispatched_hidden", mutates_args=())
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
    if up_TF.numel() == 0:
        return up_TF.new_empty(up_TF.shape), up_TF.new_zeros((tokens, experts, rank))
    run = _Run(read, scale, activation, top_k, p, gated=gate_TF is not None, drop=seed is not None)
    number, size = slices(features, triton.cdiv(tokens, 64))
    partial = torch.empty((top_k, number, tokens, rank), dtype=torch.float32, device=up_TF.device)
    hidden = run.pair(read.up)
    with on_device(up_TF):
        for turn in range(top_k):
            before, after = hidden[(turn + 1) % 2], hidden[turn % 2]
            hidden_kernel[run.grid(number)](
                *read, *run.blocks(turn), before, after, partial[turn], *run.numbers, size, bucket(tokens),
                **run.compiled, FIRST=turn == 0,
            )  # fmt: skip
    return hidden[(top_k - 1) % 2], spread(total(partial.transpose(0, 1), up_TF.dtype), run.turns, experts)


@torch.library.custom_op("anamnesis::dispatched_hidden_backward", mutates_args=())
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
    run = _Run(read, scale, activation, top_k, p, gated=gate_TF is not None, drop=seed is not None)
    towards = (d_hidden_TF.contiguous(), d_z_down_TER.contiguous())
    with on_device(up_TF):
        d_gate, d_up, d_z_gate, d_z_up, d_weights = run.by_token(towards)
        d_b_gate, d_b_up, d_a_down = run.by_feature(towards)
    found = [d_up, d_z_up, d_b_up, d_a_down, d_weights]
    return found if gate_TF is None else [*found, d_gate, d_z_gate, d_b_gate]


differentiable(forward, backward)


class _Run:
    """What the launches of one direction share."""

    def __init__(
        self, read: Operands, scale: float, activation: str, top_k: int, p: float, *, gated: bool, drop: bool
    ) -> None:
        self.read, self.top_k, self.gated = read, top_k, gated
        self.tokens, self.features = read.up.shape
        self.experts, self.rank, _ = read.a_down.shape
        self.block = block_of(self.tokens, self.experts, padded(self.rank) * read.up.element_size())
        self.turns: Turns = take_turns(read.weights, top_k, self.block)
        threshold, raise_by = drawing(p)
        self.numbers = (self.tokens, self.features, scale, raise_by, threshold)
        sizes = {"E": self.experts, "R": self.rank, "RP": padded(self.rank), "BT": self.block}
        self.compiled = sizes | {"GATED": gated, "ACTIVATION": activation, "DROP": drop}

    def grid(self, number: int) -> tuple[int, int]:
        return self.turns.owners_KB.shape[1], number

    def blocks(self, turn: int) -> tuple[Tensor, ...]:
        """Whose turn it is, as kernels take it."""
        turns = self.turns
        return turns.order_KT[turn], turns.starts_KE1[turn], turns.owners_KB[turn], turns.firsts_KB[turn]

    def pair(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """What turns write in alternation; the same where there is one turn."""
        one = torch.empty(like.shape, dtype=like.dtype, device=like.device)
        return one, one if self.top_k == 1 else torch.empty(like.shape, dtype=like.dtype, device=like.device)

    def by_token(self, towards: tuple[Tensor, Tensor]) -> list[Tensor]:
        """Gradients of gate, up, z_gate, z_up and weights; without a gate, its are never written."""
        number, size = slices(self.features, triton.cdiv(self.tokens, 64))
        d_up = self.pair(self.read.up)
        d_gate = self.pair(self.read.up) if self.gated else d_up
        shape, device = (self.top_k, number, self.tokens, self.rank), self.read.up.device
        d_z_gate, d_z_up = (torch.empty(shape, dtype=torch.float32, device=device) for _ in range(2))
        d_weights = torch.empty((*shape[:3], 1), dtype=torch.float32, device=device)
        for turn in range(self.top_k):
            before, after = (turn + 1) % 2, turn % 2
            written = (d_gate[after], d_up[after], d_z_gate[turn], d_z_up[turn], d_weights[turn])
            tokens_kernel[self.grid(number)](
                *self.read, *self.blocks(turn), *towards, d_gate[before], d_up[before], *written, *self.numbers, size,
                bucket(self.tokens), **self.compiled, FIRST=turn == 0,
            )  # fmt: skip
        last, dtype = (self.top_k - 1) % 2, self.read.up.dtype
        z = [self._spread(d_z_gate, dtype) if self.gated else d_z_up, self._spread(d_z_up, dtype)]
        return [d_gate[last], d_up[last], *z, self._spread(d_weights, self.read.weights.dtype).squeeze(2)]

    def _spread(self, partial: Tensor, dtype: torch.dtype) -> Tensor:
        return spread(total(partial.transpose(0, 1), dtype), self.turns, self.experts)

    def by_feature(self, towards: tuple[Tensor, Tensor]) -> list[Tensor]:
        """Gradients of b_gate, b_up and a_down; without a gate, its are never written."""
        number, _ = slices(self.tokens, 4 * triton.cdiv(self.features, 64))
        written = [
            torch.empty((number, *tensor.shape), dtype=torch.float32, device=self.read.up.device)
            for tensor in (self.read.b_gate, self.read.b_up, self.read.a_down)
        ]
        features_kernel[lambda meta: (triton.cdiv(self.features, meta["BF"]), self.experts, number)](
            *self.read, self.turns.order_KT, self.turns.starts_KE1, *towards, *written, *self.numbers,
            bucket(self.tokens), **self.compiled, K=self.top_k,
        )  # fmt: skip
        return [total(partial, self.read.up.dtype) for partial in written]


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
    """hidden [T, F] and z_down [T, E, R] in up's dtype, as kernels.swiglu.reference has them, a launch for each of k turns.

    Of each token the first `top_k` experts of weight other than zero are used, and its other weights' gradients are zero.

    Elements moved: forward (4·k - 1)·T·F, for k readings of gate and up and k sums of hidden (plain: (3·k - 1)·T·F);
    backward (10·k - 2)·T·F (plain: (6·k - 1)·T·F). Multiplied: 6·k·T·F·R, a dense kernel's E-th part, and 22·k·T·F·R
    backward (plain: 4 and 14). Sums over turns are rounded to up's dtype k times. Not yet measured on a GPU.

    Raises ValueError for types and shapes that don't fit.
    """
    check(gate_TF, up_TF, pairs, weights_TE, activation, top_k, seed, p)
    seed, p = drawn(seed, p)
    z, b = (pairs.z_gate_TER, pairs.z_up_TER), (pairs.b_gate_EFR, pairs.b_up_EFR)
    made: tuple[Tensor, Tensor] = forward(
        gate_TF, up_TF, *z, *b, pairs.a_down_ERF, weights_TE, scale, activation, top_k, seed, p
    )
    return made
