"""Psychotherapy notes: what a therapist writes down for themself about what was said, apart from the record (45 CFR 164.501).

Text and nothing else. Scores, goals, diagnoses, medications, times, modality and plans belong into the record, which the
care team reads; whoever needs them there must not have to open what only its author may read.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, NotFound
from domain.model import checks
from domain.model.clinical import ClinicalRecord, MarkedInError
from domain.ports.keys import RecordClass

TEXT_MOST: Final = 100_000


class NoteNotFound(NotFound):
    code = "note_not_found"
    message = "There is no psychotherapy note with this id."


class NoteEnteredInError(Conflict):
    code = "note_entered_in_error"
    message = "The note was marked as entered in error; it stays readable and takes no more changes."


class NoteUnchanged(Conflict):
    code = "note_unchanged"
    message = "The note reads so already."


class NoteStatus(StrEnum):
    KEPT = "kept"
    ENTERED_IN_ERROR = "entered_in_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteText:
    """As it read from `version` on until the next one's."""

    version: int
    written_at: datetime
    text: str


class Note(ClinicalRecord):
    """Its author's alone; who else may read it stands in the author's `NotesFolder` about the client."""

    RECORD_CLASS = RecordClass.NOTES
    NOT_FOUND = NoteNotFound
    NAME = "note"
    WRITTEN_BY = "author_id"
    ENTERED_IN_ERROR = NoteEnteredInError

    def __init__(self) -> None:
        self.client_id: UUID
        self.author_id: UUID
        self.session_id: UUID | None = None
        self.substance_use = False
        self.texts: tuple[NoteText, ...] = ()
        self.status = NoteStatus.KEPT
        self.error_reason = ""

    @property
    def record_class(self) -> RecordClass:
        return RecordClass.SUD_NOTES if self.substance_use else RecordClass.NOTES

    @property
    def text(self) -> str:
        """As it reads now; what it read before stays in `texts`."""
        return self.texts[-1].text

    class Event(Aggregate.Event):
        pass

    class Written(Event, Aggregate.Created):
        KIND: ClassVar[str] = "note.written"
        client_id: UUID
        author_id: UUID
        session_id: UUID | None
        text: str
        substance_use: bool

        def apply(self, aggregate: "Note") -> None:
            aggregate.client_id = self.client_id
            aggregate.author_id = self.author_id
            aggregate.session_id = self.session_id
            aggregate.substance_use = self.substance_use
            aggregate.texts = (_as_of(self, self.text),)

    class Revised(Event):
        """The whole text anew."""

        KIND: ClassVar[str] = "note.revised"
        text: str

        def apply(self, aggregate: "Note") -> None:
            aggregate.texts = (*aggregate.texts, _as_of(self, self.text))

    class EnteredInError(MarkedInError, Event):
        KIND: ClassVar[str] = "note.entered_in_error"

    @classmethod
    def write(  # noqa: PLR0913 - one argument a fact of the note
        cls,
        note_id: UUID,
        *,
        at: datetime,
        client_id: UUID,
        by: UUID,
        text: str,
        session_id: UUID | None = None,
        substance_use: bool = False,
    ) -> "Note":
        """Raises Invalid."""
        checks.text("text", text, TEXT_MOST, least=1)
        return cls._create(
            cls.Written,
            id=note_id,
            timestamp=at,
            client_id=client_id,
            author_id=by,
            session_id=session_id,
            text=text,
            substance_use=substance_use,
        )

    def revise(self, *, at: datetime, text: str) -> None:
        """Raises NoteEnteredInError, NoteUnchanged, Invalid."""
        self.require_standing()
        checks.text("text", text, TEXT_MOST, least=1)
        if text == self.text:
            raise NoteUnchanged(note_id=self.id)
        self.trigger_event(self.Revised, timestamp=at, text=text)


def _as_of(event: Any, text: str) -> NoteText:
    return NoteText(version=event.originator_version, written_at=event.timestamp, text=text)
