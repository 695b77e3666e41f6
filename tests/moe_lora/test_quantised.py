"""Experts on 8- and 4-bit bases, where bitsandbytes is installed."""

import pytest
import torch
from peft import PeftModel
from torch import nn

from ml.moe_lora.errors import MergeRefused
from tests.moe_lora.bases import adapted, llama, tokens

bitsandbytes = pytest.importorskip("bitsandbytes", reason="8- and 4-bit bases need bitsandbytes")
pytestmark = pytest.mark.filterwarnings("ignore")  # it warns of casts, and of faster kernels it hasn't


def linear(kind: str, old: nn.Linear) -> nn.Module:
    if kind == "4bit":
        new = bitsandbytes.nn.Linear4bit(old.in_features, old.out_features, bias=False, compute_dtype=torch.float32)
        new.weight = bitsandbytes.nn.Params4bit(old.weight.data.clone(), requires_grad=False, quant_type="nf4")
    else:
        new = bitsandbytes.nn.Linear8bitLt(old.in_features, old.out_features, bias=False, has_fp16_weights=False)
        new.weight = bitsandbytes.nn.Int8Params(old.weight.data.clone(), requires_grad=False, has_fp16_weights=False)
    return new.to("cpu")


def quantised(kind: str) -> nn.Module:
    base = llama(intermediate_size=128)
    for layer in base.model.layers:
        for part in (layer.self_attn, layer.mlp):
            for name, child in list(part.named_children()):
                if isinstance(child, nn.Linear):
                    setattr(part, name, linear(kind, child))
    return base


@pytest.mark.parametrize("granularity", ["block", "linear"])
@pytest.mark.parametrize("kind", ["8bit", "4bit"])
def test_experts_train_save_and_load_on_a_quantised_base_and_are_not_merged_into_it(kind, granularity, tmp_path):
    model = adapted(quantised(kind), granularity=granularity)
    model.train()(tokens(), labels=tokens()).loss.backward()
    assert all(weight.grad is not None for weight in model.parameters() if weight.requires_grad)
    with torch.no_grad():
        expected = model.eval()(tokens()).logits
        model.save_pretrained(tmp_path)
        loaded = PeftModel.from_pretrained(quantised(kind), tmp_path).eval()
        torch.testing.assert_close(loaded(tokens()).logits, expected, rtol=1e-2, atol=1e-2)
    one = adapted(quantised(kind), granularity=granularity, experts=["only"], top_k=1)
    with pytest.raises(MergeRefused, match="its weights are quantised"):
        one.merge_adapter()


@pytest.mark.parametrize("granularity", ["block", "linear"])
@pytest.mark.parametrize("kind", ["8bit", "4bit"])
def test_new_experts_change_nothing_yet_on_a_quantised_base(kind, granularity):
    model = adapted(quantised(kind), granularity=granularity, init_weights=True)
    with torch.no_grad():
        found = model(tokens()).logits
        with model.disable_adapter():
            torch.testing.assert_close(found, model(tokens()).logits, rtol=1e-5, atol=1e-5)
