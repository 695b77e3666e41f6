"""What the worker's sweep of the work list costs over a whole organisation."""

from collections.abc import Iterator
from time import perf_counter
from typing import Final

from ops.bench.clinic import clinic
from ops.bench.courses import Courses
from ops.bench.options import Options
from ops.bench.places import Home
from ops.bench.processes import BenchmarkFailed
from ops.bench.results import Aim, Row
from ops.bootstrap import Part, System, build
from ops.jobs.sweep_worklist import sweep_worklist

SWEEP_S: Final = Aim(60)
CLIENTS: Final = 10_000
_WEEKS: Final = 3


def sweeps(home: Home, options: Options) -> Iterator[Row]:
    """The first sweep looks through every chart, the next only at what changed: nothing, here."""
    samples = Courses(max(2, round(CLIENTS * min(1.0, options.scale))))
    weeks = dict.fromkeys(samples.clients, _WEEKS)
    count = len(samples.clients)
    with home.deployment() as place, clinic(place, samples, weeks) as one:
        with build(one.settings, parts=Part.PROJECTIONS) as system:
            system.runner().catch_up()
            events = system.recorder.last_position()
        with build(one.settings, parts=Part.WORKER) as system:
            first, again = _swept(system, count), _swept(system, count)
    for what, took_s, aim in (
        (f"{count:,} clients, first", first, SWEEP_S),
        (f"{count:,} clients, again", again, None),
    ):
        yield Row.of_rounds(
            [took_s], benchmark="sweep", database=home.kind, what=what, unit="s", aim=aim, note=f"{events:,} events"
        )


def _swept(system: System, count: int) -> float:
    """Seconds of one sweep. Raises BenchmarkFailed when it left a client out."""
    started = perf_counter()
    looked = sweep_worklist(system)
    took_s = perf_counter() - started
    if looked != count:
        raise BenchmarkFailed("The sweep left clients out.", looked=looked)
    return took_s
