"""Treatment plan and safety plan: one of each a client; PUT writes the first, or over the version that If-Match names."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Placer, Reader
from api.declare import changes, places, reads
from api.dispatch import Operation
from api.models.common import ReasonIn
from api.models.plans import ReviewIn, SafetyPlanIn, SafetyPlanOut, TreatmentPlanIn, TreatmentPlanOut
from domain.errors import Erased
from domain.instruments import InstrumentUnknown
from domain.model.checks import ImpossibleTime, OutOfRange, TextNotAllowed
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.model.revisions import RevisionNotFound
from domain.model.safety_plan import (
    SafetyPlanAlreadyWritten,
    SafetyPlanEmpty,
    SafetyPlanEnteredInError,
    SafetyPlanNotFound,
    SafetyPlanUnchanged,
)
from domain.model.treatment_plan import (
    TreatmentPlanAlreadyWritten,
    TreatmentPlanEnteredInError,
    TreatmentPlanNotFound,
    TreatmentPlanUnchanged,
)
from domain.services.access import Action, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering_care import safety_plan_as_json, treatment_plan_as_json
from domain.services.treatment_plans import NotThisClients

router = APIRouter(prefix="/v1/clients", tags=["Care record"], route_class=Operation)

_DENIED = (RoleNotPermitted, OutsideCareTeam, RelationNotPermitted, ClientNotFound, Erased)
_CONTENT = (TextNotAllowed, OutOfRange, ImpossibleTime)
Version = Annotated[
    int | None, Query(ge=1, le=999_999_999, description="The plan as it read at that version; now, when left out.")
]


@router.get(
    "/{client_id}/treatment-plan",
    **reads(
        "Read the treatment plan",
        TreatmentPlanOut,
        TreatmentPlanNotFound,
        RevisionNotFound,
        *_DENIED,
        versioned=True,
        action=Action.TREATMENT_PLAN_READ,
    ),
)
def read_treatment_plan(client_id: UUID, ask: Reader, version: Version = None) -> Response:
    """As of now, or with the text as of `version`; `revisions` lists the versions in which it changed."""
    plan = ask.services.treatment_plans.read(ask.call(), client_id, version)
    return found(treatment_plan_as_json(plan, version), version=plan.version)


@router.put(
    "/{client_id}/treatment-plan",
    **places(
        "Write or revise the treatment plan",
        *_DENIED,
        *_CONTENT,
        ClientEnteredInError,
        TreatmentPlanNotFound,
        TreatmentPlanAlreadyWritten,
        TreatmentPlanUnchanged,
        InstrumentUnknown,
        NotThisClients,
        action=Action.TREATMENT_PLAN_WRITE,
    ),
)
def put_treatment_plan(client_id: UUID, body: TreatmentPlanIn, ask: Placer) -> Response:
    """Without If-Match the client's first; with it the whole plan anew. What it read before stays readable. Over one that was
    entered in error it is a plan again.
    """
    plans, content = ask.services.treatment_plans, body.content()
    if ask.expected_version is not None:
        return written(plans.revise(ask.writing(), client_id, content))
    location = f"/v1/clients/{client_id}/treatment-plan"
    return written(plans.write(ask.writing(201, location), client_id, content), location=location)


@router.post(
    "/{client_id}/treatment-plan/reviewed",
    **changes(
        "Say that the treatment plan was reviewed",
        *_DENIED,
        TextNotAllowed,
        ImpossibleTime,
        ClientEnteredInError,
        TreatmentPlanNotFound,
        TreatmentPlanEnteredInError,
        action=Action.TREATMENT_PLAN_WRITE,
    ),
)
def review_treatment_plan(client_id: UUID, body: ReviewIn, ask: Editor) -> Response:
    """It was looked at and stands; `review_due` is when to look next, and takes the place of the one in the plan."""
    return written(ask.services.treatment_plans.review(ask.writing(), client_id, body.note, body.review_due))


@router.post(
    "/{client_id}/treatment-plan/entered-in-error",
    **changes(
        "Mark the treatment plan as entered in error",
        *_DENIED,
        TextNotAllowed,
        TreatmentPlanNotFound,
        TreatmentPlanEnteredInError,
        action=Action.TREATMENT_PLAN_WRITE,
    ),
)
def mark_treatment_plan_entered_in_error(client_id: UUID, body: ReasonIn, ask: Editor) -> Response:
    """For a wrong chart: it stays readable to the care team, marked, and counts for nothing; the right one may be written
    over it.
    """
    return written(ask.services.treatment_plans.mark_entered_in_error(ask.writing(), client_id, body.reason))


@router.get(
    "/{client_id}/safety-plan",
    **reads(
        "Read the safety plan",
        SafetyPlanOut,
        SafetyPlanNotFound,
        RevisionNotFound,
        *_DENIED,
        versioned=True,
        action=Action.SAFETY_PLAN_READ,
    ),
)
def read_safety_plan(client_id: UUID, ask: Reader, version: Version = None) -> Response:
    """As of now, or with the text as of `version`; `revisions` lists the versions in which it changed."""
    plan = ask.services.safety_plans.read(ask.call(), client_id, version)
    return found(safety_plan_as_json(plan, version), version=plan.version)


@router.put(
    "/{client_id}/safety-plan",
    **places(
        "Write or revise the safety plan",
        *_DENIED,
        *_CONTENT,
        ClientEnteredInError,
        SafetyPlanNotFound,
        SafetyPlanAlreadyWritten,
        SafetyPlanUnchanged,
        SafetyPlanEmpty,
        action=Action.SAFETY_PLAN_WRITE,
    ),
)
def put_safety_plan(client_id: UUID, body: SafetyPlanIn, ask: Placer) -> Response:
    """Without If-Match the client's first; with it the whole plan anew. What it read before stays readable. Over one that was
    entered in error it is a plan again. Steps after Stanley & Brown (2012).
    """
    plans, content = ask.services.safety_plans, body.content()
    if ask.expected_version is not None:
        return written(plans.revise(ask.writing(), client_id, content))
    location = f"/v1/clients/{client_id}/safety-plan"
    return written(plans.write(ask.writing(201, location), client_id, content), location=location)


@router.post(
    "/{client_id}/safety-plan/entered-in-error",
    **changes(
        "Mark the safety plan as entered in error",
        *_DENIED,
        TextNotAllowed,
        SafetyPlanNotFound,
        SafetyPlanEnteredInError,
        action=Action.SAFETY_PLAN_WRITE,
    ),
)
def mark_safety_plan_entered_in_error(client_id: UUID, body: ReasonIn, ask: Editor) -> Response:
    """For a wrong chart: it stays readable to the care team, marked, and counts for nothing; the right one may be written
    over it.
    """
    return written(ask.services.safety_plans.mark_entered_in_error(ask.writing(), client_id, body.reason))
