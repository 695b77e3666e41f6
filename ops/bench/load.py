"""The load generator: keep-alive HTTP/1.1 connections that ask again as soon as they are answered, or on a schedule.

Runs as a process of its own (`python -m ops.bench.load`), takes a plan as one JSON object on its standard input and
answers with one on its standard output. Raw sockets and prepared requests: it must cost little beside what it measures,
and it tells how much it cost.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Final

from ops.bench.processes import BenchmarkFailed
from ops.bench.wire import BROKEN, Connection

_KEPT: Final = 20
_SHOWN: Final = 300
_PATIENCE_S: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request, as text; `body` empty for none, `key` its Idempotency-Key."""

    method: str
    target: str
    token: str = ""
    body: str = ""
    key: str = ""

    def bytes(self, host: str) -> bytes:
        """As it goes over the wire."""
        headers = [f"{self.method} {self.target} HTTP/1.1", f"host: {host}", "accept: application/json"]
        if self.token:
            headers.append(f"authorization: Bearer {self.token}")
        if self.key:
            headers.append(f"idempotency-key: {self.key}")
        body = self.body.encode()
        if body:
            headers += ["content-type: application/json", f"content-length: {len(body)}"]
        return "\r\n".join([*headers, "", ""]).encode() + body


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The asks are sent in order, over and over, by whichever connection is free.

    For `seconds` after `warm_up_s` that don't count; with `once`, until each was sent once. With `rate` (a second) they
    are sent on schedule whatever the answers do, and a latency counts from when the request was due.
    """

    host: str
    port: int
    connections: int
    asks: Sequence[Ask]
    seconds: float
    warm_up_s: float = 0.0
    rate: float = 0.0
    once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came back. `latencies_ms` in order of completion; `statuses` counts all answers, warm-up included; `bodies`
    are the beginnings of the first few, and of the first few errors.
    """

    seconds: float
    latencies_ms: Sequence[float]
    statuses: dict[str, int]
    bodies: Sequence[str]
    cpu_s: float

    @property
    def per_s(self) -> float:
        return len(self.latencies_ms) / self.seconds

    @property
    def answers(self) -> int:
        return sum(self.statuses.values())

    def require(self, status: int) -> None:
        """Raises BenchmarkFailed unless every answer had this status."""
        if set(self.statuses) != {str(status)}:
            last = self.bodies[-1] if self.bodies else ""
            raise BenchmarkFailed(f"Expected nothing but status {status}, got {self.statuses}: {last}")


def offer(plan: Plan) -> Load:
    """Carry the plan out in a process of its own. Raises BenchmarkFailed."""
    done = subprocess.run(
        [sys.executable, "-m", "ops.bench.load"],
        input=json.dumps(asdict(plan)).encode(),
        capture_output=True,
        check=False,
        timeout=plan.seconds + plan.warm_up_s + _PATIENCE_S,
    )
    if done.returncode:
        raise BenchmarkFailed(f"The load generator failed: {done.stderr.decode(errors='replace').strip()[-300:]}")
    return Load(**json.loads(done.stdout))


class _Run:
    """Hands out requests and takes the answers of all connections."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._requests = [ask.bytes(f"{plan.host}:{plan.port}") for ask in plan.asks]
        self._next = 0
        self._counts_from = perf_counter() + plan.warm_up_s
        self._ends = self._counts_from + plan.seconds
        self._first = self._last = 0.0
        self._latencies_ms: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._bodies: list[str] = []
        self.free: deque[Connection] = deque()
        self.backlog: deque[tuple[bytes, float]] = deque()

    def take(self) -> bytes | None:
        """The next request; None when it is over."""
        used_up = self.plan.once and self._next >= len(self._requests)
        if used_up or perf_counter() >= self._ends:
            return None
        request = self._requests[self._next % len(self._requests)]
        self._next += 1
        return request

    def answered(self, connection: Connection, status: int, begun: float, body: bytes) -> None:
        self._note(status, begun, body)
        if status == BROKEN:
            return
        if self.plan.rate:
            if self.backlog:
                connection.send(*self.backlog.popleft())
            else:
                self.free.append(connection)
        else:
            self.ask_again(connection)

    def ask_again(self, connection: Connection) -> None:
        request = self.take()
        if request is None:
            connection.close()
        else:
            connection.send(request)

    def _note(self, status: int, begun: float, body: bytes) -> None:
        now = perf_counter()
        self._statuses[str(status)] += 1
        if len(self._bodies) < _KEPT or (status >= 400 and len(self._bodies) < 2 * _KEPT):
            self._bodies.append(body[:_SHOWN].decode(errors="replace"))
        if begun >= self._counts_from:
            self._first = self._first or begun
            self._last = now
            self._latencies_ms.append((now - begun) * 1000)

    async def keep_schedule(self, connections: Sequence[Connection]) -> None:
        """Send at the plan's rate; what finds no free connection waits, and its wait counts."""
        self.free.extend(connections)
        start, number = perf_counter(), 0
        while (request := self.take()) is not None:
            due = start + number / self.plan.rate
            number += 1
            if (pause := due - perf_counter()) > 0:
                await asyncio.sleep(pause)
            if self.free:
                self.free.popleft().send(request, due)
            else:
                self.backlog.append((request, due))
        await self._drained(connections)
        for connection in connections:
            connection.close()

    async def _drained(self, connections: Sequence[Connection]) -> None:
        deadline = perf_counter() + _PATIENCE_S
        while len(self.free) < len(connections) and perf_counter() < deadline:  # noqa: ASYNC110 - the end of a run
            await asyncio.sleep(0.005)

    def outcome(self) -> Load:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return Load(
            seconds=max(self._last - self._first, 1e-9),
            latencies_ms=self._latencies_ms,
            statuses=dict(self._statuses),
            bodies=self._bodies,
            cpu_s=usage.ru_utime + usage.ru_stime,
        )


async def _carry_out(plan: Plan) -> Load:
    loop = asyncio.get_running_loop()
    run = _Run(plan)
    connections = []
    for _ in range(plan.connections):
        _, connection = await loop.create_connection(lambda: Connection(run.answered), plan.host, plan.port)
        connections.append(connection)
    if plan.rate:
        await run.keep_schedule(connections)
    else:
        for connection in connections:
            run.ask_again(connection)
    for connection in connections:
        await connection.done.wait()
    return run.outcome()


def main() -> None:
    """Plan on standard input, outcome on standard output."""
    import uvloop  # noqa: PLC0415 - only the process of its own needs it

    given: dict[str, Any] = json.load(sys.stdin)
    plan = Plan(**given | {"asks": [Ask(**ask) for ask in given["asks"]]})
    outcome = json.dumps(asdict(uvloop.run(_carry_out(plan))))
    os.set_blocking(sys.stdout.fileno(), True)  # an event loop may have left the pipe otherwise
    sys.stdout.write(outcome)


if __name__ == "__main__":
    main()
