"""Forks sweeps of retention to be killed: a parent that has everything imported, so that a child begins within milliseconds.
The environment names the deployment.

Each line `<days>` on standard input starts a child that does what the worker does so many days from now: it asks for what must
go, then carries out what is due. It is answered by `pid <id>` at once and by `end <status>` once the child is over; the status
of one that was killed is negative.
"""

import os
import sys
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.clock.system import SystemClock
from ops.bootstrap import Part, build
from ops.jobs.erase import sweep_erasures
from ops.jobs.retention import sweep_retention
from ops.settings import Settings


class ClockAhead(SystemClock):
    def __init__(self, days: int) -> None:
        self._ahead = timedelta(days=days)

    def now(self) -> datetime:
        return super().now() + self._ahead


def sweep(days: int) -> None:
    with build(Settings.load(), parts=Part.WORKER) as system:
        then = replace(system, clock=ClockAhead(days))
        sweep_retention(then)
        sweep_erasures(then)


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                sweep(int(line))
                code = 0
            finally:
                os._exit(code)
        sys.stdout.write(f"pid {child}\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"end {os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
