"""Durable appends and what sealing them costs: many writers and one, beside the library's recorder."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

import orjson
from eventsourcing.persistence import StoredEvent

from adapters.event_store.codec import Codec
from domain.model.audit import AuditEvent
from ops.bench.assembly import PlainSealer, Store, store
from ops.bench.library import Library, Written, library
from ops.bench.options import Options
from ops.bench.places import Home
from ops.bench.processes import BenchmarkFailed
from ops.bench.results import Aim, Row
from ops.bench.samples import Piece, Samples
from ops.bench.writers import per_second

AIM_PER_S: Final = 6000.0
AIM_SEALING_PERCENT: Final = 10.0
_CLIENTS: Final = 200
_SEALED, _PLAIN, _BARE, _CIPHER = "sealed", "not sealed", "library, stored as given", "library, JSON and AES-GCM"

Measure = Callable[[Sequence[Piece], int], float]
"""Appends a second of these pieces by so many writers."""


def appends(home: Home, options: Options) -> Iterator[Row]:
    """A session and its audit entry an append, in four ways that take turns."""
    samples = Samples(_CLIENTS)
    many, single = options.size(8000), options.size(1500)
    with ExitStack() as stack:
        measures = _measures(home, options, samples, stack)
        rates = {
            writers: _rounds(measures, samples, writers, count, options)
            for writers, count in ((options.writers, many), (1, single))
        }
    yield from _rows(home.kind, rates, options)


def _measures(home: Home, options: Options, samples: Samples, stack: ExitStack) -> dict[str, Measure]:
    place = stack.enter_context(home.deployment())
    beside = stack.enter_context(home.deployment())
    sealed = stack.enter_context(store(place))
    plain = stack.enter_context(store(beside, PlainSealer))
    lib = stack.enter_context(library(place, pool_size=options.writers))
    for one in (sealed, plain):  # keys of the clients are made before the clock runs
        for piece in samples.sessions(_CLIENTS):
            one.save(piece)
    return {
        _SEALED: partial(_ours, sealed),
        _PLAIN: partial(_ours, plain),
        _BARE: partial(_library_as_given, lib),
        _CIPHER: partial(_library_sealed, lib),
    }


def _rounds(
    measures: dict[str, Measure], samples: Samples, writers: int, count: int, options: Options
) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(options.rounds + 1):
        # Forwards and backwards in turn, so that drift of the machine falls on all alike. The first round warms up.
        for name in list(measures)[:: 1 if number % 2 else -1]:
            # The library commits each append alone: fewer of them tell as much.
            fewer = max(writers, count // 4) if name in (_BARE, _CIPHER) and writers > 1 else count
            rate = measures[name](samples.sessions(fewer), writers)
            if number:
                rates[name].append(rate)
    return rates


def _ours(one: Store, pieces: Sequence[Piece], writers: int) -> float:
    before = one.recorder.last_position()
    rate = per_second(pieces, one.save, writers)
    one.check(before + 2 * len(pieces))
    return rate


def _library_as_given(lib: Library, pieces: Sequence[Piece], writers: int) -> float:
    """The same plaintext bytes, ready to store: nothing but its recorder."""
    codec = Codec()

    def stored(event: Any) -> StoredEvent:
        return StoredEvent(event.originator_id, event.originator_version, "record.1", codec.encode(event))

    ready = [[stored(event) for event in _events(piece)] for piece in pieces]
    return _library(lib, ready, lib.recorder.insert_events, writers)


def _library_sealed(lib: Library, pieces: Sequence[Piece], writers: int) -> float:
    """Its mapper with JSON and AES-GCM under one key, then its recorder."""
    codec = Codec()
    ready = [
        [
            Written(
                originator_id=event.originator_id,
                originator_version=event.originator_version,
                timestamp=event.timestamp,
                content=orjson.loads(codec.encode(event)),
            )
            for event in _events(piece)
        ]
        for piece in pieces
    ]

    def save(events: Sequence[Written]) -> object:
        return lib.recorder.insert_events([lib.mapper.to_stored_event(event) for event in events])

    return _library(lib, ready, save, writers)


def _library(lib: Library, ready: Sequence[Any], save: Callable[[Any], object], writers: int) -> float:
    before = lib.recorder.max_notification_id() or 0
    rate = per_second(ready, save, writers)
    after = lib.recorder.max_notification_id() or 0
    if after - before != 2 * len(ready):
        raise BenchmarkFailed(f"The library stored {after - before} events, not {2 * len(ready)}")
    return rate


def _events(piece: Piece) -> list[Any]:
    session = piece.aggregates[0]
    return [*session.collect_events(), AuditEvent.of(piece.call, piece.entry, 1)]


def _rows(kind: str, rates: dict[int, dict[str, list[float]]], options: Options) -> Iterator[Row]:
    for writers, by_name in rates.items():
        bare = Row.of_rounds(by_name[_BARE], benchmark="", database="", what="", unit="").value
        aim = Aim(AIM_PER_S, at_least=True) if writers > 1 else Aim(bare, at_least=True)
        for name, values in by_name.items():
            plural = "writers" if writers > 1 else "writer"
            yield Row.of_rounds(
                values,
                benchmark="appends",
                database=kind,
                what=f"{name}, {writers} {plural}",
                unit="/s",
                aim=aim if name == _SEALED else None,
                note="the library's recorder" if name == _SEALED and writers == 1 else "",
            )
    many = rates[options.writers]
    costs = [(plain / sealed - 1) * 100 for sealed, plain in zip(many[_SEALED], many[_PLAIN], strict=True)]
    yield Row.of_rounds(
        costs,
        benchmark="sealing",
        database=kind,
        what=f"cost, {options.writers} writers",
        unit="%",
        aim=Aim(AIM_SEALING_PERCENT),
        note="of the time of an append, pairs of rounds",
    )
