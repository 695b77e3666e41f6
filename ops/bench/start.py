"""From `anamnesis demo` on an installed tree to a system that answers and has told its sign-ins."""

import os
import sys
from collections.abc import Iterator
from time import perf_counter
from typing import Final

from ops.bench.options import Options
from ops.bench.places import Home
from ops.bench.processes import free_port, running, until
from ops.bench.results import Aim, Row

AIM: Final = Aim(10)
_READY: Final = '"event": "ready"'


def start(home: Home, options: Options) -> Iterator[Row]:
    """The demo keeps its own SQLite databases; elsewhere there is nothing to measure."""
    if home.kind != "sqlite":
        return
    first: list[float] = []
    later: list[float] = []
    for _ in range(min(options.rounds, 2)):
        with home.deployment() as place:
            folder = place.settings.data_dir / "demo"
            environment = {name: value for name, value in os.environ.items() if not name.startswith("ANAMNESIS_")}
            environment |= {"ANAMNESIS_DATA_DIR": str(folder), "ANAMNESIS_PORT": str(free_port())}
            for times in (first, later):
                times.append(_seconds(environment))
    facts = {"benchmark": "start", "database": home.kind, "unit": "s"}
    yield Row.of_rounds(first, what="first `anamnesis demo`, samples written", aim=AIM, **facts)
    yield Row.of_rounds(later, what="`anamnesis demo` again", aim=AIM, **facts)


def _seconds(environment: dict[str, str]) -> float:
    started = perf_counter()
    with running([sys.executable, "-m", "ops.cli", "demo", "--json"], environment) as demo:
        until(lambda: _READY in demo.output(), "the demo", demo)
        return perf_counter() - started
