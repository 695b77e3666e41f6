"""SIGKILL at any moment loses no acknowledged write and leaves no gap; the next writer goes on where the log ends."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from adapters.event_store.recorder import Recorder
from adapters.event_store.tables import commands, events
from tests.store.audit import audit

ROOT = Path(__file__).parents[2]
WRITER = Path(__file__).with_name("kill_writer.py")
MOST_ACKNOWLEDGED = 40
AUDIT_EVERY = 50  # in long runs: an audit reads the whole log


class Writers:
    """The parent of the writers; `killed_one` starts one, kills it and returns what it had acknowledged."""

    def __init__(self, url):
        self._process = subprocess.Popen(
            [sys.executable, str(WRITER), url],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def killed_one(self, chance):
        """SIGKILL comes after a random number of acknowledgements and a random part of the next group commit."""
        self._process.stdin.write("go\n")
        limit, acknowledged, pid = chance.randint(1, MOST_ACKNOWLEDGED), [], None
        for line in self._process.stdout:
            match line.split():
                case ["pid", number]:
                    pid = int(number)
                case ["dead", _]:
                    return acknowledged
                case [command_id, first, last]:
                    acknowledged.append((UUID(command_id), int(first), int(last)))
            if pid and limit and len(acknowledged) >= limit:
                limit = 0
                _spin(chance.random() * 0.004)
                os.kill(pid, signal.SIGKILL)
        raise AssertionError("the writers' parent died")

    def end(self):
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def _spin(duration_s):
    end = time.perf_counter() + duration_s
    while time.perf_counter() < end:
        pass


@pytest.fixture
def writers(database_urls, events_engine):
    recorder = Recorder(events_engine)
    recorder.open_log(UUID(int=1), 1)
    recorder.close()
    started = Writers(database_urls.events)
    yield started
    started.end()


def check_acknowledged(engine, acknowledged):
    with engine.connect() as connection:
        since = select(commands).where(commands.c.first_position >= min(first for _, first, _ in acknowledged))
        stored = {row.id: (row.first_position, row.last_position) for row in connection.execute(since)}
        count, last = connection.execute(select(func.count(), func.max(events.c.position))).one()
    assert {command_id: (first, last) for command_id, first, last in acknowledged}.items() <= stored.items()
    assert count == last


def kill_and_check(writers, engine, kills, audit_every):
    seed = random.randrange(2**32)
    sys.stdout.write(f"seed {seed}")  # shown when the test fails
    chance, acknowledged = random.Random(seed), []
    for number in range(1, kills + 1):
        newest = writers.killed_one(chance)
        check_acknowledged(engine, newest)
        acknowledged += newest
        if number % audit_every == 0 or number == kills:
            check_acknowledged(engine, acknowledged)
            audit(engine)
    assert len(acknowledged) >= kills


def test_thirty_kills_lose_nothing(writers, events_engine):
    kill_and_check(writers, events_engine, 30, audit_every=1)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_a_thousand_kills_lose_nothing(writers, events_engine):
    kill_and_check(writers, events_engine, 1000, AUDIT_EVERY)
