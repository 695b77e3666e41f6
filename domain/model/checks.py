"""Checks that commands make on what they are given. Each names the field and the limit, never the value."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.errors import Invalid

CLOCK_SKEW_S: Final = 300
"""How far a caller's clock may run ahead of ours before a time counts as lying in the future."""


class TextNotAllowed(Invalid):
    code = "text_not_allowed"


class OutOfRange(Invalid):
    code = "out_of_range"


class ImpossibleTime(Invalid):
    code = "impossible_time"


def text(field: str, value: str, most: int, *, least: int = 0, one_line: bool = False) -> None:
    """Length in characters between `least` (blank counts as empty) and `most`; encodable; no NUL; optionally one line.

    Raises TextNotAllowed.
    """
    if len(value) > most:
        raise TextNotAllowed(f"{field} is longer than {most:,} characters.", field=field, limit=most)
    if least and len(value.strip()) < least:
        raise TextNotAllowed(
            f"{field} needs at least {least} character{'s' if least > 1 else ''} that are not blank.",
            field=field,
            at_least=least,
        )
    if "\x00" in value:
        raise TextNotAllowed(f"{field} holds a NUL character.", field=field)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise TextNotAllowed(f"{field} holds half of a surrogate pair.", field=field) from None
    if one_line and not value.isprintable():
        raise TextNotAllowed(f"{field} must be one line without control characters.", field=field)


def texts(field: str, values: tuple[str, ...], most_items: int, most: int) -> None:
    """A short list of single-line texts, none of them blank. Raises TextNotAllowed, OutOfRange."""
    count(field, values, most_items)
    for index, value in enumerate(values):
        text(f"{field}[{index}]", value, most, least=1, one_line=True)


def count(field: str, values: tuple[object, ...], most: int, *, least: int = 0) -> None:
    """Raises OutOfRange when there are more than `most` or fewer than `least`."""
    if not least <= len(values) <= most:
        raise OutOfRange(f"{field} takes {least} to {most} items.", field=field, at_least=least, limit=most)


def distinct(field: str, values: Iterable[UUID]) -> None:
    """Raises OutOfRange when an id comes twice."""
    listed = list(values)
    if len(set(listed)) != len(listed):
        raise OutOfRange(f"{field} names the same id twice.", field=field)


def integer(field: str, value: int, least: int, most: int) -> None:
    """Raises OutOfRange, also for True and False, which Python counts as integers."""
    if type(value) is not int or not least <= value <= most:
        raise OutOfRange(f"{field} must be a whole number from {least} to {most}.", field=field, least=least, most=most)


def number(field: str, value: float, least: float, most: float) -> None:
    """Raises OutOfRange, also for what is no number: True, False, NaN."""
    if isinstance(value, bool) or not least <= value <= most:
        raise OutOfRange(f"{field} must be a number from {least:g} to {most:g}.", field=field, least=least, most=most)


def instant(field: str, value: datetime, *, now: datetime) -> None:
    """An aware instant that has come already. Raises ImpossibleTime."""
    if value.tzinfo is None:
        raise ImpossibleTime(f"{field} needs a time zone or offset.", field=field)
    if (value - now).total_seconds() > CLOCK_SKEW_S:
        raise ImpossibleTime(f"{field} lies in the future.", field=field)
    if value.year < 1900:
        raise ImpossibleTime(f"{field} lies before 1900.", field=field)
