"""MixLoRA as its paper writes it, kept for checking: each expert is a whole FFN, tokens are sent to each of their experts,
and the base down projection runs once a slot (arXiv:2404.15159)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Ffn:
    """Frozen weights [F, D], [F, D], [D, F] with the experts' pairs: A [E, R, in], B [E, out, R]. No gate: two layers."""

    w_gate: Tensor | None
    w_up: Tensor
    w_down: Tensor
    a_gate: Tensor | None
    b_gate: Tensor | None
    a_up: Tensor
    b_up: Tensor
    a_down: Tensor
    b_down: Tensor
    router: Tensor

    def trained(self) -> list[Tensor]:
        """What takes gradients."""
        found = (self.a_gate, self.b_gate, self.a_up, self.b_up, self.a_down, self.b_down, self.router)
        return [tensor for tensor in found if tensor is not None]


def adapted(x: Tensor, base: Tensor, a: Tensor, b: Tensor, scale: float, mask: Tensor | None) -> Tensor:
    """One LoRA linear on some tokens. `mask` multiplies the input of A."""
    return x @ base.T + scale * ((x if mask is None else x * mask) @ a.T) @ b.T


def forward(
    x: Tensor,
    ffn: Ffn,
    top_k: int,
    scale: float,
    act: Callable[[Tensor], Tensor],
    masks: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """y [T, D]. `masks` [T, D] and [T, F] multiply what the pairs of gate and up, and of down, read."""
    probabilities = (x @ ffn.router.T).softmax(-1)
    top, experts = probabilities.topk(top_k, dim=-1)
    top = top / top.sum(-1, keepdim=True)
    y = torch.zeros(x.shape[0], ffn.w_down.shape[0], dtype=x.dtype)
    for expert in range(ffn.router.shape[0]):
        token, slot = torch.where(experts == expert)
        inner, outer = (masks[0][token], masks[1][token]) if masks else (None, None)
        rows = x[token]
        h = adapted(rows, ffn.w_up, ffn.a_up[expert], ffn.b_up[expert], scale, inner)
        if ffn.w_gate is None or ffn.a_gate is None or ffn.b_gate is None:
            h = act(h)
        else:
            h = act(adapted(rows, ffn.w_gate, ffn.a_gate[expert], ffn.b_gate[expert], scale, inner)) * h
        out = adapted(h, ffn.w_down, ffn.a_down[expert], ffn.b_down[expert], scale, outer)
        y = y.index_add(0, token, top[token, slot, None] * out)
    return y
