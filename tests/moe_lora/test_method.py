"""The method as PEFT's users meet it: the exact function, several adapters, training, and what it costs."""

import copy
import importlib
import pickle
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import PeftConfig, PeftType, get_peft_model
from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from kernels.swiglu import activate
from ml.moe_lora import MoeLoraBlock, MoeLoraConfig, MoeLoraModel, forget_routing, recording, routing_of, set_mixture
from ml.moe_lora.errors import BadInput, RouterBroken
from tests.kernels import literal
from tests.moe_lora.bases import BASES, adapted, gpt2, llama, opt, tokens


def gradients(model):
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def trained_once(model, ids, *, routing=True):
    """Gradients of the language-model loss and of a loss over routing."""
    model.train().zero_grad()
    loss = model(ids, labels=ids).loss
    if routing:
        loss = loss + sum(logits.square().mean() for logits in routing_of(model).values())
    loss.backward()
    return gradients(model)


# Registration and defaults ----------------------------------------------------------------------------------------------


def test_peft_knows_the_method_as_one_of_its_own():
    assert PeftType("MOE_LORA") is PeftType.MOE_LORA is PeftType["MOE_LORA"]
    assert PeftType.MOE_LORA in list(PeftType)
    assert len(list(PeftType)) == len(set(PeftType))
    assert pickle.loads(pickle.dumps(PeftType.MOE_LORA)) is PeftType.MOE_LORA
    assert copy.deepcopy(PeftType.MOE_LORA) is PeftType.MOE_LORA
    assert PEFT_TYPE_TO_TUNER_MAPPING[PeftType.MOE_LORA] is MoeLoraModel
    assert isinstance(PeftConfig.from_peft_type(peft_type="MOE_LORA"), MoeLoraConfig)


def test_importing_the_registration_twice_changes_nothing():
    from ml.moe_lora import registration

    before = list(PeftType)
    again = importlib.reload(registration)
    assert list(PeftType) == before
    assert again.MOE_LORA is PeftType.MOE_LORA
    again.register(MoeLoraConfig, MoeLoraModel)
    assert PEFT_TYPE_TO_TUNER_MAPPING[PeftType.MOE_LORA] is MoeLoraModel


def test_the_defaults_are_four_domains_of_rank_16():
    config = MoeLoraConfig()
    assert config.experts == ["psychology", "mental_health", "bias_detection", "general_therapeutic"]
    assert (config.r, config.lora_alpha, config.top_k, config.lora_dropout, config.scale) == (16, 32, 2, 0.1, 2.0)
    assert (config.granularity, config.target_modules, config.attention_modules) == ("block", None, None)
    assert (config.balance_weight, config.z_weight, config.domain_weight, config.bias_weight) == (0.01, 0.001, 0.1, 0.0)


# Exactness --------------------------------------------------------------------------------------------------------------


class LiteralFfn(nn.Module):
    """An FFN of the base with experts as MixLoRA's paper writes them, from a block's tensors."""

    def __init__(self, block: MoeLoraBlock, adapter: str) -> None:
        super().__init__()
        base, ffn, factors = block.base_layer, block.ffn, block.factors(adapter)
        weights = [None if name is None else getattr(base, name).weight for name in (ffn.gate, ffn.up, ffn.down)]
        pairs = [tensor for part in ("gate", "up", "down") for tensor in factors.get(part, (None, None))]
        self.settings = block.moe_lora_settings[adapter]
        self.activation = ffn.activation
        self.parts = literal.Ffn(*weights, *pairs, block.router(adapter))

    def forward(self, x):
        act = partial(activate, activation=self.activation)
        flat = x.reshape(-1, x.shape[-1])
        return literal.forward(flat, self.parts, self.settings.top_k, self.settings.scale, act).reshape(x.shape)


