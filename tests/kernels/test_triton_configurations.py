"""On a GPU, every configuration that tuning may choose computes the same function."""

from functools import partial

import pytest
import torch

from kernels.expand import expand
from tests.kernels.agreement import distances
from tests.kernels.hidden import Case, errors, operands
from tests.kernels.settling import settled
from tests.kernels.test_triton_expand import operands as of_expand
from tests.kernels.test_triton_shrink import operands as of_shrink
from tests.kernels.test_triton_shrink import routed

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("needs_triton", "poisoned")]

# More than any kernel has: numbers go round.
CONFIGURATIONS = range(8)


@pytest.mark.parametrize("number", CONFIGURATIONS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)], ids=["fp32", "bf16"])
def test_every_configuration_of_every_kernel_agrees_with_the_reference(number, dtype, tolerance):
    torch.manual_seed(number)
    case = Case(700, 391, 5, 16, 2, p=0.1)
    with settled(number):
        shrunk = distances(partial(routed, 2, 0.1), of_shrink(700, 391, 130, 5, device="cuda", dtype=dtype))
        expanded = distances(expand, of_expand(700, 391, 5, 16, device="cuda", dtype=dtype))
        hidden = [
            error
            for implementation in ("triton", "dispatch")
            for error in errors(case, operands(case, "cuda", dtype), implementation).values()
        ]
    assert max(*shrunk, *expanded, *hidden) <= tolerance, (shrunk, expanded, hidden)
