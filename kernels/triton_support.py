"""What the Triton kernels share: how they are tuned, how they multiply, how they are launched.

No kernel uses floating-point atomics: long sums are split into parts by shape alone, and the parts are added in order, so
that two runs give the same bits. Offsets are 64-bit: T·F passes 2³¹ elements at 512k tokens of 4,096.

Under Triton's interpreter (TRITON_INTERPRET=1 before triton is imported) the same kernels run on a CPU in NumPy, slowly.
Three things differ there and are dealt with here: products of bfloat16 are silently wrong, so operands are widened first;
autotuning needs a driver, so one small configuration is used; and nothing is launched on a device.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton import knobs

INTERPRETED: Final = tl.constexpr(bool(knobs.runtime.interpret))
# Three products of 11-bit mantissas keep what float32 has to about 2⁻²¹ (one would keep 2⁻¹⁰) at a third of the speed of
# TF32, many times that of float32 outside the tensor cores. AMD's back end knows only the latter. Other types ignore it.
PRECISE: Final = tl.constexpr("tf32x3" if torch.version.hip is None else "ieee")
TYPES: Final = (torch.float32, torch.bfloat16, torch.float16)
# A product on tensor cores is at least this wide in every direction.
LEAST: Final = 16
# About two programs for each of a large GPU's multiprocessors, times two: fixed, so that a sum is split the same everywhere.
PROGRAMS: Final = 512


@triton.jit
def dot(a, b, acc=None):
    """Acc + a b (a b without acc) in float32: a [M, K] and b [K, N] of one type."""
    if INTERPRETED:
        product = tl.dot(a.to(tl.float32), b.to(tl.float32), input_precision="ieee")
        if acc is not None:
            product += acc
    else:
        product = tl.dot(a, b, acc, input_precision=PRECISE)
    return product


def config(warps: int, stages: int, **blocks: int) -> triton.Config:
    """One choice for `tuned`: warps a program, stages of the pipeline of loads, and the sizes of blocks."""
    return triton.Config(blocks, num_warps=warps, num_stages=stages)


class _With:
    """A kernel that is always launched with these options: `kernel[grid](...)`."""

    def __init__(self, kernel: Any, **options: Any) -> None:
        self._kernel = kernel
        self._options = options

    def __getitem__(self, grid: Any) -> Callable[..., Any]:
        return partial(self._kernel[grid], **self._options)


def tuned(configs: list[triton.Config], key: list[str], **interpreted: int) -> Callable[[Any], Any]:
    """Choose among configurations by time, once for each device, value of `key` and types of operands.

    Choices are kept on disk in Triton's own cache (TRITON_CACHE_DIR, else ~/.triton/cache; keyed by Triton's version, the
    device and the kernel's source too), so that a second process doesn't measure again and rounds like the first. Under
    the interpreter the block sizes `interpreted` are used. Put lengths that vary into `key` as a `bucket`.
    """

    def decorate(kernel: Any) -> Any:
        if INTERPRETED:
            return _With(kernel, **interpreted)
        # Fused multiply-adds round less; said here because Triton's own default for them is about to change.
        return _With(triton.autotune(configs, key=key, cache_results=True)(kernel), enable_fp_fusion=True)

    return decorate


def bucket(length: int) -> int:
    """The power of two that a varying length (tokens) is tuned under, from 16 to 2¹⁴."""
    return int(min(max(triton.next_power_of_2(max(length, 1)), LEAST), 2**14))


def padded(length: int) -> int:
    """The power of two, at least 16, that a short side of a product (experts, rank) is computed as."""
    return int(max(triton.next_power_of_2(length), LEAST))


def parts(tokens: int, programs: int, least: int = 256) -> int:
    """In how many parts a sum over tokens is taken beside `programs` independent ones: of at least `least` tokens each."""
    return int(max(1, min(triton.cdiv(PROGRAMS, max(programs, 1)), tokens // least)))


def check_types(operation: str, **operands: Tensor) -> None:
    """Raises ValueError unless all operands are of one type that the kernels know."""
    dtypes = {name: tensor.dtype for name, tensor in operands.items()}
    if len(set(dtypes.values())) > 1 or next(iter(dtypes.values())) not in TYPES:
        found = ", ".join(f"{name} is {str(dtype).removeprefix('torch.')}" for name, dtype in dtypes.items())
        raise ValueError(
            f"{operation} wants operands of one type, float32, bfloat16 or float16, but {found}: cast them"
        )


def check_places(operation: str, **operands: Tensor | None) -> None:
    """Raises ValueError unless all operands that are there lie on one device."""
    places = {name: str(tensor.device) for name, tensor in operands.items() if tensor is not None}
    if len(set(places.values())) > 1:
        found = ", ".join(f"{name} is on {place}" for name, place in places.items())
        raise ValueError(f"{operation} wants operands on one device, but {found}: move them together")


def check_dimensions(operation: str, dimensions: int, **operands: Tensor) -> None:
    """Raises ValueError unless all operands have this many dimensions."""
    for name, tensor in operands.items():
        if tensor.dim() != dimensions:
            raise ValueError(f"{operation} wants {name} of {dimensions} dimensions, not of shape {list(tensor.shape)}")


def check_shape(operation: str, name: str, tensor: Tensor, *expected: int) -> None:
    """Raises ValueError unless the tensor has this shape."""
    if tuple(tensor.shape) != expected:
        raise ValueError(f"{operation} wants {name} of shape {list(expected)}, not {list(tensor.shape)}")


def on_device(tensor: Tensor) -> torch.cuda.device_of:
    """Launch on the tensor's GPU, whichever is current; nothing on a CPU."""
    return torch.cuda.device_of(tensor)
