"""The rule that names a course: improving, stable, regressing, fluctuating, or that it can't be told.

In this order:
1. Fewer than five times, half a day apart: reliable change between first and last, else insufficient data (Kendall's test
   can't reach p < .05 with four).
2. The interval of the Theil-Sen slope excludes zero and the fitted change reaches the threshold: improving or regressing.
3. Reversals, or scatter about the line, beyond what the measure's error explains: fluctuating.
4. The interval of the change lies within ± the minimal important difference: stable.
5. Anything else is unclear.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from domain.progress import lines
from domain.progress.fluctuation import off_course, range_in_errors, reversals, spread_beyond
from domain.progress.report import Interval, Observation, Trend, TrendClass
from domain.progress.series import sources_of
from domain.progress.yardstick import CONFIDENCE, Better, Yardstick

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST: Final = 5
APART: Final = timedelta(hours=12)
LINE_RULE: Final = "theil_sen/1"
PAIR_RULE: Final = "reliable_change/1"
_WEEK_S: Final = 7 * 86_400.0


def in_order(observations: Sequence[Observation]) -> tuple[Observation, ...]:
    """By time, then by record, so that the order of the input means nothing."""
    return tuple(sorted(observations, key=lambda each: (each.at, each.source.id.int, each.value)))


def trend(observations: Sequence[Observation], yardstick: Yardstick) -> Trend:
    """How the observations went, judged by the yardstick of their scale."""
    ordered = in_order(observations)
    if _times(ordered) < FEWEST:
        return _of_few(ordered, yardstick)
    import numpy as np

    start = ordered[0].at
    weeks = np.array([(each.at - start).total_seconds() for each in ordered]) / _WEEK_S
    values = np.array([each.value for each in ordered], dtype=np.float64)
    line = lines.fit(weeks, values)
    verdict, because = _judged(line, values, yardstick)
    return Trend(
        verdict=verdict,
        estimate=line.slope,
        interval=Interval(low=line.low, high=line.high, level=CONFIDENCE),
        change=line.change,
        unit=yardstick.unit,
        rule=LINE_RULE,
        because=because,
        observations=len(ordered),
        sources=sources_of(ordered),
    )


def direction(change: float, better: Better) -> TrendClass:
    """IMPROVING or REGRESSING by sign; UNCLEAR where no side is better."""
    if better is Better.EITHER or change == 0:
        return TrendClass.UNCLEAR
    return TrendClass.IMPROVING if (change > 0) == (better is Better.HIGHER) else TrendClass.REGRESSING


def told(value: float) -> str:
    """A figure as a sentence shows it: one decimal, none for whole numbers."""
    return f"{value:.1f}".removesuffix(".0")


def _times(ordered: Sequence[Observation]) -> int:
    """How many different times there are: a questionnaire filled in twice in an hour is one look at the client, not two."""
    count, last = 0, None
    for each in ordered:
        if last is None or each.at - last >= APART:
            count, last = count + 1, each.at
    return count


def _of_few(ordered: Sequence[Observation], yardstick: Yardstick) -> Trend:
    difference = ordered[-1].value - ordered[0].value if len(ordered) > 1 else None
    verdict = TrendClass.INSUFFICIENT_DATA
    because = f"{_counted(len(ordered))}; a trend needs {FEWEST} at least half a day apart."
    if difference is not None and yardstick.known and abs(difference) >= yardstick.threshold - 1e-9:
        verdict = direction(difference, yardstick.better)
        because = (
            f"{_counted(len(ordered))}, too few for a trend; but from first to last the change of "
            f"{_signed(difference)} {yardstick.unit} is at least the {told(yardstick.threshold)} that are reliable."
        )
    elif difference is not None and yardstick.known:
        because += (
            f" From first to last {_signed(difference)} {yardstick.unit}, less than the "
            f"{told(yardstick.threshold)} that are reliable."
        )
    return Trend(
        verdict=verdict,
        estimate=None,
        interval=None,
        change=difference,
        unit=yardstick.unit,
        rule=PAIR_RULE,
        because=because,
        observations=len(ordered),
        sources=sources_of(ordered),
    )


def _judged(line: lines.Line, values: "NDArray[np.float64]", yardstick: Yardstick) -> tuple[TrendClass, str]:
    low, high = line.low * line.span_weeks, line.high * line.span_weeks
    line_says = (
        f"The line changes by {_signed(line.change)} {yardstick.unit} over {told(line.span_weeks)} weeks "
        f"(95 % interval {_signed(low)} to {_signed(high)})"
    )
    zero = (
        "zero is outside"
        if round(low, 1) > 0 or round(high, 1) < 0
        else "zero lies at its end, and Kendall's test rules it out"
    )
    clear = bool(line.direction)
    if clear and abs(line.change) >= yardstick.threshold:
        if yardstick.better is Better.EITHER:
            return TrendClass.UNCLEAR, f"{line_says}; neither direction is the better one here."
        return direction(line.change, yardstick.better), (
            f"{line_says}: {zero}, and the change is at least {told(yardstick.threshold)}, "
            f"{_meaning(yardstick)}.{_came_back(values, line.change, yardstick)}"
        )
    if restless := _restless(line, values, yardstick):
        return TrendClass.FLUCTUATING, f"{line_says}, which is no clear trend; {restless}."
    if -yardstick.important <= low and high <= yardstick.important:
        return TrendClass.STABLE, (
            f"{line_says}: all of it within ±{told(yardstick.important)}, the smallest change that matters."
        )
    if clear:
        why = f"{zero}, but the change is below {told(yardstick.threshold)}, {_meaning(yardstick)}"
    else:
        why = f"it may be none, and may be more than the {told(yardstick.important)} that matter"
    return TrendClass.UNCLEAR, f"{line_says}: {why}.{_ends(values, yardstick)}"


def _came_back(values: "NDArray[np.float64]", change: float, yardstick: Yardstick) -> str:
    """What one line can't tell: that the course has turned since its highest or lowest score, as in a relapse."""
    error = yardstick.error
    if error is None:
        return ""
    furthest = float(values.max() if change > 0 else values.min())
    back = abs(furthest - float(values[-1]))
    if back < range_in_errors(len(values)) * error:
        return ""
    return (
        f" But from its {'highest' if change > 0 else 'lowest'} score it has come back by {told(back)}, more than measurement "
        "error does in so many scores: it is not one course."
    )


