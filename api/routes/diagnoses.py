"""Diagnoses of a client, and the code list that they are taken from."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.models.care import CodesOut, DiagnosesOut, DiagnosisIn, DiagnosisOut, NewDiagnosisIn
from api.models.common import ReasonIn
from domain.errors import Erased, ViewBehind
from domain.model.checks import ImpossibleTime, OutOfRange, TextNotAllowed
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.model.diagnosis import (
    DiagnosisAlreadyListed,
    DiagnosisCodeNotSpecific,
    DiagnosisCodeUnknown,
    DiagnosisEnteredInError,
    DiagnosisKeptApart,
    DiagnosisNotFound,
    DiagnosisUnchanged,
    PrincipalDiagnosisListed,
)
from domain.services.access import Action, ConsentMissing, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering_care import diagnosis_as_json

router = APIRouter(prefix="/v1", tags=["Care record"], route_class=Operation)

_DENIED = (RoleNotPermitted, OutsideCareTeam, RelationNotPermitted, ConsentMissing, Erased)
_CONTENT = (
    TextNotAllowed,
    ImpossibleTime,
    DiagnosisCodeUnknown,
    DiagnosisCodeNotSpecific,
    DiagnosisAlreadyListed,
    PrincipalDiagnosisListed,
)


@router.post(
    "/clients/{client_id}/diagnoses",
    **creates(
        "Record a diagnosis", ClientNotFound, ClientEnteredInError, *_DENIED, *_CONTENT, action=Action.DIAGNOSIS_RECORD
    ),
)
def record_diagnosis(client_id: UUID, body: NewDiagnosisIn, ask: Writer) -> Response:
    """By its code, which must be one that a diagnosis can have: a heading is refused, and the codes below it are named."""
    diagnosis_id = ask.runtime.ids.ordered()
    location = f"/v1/diagnoses/{diagnosis_id}"
    receipt = ask.services.diagnoses.record(
        ask.writing(201, location), diagnosis_id, client_id, body.coding(), substance_use=body.substance_use
    )
    return written(receipt, location=location)


@router.get(
    "/clients/{client_id}/diagnoses",
    **reads(
        "List a client's diagnoses", DiagnosesOut, ClientNotFound, ViewBehind, *_DENIED, action=Action.DIAGNOSIS_READ
    ),
)
def list_diagnoses(client_id: UUID, ask: Reader) -> Response:
    """In the order in which they were recorded, those entered in error among them; not for accounts of clients."""
    items = ask.services.diagnoses.of_client(ask.call(), client_id, ask.at_least)
    return found({"items": [item.content for item in items]})


@router.get(
    "/diagnoses/{diagnosis_id}",
    **reads(
        "Read a diagnosis", DiagnosisOut, DiagnosisNotFound, *_DENIED, versioned=True, action=Action.DIAGNOSIS_READ
    ),
)
def read_diagnosis(diagnosis_id: UUID, ask: Reader) -> Response:
    """As of now. What it was before stays in the log."""
    diagnosis = ask.services.diagnoses.read(ask.call(), diagnosis_id)
    return found(diagnosis_as_json(diagnosis), version=diagnosis.version)


@router.put(
    "/diagnoses/{diagnosis_id}",
    **changes(
        "Change a diagnosis",
        DiagnosisNotFound,
        DiagnosisEnteredInError,
        DiagnosisUnchanged,
        DiagnosisKeptApart,
        ClientEnteredInError,
        *_DENIED,
        *_CONTENT,
        action=Action.DIAGNOSIS_CHANGE,
    ),
)
def change_diagnosis(diagnosis_id: UUID, body: DiagnosisIn, ask: Editor) -> Response:
    """Confirm it, say that it is resolved or ruled out, or code it better. A code that stays keeps the words of its time."""
    return written(ask.services.diagnoses.change(ask.writing(), diagnosis_id, body.coding()))


@router.post(
    "/diagnoses/{diagnosis_id}/entered-in-error",
    **changes(
        "Mark a diagnosis as entered in error",
        DiagnosisNotFound,
        DiagnosisEnteredInError,
        TextNotAllowed,
        *_DENIED,
        action=Action.DIAGNOSIS_CHANGE,
    ),
)
def mark_diagnosis_entered_in_error(diagnosis_id: UUID, body: ReasonIn, ask: Editor) -> Response:
    """For a wrong chart: it stays readable to the care team, marked, and counts for nothing. What turned out not to be so is
    ruled out instead.
    """
    return written(ask.services.diagnoses.mark_entered_in_error(ask.writing(), diagnosis_id, body.reason))


@router.get("/codes/icd-10-cm", **reads("Look up ICD-10-CM codes", CodesOut, TextNotAllowed, OutOfRange))
def search_codes(
    ask: Reader,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=100,
            pattern=r"^[^\x00-\x1f\x7f-\x9f]*\S[^\x00-\x1f\x7f-\x9f]*$",
            description="The beginning of a code, dot or no dot; or words of its description, or their beginnings.",
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=100, description="Most codes of the answer.")] = 20,
) -> Response:
    """Codes that begin so, in the order of the list; else those whose description has all the words, mental disorders first.
    It concerns nobody's record and leaves no audit entry.
    """
    codes = ask.services.diagnoses.search(q, limit)
    items = [{"code": each.code, "description": each.description, "billable": each.billable} for each in codes.codes]
    return found({"edition": codes.edition, "items": items})
