"""Appointments: planned, moved, and then held, cancelled or missed."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.models.appointments import AppointmentIn, AppointmentOut, CancelledIn, HeldIn, MissedIn, PlanIn
from api.models.common import ReasonIn
from domain.errors import Erased, Invalid
from domain.model.appointment import (
    AppointmentEnteredInError,
    AppointmentNotFound,
    AppointmentNotPlanned,
    AppointmentNotYetDue,
    SessionAlreadyLinked,
    SessionOfAnotherClient,
)
from domain.model.checks import ImpossibleTime, OutOfRange, TextNotAllowed
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.model.moment import UnknownZone, ZonelessTime
from domain.model.session import SessionEnteredInError, SessionNotFound
from domain.services.access import Action, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering import appointment_as_json

router = APIRouter(prefix="/v1", tags=["Appointments"], route_class=Operation)

_DENIED = (RoleNotPermitted, OutsideCareTeam, RelationNotPermitted)
_TIMES = (ImpossibleTime, ZonelessTime, UnknownZone, OutOfRange)
_THERE = (AppointmentNotFound, Erased, *_DENIED)
_OPEN = (AppointmentNotPlanned, AppointmentEnteredInError)


@router.post(
    "/clients/{client_id}/appointments",
    **creates(
        "Plan an appointment",
        ClientNotFound,
        ClientEnteredInError,
        Erased,
        Invalid,
        *_DENIED,
        *_TIMES,
        action=Action.APPOINTMENT_PLAN,
    ),
)
def plan_appointment(client_id: UUID, body: AppointmentIn, ask: Writer) -> Response:
    """Up to five years ahead, or up to one year back: walk-ins are written down afterwards."""
    appointment_id = ask.runtime.ids.ordered()
    location = f"/v1/appointments/{appointment_id}"
    receipt = ask.services.appointments.plan(
        ask.writing(201, location),
        appointment_id,
        client_id,
        body.start.moment("start"),
        body.duration_min,
        body.modality,
        body.clinician_id,
    )
    return written(receipt, location=location)


@router.get(
    "/appointments/{appointment_id}",
    **reads("Read an appointment", AppointmentOut, *_THERE, versioned=True, action=Action.APPOINTMENT_READ),
)
def read_appointment(appointment_id: UUID, ask: Reader) -> Response:
    """With what became of it, always as of now."""
    appointment = ask.services.appointments.read(ask.call(), appointment_id)
    return found(appointment_as_json(appointment), version=appointment.version)


@router.put(
    "/appointments/{appointment_id}",
    **changes(
        "Move an appointment", *_THERE, *_OPEN, *_TIMES, ClientEnteredInError, action=Action.APPOINTMENT_RESCHEDULE
    ),
)
def reschedule_appointment(appointment_id: UUID, body: PlanIn, ask: Editor) -> Response:
    """Another time, length or modality, while it is still planned."""
    return written(
        ask.services.appointments.reschedule(
            ask.writing(), appointment_id, body.start.moment("start"), body.duration_min, body.modality
        )
    )


@router.post(
    "/appointments/{appointment_id}/held",
    **changes(
        "Say that an appointment took place",
        *_THERE,
        *_OPEN,
        AppointmentNotYetDue,
        SessionAlreadyLinked,
        SessionNotFound,
        SessionOfAnotherClient,
        SessionEnteredInError,
        action=Action.APPOINTMENT_HOLD,
    ),
)
def hold_appointment(appointment_id: UUID, body: HeldIn, ask: Editor) -> Response:
    """With the session that was written about it, if there is one already. If it is written afterwards, send this again
    with its id: it is then linked, once.
    """
    return written(ask.services.appointments.hold(ask.writing(), appointment_id, body.session_id))


@router.post(
    "/appointments/{appointment_id}/cancelled",
    **changes("Cancel an appointment", *_THERE, *_OPEN, Invalid, ImpossibleTime, action=Action.APPOINTMENT_CANCEL),
)
def cancel_appointment(appointment_id: UUID, body: CancelledIn, ask: Editor) -> Response:
    """Reasons are codes, so that no story stands in a list. Clients cancel for themselves, as of now."""
    return written(
        ask.services.appointments.cancel(ask.writing(), appointment_id, body.cancelled_by, body.reason, body.notified())
    )


@router.post(
    "/appointments/{appointment_id}/missed",
    **changes(
        "Say that an appointment was missed", *_THERE, *_OPEN, AppointmentNotYetDue, action=Action.APPOINTMENT_MISS
    ),
)
def miss_appointment(appointment_id: UUID, body: MissedIn, ask: Editor) -> Response:
    """It did not take place though nobody called it off; never before its start."""
    return written(ask.services.appointments.miss(ask.writing(), appointment_id, body.reason))


@router.post(
    "/appointments/{appointment_id}/entered-in-error",
    **changes(
        "Mark an appointment as entered in error",
        *_THERE,
        TextNotAllowed,
        AppointmentEnteredInError,
        action=Action.APPOINTMENT_MARK_ENTERED_IN_ERROR,
    ),
)
def mark_appointment_entered_in_error(appointment_id: UUID, body: ReasonIn, ask: Editor) -> Response:
    """For a wrong chart or a wrong outcome; plan it again if need be."""
    return written(ask.services.appointments.mark_entered_in_error(ask.writing(), appointment_id, body.reason))
