"""What is compared: MoE-LoRA with and without domain supervision, a LoRA of the same size, and two controls of its router."""

from dataclasses import dataclass
from typing import Final

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import LlamaForCausalLM

from ml.experiments.data import DOMAINS
from ml.moe_lora import MoeLoraConfig
from ml.moe_lora.routing import layers_of, set_mixture

ADAPTER: Final = "default"
RANK: Final = 16
TOP_K: Final = 2
SCALE: Final = 2
"""alpha / r, of all variants."""


@dataclass(frozen=True)
class Variant:
    """A variant: its line in the tables, whether a router decides, whether it learns, and how much labels teach it."""

    title: str
    routed: bool = False
    """A router decides, token by token."""
    learned: bool = False
    domain_weight: float = 0.0


VARIANTS: Final = {
    "lora": Variant("LoRA, r = 64"),
    "supervised": Variant("MoE-LoRA, domain supervision", routed=True, learned=True, domain_weight=0.1),
    "unsupervised": Variant("MoE-LoRA, no supervision", routed=True, learned=True),
    "random": Variant("control: random router, frozen", routed=True),
    "uniform": Variant("control: all experts, equally"),
}


def build(base: LlamaForCausalLM, variant: str, seed: int) -> PeftModel:
    """The base with fresh adapters, drawn by the seed. The base's own weights are frozen and never copied."""
    torch.manual_seed(seed)
    if variant == "lora":
        rank = RANK * len(DOMAINS)
        targets = ["gate_proj", "up_proj", "down_proj"]
        return get_peft_model(
            base, LoraConfig(r=rank, lora_alpha=SCALE * rank, lora_dropout=0.0, target_modules=targets)
        )
    config = MoeLoraConfig(r=RANK, lora_alpha=SCALE * RANK, lora_dropout=0.0, top_k=TOP_K, experts=list(DOMAINS))
    model = get_peft_model(base, config)
    if variant == "uniform":
        set_mixture(model, {name: 1 / len(DOMAINS) for name in DOMAINS}, adapter=ADAPTER)
    if variant in {"uniform", "random"}:
        _freeze_routers(model, seed)
    return model


def _freeze_routers(model: nn.Module, seed: int) -> None:
    """Routers drawn so that logits of a normalised input have a standard deviation of about 1, and never trained."""
    generator = torch.Generator().manual_seed(seed)
    for layer in layers_of(model):
        weight_ED = layer.router(ADAPTER)
        if weight_ED is not None:
            weight_ED.data.normal_(0.0, weight_ED.shape[1] ** -0.5, generator=generator)
            weight_ED.requires_grad = False


def trainable(model: nn.Module) -> int:
    """Parameters that train."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
