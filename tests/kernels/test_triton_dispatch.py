"""Dispatch is the reference's function too, for few experts and many, however tokens are spread over them."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.dispatch.turns import spread, take_turns
from kernels.router import chosen, weigh
from kernels.swiglu import Pairs
from tests.kernels.hidden import Case, errors, far_row, in_float64, operands, run, seed, with_gradients

triton_needed = pytest.mark.usefixtures("needs_triton")
SMALL = Case(5, 37, 5, 4, 2, p=0.1)
CASES = [
    Case(33, 70, 3, 16, 2, p=0.1),
    Case(1, 20, 4, 2, 1, gated=False),
    Case(3, 530, 2, 4, 1, "gelu_tanh", p=0.5),  # two slices of features
    Case(520, 5, 2, 1, 1, "relu", gated=False, p=0.1),  # two slices of tokens
    Case(4, 19, 1, 3, 1),
    Case(9, 33, 9, 17, 3, "quick_gelu", p=0.5),
    Case(5, 20, 4, 4, 4, "gelu", gated=False),
    Case(20, 21, 8, 3, 2, skew=60.0),  # all tokens on one expert, and its companions weigh nothing
    Case(12, 18, 64, 2, 2, p=0.1),
]


@triton_needed
@pytest.mark.parametrize("case", CASES, ids=str)
def test_outputs_and_every_gradient_are_the_references(case, poisoned):
    assert max(errors(case, operands(case), "dispatch").values()) <= 1e-5


@triton_needed
@pytest.mark.parametrize("case", [replace(SMALL, tokens=0), replace(SMALL, features=0)], ids=str)
def test_nothing_gives_nothing_and_zero_gradients(case):
    found = with_gradients(case, operands(case), "dispatch")
    assert found["hidden"].shape == (case.tokens, case.features)
    assert found["z_down"].shape == (case.tokens, case.experts, case.rank)
    assert not any(tensor.any() for tensor in found.values())


@triton_needed
def test_two_runs_give_the_same_bits():
    case = Case(20, 40, 4, 4, 2, p=0.1)
    first, second = (with_gradients(case, operands(case), "dispatch") for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@triton_needed
def test_bfloat16_is_within_its_rounding():
    case = Case(9, 40, 4, 16, 2, p=0.1)
    assert max(errors(case, operands(case, dtype=torch.bfloat16), "dispatch").values()) <= 2e-2


@triton_needed
def test_without_a_seed_nothing_is_dropped():
    without = with_gradients(SMALL, operands(SMALL), "dispatch", seeded=False)
    expected = with_gradients(replace(SMALL, p=0.0), operands(SMALL), "dispatch")
    assert all(torch.equal(without[name], expected[name]) for name in expected)


@triton_needed
def test_any_strides_are_taken(poisoned):
    numbers = operands(SMALL)
    expected = in_float64(SMALL, numbers)
    found = with_gradients(SMALL, {name: tensor.mT.contiguous().mT for name, tensor in numbers.items()}, "dispatch")
    for name, sought in expected.items():
        assert (found[name] - sought).norm() <= 1e-5 * sought.norm()


@triton_needed
def test_an_expert_a_token_does_not_use_cannot_reach_it():
    numbers = operands(SMALL)
    numbers["weights"] = torch.nn.functional.one_hot(torch.tensor([1, 0, 4, 1, 2]), 5).float()
    expected = with_gradients(SMALL, numbers, "dispatch")
    unused = (numbers["weights"] == 0)[:, :, None]
    found = with_gradients(SMALL, numbers | {"z_up": torch.where(unused, float("nan"), numbers["z_up"])}, "dispatch")
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@triton_needed
def test_a_token_whose_weights_are_nan_is_nan_and_no_other():
    case = replace(SMALL, p=0.0)
    numbers = operands(case)
    expected = run(case, numbers, "dispatch")[0]
    numbers["weights"][2] = float("nan")
    hidden = run(case, numbers, "dispatch")[0]
    assert hidden[2].isnan().all()
    assert torch.equal(hidden[[0, 1, 3, 4]], expected[[0, 1, 3, 4]])


@triton_needed
def test_a_stack_too_wide_for_registers_is_dispatched():
    case = Case(3, 10, 9, 64, 2)
    wide, dispatched = (run(case, operands(case), way) for way in ("triton", "dispatch"))
    assert all(torch.equal(one, other) for one, other in zip(wide, dispatched, strict=True))
    assert max(errors(case, operands(case), "triton").values()) <= 1e-5


@triton_needed
def test_the_operator_keeps_torchs_rules_of_operators():
    from kernels.dispatch import triton

    numbers = {name: tensor.requires_grad_() for name, tensor in operands(SMALL).items()}
    names = ("gate", "up", "z_gate", "z_up", "b_gate", "b_up", "a_down", "weights")
    flat = (*(numbers[name] for name in names), 1.7, "silu", 2, seed(), 0.1)
    assert set(torch.library.opcheck(triton.forward, flat).values()) == {"SUCCESS"}


@triton_needed
def test_it_compiles_into_one_graph_with_its_gradients():
    numbers = {name: tensor.requires_grad_() for name, tensor in operands(SMALL).items()}
    compiled = torch.compile(lambda: run(SMALL, numbers, "dispatch"), fullgraph=True, backend="aot_eager")
    both = [
        (*outputs, *torch.autograd.grad(outputs[0].sum() + outputs[1].sum(), list(numbers.values())))
        for outputs in (compiled(), run(SMALL, numbers, "dispatch"))
    ]
    assert all(torch.equal(found, expected) for found, expected in zip(*both, strict=True))


@triton_needed
def test_operands_that_do_not_fit_are_named():
    from kernels.dispatch import triton

    numbers = operands(SMALL)
    pairs = Pairs(numbers["z_up"], numbers["b_up"], numbers["a_down"], numbers["z_gate"], numbers["b_gate"])
    with pytest.raises(ValueError, match="from 1 to its 5 experts, not 6"):
        triton.routed_hidden(numbers["gate"], numbers["up"], pairs, numbers["weights"], 1.7, "silu", 6)


@settings(max_examples=100)
@given(
    tokens=st.integers(1, 200),
    experts=st.integers(1, 64),
    block=st.sampled_from([16, 64]),
    share=st.floats(0, 1),
    skew=st.sampled_from([0.0, 5.0, 100.0]),
    number=st.integers(0, 2**31),
)
def test_every_token_meets_each_of_its_experts_once_in_blocks_of_one_expert(
    tokens, experts, block, share, skew, number
):
    generator = torch.Generator().manual_seed(number)
    logits = torch.randn(tokens, experts, generator=generator)
    logits[:, -1] += skew
    top_k = max(1, round(share * experts))
    weights = weigh(logits.double(), top_k)
    turns = take_turns(weights, top_k, block)
    met = torch.zeros(tokens, experts, dtype=torch.int64)
    for turn in range(top_k):
        this_turn = torch.zeros(tokens, dtype=torch.int64)
        for owner, first in zip(turns.owners_KB[turn].tolist(), turns.firsts_KB[turn].tolist(), strict=True):
            if owner < experts:
                end = min(first + block, int(turns.starts_KE1[turn, owner + 1]))
                rows = turns.order_KT[turn, first:end]
                assert len(rows) > 0
                assert (turns.experts_KT[turn, rows] == owner).all()
                met[rows, owner] += 1
                this_turn[rows] += 1
        assert (this_turn == 1).all()
    assert torch.equal(met.bool(), chosen(logits.double(), top_k))
    assert met.max() == 1


def test_turns_are_taken_without_looking_at_a_number():
    turns = take_turns(
        torch.empty(70, 9, device="meta"), 3, 16
    )  # a tensor of shape alone: there is nothing to wait for
    assert turns.order_KT.shape == (3, 70)
    assert turns.owners_KB.shape == turns.firsts_KB.shape == (3, 5 + 9)


def test_what_turns_gave_is_put_where_its_expert_is():
    weights = torch.tensor([[0.5, 0.0, 0.5], [0.0, 0.3, 0.7]])
    turns = take_turns(weights, 2, 16)
    values = torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]])  # turn, token
    assert spread(values, turns, 3)[:, :, 0].tolist() == [[1.0, 0.0, 3.0], [0.0, 2.0, 4.0]]


@triton_needed
@pytest.mark.gpu
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)], ids=["fp32", "bf16"])
@pytest.mark.parametrize("case", [*CASES, Case(2048, 14336, 64, 16, 4, p=0.1), Case(300, 4097, 32, 40, 2)], ids=str)
def test_on_a_gpu_they_are_the_references_too(case, dtype, tolerance):
    assert max(errors(case, operands(case, "cuda", dtype), "dispatch").values()) <= tolerance


@triton_needed
@pytest.mark.gpu
def test_rows_beyond_what_32_bits_address_are_computed_too():
    far, alone = far_row("dispatch")
    assert (far - alone).norm() <= 2e-2 * alone.norm()