@settings(max_examples=12)
@given(
    family=st.sampled_from(["llama", "gemma", "qwen3"]),
    experts=st.integers(2, 6),
    rank=st.integers(1, 8),
    data=st.data(),
)
def test_a_whole_model_is_the_model_with_literal_mixlora_in_its_layers(family, experts, rank, data):
    top_k = data.draw(st.integers(1, experts))
    names = [f"expert-{number}" for number in range(experts)]
    model = adapted(BASES[family]().double(), r=rank, experts=names, top_k=top_k)
    ids = tokens(2, data.draw(st.integers(1, 12)))
    found = model(ids, labels=ids)
    wanted = list(gradients(backward(model, found.loss)).values())

    model.zero_grad()
    for layer in model.base_model.model.model.layers:
        block = layer.mlp
        layer.mlp = LiteralFfn(block, "default")
        layer.mlp.kept = block  # its parameters stay the model's
    expected = model(ids, labels=ids)
    literally = list(gradients(backward(model, expected.loss)).values())

    assert far(found.logits, expected.logits) <= 1e-12
    whole = torch.cat([g.flatten() for g in literally]).norm()
    for one, other in zip(wanted, literally, strict=True):
        assert (one - other).norm() <= 1e-11 * whole


def backward(model, loss):
    loss.backward()
    return model


def far(found, expected):
    return float((found - expected).detach().norm() / expected.detach().norm())


@pytest.mark.parametrize("family", ["llama", "phi3", "opt", "gpt_neox"])
def test_one_expert_a_token_starts_bit_equal_to_the_base(family):
    base = BASES[family]()
    expected = base(tokens()).logits
    assert torch.equal(adapted(base, top_k=1, init_weights=True)(tokens()).logits, expected)


def test_attention_beside_experts_is_a_plain_lora():
    model = adapted(llama(), attention_modules=["q_proj", "v_proj"], attention_r=2, attention_alpha=6)
    names = model.base_model.targeted_module_names
    assert [name for name in names if name.endswith("q_proj")] == [f"model.layers.{n}.self_attn.q_proj" for n in (0, 1)]
    layer = model.base_model.model.model.layers[0].self_attn.q_proj
    assert layer.router("default") is None
    a, b = layer.factors("default")["linear"]
    assert a.shape == (1, 2, 64)
    x = torch.randn(3, 5, 64)
    torch.testing.assert_close(layer(x), layer.base_layer(x) + 3.0 * x @ a[0].T @ b[0].T)


def test_a_fixed_mixture_takes_the_routers_place_until_it_is_given_back():
    model = adapted(llama())
    learned = model(tokens()).logits
    set_mixture(model, {"psychology": 1.0})
    psychology = model(tokens()).logits
    for layer in model.base_model.moe_lora_layers():
        for part, (_, b) in layer.factors("default").items():
            with torch.no_grad():
                b[1:] = 1e3 if part else b  # what the others hold doesn't matter any more
    assert torch.equal(model(tokens()).logits, psychology)
    assert not torch.equal(psychology, learned)
    with recording(model):
        model(tokens())
    assert routing_of(model) == {}
    set_mixture(model, None)
    assert not torch.equal(model(tokens()).logits, psychology)


@pytest.mark.parametrize("count", [3, 7, 64])
def test_a_mixture_of_equal_parts_is_one_whatever_rounding_leaves(count):
    experts = [f"expert-{number}" for number in range(count)]
    model = adapted(llama(), experts=experts, r=1)
    set_mixture(model, dict.fromkeys(experts, 1 / count))
    with torch.no_grad():
        for layer in model.base_model.moe_lora_layers():
            for _, b in layer.factors("default").values():
                b.zero_()
    torch.testing.assert_close(model(tokens()).logits, llama()(tokens()).logits)


def test_at_linear_granularity_a_mixture_may_sum_to_anything():
    model = adapted(llama(), granularity="linear", target_modules=["q_proj"])
    layer = model.base_model.moe_lora_layers()[0]
    x = torch.randn(3, 64)
    gained = []
    for weight in (0.5, 1.5):
        set_mixture(model, {"psychology": weight})
        gained.append(layer(x) - layer.base_layer(x))
    torch.testing.assert_close(gained[1], 3 * gained[0])


