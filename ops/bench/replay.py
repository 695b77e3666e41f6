"""Reading everything again: the log opened and decoded, and the views rebuilt from it."""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, Final

from adapters.keys.row_sealer import RowSealer
from adapters.views.journey import SqlJourneyView
from adapters.views.runner import Runner
from ops.bench.assembly import POOL, Store, store
from ops.bench.clinic import write_histories
from ops.bench.library import Library, Written, library
from ops.bench.options import Options
from ops.bench.places import Home, Place
from ops.bench.processes import BenchmarkFailed
from ops.bench.results import Aim, Row
from ops.bench.samples import Samples, ordered_id
from ops.bootstrap import Part, System, build

AIM_PER_S: Final = 25_000.0
_WEEKS: Final = 52
_PAGE: Final = 4096
# The library's PostgreSQL recorder hangs on appends of some hundred kilobytes (psycopg's pipeline, both sides writing).
_FILLED_AT_ONCE: Final = 100


def replay(home: Home, options: Options) -> Iterator[Row]:
    """A year of weekly sessions and appointments of many clients, signed and audited."""
    samples = Samples(max(1, round(100 * options.scale)))
    facts = {"benchmark": "replay", "database": home.kind, "unit": "/s"}
    with home.deployment() as place, store(place) as one, library(place, pool_size=POOL) as lib:
        write_histories(one, samples, dict.fromkeys(samples.clients, _WEEKS))
        count = one.recorder.last_position()
        one.check(count)
        _fill(lib, count)
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(count / _timed(lambda: _replay(one, count)))
            theirs.append(count / _timed(lambda: _replay_library(lib, count)))
        note = f"{count:,} events"
        yield Row.of_rounds(
            ours, what="log read, opened, decoded", aim=Aim(AIM_PER_S, at_least=True), note=note, **facts
        )
        yield Row.of_rounds(theirs, what="library, JSON and AES-GCM, read and decoded", **facts)
        rebuilt = _rebuild(place, count, samples, options.rounds)
        yield Row.of_rounds(rebuilt, what="all views rebuilt", aim=Aim(AIM_PER_S, at_least=True), note=note, **facts)


def _timed(act: Callable[[], object]) -> float:
    started = perf_counter()
    act()
    return perf_counter() - started


def _replay(one: Store, count: int) -> None:
    position = 0
    while rows := one.recorder.read_log(position, _PAGE):
        for row in rows:
            one.mapper.to_event(row)
        position = rows[-1].position
    if position != count:
        raise BenchmarkFailed("The log ended early.", position=position, expected=count)


def _fill(lib: Library, count: int) -> None:
    """As many of its own events, of about the mean size of ours."""
    content: dict[str, Any] = {"summary": "x" * 500, "themes": ["sleep", "work"], "duration_min": 50}
    for _ in range(0, count, _FILLED_AT_ONCE):
        written = [
            Written(
                originator_id=ordered_id(), originator_version=1, timestamp=Written.create_timestamp(), content=content
            )
            for _ in range(_FILLED_AT_ONCE)
        ]
        lib.recorder.insert_events([lib.mapper.to_stored_event(event) for event in written])


def _replay_library(lib: Library, count: int) -> None:
    seen = 0
    while seen < count:
        found = lib.recorder.select_notifications(seen + 1, _PAGE)
        for one in found[: count - seen]:
            lib.mapper.to_domain_event(one)
        seen += len(found)


def _rebuild(place: Place, count: int, samples: Samples, rounds: int) -> list[float]:
    rates = []
    with build(place.settings, parts=Part.PROJECTIONS) as system:
        runner = system.runner()
        for _ in range(rounds):
            rates.append(count / _timed(runner.rebuild))
            _check_views(system, runner, samples)
    return rates


def _check_views(system: System, runner: Runner, samples: Samples) -> None:
    for view in runner.health():
        if view.lag_events or view.parked or view.needs_rebuild:
            raise BenchmarkFailed("A view was not rebuilt whole.", view=view.projection, parked=view.parked)
    journey = SqlJourneyView(system.tracking, RowSealer(system.keys, system.mapper.log))
    items = journey.of_client(samples.clients[0], limit=2000).items
    signed = sum(1 for item in items if item.kind == "session" and item.state == "signed")
    if signed != _WEEKS:
        raise BenchmarkFailed("A journey does not hold every session.", signed=signed, expected=_WEEKS)
