"""Parameters that lists share."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import BeforeValidator, Strict
from pydantic_core import PydanticCustomError

from api.faults import OURS
from api.models.common import instant
from domain.model.checks import ImpossibleTime

_SHAPE: Final = "must be a time with its offset, such as 2026-03-02T10:00:00Z; write + as %2B in a query"


def _read(value: object) -> object:
    """A time with its offset, as UTC; numbers and zone-less times are refused."""
    if not isinstance(value, str):
        return value
    try:
        return instant(value, "time")
    except ImpossibleTime as exc:
        raise PydanticCustomError("impossible_time", _SHAPE, {OURS: True}) from exc


def _flag(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


_Instant: Final[Any] = BeforeValidator(_read, json_schema_input_type=datetime)
Since = Annotated[datetime | None, _Instant, Query(description="Nothing before this time.")]
Until = Annotated[datetime | None, _Instant, Query(description="Only what came before this time.")]
LookBack = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=20,
        description="How far back: days, weeks, months or years, such as 90d, 12w, 6m or 2y.",
    ),
]
Flag = Annotated[bool | None, Strict(), BeforeValidator(_flag, json_schema_input_type=bool | None)]
"""`true` or `false`, and not one of the many words that pydantic takes for them."""
Cursor = Annotated[
    str | None,
    Query(min_length=1, max_length=2048, description="`next` of the page before, with the same filters."),
]
