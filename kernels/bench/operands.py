"""A frozen FFN, its experts' factors and an input whose routing is what was asked for."""

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from kernels.bench.shapes import Shape, Skew, shares

SCALE = 2.0
"""lora_alpha / r by default."""


@dataclass(frozen=True)
class Operands:
    """Frozen weights of a gated FFN, the experts' pairs (A [E, R, in], B [E, out, R]), the router in float32, and x."""

    w_gate_FD: Tensor
    w_up_FD: Tensor
    w_down_DF: Tensor
    x_TD: Tensor
    a_gate_ERD: Tensor
    b_gate_EFR: Tensor
    a_up_ERD: Tensor
    b_up_EFR: Tensor
    a_down_ERF: Tensor
    b_down_EDR: Tensor
    router_ED: Tensor

    def frozen(self) -> list[Tensor]:
        """What takes no gradients."""
        return [self.w_gate_FD, self.w_up_FD, self.w_down_DF]

    def leaves(self) -> list[Tensor]:
        """What takes gradients: x first, as in the middle of a model, then the pairs, the router last."""
        return [getattr(self, field.name) for field in fields(self)[3:]]

    def at(self, dtype: torch.dtype) -> Self:
        """The same values as new leaves; the router stays in float32 unless all become float64."""
        found = {}
        for field in fields(self):
            old = getattr(self, field.name)
            precise = torch.promote_types(dtype, torch.float32) if field.name == "router_ED" else dtype
            found[field.name] = old.detach().to(precise, copy=True).requires_grad_(old.requires_grad)
        return type(self)(**found)


def made(shape: Shape, skew: Skew, device: torch.device | str) -> Operands:
    """Random operands whose activations stay near one. B isn't zero, or half the gradients would be."""
    width, inner, experts, rank = shape.width, shape.inner, shape.experts, shape.rank

    def of(*size: int, trained: bool = True) -> Tensor:
        drawn: Tensor = torch.randn(*size, device=device, dtype=torch.float32) / size[-1] ** 0.5
        return drawn.to(shape.dtype).requires_grad_(trained)

    router = torch.linalg.qr(torch.randn(width, experts, device=device))[0].T.contiguous()
    x = torch.randn(shape.tokens, width, device=device)
    x = x + (_wanted_logits(shape, skew, x.device) - x @ router.T) @ router
    return Operands(
        of(inner, width, trained=False),
        of(inner, width, trained=False),
        of(width, inner, trained=False),
        x.to(shape.dtype).requires_grad_(),
        of(experts, rank, width),
        of(experts, inner, rank),
        of(experts, rank, width),
        of(experts, inner, rank),
        of(experts, rank, inner),
        of(experts, width, rank),
        router.requires_grad_(),
    )


def _wanted_logits(shape: Shape, skew: Skew, device: torch.device) -> Tensor:
    """Logits [T, E] whose order is drawn by the shares and whose steps are wide enough to survive x in bfloat16.

    First choices are handed out by count, further ones drawn without replacement (logits plus Gumbel noise).
    """
    share = torch.tensor(shares(skew, shape.experts), dtype=torch.float64)
    bounds = (share.cumsum(0) * shape.tokens).round().long()
    first = torch.bucketize(torch.arange(shape.tokens), bounds, right=True).clamp(max=shape.experts - 1)
    first = first[torch.randperm(shape.tokens)]
    noisy = share.log() - (-torch.rand(shape.tokens, shape.experts, dtype=torch.float64).log()).log()
    order = noisy.scatter(1, first[:, None], torch.inf).argsort(1, descending=True)
    place = order.argsort(1).float()
    steps = torch.where(place < shape.top_k, 0.5 * (shape.top_k - place), -0.5)
    return (steps + 0.25 * torch.rand_like(steps)).to(device)
