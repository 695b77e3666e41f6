"""What tells change from noise on a scale: its measurement error, what matters to people, which way is better."""

from dataclasses import dataclass
from enum import IntEnum
from math import sqrt
from typing import Final

CONFIDENCE: Final = 0.95
Z: Final = 1.96
"""Two-sided 5 % of the normal distribution, as Jacobson and Truax (1991) write it."""


class Better(IntEnum):
    """The direction of improvement; EITHER where neither side is the better one, as with a neutral state."""

    LOWER = -1
    EITHER = 0
    HIGHER = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """`threshold` is the smallest change in points that counts: the reliable-change threshold 1.96·√2·SEM where the
    measurement error is `known`, otherwise a convention. `important` is the minimal important difference, `unit` the name
    of a point in the plural.
    """

    threshold: float
    important: float
    better: Better
    known: bool
    unit: str = "points"

    @property
    def error(self) -> float | None:
        """The standard error of measurement in points; None where nobody has measured it."""
        return self.threshold / (Z * sqrt(2.0)) if self.known else None


STATE: Final = 2.0
"""Points on 0 to 10. No reliability is published for a clinician's single rating of a named state. Two points are about
what people with pain call "much improved" on the same 0 to 10 scale (Farrar et al., Pain 2001;94:149): borrowed, and said
so in docs/progress.md."""
PART_OF_GOAL: Final = 10.0
"""Percent of the way from baseline to target: our own convention, for want of any published one."""
ATTENDANCE: Final = 20.0
"""Percentage points of appointments kept: our own convention, one appointment in five."""
