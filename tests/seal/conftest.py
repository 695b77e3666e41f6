"""A whole deployment for each kind of database."""

from collections.abc import Iterator

import pytest

from tests.seal.kit import Kit


@pytest.fixture
def kit(databases) -> Iterator[Kit]:
    made = Kit.on(databases)
    yield made
    made.recorder.close()
