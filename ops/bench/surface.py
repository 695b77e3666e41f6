"""The API over HTTP: recording and reading sessions, a long journey, and the memory of an idle process."""

import gc
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import func, select

from adapters.event_store.tables import events
from adapters.keys.row_sealer import RowSealer
from adapters.views.journey import SqlJourneyView
from ops.bench.clinic import Clinic, call_api, clinic, projecting, serving, sign_in
from ops.bench.load import Ask, Load, Plan, offer
from ops.bench.options import Options
from ops.bench.places import Home
from ops.bench.processes import BenchmarkFailed, Running, family_cpu_s, resident_mb
from ops.bench.results import Aim, Row
from ops.bench.samples import Samples
from ops.bootstrap import Part, System, build

RECORDED_PER_S: Final = Aim(1000, at_least=True)
RECORDED_P99_MS: Final = Aim(80)
READ_P99_MS: Final = Aim(20)
JOURNEY_P95_MS: Final = Aim(50)
MEMORY_MB: Final = Aim(150)
_CLIENTS: Final = 200
_CLINICIANS: Final = 8
_WEEKS: Final = 520
_CONNECTIONS: Final = 32
_FEWER: Final = 8
_PATH_PER_S: Final = 3000
"""More requests a second than can be answered: so many are prepared."""


@dataclass(frozen=True, slots=True)
class _Served:
    """A running API, and access tokens by clinician."""

    clinic: Clinic
    server: Running
    tokens: dict[UUID, str]
    home: Home
    options: Options

    def token_for(self, client_id: UUID) -> str:
        return self.tokens[self.clinic.samples.clinician_of(client_id).id]

    def load(self, asks: Sequence[Ask], *, connections: int, expected: int, once: bool = False) -> tuple[Load, str]:
        """The load of one round, and a note of who used how much of the processors."""
        settings = self.clinic.settings
        plan = Plan(
            host=settings.host,
            port=settings.port,
            connections=connections,
            asks=asks,
            seconds=self.options.seconds,
            warm_up_s=min(0.5, self.options.seconds / 4),
            once=once,
        )
        database = self.home.cpu_pid()
        before = family_cpu_s(self.server.pid), family_cpu_s(database) if database else 0.0
        started = perf_counter()
        load = offer(plan)
        took_s = perf_counter() - started
        after = family_cpu_s(self.server.pid), family_cpu_s(database) if database else 0.0
        load.require(expected)
        api, db = ((late - early) / took_s for early, late in zip(before, after, strict=True))
        parts = [f"API {api:.2f}", f"load {load.cpu_s / took_s:.2f}", *([f"PostgreSQL {db:.2f}"] if database else [])]
        return load, "cores: " + ", ".join(parts)


def http(home: Home, options: Options) -> Iterator[Row]:
    """One API process as `anamnesis serve` runs it, a load generator beside it, connections kept alive."""
    samples = Samples(_CLIENTS, clinicians=_CLINICIANS)
    weeks = {samples.clients[0]: max(2, round(_WEEKS * min(1.0, options.scale)))}
    weeks |= dict.fromkeys(samples.clients[1:21], 10)
    with (
        home.deployment() as place,
        clinic(place, samples, weeks) as one,
        build(one.settings, parts=Part.API) as system,
    ):
        system.runner().catch_up()
        yield from _memory(home, one)
        with serving(one) as server:
            tokens = {clinician.id: sign_in(one, clinician) for clinician in samples.clinicians}
            served = _Served(one, server, tokens, home, options)
            # One for each client, not counted: keys are made durable before their first use, and loaded.
            served.load(_record_asks(served)()[:_CLIENTS], connections=_CONNECTIONS, expected=201, once=True)
            yield from _records(served, system)
            with projecting(one.settings):
                yield from _latencies(
                    served,
                    "record, with the projections running",
                    _record_asks(served),
                    _CONNECTIONS,
                    201,
                    RECORDED_P99_MS,
                    RECORDED_PER_S,
                    once=True,
                )
            system.runner().catch_up()
            for connections in (_FEWER, _CONNECTIONS):
                yield from _latencies(served, "read a session", _read_asks(served), connections, 200, READ_P99_MS, None)
            yield from _journeys(served, system)


def _memory(home: Home, one: Clinic) -> Iterator[Row]:
    """An API process that signed one clinician in, answered a few reads, and waits."""
    client = one.samples.clients[0]
    with serving(one) as server:
        at_start = resident_mb(server.pid)
        token = sign_in(one, one.samples.clinician_of(client))
        for target in (
            f"/v1/sessions/{one.sessions[client][0]}",
            f"/v1/clients/{client}/journey",
            "/v1/clients",
            "/v1/me",
        ):
            call_api(one.settings, target, token=token)
        used = resident_mb(server.pid)
    facts = {"benchmark": "memory", "database": home.kind, "unit": "MB"}
    yield Row.of_rounds([at_start], what="API process, just started", **facts)
    yield Row.of_rounds([used], what="API process, after sign-in and first reads", aim=MEMORY_MB, **facts)


