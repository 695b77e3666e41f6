"""Whether this process can serve: the probes' answers, asked at most once a second however many callers want to know."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any, Final

from domain.ports.health import Health, HealthState, Probe

FRESH_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One probe's answer, and how many milliseconds it took."""

    name: str
    health: Health
    took_ms: float


class Readiness:
    """Not ready until `started`, nor once `draining`."""

    def __init__(self, probes: Sequence[Probe], version: str) -> None:
        self._probes = probes
        self._version = version
        self._began = monotonic()
        self._lock = Lock()
        self._checks: tuple[Check, ...] = ()
        self._asked_at = float("-inf")
        self.started = False
        self.draining = False

    def report(self) -> tuple[bool, dict[str, Any]]:
        """Whether requests can be served, and the document that says why or why not. Blocks while probes answer."""
        checks = self._current()
        down = any(check.health.state is HealthState.DOWN for check in checks)
        degraded = any(check.health.state is HealthState.DEGRADED for check in checks)
        ready = self.started and not self.draining and not down
        return ready, {
            "status": self._status(ready=ready, degraded=degraded),
            "version": self._version,
            "uptime_s": int(monotonic() - self._began),
            "checks": [
                {
                    "name": check.name,
                    "state": check.health.state.value,
                    "code": check.health.code,
                    "detail": check.health.detail,
                    "took_ms": check.took_ms,
                }
                for check in checks
            ],
        }

    def _status(self, *, ready: bool, degraded: bool) -> str:
        if self.draining:
            return "draining"
        if not self.started:
            return "starting"
        if not ready:
            return "not_ready"
        return "degraded" if degraded else "ready"

    def _current(self) -> tuple[Check, ...]:
        with self._lock:
            if monotonic() - self._asked_at > FRESH_S:
                self._checks = tuple(_ask(probe) for probe in self._probes)
                self._asked_at = monotonic()
            return self._checks


def _ask(probe: Probe) -> Check:
    began = monotonic()
    health = probe.check()
    return Check(name=probe.name, health=health, took_ms=round((monotonic() - began) * 1000, 1))
