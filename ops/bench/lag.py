"""How long after its acknowledgement an append shows in the views, while appends keep coming at a given rate."""

import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Final

from adapters.views.tracking import ViewTracking
from ops.bench.assembly import Store, store
from ops.bench.options import Options
from ops.bench.places import Home, Place
from ops.bench.processes import end, running, until
from ops.bench.results import Aim, Row
from ops.bench.samples import Piece, Samples

OFFERED_PER_S: Final = 1000
AIM_MS: Final = 50.0
_CLIENTS: Final = 200
_KEPT_UP: Final = 0.95


def lag(home: Home, options: Options) -> Iterator[Row]:
    """Open loop: an append is due every millisecond whatever the others do. The runner is a process of its own."""
    samples = Samples(_CLIENTS)
    taken: list[float] = []
    lags: list[list[float]] = []
    since_due: list[list[float]] = []
    with home.deployment() as place, store(place) as one:
        for client in samples.clients:
            one.save(next(samples.weeks(client, 0)))
        for number in range(options.rounds):
            notes = place.settings.data_dir / f"visible-{number}"
            acknowledged = _offer(place, one, samples, notes, options)
            taken.append(_per_s(acknowledged))
            late, later = _lags(acknowledged, notes)
            lags.append(late)
            since_due.append(later)
    kept_up = Aim(OFFERED_PER_S * _KEPT_UP, at_least=True)
    yield Row.of_rounds(taken, benchmark="lag", database=home.kind, what="appends taken", unit="/s", aim=kept_up)
    facts = {"benchmark": "lag", "database": home.kind, "unit": "ms"}
    note = f"{OFFERED_PER_S:,} appends/s offered"
    yield Row.of_samples(lags, 0.5, what="acknowledged to visible, p50", note=note, **facts)
    yield Row.of_samples(lags, 0.99, what="acknowledged to visible, p99", aim=Aim(AIM_MS), note=note, **facts)
    yield Row.of_samples(since_due, 0.99, what="due to visible, p99", note="with the append itself", **facts)


def _offer(place: Place, one: Store, samples: Samples, notes: Path, options: Options) -> list[tuple[int, float, float]]:
    """(position, due, acknowledged) of each append; seconds on the monotonic clock."""
    # The first append for each client finds cold keys in both processes; it is made, and not counted.
    pieces = samples.sessions(_CLIENTS + max(options.writers, round(OFFERED_PER_S * options.seconds)))
    before = one.recorder.last_position()
    after = before + 2 * len(pieces)
    with running([sys.executable, "-m", "ops.bench.follow", str(notes)], place.settings.environment()) as runner:
        tracking = ViewTracking(one.databases.views, one.recorder.deployment_id, one.recorder.incarnation)

        def reached(position: int) -> bool:
            return min((view.position for view in tracking.progress().values()), default=0) >= position

        until(lambda: reached(before), "the projections", runner)
        _scheduled(one, pieces[:_CLIENTS], options.writers)
        until(lambda: reached(before + 2 * _CLIENTS), "the projections", runner)
        done = _scheduled(one, pieces[_CLIENTS:], options.writers)
        until(lambda: reached(after), "the projections", runner)
        end(runner.process)
    one.check(after)
    return done


def _per_s(done: Sequence[tuple[int, float, float]]) -> float:
    """The rate at which they were taken, from the first due to the last acknowledged."""
    return len(done) / (max(acknowledged for *_, acknowledged in done) - min(due for _, due, _ in done))


def _scheduled(one: Store, pieces: Sequence[Piece], writers: int) -> list[tuple[int, float, float]]:
    numbers = count()
    start = time.monotonic() + 0.1
    done: list[tuple[int, float, float]] = []

    def work() -> None:
        while (number := next(numbers)) < len(pieces):
            due = start + number / OFFERED_PER_S
            if (pause := due - time.monotonic()) > 0:
                time.sleep(pause)
            position = one.save(pieces[number])
            done.append((position, due, time.monotonic()))

    threads = [Thread(target=work) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def _lags(appends: Sequence[tuple[int, float, float]], notes: Path) -> tuple[list[float], list[float]]:
    """Milliseconds from acknowledgement, and from when it was due, to when its position was visible."""
    visible = [(int(position), float(at)) for position, at in map(str.split, notes.read_text().splitlines())]
    positions = [position for position, _ in visible]
    late, later = [], []
    for position, due, acknowledged in appends:
        at = visible[bisect_left(positions, position)][1]
        late.append(max(0.0, at - acknowledged) * 1000)
        later.append((at - due) * 1000)
    return late, later
