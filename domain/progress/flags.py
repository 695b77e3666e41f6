"""Risk flags of which nobody has said what became of them."""

from collections.abc import Iterable
from typing import Final

from domain.progress.record import Flag

OPEN: Final = ("raised", "acknowledged", "escalated")
LEVELS: Final = ("imminent", "high", "moderate", "low")
"""Worst first."""


def urgency(level: str | None) -> int:
    """Its place among levels; unknown ones and none come last."""
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def open_flags(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    """Most urgent first, then what waits longest."""
    found = [each for each in flags if each.status in OPEN]
    return tuple(sorted(found, key=lambda each: (urgency(each.level), each.raised_at, each.id.int)))
