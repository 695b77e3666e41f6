"""The figures of a router are those of a plain count, however the batches were cut."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ml.moe_lora.losses import UNKNOWN
from ml.moe_lora.metrics import RoutingMetrics, mutual_information

EXPERTS = ("psychology", "mental_health", "bias_detection", "general_therapeutic")


def information(pairs):
    """Miller and Madow's estimate from a list of (domain, expert)."""

    def entropy(items):
        counts = np.unique(np.array(items), axis=0, return_counts=True)[1]
        p = counts / counts.sum()
        return -(p * np.log(p)).sum() + (len(counts) - 1) / (2 * len(items))

    if not pairs:
        return None
    return entropy([d for d, _ in pairs]) + entropy([e for _, e in pairs]) - entropy(pairs)


def plainly(logits_NE, domains_N, top_k):
    p = np.exp(logits_NE - logits_NE.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    ranked = np.argsort(-logits_NE, axis=1, kind="stable")[:, :top_k]
    labelled = [(int(d), row) for d, row in zip(domains_N, ranked, strict=True) if d != UNKNOWN]
    return {
        "entropy": -(p * np.log(p)).sum(1).mean(),
        "load": np.bincount(ranked.ravel(), minlength=4) / ranked.size,
        "first": information([(d, int(row[0])) for d, row in labelled]),
        "slots": information([(d, int(e)) for d, row in labelled for e in row]),
    }


@st.composite
def streams(draw):
    """Some batches of one layer, at least one real token among them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    batches = []
    for _ in range(draw(st.integers(1, 4))):
        shape = (draw(st.integers(1, 3)), draw(st.integers(1, 6)))
        mask = rng.random(shape) < draw(st.sampled_from([0.3, 1.0]))
        mask[0, 0] = True
        batches.append((rng.normal(size=(*shape, 4)) * 3, mask, rng.integers(UNKNOWN, 4, size=shape)))
    return batches, draw(st.integers(1, 4))


def counted(batches, top_k, names=("layers.0.mlp",)):
    metrics = RoutingMetrics(EXPERTS, top_k)
    for logits, mask, domains in batches:
        layers = {name: torch.tensor(logits) for name in names}
        metrics.add(layers, torch.tensor(mask), torch.tensor(domains))
    return metrics.read()


@given(stream=streams())
def test_figures_are_those_of_a_plain_count_over_all_batches(stream):
    batches, top_k = stream
    logits = np.concatenate([logits[mask] for logits, mask, _ in batches])
    domains = np.concatenate([domains[mask] for _, mask, domains in batches])
    report, plain = counted(batches, top_k), plainly(logits, domains, top_k)
    assert (report.tokens, report.labelled) == (len(logits), int((domains != UNKNOWN).sum()))
    figures = report.by_layer["layers.0.mlp"]
    assert figures.entropy_nats == pytest.approx(plain["entropy"], abs=1e-12)
    assert figures.load == pytest.approx(plain["load"])
    for found, expected in (
        (figures.information_nats, plain["first"]),
        (figures.information_slots_nats, plain["slots"]),
    ):
        assert found == (None if expected is None else pytest.approx(expected, abs=1e-12))


@given(stream=streams())
def test_figures_stay_within_what_can_be(stream):
    batches, top_k = stream
    whole = counted(batches, top_k).whole
    assert 0 <= whole.entropy_nats <= math.log(4) + 1e-12
    assert whole.entropy_share == pytest.approx(whole.entropy_nats / math.log(4))
    assert sum(whole.load) == pytest.approx(1)
    assert max(whole.load) <= 1 / top_k + 1e-12
    if top_k == 4 and whole.information_slots_nats is not None:
        assert whole.information_slots_nats <= 1e-12  # every expert has every token


@given(stream=streams())
def test_the_whole_is_the_mean_of_the_layers(stream):
    batches, top_k = stream
    metrics = RoutingMetrics(EXPERTS, top_k)
    for logits, mask, domains in batches:
        layers = {"one": torch.tensor(logits), "two": torch.tensor(-logits)}
        metrics.add(layers, torch.tensor(mask), torch.tensor(domains))
    report = metrics.read()
    one, two = report.by_layer["one"], report.by_layer["two"]
    assert report.whole.entropy_nats == pytest.approx((one.entropy_nats + two.entropy_nats) / 2)
    assert report.whole.load == pytest.approx([(a + b) / 2 for a, b in zip(one.load, two.load, strict=True)])
    if report.labelled:
        both = (one.information_nats + two.information_nats) / 2
        assert report.whole.information_nats == pytest.approx(both, abs=1e-12)


def test_an_expert_of_its_own_for_each_domain_is_all_the_information_there_is():
    domains = torch.arange(4).repeat(500)[:, None]
    logits = 9.0 * torch.nn.functional.one_hot(domains, 4)
    report = RoutingMetrics(EXPERTS, 1).add({"mlp": logits}, domains=domains).read()
    assert report.whole.information_nats == pytest.approx(math.log(4), abs=0.002)
    assert report.whole.load == (0.25, 0.25, 0.25, 0.25)


def test_the_correction_takes_away_what_chance_adds():
    rng = np.random.default_rng(5)
    plain, corrected = [], []
    for _ in range(400):
        table = torch.tensor(np.bincount(rng.integers(0, 16, 60), minlength=16).reshape(4, 4))
        p = table.numpy() / 60
        expected = p.sum(1, keepdims=True) * p.sum(0, keepdims=True)
        plain.append((p[p > 0] * np.log(p[p > 0] / expected[p > 0])).sum())
        corrected.append(mutual_information(table))
    assert np.mean(plain) > 0.07
    assert abs(np.mean(corrected)) < 0.02


def test_information_without_a_labelled_token_is_unknown_not_zero():
    report = RoutingMetrics(EXPERTS, 2).add({"mlp": torch.randn(2, 3, 4)}).read()
    assert (report.tokens, report.labelled, report.whole.information_nats) == (6, 0, None)
    assert mutual_information(torch.zeros(4, 4, dtype=torch.int64)) is None


def test_a_single_expert_has_no_entropy_to_share():
    report = RoutingMetrics(["only"], 1).add({"mlp": torch.randn(2, 3, 1)}).read()
    assert (report.whole.entropy_nats, report.whole.entropy_share, report.whole.load) == (0.0, 0.0, (1.0,))


def test_there_may_be_more_domains_than_experts():
    domains = torch.arange(6)[:, None]
    metrics = RoutingMetrics(EXPERTS, 1, domains=6)
    assert metrics.add({"mlp": torch.randn(6, 1, 4)}, domains=domains).read().labelled == 6
    with pytest.raises(ValueError, match="Domain 6 is out of range"):
        metrics.add({"mlp": torch.randn(1, 1, 4)}, domains=torch.tensor([6]))


def test_what_cannot_be_counted_is_refused_with_its_value():
    with pytest.raises(ValueError, match="top_k is 5"):
        RoutingMetrics(EXPERTS, 5)
    with pytest.raises(ValueError, match="No real token"):
        RoutingMetrics(EXPERTS, 2).read()
    with pytest.raises(ValueError, match="logits for 3 experts, and 4 were named"):
        RoutingMetrics(EXPERTS, 2).add({"mlp": torch.randn(1, 2, 3)})
    padding = RoutingMetrics(EXPERTS, 2).add({"mlp": torch.randn(1, 2, 4)}, torch.zeros(1, 2))
    with pytest.raises(ValueError, match="No real token"):
        padding.read()
