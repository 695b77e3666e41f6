"""A questionnaire as it was filled in, scored once when it was recorded; stored history is never scored again."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, NotFound
from domain.instruments import Instrument, InstrumentRetired
from domain.model.clinical import ClinicalRecord, MarkedInError
from domain.model.values import MomentInZone
from domain.ports.keys import RecordClass


class MeasureNotFound(NotFound):
    code = "measure_not_found"
    message = "There is no measure with this id."


class MeasureEnteredInError(Conflict):
    code = "measure_entered_in_error"
    message = "The measure was marked as entered in error; it stays readable and takes no more changes."


class MeasureStatus(StrEnum):
    RECORDED = "recorded"
    ENTERED_IN_ERROR = "entered_in_error"


class CompletedBy(StrEnum):
    """Whose answers they are: the client's own, or a clinician's who asked or observed."""

    CLIENT = "client"
    CLINICIAN = "clinician"


class Measure(ClinicalRecord):
    """`answers` are in the order of the instrument's items, None for one without an answer. `flag_id` is the risk flag that
    a critical item raised in the same append, if one did.
    """

    NAME = "measure"
    RECORD_CLASS = RecordClass.MEASURES
    NOT_FOUND = MeasureNotFound
    ENTERED_IN_ERROR = MeasureEnteredInError

    def __init__(self) -> None:
        self.client_id: UUID
        self.instrument: str
        self.instrument_version: str
        self.taken_at: MomentInZone
        self.answers: tuple[int | None, ...]
        self.completed_by: CompletedBy
        self.recorded_by: UUID
        self.session_id: UUID | None = None
        self.flag_id: UUID | None = None
        self.score: float
        self.severity: str
        self.prorated: bool
        self.status = MeasureStatus.RECORDED
        self.error_reason = ""

    class Event(Aggregate.Event):
        pass

    class Recorded(Event, Aggregate.Created):
        KIND: ClassVar[str] = "measure.recorded"
        client_id: UUID
        instrument: str
        instrument_version: str
        taken_at: MomentInZone
        answers: tuple[int | None, ...]
        completed_by: CompletedBy
        recorded_by: UUID
        session_id: UUID | None
        score: float
        severity: str
        prorated: bool
        flag_id: UUID | None
        substance_use: bool = False

        def apply(self, aggregate: "Measure") -> None:
            aggregate.client_id = self.client_id
            aggregate.substance_use = self.substance_use
            aggregate.instrument = self.instrument
            aggregate.instrument_version = self.instrument_version
            aggregate.taken_at = self.taken_at
            aggregate.answers = self.answers
            aggregate.completed_by = self.completed_by
            aggregate.recorded_by = self.recorded_by
            aggregate.session_id = self.session_id
            aggregate.score = self.score
            aggregate.severity = self.severity
            aggregate.prorated = self.prorated
            aggregate.flag_id = self.flag_id

    class EnteredInError(MarkedInError, Event):
        KIND: ClassVar[str] = "measure.entered_in_error"

    @classmethod
    def record(  # noqa: PLR0913 - one argument a fact of the measure
        cls,
        measure_id: UUID,
        *,
        at: datetime,
        by: UUID,
        client_id: UUID,
        instrument: Instrument,
        taken_at: MomentInZone,
        answers: tuple[int | None, ...],
        completed_by: CompletedBy,
        session_id: UUID | None = None,
        flag_id: UUID | None = None,
        substance_use: bool = False,
    ) -> "Measure":
        """Score the answers and keep both; a questionnaire may be written down later, never ahead.

        Raises InstrumentRetired, AnswersIncomplete, AnswerOutOfRange, Invalid.
        """
        if instrument.retired:
            raise InstrumentRetired(instrument=instrument.key, version=instrument.version)
        taken_at.check_past("taken_at", at)
        scored = instrument.score(answers)
        return cls._create(
            cls.Recorded,
            id=measure_id,
            timestamp=at,
            client_id=client_id,
            instrument=instrument.key,
            instrument_version=instrument.version,
            taken_at=taken_at,
            answers=tuple(answers),
            completed_by=completed_by,
            recorded_by=by,
            session_id=session_id,
            score=scored.score,
            severity=scored.severity,
            prorated=scored.prorated,
            flag_id=flag_id,
            substance_use=substance_use,
        )
