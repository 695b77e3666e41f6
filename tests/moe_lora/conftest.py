"""What every test of routed experts wants: no warning of libraries' own making, and the same random numbers each time."""

import pytest
import torch

# transformers renames what PEFT still calls by its old names.
DEPRECATED = "ignore:.*gradient_checkpointing.* is deprecated:FutureWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "moe_lora" in item.path.parts:
            item.add_marker(pytest.mark.filterwarnings(DEPRECATED))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(11)
