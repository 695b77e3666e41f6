"""Redis, the worker and the projections."""

from collections.abc import Iterator
from typing import Any, Final

import redis

from adapters.cache.redis import FAILURES, connect, ping
from adapters.db.engines import open_database
from adapters.event_store.recorder import Recorder
from adapters.queue.arq import ArqQueue
from adapters.views.health import ProjectionHealth, health_of
from adapters.views.tables import VIEWS
from adapters.views.tracking import ViewTracking
from domain.errors import AnamnesisError, QueueUnavailable
from ops.checks.databases import absent_file
from ops.checks.finding import Finding, broken, skipped, warning
from ops.settings import Settings

_OLDEST_REDIS: Final = 6
_BEHIND_S: Final = 10.0


def background(settings: Settings) -> Iterator[Finding]:
    """Redis, and whether a worker uses it. The API goes on without either, so their absence is a warning."""
    client = connect(settings.redis_url)
    try:
        yield from _redis(client)
        yield _worker(client)
    except QueueUnavailable:
        text = "Redis does not answer: no background work, and each process counts rate limits for itself."
        yield warning("redis", "redis_down", text, "Start Redis, or correct ANAMNESIS_REDIS_URL.")
        yield skipped("worker", "Redis does not answer")
    finally:
        client.close()


def _redis(client: redis.Redis) -> Iterator[Finding]:
    version = ping(client)
    if int(version.partition(".")[0] or 0) < _OLDEST_REDIS:
        yield warning("redis", "redis_old", f"Redis {version} is older than 6.", "Use Redis 6 or newer, or Valkey.")
        return
    try:
        answer: Any = client.config_get("maxmemory-policy")
        policy = str(answer.get("maxmemory-policy", "noeviction"))
    except FAILURES:
        policy = "noeviction"  # managed services don't say; theirs is set in a console
    if policy.startswith("allkeys"):
        text = f"Redis drops any key when memory runs out ({policy}): queued jobs could be lost."
        yield warning("redis", "redis_evicts", text, "Set maxmemory-policy noeviction (or volatile-lru).")
    else:
        yield Finding(part="redis", text=f"Redis {version} answers.")


def _worker(client: redis.Redis) -> Finding:
    if ArqQueue(client).worker_seen():
        return Finding(part="worker", text="A worker reported within the last seconds.")
    text = "No worker runs: stale drafts stay, and nobody watches the projections."
    return warning("worker", "worker_absent", text, "Run `anamnesis worker`.")


def projections(settings: Settings) -> Iterator[Finding]:
    """How far the views are behind the log, and what they had to set aside."""
    part = "projections"
    if absent_file(settings.events_url) or absent_file(settings.views_url):
        yield skipped(part, "a database above is missing")
        return
    try:
        events, views = (open_database(url, pool_size=2) for url in (settings.events_url, settings.views_url))
        try:
            log = Recorder(events)
            healths = health_of(log, ViewTracking(views, log.deployment_id, log.incarnation), VIEWS)
        finally:
            events.dispose()
            views.dispose()
    except AnamnesisError as error:
        yield Finding.of(part, error)
        return
    troubles = [trouble for health in healths if (trouble := _trouble(health)) is not None]
    yield from troubles
    if not troubles:
        yield Finding(part=part, text=f"{len(healths)} views are at the head of the log, nothing is parked.")


def _trouble(health: ProjectionHealth) -> Finding | None:
    part = f"view {health.projection}"
    if health.of_earlier_release:
        text = "It was built by an earlier release; until it is built anew its readers are told to come back."
        return warning(part, "view_of_earlier_release", text, "Start `anamnesis project`, which builds it anew.")
    if health.needs_rebuild:
        text = "It was built from another log, from events that are no longer there, or by another release."
        return broken(part, "view_needs_rebuild", text, f"Run `anamnesis rebuild-views {health.projection}`.")
    if health.parked:
        text = f"{health.parked:,} event(s) could not be applied and were set aside."
        mend = f"Look for `event parked` in the logs of `anamnesis project`; then `anamnesis rebuild-views {health.projection}`."
        return warning(part, "events_parked", text, mend)
    if health.rebuilding:
        return warning(part, "view_rebuilding", "It is being rebuilt.", "Wait; `anamnesis project` must be running.")
    if health.lag_s > _BEHIND_S:
        text = f"It is {health.lag_events:,} events, {health.lag_s:,.0f} s behind."
        return warning(part, "view_behind", text, "Run `anamnesis project`, and look at its logs.")
    return None
