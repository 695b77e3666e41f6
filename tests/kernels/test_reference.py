"""The reference is MixLoRA's function, to rounding: the base down product runs once instead of k times, and nothing changes."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels.dropout import draw_seed, keep_mask
from kernels.linear import add_routed
from kernels.linear.reference import routed_linear
from kernels.names import ACTIVATIONS
from kernels.shrink import route_and_shrink
from kernels.swiglu import activate
from tests.kernels import literal
from tests.kernels.ffn import made, routed

TOLERANCE = 1e-12


def far(found: Tensor, expected: Tensor) -> float:
    """‖found - expected‖ / ‖expected‖, and the plain norm where nothing is expected."""
    size = float(expected.detach().norm())
    return float((found - expected).detach().norm()) / (size or 1.0)


@st.composite
def cases(draw):
    experts = draw(st.integers(1, 8))
    return {
        "experts": experts,
        "top_k": draw(st.integers(1, experts)),
        "rank": draw(st.integers(1, 9)),
        "width": draw(st.integers(1, 24)),
        "inner": draw(st.integers(1, 40)),
        "tokens": draw(st.sampled_from([0, 1, 2, 7, 33])),
        "gated": draw(st.booleans()),
        "activation": draw(st.sampled_from(ACTIVATIONS)),
        "skew": draw(st.sampled_from([0.0, 1.0, 30.0])),
        "p": draw(st.sampled_from([0.0, 0.1, 0.5])),
        "seed": draw(st.integers(0, 2**31)),
    }


@settings(max_examples=300)
@given(case=cases())
def test_output_and_every_gradient_are_those_of_a_literal_mixlora(case):
    torch.manual_seed(case["seed"])
    ffn = made(case["experts"], case["rank"], case["width"], case["inner"], gated=case["gated"])
    with torch.no_grad():  # a large skew leaves most experts without any token
        ffn.router[0] += case["skew"] * torch.randn(case["width"], dtype=torch.float64).abs()
    x = torch.randn(case["tokens"], case["width"], dtype=torch.float64).abs().requires_grad_()
    seeds = (draw_seed("cpu"), draw_seed("cpu"))
    p, act = case["p"], partial(activate, activation=case["activation"])
    masks = tuple(
        keep_mask(len(x), width, seed, p).double() / (1 - p)
        for width, seed in zip((case["width"], case["inner"]), seeds, strict=True)
    )
    towards = torch.randn(case["tokens"], case["width"], dtype=torch.float64)
    expected = literal.forward(x, ffn, case["top_k"], 2.0, act, masks)
    wanted = torch.autograd.grad(expected, [x, *ffn.trained()], towards)

    y = routed(x, ffn, case["top_k"], 2.0, case["activation"], seeds, p)
    gradients = torch.autograd.grad(y, [x, *ffn.trained()], towards)

    assert far(y, expected) <= TOLERANCE
    # Where routing is settled (k = 1, one logit far above the rest) the router's gradient is the rounding of a sum that
    # cancels: it is judged by the size of what cancels.
    cancelling = float(towards.norm() * x.detach().norm() * expected.detach().norm().clamp(min=1.0))
    for found, sought in zip(gradients, wanted, strict=True):
        size = max(float(sought.norm()), cancelling if sought is wanted[-1] else 0.0)
        assert float((found - sought).norm()) <= TOLERANCE * size


@settings(max_examples=100)
@given(case=cases())
def test_one_routed_linear_layer_is_each_experts_own_lora_weighed(case):
    torch.manual_seed(case["seed"])
    experts, rank, width, out = case["experts"], case["rank"], case["width"], case["inner"]
    shapes = ((case["tokens"], width), (out, width), (experts, rank, width), (experts, out, rank), (experts, width))
    x, base, a, b, router = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes)
    seed, p = draw_seed("cpu"), case["p"]
    mask = keep_mask(len(x), width, seed, p).double() / (1 - p)
    top, chosen = (x @ router.T).softmax(-1).topk(case["top_k"])
    top = top / top.sum(-1, keepdim=True)
    expected = x @ base.T
    for expert in range(experts):
        token, slot = torch.where(chosen == expert)
        part = 2.0 * ((x * mask)[token] @ a[expert].T) @ b[expert].T
        expected = expected.index_add(0, token, top[token, slot, None] * part)
    towards = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, [x, base, a, b, router], towards)

    _, weights, z = route_and_shrink(x, router, a.flatten(0, 1), case["top_k"], seed, p)
    composed = add_routed(x @ base.T, z.reshape(-1, experts, rank), b, weights, 2.0)
    stated = routed_linear(x @ base.T, x, a, b, weights, 2.0, seed, p)

    assert far(composed, expected) <= TOLERANCE
    assert far(stated, expected) <= TOLERANCE
    for y in (composed, stated):
        found = torch.autograd.grad(y, [x, base, a, b, router], towards, retain_graph=True)
        for gradient, sought in zip(found, wanted, strict=True):
            size = max(float(sought.norm()), 1e-2 * float(towards.norm() * x.detach().norm()))
            assert float((gradient - sought).norm()) <= TOLERANCE * size


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_a_mask_drops_as_many_as_it_should_and_rows_and_columns_are_independent(p):
    kept = keep_mask(2048, 1024, torch.tensor([7**20]), p).double()
    spread = (p * (1 - p)) ** 0.5
    assert abs(kept.mean() - (1 - p)) < 5 * spread / kept.numel() ** 0.5
    for way, length in ((0, 2048), (1, 1024)):
        assert (kept.mean(way) - (1 - p)).abs().max() < 6 * spread / length**0.5
    centred = (kept - (1 - p)) / spread
    for across in (centred @ centred.T / 1024, centred.T @ centred / 2048):
        off = across - torch.diag(across.diagonal())
        assert off.abs().max() < 7 / (1024 if across.shape[0] == 2048 else 2048) ** 0.5


def test_another_seed_draws_another_mask_and_the_same_seed_the_same():
    first = keep_mask(64, 64, torch.tensor([1]), 0.5)
    assert torch.equal(first, keep_mask(64, 64, torch.tensor([1]), 0.5))
    for other in (2, 1 + 2**32, 2**62 - 1):
        agreeing = (first == keep_mask(64, 64, torch.tensor([other]), 0.5)).double().mean()
        assert 0.4 < agreeing < 0.6
