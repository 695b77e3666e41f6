"""An appointment: planned, perhaps moved, and then held, cancelled or missed."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, NotFound
from domain.model import checks
from domain.model.clinical import ClinicalRecord, MarkedInError
from domain.model.values import Modality, MomentInZone
from domain.ports.keys import RecordClass

PLANNED_AHEAD_MOST: Final = timedelta(days=5 * 366)
RECORDED_LATE_MOST: Final = timedelta(days=366)
HELD_EARLY_MOST: Final = timedelta(hours=1)
"""People begin early now and then; an hour ahead of its start an appointment can't have been held."""


class AppointmentNotFound(NotFound):
    code = "appointment_not_found"
    message = "There is no appointment with this id."


class AppointmentNotPlanned(Conflict):
    code = "appointment_not_planned"
    message = "The appointment is over, cancelled or missed."
    hint = (
        "If that is wrong, mark it as entered in error and plan it again; a past start is allowed. "
        "One that was held takes the session_id of the session written about it."
    )


class AppointmentNotYetDue(Conflict):
    code = "appointment_not_yet_due"
    message = "The appointment has not begun."


class AppointmentEnteredInError(Conflict):
    code = "appointment_entered_in_error"
    message = "The appointment was marked as entered in error; it stays readable and takes no more changes."


class SessionOfAnotherClient(Conflict):
    code = "session_of_another_client"
    message = "The session belongs to another client than the appointment."


class SessionAlreadyLinked(Conflict):
    code = "session_already_linked"
    message = "The appointment is linked to a session already."
    hint = (
        "If that is the wrong one, mark the appointment as entered in error and plan it again; a past start is allowed."
    )


class AppointmentStatus(StrEnum):
    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"
    MISSED = "missed"
    ENTERED_IN_ERROR = "entered_in_error"


class CancelledBy(StrEnum):
    CLIENT = "client"
    CLINICIAN = "clinician"
    PRACTICE = "practice"


class CancellationReason(StrEnum):
    """Codes, so that no story ends up in a field that lists show; a story belongs in a session."""

    ILLNESS = "illness"
    FAMILY = "family"
    WORK = "work"
    TRANSPORT = "transport"
    TECHNICAL = "technical"
    COST = "cost"
    NO_LONGER_WANTED = "no_longer_wanted"
    HOLIDAY = "holiday"
    OTHER = "other"
    NOT_GIVEN = "not_given"


class MissReason(StrEnum):
    CLIENT_NO_SHOW = "client_no_show"
    CLIENT_TOO_LATE = "client_too_late"
    CLINICIAN_ABSENT = "clinician_absent"
    TECHNICAL = "technical"
    OTHER = "other"


