"""Says in the log when views are behind, must be rebuilt, or had to set events aside."""

from typing import Final

import structlog

from adapters.views.health import ProjectionHealth, health_of
from adapters.views.tables import VIEWS
from ops.bootstrap import System
from ops.jobs.job import Job
from ops.probes import BEHIND_S

_log = structlog.get_logger("ops.jobs.projection_health")


def projection_health(system: System) -> int:
    """Returns how many views need attention. Raises StoreUnavailable."""
    troubled = [
        (health, code) for health in health_of(system.recorder, system.tracking, VIEWS) if (code := trouble(health))
    ]
    for health, code in troubled:
        _log.warning(
            "A view needs attention",
            view=health.projection,
            code=code,
            position=health.position,
            lag=health.lag_events,
            seconds=round(health.lag_s, 1),
            parked=health.parked,
        )
    return len(troubled)


def trouble(health: ProjectionHealth) -> str:
    """The code of what is wrong with a view, "" when nothing is."""
    if health.needs_rebuild:
        return "view_needs_rebuild"
    if health.parked:
        return "events_parked"
    return "view_behind" if health.lag_s > BEHIND_S else ""


PROJECTION_HEALTH: Final = Job(name="projection_health", run=projection_health, minutes=None, at_start=True)
