"""What is exported gives, in an ordinary PEFT host, the very logits that our layer gives under the same routing."""

import json

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
)

from ml.moe_lora import MoeLoraConfig, set_mixture
from ml.moe_lora.errors import BadConfig, BadInput, NotExpressible
from ml.moe_lora.export import as_lora, save_base_with_attention, save_experts
from ml.moe_lora.requests import RequestRouter

SMALL = {"vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
IDS = torch.arange(24).reshape(2, 12) % 61


def llama():
    return LlamaForCausalLM(LlamaConfig(**SMALL, num_key_value_heads=2))


def phi3():
    return Phi3ForCausalLM(Phi3Config(**SMALL, pad_token_id=0, bos_token_id=1, eos_token_id=2))


def gpt2():
    return GPT2LMHeadModel(GPT2Config(vocab_size=61, n_embd=32, n_layer=2, n_head=4, n_inner=48, resid_pdrop=0.0))


def opt():
    return OPTForCausalLM(OPTConfig(**{**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 32, "dropout": 0.0}))


BASES = {"llama": llama, "phi3": phi3, "gpt2": gpt2, "opt": opt}
ATTENTION = {"llama": ["q_proj", "v_proj"], "phi3": ["qkv_proj"], "gpt2": ["c_attn"], "opt": ["q_proj", "v_proj"]}


def both(kind, **options):
    """The same base twice, in float64: with experts, and bare."""
    torch.manual_seed(3)
    base, bare = BASES[kind]().double().eval(), BASES[kind]().double().eval()
    bare.load_state_dict(base.state_dict())
    given = {"r": 4, "lora_alpha": 8, "init_weights": False, **options}
    return get_peft_model(base, MoeLoraConfig(task_type="CAUSAL_LM", **given)).eval(), bare


def logits(model):
    with torch.no_grad():
        return model(input_ids=IDS).logits


def far(found, expected):
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("kind", BASES)
@pytest.mark.parametrize("attention", [False, True], ids=["ffn", "ffn and attention"])
def test_one_expert_of_whole_ffns_is_an_ordinary_lora(kind, attention, tmp_path):
    options = {"attention_modules": ATTENTION[kind], "attention_r": 3, "attention_alpha": 5} if attention else {}
    model, bare = both(kind, **options)
    routed = logits(model)
    set_mixture(model, {"bias_detection": 1.0})
    expected = logits(model)

    host = PeftModel.from_pretrained(bare, as_lora(model, "bias_detection").save(tmp_path / "expert"))

    assert far(logits(host), expected) < 1e-12
    assert far(routed, expected) > 1e-6
    assert isinstance(host.peft_config["default"], LoraConfig)


def test_files_are_those_of_any_lora_without_patterns_of_ranks(tmp_path):
    model, _ = both("llama", attention_modules=["q_proj"], attention_r=2)
    folder = as_lora(model, "psychology").save(tmp_path)
    written = json.loads((folder / "adapter_config.json").read_text())
    assert written["peft_type"] == "LORA"
    assert written["rank_pattern"] == written["alpha_pattern"] == {}
    assert sorted(written["target_modules"]) == ["down_proj", "gate_proj", "q_proj", "up_proj"]
    shapes = {name: list(weight.shape) for name, weight in load_file(folder / "adapter_model.safetensors").items()}
    assert shapes["base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight"] == [4, 32]
    assert shapes["base_model.model.model.layers.1.mlp.down_proj.lora_B.weight"] == [32, 4]


def test_layers_left_out_are_left_out_of_the_export_too(tmp_path):
    model, bare = both("llama", layers_to_transform=[1], layers_pattern="layers")
    set_mixture(model, {"psychology": 1.0})
    lora = as_lora(model, "psychology")
    assert all(".layers.1." in name for name in lora.weights)
    assert far(logits(PeftModel.from_pretrained(bare, lora.save(tmp_path))), logits(model)) < 1e-12


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_fixed_mixture_of_single_layers_is_a_lora_of_the_summed_rank(kind, tmp_path):
    model, bare = both(kind, granularity="linear")
    mixture = {"psychology": 0.75, "general_therapeutic": 0.25}
    set_mixture(model, mixture)
    lora = as_lora(model, mixture)
    assert lora.config.r == 8
    assert far(logits(PeftModel.from_pretrained(bare, lora.save(tmp_path))), logits(model)) < 1e-12


def test_modules_that_were_trained_whole_come_along(tmp_path):
    model, bare = both("llama", modules_to_save=["lm_head"])
    with torch.no_grad():
        model.base_model.model.lm_head.modules_to_save["default"].weight.add_(0.1)
    set_mixture(model, {"psychology": 1.0})
    host = PeftModel.from_pretrained(bare, as_lora(model, "psychology").save(tmp_path))
    assert far(logits(host), logits(model)) < 1e-12


@pytest.mark.parametrize("kind", BASES)
def test_a_base_with_its_attention_merged_takes_experts_without_it(kind, tmp_path):
    model, _ = both(kind, attention_modules=ATTENTION[kind])
    before = logits(model)
    set_mixture(model, {"mental_health": 1.0})
    expected = logits(model)

    base = AutoModelForCausalLM.from_pretrained(save_base_with_attention(model, tmp_path / "base"), dtype=torch.float64)
    folders = save_experts(model, tmp_path / "experts", attention=False)
    host = PeftModel.from_pretrained(base.eval(), folders["mental_health"])

    assert far(logits(host), expected) < 1e-12
    assert sorted(folders) == ["bias_detection", "general_therapeutic", "mental_health", "psychology"]
    set_mixture(model, None)
    assert torch.equal(logits(model), before)


def test_what_no_lora_can_be_says_why_and_what_to_use():
    model, _ = both("llama")
    with pytest.raises(NotExpressible, match=r"one expert by its name.*ml\.moe_lora"):
        as_lora(model, None)
    with pytest.raises(NotExpressible, match=r"inside the activation.*granularity='linear'"):
        as_lora(model, {"psychology": 0.5, "mental_health": 0.5})
    with pytest.raises(NotExpressible, match="attention_modules is empty"):
        save_base_with_attention(model, "never")
    with pytest.raises(BadConfig, match="no expert is named astrology"):
        as_lora(model, "astrology")
    with pytest.raises(BadConfig, match=r"'other'.*there are default"):
        as_lora(model, "psychology", adapter="other")
    with pytest.raises(BadConfig, match="get_peft_model"):
        as_lora(llama(), "psychology")


def test_a_request_goes_to_the_expert_its_tokens_were_sent_to_most_and_padding_has_no_say():
    model, _ = both("llama", top_k=1)
    for module in model.modules():
        if hasattr(module, "moe_lora_router"):
            with torch.no_grad():
                module.moe_lora_router["default"].zero_()
                module.moe_lora_router["default"][2] = (
                    1.0  # positive for inputs of a positive sum, else the first expert
                )
    router = RequestRouter(model)
    real = IDS[:, :6]
    alone = router.choose(real)
    padded = router.choose(
        torch.cat([real, torch.zeros_like(real)], 1), torch.cat([torch.ones_like(real), torch.zeros_like(real)], 1)
    )
    for choice, other in zip(alone, padded, strict=True):
        assert choice.expert in {"psychology", "bias_detection"}
        assert sum(choice.shares.values()) == pytest.approx(1.0)
        assert choice.shares == pytest.approx(other.shares)
        assert choice.expert == max(choice.shares, key=choice.shares.__getitem__)
    with pytest.raises(BadInput, match="at least one real token"):
        router.choose(real, torch.zeros_like(real))
    set_mixture(model, {"psychology": 1.0})
    with pytest.raises(BadInput, match="mixture is fixed"):
        router.choose(real)


@pytest.mark.parametrize("merge", ["merge_attention", "merge_adapter"])
def test_a_base_that_holds_an_adapter_already_is_not_saved_with_it_twice(merge, tmp_path):
    model, _ = both("llama", attention_modules=["q_proj"])
    set_mixture(model, {"psychology": 1.0})
    getattr(model.base_model, merge)()
    with pytest.raises(NotExpressible, match=r"adapters default are merged .* added twice: call unmerge_adapter first"):
        save_base_with_attention(model, tmp_path / "base")
    assert not (tmp_path / "base").exists()
    model.unmerge_adapter()
    save_base_with_attention(model, tmp_path / "base")


def test_a_request_is_judged_by_the_adapter_meant_or_by_none():
    model, _ = both("llama")
    model.add_adapter("second", MoeLoraConfig(r=4, lora_dropout=0.0, init_weights=False))
    model.set_adapter("second")
    model.train()(IDS)  # leaves routing of the second adapter behind, of the very same shape
    model.eval().base_model.model.lm_head.train()
    expected = RequestRouter(model, "second").choose(IDS)
    assert model.base_model.model.lm_head.training
    assert not model.training
    model.train()(IDS)
    with model.disable_adapter(), pytest.raises(BadInput, match="'second' doesn't act"):
        RequestRouter(model, "second").choose(IDS)
    model.set_adapter("default")
    with pytest.raises(BadInput, match=r"'second' doesn't act.*set_adapter"):
        RequestRouter(model, "second").choose(IDS)
    model.set_adapter("second")
    assert RequestRouter(model).choose(IDS) == expected
