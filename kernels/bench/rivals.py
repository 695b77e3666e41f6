"""The same function as others compute it, each in its best-known form."""

import torch
from torch import Tensor
from torch.nn import functional

from kernels.bench.contender import Built, Unavailable
from kernels.bench.operands import SCALE, Operands

ALIGNED = 8
"""Rows a group is padded to: grouped_mm wants sixteen bytes, eight numbers of bfloat16, where a gradient of weights sums."""


def _top(at: Operands, top_k: int) -> tuple[Tensor, Tensor]:
    """Weights [T, K] that sum to 1, in float32 or better, and the experts [T, K] they belong to."""
    logits = at.x_TD.to(at.router_ED.dtype) @ at.router_ED.T
    top, experts = logits.softmax(-1).topk(top_k, dim=-1)
    return top / top.sum(-1, keepdim=True), experts


def _expert(at: Operands, expert: int, x: Tensor, gate: Tensor, up: Tensor, p: float) -> Tensor:
    """h_e of some tokens, from their rows of x and of the base products."""
    dropped = functional.dropout(x, p)
    gate = gate + SCALE * (dropped @ at.a_gate_ERD[expert].T) @ at.b_gate_EFR[expert].T
    up = up + SCALE * (dropped @ at.a_up_ERD[expert].T) @ at.b_up_EFR[expert].T
    return functional.silu(gate) * up


def _down(at: Operands, expert: int, h: Tensor, p: float) -> Tensor:
    """The base down product and the expert's own part of it."""
    added = SCALE * (functional.dropout(h, p) @ at.a_down_ERF[expert].T) @ at.b_down_EDR[expert].T
    return functional.linear(h, at.w_down_DF) + added


def mixlora(at: Operands, top_k: int) -> Built:
    """MixLoRA (arXiv:2404.15159) as its code runs: gate and up of the base once for all tokens, then each expert on the
    tokens that chose it, the base down product a slot, and index_add back. Finding the tokens waits for the device.
    """

    def forward(p: float) -> tuple[Tensor]:
        top, chosen = _top(at, top_k)
        gate, up = functional.linear(at.x_TD, at.w_gate_FD), functional.linear(at.x_TD, at.w_up_FD)
        y = torch.zeros_like(at.x_TD)
        for expert in range(at.router_ED.shape[0]):
            token, slot = torch.where(chosen == expert)
            h = _expert(at, expert, at.x_TD[token], gate[token], up[token], p)
            weight = top[token, slot, None].to(h.dtype)
            y = y.index_add(0, token, weight * _down(at, expert, h, p))
        return (y,)

    return Built(forward, at.leaves())


def loop(at: Operands, top_k: int) -> Built:
    """Every expert on every token, weights of zero included: no token is moved, and the base down product runs E times."""

    def forward(p: float) -> tuple[Tensor]:
        top, chosen = _top(at, top_k)
        weights = torch.zeros(len(top), at.router_ED.shape[0], dtype=top.dtype, device=top.device)
        weights = weights.scatter(1, chosen, top)
        gate, up = functional.linear(at.x_TD, at.w_gate_FD), functional.linear(at.x_TD, at.w_up_FD)
        y = torch.zeros_like(at.x_TD)
        for expert in range(at.router_ED.shape[0]):
            h = _expert(at, expert, at.x_TD, gate, up, p)
            y = y + weights[:, expert, None].to(h.dtype) * _down(at, expert, h, p)
        return (y,)

    return Built(forward, at.leaves())


def grouped(at: Operands, top_k: int) -> Built:
    """Tokens sorted by expert, all low-rank products by torch.nn.functional.grouped_mm, one base down product.

    Groups are padded to ALIGNED rows without asking the device how long they are, so that nothing waits.
    """
    if not hasattr(functional, "grouped_mm"):
        raise Unavailable(f"torch {torch.__version__} has no torch.nn.functional.grouped_mm")
    try:
        offsets = torch.full((len(at.a_up_ERD),), len(at.x_TD[:ALIGNED]), dtype=torch.int32, device=at.x_TD.device)
        functional.grouped_mm(at.x_TD[:ALIGNED].detach(), at.a_up_ERD.detach().transpose(1, 2), offs=offsets)
    except RuntimeError as exc:
        raise Unavailable(f"grouped_mm doesn't run here: {exc}") from exc

    def forward(p: float) -> tuple[Tensor]:
        top, chosen = _top(at, top_k)
        place, offsets, rows = places(chosen, at.router_ED.shape[0])
        token = torch.arange(len(top), device=top.device).repeat_interleave(top_k)

        def pair(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
            z = functional.grouped_mm(functional.dropout(x, p), a.transpose(1, 2), offs=offsets)
            return SCALE * functional.grouped_mm(z, b.transpose(1, 2), offs=offsets)

        def sent(x: Tensor) -> Tensor:
            return x.new_zeros(rows, x.shape[1]).index_copy(0, place, x[token])

        def returned(x: Tensor) -> Tensor:
            weighted = top.reshape(-1, 1).to(x.dtype) * x[place]
            return weighted.view(-1, top_k, x.shape[1]).sum(1)

        x = sent(at.x_TD)
        gate = sent(functional.linear(at.x_TD, at.w_gate_FD)) + pair(x, at.a_gate_ERD, at.b_gate_EFR)
        up = sent(functional.linear(at.x_TD, at.w_up_FD)) + pair(x, at.a_up_ERD, at.b_up_EFR)
        h = functional.silu(gate) * up
        added = returned(pair(h, at.a_down_ERF, at.b_down_EDR))
        return (functional.linear(returned(h), at.w_down_DF) + added,)

    return Built(forward, at.leaves())


def padded_rows(slots: int, experts: int) -> int:
    """Rows that are enough for any division of the slots into groups of whole multiples of ALIGNED."""
    return (slots + experts * ALIGNED + ALIGNED - 1) // ALIGNED * ALIGNED


def places(chosen_TK: Tensor, experts: int) -> tuple[Tensor, Tensor, int]:
    """Where each slot goes, [T·K]; where each expert's rows end, int32 [E]; and how many rows there are in all.

    The last expert's group takes what padding left, so that every row is computed and none holds what memory held before.
    """
    flat = chosen_TK.flatten()
    member = functional.one_hot(flat, experts)
    padded = (member.sum(0) + ALIGNED - 1) // ALIGNED * ALIGNED
    ends = padded.cumsum(0)
    rank = (member.cumsum(0) * member).sum(1) - 1
    rows = padded_rows(len(flat), experts)
    offsets = torch.cat([ends[:-1], torch.full_like(ends[:1], rows)])
    return (ends - padded)[flat] + rank, offsets.int(), rows
