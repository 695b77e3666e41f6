"""A series cut into the parts of a calendar, and how its level moves."""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from statistics import fmean, stdev
from typing import Final

from domain.progress.period import bucket_index
from domain.progress.report import Bucket, Interval, Observation, Source, Summary
from domain.progress.yardstick import CONFIDENCE

FEWEST_IN_HALF: Final = 3
_NOTHING: Final = 1e-12
"""Below this, squared points are rounding, not spread."""


def sources_of(observations: Sequence[Observation]) -> tuple[Source, ...]:
    """Each record once, in order of first appearance."""
    return tuple({each.source.id: each.source for each in observations}.values())


def summaries(observations: Sequence[Observation], parts: Sequence[Bucket]) -> tuple[Summary, ...]:
    """One a part, also for parts that hold nothing. `observations` in order of time."""
    held: list[list[Observation]] = [[] for _ in parts]
    for each in observations:
        place = bucket_index(parts, each.at)
        if place is not None:
            held[place].append(each)
    return tuple(_summary(part, inside) for part, inside in zip(parts, held, strict=True))


def _summary(part: Bucket, inside: Sequence[Observation]) -> Summary:
    values = [each.value for each in inside]
    return Summary(
        bucket=part,
        count=len(values),
        mean=fmean(values) if values else None,
        least=min(values, default=None),
        most=max(values, default=None),
        last=values[-1] if values else None,
        sources=sources_of(inside),
    )


def level(values: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return fmean(values) if values else None


def variability(values: Sequence[float]) -> float | None:
    """The sample standard deviation; None below two values."""
    return stdev(values) if len(values) > 1 else None


def instability(values: Sequence[float]) -> float | None:
    """The mean squared successive difference (Jahng, Wood and Trull, Psychol Methods 2008;13:354), unadjusted for unequal
    gaps; None below two values.
    """
    return fmean((after - before) ** 2 for before, after in pairwise(values)) if len(values) > 1 else None


def shift(values: Sequence[float]) -> tuple[float | None, Interval | None]:
    """The mean of the later half less that of the earlier one, the middle value of an odd number left out, with a 95 %
    interval (Welch, Biometrika 1947;34:28), widened as far as neighbours resemble each other; None below three values
    a half.
    """
    half = len(values) // 2
    if half < FEWEST_IN_HALF:
        return None, None
    earlier, later = values[:half], values[-half:]
    difference = fmean(later) - fmean(earlier)
    a, b = stdev(earlier) ** 2 / half, stdev(later) ** 2 / half
    if a + b < _NOTHING:
        return difference, Interval(low=difference, high=difference, level=CONFIDENCE)
    from scipy import special

    freedom = (a + b) ** 2 / ((a * a + b * b) / (half - 1))
    resemblance = _resemblance(earlier, later)
    reach = float(special.stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * sqrt(
        (a + b) * (1 + resemblance) / (1 - resemblance)
    )
    return difference, Interval(low=difference - reach, high=difference + reach, level=CONFIDENCE)


def _resemblance(earlier: Sequence[float], later: Sequence[float]) -> float:
    """First-order autocorrelation about each half's mean, corrected for its bias (Marriott and Pope, 1954), 0 to 0.8."""
    products = squares = 0.0
    for values in (earlier, later):
        mean = fmean(values)
        rest = [value - mean for value in values]
        products += sum(before * after for before, after in pairwise(rest))
        squares += sum(each * each for each in rest)
    raw = products / squares
    return min(max(raw + (1 + 3 * raw) / len(earlier), 0.0), 0.8)
