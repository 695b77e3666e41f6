"""Gauges that are read from the databases whenever somebody asks: how far the views are behind the log."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from adapters.log.health import CheckpointHealthReader
from adapters.views.health import Log, health_of
from adapters.views.tables import View
from adapters.views.tracking import ViewTracking
from domain.errors import AnamnesisError
from domain.ports.exceptional import ExceptionalList
from domain.ports.ids import Clock
from domain.ports.webhooks import DeliveryStore
from domain.services.drafts import microseconds


class ProjectionMetrics(Collector):
    """One gauge a question, labelled by view. Absent while a database is down: no value is better than an old one."""

    def __init__(self, log: Log, tracking: ViewTracking, views: Sequence[View]) -> None:
        self._log = log
        self._tracking = tracking
        self._views = views

    def collect(self) -> Iterator[GaugeMetricFamily]:
        lag_s, lag_events, parked, position = families = _families()
        try:
            healths = health_of(self._log, self._tracking, self._views)
        except AnamnesisError:
            return
        for health in healths:
            labels = [health.projection]
            lag_s.add_metric(labels, health.lag_s)
            lag_events.add_metric(labels, health.lag_events)
            parked.add_metric(labels, health.parked)
            position.add_metric(labels, health.position)
        yield from families

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield from _families()


class CheckpointMetrics(Collector):
    """How old the newest checkpoint is, how much of the log none covers yet, and whether the last try failed, by its code."""

    def __init__(self, published: CheckpointHealthReader) -> None:
        self._published = published

    def collect(self) -> Iterator[GaugeMetricFamily]:
        age_s, unprotected, cosignatures, failing = families = _checkpoint_families()
        try:
            health = self._published.health()
        except AnamnesisError:
            return
        unprotected.add_metric([], health.unprotected)
        if health.size:
            age_s.add_metric([], health.age_s)
            cosignatures.add_metric([], health.cosignatures)
        if health.outcome:
            failing.add_metric([health.outcome], 1)
        yield from families

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield from _checkpoint_families()


def _checkpoint_families() -> tuple[GaugeMetricFamily, ...]:
    return (
        GaugeMetricFamily("anamnesis_log_checkpoint_age_seconds", "Age of the newest checkpoint."),
        GaugeMetricFamily("anamnesis_log_unprotected_events", "Events that no checkpoint covers yet."),
        GaugeMetricFamily("anamnesis_log_checkpoint_cosignatures", "Witnesses that cosigned the newest checkpoint."),
        GaugeMetricFamily("anamnesis_log_checkpoint_failing", "1 where the last try failed.", labels=["code"]),
    )


class WebhookMetrics(Collector):
    """Attempts of all webhooks together, by whether they were taken, and how many fail now. Addresses are no labels."""

    def __init__(self, deliveries: DeliveryStore) -> None:
        self._deliveries = deliveries

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        attempts, states = families = _webhook_families()
        try:
            listed = self._deliveries.listed()
        except AnamnesisError:
            return
        attempts.add_metric(["delivered"], sum(one.delivered for one in listed))
        attempts.add_metric(["failed"], sum(one.failed for one in listed))
        active = [one for one in listed if one.status == "active"]
        failing = sum(one.attempts > 0 for one in active)
        states.add_metric(["active"], len(active) - failing)
        states.add_metric(["failing"], failing)
        states.add_metric(["paused"], len(listed) - len(active))
        yield from families

    def describe(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        yield from _webhook_families()


class ExceptionalAccessMetrics(Collector):
    """How many ways past a care team are open, wait for a review, or have waited too long."""

    def __init__(self, listed: ExceptionalList, clock: Clock) -> None:
        self._listed = listed
        self._clock = clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = _exceptional_family()
        try:
            counts = self._listed.counted(microseconds(self._clock.now()))
        except AnamnesisError:
            return
        for state, count in zip(("open", "waiting", "overdue"), counts, strict=True):
            family.add_metric([state], count)
        yield family

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield _exceptional_family()


def _exceptional_family() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "anamnesis_exceptional_access", "Ways into charts past their care teams.", labels=["state"]
    )


def _webhook_families() -> tuple[CounterMetricFamily, GaugeMetricFamily]:
    return (
        CounterMetricFamily(
            "anamnesis_webhook_attempts", "Messages sent to webhooks that there are.", labels=["outcome"]
        ),
        GaugeMetricFamily("anamnesis_webhooks", "Webhooks by how they are.", labels=["state"]),
    )


def _families() -> tuple[GaugeMetricFamily, ...]:
    labels = ["view"]
    return (
        GaugeMetricFamily("anamnesis_projection_lag_seconds", "Age of the oldest event a view lacks.", labels=labels),
        GaugeMetricFamily("anamnesis_projection_lag_events", "Events a view has not scanned yet.", labels=labels),
        GaugeMetricFamily("anamnesis_projection_parked_events", "Events a view could not apply.", labels=labels),
        GaugeMetricFamily("anamnesis_projection_position", "The last position a view has scanned.", labels=labels),
    )
