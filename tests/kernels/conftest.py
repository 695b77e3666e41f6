"""Runs the kernels in Triton's interpreter where there is no GPU, and natively (marker `gpu`) where there is one."""

import os
import sys
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from tests.kernels.settling import settled

if not torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1":
    if "triton" in sys.modules:
        raise RuntimeError("triton was imported before tests/kernels: set TRITON_INTERPRET=1 before running the tests")
    os.environ["TRITON_INTERPRET"] = "1"

NATIVE = torch.cuda.is_available() and os.environ.get("TRITON_INTERPRET") != "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    native = pytest.mark.skip(reason="Triton compiles for the GPU in this process: set TRITON_INTERPRET=1, or -m gpu")
    interpreted = pytest.mark.skip(reason="Triton interprets in this process: needs a GPU, and TRITON_INTERPRET unset")
    for item in items:
        if "needs_triton" in getattr(item, "fixturenames", ()):
            if item.get_closest_marker("gpu") is None and NATIVE:
                item.add_marker(native)
            if item.get_closest_marker("gpu") is not None and not NATIVE:
                item.add_marker(interpreted)


@pytest.fixture(scope="session")
def needs_triton() -> Iterator[None]:
    if find_spec("triton") is None:
        pytest.skip("triton isn't installed here: there are wheels for Linux on x86-64 only")
    if not NATIVE and version("triton").startswith("3.6.") and np.lib.NumpyVersion(np.__version__) >= "2.4.0":
        pytest.skip("the interpreter of Triton 3.6 can't loop with NumPy 2.4: install numpy<2.4 or triton>=3.7")
    # To time each configuration for each odd shape would take an hour: one of them runs here, each of them in
    # test_triton_configurations.
    with settled(0):
        yield


@pytest.fixture(scope="session", params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    """Where the kernels run: in the interpreter, or on a GPU."""
    return request.param


@pytest.fixture(scope="module")
def poisoned() -> Iterator[None]:
    """Memory that is handed out uninitialised holds NaN: what a kernel leaves unwritten shows."""
    empty = torch.empty
    # torch.device as a context keeps the list of functions it acts on from its first use in a process: that must not be
    # here, or torch.empty wouldn't be among them for the rest of the process.
    with torch.device("meta"):
        empty(0)

    def poisoned_empty(*args, **options):
        made = empty(*args, **options)
        return made.fill_(float("nan")) if made.is_floating_point() else made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "empty", poisoned_empty)
        yield
