"""What is saved is what is loaded, to the bit, and on no other base."""

import json

import pytest
import torch
from peft import PeftConfig, PeftModel
from safetensors.torch import load_file

from ml.moe_lora import MoeLoraConfig
from ml.moe_lora.errors import WrongBase, WrongFormat
from tests.moe_lora.bases import BASES, adapted, gpt2, llama, opt, tokens

RICH = {"attention_modules": ["q_proj", "v_proj"], "modules_to_save": ["lm_head"]}


@pytest.mark.parametrize("granularity", ["block", "linear"])
@pytest.mark.parametrize("family", ["llama", "phi3", "gpt2", "opt"])
def test_what_is_loaded_gives_the_same_bits(family, granularity, tmp_path):
    model = adapted(BASES[family](), granularity=granularity, lora_dropout=0.1)
    expected = model(tokens()).logits
    model.save_pretrained(tmp_path)
    loaded = PeftModel.from_pretrained(BASES[family](), tmp_path).eval()
    assert torch.equal(loaded(tokens()).logits, expected)
    assert isinstance(loaded.peft_config["default"], MoeLoraConfig)


@pytest.mark.parametrize("options", [{}, {"low_cpu_mem_usage": True}, {"is_trainable": True}, {"adapter_name": "mine"}])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_way_of_loading_gives_the_same_bits(options, dtype, tmp_path):
    model = adapted(llama().to(dtype), **RICH)
    expected = model(tokens()).logits
    model.save_pretrained(tmp_path)
    loaded = PeftModel.from_pretrained(llama().to(dtype), tmp_path, **options).eval()
    assert torch.equal(loaded(tokens()).logits, expected)
    learning = [name for name, weight in loaded.named_parameters() if weight.requires_grad]
    assert bool(learning) == bool(options.get("is_trainable"))


def test_only_the_adapter_is_saved_under_names_without_its_own(tmp_path):
    adapted(llama()).save_pretrained(tmp_path)
    saved = load_file(tmp_path / "adapter_model.safetensors")
    layer = "base_model.model.model.layers.0.mlp.moe_lora_"
    assert {name for name in saved if ".layers.0." in name} == {
        layer + name for name in ("router", "A_gate", "B_gate", "A_up", "B_up", "A_down", "B_down")
    }
    assert saved[f"{layer}A_up"].shape == (4, 4, 64)
    assert saved[f"{layer}B_up"].shape == (4, 160, 4)
    assert saved[f"{layer}router"].shape == (4, 64)


def test_one_of_several_adapters_is_saved_and_loaded_beside_another(tmp_path):
    model = adapted(llama())
    model.add_adapter("other", MoeLoraConfig(r=3, experts=["x", "y"], top_k=1, init_weights=False))
    model.set_adapter("other")
    expected = model.eval()(tokens()).logits
    model.save_pretrained(tmp_path, selected_adapters=["other"])
    here = adapted(llama())
    first = here(tokens()).logits
    here.load_adapter(tmp_path / "other", "came")
    assert torch.equal(here(tokens()).logits, first)
    here.set_adapter("came")
    assert torch.equal(here.eval()(tokens()).logits, expected)


def test_settings_come_back_as_they_were_given(tmp_path):
    config = MoeLoraConfig(
        r=5,
        lora_alpha=7,
        top_k=3,
        experts=["c", "a", "b"],
        granularity="linear",
        target_modules=["q_proj"],
        z_weight=0.5,
    )
    config.save_pretrained(tmp_path)
    assert PeftConfig.from_pretrained(tmp_path) == config


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (lambda: llama(hidden_size=32), "hidden_size 64, here 32"),
        (lambda: llama(intermediate_size=96), "intermediate_size 160, here 96"),
        (lambda: llama(num_hidden_layers=3), "layers 2, here 3"),
        (opt, "model_type 'llama', here 'opt'"),
        (gpt2, "model_type 'llama', here 'gpt2'"),
    ],
)
def test_an_adapter_for_another_base_says_what_differs(other, difference, tmp_path):
    adapted(llama()).save_pretrained(tmp_path)
    with pytest.raises(WrongBase, match=difference):
        PeftModel.from_pretrained(other(), tmp_path)


def test_a_configuration_that_was_used_once_can_be_used_on_another_base():
    config = MoeLoraConfig(r=2, target_modules=["mlp"])
    for base in (llama(), llama(num_hidden_layers=1), gpt2()):
        from peft import get_peft_model

        assert get_peft_model(base, config).base_model.moe_lora_layers()


def test_an_adapter_of_another_format_is_refused(tmp_path):
    adapted(llama()).save_pretrained(tmp_path)
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    with pytest.raises(WrongFormat, match="is of format 2, this version reads format 1"):
        PeftModel.from_pretrained(llama(), tmp_path)


def test_weights_that_dont_fit_their_settings_are_refused(tmp_path):
    adapted(llama()).save_pretrained(tmp_path)
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "r": 5}))
    with pytest.raises(RuntimeError, match="size mismatch"):
        PeftModel.from_pretrained(llama(), tmp_path)
