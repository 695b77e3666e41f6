"""Processes beside a benchmark: started with it, ended with it, and asked what they used."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from domain.errors import AnamnesisError
from ops import tether

_TICKS: Final = os.sysconf("SC_CLK_TCK")
START_S: Final = 60.0
_END_S: Final = 15.0


class BenchmarkFailed(AnamnesisError):
    """Something didn't start, answered with an error, or left the store in another state than it should."""

    code = "benchmark_failed"
    message = "A benchmark could not be carried out, so it has no number."


@dataclass(slots=True)
class Running:
    """A child process and the file its output goes to."""

    process: "subprocess.Popen[bytes]"
    log: IO[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        """What it wrote so far, to either stream."""
        size = os.fstat(self.log.fileno()).st_size
        return os.pread(self.log.fileno(), size, 0).decode(errors="replace")  # the child shares the file's position

    def tail(self) -> str:
        """The last line of its output."""
        lines = self.output().strip().splitlines()
        return lines[-1][:300] if lines else "no output"


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A program that is told to end (SIGTERM) at the end of the block, or when this process dies."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - programs of our own installation
            [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
        try:
            yield Running(process, log)
        finally:
            end(process)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, then make it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(condition: Callable[[], bool], what: str, child: Running | None = None, deadline_s: float = START_S) -> None:
    """Wait until `condition` holds. Raises BenchmarkFailed when it doesn't in time, or when the child ended."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        if child is not None and child.process.poll() is not None:
            raise BenchmarkFailed(f"{what}: the process ended with {child.process.returncode}: {child.tail()}")
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"{what}: nothing after {deadline_s:.0f} s")
        time.sleep(0.005)


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process has used, all its threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def family_cpu_s(pid: int) -> float:
    """As `cpu_s`, with all living descendants."""
    total = 0.0
    todo = [pid]
    while todo:
        one = todo.pop()
        try:
            total += cpu_s(one)
            for task in Path(f"/proc/{one}/task").iterdir():
                todo.extend(int(child) for child in (task / "children").read_text(encoding="utf-8").split())
        except OSError:  # it ended meanwhile
            continue
    return total


def resident_mb(pid: int) -> float:
    """Megabytes that a process has in RAM, shared pages included."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS"))
