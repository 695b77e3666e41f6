"""What can't be computed is refused with the value and the remedy, before anything has changed."""

import pytest
import torch
from peft import get_peft_model

from ml.moe_lora import MoeLoraConfig, recording, routing_of, set_mixture
from ml.moe_lora.errors import BadConfig, BadInput, RouterBroken, WrongFormat
from tests.moe_lora.bases import adapted, gpt2, llama, opt, tokens


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"r": 0}, r"r=0: a rank is a whole number of at least 1"),
        ({"r": -4}, r"r=-4"),
        ({"r": 2.5}, r"r=2.5"),
        ({"r": True}, r"r=True"),
        ({"attention_r": 0}, r"attention_r=0"),
        ({"lora_alpha": 0}, r"lora_alpha=0: use a positive number"),
        ({"lora_alpha": float("nan")}, r"lora_alpha=nan"),
        ({"attention_alpha": -1}, r"attention_alpha=-1"),
        ({"lora_dropout": 1.0}, r"lora_dropout=1.0: use a probability from 0 to below 1"),
        ({"lora_dropout": -0.1}, r"lora_dropout=-0.1"),
        ({"top_k": 0}, r"top_k=0 with 4 experts: choose 1 to 4"),
        ({"top_k": 5}, r"top_k=5 with 4 experts: choose 1 to 4"),
        ({"top_k": 1.5}, r"top_k=1.5"),
        ({"experts": []}, r"experts is empty"),
        ({"experts": ["a", "b", "a"]}, r"experts named more than once: a"),
        ({"experts": ["a", "b/c"]}, r"'b/c' can't name an expert"),
        ({"experts": ["a", ""]}, r"'' can't name an expert"),
        ({"experts": ["a", "x" * 65]}, r"can't name an expert"),
        ({"experts": ["../up", "b"]}, r"'../up' can't name an expert"),
        ({"experts": "psychology"}, r"experts='psychology': give a list of names"),
        ({"granularity": "layer"}, r"granularity='layer': choose 'block'"),
        ({"target_modules": "all-linear"}, r"target_modules='all-linear' with granularity='block'"),
        ({"target_modules": ".*mlp", "layers_to_transform": [0]}, r"an expression names its layers itself"),
        ({"layers_pattern": "layers"}, r"layers_pattern='layers' needs layers_to_transform"),
        ({"attention_modules": "q_proj"}, r"attention_modules='q_proj': give a list"),
        ({"balance_weight": -1}, r"balance_weight=-1: a loss is weighted"),
        ({"z_weight": float("inf")}, r"z_weight=inf"),
        ({"domain_weight": "much"}, r"domain_weight='much'"),
        ({"bias_weight": float("nan")}, r"bias_weight=nan"),
    ],
)
def test_settings_that_cannot_hold_are_refused(settings, told):
    with pytest.raises(BadConfig, match=told):
        MoeLoraConfig(**settings)


def test_a_format_of_the_future_is_refused():
    with pytest.raises(WrongFormat, match="format 7"):
        MoeLoraConfig(format=7)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"r": 161}, r"r=161 for model.layers.0.mlp \(up: 64 inputs, 160 outputs\).*choose r up to 64"),
        ({"r": 161, "granularity": "linear"}, r"r=161 for model.layers.0.mlp.gate_proj"),
        ({"attention_modules": ["q_proj"], "attention_r": 65}, r"r=65 for model.layers.0.self_attn.q_proj"),
        ({"attention_modules": ["c_attn"]}, r"attention_modules=\['c_attn'\] name no module of LlamaForCausalLM"),
        ({"attention_modules": ["up_proj"]}, r"up_proj, which lies inside an FFN with experts: leave it out"),
        (
            {"granularity": "linear", "target_modules": ["mlp"]},
            r"mlp \(LlamaMLP\) is not supported: experts go into linear",
        ),
        ({"granularity": "linear", "target_modules": ["embed_tokens"]}, r"embed_tokens \(Embedding\) is not supported"),
        ({"granularity": "linear", "target_modules": ["nothing"]}, r"Target modules \{'nothing'\} not found"),
        ({"target_modules": ["nothing"]}, r"'nothing'.*FFNs of this model: model.layers.0.mlp"),
    ],
)
def test_settings_that_dont_fit_the_model_leave_it_as_it_was(settings, told):
    base = llama()
    names = [name for name, _ in base.named_modules()]
    with pytest.raises(ValueError, match=told):
        get_peft_model(base, MoeLoraConfig(**{"r": 4, **settings}))
    assert [name for name, _ in base.named_modules()] == names


def test_adapters_of_one_model_share_their_granularity():
    model = adapted(llama())
    with pytest.raises(BadConfig, match="granularity='linear' beside adapter 'default' with 'block'"):
        model.add_adapter("other", MoeLoraConfig(granularity="linear"))