@pytest.mark.parametrize("granularity", ["block", "linear"])
def test_a_fixed_mixture_tells_kernels_of_all_its_experts(granularity):
    model = adapted(llama(), granularity=granularity, top_k=1)
    set_mixture(model, {"psychology": 0.5, "bias_detection": 0.25, "general_therapeutic": 0.25})
    layer = model.base_model.moe_lora_layers()[0]
    parts = [a for part, (a, _) in layer.factors("default").items() if part != "down"]
    x = torch.randn(5, parts[0].shape[-1])
    stacked = torch.cat([a.flatten(0, 1) for a in parts])
    weights, _, top_k = layer._route("default", x, stacked, None, x.shape)
    assert top_k >= int(weights.count_nonzero(dim=-1).max()) == 3


@pytest.mark.parametrize("make", [llama, gpt2, opt])
@pytest.mark.parametrize("training", [True, False])
def test_a_layer_is_in_the_mode_of_the_module_whose_place_it_takes(make, training):
    model = get_peft_model(make().train(training), MoeLoraConfig(r=4, lora_dropout=0.5, init_weights=False))
    model.add_adapter("second", MoeLoraConfig(r=4, lora_dropout=0.5, init_weights=False))
    model.set_adapter("second")
    assert {layer.training for layer in model.base_model.moe_lora_layers()} == {training}
    assert torch.equal(model(tokens()).logits, model(tokens()).logits) is not training


def test_an_adapter_that_reaches_new_layers_of_a_model_in_use_drops_nothing_there():
    model = adapted(llama(), layers_to_transform=[0])
    model.add_adapter("second", MoeLoraConfig(r=4, lora_dropout=0.5, init_weights=False, attention_modules=["q_proj"]))
    model.set_adapter("second")
    assert torch.equal(model(tokens()).logits, model(tokens()).logits)


# Several adapters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("granularity", ["block", "linear"])
def test_adapters_of_different_sizes_live_side_by_side(granularity):
    model = adapted(llama(), granularity=granularity)
    first = model(tokens()).logits
    other = MoeLoraConfig(
        r=3, experts=["x", "y", "z"], top_k=3, granularity=granularity, init_weights=False, lora_dropout=0.0
    )
    model.add_adapter("other", other)
    assert torch.equal(model(tokens()).logits, first)
    model.set_adapter("other")
    second = model(tokens()).logits
    assert not torch.equal(first, second)
    assert all(layer.routing == {} for layer in model.base_model.moe_lora_layers())
    learning = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert learning
    assert all(name.endswith(".other") for name in learning)
    model.set_adapter("default")
    assert torch.equal(model(tokens()).logits, first)
    with pytest.warns(UserWarning, match="Setting active adapter to other"):
        model.delete_adapter("default")
    assert not any(name.endswith(".default") for name, _ in model.named_parameters())
    model.set_adapter("other")
    assert torch.equal(model(tokens()).logits, second)


def test_two_adapters_at_once_add_up_on_linear_layers_and_are_refused_on_whole_ffns():
    for granularity in ("linear", "block"):
        model = adapted(llama(), granularity=granularity)
        model.add_adapter("other", MoeLoraConfig(r=2, granularity=granularity, init_weights=False))
        model.base_model.set_adapter(["default", "other"])
        model.eval()
        if granularity == "block":
            with pytest.raises(BadInput, match="default, other are active together"):
                model(tokens())
            continue
        layer, x = model.base_model.moe_lora_layers()[0], torch.randn(1, 4, 64)
        base, both = layer.base_layer(x), layer(x)
        alone = []
        for name in ("default", "other"):
            layer.set_adapter(name)
            alone.append(layer(x) - base)
        torch.testing.assert_close(both, base + alone[0] + alone[1])


def test_a_module_to_save_is_trained_whole():
    model = adapted(llama(), modules_to_save=["lm_head"])
    found = trained_once(model, tokens())
    assert any("lm_head.modules_to_save.default" in name for name in found)
    assert not any("lm_head.original_module" in name for name in found)


