"""Whether the client comes: appointments kept, missed and called off, sessions, gaps."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import sqrt
from statistics import fmean, median
from typing import Final
from zoneinfo import ZoneInfo

from domain.progress.period import Period, bucket_index, day_of
from domain.progress.record import Booking, Meeting
from domain.progress.report import (
    Appearance,
    Attendance,
    Bucket,
    Engagement,
    Gap,
    Interval,
    Source,
    Trend,
    TrendClass,
)
from domain.progress.trend import FEWEST, direction, told
from domain.progress.yardstick import ATTENDANCE, CONFIDENCE, Better

LATE: Final = timedelta(hours=24)
"""Notice below which a client's cancellation counts as late: what practices' agreements usually say."""
RULE: Final = "attendance/1"
_Z: Final = 1.959963984540054
_LONG: Final = 28.0
_SHORTEST_GAP: Final = 14.0
"""Days."""
_USUAL_FROM: Final = 3
_WEEK_S: Final = 7 * 86_400.0
_DAY_S: Final = 86_400.0


def engagement(
    bookings: Sequence[Booking], meetings: Sequence[Meeting], period: Period, parts: Sequence[Bucket], zone: ZoneInfo
) -> Engagement:
    """Of the appointments and sessions that lie in the period."""
    bookings = sorted((each for each in bookings if each.at in period), key=lambda each: (each.at, each.source.id.int))
    meetings = sorted((each for each in meetings if each.at in period), key=lambda each: (each.at, each.id.int))
    alone = unplanned(bookings, meetings, zone)
    kept = [(each.at, each.source) for each in bookings if each.state == "held"]
    met = sorted([*kept, *((each.at, each.source) for each in alone)], key=lambda pair: (pair[0], pair[1].id.int))
    counted = [each for each in bookings if each.state in ("held", "missed") or each.late]
    held = len(kept)
    days = [_days(earlier, later, zone) for (earlier, _), (later, _) in pairwise(met)]
    return Engagement(
        held=held,
        missed=sum(each.state == "missed" for each in bookings),
        cancelled=sum(each.state == "cancelled" for each in bookings),
        cancelled_late=sum(each.late for each in bookings),
        planned=sum(each.state == "planned" for each in bookings),
        sessions=len(meetings),
        attendance_rate=held / len(counted) if counted else None,
        attendance_interval=wilson(held, len(counted)),
        median_gap_days=median(days) if days else None,
        gaps=_gaps(met, days, period, zone),
        appearances=_appearances(bookings, alone),
        trend=_trend(counted),
        buckets=_by_part(bookings, meetings, parts),
    )


def wilson(hits: int, count: int) -> Interval | None:
    """The 95 % score interval of a proportion (Wilson, J Am Stat Assoc 1927;22:209); None of nothing."""
    if not count:
        return None
    share, square = hits / count, _Z * _Z
    centre = (share + square / (2 * count)) / (1 + square / count)
    reach = _Z / (1 + square / count) * sqrt(share * (1 - share) / count + square / (4 * count * count))
    return Interval(low=max(centre - reach, 0.0), high=min(centre + reach, 1.0), level=CONFIDENCE)


def unplanned(bookings: Sequence[Booking], meetings: Sequence[Meeting], zone: ZoneInfo) -> tuple[Meeting, ...]:
    """Sessions that no appointment led to. A held appointment that names no session takes one of the same day."""
    named = {each.session_id for each in bookings if each.session_id is not None}
    open_days: dict[object, int] = {}
    for each in bookings:
        if each.state == "held" and each.session_id is None:
            day = day_of(each.at, zone)
            open_days[day] = open_days.get(day, 0) + 1
    alone = []
    for meeting in meetings:
        if meeting.id in named:
            continue
        day = day_of(meeting.at, zone)
        if open_days.get(day, 0):
            open_days[day] -= 1
        else:
            alone.append(meeting)
    return tuple(alone)


def _gaps(
    met: Sequence[tuple[datetime, Source]], days: Sequence[float], period: Period, zone: ZoneInfo
) -> tuple[Gap, ...]:
    """Longer than twice the usual and two weeks; before there is a usual one, longer than four weeks."""
    if not met:
        return ()
    usual = 2 * median(days) if len(days) >= _USUAL_FROM else _LONG
    longest = max(usual, _SHORTEST_GAP)
    found = [
        Gap(since=since, until=until, days=length, open=False, sources=(before, after))
        for ((since, before), (until, after)), length in zip(pairwise(met), days, strict=True)
        if length > longest
    ]
    last, source = met[-1]
    since_then = _days(last, period.until, zone)
    if since_then > longest:
        found.append(Gap(since=last, until=period.until, days=since_then, open=True, sources=(source,)))
    return tuple(found)


def _days(since: datetime, until: datetime, zone: ZoneInfo) -> float:
    """By the clock on the wall: from ten o'clock to ten o'clock two weeks later are fourteen days, also when clocks change."""
    earlier, later = (each.astimezone(zone).replace(tzinfo=None) for each in (since, until))
    return (later - earlier).total_seconds() / _DAY_S


def _appearances(bookings: Sequence[Booking], alone: Sequence[Meeting]) -> tuple[Appearance, ...]:
    found = [Appearance(at=each.at, state=each.state, source=each.source) for each in bookings]
    found += [Appearance(at=each.at, state="held", source=each.source) for each in alone]
    return tuple(sorted(found, key=lambda each: (each.at, each.source.id.int)))


def _by_part(
    bookings: Sequence[Booking], meetings: Sequence[Meeting], parts: Sequence[Bucket]
) -> tuple[Attendance, ...]:
    counts = [dict.fromkeys(("held", "missed", "cancelled", "planned", "sessions"), 0) for _ in parts]
    sources: list[list[Source]] = [[] for _ in parts]
    facts = [(each.at, each.state, each.source) for each in bookings]
    facts += [(each.at, "sessions", each.source) for each in meetings]
    for at, what, source in sorted(facts, key=lambda fact: (fact[0], fact[2].id.int)):
        place = bucket_index(parts, at)
        if place is not None:
            counts[place][what] += 1
            sources[place].append(source)
    return tuple(
        Attendance(
            bucket=part,
            held=count["held"],
            missed=count["missed"],
            cancelled=count["cancelled"],
            sessions=count["sessions"],
            sources=tuple(inside),
        )
        for part, count, inside in zip(parts, counts, sources, strict=True)
    )


def _trend(counted: Sequence[Booking]) -> Trend:
    """Whether the share kept rises or falls: the linear trend of a proportion over real dates (Cochran, 1954; Armitage,
    1955), the variance with two appointments of each outcome added, so that a client who never missed one has an interval.
    """
    sources = tuple(each.source for each in counted)
    slope = interval = change = None
    verdict, because = TrendClass.INSUFFICIENT_DATA, f"Fewer than {FEWEST} appointments whose outcome counts."
    times = [each.at for each in counted]
    if len(set(times)) >= FEWEST:
        weeks = [(at - times[0]).total_seconds() / _WEEK_S for at in times]
        kept = [100.0 * (each.state == "held") for each in counted]
        slope, reach = _slope(weeks, kept)
        interval = Interval(low=slope - reach, high=slope + reach, level=CONFIDENCE)
        change = slope * weeks[-1]
        verdict, because = _judged(change, reach * weeks[-1])
    return Trend(
        verdict=verdict,
        estimate=slope,
        interval=interval,
        change=change,
        unit="percentage points",
        rule=RULE,
        because=because,
        observations=len(counted),
        sources=sources,
    )


def _slope(weeks: Sequence[float], kept: Sequence[float]) -> tuple[float, float]:
    """Percentage points a week, and half the width of the 95 % interval."""
    centre, share = fmean(weeks), fmean(kept)
    square = sum((week - centre) ** 2 for week in weeks)
    slope = sum((week - centre) * (value - share) for week, value in zip(weeks, kept, strict=True)) / square
    guarded = (sum(kept) / 100.0 + 2.0) / (len(kept) + 4.0)
    return slope, _Z * 100.0 * sqrt(guarded * (1 - guarded) / square)


def _judged(change: float, reach: float) -> tuple[TrendClass, str]:
    low, high = change - reach, change + reach
    says = (
        f"The share of appointments kept changes by {change:+.0f} percentage points "
        f"(95 % interval {low:+.0f} to {high:+.0f})"
    )
    if abs(change) >= ATTENDANCE and (low > 0 or high < 0):
        return direction(change, Better.HIGHER), f"{says}: zero is outside, and it is at least {told(ATTENDANCE)}."
    if low >= -ATTENDANCE and high <= ATTENDANCE:
        return TrendClass.STABLE, f"{says}: all of it within ±{told(ATTENDANCE)}."
    return TrendClass.UNCLEAR, f"{says}: that may be none, and may be more than {told(ATTENDANCE)}."