def _ends(values: "NDArray[np.float64]", yardstick: Yardstick) -> str:
    """What is also to be known of a course that shows no clear line: a lasting jump may be reliable all the same."""
    difference = float(values[-1] - values[0])
    if not yardstick.known or abs(difference) < yardstick.threshold:
        return ""
    return f" From first to last the change of {_signed(difference)} is reliable."


def _restless(line: lines.Line, values: "NDArray[np.float64]", yardstick: Yardstick) -> str:
    """Why this is up and down, or nothing."""
    error = yardstick.error
    if error is None:
        off = min(line.residuals, off_course(values), key=lambda residuals: float(residuals @ residuals))
        scatter = float((off @ off) / (len(values) - 2)) ** 0.5
        if scatter <= yardstick.important:
            return ""
        return (
            f"observations lie {told(scatter)} off it as a rule, more than the {told(yardstick.important)} that matter"
        )
    far = range_in_errors(len(values)) * error
    if turns := reversals(values, far):
        times = {1: "once", 2: "twice"}.get(turns, f"{turns} times")
        return (
            f"it turned round {times} by at least {told(far)}, more than measurement error does in so many scores"
            f"{_alone(values, far)}"
        )
    if spread_beyond(line.residuals, error) and spread_beyond(off_course(values), error):
        return f"scores scatter about it more than the measurement error of {told(error)} explains"
    return ""


def _alone(values: "NDArray[np.float64]", far: float) -> str:
    """Whether it is one score that makes the turns: one bad day is not yet a pattern."""
    import numpy as np

    for place in (int(values.argmax()), int(values.argmin())):
        if not reversals(np.delete(values, place), far):
            return f", but one score alone, {told(float(values[place]))}, makes it so"
    return ""


def _meaning(yardstick: Yardstick) -> str:
    return "the smallest reliable change" if yardstick.known else "the smallest change that we count"


def _counted(count: int) -> str:
    return {0: "No observation", 1: "One observation"}.get(count, f"{count} observations")


def _signed(value: float) -> str:
    text = told(abs(value))
    return text if text == "0" else f"{'+' if value > 0 else '−'}{text}"  # noqa: RUF001 - a minus sign, for readers
