"""What the reader of a report must not miss, said first: open flags, what is missing, what a figure rests on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.progress.flags import open_flags
from domain.progress.period import Period, day_of
from domain.progress.record import Record
from domain.progress.report import MeasureProgress, Notice, NoticeCode, Source

LONG_AGO: Final = timedelta(days=28)
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def notices(
    record: Record, within: Period, zone: ZoneInfo, measures: Sequence[MeasureProgress], not_judged: Sequence[Source]
) -> tuple[Notice, ...]:
    """Most urgent first. Open flags count however long before the period they were raised."""
    found = [
        _flags(record, within, zone),
        _unmeasured(record, within, zone),
        _unsigned(record, within),
        *(_versions(measure) for measure in measures if measure.other_versions),
        _not_judged(not_judged),
        *(_prorated(measure) for measure in measures if measure.prorated),
        *(_assumed(measure) for measure in measures if measure.assumed and measure.scores),
        _left_out(record, within),
    ]
    return tuple(each for each in found if each is not None)


def _flags(record: Record, within: Period, zone: ZoneInfo) -> Notice | None:
    flags = open_flags(each for each in record.flags if each.raised_at < within.until)
    if not flags:
        return None
    worst, count = flags[0], len(flags)
    waiting = sum(each.status != "acknowledged" for each in flags)
    says = "A risk flag is open:" if count == 1 else f"{count} risk flags are open, the most urgent of"
    taken = "nobody has taken it on" if count == 1 else f"nobody has taken on {'any' if waiting == count else waiting}"
    waits = f"; {taken}" if waiting else ""
    return Notice(
        code=NoticeCode.OPEN_RISK_FLAGS,
        text=(
            f"{says} level {worst.level}, raised on {_day(worst.raised_at, zone)}{waits}. A person must look at it: "
            "no figure here tells whether somebody is safe."
        ),
        sources=tuple(each.source for each in flags),
    )


def _unmeasured(record: Record, within: Period, zone: ZoneInfo) -> Notice | None:
    """Sessions go on, and for more than four weeks before the end nothing was measured."""
    scores = [each for each in record.scores if each.at < within.until]
    last = max(scores, key=lambda each: each.at, default=None)
    if last is not None and within.until - last.at <= LONG_AGO:
        return None
    met = sum(each.at in within and (last is None or each.at > last.at) for each in record.meetings)
    if not met:
        return None
    when = "Nothing was ever measured" if last is None else f"Nothing was measured since {_day(last.at, zone)}"
    return Notice(
        code=NoticeCode.NOT_MEASURED,
        text=f"{when}; {_counted(met, 'session')} took place {'in this period' if last is None else 'since'}.",
        sources=() if last is None else (last.source,),
    )


def _unsigned(record: Record, within: Period) -> Notice | None:
    found = [each.source for each in record.meetings if each.at in within and not each.signed]
    if not found:
        return None
    text = f"{_counted(len(found), 'session is', 'sessions are')} counted that nobody has signed for yet: what they say may change."
    return Notice(code=NoticeCode.UNSIGNED_SESSIONS, text=text, sources=tuple(found))


def _versions(measure: MeasureProgress) -> Notice:
    others = ", ".join(measure.other_versions)
    text = (
        f"{measure.title}: version {measure.version} is told apart from version {others}; no change is counted from one to the "
        "other."
    )
    return Notice(code=NoticeCode.SEVERAL_VERSIONS, text=text, sources=tuple(each.source for each in measure.scores))


def _not_judged(sources: Sequence[Source]) -> Notice | None:
    if not sources:
        return None
    count = _counted(len(sources), "measure is", "measures are")
    text = f"{count} of an instrument or version unknown to this release, and count for nothing."
    return Notice(code=NoticeCode.NOT_JUDGED, text=text, sources=tuple(sources))


def _prorated(measure: MeasureProgress) -> Notice:
    count = _counted(len(measure.prorated), "score is", "scores are")
    text = f"{measure.title}: {count} estimated, because answers were missing."
    return Notice(code=NoticeCode.PRORATED_SCORES, text=text, sources=measure.prorated)


def _assumed(measure: MeasureProgress) -> Notice:
    text = (
        f"{measure.title}: its smallest reliable change rests on a standard deviation that is assumed, for want of a "
        "published one. Judge changes near it with care."
    )
    return Notice(code=NoticeCode.ASSUMED_ERROR, text=text, sources=())


def _left_out(record: Record, within: Period) -> Notice | None:
    count = sum(at in within for at in record.withdrawn)
    if not count:
        return None
    text = f"{_counted(count, 'record was', 'records were')} marked as entered in error and left out."
    return Notice(code=NoticeCode.ENTERED_IN_ERROR, text=text, sources=())


def _day(at: datetime, zone: ZoneInfo) -> str:
    day = day_of(at, zone)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _counted(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
