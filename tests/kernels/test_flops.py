"""What each way of computing a routed FFN costs: torch's own counter says what the formulas say."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.bench.counting import Flops, floor_s, flops, parts
from kernels.bench.counts import base_ratio, counted_ffn
from kernels.bench.ffn import FFN
from kernels.bench.running import SUBJECTS
from kernels.bench.shapes import DESIGN, TINY, Shape

CPU = torch.device("cpu")
HERE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
COUNTED = [name for name in (one.name for one in FFN.contenders) if name not in ("triton", "torch.compile")]


@st.composite
def shapes(draw):
    experts = draw(st.integers(2, 7))
    return Shape(
        "drawn",
        tokens=draw(st.integers(8, 50)),
        width=draw(st.sampled_from([16, 40])),
        inner=draw(st.sampled_from([24, 56])),
        experts=experts,
        rank=draw(st.sampled_from([8, 16])),
        top_k=draw(st.integers(1, experts)),
    )


@pytest.mark.parametrize("name", COUNTED)
@settings(max_examples=6)
@given(shape=shapes(), trained=st.booleans())
def test_formula_of_every_contender_is_what_torch_counts(name, shape, trained):
    assert counted_ffn(name, shape, CPU, trained=trained) == flops(name, shape, trained=trained)


@settings(max_examples=8)
@given(shape=shapes())
def test_base_products_are_exactly_those_of_the_frozen_ffn_for_every_k(shape):
    dense = 3 * 2 * shape.tokens * shape.width * shape.inner
    for top_k in range(1, shape.experts + 1):
        at_k = replace(shape, top_k=top_k)
        assert counted_ffn("reference", at_k, CPU, trained=False).base == dense
        assert base_ratio("reference", at_k, CPU) == 1.0


@pytest.mark.parametrize("top_k", range(1, TINY.experts + 1))
def test_triton_leaves_the_base_products_alone_too(top_k, needs_triton):
    assert base_ratio("triton", replace(TINY, top_k=top_k, tokens=9), HERE) == 1.0


@pytest.mark.parametrize("top_k", [1, 2, 4])
def test_mixlora_pays_for_the_down_product_once_a_choice(top_k):
    assert base_ratio("MixLoRA", replace(TINY, top_k=top_k), CPU) == pytest.approx((2 + top_k) / 3)


def test_at_the_size_it_was_made_for_routing_adds_two_percent():
    frozen, ours, theirs = (flops(name, DESIGN, trained=False) for name in ("frozen", "triton", "MixLoRA"))
    assert frozen == Flops(5_772_436_045_824, 0)
    assert 1.020 < ours.total / frozen.total < 1.021
    assert 1.33 < theirs.total / frozen.total < 1.35


@pytest.mark.parametrize("trained", [False, True])
def test_no_pass_over_memory_needs_more_than_its_implementation_multiplies(trained):
    needed = sum(part.flops for part in parts("ffn", DESIGN, trained=trained))
    assert flops("frozen", DESIGN, trained=trained).total < needed <= flops("triton", DESIGN, trained=trained).total


def test_the_routed_hidden_layer_moves_what_a_plain_one_moves_to_a_percent():
    routed, plain = (parts("routed_hidden", DESIGN, trained=False, plain=way)[0].moved for way in (False, True))
    assert plain == 3 * DESIGN.tokens * DESIGN.inner * 2
    assert plain < routed < 1.01 * plain


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_every_subject_has_a_floor_and_backward_raises_it(subject):
    forward, both = (floor_s(parts(subject.name, DESIGN, trained=way), 1e15, 4e12) for way in (False, True))
    assert 0 < forward < both


def test_a_floor_is_the_slower_of_computing_and_moving_pass_by_pass():
    work = parts("linear", DESIGN, trained=False)
    assert floor_s(work, 1.0, 1e30) == pytest.approx(sum(part.flops for part in work))
    assert floor_s(work, 1e30, 1.0) == pytest.approx(sum(part.moved for part in work))
