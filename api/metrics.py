"""Counts and durations for Prometheus, labelled by route template: ids never become labels.

The middleware of prometheus-fastapi-instrumentator matches every request against all routes a second time; the router
has left the answer in the scope.
"""

from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import Scope

UNKNOWN_ROUTE: Final = "none"
# Around the aims: reads under 20 ms, writes under 80 ms, at the 99th percentile.
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24)
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class HttpMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._duration = Histogram(
            "anamnesis_http_request_duration_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._answers = Counter(
            "anamnesis_http_requests", "Answered requests.", ("method", "route", "status"), registry=registry
        )
        self.in_progress = Gauge(
            "anamnesis_http_requests_in_progress", "Requests being worked on now.", registry=registry
        )
        self.refused = Counter(
            "anamnesis_http_unauthenticated",
            "Calls without a valid sign-in: each audited, or beyond the limit only counted.",
            ("treated",),
            registry=registry,
        )
        # labels() hashes and locks; a handful of routes is asked for over and over.
        self._durations: dict[tuple[str, str], Histogram] = {}
        self._counts: dict[tuple[str, str, int], Counter] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is a template such as /v1/sessions/{session_id}, never a path."""
        if method not in _METHODS:
            method = "other"
        timer = self._durations.get((method, route))
        if timer is None:
            timer = self._durations.setdefault((method, route), self._duration.labels(method, route))
        timer.observe(seconds)
        count = self._counts.get((method, route, status))
        if count is None:
            count = self._counts.setdefault((method, route, status), self._answers.labels(method, route, status))
        count.inc()


def route_template(scope: Scope) -> str:
    """The template of the route that took the request."""
    return getattr(scope.get("route"), "path", UNKNOWN_ROUTE)


def since(start: float) -> float:
    return perf_counter() - start