def _records(served: _Served, system: System) -> Iterator[Row]:
    for what, keyed in (("record a session", False), ("record, with Idempotency-Key", True)):
        before = _events(system)
        answers = 0

        def count(load: Load) -> None:
            nonlocal answers
            answers += load.answers

        yield from _latencies(
            served,
            what,
            _record_asks(served, keyed=keyed),
            _CONNECTIONS,
            201,
            RECORDED_P99_MS,
            RECORDED_PER_S,
            once=True,
            seen=count,
        )
        if _events(system) - before != 2 * answers:
            raise BenchmarkFailed(
                "Not every answered session is in the log.", answered=answers, events=_events(system) - before
            )


def _events(system: System) -> int:
    with system.databases.events.connect() as connection:
        count, last = connection.execute(select(func.count(), func.max(events.c.position))).one()
    if count != last:
        raise BenchmarkFailed("The log has a gap.", events=count, last=last)
    return int(count)


def _record_asks(served: _Served, *, keyed: bool = False) -> Callable[[], list[Ask]]:
    samples = served.clinic.samples

    def asks() -> list[Ask]:
        now = datetime.now(UTC)
        bodies = [json.dumps(samples.body(now)) for _ in range(500)]
        return [
            Ask(
                method="POST",
                target=f"/v1/clients/{client}/sessions",
                token=served.token_for(client),
                body=bodies[number % len(bodies)],
                key=uuid4().hex if keyed else "",
            )
            for number in range(max(_CLIENTS, round(_PATH_PER_S * (served.options.seconds + 1))))
            for client in (samples.clients[number % _CLIENTS],)
        ]

    return asks


def _read_asks(served: _Served) -> Callable[[], list[Ask]]:
    return lambda: [
        Ask(method="GET", target=f"/v1/sessions/{session}", token=served.token_for(client))
        for client, sessions in served.clinic.sessions.items()
        for session in sessions
    ]


def _latencies(  # noqa: PLR0913, PLR0917 - one measure, its aims and its checks
    served: _Served,
    what: str,
    asks: Callable[[], Sequence[Ask]],
    connections: int,
    expected: int,
    p99: Aim,
    rate: Aim | None,
    *,
    once: bool = False,
    seen: Callable[[Load], None] = lambda _: None,
) -> Iterator[Row]:
    loads, note = [], ""
    for _ in range(served.options.rounds):
        load, note = served.load(asks(), connections=connections, expected=expected, once=once)
        seen(load)
        loads.append(load)
    facts: dict[str, Any] = {"benchmark": "http", "database": served.home.kind}
    name = f"{what}, {connections} connections"
    yield Row.of_rounds([load.per_s for load in loads], what=name, unit="/s", aim=rate, note=note, **facts)
    samples = [load.latencies_ms for load in loads]
    yield Row.of_samples(samples, 0.5, what=f"{name}, p50", unit="ms", **facts)
    yield Row.of_samples(samples, 0.99, what=f"{name}, p99", unit="ms", aim=p99, **facts)


def _journeys(served: _Served, system: System) -> Iterator[Row]:
    """A client's whole history in one page: registration, appointments, sessions."""
    client = served.clinic.samples.clients[0]
    journey = SqlJourneyView(system.tracking, RowSealer(system.keys, system.mapper.log))
    expected = 2 * len(served.clinic.sessions[client])
    gc.collect()
    gc.freeze()  # what the benchmark itself holds is not the product's
    rounds = []
    items = 0
    for _ in range(served.options.rounds):
        times = []
        for _ in range(10):
            started = perf_counter()
            items = len(journey.of_client(client, limit=2000).items)
            times.append((perf_counter() - started) * 1000)
        rounds.append(times)
    if items < expected:
        raise BenchmarkFailed("The journey is shorter than its client's history.", items=items, expected=expected)
    facts: dict[str, Any] = {"benchmark": "journey", "database": served.home.kind, "unit": "ms"}
    yield Row.of_samples(rounds, 0.95, what="the view alone, p95", note=f"{items:,} items", **facts)
    for limit, aim in ((2000, JOURNEY_P95_MS), (100, None)):
        asks = [Ask(method="GET", target=f"/v1/clients/{client}/journey?limit={limit}", token=served.token_for(client))]
        samples = [served.load(asks, connections=1, expected=200)[0].latencies_ms for _ in range(served.options.rounds)]
        what = f"over HTTP, {'all' if limit > items else limit} items"
        yield Row.of_samples(samples, 0.5, what=f"{what}, p50", **facts)
        yield Row.of_samples(samples, 0.95, what=f"{what}, p95", aim=aim, **facts)
