"""A Redis that a test may stop and start, and a data folder of its own."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.embedded_redis import EmbeddedRedis


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Poll until `condition` holds; fails past the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


class StoppableRedis:
    def __init__(self, folder: Path) -> None:
        self.server = EmbeddedRedis.under(folder)
        self.url = self.server.url
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self.server.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.server.answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def stoppable_redis(tmp_path: Path) -> Iterator[StoppableRedis]:
    redis = StoppableRedis(tmp_path / "r")
    redis.start()
    yield redis
    redis.stop()
    redis.server.tidy()


@pytest.fixture
def plain_environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a child process: no settings but a data folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANAMNESIS_")}
    return kept | {"ANAMNESIS_DATA_DIR": str(tmp_path / "data"), "NO_COLOR": "1"}
