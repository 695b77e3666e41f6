"""Probes of the parts a process needs. Each answers quickly and never raises."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Engine, text

from adapters.db.errors import translated
from adapters.queue.arq import ArqQueue
from adapters.views.health import Log, health_of
from adapters.views.tables import View
from adapters.views.tracking import ViewTracking
from domain.errors import AnamnesisError
from domain.ports.health import Health, HealthState

BEHIND_S: Final = 10.0
"""Age of the oldest event a view lacks, from which on readers notice."""


class DatabaseProbe:
    """One of the three databases; requests need each of them."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.name = name
        self._engine = engine

    def check(self) -> Health:
        try:
            with translated(self.name), self._engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except AnamnesisError as error:
            return Health(state=HealthState.DOWN, code=error.code, detail=error.detail)
        return Health()


class QueueProbe:
    """Redis and the worker. The API goes on without them."""

    name = "queue"

    def __init__(self, queue: ArqQueue) -> None:
        self._queue = queue

    def check(self) -> Health:
        try:
            seen = self._queue.worker_seen()
        except AnamnesisError as error:
            return Health(state=HealthState.DEGRADED, code=error.code, detail=error.detail)
        if seen:
            return Health()
        return Health(state=HealthState.DEGRADED, code="worker_absent", detail="No worker does background work.")


class ProjectionProbe:
    """How far the views are. What they hold stays readable when they lag, so this never makes a process unready."""

    name = "projections"

    def __init__(self, log: Log, tracking: ViewTracking, views: Sequence[View]) -> None:
        self._log = log
        self._tracking = tracking
        self._views = views

    def check(self) -> Health:
        try:
            healths = health_of(self._log, self._tracking, self._views)
        except AnamnesisError as error:
            return Health(state=HealthState.DEGRADED, code=error.code, detail=error.detail)
        if any(health.needs_rebuild for health in healths):
            return _degraded("view_needs_rebuild", "A view must be rebuilt before it can be read.")
        if any(health.parked for health in healths):
            return _degraded("events_parked", "Events could not be applied and were set aside.")
        if any(health.rebuilding for health in healths):
            return _degraded("view_rebuilding", "A view is being rebuilt.")
        if any(health.lag_s > BEHIND_S for health in healths):
            return _degraded("view_behind", "A view is behind the log; the projections may not be running.")
        return Health()


def _degraded(code: str, detail: str) -> Health:
    return Health(state=HealthState.DEGRADED, code=code, detail=detail)
