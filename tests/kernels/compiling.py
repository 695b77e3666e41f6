"""Compiles every kernel that a routed FFN launches, forward and backward, for a GPU that needn't be there.

The interpreter runs kernels as Python and lets pass what Triton's compiler refuses. Run as a program in a process of its own,
since Triton decides once whether it interprets: prints a line of JSON for each kernel and configuration.
"""

import json
import sys
from typing import Any

import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.autotuner import Autotuner
from triton.runtime.jit import JITFunction

from kernels.choice import Implementation, using
from kernels.dropout import draw_seed
from tests.kernels.ffn import made, routed


class OfflineDriver:
    """Names a GPU to compile for."""

    def __init__(self, capability: int) -> None:
        self._target = GPUTarget("cuda", capability, 32)

    def get_current_target(self) -> GPUTarget:
        return self._target

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return device


launch = JITFunction.run


def compile_only(self: JITFunction, *args: Any, grid: Any, warmup: bool, **options: Any) -> Any:
    compiled = launch(self, *args, grid=grid, warmup=True, **options)
    line = {"kernel": f"{self.fn.__module__}.{self.fn.__name__}", "shared_bytes": compiled.metadata.shared}
    sys.stdout.write(json.dumps(line) + "\n")
    return compiled


def compile_configurations(self: Autotuner, *args: Any, **options: Any) -> None:
    if len(self.configs) > 1 and not self.cache_results:
        raise RuntimeError(f"{self.base_fn.__name__} would be tuned anew in every process")
    for choice in self.configs[:wanted]:
        self.fn.run(*args, **options, **choice.all_kwargs())


def compile_all(implementation: Implementation, dtype: torch.dtype, *, gated: bool) -> None:
    """Outputs are never written: nothing runs."""
    ffn = made(4, 16, 64, 128, gated=gated, dtype=dtype)
    x = torch.randn(512, 64, dtype=dtype, requires_grad=True)
    with using(implementation):
        y = routed(x, ffn, 2, 2.0, "silu", (draw_seed("cpu"), draw_seed("cpu")), 0.1)
        y.backward(torch.zeros_like(y))


if __name__ == "__main__":
    given_dtype, capability, which = sys.argv[1:]
    wanted = None if which == "all" else 1
    driver.set_active(OfflineDriver(int(capability)))
    JITFunction.run, Autotuner.run = compile_only, compile_configurations
    for chosen in ("triton", "dispatch"):
        for with_gate in (True, False):
            compile_all(chosen, getattr(torch, given_dtype), gated=with_gate)
