"""Mixture-of-experts LoRA as a PEFT method: importing this makes PEFT know it."""

from ml.moe_lora.config import MoeLoraConfig
from ml.moe_lora.layer import MoeLoraBlock, MoeLoraLayer, MoeLoraLinear
from ml.moe_lora.model import MoeLoraModel
from ml.moe_lora.registration import register
from ml.moe_lora.routing import forget_routing, recording, routing_of, set_mixture

register(MoeLoraConfig, MoeLoraModel)

__all__ = [
    "MoeLoraBlock",
    "MoeLoraConfig",
    "MoeLoraLayer",
    "MoeLoraLinear",
    "MoeLoraModel",
    "forget_routing",
    "recording",
    "routing_of",
    "set_mixture",
]
