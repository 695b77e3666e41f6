"""Probes: whether a part the product needs works at this moment, asked by readiness checks and by `anamnesis doctor`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class HealthState(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    """The product goes on without it; something is slower, later or counted apart."""
    DOWN = "down"
    """Requests that need it fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`code` is stable, `detail` a sentence for an operator: no addresses, no secrets, no clinical text."""

    state: HealthState = HealthState.OK
    code: str = "ok"
    detail: str = ""


class Probe(Protocol):
    @property
    def name(self) -> str:
        """Short and stable: `events`, `keys`, `views`, `queue`, `projections`."""

    def check(self) -> Health:
        """Answers within about a second and never raises."""
