"""Tiny base models of every family whose FFNs differ, built from configurations: nothing is fetched."""

from collections.abc import Callable

import torch
import transformers as tf
from peft import PeftModel, get_peft_model
from torch import Tensor, nn

from ml.moe_lora import MoeLoraConfig

VOCABULARY = 97
COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
GATED = {**COMMON, "intermediate_size": 160, "num_key_value_heads": 2}
GPT2 = {"vocab_size": VOCABULARY, "n_embd": 64, "n_layer": 2, "n_head": 4, "bos_token_id": 1, "eos_token_id": 2}
OPT = {**COMMON, "ffn_dim": 160, "word_embed_proj_dim": 64}


def llama(**options) -> nn.Module:
    return seeded(lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**{**GATED, **options})))


def gpt2(**options) -> nn.Module:
    return seeded(lambda: tf.GPT2LMHeadModel(tf.GPT2Config(**{**GPT2, **options})))


def opt(**options) -> nn.Module:
    return seeded(lambda: tf.OPTForCausalLM(tf.OPTConfig(**{**OPT, **options})))


def phi3(**options) -> nn.Module:
    return seeded(lambda: tf.Phi3ForCausalLM(tf.Phi3Config(**{**GATED, **options})))


BASES: dict[str, Callable[[], nn.Module]] = {
    "llama": llama,
    "qwen2": lambda: seeded(lambda: tf.Qwen2ForCausalLM(tf.Qwen2Config(**GATED))),
    "qwen3": lambda: seeded(lambda: tf.Qwen3ForCausalLM(tf.Qwen3Config(**GATED, head_dim=16))),
    "mistral": lambda: seeded(lambda: tf.MistralForCausalLM(tf.MistralConfig(**GATED))),
    "gemma": lambda: seeded(lambda: tf.GemmaForCausalLM(tf.GemmaConfig(**GATED, head_dim=16))),
    "gemma2": lambda: seeded(lambda: tf.Gemma2ForCausalLM(tf.Gemma2Config(**GATED, head_dim=16))),
    "gemma3": lambda: seeded(lambda: tf.Gemma3ForCausalLM(tf.Gemma3TextConfig(**GATED, head_dim=16))),
    "phi": lambda: seeded(lambda: tf.PhiForCausalLM(tf.PhiConfig(**COMMON, intermediate_size=160))),
    "phi3": phi3,
    "gpt2": gpt2,
    "opt": opt,
    "gpt_neox": lambda: seeded(lambda: tf.GPTNeoXForCausalLM(tf.GPTNeoXConfig(**COMMON, intermediate_size=160))),
}


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    """The model, the same at every call, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return make().eval()


def adapted(base: nn.Module, **options) -> PeftModel:
    """The base with experts whose B is random, so that they show, in evaluation mode."""
    settings = {"r": 4, "task_type": "CAUSAL_LM", "init_weights": False, "lora_dropout": 0.0, **options}
    return get_peft_model(base, MoeLoraConfig(**settings)).eval()


def tokens(batch: int = 2, length: int = 9) -> Tensor:
    return torch.randint(3, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(3))
