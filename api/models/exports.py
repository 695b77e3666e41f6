"""What an export looks like."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.models.common import Out


class PersonOut(Out):
    """An account that the record names."""

    id: UUID
    role: str
    name: str
    login: str | None = Field(default=None, description="Only in exports made on the host.")


class NoticeOut(Out):
    code: str
    text: str


class HistoryEventOut(Out):
    """One event as it lies in the log. `data` are its fields: `kind`, `at`, and what it tells."""

    position: int
    stream: UUID
    version: int
    record_class: Annotated[str, Field(alias="class")]
    recorded_at: str
    data: dict[str, Any]


class ExportOut(Out):
    """`record` holds everything as the resources' own routes answer it, by kind; `history` the events it was made of, left
    out of exports for accounts of clients.
    """

    format: Literal["anamnesis/export"]
    version: Literal[1]
    made_at: str
    client_id: UUID
    position: Annotated[int, Field(description="Of the newest event in it.")]
    people: list[PersonOut]
    left_out: Annotated[list[str], Field(description="What no export of this kind holds, whether or not there is any.")]
    notices: Annotated[list[NoticeOut], Field(description="Rules that go with the record wherever it goes.")]
    record: dict[str, Any]
    history: list[HistoryEventOut] | None = None
