"""Triton's compiler takes every kernel and builds it for real GPUs, which needs none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("needs_triton")

ROOT = Path(__file__).parents[2]
# What one program may have of a multiprocessor's shared memory (CUDA C++ programming guide, compute capabilities).
SHARED_BYTES = {80: 163 * 1024, 90: 227 * 1024}


def compiled(folder, dtype, capability, which):
    """The shared memory, in bytes, that the leanest configuration of each kernel takes."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"PYTHONPATH": str(ROOT), "TRITON_CACHE_DIR": str(folder), "OMP_NUM_THREADS": "1"}
    program = [sys.executable, ROOT / "tests/kernels/compiling.py", dtype, str(capability), which]
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    least: dict[str, int] = {}
    for line in map(json.loads, done.stdout.splitlines()):
        least[line["kernel"]] = min(least.get(line["kernel"], line["shared_bytes"]), line["shared_bytes"])
    return least


@pytest.mark.timeout(900)
def test_every_kernel_is_built_for_hopper(tmp_path):
    least = compiled(tmp_path, "bfloat16", 90, "first")
    for operation in ("shrink", "expand", "swiglu", "dispatch"):
        assert sum(name.startswith(f"kernels.{operation}.") for name in least) >= 3, sorted(least)
    assert max(least.values()) <= SHARED_BYTES[90], least


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("dtype", "capability"), [("bfloat16", 80), ("bfloat16", 90), ("float16", 90), ("float32", 90)]
)
def test_every_configuration_is_built_and_one_of_each_kernel_fits(dtype, capability, tmp_path):
    least = compiled(tmp_path, dtype, capability, "all")
    assert max(least.values()) <= SHARED_BYTES[capability], least
