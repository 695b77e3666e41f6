"""What was said in a session, word for word. One a session; replaced only when it was entered in error."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import isfinite
from typing import ClassVar, Final
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, NotFound
from domain.model import checks
from domain.model.clinical import ClinicalRecord, MarkedInError
from domain.model.values import MomentInZone
from domain.ports.keys import RecordClass

UTTERANCES_MOST: Final = 20_000
BYTES_MOST: Final = 5_000_000
CODES_MOST: Final = 20
CODE_MOST: Final = 100
_DAY_S: Final = 86_400


class TranscriptNotFound(NotFound):
    code = "transcript_not_found"
    message = "There is no transcript of this session."


class TranscriptAlreadyAttached(Conflict):
    code = "transcript_already_attached"
    message = "The session has a transcript."
    hint = "If it is the wrong one, mark it as entered in error; then the right one can be put in its place."


class TranscriptEnteredInError(Conflict):
    code = "transcript_entered_in_error"
    message = "The transcript was marked as entered in error; it stays readable and counts for nothing."


class TranscriptStatus(StrEnum):
    ATTACHED = "attached"
    ENTERED_IN_ERROR = "entered_in_error"


class Speaker(StrEnum):
    CLIENT = "client"
    CLINICIAN = "clinician"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """`number` orders and names it; `at_s` seconds since the beginning, None when unknown; `codes` are short labels of a
    coding scheme (what kind of talk it is).
    """

    number: int
    speaker: Speaker
    text: str
    at_s: float | None = None
    codes: tuple[str, ...] = ()

    def check(self, field: str) -> int:
        """Its size in bytes. Raises Invalid naming the field."""
        checks.integer(f"{field}.number", self.number, 0, 1_000_000)
        checks.text(f"{field}.text", self.text, BYTES_MOST)
        checks.texts(f"{field}.codes", self.codes, CODES_MOST, CODE_MOST)
        if self.at_s is not None and not (isfinite(self.at_s) and 0 <= self.at_s <= _DAY_S):
            raise checks.OutOfRange(
                f"{field}.at_s must be a number of seconds from 0 to {_DAY_S}.", field=f"{field}.at_s"
            )
        return len(self.text.encode()) + sum(len(code.encode()) for code in self.codes)


class Transcript(ClinicalRecord):
    """`took_place` is the session's when it was attached."""

    RECORD_CLASS = RecordClass.JOURNAL
    NOT_FOUND = TranscriptNotFound
    NAME = "transcript"
    WRITTEN_BY = "attached_by"
    ENTERED_IN_ERROR = TranscriptEnteredInError

    def __init__(self) -> None:
        self.client_id: UUID
        self.session_id: UUID
        self.took_place: MomentInZone
        self.attached_by: UUID
        self.source: str
        self.utterances: tuple[Utterance, ...]
        self.status = TranscriptStatus.ATTACHED
        self.error_reason = ""

    @staticmethod
    def stream_of(session_id: UUID) -> UUID:
        """The stream of a session's transcript; one a session."""
        return uuid5(session_id, "transcript")

    class Event(Aggregate.Event):
        pass

    class Attached(Event, Aggregate.Created):
        KIND: ClassVar[str] = "transcript.attached"
        client_id: UUID
        session_id: UUID
        took_place: MomentInZone
        utterances: tuple[Utterance, ...]
        source: str
        attached_by: UUID
        substance_use: bool = False

        def apply(self, aggregate: "Transcript") -> None:
            aggregate.client_id = self.client_id
            aggregate.substance_use = self.substance_use
            aggregate.session_id = self.session_id
            aggregate.took_place = self.took_place
            aggregate.utterances = self.utterances
            aggregate.source = self.source
            aggregate.attached_by = self.attached_by

    class Replaced(Event):
        """The right one, in the place of one that was entered in error."""

        KIND: ClassVar[str] = "transcript.replaced"
        took_place: MomentInZone
        utterances: tuple[Utterance, ...]
        source: str
        replaced_by: UUID

        def apply(self, aggregate: "Transcript") -> None:
            aggregate.status = TranscriptStatus.ATTACHED
            aggregate.error_reason = ""
            aggregate.took_place = self.took_place
            aggregate.utterances = self.utterances
            aggregate.source = self.source
            aggregate.attached_by = self.replaced_by

    class EnteredInError(MarkedInError, Event):
        KIND: ClassVar[str] = "transcript.entered_in_error"

    @classmethod
    def attach(  # noqa: PLR0913 - one argument a fact of the transcript
        cls,
        session_id: UUID,
        *,
        at: datetime,
        client_id: UUID,
        by: UUID,
        took_place: MomentInZone,
        utterances: Sequence[Utterance],
        source: str = "",
        substance_use: bool = False,
    ) -> "Transcript":
        """To a session of this client, which took place then. Raises Invalid."""
        check_utterances(utterances, source)
        return cls._create(
            cls.Attached,
            id=cls.stream_of(session_id),
            timestamp=at,
            client_id=client_id,
            session_id=session_id,
            took_place=took_place,
            utterances=tuple(utterances),
            source=source,
            attached_by=by,
            substance_use=substance_use,
        )

    def replace(
        self, *, at: datetime, by: UUID, took_place: MomentInZone, utterances: Sequence[Utterance], source: str = ""
    ) -> None:
        """In the place of one that was entered in error. Raises TranscriptAlreadyAttached, Invalid."""
        if not self.in_error:
            raise TranscriptAlreadyAttached(id=self.id)
        check_utterances(utterances, source)
        self.trigger_event(
            self.Replaced,
            timestamp=at,
            took_place=took_place,
            utterances=tuple(utterances),
            source=source,
            replaced_by=by,
        )


def check_utterances(utterances: Sequence[Utterance], source: str) -> None:
    """One to `UTTERANCES_MOST`, numbered upwards, `BYTES_MOST` together. Raises Invalid naming the field."""
    checks.text("source", source, 200, one_line=True)
    checks.count("utterances", tuple(utterances), UTTERANCES_MOST, least=1)
    before, size = -1, 0
    for index, utterance in enumerate(utterances):
        size += utterance.check(f"utterances[{index}]")
        if utterance.number <= before:
            raise checks.OutOfRange(
                "utterances must be numbered upwards, no number twice.", field=f"utterances[{index}].number"
            )
        before = utterance.number
    if size > BYTES_MOST:
        raise checks.OutOfRange(
            "utterances hold more than 5 MB of text together.", field="utterances", limit=BYTES_MOST
        )
