"""When something took place, as people in the room knew it: an instant, the zone it happened in and that zone's offset.

The offset is stored because zone rules change after the fact; a stored moment is never checked again.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.model.checks import CLOCK_SKEW_S, ImpossibleTime

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_ZONE_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+){0,2}", re.ASCII)
# Files that lie among the zones and are none: placeholders, this machine's own, and clocks that count leap seconds.
_NO_ZONES: Final = ("Factory", "localtime", "posixrules", "posix/", "right/")


class UnknownZone(ImpossibleTime):
    code = "unknown_zone"


class ZonelessTime(ImpossibleTime):
    code = "zoneless_time"
    hint = "Send the offset with the time, such as 2026-03-02T10:00:00+01:00."


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises UnknownZone."""
    if len(name) > 64 or not _ZONE_NAME.fullmatch(name) or name.startswith(_NO_ZONES):
        raise UnknownZone("There is no IANA time zone of this name.", field="zone")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone("There is no IANA time zone of this name.", field="zone") from None


@dataclass(frozen=True, slots=True)
class MomentInZone:
    """`instant` aware, in UTC; `zone` an IANA name; `offset_s` seconds east of UTC that the zone had at that instant.

    Build it with `of`, which checks; stored moments are rebuilt without checks.
    """

    instant: datetime
    zone: str
    offset_s: int

    @staticmethod
    def of(value: str | datetime, zone: str, field: str = "time") -> "MomentInZone":
        """From RFC 3339 text or an aware datetime, and the zone it happened in.

        An offset must be the zone's own at that time, which also settles the hour that comes twice in autumn and refuses
        the one that is skipped in spring; `Z` (or a datetime in UTC) states the instant alone (RFC 9557 §2).
        Raises ZonelessTime, UnknownZone, ImpossibleTime.
        """
        rules = zone_named(zone)
        given, instant_alone = _parsed(value, field)
        offset = given.utcoffset()
        if offset is None:
            raise ZonelessTime(f"{field} has neither zone nor offset.", field=field)
        try:
            instant = given.astimezone(UTC)
            local = instant.astimezone(rules)
        except OverflowError:
            raise ImpossibleTime(f"{field} lies outside the calendar.", field=field) from None
        if not FIRST_YEAR <= instant.year <= LAST_YEAR:
            raise ImpossibleTime(f"{field} lies outside the years {FIRST_YEAR} to {LAST_YEAR}.", field=field)
        actual = local.utcoffset() or timedelta()
        if not instant_alone and actual != offset:
            raise _wrong_offset(given.replace(tzinfo=rules), field)
        return MomentInZone(instant, zone, int(actual.total_seconds()))

    @property
    def local(self) -> datetime:
        """The wall clock then and there, by the stored offset."""
        return self.instant.astimezone(timezone(timedelta(seconds=self.offset_s)))

    def check(self, field: str) -> None:
        """For commands: that it could have come from `of`. Raises what `of` raises."""
        if self.instant.tzinfo is None:
            raise ZonelessTime(f"{field} has neither zone nor offset.", field=field)
        if MomentInZone.of(self.instant.astimezone(UTC), self.zone, field).offset_s != self.offset_s:
            raise _other_offset(field)

    def check_past(self, field: str, now: datetime) -> None:
        """For commands: `check`, and that it has come already. Raises ImpossibleTime."""
        self.check(field)
        if (self.instant - now).total_seconds() > CLOCK_SKEW_S:
            raise ImpossibleTime(f"{field} lies in the future.", field=field)


def _parsed(value: str | datetime, field: str) -> tuple[datetime, bool]:
    """The time, and whether it states an instant without telling the offset on the wall."""
    if isinstance(value, datetime):
        return value, value.tzinfo is UTC
    if len(value) > 40 or not _RFC3339.fullmatch(value):
        raise ImpossibleTime(f"{field} must look like 2026-03-02T10:00:00+01:00 (RFC 3339).", field=field)
    try:
        return datetime.fromisoformat(value.upper()), value[-1] in "Zz"
    except ValueError:
        raise ImpossibleTime(f"{field} names a day or hour that does not exist.", field=field) from None


def _wrong_offset(wall: datetime, field: str) -> ImpossibleTime:
    """Tells the hour that the clocks skipped from a plain mismatch. `wall` is the local time read in the zone."""
    if wall.astimezone(UTC).astimezone(wall.tzinfo).replace(tzinfo=None) != wall.replace(tzinfo=None):
        return ImpossibleTime(f"{field} does not exist in that zone: the clocks were put forward over it.", field=field)
    return _other_offset(field)


def _other_offset(field: str) -> ImpossibleTime:
    return ImpossibleTime(
        f"{field} carries an offset that its zone did not have then; send the zone's own, or Z for a time in UTC.",
        field=field,
    )
