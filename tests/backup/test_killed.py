"""SIGKILL at any moment of a back-up or a restore leaves either nothing or something that goes on to a correct end."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select

from adapters.event_store.tables import deployment, events
from domain.errors import Erased, Misconfigured
from ops.backup.checking import checked
from ops.backup.places import place_at
from ops.bootstrap import Part, build
from tests.backup.kit import Vault, elsewhere, running
from tests.conftest import DatabaseUrls, postgres_database
from tests.erasure.kit import CLINICIAN

ROOT = Path(__file__).parents[2]
PROCESS = Path(__file__).with_name("killed_process.py")
KILLS_EACH = 3


class Processes:
    """`run` lets one go on to its end and gives its status; with a delay it is killed then, unless it was quicker."""

    def __init__(self, settings):
        self._process = subprocess.Popen(
            [sys.executable, str(PROCESS)],
            cwd=ROOT,
            env=settings.environment() | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )

    def run(self, *words: str, kill_after_s: float | None = None) -> int:
        self._process.stdin.write(" ".join(words) + "\n")
        pid = int(self._process.stdout.readline().split()[1])
        if kill_after_s is not None:
            _spin(kill_after_s)
            with suppress(ProcessLookupError):  # it was quicker
                os.kill(pid, signal.SIGKILL)
        return int(self._process.stdout.readline().split()[1])

    def end(self):
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def _spin(duration_s):
    end = time.perf_counter() + duration_s
    while time.perf_counter() < end:
        os.sched_yield()


@pytest.fixture
def processes(practice):
    started = Processes(practice.settings)
    yield started
    started.end()


@pytest.fixture
def chance():
    seed = random.randrange(2**32)
    sys.stdout.write(f"seed {seed}")  # shown when the test fails
    return random.Random(seed)


def back_up_and_kill(practice, vault: Vault, processes, chance, rounds):
    practice.new_client()
    words = ("backup", vault.events, vault.keys)
    began = time.perf_counter()
    assert processes.run(*words) == 0
    whole_s = time.perf_counter() - began
    for _ in range(rounds):
        processes.run(*words, kill_after_s=chance.uniform(0, whole_s))
        for address in (vault.events, vault.keys):
            place, _ = place_at(address)
            for name in place.names():
                checked(place, name)
    assert processes.run(*words) == 0
    assert practice.new_client()


def restore_and_kill(practice, vault: Vault, processes, chance, new_urls, *, rounds):
    client_id, other = practice.new_client(account=True), practice.new_client()
    vault.take(practice)
    practice.erase(client_id)
    whole_s = 1.0
    for number in range(rounds):
        with new_urls(number) as urls:
            words = ("restore", vault.events, vault.keys, *urls)
            settings = elsewhere(practice.settings, urls)
            for _ in range(KILLS_EACH if number else 0):
                done = processes.run(*words, kill_after_s=chance.uniform(0, whole_s)) == 0
                assert done or not starts(settings) or restored_whole(settings)
            began = time.perf_counter()
            assert processes.run(*words) == 0
            whole_s = whole_s if number else time.perf_counter() - began
            check(settings, client_id, other)


def starts(settings) -> bool:
    try:
        with build(settings, parts=Part.API):
            return True
    except Misconfigured:
        return False


def restored_whole(settings) -> bool:
    """Killed after the last step, before it could say so."""
    with running(settings) as again:
        return again.system.recorder.incarnation > 1


def check(settings, client_id, other):
    with running(settings) as again:
        system = again.system
        with system.databases.events.connect() as connection:
            count, last = connection.execute(select(func.count(), func.max(events.c.position))).one()
            openings = connection.execute(select(func.count()).select_from(deployment)).scalar_one()
        assert (count, openings) == (last, 2)
        assert sum(row.topic == "system.1" and row.incarnation > 1 for row in system.recorder.read_log(0, 10_000)) == 2
        with pytest.raises(Erased):
            system.services.clients.identity(again.by(CLINICIAN), client_id)
        assert system.services.clients.identity(again.by(CLINICIAN), other)


@pytest.fixture
def new_urls(database_kind, request, tmp_path):
    """`new_urls(number)`: a context with the addresses of empty databases."""

    @contextmanager
    def made(number):
        if database_kind == "sqlite":
            folder = tmp_path / f"new{number}"
            folder.mkdir(mode=0o700)
            yield DatabaseUrls.in_folder(folder)
            shutil.rmtree(folder)
            return
        with postgres_database(request.getfixturevalue("postgres_url")) as url:
            yield DatabaseUrls(url, url, url)

    return made


def test_two_back_ups_that_are_killed_leave_only_whole_ones(practice, vault, processes, chance):
    back_up_and_kill(practice, vault, processes, chance, 2)


def test_a_restore_that_is_killed_three_times_comes_to_the_same_end(practice, vault, processes, chance, new_urls):
    restore_and_kill(practice, vault, processes, chance, new_urls, rounds=2)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_back_ups_that_are_killed_at_any_moment_leave_only_whole_ones(practice, vault, processes, chance):
    back_up_and_kill(practice, vault, processes, chance, 60)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_restores_that_are_killed_at_any_moment_come_to_the_same_end(practice, vault, processes, chance, new_urls):
    restore_and_kill(practice, vault, processes, chance, new_urls, rounds=25)
