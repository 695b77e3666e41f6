"""How scores scatter about a course, and how answers make up a score.

A score is the course, plus a state that carries over from one measurement to the next (AR(1)), plus measurement error; both
together stay within the instrument's standard error, SD·√(1 - r), as they would on a questionnaire that deserves its figures.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from typing import Final

from domain.instruments import Instrument

CARRY_OVER: Final = 0.3
"""Autocorrelation between successive measurements."""
_STATE: Final = 0.4
_ERROR: Final = 0.7
"""Standard deviations of the two, in standard errors of measurement; together 0.81."""

Course = Sequence[tuple[float, float]]
"""Points of (part of the time that has passed, level as a part of the instrument's worst), straight lines between."""


def level(course: Course, part: float) -> float:
    """Where the course stands, 0 (as well as can be) to 1 (as bad as can be)."""
    before = course[0]
    for point in course:
        if part <= point[0]:
            width = point[0] - before[0]
            share = (part - before[0]) / width if width else 1.0
            return before[1] + share * (point[1] - before[1])
        before = point
    return course[-1][1]


def scores(instrument: Instrument, levels: Sequence[float], chance: random.Random) -> Iterator[int]:
    """Whole sums of items, one a level, within the instrument's range; scored the instrument's way round."""
    most = sum(item.most for item in instrument.items)
    error = instrument.change.sd * sqrt(1 - instrument.change.reliability) / instrument.multiplier
    state = chance.gauss(0, _STATE * error)
    for one in levels:
        course = most * (one if instrument.higher_is_worse else 1 - one)
        yield round(min(most, max(0.0, course + state + chance.gauss(0, _ERROR * error))))
        state = CARRY_OVER * state + chance.gauss(0, _STATE * error * sqrt(1 - CARRY_OVER**2))


def leanings(instrument: Instrument, chance: random.Random) -> tuple[float, ...]:
    """How readily a person answers each item high: what troubles one spares another."""
    return tuple(chance.uniform(0.5, 1.5) for _ in instrument.items)


def answers(
    instrument: Instrument, total: int, lean: Sequence[float], fixed: Mapping[int, int], chance: random.Random
) -> tuple[int, ...]:
    """Answers that sum to `total` as far as `fixed` allows: answers by item number that are settled otherwise."""
    given = [fixed.get(item.number, item.least) for item in instrument.items]
    free = [index for index, item in enumerate(instrument.items) if item.number not in fixed]
    while sum(given) < total:
        open_ = [index for index in free if given[index] < instrument.items[index].most]
        if not open_:
            break
        (index,) = chance.choices(open_, [lean[each] / (1 + given[each]) for each in open_])
        given[index] += 1
    return tuple(given)
