"""Days as people know them: sometimes only the month, or the year."""

import re
from calendar import monthrange
from datetime import date, datetime, timedelta
from typing import Final

from domain.model import checks

_PARTIAL: Final = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)
# A day's grace: where the client lives it may be tomorrow already.
_GRACE: Final = timedelta(days=1)


def partial_date(field: str, value: str, now: datetime) -> None:
    """A day, a month or a year that has begun, not before 1900; empty when unknown. As in FHIR. Raises ImpossibleTime."""
    if not value:
        return
    first = first_day(value)
    if first is None:
        raise checks.ImpossibleTime(
            f"{field} must be a day, a month or a year: 2025-05-17, 2025-05 or 2025.", field=field
        )
    past_day(field, first, now)


def past_day(field: str, value: date | None, now: datetime) -> None:
    """A day that has come, not before 1900, or None. Raises ImpossibleTime."""
    if value is None:
        return
    if value.year < 1900:
        raise checks.ImpossibleTime(f"{field} lies before 1900.", field=field)
    if value > now.date() + _GRACE:
        raise checks.ImpossibleTime(f"{field} lies in the future.", field=field)


def first_day(partial: str) -> date | None:
    """The first day that a day, month or year can mean; None for what is none of them."""
    if not _PARTIAL.fullmatch(partial):
        return None
    try:
        return date.fromisoformat(partial + "-01-01"[len(partial) - 4 :])
    except ValueError:
        return None


def last_day(partial: str) -> date | None:
    """The last day that a day, month or year can mean; None for what is none of them."""
    first = first_day(partial)
    match partial.count("-"):
        case 0 if first is not None:
            return first.replace(month=12, day=31)
        case 1 if first is not None:
            return first.replace(day=monthrange(first.year, first.month)[1])
        case _:
            return first
