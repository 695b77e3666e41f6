"""The mask inside of kernels is the reference's, bit for bit."""

import pytest
import torch

from kernels.dropout.reference import BITS, WORD, keep_mask, mix, threshold

pytestmark = pytest.mark.usefixtures("needs_triton")

SEEDS = (0, 1, 7**20, 2**32, 2**62 - 1)


def kept_by_kernel(rows, columns, seed, p, first_row=0):
    from kernels.dropout.triton import drawing
    from tests.kernels.triton_probes import mask_kernel

    kept = torch.full((rows, columns), 7, dtype=torch.int8, device=seed.device)
    mask_kernel[(-(-rows // 16), -(-columns // 16))](kept, seed, drawing(p)[0], first_row, rows, columns, BLOCK=16)
    assert int(kept.amax()) <= 1
    return kept.bool()


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("number", SEEDS)
def test_the_same_elements_stay(number, p, device):
    seed = torch.tensor([number], device=device)
    assert torch.equal(kept_by_kernel(37, 53, seed, p), keep_mask(37, 53, seed, p))


@pytest.mark.parametrize("first_row", [2**31 - 3, 2**32 - 3, 2**40 + 1])
def test_rows_past_32_bits_go_round_as_the_references_do(first_row, device):
    seed = torch.tensor([7**20], device=device)
    row = mix((first_row + torch.arange(8, device=device) + (seed & WORD)) & WORD)
    column = mix((torch.arange(16, device=device) + (seed >> 32)) & WORD)
    expected = (mix(row[:, None] ^ column[None, :]) >> (32 - BITS)) >= threshold(0.5)
    assert torch.equal(kept_by_kernel(8, 16, seed, 0.5, first_row), expected)


def test_what_stays_is_raised_so_that_the_mean_stays():
    from kernels.dropout.triton import drawing

    assert drawing(0.0) == (0, 1.0)
    assert drawing(0.5) == (2**23, 2.0)
    assert drawing(1.0) == (2**24, 0.0)


@pytest.mark.parametrize("p", [-0.1, 1.01, float("nan")])
def test_what_is_no_probability_is_refused(p):
    from kernels.dropout.triton import drawing

    with pytest.raises(ValueError, match="a probability from 0 to 1, not"):
        drawing(p)
