"""Appointments: plan, move, and say how they went."""

from datetime import datetime
from uuid import UUID

from domain.errors import Invalid
from domain.model.appointment import (
    Appointment,
    AppointmentNotFound,
    CancellationReason,
    CancelledBy,
    MissReason,
    SessionOfAnotherClient,
)
from domain.model.client import ClientEnteredInError
from domain.model.session import Session, SessionEnteredInError, SessionStatus
from domain.model.values import Modality, MomentInZone
from domain.ports.access import AccessState, Relation
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Role
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.services.access import Access, Action
from domain.services.versions import check_version


class AppointmentService:
    def __init__(
        self,
        *,
        ledger: Ledger,
        access: Access,
        state: AccessState,
        appointments: AggregateStore[Appointment],
        sessions: AggregateStore[Session],
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._state = state
        self._appointments = appointments
        self._sessions = sessions

    def plan(  # noqa: PLR0913, PLR0917 - one argument a fact of the appointment
        self,
        call: Call,
        appointment_id: UUID,
        client_id: UUID,
        start: MomentInZone,
        duration_min: int,
        modality: Modality,
        clinician_id: UUID | None = None,
    ) -> Receipt:
        """With the caller, or with a colleague of the client's care team.

        Raises Denied, ClientNotFound, ClientEnteredInError, Invalid.
        """
        standing = self._access.require(
            call, Action.APPOINTMENT_PLAN, RecordClass.JOURNAL, client_id, (appointment_id,)
        )
        if not standing.open:
            raise ClientEnteredInError(client_id=client_id)
        if clinician_id is not None and clinician_id != call.actor.id:
            self._check_clinician(clinician_id, client_id)
        appointment = Appointment.plan(
            appointment_id,
            at=call.at,
            by=call.actor.id,
            client_id=client_id,
            clinician_id=clinician_id or call.actor.id,
            start=start,
            duration_min=duration_min,
            modality=modality,
        )
        return self._save(call, Action.APPOINTMENT_PLAN, appointment)

    def read(self, call: Call, appointment_id: UUID) -> Appointment:
        """Raises AppointmentNotFound, Denied, Erased."""
        appointment = self._load(call, Action.APPOINTMENT_READ, appointment_id)
        self._ledger.note(call, _entry(Action.APPOINTMENT_READ, appointment))
        return appointment

    def reschedule(
        self, call: Call, appointment_id: UUID, start: MomentInZone, duration_min: int, modality: Modality
    ) -> Receipt:
        """Raises AppointmentNotFound, Denied, StaleVersion, ClientEnteredInError, AppointmentNotPlanned,
        AppointmentEnteredInError, Invalid.
        """
        appointment = self._for_change(call, Action.APPOINTMENT_RESCHEDULE, appointment_id)
        self._access.require_open(appointment.client_id)
        appointment.reschedule(at=call.at, by=call.actor.id, start=start, duration_min=duration_min, modality=modality)
        return self._save(call, Action.APPOINTMENT_RESCHEDULE, appointment)

    def hold(self, call: Call, appointment_id: UUID, session_id: UUID | None = None) -> Receipt:
        """It took place; `session_id` is the entry written about it: the same client's, and not entered in error. When it
        is written afterwards, say again with it that the appointment was held: that links the two, once.

        Raises as `cancel`, and AppointmentNotYetDue, SessionAlreadyLinked, SessionNotFound, SessionOfAnotherClient,
        SessionEnteredInError.
        """
        appointment = self._for_change(call, Action.APPOINTMENT_HOLD, appointment_id)
        if session_id is not None:
            self._check_session(appointment, session_id)
        appointment.hold(at=call.at, by=call.actor.id, session_id=session_id)
        return self._save(call, Action.APPOINTMENT_HOLD, appointment)

    def cancel(
        self,
        call: Call,
        appointment_id: UUID,
        cancelled_by: CancelledBy,
        reason: CancellationReason,
        notified_at: datetime | None = None,
    ) -> Receipt:
        """Clients and representatives cancel on the client's behalf, and their notice counts from now.

        Raises AppointmentNotFound, Denied, StaleVersion, AppointmentNotPlanned, AppointmentEnteredInError, Invalid.
        """
        appointment = self._for_change(call, Action.APPOINTMENT_CANCEL, appointment_id)
        if call.actor.role is Role.CLIENT and (cancelled_by is not CancelledBy.CLIENT or notified_at is not None):
            raise Invalid("Clients cancel for themselves, as of now.", field="cancelled_by")
        appointment.cancel(
            at=call.at, by=call.actor.id, cancelled_by=cancelled_by, reason=reason, notified_at=notified_at
        )
        return self._save(call, Action.APPOINTMENT_CANCEL, appointment)

    def miss(self, call: Call, appointment_id: UUID, reason: MissReason) -> Receipt:
        """Nobody called it off and it did not take place. Raises as `cancel`, and AppointmentNotYetDue."""
        appointment = self._for_change(call, Action.APPOINTMENT_MISS, appointment_id)
        appointment.miss(at=call.at, by=call.actor.id, reason=reason)
        return self._save(call, Action.APPOINTMENT_MISS, appointment)

    def mark_entered_in_error(self, call: Call, appointment_id: UUID, reason: str) -> Receipt:
        """A wrong chart or a wrong outcome. Raises AppointmentNotFound, Denied, StaleVersion,
        AppointmentEnteredInError, Invalid.
        """
        appointment = self._for_change(call, Action.APPOINTMENT_MARK_ENTERED_IN_ERROR, appointment_id)
        appointment.mark_entered_in_error(at=call.at, by=call.actor.id, reason=reason)
        return self._save(call, Action.APPOINTMENT_MARK_ENTERED_IN_ERROR, appointment)

    def _load(self, call: Call, action: Action, appointment_id: UUID) -> Appointment:
        self._access.require_role(call, action, (appointment_id,))
        appointment = self._appointments.get(appointment_id)
        self._access.require(
            call,
            action,
            RecordClass.JOURNAL,
            appointment.client_id,
            (appointment_id,),
            hidden=AppointmentNotFound,
        )
        return appointment

    def _for_change(self, call: Call, action: Action, appointment_id: UUID) -> Appointment:
        appointment = self._load(call, action, appointment_id)
        check_version(call, appointment)
        return appointment

    def _check_session(self, appointment: Appointment, session_id: UUID) -> None:
        session = self._sessions.get(session_id)
        if session.client_id != appointment.client_id:
            raise SessionOfAnotherClient(appointment_id=appointment.id, session_id=session_id)
        if session.status is SessionStatus.ENTERED_IN_ERROR:
            raise SessionEnteredInError(session_id=session_id)

    def _check_clinician(self, clinician_id: UUID, client_id: UUID) -> None:
        relation = self._state.relation(clinician_id, client_id)
        if relation not in (Relation.PRIMARY_CLINICIAN, Relation.CLINICIAN, Relation.SUPERVISOR):
            raise Invalid("clinician_id must be in the client's care team.", field="clinician_id")

    def _save(self, call: Call, action: Action, appointment: Appointment) -> Receipt:
        return self._ledger.save(call, _entry(action, appointment), appointment)


def _entry(action: Action, appointment: Appointment) -> AuditEntry:
    return AuditEntry(action=action, client_id=appointment.client_id, resources=(appointment.id,))
