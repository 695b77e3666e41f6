"""What entries of the clinical record share: marking as entered in error, and dates as people know them.

A status enumeration that is used here has a member `entered_in_error`: such an entry stays readable and counts for nothing.
"""

import re
from calendar import monthrange
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID

from domain.errors import Conflict
from domain.model import checks

REASON_MOST: Final = 2_000
IN_ERROR: Final = "entered_in_error"
_PARTIAL: Final = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)
# A day's grace: where the client lives it may be tomorrow already.
_GRACE: Final = timedelta(days=1)


class EntryStatus(StrEnum):
    """Of entries that only stand, or were entered in error."""

    ACTIVE = "active"
    ENTERED_IN_ERROR = "entered_in_error"


class MarksInError:
    """Mixed into an aggregate's event `EnteredInError`, before its other base; the event declares both fields."""

    marked_by: UUID
    reason: str

    def apply(self, aggregate: Any) -> None:
        aggregate.status = type(aggregate.status)(IN_ERROR)
        aggregate.error_reason = self.reason


class Correctable:
    """Mixed into an aggregate with `status`, `error_reason`, and an event `EnteredInError`."""

    IN_ERROR_CONFLICT: ClassVar[type[Conflict]]
    """Raised for whatever would change an entry that was marked."""

    id: Any
    status: Any
    error_reason: str

    @property
    def in_error(self) -> bool:
        """Whether it was entered in error and so counts for nothing."""
        return bool(self.status == IN_ERROR)

    def mark_entered_in_error(self, *, at: datetime, by: UUID, reason: str) -> None:
        """A wrong chart: the entry stays readable, marked, and counts for nothing.

        Raises the aggregate's conflict when it is marked already, Invalid.
        """
        self._require_standing()
        checks.text("reason", reason, REASON_MOST, least=1)
        entry: Any = self
        entry.trigger_event(entry.EnteredInError, timestamp=at, marked_by=by, reason=reason)

    def _require_standing(self) -> None:
        if self.in_error:
            raise self.IN_ERROR_CONFLICT(id=self.id)


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
    if value.year < 1900:  # noqa: PLR2004 - the first year of the record's times
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
