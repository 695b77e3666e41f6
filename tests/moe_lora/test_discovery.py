"""FFNs are found by their structure and proven by numbers; what is more or less than an FFN is refused with the reason."""

import pytest
import torch
import transformers as tf
from peft import get_peft_model
from torch import nn
from torch.nn import functional

from ml.moe_lora import MoeLoraBlock, MoeLoraConfig
from ml.moe_lora.discovery import search
from ml.moe_lora.errors import FfnNotFound
from ml.moe_lora.ffn import NotAnFfn, read_ffn
from tests.moe_lora.bases import BASES, COMMON, GATED, adapted, gpt2, llama, opt, phi3, tokens

STRUCTURE = {
    "llama": ("gate_proj", "up_proj", "down_proj", "silu"),
    "qwen2": ("gate_proj", "up_proj", "down_proj", "silu"),
    "qwen3": ("gate_proj", "up_proj", "down_proj", "silu"),
    "mistral": ("gate_proj", "up_proj", "down_proj", "silu"),
    "gemma": ("gate_proj", "up_proj", "down_proj", "gelu_tanh"),
    "gemma2": ("gate_proj", "up_proj", "down_proj", "gelu_tanh"),
    "gemma3": ("gate_proj", "up_proj", "down_proj", "gelu_tanh"),
    "phi": (None, "fc1", "fc2", "gelu_tanh"),
    "phi3": (None, "gate_up_proj", "down_proj", "silu"),
    "gpt2": (None, "c_fc", "c_proj", "gelu_tanh"),
    "opt": (None, "opening", "closing", "relu"),
    "gpt_neox": (None, "dense_h_to_4h", "dense_4h_to_h", "gelu"),
}


@pytest.mark.parametrize("family", BASES)
def test_every_family_has_one_ffn_a_layer_read_as_its_authors_wrote_it(family):
    places = search(BASES[family]()).places
    assert len(places) == 2
    for place in places.values():
        ffn = place.ffn
        assert (ffn.gate, ffn.up, ffn.down, ffn.activation) == STRUCTURE[family]
        assert (ffn.width, ffn.inner) == (64, 256 if family == "gpt2" else 160)
        assert ffn.fused == ("gate_up" if family == "phi3" else None)
        assert ffn.after == (("dropout",) if family == "gpt2" else ())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("make", [llama, phi3, gpt2, opt])
def test_an_ffn_is_recognised_in_every_type(make, dtype):
    plain = search(make()).places
    assert search(make().to(dtype)).places == plain


@pytest.mark.parametrize("family", BASES)
@pytest.mark.parametrize("granularity", ["block", "linear"])
def test_new_experts_change_nothing_yet(family, granularity):
    base = BASES[family]().double()
    expected = base(tokens()).logits
    found = adapted(base, granularity=granularity, init_weights=True)(tokens()).logits
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)
    if granularity == "linear":
        assert torch.equal(found, expected)


@pytest.mark.parametrize("granularity", ["block", "linear"])
@pytest.mark.parametrize("family", BASES)
def test_unloading_gives_the_base_back_as_it_was(family, granularity):
    base = BASES[family]()
    expected, names = base(tokens()).logits, [name for name, _ in base.named_modules()]
    model = adapted(base, granularity=granularity)
    assert not torch.equal(model(tokens()).logits, expected)
    with model.disable_adapter():
        assert torch.equal(model(tokens()).logits, expected)
    back = model.unload()
    assert sorted(name for name, _ in back.named_modules()) == sorted(names)
    assert torch.equal(back(tokens()).logits, expected)


def test_linear_granularity_finds_the_linear_layers_of_ffns_and_leaves_attention_alone():
    names = adapted(gpt2(), granularity="linear").base_model.targeted_module_names
    assert names == [f"transformer.h.{layer}.mlp.{part}" for layer in (0, 1) for part in ("c_fc", "c_proj")]


