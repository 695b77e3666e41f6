"""How far each view is behind the log: for readiness, metrics, and the worker that watches over projections."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import time_ns
from typing import Protocol

from sqlalchemy import func, select

from adapters.db.errors import translated
from adapters.db.transactions import read_transaction
from adapters.event_store.rows import StoredRow
from adapters.views.tables import View, parked_events
from adapters.views.tracking import Progress, ViewNeedsRebuild, ViewTracking


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionHealth:
    """One view. `lag_s` is the age of the oldest event that wasn't scanned, 0 when there is none. `needs_rebuild` also for a
    view that has passed the head: the events were restored from a back-up and the view was not rebuilt. What is
    `of_earlier_release` needs it too, and gets it by itself as soon as projections run.
    """

    projection: str
    position: int
    head: int
    lag_events: int
    lag_s: float
    parked: int
    rebuilding: bool
    needs_rebuild: bool
    of_earlier_release: bool = False


class Log(Protocol):
    """What health needs of the recorder."""

    def read_log(self, after: int, limit: int, stop: int | None = None) -> Sequence[StoredRow]: ...
    def last_position(self) -> int: ...


def health_of(log: Log, tracking: ViewTracking, views: Sequence[View]) -> list[ProjectionHealth]:
    """In the order of `views`; any process that sees both databases may ask. Raises StoreUnavailable."""
    progress = tracking.progress()
    with translated("views"), read_transaction(tracking.engine) as connection:
        counts = select(parked_events.c.projection, func.count()).group_by(parked_events.c.projection)
        parked: dict[str, int] = dict(connection.execute(counts).all())
    head = log.last_position()
    health = []
    for view in views:
        row = progress.get(view.name)
        position = row.position if row else 0
        health.append(
            ProjectionHealth(
                projection=view.name,
                position=position,
                head=head,
                lag_events=max(0, head - position),
                lag_s=_lag_s(log, position) if position < head else 0.0,
                parked=parked.get(view.name, 0),
                rebuilding=row.rebuilding if row else head > 0,
                needs_rebuild=row is not None and (position > head or _outdated(tracking, view, row)),
                of_earlier_release=row is not None and position <= head and tracking.of_earlier_release(view, row),
            )
        )
    return health


def _outdated(tracking: ViewTracking, view: View, progress: Progress) -> bool:
    try:
        tracking.check(view, progress)
    except ViewNeedsRebuild:
        return True
    return False


def _lag_s(log: Log, position: int) -> float:
    oldest = log.read_log(position, 1)
    return max(0.0, (time_ns() // 1000 - oldest[0].recorded_at_us) / 1e6) if oldest else 0.0