# Training ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("granularity", ["block", "linear"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_recomputed_activations_give_the_same_gradients_and_count_routing_once(granularity, dropout):
    model = adapted(llama(), granularity=granularity, lora_dropout=dropout, attention_modules=["q_proj"])
    torch.manual_seed(2)
    plain = trained_once(model, tokens())
    assert set(plain) == {name for name, weight in model.named_parameters() if weight.requires_grad}
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    torch.manual_seed(2)
    again = trained_once(model, tokens())
    assert plain.keys() == again.keys()
    for name, gradient in plain.items():
        assert torch.equal(gradient, again[name]), name


def test_reentrant_checkpointing_trains_and_refuses_losses_over_routing():
    model = adapted(llama())
    plain = trained_once(model, tokens(), routing=False)
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": True})
    model.enable_input_require_grads()
    for name, gradient in trained_once(model, tokens(), routing=False).items():
        assert torch.equal(gradient, plain[name]), name
    model(tokens())
    with pytest.raises(RouterBroken, match=r"model.layers.0.mlp: .*no gradient.*use_reentrant=False"):
        routing_of(model)
    with torch.no_grad():
        assert len(routing_of(model)) == 2


def test_routing_is_noted_while_training_or_recording_and_forgotten_on_demand():
    model = adapted(llama())
    model(tokens())
    with pytest.raises(BadInput, match=r"model.layers.0.mlp has noted no routing of adapter 'default'"):
        routing_of(model)
    with recording(model):
        model(tokens())
    noted = routing_of(model)
    assert {name: tuple(logits.shape) for name, logits in noted.items()} == {
        "model.layers.0.mlp": (2, 9, 4),
        "model.layers.1.mlp": (2, 9, 4),
    }
    model.train()(tokens(3, 5))
    assert {tuple(logits.shape) for logits in routing_of(model).values()} == {(3, 5, 4)}
    copy.deepcopy(model)
    forget_routing(model)
    with pytest.raises(BadInput):
        routing_of(model)


def test_routing_of_an_earlier_batch_is_not_taken_for_that_of_the_last():
    model = adapted(llama()).train()
    model(tokens(3, 5))
    with model.disable_adapter():
        model(tokens())  # the base alone, as a reference: what the adapter routed stands
    assert len(routing_of(model)) == 2
    model.eval()(tokens())
    with pytest.raises(BadInput, match="has noted no routing"):
        routing_of(model)


def test_a_copy_that_data_parallel_makes_notes_nothing_over_the_rows_of_others():
    model = adapted(llama()).train()
    layer = model.base_model.moe_lora_layers()[0]
    copied = layer._replicate_for_data_parallel()
    x = torch.randn(2, 3, 64)
    assert torch.equal(copied(x), layer(x))
    layer.routing.clear()
    copied(x)
    assert copied.routing == layer.routing == {}
    with pytest.raises(BadInput, match="use DistributedDataParallel"):
        routing_of(model)


@pytest.mark.parametrize("granularity", ["block", "linear"])
@pytest.mark.parametrize("upcast", [True, False])
def test_a_16_bit_base_keeps_its_type_and_its_routers_theirs(granularity, upcast):
    base = llama().to(torch.bfloat16)
    config = MoeLoraConfig(r=4, granularity=granularity, init_weights=False)
    model = get_peft_model(base, config, autocast_adapter_dtype=upcast)
    types = {name.split(".")[-2]: weight.dtype for name, weight in model.named_parameters() if "moe_lora_" in name}
    assert types.pop("moe_lora_router") == torch.float32
    assert set(types.values()) == {torch.float32 if upcast else torch.bfloat16}
    found = model.train()(tokens(), labels=tokens())
    found.loss.backward()
    assert found.logits.dtype == torch.bfloat16
    assert {logits.dtype for logits in routing_of(model).values()} == {torch.float32}
    precise = copy.deepcopy(model).float().eval()(tokens()).logits
    assert far(model.eval()(tokens()).logits.float(), precise) < 0.05


