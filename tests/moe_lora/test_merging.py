"""Merging where it is exact, taking it back, and saying why where it isn't."""

import pytest
import torch

from ml.moe_lora import set_mixture
from ml.moe_lora.errors import MergeRefused
from tests.moe_lora.bases import BASES, adapted, llama, tokens

ONE = {"experts": ["only"], "top_k": 1}
MIXED = {"psychology": 0.25, "bias_detection": 0.75}
CASES = [
    ("block", ONE, None),
    ("linear", ONE, None),
    ("block", {}, {"mental_health": 1.0}),
    ("linear", {}, MIXED),
]
EXACT = pytest.mark.parametrize(("granularity", "options", "mixture"), CASES, ids=["one", "one", "one-hot", "mixture"])


@EXACT
@pytest.mark.parametrize("family", ["llama", "phi3", "gpt2", "opt"])
def test_merged_weights_are_the_adapters_function(family, granularity, options, mixture):
    model = adapted(BASES[family]().double(), granularity=granularity, **options)
    if mixture:
        set_mixture(model, mixture)
    expected = model(tokens()).logits
    with model.disable_adapter():
        plain = model(tokens()).logits
    model.merge_adapter(safe_merge=True)
    torch.testing.assert_close(model(tokens()).logits, expected, rtol=1e-11, atol=1e-11)
    model.unmerge_adapter()
    torch.testing.assert_close(model(tokens()).logits, expected, rtol=1e-11, atol=1e-11)
    with model.disable_adapter():
        torch.testing.assert_close(model(tokens()).logits, plain, rtol=1e-11, atol=1e-11)
    merged = model.merge_and_unload()
    torch.testing.assert_close(merged(tokens()).logits, expected, rtol=1e-11, atol=1e-11)
    assert not any("moe_lora" in name or "base_layer" in name for name, _ in merged.named_modules())


@pytest.mark.parametrize(
    ("granularity", "mixture", "reason"),
    [
        (
            "block",
            None,
            r"model.layers.0.mlp: adapter 'default' routes each token to 2 of 4 experts.*set_mixture.*1 more",
        ),
        ("linear", None, r"model.layers.0.mlp.gate_proj: .*routes each token to 2 of 4.*5 more layers"),
        ("block", MIXED, r"mixes whole FFNs by \[0.25, 0.0, 0.75, 0.0\].*granularity='linear'"),
        ("block", {"psychology": 0.5, "mental_health": 0.5}, r"mixes whole FFNs by"),
    ],
)
def test_what_no_weights_can_hold_is_refused_with_nothing_merged(granularity, mixture, reason):
    model = adapted(llama(), granularity=granularity, attention_modules=["q_proj"])
    if mixture:
        set_mixture(model, mixture)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    for merge in (model.merge_adapter, model.merge_and_unload):
        with pytest.raises(MergeRefused, match=reason):
            merge()
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())
    assert not any(layer.merged for layer in model.base_model.moe_lora_layers())


def test_attention_can_always_be_merged_and_taken_back():
    model = adapted(llama().double(), attention_modules=["q_proj", "v_proj"])
    expected = model(tokens()).logits
    model.base_model.merge_attention()
    merged = [layer.name for layer in model.base_model.moe_lora_layers() if layer.merged]
    assert merged == [f"model.layers.{n}.self_attn.{part}" for n in (0, 1) for part in ("q_proj", "v_proj")]
    torch.testing.assert_close(model(tokens()).logits, expected, rtol=1e-11, atol=1e-11)
    model.unmerge_adapter()
    torch.testing.assert_close(model(tokens()).logits, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("granularity", ["block", "linear"])
def test_a_safe_merge_looks_before_it_writes(granularity):
    model = adapted(llama(), granularity=granularity, **ONE)
    layer = model.base_model.moe_lora_layers()[0]
    with torch.no_grad():
        next(iter(layer.factors("default").values()))[1][0, 0, 0] = float("nan")
    before = {name: weight.clone() for name, weight in model.named_parameters() if "base_layer" in name}
    with pytest.raises(MergeRefused, match=r"model.layers.0.mlp.*The adapter default seems to be broken"):
        model.merge_adapter(safe_merge=True)
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters() if name in before)


def test_a_16_bit_base_is_merged_in_the_factors_type_and_rounded_once():
    model = adapted(llama().to(torch.bfloat16), **ONE)
    layer = model.base_model.moe_lora_layers()[0]
    a, b = layer.factors("default")["up"]
    weight = layer.base_layer.up_proj.weight
    expected = (weight.float() + 8.0 * b[0] @ a[0]).to(torch.bfloat16)
    model.merge_adapter()
    assert torch.equal(layer.base_layer.up_proj.weight, expected)


def test_a_weight_that_is_tied_to_another_is_not_merged_into():
    options = {"granularity": "linear", "target_modules": ["lm_head"], "experts": ["only"], "top_k": 1}
    with pytest.warns(UserWarning, match="a tied layer is part of the adapter"):
        model = adapted(llama(tie_word_embeddings=True), **options)
    expected = model(tokens()).logits
    for merge in (model.merge_adapter, model.merge_and_unload):
        with pytest.raises(MergeRefused, match=r"lm_head: its weight is shared .*tie_word_embeddings=False"):
            merge()
    assert torch.equal(model(tokens()).logits, expected)
    untied = adapted(llama(tie_word_embeddings=False), **options)
    expected = untied(tokens()).logits
    torch.testing.assert_close(untied.merge_and_unload()(tokens()).logits, expected)
