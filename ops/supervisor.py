"""Keeps a few child processes running, in sessions of their own, and ends them in order."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ops import tether

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_STEADY_S: Final = 60.0
"""A child that ran this long begins its pauses anew."""


@dataclass(kw_only=True)
class Child:
    """A program to keep running. Its output goes to `log`, whose last run is kept beside it as `.1`."""

    name: str
    command: Sequence[str]
    log: Path
    grace_s: float = 10.0
    """Seconds between SIGTERM and SIGKILL."""
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    restarts: int = 0
    next_start_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A child ended by itself and is started again after the pause."""

    name: str
    exit_code: int
    pause_s: float
    log: Path


class Supervisor:
    """Use from one thread, the one that lives longest: children are tied to the thread that started them."""

    def __init__(self, environment: Mapping[str, str], report: Callable[[Ended], None]) -> None:
        self._environment = dict(environment)
        self._report = report
        self._children: list[Child] = []
        self._wake: queue.SimpleQueue[Child | None] = queue.SimpleQueue()

    def start(self, child: Child) -> None:
        """Start it now and keep it running."""
        self._children.append(child)
        self._spawn(child)

    def wake(self) -> None:
        """End a `watch` early; safe in signal handlers."""
        self._wake.put(None)

    def watch(self, seconds: float) -> None:
        """Wait, starting again what ended; returns after `seconds`, a child's end, or `wake`."""
        due = [child.next_start_s for child in self._children if child.process is None]
        now = time.monotonic()
        timeout_s = max(0.0, min([now + seconds, *due]) - now)
        try:
            ended = self._wake.get(timeout=timeout_s)
        except queue.Empty:
            ended = None
        if ended is not None:
            self._note_end(ended)
        for child in self._children:
            if child.process is None and child.next_start_s <= time.monotonic():
                self._spawn(child)

    def pids(self) -> dict[str, int]:
        """Of the children that run now."""
        return {child.name: child.process.pid for child in self._children if child.process}

    def stop(self) -> list[str]:
        """End all, the newest first, each within its grace. Returns the names of those that had to be killed."""
        killed = []
        # Redis is started first and must outlive those who use it.
        for batch in (self._children[1:], self._children[:1]):
            running = [child for child in batch if child.process and child.process.poll() is None]
            for child in running:
                _signal(child, signal.SIGTERM)
            deadline = time.monotonic() + max([child.grace_s for child in running], default=0.0)
            killed += [child.name for child in running if not _ends_by(child, deadline)]
        self._children.clear()
        return killed

    def _spawn(self, child: Child) -> None:
        with _fresh_log(child.log) as log:
            child.process = subprocess.Popen(  # noqa: S603 - programs of our own installation
                [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *child.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        child.started_s = time.monotonic()
        threading.Thread(target=self._await_end, args=(child, child.process), daemon=True).start()

    def _await_end(self, child: Child, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        self._wake.put(child)

    def _note_end(self, child: Child) -> None:
        if child.process is None:
            return
        now = time.monotonic()
        if now - child.started_s > _STEADY_S:
            child.restarts = 0
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**child.restarts)
        code, child.process = child.process.returncode, None
        child.restarts += 1
        child.next_start_s = now + pause_s
        self._report(Ended(name=child.name, exit_code=code, pause_s=pause_s, log=child.log))


def _fresh_log(path: Path) -> BinaryIO:
    """An empty log readable by its owner alone; the last one is kept."""
    if path.exists():
        path.replace(path.with_suffix(path.suffix + ".1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")


def _signal(child: Child, number: signal.Signals) -> None:
    if child.process:
        child.process.send_signal(number)


def _ends_by(child: Child, deadline_s: float) -> bool:
    """Whether it ended by itself; otherwise it is killed."""
    if child.process is None:
        return True
    try:
        child.process.wait(max(0.0, deadline_s - time.monotonic()))
    except subprocess.TimeoutExpired:
        child.process.kill()
        child.process.wait()
        return False
    return True