@pytest.mark.parametrize("change", [nn.Module.half, nn.Module.bfloat16, lambda model: model.to(torch.bfloat16)])
@pytest.mark.parametrize("granularity", ["block", "linear"])
def test_a_model_made_16_bit_keeps_what_routes_to_the_last_bit(change, granularity):
    model = adapted(llama(), granularity=granularity)
    layers = model.base_model.moe_lora_layers()
    before = [layer.router("default").detach().clone() for layer in layers]
    set_mixture(model, {"psychology": 1 / 3, "mental_health": 2 / 3})
    mixtures = [layer.mixture("default").clone() for layer in layers]
    change(model)
    assert {layer.factors("default")[next(iter(layer.shapes))][0].element_size() for layer in layers} == {2}
    assert all(torch.equal(layer.router("default"), router) for layer, router in zip(layers, before, strict=True))
    assert all(torch.equal(layer.mixture("default"), fixed) for layer, fixed in zip(layers, mixtures, strict=True))
    again = pickle.loads(pickle.dumps(model))
    assert torch.equal(again(tokens()).logits, model(tokens()).logits)
    assert {layer.router("default").dtype for layer in model.double().base_model.moe_lora_layers()} == {torch.float64}
    assert {layer.router("default").dtype for layer in model.float().base_model.moe_lora_layers()} == {torch.float32}


@pytest.mark.parametrize("granularity", ["block", "linear"])
def test_under_autocast_routers_still_compute_in_float32(granularity):
    model = adapted(llama(), granularity=granularity).train()
    model(tokens())
    precise = {name: logits.detach() for name, logits in routing_of(model).items()}
    with torch.autocast("cpu", torch.bfloat16):
        found = model(tokens(), labels=tokens())
        noted = routing_of(model)
    found.loss.backward()
    assert found.logits.dtype == torch.bfloat16
    first = next(iter(noted))
    assert noted[first].dtype == torch.float32
    assert torch.unique(noted[first]).numel() > 0.9 * noted[first].numel()  # rounded to 16 bits, many would coincide
    assert far(noted[first], precise[first]) < 0.05


def test_a_few_steps_teach_the_experts_something():
    model = adapted(llama(), init_weights=True, lora_dropout=0.1).train()
    optimizer = torch.optim.AdamW([w for w in model.parameters() if w.requires_grad], lr=1e-2)
    losses = []
    for _ in range(30):
        loss = model(tokens(), labels=tokens()).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_a_model_with_experts_generates():
    given = adapted(llama()).generate(input_ids=tokens(1, 4), max_new_tokens=6, do_sample=False)
    assert given.shape == (1, 10)


# Cost -------------------------------------------------------------------------------------------------------------------


def base_flops(counter, parts=("gate_proj", "up_proj", "down_proj")):
    return sum(
        sum(counts.values())
        for name, counts in counter.get_flop_counts().items()
        if name.endswith(parts) and "self_attn" not in name
    )


@pytest.mark.parametrize("top_k", [1, 2, 3, 4])
def test_base_products_run_once_a_token_for_every_k(top_k):
    counts = []
    for model in (llama(), adapted(llama(), top_k=top_k)):
        with FlopCounterMode(display=False) as counter:
            model(tokens(2, 16))
        counts.append((base_flops(counter), counter.get_total_flops()))
    (dense, whole), (ours, with_experts) = counts
    rows, width, inner, count, rank = 32, 64, 160, 4, 4
    assert dense == 2 * 2 * rows * 3 * width * inner
    assert ours == dense
    shrink_and_expand = 3 * (width + inner) * count * rank  # of gate, up and down
    assert with_experts - whole == 2 * 2 * rows * (shrink_and_expand + count * width)


class Largest(TorchDispatchMode):
    """The size of the largest tensor that any operation gives."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, tuple | list) else (found,):
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return found


@pytest.mark.parametrize("length", [8192, 9001])
def test_8192_tokens_and_more_train_without_anything_of_length_squared(length):
    model = adapted(llama(num_hidden_layers=1, max_position_embeddings=16384), lora_dropout=0.1).train()
    ids = tokens(1, length)
    with Largest() as largest:
        model(ids, labels=ids).loss.backward()
    assert largest.elements <= length * 2 * 160
    assert all(weight.grad.isfinite().all() for weight in model.parameters() if weight.grad is not None)