class Odd(nn.Module):
    """An FFN with something more, as somebody might write one."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.first, self.second = nn.Linear(16, 40), nn.Linear(40, 16)
        self.act = nn.GELU()
        if kind == "norm":
            self.norm = nn.LayerNorm(40)
        if kind == "inner dropout":
            self.drop = nn.Dropout(0.1)

    def forward(self, x):
        h = self.act(self.first(x))
        match self.kind:
            case "norm":
                h = self.norm(h)
            case "unweighted norm":
                h = functional.layer_norm(h, (40,))
            case "inner dropout":
                h = self.drop(h)
            case "hidden dropout":
                h = functional.dropout(h, 0.3, training=self.training)
            case "neighbours":
                h = h + h.roll(1, dims=-2)
            case "residual":
                return self.second(h) + x
            case "pair":
                return self.second(h), h
            case "cosine":
                h = h.cos()
        return self.second(h)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("norm", r"norm \(LayerNorm\)"),
        ("unweighted norm", "computes something else"),
        ("inner dropout", "drops hidden activations inside"),
        ("hidden dropout", "does something else in training"),
        ("neighbours", "computes something else"),
        ("residual", "computes something else"),
        ("pair", "returns tuple"),
        ("cosine", "computes something else"),
    ],
)
def test_a_module_that_does_more_than_an_ffn_is_refused_with_the_reason(kind, reason):
    assert read_ffn(Odd("plain")).activation == "gelu"
    module = Odd(kind)
    state = torch.get_rng_state()
    with pytest.raises(NotAnFfn, match=reason):
        read_ffn(module)
    assert all(part.training for part in module.modules())
    assert torch.equal(torch.get_rng_state(), state)


def test_dropout_after_the_ffn_stays_where_it_was():
    model = adapted(gpt2(resid_pdrop=0.5, embd_pdrop=0.0, attn_pdrop=0.0), init_weights=True).train()
    block = next(module for module in model.modules() if isinstance(module, MoeLoraBlock))
    given = block(torch.randn(4, 50, 64))
    assert 0.4 < (given == 0).float().mean() < 0.6


def test_a_model_that_is_a_mixture_already_is_refused_by_name():
    base = tf.MixtralForCausalLM(tf.MixtralConfig(**GATED, num_local_experts=2))
    with pytest.raises(FfnNotFound, match=r"mixture of experts already \(model.layers.0.mlp.experts, MixtralExperts\)"):
        get_peft_model(base, MoeLoraConfig())
    assert not any("moe_lora" in name for name, _ in base.named_parameters())


def test_a_mixtures_attention_can_still_have_experts():
    base = tf.MixtralForCausalLM(tf.MixtralConfig(**GATED, num_local_experts=2))
    model = adapted(base, granularity="linear", target_modules=["q_proj"])
    assert len(model.base_model.moe_lora_layers()) == 2


def test_a_model_without_ffns_says_where_it_was_looked_and_why_not():
    base = tf.BloomForCausalLM(tf.BloomConfig(vocab_size=97, hidden_size=64, n_layer=2, n_head=4))
    with pytest.raises(FfnNotFound) as caught:
        get_peft_model(base, MoeLoraConfig())
    told = str(caught.value)
    assert "transformer.h.0.mlp and 1 alike (BloomMLP): can't be called with hidden states alone" in told
    assert "transformer.h.0.self_attention and 1 alike (BloomAttention)" in told
    assert "granularity='linear'" in told


@pytest.mark.parametrize("named", [["self_attn"], ["gate_proj"], r".*\.mlp\..*"])
def test_naming_what_is_no_ffn_is_refused_before_anything_changes(named):
    base = llama()
    with pytest.raises(FfnNotFound, match=r"is no FFN: .*FFNs of this model: model.layers.0.mlp, model.layers.1.mlp"):
        get_peft_model(base, MoeLoraConfig(target_modules=named))
    assert not any(isinstance(module, MoeLoraBlock) for module in base.modules())


def test_some_layers_can_be_chosen_and_some_left_out():
    assert adapted(llama(), layers_to_transform=[1]).base_model.targeted_module_names == ["model.layers.1.mlp"]
    model = adapted(llama(), exclude_modules=["layers.1.mlp"])
    assert model.base_model.targeted_module_names == ["model.layers.0.mlp"]


def test_weights_that_are_not_loaded_are_refused():
    with torch.device("meta"):
        base = tf.LlamaForCausalLM(tf.LlamaConfig(**GATED))
    with pytest.raises(FfnNotFound, match="on the meta device"):
        get_peft_model(base, MoeLoraConfig())


def test_wide_and_narrow_ffns_are_told_apart_by_what_they_take():
    base = tf.GPTNeoXForCausalLM(tf.GPTNeoXConfig(**COMMON, intermediate_size=24))
    assert {(place.ffn.width, place.ffn.inner) for place in search(base).places.values()} == {(64, 24)}
