"""Runs the projections until asked to stop; a batch that has begun is finished."""

import signal
from threading import Event

import structlog

from ops.bootstrap import Part, build
from ops.memory import settle
from ops.settings import Settings

_log = structlog.get_logger("ops.project")


def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises what `build` raises, and Misconfigured for a view that must be rebuilt."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with build(settings, parts=Part.PROJECTIONS) as system:
        runner = system.runner()
        _log.info("The projections run", count=len(runner.health()))
        settle()
        runner.run(stop)
    _log.info("The projections have stopped")
