"""SIGKILL at any moment of the sweep of retention: the next one erases each client who is due once, and nobody else."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from adapters.event_store.unsealed import SystemRecord
from adapters.keys.tables import keys
from adapters.offbox.folder import FolderOffBox
from domain.errors import Erased
from domain.model.legal_hold import HoldBasis
from ops.bootstrap import Part, System, build
from ops.erasing import retention
from ops.settings import Settings
from ops.verifying.reader import snapshot
from ops.verifying.verify import verify_log
from tests.contracts.samples import identity
from tests.erasure.kit import CANARY, CLINICIAN, OFFICER, Practice, found
from tests.erasure.test_hostile import check_gone
from tests.erasure.test_retention import AT_ONCE, later, living_audit_keys, opened_with, rows_of_audit

ROOT = Path(__file__).parents[2]
IN_A_ROW = 4
"""Sweeps that are killed before one comes to its end."""
TRIES = 3
SOON, YEARS_LATER = 2, 7 * 366
QUICK, LONG = 2, 50


class Sweeps:
    """`run` lets one go on to its end; with a delay it is killed then, unless it was quicker."""

    def __init__(self, settings: Settings) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("kill_sweeper.py"))],
            cwd=ROOT,
            env=settings.environment() | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )

    def run(self, days: int, kill_after_s: float | None = None) -> int:
        self._process.stdin.write(f"{days}\n")
        pid = int(self._process.stdout.readline().split()[1])
        if kill_after_s is not None:
            end = time.perf_counter() + kill_after_s
            while time.perf_counter() < end:
                os.sched_yield()
            with suppress(ProcessLookupError):  # it was quicker
                os.kill(pid, signal.SIGKILL)
        return int(self._process.stdout.readline().split()[1])

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@pytest.fixture
def sweeping() -> Iterator[Callable[[Settings], Sweeps]]:
    started: list[Sweeps] = []

    def start(settings: Settings) -> Sweeps:
        started.append(Sweeps(settings))
        return started[-1]

    yield start
    for each in started:
        each.end()


def killed_in_a_row(sweeps: Sweeps, practice: Practice, days: int, delays_s: Iterator[float]) -> None:
    """The log is sound wherever a sweep dies, and then one comes to its end."""
    for delay_s in delays_s:
        sweeps.run(days, delay_s)
        check_sound(practice)
    # On a starved machine a sweep may lose its lease of two seconds, which closes its keys; the next one goes on.
    assert any(sweeps.run(days) == 0 for _ in range(TRIES))
    check_sound(practice)


def check_sound(practice: Practice) -> None:
    practice.system.lease.renew()  # while this process waited it may have run out
    with snapshot(practice.system.databases.events) as reader:
        assert verify_log(reader, keys=[practice.key]).sound()


def timed(sweeps: Sweeps, days: int) -> float:
    """How long a sweep takes, in seconds."""
    began = time.perf_counter()
    assert sweeps.run(days) == 0
    return time.perf_counter() - began


def moments(most_s: float, before: Callable[[], object] = lambda: None) -> Iterator[float]:
    """Any moment until then; `before` each something may become due."""
    seed = random.randrange(2**32)
    sys.stdout.write(f"seed {seed}")  # shown when the test fails
    chance = random.Random(seed)
    for _ in range(IN_A_ROW):
        before()
        yield chance.uniform(0, most_s)


class Clients:
    """Whose time is over, and whose is not: a child, and somebody whose record a hold keeps."""

    def __init__(self, practice: Practice) -> None:
        self._practice = practice
        self.due: list[UUID] = []
        services = practice.system.services
        self.child, self.held = uuid4(), practice.new_client(account=True)
        services.clients.register(practice.by(CLINICIAN), self.child, identity(CANARY, birth_date="2020-06-01"))
        services.holds.place(practice.by(OFFICER), uuid4(), self.held, HoldBasis.LITIGATION, "")

    def become_due(self) -> None:
        self._practice.system.lease.renew()
        self.due.append(self._practice.new_client(account=len(self.due) % 2 == 0))

    def check_gone(self, client_id: UUID) -> None:
        system = self._practice.system
        system.lease.renew()
        (row,) = system.services.erasures.of_client(self._practice.by(OFFICER), client_id)
        erasure = system.services.erasures.read(self._practice.by(OFFICER), row.id)
        assert erasure.whole
        check_gone(self._practice, client_id, erasure)
        with pytest.raises(Erased):
            system.services.clients.identity(self._practice.by(CLINICIAN), client_id)
        with system.databases.keys.connect() as connection:
            left = select(keys.c.id).where(keys.c.owner == client_id, keys.c.wrapped.is_not(None))
            assert not connection.execute(left).all()

    def check_kept(self) -> None:
        system = self._practice.system
        for client_id in (self.child, self.held):
            assert not system.services.erasures.of_client(self._practice.by(OFFICER), client_id)
            assert (
                system.services.clients.identity(self._practice.by(CLINICIAN), client_id).content.names[0].family
                == CANARY
            )
        assert system.services.journey.read(self._practice.by(CLINICIAN), self.held, limit=10).items

    def check_receipts(self) -> None:
        assert len(FolderOffBox(self._practice.elsewhere).names("receipts/")) == len(self.due)


def kill_and_go_on(sweeping, settings: Settings, rounds: int) -> None:
    sweeps = sweeping(settings)
    with build(settings, parts=Part.API) as system:
        practice = Practice(settings, system)
        clients = Clients(practice)
        clients.become_due()
        clients.become_due()
        whole_s = timed(sweeps, SOON)
        for _ in range(rounds):
            seen = len(clients.due)
            killed_in_a_row(sweeps, practice, SOON, moments(whole_s, clients.become_due))
            for client_id in clients.due[seen:]:
                clients.check_gone(client_id)
            clients.check_kept()
        for client_id in clients.due:
            clients.check_gone(client_id)
        clients.check_receipts()


@pytest.fixture
def letting_go(tmp_path, database_urls) -> Settings:
    """Where a grown-up's record goes at once."""
    return opened_with(tmp_path, database_urls, identity=AT_ONCE, journal=AT_ONCE)


