"""Reliable and clinically significant change after Jacobson and Truax (J Consult Clin Psychol 1991;59:12)."""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import Final

from domain.progress.report import Crossing, Cutoff, Observation, ReliableChange, TrendClass
from domain.progress.yardstick import Z

_ROUNDING: Final = 1e-9
"""Scores are decimal numbers: 5.7 - 0.3 must still be 5.4."""


def difference_error(deviation: float, reliability: float) -> float:
    """The standard error of a difference of two scores, SD·√(2(1 - r)), in points.

    `deviation` is the standard deviation of a comparable group before treatment, `reliability` the measure's, 0 to 1.
    Raises ValueError outside of what these can be.
    """
    if deviation <= 0 or not 0 <= reliability < 1:
        raise ValueError("a standard deviation above 0 and a reliability of at least 0 and below 1 are needed")
    return deviation * sqrt(2.0 * (1.0 - reliability))


def reliable_change_index(first: float, last: float, deviation: float, reliability: float) -> float:
    """RC = (last - first) / difference_error: beyond ±1.96 measurement error alone is an unlikely explanation."""
    return (last - first) / difference_error(deviation, reliability)


def reliable_change_threshold(deviation: float, reliability: float) -> float:
    """The difference in points at which RC is 1.96."""
    return Z * difference_error(deviation, reliability)


def cutoff_a(clinical_mean: float, clinical_deviation: float, *, higher_is_worse: bool) -> float:
    """Two standard deviations from the clinical group's mean, towards health."""
    return clinical_mean + (-2.0 if higher_is_worse else 2.0) * clinical_deviation


def cutoff_b(functional_mean: float, functional_deviation: float, *, higher_is_worse: bool) -> float:
    """Two standard deviations from the functional group's mean, towards illness."""
    return functional_mean + (2.0 if higher_is_worse else -2.0) * functional_deviation


def cutoff_c(
    clinical_mean: float, clinical_deviation: float, functional_mean: float, functional_deviation: float
) -> float:
    """Where a score is as likely in either group: the weighted midpoint between their means."""
    return (clinical_deviation * functional_mean + functional_deviation * clinical_mean) / (
        clinical_deviation + functional_deviation
    )


def is_clinical(score: float, cutoff: float, *, higher_is_worse: bool) -> bool:
    """On the ill side of a cut-off, which belongs to that side: from it on, or up to it where low is worse."""
    return score >= cutoff if higher_is_worse else score <= cutoff


def reliable_change(
    scores: Sequence[Observation], *, threshold: float, clinical_cutoff: float | None, higher_is_worse: bool
) -> ReliableChange | None:
    """From the first score to the last; None for fewer than two. `scores` in order of time."""
    if len(scores) < 2:
        return None
    first, last = scores[0], scores[-1]
    difference = last.value - first.value
    verdict = TrendClass.UNCLEAR
    if abs(difference) >= threshold - _ROUNDING:
        verdict = TrendClass.REGRESSING if (difference > 0) == higher_is_worse else TrendClass.IMPROVING
    recovered = None
    if clinical_cutoff is not None:
        recovered = (
            verdict is TrendClass.IMPROVING
            and is_clinical(first.value, clinical_cutoff, higher_is_worse=higher_is_worse)
            and not is_clinical(last.value, clinical_cutoff, higher_is_worse=higher_is_worse)
        )
    return ReliableChange(
        first=first,
        last=last,
        difference=difference,
        index=difference / (threshold / Z),
        threshold=threshold,
        verdict=verdict,
        recovered=recovered,
    )


def crossings(
    scores: Sequence[Observation], cutoffs: Sequence[Cutoff], *, higher_is_worse: bool
) -> tuple[Crossing, ...]:
    """Each time a score lies on the other side of a cut-off than the one before it, in order of time."""
    found = []
    for before, after in pairwise(scores):
        for cutoff in cutoffs:
            was = is_clinical(before.value, cutoff.score, higher_is_worse=higher_is_worse)
            now = is_clinical(after.value, cutoff.score, higher_is_worse=higher_is_worse)
            if was is not now:
                found.append(
                    Crossing(at=after.at, cutoff=cutoff.score, label=cutoff.label, worsened=now, source=after.source)
                )
    return tuple(found)
