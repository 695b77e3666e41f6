"""The Theil-Sen line over real dates, with an interval that allows for observations that resemble their neighbours.

Slope: the median of the slopes between all pairs (Theil, 1950; Sen, 1968). Interval: the ranks of those slopes that
Kendall's statistic S allows, its variance corrected for ties and multiplied by the inflation that first-order
autocorrelation causes (the idea of Hamed and Rao, J Hydrol 1998;204:182, with the exact factor of a weighted sum over
unequal gaps in place of their approximation for equal ones). Short series show their autocorrelation badly and too low
(Marriott and Pope, Biometrika 1954;41:390), so the estimate is corrected upwards and drawn towards 0.5, with the weight of
twenty-four observations. How well all this holds is simulated by `anamnesis bench trends`.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, sqrt
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

PRIOR_CORRELATION: Final = 0.5
PRIOR_WEIGHT: Final = 24
MOST_CORRELATION: Final = 0.9
_TWO_SIDED: Final = 1.959963984540054
MOST: Final = 300
"""Beyond so many, neighbours are averaged into groups of equal size: pairs grow with the square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`slope` and its 95 % interval per week; `at_start` the height at the first time; `residuals` in points, of the
    observations given; `correlation` between neighbours, as allowed for.
    """

    slope: float
    low: float
    high: float
    at_start: float
    span_weeks: float
    correlation: float
    direction: int
    """1 or -1 where zero is outside of the interval, else 0. By Kendall's S itself: of equal scores many slopes are zero,
    and an interval may then end at zero and still leave it out."""
    residuals: "Numbers"

    @property
    def change(self) -> float:
        """From the first observation to the last, along the line."""
        return self.slope * self.span_weeks


def fit(weeks: "Numbers", values: "Numbers") -> Line:
    """A line through at least three observations in order of time, not all at the same time. `weeks` and `values` [n].

    Raises ValueError for fewer, or without any span of time.
    """
    import numpy as np

    if len(values) < 3 or weeks[-1] <= weeks[0]:
        raise ValueError("a line needs three observations and a span of time")
    x, y = _thinned(weeks, values) if len(values) > MOST else (weeks, values)
    slopes = _slopes(x, y)
    slope = _median(slopes)
    residuals = y - slope * x
    correlation = _correlation(residuals - residuals.mean())
    reach = _TWO_SIDED * sqrt(_variance(y) * _inflation(x, correlation))
    # S is a whole number that moves in steps of two: one step is taken off, as usual with so coarse a statistic.
    rising = int(np.count_nonzero(slopes > 0)) - int(np.count_nonzero(slopes < 0))
    low, high = _limits(slopes, slope, reach)
    height = _median(residuals)
    return Line(
        slope=slope,
        low=low,
        high=high,
        at_start=height + slope * float(weeks[0]),
        span_weeks=float(weeks[-1] - weeks[0]),
        correlation=correlation,
        direction=(rising > 0) - (rising < 0) if abs(rising) - 1 > reach else 0,
        residuals=values - (height + slope * weeks),
    )


@lru_cache(maxsize=128)
def _pairs(count: int) -> tuple[Any, Any]:
    import numpy as np

    earlier, later = np.triu_indices(count, 1)
    return earlier.astype(np.int32), later.astype(np.int32)


def _slopes(x: "Numbers", y: "Numbers") -> "Numbers":
    """Of all pairs that lie apart in time."""
    import numpy as np

    earlier, later = _pairs(len(x))
    run = x[later] - x[earlier]
    rise = y[later] - y[earlier]
    apart = run > 0
    if not apart.all():
        run, rise = run[apart], rise[apart]
    slopes: Numbers = np.divide(rise, run, out=rise)
    return slopes


def _median(values: "Numbers") -> float:
    """As numpy's, without its look for NaN, which takes longer than the median of a short series."""
    import numpy as np

    count = len(values)
    upper = count // 2
    if count % 2:
        return float(np.partition(values, upper)[upper])
    found = np.partition(values, (upper - 1, upper))
    return 0.5 * float(found[upper - 1] + found[upper])


def _correlation(residuals: "Numbers") -> float:
    """Between neighbours, corrected for the bias of residuals about a fitted line, and guarded (see the module)."""
    count = len(residuals)
    spread = float(residuals @ residuals)
    raw = float(residuals[1:] @ residuals[:-1]) / spread if spread > 0 else 0.0
    corrected = raw + (2.0 + 4.0 * raw) / count
    drawn = (count * corrected + PRIOR_WEIGHT * PRIOR_CORRELATION) / (count + PRIOR_WEIGHT)
    return min(max(drawn, 0.0), MOST_CORRELATION)


def _inflation(x: "Numbers", correlation: float) -> float:
    """How much wider than with independent observations the variance of a slope is: c'Rc / c'c, where c are the centred
    times and R the correlations, which fall off with the gap in units of the usual one.
    """
    import numpy as np

    if correlation <= 0:
        return 1.0
    gaps = np.diff(x)
    usual = _median(gaps[gaps > 0])
    centred = x - x.mean()
    apart = np.abs(x[:, None] - x[None, :])
    apart *= np.log(correlation) / usual
    return max(1.0, float(centred @ np.exp(apart, out=apart) @ centred) / float(centred @ centred))


def _variance(y: "Numbers") -> float:
    """Of Kendall's S, with the correction for ties."""
    import numpy as np

    count = len(y)
    ordered = np.sort(y)
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1], [True])))
    ties = np.diff(starts).astype(np.float64)
    tied = float((ties * (ties - 1) * (2 * ties + 5)).sum())
    return (count * (count - 1) * (2 * count + 5) - tied) / 18.0


def _limits(slopes: "Numbers", slope: float, reach: float) -> tuple[float, float]:
    """The slopes at the ranks (N ∓ reach) / 2. Where so wide a reach passes the outermost slopes, they are moved out in
    proportion: few observations can't bound a slope at this level by ranks alone.
    """
    import numpy as np

    count = len(slopes)
    if reach >= count:
        beyond = reach / count
        return slope + (float(slopes.min()) - slope) * beyond, slope + (float(slopes.max()) - slope) * beyond
    below = max(floor((count - reach) / 2) - 1, 0)
    above = min(ceil((count + reach) / 2), count - 1)
    found = np.partition(slopes, (below, above))
    return float(found[below]), float(found[above])


def _thinned(weeks: "Numbers", values: "Numbers") -> tuple["Numbers", "Numbers"]:
    """Means of successive groups of equal size, at most MOST of them."""
    import numpy as np

    size = ceil(len(values) / MOST)
    starts = np.arange(0, len(values), size)
    sizes = np.diff(np.append(starts, len(values)))
    return np.add.reduceat(weeks, starts) / sizes, np.add.reduceat(values, starts) / sizes
