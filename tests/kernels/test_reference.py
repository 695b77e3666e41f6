"""The reference is MixLoRA's function, to rounding: the base down product runs once instead of k times, and nothing changes."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels.dropout import draw_seed, keep_mask
from kernels.names import ACTIVATIONS
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