@pytest.mark.parametrize("granularity", ["block", "linear"])
def test_mixed_types_are_named_with_their_layer(granularity):
    model = adapted(llama().to(torch.bfloat16), granularity=granularity)
    layer = model.base_model.moe_lora_layers()[0]
    with pytest.raises(
        BadInput, match=r"model.layers.0.mlp.*the input is torch.float32, the base's weights are torch.bfloat16"
    ):
        layer(torch.randn(1, 3, 64))
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(1, 3, 64)).dtype == torch.bfloat16


@pytest.mark.parametrize("granularity", ["block", "linear"])
def test_strides_dont_matter_and_nothing_gives_nothing(granularity):
    model = adapted(llama(), granularity=granularity)
    layer = model.base_model.moe_lora_layers()[0]
    x = torch.randn(5, 64, 3).transpose(1, 2)
    assert not x.is_contiguous()
    torch.testing.assert_close(layer(x), layer(x.contiguous()))
    torch.testing.assert_close(layer(x[0, 0]), layer(x)[0, 0])
    wide = layer(x).shape[-1]
    for shape in ((0, 3, 64), (2, 0, 64), (0, 64)):
        empty = torch.randn(shape, requires_grad=True)
        given = layer.train()(empty)
        assert given.shape == (*shape[:-1], wide)
        given.sum().backward()


@pytest.mark.parametrize("granularity", ["block", "linear"])
@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_broken_router_is_named_at_once(granularity, broken):
    model = adapted(llama(), granularity=granularity)
    layer = model.base_model.moe_lora_layers()[-1]
    with torch.no_grad():
        layer.router("default")[1, 5] = broken
    with pytest.raises(RouterBroken, match=rf"{layer.name}: the router's logits hold NaN or infinity.*learning rate"):
        model(tokens())


def test_logits_that_broke_unseen_are_named_by_who_reads_them():
    model = adapted(llama())
    with recording(model):
        model(tokens())
    layer = model.base_model.moe_lora_layers()[1]
    layer.routing["default"] = layer.routing["default"] * float("nan")  # as an accelerator leaves them
    with pytest.raises(RouterBroken, match=r"model.layers.1.mlp: the router's logits hold NaN"):
        routing_of(model)


def test_logits_that_are_elsewhere_are_looked_at_only_when_asked_for():
    model = adapted(llama())
    for layer in model.base_model.moe_lora_layers():
        layer.routing["default"] = torch.empty(2, 9, 4, device="meta")  # no value is there: looking at one raises
    assert len(routing_of(model)) == 2
    with pytest.raises(RuntimeError, match="meta"):
        routing_of(model, check=True)


@pytest.mark.parametrize(
    ("mixture", "told"),
    [
        ({"psycology": 1.0}, "no expert is named psycology; there are psychology, mental_health"),
        ({"psychology": -1.0}, r"mixture \[-1.0, 0.0, 0.0, 0.0\] for 4 experts"),
        ({"psychology": float("nan")}, "mixture"),
        ({"psychology": 0.0}, "not all 0"),
        ({}, "not all 0"),
        ({"psychology": 0.5}, r"sums to 0.5: .*scaled.*divide each by their sum"),
        ({"psychology": 0.75, "mental_health": 0.75}, "sums to 1.5"),
    ],
)
def test_mixtures_that_are_none_are_refused(mixture, told):
    with pytest.raises(BadConfig, match=told):
        set_mixture(adapted(llama()), mixture)


def test_a_mixture_of_an_adapter_that_isnt_there_is_refused():
    with pytest.raises(BadConfig, match="adapter 'absent' has no router"):
        set_mixture(adapted(llama()), {"psychology": 1.0}, adapter="absent")


@pytest.mark.parametrize("make", [llama, gpt2, opt])
def test_sequences_past_the_models_positions_are_refused_before_they_are_computed(make):
    base = make(**({"n_positions": 32} if make is gpt2 else {"max_position_embeddings": 32}))
    model = adapted(base)
    model(tokens(1, 32))
    told = r"a sequence of 33 tokens, \w+ has positions for 32 \(max_position_embeddings\)"
    with pytest.raises(BadInput, match=told):
        model(tokens(1, 33))
    with pytest.raises(BadInput, match=told):
        model(inputs_embeds=torch.randn(1, 33, 64))


def test_positions_that_are_given_or_stretched_are_the_callers_affair():
    model = adapted(llama(max_position_embeddings=32))
    assert model(tokens(1, 40), position_ids=torch.arange(40)[None] % 20).logits.isfinite().all()
    stretched = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    longer = adapted(llama(max_position_embeddings=32, rope_parameters=stretched))
    assert longer(tokens(1, 40)).logits.isfinite().all()


@pytest.mark.parametrize("granularity", ["block", "linear"])
def test_adapters_by_row_of_a_batch_are_refused_and_not_ignored(granularity):
    model = adapted(llama(), granularity=granularity)
    model.add_adapter("second", MoeLoraConfig(r=4, granularity=granularity))
    for run in (model, model.generate):
        with pytest.raises(BadInput, match=r"adapter_names=\['default', 'second'\].*set_adapter"):
            run(input_ids=tokens(), adapter_names=["default", "second"])
