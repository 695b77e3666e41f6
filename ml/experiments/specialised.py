"""How much experts keep to domains: mutual information, and what is lost when a domain's experts fall silent."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import torch
from torch import Tensor, nn

from kernels.router import weigh
from ml.experiments.base import evaluate, parts_of
from ml.experiments.variants import ADAPTER, TOP_K
from ml.moe_lora.metrics import RoutingMetrics
from ml.moe_lora.routing import forget_routing, layers_of, recording, routing_of

KNOCKED: Final = 8
"""Windows of a domain that are read without an expert."""


@torch.no_grad()
def observe(model: nn.Module, parts: Mapping[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
    """Mutual information of domain and first expert (nats, mean over layers), and by layer the mean routing weight of each
    expert in each domain [D, E].
    """
    metrics = RoutingMetrics(tuple(parts), TOP_K)
    sums: dict[str, Tensor] = {}
    for number, windows_NS in enumerate(parts.values()):
        for tokens_BS in parts_of(windows_NS):
            with recording(model):
                model(input_ids=tokens_BS, use_cache=False)
            logits = routing_of(model)
            metrics.add(logits, domains=torch.full((len(tokens_BS),), number))
            for layer, logits_BSE in logits.items():
                weights_TE = weigh(logits_BSE.flatten(0, -2), TOP_K)
                sums.setdefault(layer, torch.zeros(len(parts), weights_TE.shape[1]))[number] += weights_TE.sum(0)
    forget_routing(model)
    information = metrics.read().whole.information_nats
    return information or 0.0, {layer: sums_DE / sums_DE.sum(1, keepdim=True) for layer, sums_DE in sums.items()}


def experts_of(shares_DE: Tensor) -> list[int]:
    """A layer's expert of each domain: the one whose share there exceeds its mean share over domains most."""
    return [int(expert) for expert in (shares_DE - shares_DE.mean(0)).argmax(1)]


@contextmanager
def silenced(model: nn.Module, experts: Mapping[str, int]) -> Iterator[None]:
    """One expert a layer adds nothing: its B factors are zero for a while. Tokens are still routed to it."""
    kept = []
    with torch.no_grad():
        for layer in layers_of(model):
            for _, b_EOR in layer.factors(ADAPTER).values():
                kept.append((b_EOR, b_EOR.detach().clone()))
                b_EOR[experts[layer.name]] = 0.0
    try:
        yield
    finally:
        with torch.no_grad():
            for b_EOR, before in kept:
                b_EOR.copy_(before)


def losses_without(
    model: nn.Module, parts: Mapping[str, Tensor], shares: Mapping[str, Tensor]
) -> dict[str, dict[str, float]]:
    """By domain knocked out and domain read: the rise of the loss when the former's experts, one a layer, fall silent."""
    read = {name: windows_NS[:KNOCKED] for name, windows_NS in parts.items()}
    whole = {name: evaluate(model, windows_NS) for name, windows_NS in read.items()}
    chosen = {layer: experts_of(shares_DE) for layer, shares_DE in shares.items()}
    rises = {}
    for number, out in enumerate(parts):
        with silenced(model, {layer: experts[number] for layer, experts in chosen.items()}):
            rises[out] = {name: evaluate(model, windows_NS) - whole[name] for name, windows_NS in read.items()}
    return rises
