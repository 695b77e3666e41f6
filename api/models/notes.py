"""Psychotherapy notes: text alone. Whatever belongs into the record is refused here, field by field."""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from api.models.common import In, MarkedOut, Out, Rfc3339, example
from api.models.records import Day, DayOut
from domain.model.note import NoteStatus
from domain.ports.access import Relation

NoteText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100_000),
    Field(json_schema_extra={"pattern": "^[^\\u0000]*$"}),
]
Scope = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2_000),
    Field(json_schema_extra={"pattern": "^[^\\u0000]*$"}),
]
_AUTHOR: Final = "018f3a52-7c1d-7aaa-9f00-5d2b8d0c1a11"
_CLIENT: Final = "7d0f3c0e-3b0b-4a7e-8f0c-2f1f0c8d5a11"
_NOTE: Final = "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d10"
_TEXT: Final = "She looked away when her brother was named. I felt I should not ask yet."
_EXAMPLE: Final[dict[str, Any]] = {
    "id": _NOTE,
    "client_id": _CLIENT,
    "author_id": _AUTHOR,
    "session_id": None,
    "version": 1,
    "status": "kept",
    "written_at": "2026-03-02T10:05:11.120000Z",
    "changed_at": "2026-03-02T10:05:11.120000Z",
    "error_reason": "",
    "text": _TEXT,
    "texts": [{"version": 1, "written_at": "2026-03-02T10:05:11.120000Z", "text": _TEXT}],
}


class NoteIn(In):
    """What a therapist notes for themself about what was said. Text and no field besides: scores, goals, diagnoses,
    medications, times and modality belong into the record (45 CFR 164.501).

    `substance_use`: about substance-use treatment; notes about a session that is are so without being told.
    """

    text: NoteText
    session_id: UUID | None = None
    substance_use: bool = False

    model_config = example({"text": _TEXT})


class NoteTextIn(In):
    """The whole text anew; what it read before is kept."""

    text: NoteText

    model_config = example({"text": _TEXT})


class NoteTextOut(Out):
    version: int
    written_at: Rfc3339
    text: str


class NoteOut(MarkedOut):
    """`text` as it reads now, `texts` all it ever read, oldest first."""

    id: UUID
    client_id: UUID
    author_id: UUID
    session_id: UUID | None
    version: int
    status: NoteStatus
    written_at: Rfc3339
    changed_at: Rfc3339
    error_reason: str
    text: str
    texts: tuple[NoteTextOut, ...]

    model_config = example(_EXAMPLE)


class NoteListedOut(Out):
    id: UUID
    written_at: Rfc3339


class AuthorisationOut(Out):
    """What the client signed. No `note_ids` means all notes of this author about them."""

    id: UUID
    account_id: UUID
    note_ids: tuple[UUID, ...]
    scope: str
    signed_on: DayOut
    until: Rfc3339
    recorded_by: UUID
    recorded_at: Rfc3339
    revoked_at: Rfc3339 | None


class NotesOut(Out):
    """The notes of one author about one client that the caller may read, oldest first: ids and times. `relation` says as what
    they may; who keeps them and who else reads is told to author and custodian. `version` 0: nothing was written yet.
    """

    client_id: UUID
    author_id: UUID
    version: int
    relation: Relation
    items: tuple[NoteListedOut, ...]
    custodian_id: UUID | None
    custody_since: Rfc3339 | None
    authorisations: tuple[AuthorisationOut, ...]

    model_config = example(
        {
            "client_id": _CLIENT,
            "author_id": _AUTHOR,
            "version": 2,
            "relation": "author",
            "items": [{"id": _NOTE, "written_at": "2026-03-02T10:05:11.120000Z"}],
            "custodian_id": None,
            "custody_since": None,
            "authorisations": [],
        }
    )


class NotesPlaceOut(Out):
    client_id: UUID
    author_id: UUID
    custodian_id: UUID | None


class NotesPlacesOut(Out):
    """Which authors keep notes about which clients, by ids alone."""

    items: tuple[NotesPlaceOut, ...]

    model_config = example({"items": [{"client_id": _CLIENT, "author_id": _AUTHOR, "custodian_id": None}]})


class CustodianIn(In):
    """`author_id` left out means the caller's own notes; compliance names the author."""

    custodian_id: UUID
    author_id: UUID | None = None

    model_config = example({"custodian_id": "018f3a52-7c1d-7aaa-9f00-5d2b8d0c1a12"})


class CustodyIn(In):
    author_id: UUID

    model_config = example({"author_id": _AUTHOR})


class AuthorisationIn(In):
    """The client's written authorisation (45 CFR 164.508): who may read, which notes (none named: all), for what, until when.
    `author_id` left out means the caller's own notes.
    """

    account_id: UUID
    scope: Scope
    signed_on: Day
    until: Rfc3339
    note_ids: Annotated[tuple[UUID, ...], Field(max_length=500)] = ()
    author_id: UUID | None = None

    model_config = example(
        {
            "account_id": "018f3a52-7c1d-7aaa-9f00-5d2b8d0c1a12",
            "scope": "Second opinion before the change of treatment.",
            "signed_on": "2026-03-02",
            "until": "2026-06-02T00:00:00+02:00",
        }
    )


class RevocationIn(In):
    """`author_id` left out means the caller's own notes."""

    author_id: UUID | None = None

    model_config = example({})
