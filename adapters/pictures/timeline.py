"""Time on an axis: the clinic's calendar, ticks on real dates, lines that break over gaps, slices for long series."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

from adapters.pictures.theme import text_px

DAY_MS = 86_400_000
EPOCH = date(1970, 1, 1)
LEAST_SPAN_MS = 14 * DAY_MS
USUAL_GAPS = 3
"""A line is broken over a gap of more than this many usual gaps (the median), and of more than four weeks."""
LEAST_BREAK_MS = 28 * DAY_MS
MANY = 150
"""More observations than this are drawn as slices of the calendar, from the lowest to the highest value."""
MOST_SLICES = 140

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Clock:
    """The clinic's wall clock as milliseconds, so that an axis in UTC shows the clinic's days whoever draws it."""

    zone: ZoneInfo
    _instants: dict[datetime, int] = field(default_factory=dict, compare=False, repr=False)
    """Instants told before: the states of one session share its time."""

    def ms(self, at: datetime | date) -> int:
        """An instant by the clinic's clock; a day at its noon."""
        if not isinstance(at, datetime):
            return (at - EPOCH).days * DAY_MS + DAY_MS // 2
        known = self._instants.get(at)
        if known is None:
            wall = at.astimezone(self.zone).replace(tzinfo=UTC)
            known = self._instants[at] = round(wall.timestamp() * 1000)
        return known

    def day(self, at: datetime | date) -> date:
        return at.astimezone(self.zone).date() if isinstance(at, datetime) else at


@dataclass(frozen=True, slots=True)
class Slice:
    """One week, month, quarter or year that holds observations. `at` is its middle, in milliseconds."""

    at: float
    since: int
    until: int
    least: float
    mean: float
    most: float


def span(times: Sequence[int]) -> tuple[int, int]:
    """The axis for these times: a little air on both sides, two weeks at least."""
    low, high = min(times), max(times)
    air = max((high - low) // 40, (LEAST_SPAN_MS - (high - low)) // 2, DAY_MS // 2)
    return low - air, high + air


def _from_ms(ms: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def _months_on(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _starts(low: int, high: int, months: int, days: int) -> Iterator[tuple[int, date]]:
    """First instants of the calendar's pieces from the one that `low` lies in, past `high`."""
    day = _from_ms(low).date()
    if days:
        monday = date(1970, 1, 5)
        day = day - timedelta(days=(day - monday).days % days)
    else:
        day = date(day.year, (day.month - 1) // min(months, 12) * min(months, 12) + 1, 1)
        if months > 12:
            day = date(day.year // (months // 12) * (months // 12), 1, 1)
    while True:
        ms = (day - EPOCH).days * DAY_MS
        yield ms, day
        if ms > high:
            return
        day = day + timedelta(days=days) if days else _months_on(day, months)


MOST_TICKS = 8
LABEL_GAP_PX = 10
STEPS = (
    (0, 1),
    (0, 2),
    (0, 7),
    (0, 14),
    (1, 0),
    (2, 0),
    (3, 0),
    (6, 0),
    (12, 0),
    (24, 0),
    (60, 0),
    (120, 0),
    (240, 0),
    (1200, 0),
)


def ticks(low: int, high: int, width_px: int) -> tuple[list[tuple[int, str]], str]:
    """Places and labels of as many real dates as stand side by side on so many pixels, and the years that days leave out."""
    labels: list[tuple[int, str]] = []
    for months, days in STEPS:
        if (high - low) / MOST_TICKS > (days or 31 * months) * DAY_MS:
            continue
        labels = [(ms, _label(day, months, days)) for ms, day in _starts(low, high, months, days) if low <= ms <= high]
        if _fit(labels, width_px / (high - low)):
            break
    if not days:
        return labels, ""
    first, last = _from_ms(low).year, _from_ms(high).year
    return labels, str(first) if first == last else f"{first} to {last}"


def _label(day: date, months: int, days: int) -> str:
    if days:
        return f"{day.day} {MONTHS[day.month - 1]}"
    return str(day.year) if months >= 12 else f"{MONTHS[day.month - 1]} {day.year}"


def _fit(labels: list[tuple[int, str]], px_per_ms: float) -> bool:
    widest = max((text_px(label) for _, label in labels), default=0.0)
    near = min((later - earlier for (earlier, _), (later, _) in pairwise(labels)), default=float("inf"))
    return near * px_per_ms >= widest + LABEL_GAP_PX


def usual_spacing(times: Sequence[int]) -> float:
    """The median gap in milliseconds between neighbours; endless where there are none."""
    gaps = sorted(later - earlier for earlier, later in pairwise(sorted(times)))
    return median(gaps) if gaps else float("inf")


def usual_break(times: Sequence[int]) -> float:
    """The gap in milliseconds from which on a line would claim what nobody observed."""
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return max(USUAL_GAPS * median(gaps), LEAST_BREAK_MS) if gaps else LEAST_BREAK_MS


def runs(points: Sequence[tuple[float, float]], longest: float) -> list[list[tuple[float, float]]]:
    """The points cut wherever two neighbours lie farther apart than `longest` milliseconds."""
    cut: list[list[tuple[float, float]]] = []
    for at, value in points:
        if cut and at - cut[-1][-1][0] <= longest:
            cut[-1].append((at, value))
        else:
            cut.append([(at, value)])
    return cut


def pieces(low: int, high: int, most: int = MOST_SLICES) -> tuple[list[int], str]:
    """Where the weeks, months, quarters or years of the calendar begin, the end of the last one too, and their name."""
    starts: list[int] = []
    for months, days, name in ((0, 7, "week"), (1, 0, "month"), (3, 0, "quarter"), (12, 0, "year")):
        if (high - low) / most > (days or 31 * months) * DAY_MS and name != "year":
            continue
        starts = [ms for ms, _ in _starts(low, high, months, days)]
        if len(starts) <= most:
            break
    return starts, name


def sliced(
    points: Sequence[tuple[int, float]], low: int, high: int, most: int = MOST_SLICES
) -> tuple[list[Slice], str]:
    """The series by pieces of the calendar, empty ones left out, and the name of the piece."""
    starts, name = pieces(low, high, most)
    slices = []
    place = 0
    for since, until in pairwise(starts):
        held = []
        while place < len(points) and points[place][0] < until:
            held.append(points[place][1])
            place += 1
        if held:
            middle = (since + until) / 2
            slices.append(Slice(middle, since, until, min(held), sum(held) / len(held), max(held)))
    return slices, name
