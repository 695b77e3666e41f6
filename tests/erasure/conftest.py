"""Deployments to erase from, on either database."""

from collections.abc import Iterator

import pytest

from ops.bootstrap import Part, build
from tests.erasure.kit import Practice, found


@pytest.fixture
def practice(database_urls, tmp_path) -> Iterator[Practice]:
    settings = found(tmp_path / "deployment", database_urls)
    with build(settings, parts=Part.API) as system:
        yield Practice(settings, system)


@pytest.fixture
def on_sqlite(tmp_path) -> Iterator[Practice]:
    settings = found(tmp_path / "deployment")
    with build(settings, parts=Part.API) as system:
        yield Practice(settings, system)
