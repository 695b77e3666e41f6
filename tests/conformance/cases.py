"""What PEFT's tests run on here: our configuration in the place of LoRA's, on the same modules of the same models."""

from collections.abc import Iterator
from typing import Any

import pytest
from peft import TaskType

from ml.moe_lora import MoeLoraConfig
from tests.conformance.models import DECODERS
from tests.conformance.peft_source import own_tests

# Four experts choose two a token; merging is exact for one expert alone, so everything runs on both.
EXPERTS = {
    "four": {"experts": ["psychology", "mental_health", "bias_detection", "general_therapeutic"], "top_k": 2},
    "one": {"experts": ["general_therapeutic"], "top_k": 1},
}
# The layers of PEFT's custom models are down to three inputs wide, and a rank above that is refused. LoRA's own default
# is no dropout, and PEFT leaves an adapter that is added to a model in eval mode in training mode.
LINEAR = {"granularity": "linear", "r": 2, "lora_alpha": 4, "lora_dropout": 0.0}
# The decoders that `make test` runs on under each configuration: every test of PEFT's meets at least two models. The
# other pairs are marked `faults`.
BY_DEFAULT = {
    "block-four": {"llama", "qwen", "gemma", "mistral", "gpt2", "opt"},
    "linear-four": {"llama", "gpt2"},
    "block-one": {"qwen", "opt"},
    "linear-one": {"gemma", "mistral"},
}
# LoRA's own case for decoders, to the number.
DECODER = {"task_type": "CAUSAL_LM", "r": 8, "lora_alpha": 32, "lora_dropout": 0.05, "target_modules": None}


def linear_config(**options: Any) -> MoeLoraConfig:
    """Four experts at linear granularity, where a test of PEFT's writes `LoraConfig(**options)`."""
    if "init_lora_weights" in options:
        options["init_weights"] = options.pop("init_lora_weights")
    if options.get("task_type") == TaskType.SEQ_CLS:
        # PEFT's tests classify with BERT, whose FFNs are spread over modules: none is found by structure.
        options.setdefault("target_modules", "all-linear")
    return MoeLoraConfig(**{**LINEAR, **EXPERTS["four"], **options})


def lora_rows() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """PEFT's custom models under LoRA: the row's name, the model and the options."""
    upstream = own_tests("test_custom_models")
    for name, model, config, options in upstream.TEST_CASES:
        if config is upstream.LoraConfig:
            yield name, model, options


def custom_cases(left_out: dict[str, str]) -> list[Any]:
    """A case a row and number of experts. Rows in `left_out` have no place here."""
    return [
        pytest.param(name, model, MoeLoraConfig, {**LINEAR, **experts, **options}, id=f"{slug(name)}-{number}")
        for name, model, options in lora_rows()
        if name not in left_out
        for number, experts in EXPERTS.items()
    ]


def two_adapters() -> list[Any]:
    """Two adapters active at once, on the same module and on different ones."""
    return [
        pytest.param(
            f"{number} {where}",
            "moe_lora",
            MoeLoraConfig,
            {**LINEAR, **experts, "target_modules": ["lin0"], "init_weights": False},
            {**LINEAR, **experts, "target_modules": [second], "init_weights": False},
            id=f"{where}-{number}",
        )
        for number, experts in EXPERTS.items()
        for where, second in (("same", "lin0"), ("different", "lin1"))
    ]


def decoder_configs() -> list[Any]:
    """Both granularities, with four experts and with one."""
    return [
        pytest.param(MoeLoraConfig, {**DECODER, **experts, "granularity": granularity}, id=f"{granularity}-{number}")
        for granularity in ("linear", "block")
        for number, experts in EXPERTS.items()
    ]


def decoder_names() -> list[str]:
    return list(DECODERS)


def runs_by_default(case: str) -> bool:
    """Whether `make test` runs a case, by its id: all but some pairs of decoder and configuration."""
    decoder = next((name for name in DECODERS if name in case.split("-")), None)
    chosen = next((decoders for config, decoders in BY_DEFAULT.items() if config in case), None)
    return decoder is None or chosen is None or decoder in chosen


def slug(name: str) -> str:
    return "-".join(name.lower().replace("+", " ").split())
