"""When sample clients come: visits before a day, their outcomes, and what is still to come."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from domain.model.values import MomentInZone
from ops.samples.scripts import Script

AHEAD: Final = 2
"""Appointments that are still to come."""
DURATION_MIN: Final = 50
_KEPT_BEFORE_DROP_OUT: Final = 14
_SETTLED: Final = 3
"""So many visits at either end take place."""


class Outcome(StrEnum):
    HELD = "held"
    MISSED = "missed"
    CANCELLED_BY_CLIENT = "cancelled_by_client"
    CANCELLED_BY_CLINICIAN = "cancelled_by_clinician"
    TO_COME = "to_come"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """`part` is how much of the course has passed, 0 to 1."""

    number: int
    start: MomentInZone
    outcome: Outcome
    part: float

    @property
    def end(self) -> datetime:
        return self.start.instant + timedelta(minutes=DURATION_MIN)

    @property
    def day(self) -> date:
        return self.start.local.date()


def visits(script: Script, today: date, zone: str, chance: random.Random) -> tuple[Visit, ...]:
    """Those before `today`, and the next ones of whoever still comes."""
    count = -(-script.weeks // script.every)
    newest = today - timedelta(days=(today.weekday() - script.weekday) % 7 or 7)
    outcomes = _outcomes(script, count, chance)
    if "drop_out" not in script.marks and count > 1:
        outcomes = [*outcomes, *[Outcome.TO_COME] * AHEAD]
    return tuple(
        Visit(
            number=number,
            start=_at(newest + timedelta(weeks=script.every * (number - count + 1)), script.hour, zone),
            outcome=outcome,
            part=min(1.0, number / max(1, count - 1)),
        )
        for number, outcome in enumerate(outcomes)
    )


def _outcomes(script: Script, count: int, chance: random.Random) -> list[Outcome]:
    kinds = (Outcome.HELD, Outcome.MISSED, Outcome.CANCELLED_BY_CLIENT, Outcome.CANCELLED_BY_CLINICIAN)
    outcomes = chance.choices(kinds, (86, 5, 6, 3), k=count)
    for number in range(count):
        if number < _SETTLED or number >= count - _SETTLED:
            outcomes[number] = Outcome.HELD
    if "drop_out" in script.marks:
        # Came for a while, stayed away three times, and was not seen again.
        return [*outcomes[:_KEPT_BEFORE_DROP_OUT], *[Outcome.MISSED] * 3]
    if "overdue_flag" in script.marks:
        # The clinician was away, and nobody looked at what came in.
        outcomes[-1] = Outcome.CANCELLED_BY_CLINICIAN
    return outcomes


def _at(day: date, hour: int, zone: str) -> MomentInZone:
    return MomentInZone.of(datetime.combine(day, time(hour), ZoneInfo(zone)), zone)


def held(all_visits: Sequence[Visit]) -> tuple[Visit, ...]:
    return tuple(visit for visit in all_visits if visit.outcome is Outcome.HELD)
