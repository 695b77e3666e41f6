"""What an export looks like."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.models.common import Out, example


class PersonOut(Out):
    """An account that the record names."""

    id: UUID
    role: str
    name: str
    login: str | None = Field(default=None, description="Only in exports made on the host.")


class RuleOut(Out):
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
    notices: Annotated[list[RuleOut], Field(description="Rules that go with the record wherever it goes.")]
    record: dict[str, Any]
    history: list[HistoryEventOut] | None = None

    model_config = example(
        {
            "format": "anamnesis/export",
            "version": 1,
            "made_at": "2026-03-02T09:00:00Z",
            "client_id": "3f0f6c2e-9d5e-4c86-8f1c-0b7d7f7f2f61",
            "position": 128,
            "people": [
                {
                    "id": "8b1b2b0e-6a53-4a8e-a0d5-2f1a0d3c9e11",
                    "role": "clinician",
                    "name": "Tamsin Okonkwo",
                    "login": None,
                }
            ],
            "left_out": ["psychotherapy_notes_of_others", "drafts", "audit_entries", "history"],
            "notices": [],
            "record": {"identity": {"names": [{"family": "Okafor", "given": "Ada"}]}, "sessions": [], "goals": []},
            "history": None,
        }
    )
