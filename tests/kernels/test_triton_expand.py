"""expand by its kernels is the reference's: the output and all gradients, on shapes that no block divides."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.choice import using
from kernels.expand import expand
from kernels.linear import add_routed
from tests.kernels.agreement import both, distances, drawn, far

pytestmark = pytest.mark.usefixtures("needs_triton", "poisoned")


def operands(tokens, outputs, experts, rank, *, device="cpu", dtype=torch.float32):
    return [
        drawn(tokens, outputs, device=device, dtype=dtype),
        drawn(tokens, experts, rank, device=device, dtype=dtype),
        drawn(experts, outputs, rank, device=device, dtype=dtype),
    ]


@pytest.mark.parametrize(
    ("tokens", "outputs", "experts", "rank"),
    [
        (1, 1, 1, 1),
        (33, 70, 4, 6),
        (17, 33, 9, 1),
        (16, 32, 2, 16),
        (20, 40, 64, 2),
        (5, 7, 3, 33),
        (3, 0, 2, 4),
        (0, 12, 4, 2),
        (3, 12, 0, 2),
        (520, 9, 3, 2),
    ],
)
def test_output_and_gradients_are_those_of_the_reference(tokens, outputs, experts, rank, device):
    torch.manual_seed(tokens)
    found = distances(expand, operands(tokens, outputs, experts, rank, device=device))
    assert max(found) <= 1e-5, found


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_types_lose_what_one_rounding_loses(dtype, device):
    torch.manual_seed(1)
    assert max(distances(expand, operands(37, 50, 4, 10, device=device, dtype=dtype))) <= 4e-3


@settings(max_examples=10)
@given(
    tokens=st.integers(0, 40),
    outputs=st.integers(1, 70),
    experts=st.integers(1, 9),
    rank=st.integers(1, 17),
    seed=st.integers(0, 2**31),
)
def test_any_shape_agrees_with_the_reference(tokens, outputs, experts, rank, seed):
    torch.manual_seed(seed)
    assert max(distances(expand, operands(tokens, outputs, experts, rank))) <= 1e-5


def test_a_routed_linear_layer_composes_of_it(device):
    torch.manual_seed(2)
    given_operands = [*operands(20, 24, 4, 3, device=device), drawn(20, 4, device=device).softmax(-1)]

    def added(*leaves):
        return add_routed(*leaves, 2.0)

    assert max(distances(added, given_operands)) <= 1e-5


def test_any_strides_are_taken_and_y_stays_as_it_is(device):
    torch.manual_seed(3)
    y, z, b = operands(20, 24, 4, 5, device=device)
    before = y.clone()
    strided = [
        y.T.contiguous().T,
        z.permute(2, 0, 1).contiguous().permute(1, 2, 0),
        b.transpose(1, 2).contiguous().transpose(1, 2),
    ]
    found, expected = both(expand, strided, "triton"), both(expand, [y, z, b], "triton")
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    assert torch.equal(y, before)
    with using("triton"):
        total = expand(y.requires_grad_(), z.requires_grad_(), b.requires_grad_()).sum()
    _, dz, db = torch.autograd.grad(total, [y, z, b])  # the gradient of a sum is one number, expanded
    assert far(dz, b.sum(1).expand(20, 4, 5)) < 1e-5
    assert far(db, z.sum(0)[:, None].expand(4, 24, 5)) < 1e-5


def test_two_runs_give_the_same_bits_though_sums_are_split(device):
    torch.manual_seed(4)
    given_operands = operands(520, 9, 3, 2, device=device)
    first, second = (both(expand, given_operands, "triton") for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_the_operators_keep_their_promises_to_torch(device):
    from kernels.expand import triton

    y, z, b = operands(5, 6, 3, 2, device=device)
    torch.library.opcheck(triton.forward, tuple(tensor.clone().requires_grad_() for tensor in (y, z, b)))
    torch.library.opcheck(triton.input_gradient, (y, b))
    torch.library.opcheck(triton.factor_gradient, (y, z))


def test_a_compiled_graph_is_whole_and_computes_the_same(device):
    given_operands = operands(9, 12, 3, 2, device=device)
    compiled = torch.compile(expand, backend="aot_eager", fullgraph=True, dynamic=True)
    found, expected = both(compiled, given_operands, "triton"), both(expand, given_operands, "triton")
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"z": torch.zeros(8, 3, 3)}, r"z of shape \[8, 3, 2\], not \[8, 3, 3\]"),
        ({"z": torch.zeros(7, 3, 2)}, r"z of shape \[8, 3, 2\], not \[7, 3, 2\]"),
        ({"y": torch.zeros(8, 11)}, r"y of shape \[8, 12\], not \[8, 11\]"),
        ({"b": torch.zeros(3, 12, 2, dtype=torch.float16)}, "b is float16: cast them"),
        ({"z": torch.zeros(8, 6)}, r"z of 3 dimensions, not of shape \[8, 6\]"),
        ({"y": torch.zeros(8, 12, device="meta")}, "y is on meta, z is on cpu"),
    ],
)
def test_what_does_not_fit_is_refused_by_value(changed, message):
    fitting = {"y": torch.zeros(8, 12), "z": torch.zeros(8, 3, 2), "b": torch.zeros(3, 12, 2)}
    given_operands = {**fitting, **changed}
    with using("triton"), pytest.raises(ValueError, match=message):
        expand(*(given_operands[name] for name in "yzb"))


@pytest.mark.gpu
def test_offsets_past_two_to_the_31st_elements_reach_their_rows():
    tokens, outputs = 2**20 + 3, 2**11 + 8
    z = torch.zeros(tokens, 2, 16, device="cuda", dtype=torch.bfloat16)
    z[-1] = 1.0
    b = drawn(2, outputs, 16, device="cuda", dtype=torch.bfloat16)
    with using("triton"):
        y = expand(torch.zeros(tokens, outputs, device="cuda", dtype=torch.bfloat16), z, b)
    assert not y[:-1].any()
    assert far(y[-1], b.double().sum((0, 2))) < 2e-2
