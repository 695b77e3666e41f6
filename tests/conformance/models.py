"""Six decoders small enough for a test, built from their configurations: no hub is asked."""

from pathlib import Path
from typing import ClassVar

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BertConfig,
    GemmaConfig,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    OPTConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
)

VOCABULARY = 128
SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "vocab_size": VOCABULARY,
    "pad_token_id": 0,
    "bos_token_id": 3,
    "eos_token_id": 4,
    # PEFT compares logits with absolute tolerances: weights this large keep an adapter's effect above them.
    "initializer_range": 0.2,
}


def gpt2() -> PreTrainedConfig:
    return GPT2Config(
        n_embd=32,
        n_inner=64,
        n_layer=2,
        n_head=4,
        n_positions=128,
        **{
            key: SHAPE[key]
            for key in ("vocab_size", "pad_token_id", "bos_token_id", "eos_token_id", "initializer_range")
        },
    )


def opt() -> PreTrainedConfig:
    left_out = {"intermediate_size", "num_key_value_heads", "initializer_range"}
    kept = {key: value for key, value in SHAPE.items() if key not in left_out}
    return OPTConfig(ffn_dim=64, word_embed_proj_dim=32, init_std=0.2, **kept)


DECODERS = {
    "llama": lambda: LlamaConfig(**SHAPE),
    "qwen": lambda: Qwen2Config(**SHAPE),
    "gemma": lambda: GemmaConfig(**SHAPE, head_dim=8),
    "mistral": lambda: MistralConfig(**SHAPE),
    "gpt2": gpt2,
    "opt": opt,
}


def save_decoder(name: str, folder: Path) -> Path:
    """Write a model of the family `name`, with weights that a fixed seed draws, into `folder`; returns where it lies.

    PEFT skips cases by what it reads in a model's id ("llama", "gpt2"), so the folder's name doesn't say the family.
    """
    target = folder / f"decoder-{list(DECODERS).index(name)}"
    tiny_decoder(name).save_pretrained(target)
    return target


def tiny_decoder(name: str) -> PreTrainedModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(DECODERS[name]())


def tiny_classifier() -> PreTrainedModel:
    return AutoModelForSequenceClassification.from_config(
        BertConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, vocab_size=VOCABULARY
        )
    )


class NamedModels:
    """Stands where a test of PEFT's loads a model of the hub by name: a tiny one of the same kind is built instead."""

    kinds: ClassVar = {
        "peft-internal-testing/tiny-random-OPTForCausalLM": lambda: tiny_decoder("opt"),
        "bert-base-uncased": tiny_classifier,
    }

    @classmethod
    def from_pretrained(cls, model_id: str) -> PreTrainedModel:
        return cls.kinds[model_id]()
