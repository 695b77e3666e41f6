"""route_and_shrink by its kernels is the reference's: outputs and all gradients, on shapes that no block divides."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.choice import using
from kernels.router import chosen
from kernels.shrink import route_and_shrink
from tests.kernels.agreement import both, distances, drawn, far

pytestmark = pytest.mark.usefixtures("needs_triton", "poisoned")

# The interpreter multiplies in NumPy, which warns of the infinities that some of these tests bring.
numpy_warns = pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")

NAMES = ("logits", "weights", "z", "dx", "d_router", "da")


def operands(tokens, width, factors, experts, *, device="cpu", dtype=torch.float32):
    return [
        drawn(tokens, width, device=device, dtype=dtype),
        drawn(experts, width, device=device) / max(width, 1) ** 0.5,
        drawn(factors, width, device=device, dtype=dtype) / max(width, 1) ** 0.5,
    ]


def routed(top_k, p, x, router, a):
    return route_and_shrink(x, router, a, top_k, torch.tensor([7**20], device=x.device), p)


@pytest.mark.parametrize(
    ("tokens", "width", "factors", "experts", "top_k", "p"),
    [
        (1, 1, 1, 1, 1, 0.0),
        (1, 70, 17, 3, 2, 0.1),
        (33, 33, 16, 2, 1, 0.5),
        (20, 40, 30, 5, 5, 0.1),
        (19, 64, 33, 9, 4, 0.0),
        (18, 35, 64, 64, 7, 0.1),
        (5, 20, 64, 64, 64, 0.5),
        (17, 0, 4, 2, 1, 0.1),
        (0, 12, 8, 4, 2, 0.1),
        (520, 9, 6, 3, 2, 0.1),
    ],
)
def test_outputs_and_gradients_are_those_of_the_reference(tokens, width, factors, experts, top_k, p, device):
    torch.manual_seed(tokens)
    given_operands = operands(tokens, width, factors, experts, device=device)
    found = dict(zip(NAMES, distances(partial(routed, top_k, p), given_operands), strict=True))
    assert max(found.values()) <= 1e-5, found


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_inputs_lose_what_their_type_loses_and_the_router_loses_nothing(dtype, device):
    torch.manual_seed(1)
    given_operands = operands(37, 130, 40, 6, device=device, dtype=dtype)
    found = dict(zip(NAMES, distances(partial(routed, 2, 0.1), given_operands), strict=True))
    assert max(found.pop(name) for name in ("logits", "weights", "d_router")) <= 1e-5
    assert max(found.values()) <= 2e-2


@settings(max_examples=8)
@given(
    tokens=st.integers(0, 40),
    width=st.integers(1, 70),
    factors=st.integers(1, 40),
    experts=st.integers(1, 9),
    share=st.floats(0, 1),
    p=st.sampled_from([0.0, 0.1, 0.5]),
    seed=st.integers(0, 2**31),
)
def test_any_shape_agrees_with_the_reference(tokens, width, factors, experts, share, p, seed):
    torch.manual_seed(seed)
    top_k = 1 + round(share * (experts - 1))
    assert max(distances(partial(routed, top_k, p), operands(tokens, width, factors, experts))) <= 1e-5


def test_of_equal_logits_those_with_lower_numbers_are_chosen(device):
    x = torch.randint(-2, 3, (64, 3), device=device).float()
    router = torch.tensor([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]], device=device).float()
    for top_k in range(1, 6):
        with using("triton"):
            logits, weights, _ = routed(top_k, 0.0, x, router, drawn(4, 3, device=device))
        assert torch.equal(weights > 0, chosen(logits, top_k))


@numpy_warns
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_logit_that_is_no_number_spoils_its_own_token_alone(bad, device):
    x, router, a = operands(20, 12, 8, 4, device=device)
    broken = x.clone()
    broken[3, 5] = bad
    with using("triton"):
        logits, weights, z = routed(2, 0.0, broken, router, a)
        sound = routed(2, 0.0, x, router, a)
    assert weights[3].isnan().all()
    others = torch.arange(20, device=device) != 3
    for found, expected in zip((logits, weights, z), sound, strict=True):
        assert torch.equal(found[others], expected[others])


@numpy_warns
def test_one_logit_of_minus_infinity_is_an_expert_that_is_out_of_reach(device):
    logits_of = torch.tensor([[float("-inf"), 1.0, 2.0]], device=device)
    with using("triton"):
        logits, weights, _ = routed(2, 0.0, torch.ones(1, 1, device=device), logits_of.T, drawn(2, 1, device=device))
    assert torch.equal(logits, logits_of)
    assert far(weights, torch.tensor([[0.0, 1 / (1 + 2.718281828), 1 / (1 + 1 / 2.718281828)]])) < 1e-6


def test_any_strides_are_taken(device):
    torch.manual_seed(3)
    x, router, a = operands(20, 24, 10, 4, device=device)
    strided = [tensor.T.contiguous().T for tensor in (x, router, a)]
    for found, expected in zip(
        both(partial(routed, 2, 0.1), strided, "triton"),
        both(partial(routed, 2, 0.1), [x, router, a], "triton"),
        strict=True,
    ):
        assert torch.equal(found, expected)
    for tensor in strided:
        tensor.requires_grad_()
    with using("triton"):
        z = routed(2, 0.1, *strided)[2]
    dx, da = torch.autograd.grad(z.sum(), [strided[0], strided[2]])  # the gradient of a sum is one number, expanded
    assert dx.isfinite().all()
    assert da.isfinite().all()


def test_two_runs_give_the_same_bits_though_sums_are_split(device):
    torch.manual_seed(4)
    given_operands = operands(520, 9, 6, 3, device=device)
    first, second = (both(partial(routed, 2, 0.1), given_operands, "triton") for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_only_what_is_asked_for_is_computed(device):
    x, router, a = operands(8, 12, 6, 3, device=device)
    with using("triton"):
        z = routed(2, 0.0, x, router, a.requires_grad_())[2]
        (da,) = torch.autograd.grad(z.sum(), [a])
        frozen = routed(2, 0.0, x.requires_grad_(), router, a.detach())[2]
        (dx,) = torch.autograd.grad(frozen.sum(), [x])
    assert far(da, x.sum(0).expand(6, 12)) < 1e-5
    assert far(dx, a.sum(0).expand(8, 12)) < 1e-5


def test_the_operators_keep_their_promises_to_torch(device):
    from kernels.shrink import triton

    x, router, a = operands(5, 6, 4, 3, device=device)
    seed = torch.tensor([9], device=device)
    towards = [drawn(5, n, device=device) for n in (3, 3, 4)]
    weights = torch.full((5, 3), 1 / 3, device=device)
    leaves = [tensor.clone().requires_grad_() for tensor in (x, router, a)]
    torch.library.opcheck(triton.forward, (*leaves, 2, seed, 0.5))
    torch.library.opcheck(triton.input_gradient, (router, a, weights, seed, 0.5, *towards))
    torch.library.opcheck(triton.factor_gradients, (x, weights, seed, 0.5, *towards))


def test_a_compiled_graph_is_whole_and_computes_the_same(device):
    given_operands = operands(9, 12, 6, 3, device=device)
    compiled = torch.compile(partial(routed, 2, 0.1), backend="aot_eager", fullgraph=True, dynamic=True)
    found = both(compiled, given_operands, "triton")
    expected = both(partial(routed, 2, 0.1), given_operands, "triton")
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"top_k": 0}, "a top_k from 1 to its number of experts, 3, not 0"),
        ({"top_k": 4}, "not 4"),
        ({"p": 1.5}, "a probability from 0 to 1, not 1.5"),
        ({"a_ND": torch.zeros(6, 11)}, r"a of shape \[6, 12\], not \[6, 11\]"),
        ({"weight_ED": torch.zeros(3, 11)}, r"router of shape \[3, 12\], not \[3, 11\]"),
        ({"a_ND": torch.zeros(6, 12, dtype=torch.bfloat16)}, "x is float32, a is bfloat16: cast them"),
        ({"x_TD": torch.zeros(8, 12).double(), "a_ND": torch.zeros(6, 12).double()}, "x is float64"),
        ({"x_TD": torch.zeros(2, 4, 12)}, r"x of 2 dimensions, not of shape \[2, 4, 12\]"),
        ({"a_ND": torch.zeros(6, 12, device="meta")}, "x is on cpu, router is on cpu, a is on meta"),
        ({"a_ND": torch.zeros(0, 12)}, "at least one row in a"),
        ({"seed": torch.zeros(2)}, "a seed of one int64, not 2 of float32"),
    ],
)
def test_what_does_not_fit_is_refused_by_value(changed, message):
    fitting = {"x_TD": torch.zeros(8, 12), "weight_ED": torch.zeros(3, 12), "a_ND": torch.zeros(6, 12), "top_k": 2}
    given_operands = {**fitting, **changed}
    with using("triton"), pytest.raises(ValueError, match=message):
        route_and_shrink(**given_operands)


@pytest.mark.gpu
def test_offsets_past_two_to_the_31st_elements_reach_their_rows():
    tokens, width = 2**20 + 3, 2**11 + 8
    x, router, a = operands(1, width, 16, 4, device="cuda", dtype=torch.bfloat16)
    x = torch.zeros(tokens, width, device="cuda", dtype=torch.bfloat16).index_copy_(
        0, torch.tensor([tokens - 1], device="cuda"), x
    )
    with using("triton"):
        _, _, z = routed(2, 0.0, x, router, a)
    assert not z[:-1].any()
    assert far(z[-1:], x[-1:].double() @ a.double().T) < 2e-2
