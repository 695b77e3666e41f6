"""The head reads what the language model computes anyway, and disturbs it only as much as it is told to."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

from ml.moe_lora.bias_head import FILE, BiasHead, judge, pooled
from ml.moe_lora.errors import BadInput, WrongBase, WrongFormat
from ml.moe_lora.losses import UNKNOWN


def tiny_model():
    torch.manual_seed(3)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=40, max_position_embeddings=32, pad_token_id=0, **sizes))


def batch():
    torch.manual_seed(4)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    ids = torch.randint(1, 40, (2, 5)) * mask
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}


def gradients(head, weight):
    """Of the language model's parameters, with the head's loss at a weight; without a head for None."""
    model = tiny_model()
    if head is None:
        loss = model(**batch()).loss
    else:
        outputs, logits = judge(model, head, **batch())
        loss = outputs.loss + weight * head.loss(logits, torch.tensor([1, 0])) if weight else outputs.loss
    loss.backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def same(one, other):
    return all(torch.equal(one[name].view(torch.int32), other[name].view(torch.int32)) for name in one)


def test_weight_zero_leaves_the_language_models_gradients_as_they_are_bit_for_bit():
    assert same(gradients(BiasHead(16), 0.0), gradients(None, 0.0))


def test_a_detached_head_learns_and_leaves_the_gradients_as_they_are_bit_for_bit():
    head = BiasHead(16, detached=True)
    assert same(gradients(head, 1.0), gradients(None, 0.0))
    assert head.out.weight.grad.any()


def test_a_head_that_is_not_detached_teaches_what_it_reads():
    assert not same(gradients(BiasHead(16), 1.0), gradients(None, 0.0))


def test_the_head_reads_the_hidden_states_that_the_output_layer_reads():
    model, head = tiny_model(), BiasHead(16)
    outputs, logits = judge(model, head, **batch())
    last = outputs.hidden_states[-1]
    assert torch.equal(model.lm_head(last), outputs.logits)
    assert torch.equal(logits, head(last, batch()["attention_mask"]))


@given(seed=st.integers(0, 2**31), lengths=st.lists(st.integers(0, 5), min_size=1, max_size=4), left=st.booleans())
def test_pooling_is_the_mean_over_real_tokens_whatever_stands_at_padding(seed, lengths, left):
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(len(lengths), 5, 3, generator=generator, dtype=torch.float64)
    places = torch.arange(5).flip(0) if left else torch.arange(5)
    mask = (places < torch.tensor(lengths)[:, None]).long()
    spoilt = hidden.masked_fill(mask[..., None] == 0, float("nan")).requires_grad_()
    found = pooled(spoilt, mask)
    for row, length in enumerate(lengths):
        expected = hidden[row][mask[row] == 1].mean(0) if length else torch.zeros(3, dtype=torch.float64)
        torch.testing.assert_close(found[row].detach(), expected)
    found.sum().backward()
    assert spoilt.grad.isfinite().all()


def test_without_a_mask_every_token_is_real():
    hidden = torch.randn(2, 4, 3)
    torch.testing.assert_close(pooled(hidden), pooled(hidden, torch.ones(2, 4)))


def test_bfloat16_states_are_pooled_and_judged_in_float32():
    hidden, head = torch.randn(2, 400, 16).bfloat16(), BiasHead(16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = head(hidden)
    assert logits.dtype is torch.float32
    assert torch.equal(logits, head(hidden.float()))


def test_the_loss_is_the_mean_over_known_labels_alone():
    head = BiasHead(16, ["biased", "advice"])
    logits = torch.randn(3, 2)
    labels = torch.tensor([[1, UNKNOWN], [0, 1], [UNKNOWN, UNKNOWN]])
    known = [(0, 0, 1.0), (1, 0, 0.0), (1, 1, 1.0)]
    each = [
        torch.nn.functional.binary_cross_entropy_with_logits(logits[b, c], torch.tensor(value)) for b, c, value in known
    ]
    torch.testing.assert_close(head.loss(logits, labels), torch.stack(each).mean())
    assert head.loss(logits, torch.full((3, 2), UNKNOWN)) == 0


def test_a_head_of_one_label_takes_a_label_a_text():
    head, logits = BiasHead(16), torch.randn(3, 1)
    labels = torch.tensor([1, 0, UNKNOWN])
    assert head.loss(logits, labels) == head.loss(logits, labels[:, None])


def test_a_saved_head_comes_back_bit_for_bit(tmp_path):
    head = BiasHead(16, ["biased", "advice"], detached=True)
    head.save_pretrained(tmp_path / "adapter")
    loaded = BiasHead.from_pretrained(tmp_path / "adapter", hidden_size=16)
    assert (loaded.labels, loaded.detached, loaded.training) == (("biased", "advice"), True, False)
    hidden = torch.randn(2, 5, 16)
    assert torch.equal(loaded(hidden), head(hidden))
    assert [file.name for file in (tmp_path / "adapter").iterdir()] == [FILE]
    head.save_pretrained(tmp_path / "adapter")  # over what was there


def test_a_head_learns_to_tell_what_can_be_told():
    torch.manual_seed(0)
    labels = torch.randint(0, 2, (64,))
    hidden = torch.randn(64, 6, 16) + labels[:, None, None] * torch.linspace(-1, 1, 16)
    head = BiasHead(16)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(40):
        optimiser.zero_grad()
        head.loss(head(hidden), labels).backward()
        optimiser.step()
    assert ((head(hidden)[:, 0] > 0) == (labels == 1)).all()


@pytest.mark.parametrize("labels", [[], ["a", "a"], [""], "biased"], ids=["none", "repeated", "empty", "a-string"])
def test_labels_that_are_no_names_are_refused(labels):
    with pytest.raises(BadInput, match="The labels are"):
        BiasHead(16, labels)


def test_what_does_not_fit_is_refused_with_its_value():
    head = BiasHead(16)
    with pytest.raises(BadInput, match=r"shape \[2, 5, 8\], and the head was made for \[B, S, 16\]"):
        head(torch.randn(2, 5, 8))
    with pytest.raises(BadInput, match=r"attention_mask has shape \[2, 4\]"):
        head(torch.randn(2, 5, 16), torch.ones(2, 4))
    with pytest.raises(BadInput, match=r"Labels have shape \[3\]"):
        head.loss(torch.randn(2, 1), torch.tensor([0, 1, 1]))
    with pytest.raises(BadInput, match="A label is 2"):
        head.loss(torch.randn(2, 1), torch.tensor([0, 2]))


def test_files_that_are_no_head_are_refused_with_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no bias_head"):
        BiasHead.from_pretrained(tmp_path)
    file = BiasHead(16).save_pretrained(tmp_path)
    with pytest.raises(WrongBase, match="width 16, and the model's are 32"):
        BiasHead.from_pretrained(tmp_path, hidden_size=32)
    whole = file.read_bytes()
    for cut in (0, 7, 60, len(whole) - 1):
        file.write_bytes(whole[:cut])
        with pytest.raises(WrongFormat, match="no whole safetensors"):
            BiasHead.from_pretrained(tmp_path)
    file.write_bytes(whole.replace(b'"format":"1"', b'"format":"9"'))
    with pytest.raises(WrongFormat, match="format '9'"):
        BiasHead.from_pretrained(tmp_path)
    weights = BiasHead(16, ["biased", "advice"]).state_dict()
    save_file(weights, file, {"format": "1", "bias_head": json.dumps({"labels": ["biased"], "detached": False})})
    with pytest.raises(WrongFormat, match="other weights than"):
        BiasHead.from_pretrained(tmp_path)
