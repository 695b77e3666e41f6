"""SIGKILL at any moment of a rotation, beside writers: everything opens, nothing destroyed comes back, and it goes on."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from adapters.keys.book import KeyBook
from adapters.keys.examination import Examination
from adapters.keys.ring import KeyLimits, KeyRing, hierarchy_on
from adapters.keys.root_book import RootBook
from adapters.keys.tables import keys
from domain.ports.keys import RecordClass
from tests.faults.kill_rotator import DEPLOYMENT, NOTES, held, root

ROOT = Path(__file__).parents[2]
CLASSES = [RecordClass.JOURNAL, RecordClass.NOTES, RecordClass.VIEW]


class Rotator:
    def __init__(self, url):
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("kill_rotator.py")), url],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def killed_after(self, number, delay_s):
        """Whether the rotation to this root had come to its end before SIGKILL came."""
        self._process.stdin.write(f"{number}\n")
        done = False
        for line in self._process.stdout:
            match line.split():
                case ["pid", pid] if delay_s is not None:
                    end = time.perf_counter() + delay_s
                    while time.perf_counter() < end:
                        pass
                    with suppress(ProcessLookupError):  # it came to its end a moment before
                        os.kill(int(pid), signal.SIGKILL)
                case ["done"]:
                    done = True
                case ["dead"]:
                    return done
        raise AssertionError("the rotations' parent died")

    def end(self):
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def write(engine, number, owners, going):
    """Seals for clients old and new, as a process that holds both roots does, until told to stop."""
    chance, pairs = random.Random(7), []
    while going[0]:
        ring = ring_on(engine, number)
        pairs += [sealed(ring, owner, chance.choice(CLASSES)) for owner in (chance.choice(owners), uuid4())]
    return pairs


def ring_on(engine, number, **limits):
    return KeyRing(engine, deployment=DEPLOYMENT, root=held(number), notes_root=NOTES, limits=KeyLimits(**limits))


def sealed(ring, owner, record_class):
    text = os.urandom(12)
    return ring.seal(ring.key_id(owner, record_class), text, b"context"), text


def check(engine, number, pairs):
    ring = ring_on(engine, number)
    assert [ring.open(each, b"context") for each, _ in pairs] == [text for _, text in pairs]
    hierarchy = hierarchy_on(KeyBook(engine), DEPLOYMENT, held(number), NOTES, lambda: time.time_ns() // 1000)
    hierarchy.enrol_roots()
    assert list(Examination(hierarchy, lambda: time.time_ns() // 1000, 2**28).faults()) == []
    states = [row.state for row in RootBook(engine).all("main")]
    assert states.count("current") == 1


@pytest.fixture
def rotator(database_urls):
    started = Rotator(database_urls.keys)
    yield started
    started.end()


def kill_and_check(rotator, engine, kills):
    seed = random.randrange(2**32)
    sys.stdout.write(f"seed {seed}")  # shown when the test fails
    chance, number = random.Random(seed), 1
    owners = [uuid4() for _ in range(6)]
    first = ring_on(engine, 0)
    pairs = [sealed(first, owner, each) for owner in owners for each in CLASSES]
    for _ in range(kills):
        going = [True]
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write, engine, number, owners, going)
            try:
                done = rotator.killed_after(number, chance.random() * 0.25)
            finally:
                going[0] = False
        pairs += writing.result()
        check(engine, number, pairs)
        number += done
    assert rotator.killed_after(number, None)
    check(engine, number, pairs)
    alone = KeyRing(engine, deployment=DEPLOYMENT, root=root(number), notes_root=NOTES)
    assert all(alone.open(each, b"context") == text for each, text in pairs)
    with engine.connect() as connection:
        earlier = keys.c.wrapped_by.in_([each.generation for each in map(root, range(number))])
        hanging = select(func.count()).select_from(keys).where(earlier, keys.c.wrapped.is_not(None))
        assert connection.execute(hanging).scalar_one() == 0


def test_ten_killed_rotations_lose_nothing(rotator, keys_engine):
    kill_and_check(rotator, keys_engine, 10)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_three_hundred_killed_rotations_lose_nothing(rotator, keys_engine):
    kill_and_check(rotator, keys_engine, 300)


def test_two_rotations_at_once_one_killed_come_to_one_end(rotator, database_urls, keys_engine):
    owners = [uuid4() for _ in range(6)]
    pairs = [sealed(ring_on(keys_engine, 0), owner, each) for owner in owners for each in CLASSES]
    other = Rotator(database_urls.keys)
    try:
        beside = threading.Thread(target=other.killed_after, args=(1, 0.05))
        beside.start()
        assert rotator.killed_after(1, None)
        beside.join()
    finally:
        other.end()
    check(keys_engine, 1, pairs)
