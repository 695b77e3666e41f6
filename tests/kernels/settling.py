"""Which configuration the kernels run by on a GPU, chosen by number instead of by time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def settled(number: int) -> Iterator[None]:
    """Every kernel runs by its configuration of this number, counted round; by its first where that doesn't fit."""
    from triton.runtime.autotuner import Autotuner
    from triton.runtime.errors import OutOfResources

    def run(self: Autotuner, *args: Any, **options: Any) -> Any:
        try:
            return self.fn.run(*args, **options, **self.configs[number % len(self.configs)].all_kwargs())
        except OutOfResources:
            return self.fn.run(*args, **options, **self.configs[0].all_kwargs())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Autotuner, "run", run)
        yield
