"""Runs the kernels in Triton's interpreter where there is no GPU."""

import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
import torch

if not torch.cuda.is_available():
    # Triton reads this when it is imported, which nothing before these tests does.
    os.environ["TRITON_INTERPRET"] = "1"


@pytest.fixture
def needs_triton() -> None:
    if find_spec("triton") is None:
        pytest.skip("triton isn't installed here: there are wheels for Linux on x86-64 only")


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Memory that is handed out uninitialised holds NaN: what a kernel leaves unwritten shows."""
    empty = torch.empty

    def poisoned_empty(*args, **options):
        made = empty(*args, **options)
        return made.fill_(float("nan")) if made.is_floating_point() else made

    monkeypatch.setattr(torch, "empty", poisoned_empty)
    return
