"""What lists of one kind of record share: a page of items as the journey holds them."""

from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query
from pydantic import Field

from api.models.common import Out, Rfc3339

Day = Annotated[date, Field(description="A day of the calendar, such as 2026-03-02.")]
DayOut = Annotated[str, Field(json_schema_extra={"format": "date"})]
PageLimit = Annotated[int, Query(ge=1, le=500, description="Most items of a page.")]

RECORD_EXAMPLE: Final[dict[str, Any]] = {
    "client_id": "7d0f3c0e-3b0b-4a7e-8f0c-2f1f0c8d5a11",
    "version": 1,
    "recorded_at": "2026-03-02T10:05:11.120000Z",
    "changed_at": "2026-03-02T10:05:11.120000Z",
    "error_reason": "",
}


class RecordOut(Out):
    """What every record of a client says of itself. `error_reason` says why it was marked as entered in error."""

    id: UUID
    client_id: UUID
    version: int
    recorded_at: Rfc3339
    changed_at: Rfc3339
    error_reason: str
