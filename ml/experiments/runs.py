"""One run: adapt a base by one variant under one seed, then measure it on text it has not seen."""

import copy
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from ml.experiments.base import evaluate, loss_of
from ml.experiments.data import DOMAINS, Windows, batches
from ml.experiments.specialised import losses_without, observe
from ml.experiments.variants import TOP_K, VARIANTS, build, trainable
from ml.moe_lora.losses import routing_losses
from ml.moe_lora.routing import routing_of

log = logging.getLogger(__name__)

EACH: Final = 1
"""Windows of every domain in a batch."""
WARM_UP: Final = 20
BALANCE_WEIGHT: Final = 0.01
Z_WEIGHT: Final = 0.001
LOOKS: Final = 4
"""Points of a learning curve after the first."""
TESTED: Final = 32
"""Windows of a domain in the test."""
WATCHED: Final = 8
"""Windows of a domain in a learning curve, from validation."""


@dataclass(frozen=True)
class Settings:
    """What all variants share: steps, the highest learning rate, and the text's name."""

    corpus: str
    steps: int
    rate: float


@dataclass(frozen=True)
class Result:
    """What one run measured. Losses are nats a token."""

    corpus: str
    variant: str
    seed: int
    steps: int
    rate: float
    parameters: int
    curve: list[tuple[int, float]]
    """Step and mean validation loss over the domains."""
    test: dict[str, float]
    """By domain."""
    information_nats: float | None
    """Mutual information of domain and first expert over test tokens, mean over layers; None without a learned router."""
    without: dict[str, dict[str, float]] | None
    """How much the loss of the inner domain rises when the outer domain's expert is knocked out."""


def rate_at(step: int, settings: Settings) -> float:
    """Linear to the highest rate over WARM_UP steps, then linear to a tenth of it."""
    if step < WARM_UP:
        return settings.rate * (step + 1) / WARM_UP
    return settings.rate * (1.0 - 0.9 * (step - WARM_UP) / max(1, settings.steps - WARM_UP))


def objective(model: PeftModel, tokens_BS: Tensor, domains_B: Tensor, variant: str) -> Tensor:
    """The language-model loss and, where a router learns, its losses; labels count only under supervision."""
    loss = loss_of(model, tokens_BS)
    if not VARIANTS[variant].learned:
        return loss
    routing = routing_losses(routing_of(model), TOP_K, domains=domains_B)
    return (
        loss
        + BALANCE_WEIGHT * routing.balance
        + Z_WEIGHT * routing.z
        + VARIANTS[variant].domain_weight * routing.domain
    )


def by_domain(model: nn.Module, parts: Mapping[str, Tensor]) -> dict[str, float]:
    """Loss of each domain's windows."""
    return {name: evaluate(model, windows_NS) for name, windows_NS in parts.items()}


def tested_of(parts: Mapping[str, Windows]) -> dict[str, Tensor]:
    """The windows that losses are told of, by domain."""
    return {name: parts[name].test[:TESTED] for name in DOMAINS}


def mean(losses: Mapping[str, float]) -> float:
    """Over domains, each counting alike."""
    return math.fsum(losses.values()) / len(losses)


def train(
    model: PeftModel, parts: dict[str, Windows], variant: str, seed: int, settings: Settings
) -> list[tuple[int, float]]:
    """Train in place; the learning curve. Batches depend on the seed alone: every variant sees the same in the same order."""
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=settings.rate, weight_decay=0.0)
    watched = {name: part.validation[:WATCHED] for name, part in parts.items()}
    curve = [(0, mean(by_domain(model, watched)))]
    model.train()
    for step, (tokens_BS, domains_B) in zip(range(settings.steps), batches(parts, seed, EACH), strict=False):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, settings)
        objective(model, tokens_BS, domains_B, variant).backward()  # type: ignore[no-untyped-call]  # torch's has no types
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if (step + 1) * LOOKS // settings.steps > step * LOOKS // settings.steps:
            curve.append((step + 1, mean(by_domain(model, watched))))
    model.eval()
    return curve


def run(base: LlamaForCausalLM, parts: dict[str, Windows], variant: str, seed: int, settings: Settings) -> Result:
    """Adapt a copy of the base and measure it; the base is left as it was."""
    model = build(copy.deepcopy(base), variant, seed)
    curve = train(model, parts, variant, seed, settings)
    tested = tested_of(parts)
    information, without = None, None
    if VARIANTS[variant].routed:
        information, shares = observe(model, tested)
        without = losses_without(model, tested, shares)
    result = Result(
        corpus=settings.corpus,
        variant=variant,
        seed=seed,
        steps=settings.steps,
        rate=settings.rate,
        parameters=trainable(model),
        curve=curve,
        test=by_domain(model, tested),
        information_nats=information,
        without=without,
    )
    log.info("%s, %s, seed %d: %.4f", settings.corpus, variant, seed, mean(result.test))
    return result
