"""Instants as the tables hold them."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """Since 1970, UTC, exact. Raises TypeError for a time without a zone."""
    return (instant - _EPOCH) // _MICROSECOND