class Appointment(ClinicalRecord):
    """`notice_s` is how long before the start a cancellation was notified, negative for after it; what counts as late is
    the practice's rule, not the record's.
    """

    NAME = "appointment"
    RECORD_CLASS = RecordClass.JOURNAL
    NOT_FOUND = AppointmentNotFound
    ENTERED_IN_ERROR = AppointmentEnteredInError

    def __init__(self) -> None:
        self.client_id: UUID
        self.clinician_id: UUID
        self.start: MomentInZone
        self.duration_min: int
        self.modality: Modality
        self.status = AppointmentStatus.PLANNED
        self.session_id: UUID | None = None
        self.cancelled_by: CancelledBy | None = None
        self.cancellation_reason: CancellationReason | None = None
        self.notice_s: int | None = None
        self.miss_reason: MissReason | None = None
        self.error_reason = ""

    class Event(Aggregate.Event):
        pass

    class Planned(Event, Aggregate.Created):
        KIND: ClassVar[str] = "appointment.planned"
        client_id: UUID
        clinician_id: UUID
        start: MomentInZone
        duration_min: int
        modality: Modality
        planned_by: UUID

        def apply(self, aggregate: "Appointment") -> None:
            aggregate.client_id = self.client_id
            aggregate.clinician_id = self.clinician_id
            aggregate.start = self.start
            aggregate.duration_min = self.duration_min
            aggregate.modality = self.modality

    class Rescheduled(Event):
        KIND: ClassVar[str] = "appointment.rescheduled"
        start: MomentInZone
        duration_min: int
        modality: Modality
        rescheduled_by: UUID

        def apply(self, aggregate: "Appointment") -> None:
            aggregate.start = self.start
            aggregate.duration_min = self.duration_min
            aggregate.modality = self.modality

    class Held(Event):
        KIND: ClassVar[str] = "appointment.held"
        session_id: UUID | None
        recorded_by: UUID

        def apply(self, aggregate: "Appointment") -> None:
            aggregate.status = AppointmentStatus.HELD
            aggregate.session_id = self.session_id

    class SessionLinked(Event):
        """The session about it was written after it was said to be held."""

        KIND: ClassVar[str] = "appointment.session_linked"
        session_id: UUID
        linked_by: UUID

        def apply(self, aggregate: "Appointment") -> None:
            aggregate.session_id = self.session_id

    class Cancelled(Event):
        KIND: ClassVar[str] = "appointment.cancelled"
        cancelled_by: CancelledBy
        reason: CancellationReason
        notice_s: int
        recorded_by: UUID

        def apply(self, aggregate: "Appointment") -> None:
            aggregate.status = AppointmentStatus.CANCELLED
            aggregate.cancelled_by = self.cancelled_by
            aggregate.cancellation_reason = self.reason
            aggregate.notice_s = self.notice_s

    class Missed(Event):
        KIND: ClassVar[str] = "appointment.missed"
        reason: MissReason
        recorded_by: UUID

        def apply(self, aggregate: "Appointment") -> None:
            aggregate.status = AppointmentStatus.MISSED
            aggregate.miss_reason = self.reason

    class EnteredInError(MarkedInError, Event):
        KIND: ClassVar[str] = "appointment.entered_in_error"

    @classmethod
    def plan(  # noqa: PLR0913 - one argument a fact of the appointment
        cls,
        appointment_id: UUID,
        *,
        at: datetime,
        by: UUID,
        client_id: UUID,
        clinician_id: UUID,
        start: MomentInZone,
        duration_min: int,
        modality: Modality,
    ) -> "Appointment":
        """A start up to five years ahead, or up to one year back: walk-ins are written down afterwards. Raises Invalid."""
        _check_plan(at, start, duration_min)
        return cls._create(
            cls.Planned,
            id=appointment_id,
            timestamp=at,
            client_id=client_id,
            clinician_id=clinician_id,
            start=start,
            duration_min=duration_min,
            modality=modality,
            planned_by=by,
        )

    def reschedule(self, *, at: datetime, by: UUID, start: MomentInZone, duration_min: int, modality: Modality) -> None:
        """Raises AppointmentNotPlanned, AppointmentEnteredInError, Invalid."""
        self._require_planned()
        _check_plan(at, start, duration_min)
        self.trigger_event(
            self.Rescheduled,
            timestamp=at,
            start=start,
            duration_min=duration_min,
            modality=modality,
            rescheduled_by=by,
        )

    def hold(self, *, at: datetime, by: UUID, session_id: UUID | None = None) -> None:
        """It took place; said again with a session, that is linked, once.

        Raises AppointmentNotPlanned, AppointmentNotYetDue, SessionAlreadyLinked, AppointmentEnteredInError.
        """
        if self.status is AppointmentStatus.HELD and session_id is not None:
            self._link(at=at, by=by, session_id=session_id)
            return
        self._require_planned()
        if at < self.start.instant - HELD_EARLY_MOST:
            raise AppointmentNotYetDue(appointment_id=self.id)
        self.trigger_event(self.Held, timestamp=at, session_id=session_id, recorded_by=by)

    def cancel(
        self,
        *,
        at: datetime,
        by: UUID,
        cancelled_by: CancelledBy,
        reason: CancellationReason,
        notified_at: datetime | None = None,
    ) -> None:
        """Called off. `notified_at` when word came, if that was earlier than now.

        Raises AppointmentNotPlanned, AppointmentEnteredInError, Invalid.
        """
        self._require_planned()
        if notified_at is not None:
            checks.instant("notified_at", notified_at, now=at)
        notice_s = int((self.start.instant - (notified_at or at)).total_seconds())
        self.trigger_event(
            self.Cancelled, timestamp=at, cancelled_by=cancelled_by, reason=reason, notice_s=notice_s, recorded_by=by
        )

    def miss(self, *, at: datetime, by: UUID, reason: MissReason) -> None:
        """It did not take place though nobody called it off. Raises as `hold`; never before its start."""
        self._require_planned()
        if at < self.start.instant:
            raise AppointmentNotYetDue(appointment_id=self.id)
        self.trigger_event(self.Missed, timestamp=at, reason=reason, recorded_by=by)

    def _link(self, *, at: datetime, by: UUID, session_id: UUID) -> None:
        if self.session_id is not None:
            raise SessionAlreadyLinked(appointment_id=self.id, session_id=self.session_id)
        self.trigger_event(self.SessionLinked, timestamp=at, session_id=session_id, linked_by=by)

    def _require_planned(self) -> None:
        self.require_standing()
        if self.status is not AppointmentStatus.PLANNED:
            raise AppointmentNotPlanned(appointment_id=self.id)


def _check_plan(now: datetime, start: MomentInZone, duration_min: int) -> None:
    start.check("start")
    if start.instant > now + PLANNED_AHEAD_MOST:
        raise checks.ImpossibleTime("start lies more than five years ahead.", field="start")
    if start.instant < now - RECORDED_LATE_MOST:
        raise checks.ImpossibleTime("start lies more than a year back.", field="start")
    checks.integer("duration_min", duration_min, 1, 1440)
