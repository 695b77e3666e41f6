"""The dense kernels of the routed hidden layer are the reference's function: in Triton's interpreter, and on a GPU if one is there."""

from dataclasses import replace

import pytest
import torch

from kernels.names import ACTIVATIONS
from kernels.swiglu import Pairs
from tests.kernels.hidden import Case, errors, far_row, in_float64, operands, run, seed, with_gradients

pytestmark = pytest.mark.usefixtures("needs_triton")
SMALL = Case(5, 37, 4, 4, 2, p=0.1)
CASES = [
    Case(37, 70, 4, 16, 2, p=0.1),
    Case(1, 45, 1, 1, 1),
    Case(6, 530, 4, 4, 2, "gelu_tanh", p=0.5),  # two slices of features
    Case(520, 5, 3, 1, 1, "relu", gated=False, p=0.1),  # two slices of tokens
    Case(16, 64, 2, 17, 1, p=0.5),
    Case(9, 33, 9, 4, 3, "quick_gelu"),
    Case(7, 20, 5, 4, 5, "gelu", gated=False),
    Case(6, 18, 6, 1, 4, p=0.1),
    Case(3, 19, 7, 2, 1, gated=False),
    Case(20, 21, 8, 3, 2, skew=60.0),  # all tokens on one expert, and its companions weigh nothing
    Case(2, 1, 3, 5, 3, "quick_gelu", gated=False, p=0.5),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_outputs_and_every_gradient_are_the_references(case, poisoned):
    assert max(errors(case, operands(case), "triton").values()) <= 1e-5


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("gated", [True, False])
def test_every_activation_keeps_its_slope_far_from_zero_too(activation, gated, poisoned):
    case = replace(SMALL, activation=activation, gated=gated)
    given = operands(case)
    for name in ("gate", "up"):
        if given[name] is not None:
            given[name] = 20 * given[name]
    assert max(errors(case, given, "triton").values()) <= 1e-5


@pytest.mark.parametrize("case", [replace(SMALL, tokens=0), replace(SMALL, features=0)], ids=str)
def test_nothing_gives_nothing_and_zero_gradients(case):
    found = with_gradients(case, operands(case), "triton")
    assert found["hidden"].shape == (case.tokens, case.features)
    assert found["z_down"].shape == (case.tokens, case.experts, case.rank)
    assert not any(tensor.any() for tensor in found.values())


def test_two_runs_give_the_same_bits():
    case = Case(40, 300, 4, 4, 2, p=0.1)
    first, second = (with_gradients(case, operands(case), "triton") for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_bfloat16_is_read_and_rounded_once():
    case = Case(19, 70, 4, 16, 2, p=0.1)
    assert max(errors(case, operands(case, dtype=torch.bfloat16), "triton").values()) <= 2e-2


def test_without_a_seed_nothing_is_dropped():
    without = with_gradients(SMALL, operands(SMALL), "triton", seeded=False)
    expected = with_gradients(replace(SMALL, p=0.0), operands(SMALL), "triton")
    assert all(torch.equal(without[name], expected[name]) for name in expected)


def test_any_strides_are_taken(poisoned):
    given = operands(SMALL)
    expected = in_float64(SMALL, given)
    strided = {name: tensor.mT.contiguous().mT for name, tensor in given.items()}
    assert not strided["up"].is_contiguous()
    found = with_gradients(SMALL, strided, "triton")
    for name, sought in expected.items():
        assert (found[name] - sought).norm() <= 1e-5 * sought.norm()


def test_an_expert_a_token_does_not_use_cannot_reach_it():
    given = operands(SMALL)
    unused = given["weights"] == 0
    expected = with_gradients(SMALL, given, "triton")
    given["z_up"] = torch.where(unused[:, :, None], float("nan"), given["z_up"])
    found = with_gradients(SMALL, given, "triton")
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_token_whose_weights_are_nan_is_nan_and_no_other():
    case = replace(SMALL, p=0.0)
    given = operands(case)
    expected = run(case, given, "triton")[0]
    given["weights"][2] = float("nan")
    hidden = run(case, given, "triton")[0]
    assert hidden[2].isnan().all()
    hidden[2] = expected[2]
    assert torch.equal(hidden, expected)


def test_fewer_experts_than_k_may_weigh_something():
    given = operands(SMALL)
    given["weights"] = torch.nn.functional.one_hot(torch.tensor([1, 0, 3, 1, 2]), 4).float()
    assert max(errors(SMALL, given, "triton").values()) <= 1e-5


def flat(case, given):
    """The operator's own arguments."""
    names = ("gate", "up", "z_gate", "z_up", "b_gate", "b_up", "a_down", "weights")
    drawn = seed(given["up"].device.type) if case.p else None
    return (*(given[name] for name in names), 1.7, case.activation, case.top_k, drawn, case.p)


@pytest.mark.parametrize("case", [SMALL, replace(SMALL, gated=False, p=0.0)], ids=str)
def test_the_operator_keeps_torchs_rules_of_operators(case):
    from kernels.swiglu import triton

    given = {name: tensor if tensor is None else tensor.requires_grad_() for name, tensor in operands(case).items()}
    result = torch.library.opcheck(triton.forward, flat(case, given))
    assert set(result.values()) == {"SUCCESS"}


def test_it_compiles_into_one_graph_with_its_gradients():
    numbers = {name: tensor.requires_grad_() for name, tensor in operands(SMALL).items()}
    compiled = torch.compile(lambda: run(SMALL, numbers, "triton"), fullgraph=True, backend="aot_eager")
    both = [
        (*outputs, *torch.autograd.grad(outputs[0].sum() + outputs[1].sum(), list(numbers.values())))
        for outputs in (compiled(), run(SMALL, numbers, "triton"))
    ]
    assert all(torch.equal(found, expected) for found, expected in zip(*both, strict=True))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"up": torch.zeros(5, 37, 1)}, "wants up of 2 dimensions"),
        ({"up": torch.zeros(5, 37).double()}, "up is float64"),
        ({"b_up": torch.zeros(4, 36, 4)}, r"wants b_up of shape \[4, 37, 4\], not \[4, 36, 4\]"),
        ({"weights": torch.zeros(5, 3)}, r"wants weights of shape \[5, 4\]"),
        ({"z_gate": None}, "got gate, b_gate without z_gate"),
        ({"gate": torch.zeros(5, 37, device="meta")}, "got gate on meta and up on cpu"),
    ],
)
def test_operands_that_do_not_fit_are_named(changed, told):
    with pytest.raises(ValueError, match=told):
        run(SMALL, operands(SMALL) | changed, "triton")


