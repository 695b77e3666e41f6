"""What putting reads on record costs over HTTP: the API as it is beside one that drops the entries of reads.

Both processes stand all the time on one database and one core, and rounds take turns: one of each, in the order A B, B A, …
What the machine does besides then meets both. A pair of rounds gives one cost. Processor time an answer is told too: it says
the same of a busy machine.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import func, select

from adapters.event_store.tables import events
from ops.bench import unnoted
from ops.bench.clinic import Clinic, clinic, serving, sign_in
from ops.bench.load import Ask, Plan, offer
from ops.bench.noting import COST
from ops.bench.options import Options
from ops.bench.places import Home
from ops.bench.processes import BenchmarkFailed, Running, family_cpu_s, free_port
from ops.bench.results import Row
from ops.bench.samples import Samples
from ops.bootstrap import Part, System, build

_CONNECTIONS: Final = 8
_CLIENTS: Final = 20
_WEEKS: Final = 30
_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two processes."""

    clinic: Clinic
    server: Running
    noting: bool


@dataclass(frozen=True, slots=True)
class _Round:
    per_s: float
    cpu_ms: float
    """Processor time of the API an answer."""


def reads_over_http(home: Home, options: Options) -> Iterator[Row]:
    """Reads a second with entries and without, and what the entries cost, in per cent. Raises BenchmarkFailed."""
    samples = Samples(_CLIENTS, clinicians=1)
    weeks = dict.fromkeys(samples.clients, _WEEKS)
    with (
        home.deployment() as place,
        clinic(place, samples, weeks) as one,
        build(one.settings, parts=Part.API) as system,
    ):
        system.runner().catch_up()
        with _both(one) as sides:
            token = sign_in(one, samples.clinicians[0])
            for what, targets in _targets(one).items():
                asks = [Ask(method="GET", target=target, token=token) for target in targets]
                yield from _rows(home, what, list(_pairs(system, sides, asks, options)))


def _targets(one: Clinic) -> dict[str, Sequence[str]]:
    return {
        "session": [f"/v1/sessions/{session}" for sessions in one.sessions.values() for session in sessions],
        f"journey page of {_PAGE}": [f"/v1/clients/{client}/journey?limit={_PAGE}" for client in one.sessions],
    }


@contextmanager
def _both(one: Clinic) -> Iterator[tuple[_Side, _Side]]:
    """The product, and the one that drops; on the same core, since a process keeps to one of those that its parent may use."""
    other = replace(one, settings=replace(one.settings, port=free_port()))
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    try:
        if cores:
            os.sched_setaffinity(0, cores[:1])
        with serving(one) as noting, serving(other, unnoted.MODULE) as dropping:
            if cores:
                os.sched_setaffinity(0, cores)  # the load generator may use all
            yield _Side(one, noting, noting=True), _Side(other, dropping, noting=False)
    finally:
        if cores:
            os.sched_setaffinity(0, cores)


def _pairs(
    system: System, sides: Sequence[_Side], asks: Sequence[Ask], options: Options
) -> Iterator[tuple[_Round, _Round]]:
    """On record and not, from rounds that follow each other."""
    for number in range(options.rounds):
        order = sides if number % 2 == 0 else sides[::-1]
        told = {side.noting: _round(system, side, asks, options.seconds) for side in order}
        yield told[True], told[False]


def _round(system: System, side: _Side, asks: Sequence[Ask], seconds: float) -> _Round:
    """Raises BenchmarkFailed, also when the log grew by another number than was answered, or at all where none are kept."""
    settings = side.clinic.settings
    plan = Plan(
        host=settings.host,
        port=settings.port,
        connections=_CONNECTIONS,
        asks=asks,
        seconds=seconds,
        warm_up_s=min(0.5, seconds / 4),
    )
    entries, used_s = _entries(system), family_cpu_s(side.server.pid)
    load = offer(plan)
    used_s = family_cpu_s(side.server.pid) - used_s
    load.require(200)
    if not load.latencies_ms:
        raise BenchmarkFailed("No answer came while they counted: give a round more time.", seconds=seconds)
    kept, expected = _entries(system) - entries, load.answers if side.noting else 0
    if kept != expected:
        raise BenchmarkFailed(
            "Not each read has one entry, or one that should have none.", kept=kept, expected=expected
        )
    return _Round(load.per_s, 1000 * used_s / load.answers)


def _entries(system: System) -> int:
    with system.databases.events.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(events)).scalar_one())


def _rows(home: Home, what: str, pairs: Sequence[tuple[_Round, _Round]]) -> Iterator[Row]:
    facts: dict[str, Any] = {"benchmark": "audit", "database": home.kind}
    for how, rounds in zip(("on record", "not on record"), zip(*pairs, strict=True), strict=True):
        name = f"HTTP, {_CONNECTIONS} connections, {what}, {how}"
        yield Row.of_rounds([each.per_s for each in rounds], what=name, unit="/s", **facts)
        yield Row.of_rounds([each.cpu_ms for each in rounds], what=f"{name}, processor a read", unit="ms", **facts)
    costs = [100 * (1 - kept.per_s / dropped.per_s) for kept, dropped in pairs]
    yield Row.of_rounds(costs, what=f"cost of the record over HTTP, {what}", unit="%", aim=COST, **facts)
    shares = [100 * (1 - dropped.cpu_ms / kept.cpu_ms) for kept, dropped in pairs]
    yield Row.of_rounds(shares, what=f"share of the record in processor time, {what}", unit="%", **facts)
