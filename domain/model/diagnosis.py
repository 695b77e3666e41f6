"""A diagnosis: a code of a published list with the words it had there, and how sure the clinician is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Invalid, NotFound
from domain.model import checks
from domain.model.clinical import ClinicalRecord, MarkedInError
from domain.model.dates import partial_date
from domain.ports.keys import RecordClass

NOTE_MOST: Final = 2_000


class DiagnosisNotFound(NotFound):
    code = "diagnosis_not_found"
    message = "There is no diagnosis with this id."


class DiagnosisEnteredInError(Conflict):
    code = "diagnosis_entered_in_error"
    message = "The diagnosis was marked as entered in error; it stays readable and takes no more changes."


class DiagnosisUnchanged(Conflict):
    code = "diagnosis_unchanged"
    message = "The diagnosis reads so already."


class DiagnosisAlreadyListed(Conflict):
    code = "diagnosis_already_listed"
    message = "The client has this diagnosis already, provisional or confirmed."
    hint = "Change the one that is listed; say that it is resolved or ruled out before it is recorded again."


class PrincipalDiagnosisListed(Conflict):
    code = "principal_diagnosis_listed"
    message = "The client has another principal diagnosis."
    hint = "Change that one first, so that it is no longer the principal one."


class DiagnosisCodeUnknown(Invalid):
    code = "diagnosis_code_unknown"
    message = "The code list has no such code."
    hint = "Look it up under /v1/codes/icd-10-cm?q= by the beginning of a code or by words of its description."


class DiagnosisCodeNotSpecific(Invalid):
    code = "diagnosis_code_not_specific"
    message = "This code is a heading; a diagnosis needs one of the codes below it."
    hint = "Choose one of those named, or look further under /v1/codes/icd-10-cm?q=."


class DiagnosisKeptApart(Conflict):
    code = "diagnosis_kept_apart"
    message = "Diagnoses of this code are kept apart from the record, and this one is not."
    hint = "Mark this one as entered in error, or as ruled out, and record the other anew."


class DiagnosisStatus(StrEnum):
    """How sure it is, and whether it still holds (after FHIR's verification and clinical status)."""

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    RESOLVED = "resolved"
    RULED_OUT = "ruled_out"
    ENTERED_IN_ERROR = "entered_in_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisContent:
    """`code`, `description` and `edition` as the list gave them then. `onset` a day, a month, a year or empty; `note` holds
    specifiers and grounds.
    """

    code: str
    description: str
    edition: str
    status: DiagnosisStatus = DiagnosisStatus.PROVISIONAL
    principal: bool = False
    onset: str = ""
    note: str = ""

    def check(self, now: datetime) -> None:
        """Raises Invalid naming the field. That the list has the code is checked by the service."""
        checks.text("code", self.code, 20, least=1, one_line=True)
        checks.text("description", self.description, 1_000, least=1, one_line=True)
        checks.text("edition", self.edition, 100, least=1, one_line=True)
        if self.status is DiagnosisStatus.ENTERED_IN_ERROR:
            raise Invalid("status can't be entered_in_error; mark the diagnosis so, with a reason.", field="status")
        partial_date("onset", self.onset, now)
        checks.text("note", self.note, NOTE_MOST)


class Diagnosis(ClinicalRecord):
    RECORD_CLASS = RecordClass.JOURNAL
    NOT_FOUND = DiagnosisNotFound
    NAME = "diagnosis"
    ENTERED_IN_ERROR = DiagnosisEnteredInError

    def __init__(self) -> None:
        self.client_id: UUID
        self.recorded_by: UUID
        self.changed_by: UUID
        self.content: DiagnosisContent
        self.status: DiagnosisStatus
        self.error_reason = ""

    class Event(Aggregate.Event):
        pass

    class Recorded(Event, Aggregate.Created):
        KIND: ClassVar[str] = "diagnosis.recorded"
        client_id: UUID
        content: DiagnosisContent
        recorded_by: UUID
        substance_use: bool = False

        def apply(self, aggregate: "Diagnosis") -> None:
            aggregate.client_id = self.client_id
            aggregate.substance_use = self.substance_use
            aggregate.recorded_by = aggregate.changed_by = self.recorded_by
            aggregate.content = self.content
            aggregate.status = self.content.status

    class Changed(Event):
        """The whole diagnosis as it reads now: confirmed, resolved, ruled out, or under another code."""

        KIND: ClassVar[str] = "diagnosis.changed"
        content: DiagnosisContent
        changed_by: UUID

        def apply(self, aggregate: "Diagnosis") -> None:
            aggregate.changed_by = self.changed_by
            aggregate.content = self.content
            aggregate.status = self.content.status

    class EnteredInError(MarkedInError, Event):
        KIND: ClassVar[str] = "diagnosis.entered_in_error"

    @classmethod
    def record(  # noqa: PLR0913 - one argument a fact of the entry
        cls,
        diagnosis_id: UUID,
        *,
        at: datetime,
        client_id: UUID,
        by: UUID,
        content: DiagnosisContent,
        substance_use: bool = False,
    ) -> "Diagnosis":
        """Raises Invalid."""
        content.check(at)
        return cls._create(
            cls.Recorded,
            id=diagnosis_id,
            timestamp=at,
            client_id=client_id,
            content=content,
            recorded_by=by,
            substance_use=substance_use,
        )

    def change(self, *, at: datetime, by: UUID, content: DiagnosisContent) -> None:
        """Raises DiagnosisEnteredInError, DiagnosisUnchanged, Invalid."""
        self.require_standing()
        content.check(at)
        if content == self.content:
            raise DiagnosisUnchanged(id=self.id)
        self.trigger_event(self.Changed, timestamp=at, content=content, changed_by=by)