@pytest.mark.timeout(900)
def test_eight_killed_sweeps_erase_each_client_who_is_due_once(sweeping, letting_go):
    kill_and_go_on(sweeping, letting_go, QUICK)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_two_hundred_killed_sweeps_erase_each_client_who_is_due_once(sweeping, letting_go):
    kill_and_go_on(sweeping, letting_go, LONG)


def kill_and_end_the_trail(sweeping, settings: Settings, rounds: int) -> None:
    sweeps = sweeping(settings)
    whole_s = timed(sweeps, YEARS_LATER)
    for _ in range(rounds):
        with build(settings, parts=Part.API) as system:  # anew: no process lives as long as the audit's keys are kept
            practice = Practice(settings, system)
            client_id = practice.new_client()
            past = set(retention(system).plan(later(practice, YEARS_LATER)).audit_keys)
            assert past
            system.runner().catch_up()
            assert rows_of_audit(system) > (0, 0)
            killed_in_a_row(sweeps, practice, YEARS_LATER, moments(2 * whole_s))
            assert not past & living_audit_keys(system)
            assert rows_of_audit(system) == (0, 0)
            assert past <= destroyed_on_record(system)
            assert system.services.clients.identity(practice.by(CLINICIAN), client_id)


def destroyed_on_record(system: System) -> set[UUID]:
    """Keys of the audit trail that the log says went."""
    events = (system.mapper.to_event(row) for row in system.recorder.read_log(0, 100_000))
    records = (each for each in events if isinstance(each, SystemRecord) and "made_before" in each.facts)
    return {UUID(key) for record in records for key in record.facts["keys"]}


@pytest.mark.timeout(900)
def test_four_killed_sweeps_end_the_audit_trail_and_nothing_else(sweeping, database_urls, tmp_path):
    kill_and_end_the_trail(sweeping, found(tmp_path / "deployment", database_urls), 1)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_two_hundred_killed_sweeps_end_the_audit_trail_and_nothing_else(sweeping, database_urls, tmp_path):
    kill_and_end_the_trail(sweeping, found(tmp_path / "deployment", database_urls), LONG)
