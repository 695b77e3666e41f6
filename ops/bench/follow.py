"""The projections in a process of their own, noting when each batch became visible: `python -m ops.bench.follow FILE`.

Until SIGTERM; then writes one line a batch to FILE: the position reached, and the monotonic clock, which all processes of
a machine share.
"""

import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event

from sqlalchemy import Connection

from adapters.views.tracking import ViewTracking
from ops.bootstrap import Part, build
from ops.logging import configure
from ops.settings import Settings


class NotingTracking(ViewTracking):
    """Notes each position that was announced to readers, which is after its commit."""

    def start(self) -> None:
        self.notes: list[tuple[int, float]] = []
        self._moved_to = 0

    def advance(self, connection: Connection, positions: Mapping[str, int]) -> None:
        super().advance(connection, positions)
        self._moved_to = min(positions.values())

    def announce(self) -> None:
        super().announce()
        self.notes.append((self._moved_to, time.monotonic()))


def main() -> None:
    """Settings come from the environment."""
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    settings = Settings.load()
    configure("warning", process="follow")
    with build(settings, parts=Part.PROJECTIONS) as system:
        tracking = NotingTracking(system.databases.views, system.recorder.deployment_id, system.recorder.incarnation)
        tracking.start()
        replace(system, tracking=tracking).runner().run(stop)
    lines = [f"{position} {seconds!r}\n" for position, seconds in tracking.notes]
    Path(sys.argv[1]).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
