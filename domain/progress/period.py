"""Stretches of time: look-backs such as `90d`, and the days, weeks, months, quarters and years of a calendar.

Days are those of an IANA zone: on the two days a year when clocks change they last 23 or 25 hours. Every stretch is half
open: its beginning belongs to it, its end to the next one.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.errors import Invalid
from domain.progress.report import Bucket, By

MOST_BUCKETS: Final = 1_100
"""Three years of days, twenty-one of weeks."""
MOST_YEARS: Final = 100
_LOOK_BACK: Final = re.compile(r"([0-9]{1,6})([dwmy])", re.ASCII)
_MOST: Final = {"d": MOST_YEARS * 365, "w": MOST_YEARS * 52, "m": MOST_YEARS * 12, "y": MOST_YEARS}
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2200
_FIRST_DAY: Final = date(_FIRST_YEAR, 1, 2)
"""The second of January: the first began in the year before for who lives east of Greenwich."""


class LookBackNotUnderstood(Invalid):
    code = "look_back_not_understood"
    message = "A look-back is a whole number above 0 and a unit: d (days), w (weeks), m (months) or y (years)."
    hint = "Examples: 90d, 12w, 6m, 2y."


class PeriodNotPossible(Invalid):
    code = "period_not_possible"


class TooManyBuckets(Invalid):
    code = "too_many_buckets"
    message = f"The period has more than {MOST_BUCKETS:,} of these parts."
    hint = "Cut it by something longer, such as week instead of day, or ask for a shorter period."


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """`since` ≤ t < `until`, both UTC."""

    since: datetime
    until: datetime

    def __contains__(self, instant: datetime) -> bool:
        return self.since <= instant < self.until


def period(since: datetime, until: datetime) -> Period:
    """Raises PeriodNotPossible for times without zone or outside of what anybody lived, or an end that is not after the
    beginning.
    """
    for field, instant in (("since", since), ("until", until)):
        if instant.tzinfo is None:
            raise PeriodNotPossible(f"{field} needs a time zone or offset.", field=field)
        if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
            raise PeriodNotPossible(f"{field} lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}.", field=field)
    if until <= since:
        raise PeriodNotPossible("until must lie after since.", field="until")
    return Period(since=since.astimezone(UTC), until=until.astimezone(UTC))


def look_back(text: str, until: datetime, zone: ZoneInfo) -> Period:
    """The period that ends at `until` and begins with the day of the zone that lies so far back, the whole of it.

    Months and years go by the calendar: a month before 31 March begins on the last day of February.
    Raises LookBackNotUnderstood, PeriodNotPossible.
    """
    found = _LOOK_BACK.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise LookBackNotUnderstood(field="look_back")
    count, unit = int(found[1]), found[2]
    if count > _MOST[unit]:
        raise LookBackNotUnderstood(f"A look-back reaches {MOST_YEARS} years back at most.", field="look_back")
    period(until - timedelta(microseconds=1), until)
    day = until.astimezone(zone).date()
    match unit:
        case "d" | "w":
            first = day - timedelta(days=count * (7 if unit == "w" else 1))
        case _:
            first = _months_before(day, count * (12 if unit == "y" else 1))
    return period(day_start(max(first, _FIRST_DAY), zone), until)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The instant, UTC, at which a day begins there: after the gap where clocks are put forward at midnight."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar day there."""
    return instant.astimezone(zone).date()


def buckets(within: Period, by: By, zone: ZoneInfo) -> tuple[Bucket, ...]:
    """The parts of the calendar that the period touches, in order, the outer ones cut to it: together they are the
    period, without gap or overlap. Raises TooManyBuckets.
    """
    found: list[Bucket] = []
    for first, after in _edges(day_of(within.since, zone), by):
        starts, ends = day_start(first, zone), day_start(after, zone)
        since, until = max(starts, within.since), min(ends, within.until)
        # A day that a zone left out when it moved across the date line has no time in it.
        if since < until:
            if len(found) == MOST_BUCKETS:
                raise TooManyBuckets(limit=MOST_BUCKETS)
            found.append(Bucket(label=_label(first, by), first_day=first, since=since, until=until))
        if ends >= within.until:
            return tuple(found)
    return tuple(found)


def bucket_index(parts: Sequence[Bucket], instant: datetime) -> int | None:
    """Which of the parts holds the instant; None outside of all."""
    place = bisect_right(parts, instant, key=lambda each: each.since) - 1
    return place if place >= 0 and instant < parts[place].until else None


def _edges(day: date, by: By) -> Iterator[tuple[date, date]]:
    """First days of the part that holds `day` and of the next, then of the following ones."""
    first = _first_day(day, by)
    while True:
        after = _next(first, by)
        yield first, after
        first = after


def _first_day(day: date, by: By) -> date:
    match by:
        case By.DAY:
            return day
        case By.WEEK:
            return day - timedelta(days=day.weekday())
        case By.MONTH:
            return day.replace(day=1)
        case By.QUARTER:
            return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
        case By.YEAR:
            return date(day.year, 1, 1)


def _next(first: date, by: By) -> date:
    match by:
        case By.DAY:
            return first + timedelta(days=1)
        case By.WEEK:
            return first + timedelta(days=7)
        case By.MONTH | By.QUARTER | By.YEAR:
            months = {By.MONTH: 1, By.QUARTER: 3, By.YEAR: 12}[by]
            return _months_before(first, -months)


def _label(first: date, by: By) -> str:
    match by:
        case By.DAY:
            return first.isoformat()
        case By.WEEK:
            year, week, _ = first.isocalendar()
            return f"{year}-W{week:02d}"
        case By.MONTH:
            return f"{first.year}-{first.month:02d}"
        case By.QUARTER:
            return f"{first.year}-Q{(first.month + 2) // 3}"
        case By.YEAR:
            return str(first.year)


def _months_before(day: date, months: int) -> date:
    """The same day of the month so many months earlier, or that month's last day."""
    whole = day.year * 12 + day.month - 1 - months
    first = date(whole // 12, whole % 12 + 1, 1)
    following = date((whole + 1) // 12, (whole + 1) % 12 + 1, 1)
    return first.replace(day=min(day.day, (following - first).days))