def test_settings_that_do_not_fit_are_named():
    from kernels.swiglu import triton

    given = operands(SMALL)
    pairs = Pairs(given["z_up"], given["b_up"], given["a_down"], given["z_gate"], given["b_gate"])
    fitting = {"activation": "silu", "top_k": 2, "seed": seed(), "p": 0.1}
    for wrong, told in (
        ({"activation": "swish"}, "not 'swish'"),
        ({"top_k": 5}, "from 1 to its 4 experts, not 5"),
        ({"seed": torch.zeros(2)}, "a seed of one int64, not 2 of torch.float32"),
        ({"p": 1.5}, "not 1.5"),
    ):
        with pytest.raises(ValueError, match=told):
            triton.routed_hidden(given["gate"], given["up"], pairs, given["weights"], 1.7, **fitting | wrong)


@pytest.mark.gpu
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)], ids=["fp32", "bf16"])
@pytest.mark.parametrize(
    "case", [*CASES, Case(2048, 14336, 4, 16, 2, p=0.1), Case(300, 4097, 7, 16, 2, "gelu")], ids=str
)
def test_on_a_gpu_they_are_the_references_too(case, dtype, tolerance):
    assert max(errors(case, operands(case, "cuda", dtype), "triton").values()) <= tolerance


@pytest.mark.gpu
def test_rows_beyond_what_32_bits_address_are_computed_too():
    far, alone = far_row("triton")
    assert (far - alone).norm() <= 2e-2 * alone.norm()
