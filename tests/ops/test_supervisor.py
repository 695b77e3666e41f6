import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.supervisor import Child, Ended, Supervisor
from tests.ops.conftest import wait_for

OBEDIENT = "import signal, time; signal.signal(15, lambda *_: exit(0)); print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


class Kept:
    def __init__(self, folder: Path) -> None:
        self.ended: list[Ended] = []
        self.folder = folder
        self.supervisor = Supervisor(os.environ, self.ended.append)

    def start(self, name: str, code: str, grace_s: float = 10.0) -> Child:
        child = Child(name=name, command=[sys.executable, "-c", code], log=self.folder / f"{name}.log", grace_s=grace_s)
        self.supervisor.start(child)
        return child

    def wait_up(self, child: Child) -> None:
        wait_for(lambda: b"up" in child.log.read_bytes())


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(tmp_path)
    yield kept
    kept.supervisor.stop()


def test_children_end_when_asked_and_their_logs_are_for_their_owner_alone(kept: Kept) -> None:
    children = [kept.start(name, OBEDIENT) for name in ("redis", "serve", "worker")]
    for child in children:
        kept.wait_up(child)
    pids = kept.supervisor.pids()

    assert kept.supervisor.stop() == []

    assert not any(alive(pid) for pid in pids.values())
    assert all(child.log.stat().st_mode & 0o777 == 0o600 for child in children)


def test_a_child_that_does_not_listen_is_killed_after_its_grace(kept: Kept) -> None:
    child = kept.start("serve", STUBBORN, grace_s=0.1)
    kept.wait_up(child)

    assert kept.supervisor.stop() == ["serve"]


def test_the_first_child_outlives_the_others(kept: Kept) -> None:
    first = kept.start("redis", OBEDIENT)
    order = kept.folder / "order"
    tell = f"import os, signal, time; signal.signal(15, lambda *_: (open({str(order)!r}, 'w').write(str(os.path.exists('/proc/{kept.supervisor.pids()['redis']}'))), exit(0))); print('up', flush=True); time.sleep(600)"
    second = kept.start("serve", tell)
    kept.wait_up(first)
    kept.wait_up(second)

    kept.supervisor.stop()

    assert order.read_text() == "True"


def test_a_child_that_dies_is_reported_and_started_again_ever_later(kept: Kept) -> None:
    child = kept.start("serve", "exit(3)")

    wait_for(lambda: kept.supervisor.watch(0.2) or len(kept.ended) >= 3)

    assert [one.exit_code for one in kept.ended[:3]] == [3, 3, 3]
    assert [one.pause_s for one in kept.ended[:3]] == [0.5, 1.0, 2.0]
    assert child.log.with_suffix(".log.1").exists()


def test_a_killed_child_comes_back_under_another_number(kept: Kept) -> None:
    child = kept.start("worker", OBEDIENT)
    kept.wait_up(child)
    before = kept.supervisor.pids()["worker"]

    os.kill(before, signal.SIGKILL)

    wait_for(lambda: kept.supervisor.watch(0.2) or kept.supervisor.pids().get("worker", before) != before)
    assert kept.ended[0].exit_code == -signal.SIGKILL


def test_waiting_ends_early_when_woken(kept: Kept) -> None:
    began = threading.Event()

    def wake() -> None:
        began.wait()
        kept.supervisor.wake()

    thread = threading.Thread(target=wake)
    thread.start()
    before = time.monotonic()
    began.set()
    kept.supervisor.watch(60)
    thread.join()

    assert time.monotonic() - before < 50


def test_children_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "child.log"), OBEDIENT], stdout=subprocess.PIPE, text=True
    )
    child_pid = int(parent.stdout.readline())
    wait_for(lambda: b"up" in (tmp_path / "child.log").read_bytes())

    parent.kill()
    parent.wait()
    parent.stdout.close()

    wait_for(lambda: not alive(child_pid))


PARENT = """
import os, sys, time
from pathlib import Path
from ops.supervisor import Child, Supervisor
supervisor = Supervisor(os.environ, print)
supervisor.start(Child(name="child", command=[sys.executable, "-c", sys.argv[2]], log=Path(sys.argv[1])))
print(supervisor.pids()["child"], flush=True)
time.sleep(600)
"""
