"""A medication that the client takes or took, as they or their prescriber tell. No prescription."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, NotFound
from domain.model import checks
from domain.model.clinical import REASON_MOST, ClinicalRecord, MarkedInError
from domain.model.dates import first_day, last_day, partial_date
from domain.ports.keys import RecordClass

LINE_MOST: Final = 300


class MedicationNotFound(NotFound):
    code = "medication_not_found"
    message = "There is no medication with this id."


class MedicationEnteredInError(Conflict):
    code = "medication_entered_in_error"
    message = "The medication was marked as entered in error; it stays readable and takes no more changes."


class MedicationAlreadyStopped(Conflict):
    code = "medication_already_stopped"
    message = "The medication was stopped."
    hint = "When it is taken again, record it again."


class MedicationUnchanged(Conflict):
    code = "medication_unchanged"
    message = "The medication reads so already."


class MedicationStatus(StrEnum):
    ACTIVE = "active"
    STOPPED = "stopped"
    ENTERED_IN_ERROR = "entered_in_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicationContent:
    """As people say it: `dose` such as "50 mg", `frequency` such as "each morning". `started_on` is a day, a month, a year or
    empty; `reason` is what it is taken for.
    """

    name: str
    dose: str = ""
    frequency: str = ""
    prescriber: str = ""
    started_on: str = ""
    reason: str = ""

    def check(self, now: datetime) -> None:
        """Raises Invalid naming the field."""
        checks.text("name", self.name, LINE_MOST, least=1, one_line=True)
        for field in ("dose", "frequency", "prescriber"):
            checks.text(field, getattr(self, field), LINE_MOST, one_line=True)
        partial_date("started_on", self.started_on, now)
        checks.text("reason", self.reason, REASON_MOST)


class Medication(ClinicalRecord):
    RECORD_CLASS = RecordClass.JOURNAL
    NOT_FOUND = MedicationNotFound
    NAME = "medication"
    ENTERED_IN_ERROR = MedicationEnteredInError

    def __init__(self) -> None:
        self.client_id: UUID
        self.recorded_by: UUID
        self.changed_by: UUID
        self.content: MedicationContent
        self.status = MedicationStatus.ACTIVE
        self.stopped_on = ""
        self.stop_reason = ""
        self.error_reason = ""

    class Event(Aggregate.Event):
        pass

    class Recorded(Event, Aggregate.Created):
        KIND: ClassVar[str] = "medication.recorded"
        client_id: UUID
        content: MedicationContent
        recorded_by: UUID
        substance_use: bool = False

        def apply(self, aggregate: "Medication") -> None:
            aggregate.client_id = self.client_id
            aggregate.substance_use = self.substance_use
            aggregate.recorded_by = aggregate.changed_by = self.recorded_by
            aggregate.content = self.content

    class Changed(Event):
        """Another dose, another prescriber, or a slip of the pen: the whole entry as it reads now."""

        KIND: ClassVar[str] = "medication.changed"
        content: MedicationContent
        changed_by: UUID

        def apply(self, aggregate: "Medication") -> None:
            aggregate.changed_by = self.changed_by
            aggregate.content = self.content

    class Stopped(Event):
        """`stopped_on` a day, a month, a year or empty."""

        KIND: ClassVar[str] = "medication.stopped"
        stopped_on: str
        reason: str
        stopped_by: UUID

        def apply(self, aggregate: "Medication") -> None:
            aggregate.changed_by = self.stopped_by
            aggregate.status = MedicationStatus.STOPPED
            aggregate.stopped_on = self.stopped_on
            aggregate.stop_reason = self.reason

    class EnteredInError(MarkedInError, Event):
        KIND: ClassVar[str] = "medication.entered_in_error"

    @classmethod
    def record(  # noqa: PLR0913 - one argument a fact of the entry
        cls,
        medication_id: UUID,
        *,
        at: datetime,
        client_id: UUID,
        by: UUID,
        content: MedicationContent,
        substance_use: bool = False,
    ) -> "Medication":
        """Raises Invalid."""
        content.check(at)
        return cls._create(
            cls.Recorded,
            id=medication_id,
            timestamp=at,
            client_id=client_id,
            content=content,
            recorded_by=by,
            substance_use=substance_use,
        )

    def change(self, *, at: datetime, by: UUID, content: MedicationContent) -> None:
        """Also of one that was stopped. Raises MedicationEnteredInError, MedicationUnchanged, Invalid."""
        self.require_standing()
        content.check(at)
        _check_order("started_on", content.started_on, self.stopped_on)
        if content == self.content:
            raise MedicationUnchanged(id=self.id)
        self.trigger_event(self.Changed, timestamp=at, content=content, changed_by=by)

    def stop(self, *, at: datetime, by: UUID, stopped_on: str = "", reason: str = "") -> None:
        """Raises MedicationEnteredInError, MedicationAlreadyStopped, Invalid."""
        self.require_standing()
        if self.status is MedicationStatus.STOPPED:
            raise MedicationAlreadyStopped(id=self.id)
        partial_date("stopped_on", stopped_on, at)
        checks.text("reason", reason, REASON_MOST)
        _check_order("stopped_on", self.content.started_on, stopped_on)
        self.trigger_event(self.Stopped, timestamp=at, stopped_on=stopped_on, reason=reason, stopped_by=by)


def _check_order(field: str, started_on: str, stopped_on: str) -> None:
    """As far as both are known. Raises ImpossibleTime."""
    started, stopped = first_day(started_on), last_day(stopped_on)
    if started is not None and stopped is not None and stopped < started:
        raise checks.ImpossibleTime("stopped_on lies before started_on.", field=field)
