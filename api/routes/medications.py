"""The medication list of a client."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.models.care import MedicationIn, MedicationOut, MedicationsOut, NewMedicationIn, StoppedIn
from api.models.common import ReasonIn
from domain.errors import Erased, ViewBehind
from domain.model.checks import ImpossibleTime, TextNotAllowed
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.model.medication import (
    MedicationAlreadyStopped,
    MedicationEnteredInError,
    MedicationNotFound,
    MedicationUnchanged,
)
from domain.services.access import Action, ConsentMissing, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering_care import medication_as_json

router = APIRouter(prefix="/v1", tags=["Care record"], route_class=Operation)

_DENIED = (RoleNotPermitted, OutsideCareTeam, RelationNotPermitted, ConsentMissing, Erased)
_CONTENT = (TextNotAllowed, ImpossibleTime)
_STANDING = (MedicationNotFound, MedicationEnteredInError)


@router.post(
    "/clients/{client_id}/medications",
    **creates(
        "Record a medication",
        ClientNotFound,
        ClientEnteredInError,
        *_DENIED,
        *_CONTENT,
        action=Action.MEDICATION_RECORD,
    ),
)
def record_medication(client_id: UUID, body: NewMedicationIn, ask: Writer) -> Response:
    """What the client takes, as they or their prescriber tell it; no prescription."""
    medication_id = ask.runtime.ids.ordered()
    location = f"/v1/medications/{medication_id}"
    receipt = ask.services.medications.record(
        ask.writing(201, location), medication_id, client_id, body.content(), substance_use=body.substance_use
    )
    return written(receipt, location=location)


@router.get(
    "/clients/{client_id}/medications",
    **reads(
        "List a client's medications",
        MedicationsOut,
        ClientNotFound,
        ViewBehind,
        *_DENIED,
        action=Action.MEDICATION_READ,
    ),
)
def list_medications(client_id: UUID, ask: Reader) -> Response:
    """In the order in which they were recorded, those stopped or entered in error among them; the latter not for accounts of
    clients.
    """
    items = ask.services.medications.of_client(ask.call(), client_id, ask.at_least)
    return found({"items": [item.content for item in items]})


@router.get(
    "/medications/{medication_id}",
    **reads(
        "Read a medication", MedicationOut, MedicationNotFound, *_DENIED, versioned=True, action=Action.MEDICATION_READ
    ),
)
def read_medication(medication_id: UUID, ask: Reader) -> Response:
    """As of now. What it was before stays in the log."""
    medication = ask.services.medications.read(ask.call(), medication_id)
    return found(medication_as_json(medication), version=medication.version)


@router.put(
    "/medications/{medication_id}",
    **changes(
        "Change a medication",
        *_STANDING,
        MedicationUnchanged,
        ClientEnteredInError,
        *_DENIED,
        *_CONTENT,
        action=Action.MEDICATION_CHANGE,
    ),
)
def change_medication(medication_id: UUID, body: MedicationIn, ask: Editor) -> Response:
    """Another dose, another prescriber, or a slip of the pen: the whole entry anew."""
    return written(ask.services.medications.change(ask.writing(), medication_id, body.content()))


@router.post(
    "/medications/{medication_id}/stopped",
    **changes(
        "Say that a medication was stopped",
        *_STANDING,
        MedicationAlreadyStopped,
        ClientEnteredInError,
        *_DENIED,
        *_CONTENT,
        action=Action.MEDICATION_CHANGE,
    ),
)
def stop_medication(medication_id: UUID, body: StoppedIn, ask: Editor) -> Response:
    """It stays in the list as stopped. When it is taken again, it is recorded again."""
    return written(ask.services.medications.stop(ask.writing(), medication_id, body.stopped_on, body.reason))


@router.post(
    "/medications/{medication_id}/entered-in-error",
    **changes(
        "Mark a medication as entered in error", *_STANDING, TextNotAllowed, *_DENIED, action=Action.MEDICATION_CHANGE
    ),
)
def mark_medication_entered_in_error(medication_id: UUID, body: ReasonIn, ask: Editor) -> Response:
    """For a wrong chart: it stays readable to the care team, marked, and counts for nothing."""
    return written(ask.services.medications.mark_entered_in_error(ask.writing(), medication_id, body.reason))
