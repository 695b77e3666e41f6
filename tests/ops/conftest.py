"""A Redis that a test may stop and start, a data folder of its own, and the commands as processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ops.embedded_redis import EmbeddedRedis
from ops.founding import create_root_keys, migrate
from ops.settings import Settings

ROOT = Path(__file__).parents[2]


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Poll until `condition` holds; fails past the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def plain_environment(data_dir: Path, **settings: object) -> dict[str, str]:
    """The environment of a child process: no settings but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANAMNESIS_")}
    given = {f"ANAMNESIS_{name.upper()}": str(value) for name, value in settings.items()}
    return kept | {"ANAMNESIS_DATA_DIR": str(data_dir), "NO_COLOR": "1"} | given


class Running:
    """A command as a process whose stdout holds JSON lines; stderr is kept aside."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.errors = ""

    def line(self, event: str) -> dict[str, Any]:
        """The next line of this event, passing over others. Fails when the process ends before."""
        for text in self.process.stdout:
            told = json.loads(text)
            if told["event"] == event:
                return told
        self.errors += self.process.stderr.read()
        pytest.fail(f"ended without {event}: {self.errors}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            _, errors = self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.errors += errors
        return self.process.returncode


def run(environment: dict[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "ops.cli", *arguments],
        cwd=ROOT,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def founded(tmp_path: Path) -> Settings:
    """Settings of a new, empty deployment on SQLite, with keys and tables."""
    return found(tmp_path / "data")


def found(data_dir: Path) -> Settings:
    settings = Settings.load({"ANAMNESIS_DATA_DIR": str(data_dir), "ANAMNESIS_PORT": str(free_port())})
    for _ in migrate(settings):
        pass
    for _ in create_root_keys(settings):
        pass
    return settings
