"""Routing losses count real tokens once, and are what their papers say."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from ml.moe_lora import MoeLoraConfig, recording, routing_of, set_mixture
from ml.moe_lora.bias_head import BiasHead
from ml.moe_lora.errors import BadInput
from ml.moe_lora.losses import UNKNOWN, domain_labels, routing_losses, total_loss
from ml.moe_lora.metrics import RoutingMetrics


def plainly(logits_BSE, top_k, mask_BS, domains_BS):
    """The three losses of one layer, written as loops over tokens."""
    experts = logits_BSE.shape[-1]
    slots, probabilities, z, crossed = np.zeros(experts), np.zeros(experts), [], []
    for logits, real, domain in zip(
        logits_BSE.reshape(-1, experts), mask_BS.reshape(-1), domains_BS.reshape(-1), strict=True
    ):
        if not real:
            continue
        p = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        probabilities += p
        slots[sorted(range(experts), key=lambda e, seen=logits: (-seen[e], e))[:top_k]] += 1
        z.append((np.log(np.exp(logits - logits.max()).sum()) + logits.max()) ** 2)
        if domain != UNKNOWN:
            crossed.append(-math.log(p[domain]))
    if not z:
        return 0.0, 0.0, 0.0
    balance = experts * (slots / (top_k * len(z)) * probabilities / len(z)).sum()
    return balance, float(np.mean(z)), float(np.mean(crossed)) if crossed else 0.0


@st.composite
def batches(draw):
    experts = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(0, 4)), draw(st.integers(0, 7)))
    mask = rng.random(shape) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    logits = rng.normal(size=(draw(st.integers(1, 3)), *shape, experts)) * draw(st.sampled_from([0.0, 1.0, 10.0]))
    return {
        "logits": {f"layers.{n}.mlp": torch.tensor(layer) for n, layer in enumerate(logits)},
        "top_k": draw(st.integers(1, experts)),
        "mask": torch.tensor(mask),
        "domains": torch.tensor(rng.integers(UNKNOWN, experts, size=shape)),
    }


@given(batch=batches())
def test_losses_are_those_of_a_loop_over_real_tokens_averaged_over_layers(batch):
    found = routing_losses(batch["logits"], batch["top_k"], batch["mask"], batch["domains"])
    by_layer = [
        plainly(logits.numpy(), batch["top_k"], batch["mask"].numpy(), batch["domains"].numpy())
        for logits in batch["logits"].values()
    ]
    assert [float(loss) for loss in found] == pytest.approx(np.mean(by_layer, axis=0), rel=1e-10, abs=1e-12)


@given(batch=batches(), noise=st.sampled_from([float("nan"), float("inf"), 1e30]))
def test_what_stands_at_padding_changes_neither_losses_nor_gradients(batch, noise):
    def losses_and_gradients(logits):
        logits = {name: layer.clone().requires_grad_() for name, layer in logits.items()}
        losses = routing_losses(logits, batch["top_k"], batch["mask"], batch["domains"])
        gradients = torch.autograd.grad(sum(losses), list(logits.values()))
        return torch.stack(losses).detach(), torch.stack(gradients)

    spoilt = {name: logits.masked_fill(~batch["mask"][..., None], noise) for name, logits in batch["logits"].items()}
    for clean, other in zip(losses_and_gradients(batch["logits"]), losses_and_gradients(spoilt), strict=True):
        assert torch.equal(clean, other)


@given(batch=batches())
def test_a_layer_that_flattens_its_tokens_has_the_same_losses(batch):
    flat = {name: logits.reshape(-1, logits.shape[-1]) for name, logits in batch["logits"].items()}
    given_BS = (batch["top_k"], batch["mask"], batch["domains"])
    assert routing_losses(flat, *given_BS) == routing_losses(batch["logits"], *given_BS)
    per_token = (batch["top_k"], None, batch["domains"])
    assert routing_losses(flat, *per_token) == routing_losses(batch["logits"], *per_token)


@given(batch=batches(), more=st.integers(0, 5))
def test_more_padding_changes_nothing(batch, more):
    def padded(tensor, value):
        return torch.cat([tensor, torch.full((len(tensor), more, *tensor.shape[2:]), value, dtype=tensor.dtype)], 1)

    wider = routing_losses(
        {name: padded(logits, 7.0) for name, logits in batch["logits"].items()},
        batch["top_k"],
        padded(batch["mask"], False),
        padded(batch["domains"], 0),
    )
    same = routing_losses(batch["logits"], batch["top_k"], batch["mask"], batch["domains"])
    torch.testing.assert_close(torch.stack(wider), torch.stack(same), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_balance_is_one_when_experts_share_evenly_and_e_over_k_when_k_of_them_get_all(top_k):
    every = torch.eye(4, dtype=torch.float64)
    turns = torch.stack([sum(every[(first + n) % 4] for n in range(top_k)) for first in range(4)])[None] * 40
    assert float(routing_losses({"mlp": turns}, top_k).balance) == pytest.approx(1.0)
    collapsed = torch.where(torch.arange(4) < top_k, 40.0, 0.0).expand(1, 9, 4)
    assert float(routing_losses({"mlp": collapsed}, top_k).balance) == pytest.approx(4 / top_k)


def test_descending_the_balance_loss_spreads_a_collapsed_router():
    torch.manual_seed(0)
    x = torch.randn(1, 256, 8)
    router = (torch.randn(4, 8) * 0.1).requires_grad_()
    offset = torch.tensor([2.0, 0.0, 0.0, 0.0], requires_grad=True)
    optimiser = torch.optim.Adam([router, offset], lr=0.05)
    met = []
    for _ in range(60):
        optimiser.zero_grad()
        balance = routing_losses({"mlp": x @ router.T + offset}, 2).balance
        balance.backward()
        optimiser.step()
        met.append(float(balance.detach()))
    assert met[0] > 1.3
    assert met[-1] < 1.05


def test_a_label_a_sequence_is_the_label_of_each_of_its_tokens():
    logits = {"mlp": torch.randn(3, 5, 4, dtype=torch.float64)}
    domains = torch.tensor([2, UNKNOWN, 0])
    by_sequence = routing_losses(logits, 2, domains=domains)
    by_token = routing_losses(logits, 2, domains=domains[:, None].expand(3, 5))
    flat = routing_losses({"mlp": logits["mlp"].reshape(15, 4)}, 2, domains=domains)
    assert by_sequence == by_token == flat
    known = logits["mlp"].log_softmax(-1)
    assert float(by_sequence.domain) == pytest.approx(float(-(known[0, :, 2].sum() + known[2, :, 0].sum()) / 10))


def test_without_labels_the_domain_loss_is_zero_and_leaves_no_gradient():
    logits = torch.randn(2, 3, 4, requires_grad=True)
    assert float(routing_losses({"mlp": logits}, 2).domain) == 0
    unknown = routing_losses({"mlp": logits}, 2, domains=torch.tensor([UNKNOWN, UNKNOWN])).domain
    assert float(unknown.detach()) == 0
    assert not torch.autograd.grad(unknown, logits)[0].any()


@pytest.mark.parametrize("shape", [(0, 5), (2, 0), (2, 5)], ids=["no-sequence", "no-token", "all-padding"])
def test_a_batch_without_real_tokens_costs_nothing_and_has_gradients_of_zero(shape):
    logits = torch.randn(*shape, 4, requires_grad=True)
    losses = routing_losses({"mlp": logits}, 2, torch.zeros(shape, dtype=torch.long), torch.zeros(shape[0], dtype=int))
    assert [float(loss.detach()) for loss in losses] == [0, 0, 0]
    assert torch.equal(torch.autograd.grad(sum(losses), logits)[0], torch.zeros_like(logits))


def test_bfloat16_logits_are_judged_in_float32():
    logits = torch.randn(2, 3, 4).bfloat16()
    losses = routing_losses({"mlp": logits}, 2)
    assert {loss.dtype for loss in losses} == {torch.float32}
    assert losses == routing_losses({"mlp": logits.float()}, 2)


@pytest.mark.parametrize(
    ("logits", "top_k", "mask", "domains", "message"),
    [
        (None, 2, None, None, "No router logits"),
        ((2, 3, 4), 5, None, None, "top_k is 5"),
        ((2, 3, 4), 0, None, None, "top_k is 0"),
        ((2, 3, 4), 2, torch.ones(2, 4), None, r"\[2, 4\] of attention_mask"),
        ((2, 3, 4), 2, torch.ones(3, 2), None, r"\[3, 2\] of attention_mask"),
        ((2, 3, 4), 2, torch.ones(2, 1, 3, 3), None, "give one value a token"),
        ((6, 4), 2, torch.ones(2, 4), None, r"\[2, 4\] of attention_mask"),
        ((6, 4), 2, None, torch.zeros(4, dtype=torch.long), "of domains"),
        ((4,), 2, None, None, r"have shape \[4\]"),
        ((2, 3, 4), 2, None, torch.tensor([0, 4]), "Domain 4 is out of range"),
        ((2, 3, 4), 2, None, torch.tensor([-2, 0]), "Domain -2 is out of range"),
        ((2, 3, 4), 2, None, torch.tensor([0.0, 1.0]), "torch.float32"),
        ((2, 3, 4), 2, None, torch.tensor([True, False]), "torch.bool"),
        ((2, 3, 4), 2, None, torch.tensor([0, 1, 2]), r"Domains have shape \[3\]"),
        ((2, 3, 4), 2, torch.ones(2, 3), torch.zeros(2, 4, dtype=torch.long), r"Domains have shape \[2, 4\]"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_value(logits, top_k, mask, domains, message):
    collected = {} if logits is None else {"layers.0.mlp": torch.zeros(logits)}
    with pytest.raises(ValueError, match=message):
        routing_losses(collected, top_k, mask, domains)


def test_domains_by_name_are_the_numbers_of_experts_and_other_names_are_refused():
    experts = ("psychology", "mental_health", "bias_detection")
    assert domain_labels(["bias_detection", None, "psychology"], experts).tolist() == [2, UNKNOWN, 0]
    assert domain_labels([], experts).shape == (0,)
    with pytest.raises(ValueError, match="'surgery': use one of psychology, mental_health"):
        domain_labels(["surgery"], experts)


def test_a_wrong_label_that_nobody_may_look_at_makes_the_domain_loss_nan_and_no_other():
    # On an accelerator looking would make the host wait; a compiled graph is where a CPU doesn't look either.
    compiled = torch.compile(routing_losses, backend="eager", fullgraph=True)
    logits = {"mlp": torch.randn(2, 3, 4)}
    right = compiled(logits, 2, None, torch.tensor([0, 3]))
    assert right == routing_losses(logits, 2, None, torch.tensor([0, 3]))
    wrong = compiled(logits, 2, None, torch.tensor([0, 4]))
    assert torch.isnan(wrong.domain)
    assert wrong[:2] == right[:2]


VOCABULARY, DOMAINS, WORDS = 48, 4, 12


def tuned(**settings):
    """A tiny Llama with experts in both FFNs; the same every time."""
    torch.manual_seed(11)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    base = LlamaForCausalLM(LlamaConfig(vocab_size=VOCABULARY, max_position_embeddings=32, **sizes))
    settings = {"r": 4, "lora_alpha": 8, "lora_dropout": 0.1, "init_weights": False, **settings}
    return get_peft_model(base, MoeLoraConfig(**settings))


def spoken(sequences, seed):
    """Sequences of four vocabularies that share no word, with padding, and the domain of each."""
    generator = torch.Generator().manual_seed(seed)
    domains = torch.arange(sequences) % DOMAINS
    words = torch.randint(0, WORDS, (sequences, 8), generator=generator)
    mask = torch.arange(8) < torch.randint(4, 9, (sequences, 1), generator=generator)
    return (words + WORDS * domains[:, None]).masked_fill(~mask, 0), mask.long(), domains


def one_step(*, checkpointed):
    """Losses and gradients of one forward and backward."""
    model = tuned(domain_weight=0.5, balance_weight=0.3, z_weight=0.2)
    model.train()
    if checkpointed:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    ids, mask, domains = spoken(6, 0)
    torch.manual_seed(5)
    outputs = model(input_ids=ids, attention_mask=mask, labels=ids.masked_fill(mask == 0, -100), use_cache=False)
    losses = routing_losses(routing_of(model), 2, mask, domains)
    total_loss(model, outputs.loss, mask, domains).backward()
    again = routing_losses(routing_of(model), 2, mask, domains)  # after what was recomputed for the backward pass
    gradients = {name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad}
    return losses, again, gradients


@pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing:FutureWarning")
def test_activation_checkpointing_changes_neither_losses_nor_gradients():
    losses, _, gradients = one_step(checkpointed=False)
    repeated, again, others = one_step(checkpointed=True)
    assert repeated == losses == again
    assert gradients.keys() == others.keys()
    assert any("router" in name for name in gradients)
    for name, gradient in gradients.items():
        torch.testing.assert_close(others[name], gradient, msg=name, rtol=1e-6, atol=1e-8)


def test_the_total_is_the_weighted_sum_and_a_weight_of_zero_leaves_a_loss_out_of_the_graph():
    ids, mask, domains = spoken(4, 1)
    bias = torch.tensor(7.0)
    model = tuned(balance_weight=0.25, z_weight=0.5, domain_weight=2.0, bias_weight=3.0)
    model.train()
    lm_loss = model(input_ids=ids, attention_mask=mask, labels=ids).loss
    losses = routing_losses(routing_of(model), 2, mask, domains)
    expected = lm_loss + 0.25 * losses.balance + 0.5 * losses.z + 2 * losses.domain + 3 * bias
    assert float((total_loss(model, lm_loss, mask, domains, bias_loss=bias) - expected).detach()) == pytest.approx(0)

    bare = tuned(balance_weight=0.0, z_weight=0.0, domain_weight=0.0, bias_weight=0.0)
    lm_loss = bare(input_ids=ids, labels=ids).loss
    assert total_loss(bare, lm_loss, mask, domains, bias_loss=bias) is lm_loss


def test_a_bias_weight_of_zero_leaves_every_gradient_of_the_adapter_as_it_is_bit_for_bit():
    def gradients(head):
        model = tuned()
        ids, mask, domains = spoken(4, 2)
        torch.manual_seed(6)
        model.train()
        outputs = model(input_ids=ids, attention_mask=mask, labels=ids, output_hidden_states=True)
        bias = head and head.loss(head(outputs.hidden_states[-1], mask), torch.tensor([1, 0, 1, 0]))
        total_loss(model, outputs.loss, mask, domains, bias_loss=bias).backward()
        return [weight.grad.view(torch.int32) for weight in model.parameters() if weight.requires_grad]

    assert all(torch.equal(one, other) for one, other in zip(gradients(BiasHead(32)), gradients(None), strict=True))


def test_a_model_without_routed_experts_is_refused_with_what_to_do():
    ids, mask, _ = spoken(2, 1)
    model = tuned()
    model.eval()
    lm_loss = model(input_ids=ids, labels=ids).loss
    with pytest.raises(BadInput, match="run a forward in training mode"):
        total_loss(model, lm_loss, mask)
    with pytest.raises(BadInput, match="'other' was asked for"):
        total_loss(model, lm_loss, mask, adapter="other")
    with pytest.raises(BadInput, match="wrap the model by get_peft_model"):
        total_loss(LlamaForCausalLM(model.config), lm_loss, mask)


def test_where_nothing_is_routed_the_losses_of_routing_are_absent():
    ids, mask, domains = spoken(2, 1)
    single, fixed = tuned(experts=["only"], top_k=1).train(), tuned().train()
    set_mixture(fixed, {"psychology": 0.5, "mental_health": 0.5})
    for model in (single, fixed):
        lm_loss = model(input_ids=ids, labels=ids).loss
        assert total_loss(model, lm_loss, mask, domains) is lm_loss
    with pytest.raises(BadInput, match="one expert or a fixed mixture routes nothing"):
        routing_losses(routing_of(single), 1, mask)
    set_mixture(fixed, None)
    with pytest.raises(BadInput, match="has noted no routing"):
        total_loss(fixed, lm_loss, mask)


def held_out_information(domain_weight):
    """Mutual information between domain and expert on texts never trained on, and the load, after training so weighted."""
    model = tuned(domain_weight=domain_weight, init_weights=True)
    optimiser = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=0.02)
    model.train()
    for step in range(60):
        ids, mask, domains = spoken(16, 100 + step)
        labels = ids.masked_fill(mask == 0, -100)
        lm_loss = model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False).loss
        optimiser.zero_grad()
        total_loss(model, lm_loss, mask, domains).backward()
        optimiser.step()
    model.eval()
    ids, mask, domains = spoken(64, 1)
    with recording(model), torch.no_grad():
        model(input_ids=ids, attention_mask=mask)
        metrics = RoutingMetrics(MoeLoraConfig().experts, 2).add(routing_of(model), mask, domains)
    return metrics.read().whole


def test_with_domain_labels_routing_follows_the_inputs_domain_and_without_them_it_does_so_less():
    taught, untaught = held_out_information(0.5), held_out_information(0.0)
    assert taught.information_nats > 0.8 * math.log(DOMAINS)
    assert untaught.information_nats < 0.5 * math.log(DOMAINS)
    assert max(taught.load) < 0.4
