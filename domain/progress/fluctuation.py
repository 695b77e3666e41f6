"""Up and down: whether a series moves more than its measure's error explains, without going anywhere."""

from functools import lru_cache
from math import erf, sqrt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

ALARM: Final = 0.01
"""How often spread alone may call a series fluctuating that only has measurement error."""
_COVERAGE: Final = 0.95


@lru_cache(maxsize=1024)
def range_in_errors(count: int) -> float:
    """The 95 % point of the range of `count` observations that differ by measurement error alone, in standard errors:
    Tukey's studentised range with known error. For two it is 1.96·√2, Jacobson and Truax's threshold; more observations
    find larger differences by chance, and this says how large.
    """
    import numpy as np

    z = np.linspace(-8.5, 8.5, 1701)
    step = float(z[1] - z[0])
    below = np.array([0.5 * (1.0 + erf(value / sqrt(2.0))) for value in z])
    density = np.exp(-0.5 * z * z) / sqrt(2.0 * np.pi)
    least, most = 0.0, 17.0
    for _ in range(50):
        middle = 0.5 * (least + most)
        inside = np.maximum(np.interp(z + middle, z, below, right=1.0) - below, 0.0)
        if count * step * float((density * inside ** (count - 1)).sum()) < _COVERAGE:
            least = middle
        else:
            most = middle
    return 0.5 * (least + most)


def reversals(values: "Numbers", threshold: float) -> int:
    """How often a move of at least `threshold` in one direction is followed by one as large in the other."""
    turns, direction = 0, 0
    low = high = float(values[0])
    for value in values.tolist():
        low, high = min(low, value), max(high, value)
        if direction >= 0 and high - value >= threshold:
            turns += direction > 0
            direction, low = -1, value
            high = value
        elif direction <= 0 and value - low >= threshold:
            turns += direction < 0
            direction, high = 1, value
            low = value
    return turns


def spread_beyond(residuals: "Numbers", error: float) -> bool:
    """Whether residuals about a line scatter more than measurement error does (χ² on n - 2 degrees, one sided, 1 %)."""
    from scipy import special

    freedom = len(residuals) - 2
    if freedom < 1:
        return False
    return float(residuals @ residuals) / error**2 > float(special.chdtri(freedom, ALARM))


def off_course(values: "Numbers") -> "Numbers":
    """Residuals about the nearest course that only rises or only falls, whichever is nearer: a sudden gain that lasts lies
    far off any straight line, and is no fluctuation. `values` in order of time.
    """
    from scipy.optimize import isotonic_regression

    courses = [values - isotonic_regression(values, increasing=rising).x for rising in (True, False)]
    nearest: Numbers = min(courses, key=lambda residuals: float(residuals @ residuals))
    return nearest
