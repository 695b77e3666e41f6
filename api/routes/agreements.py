"""Agreements with those who receive data. For operators and compliance officers; carers read them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, written
from api.asks import Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.models.egress import AgreementIn, AgreementOut, AgreementsOut
from domain.errors import Invalid
from domain.model.agreement import Agreement, AgreementEnded, AgreementNotFound
from domain.model.checks import ImpossibleTime, OutOfRange, TextNotAllowed
from domain.services.access import Action, RoleNotPermitted
from domain.services.rendering import instant_as_json

router = APIRouter(prefix="/v1/agreements", tags=["Agreements and disclosures"], route_class=Operation)


@router.post(
    "",
    **creates(
        "Record an agreement",
        RoleNotPermitted,
        TextNotAllowed,
        OutOfRange,
        ImpossibleTime,
        Invalid,
        action=Action.AGREEMENT_RECORD,
    ),
)
def record_agreement(body: AgreementIn, ask: Writer) -> Response:
    """Nothing leaves the deployment by machine unless an agreement covers it. It never changes: record another one, and end
    this.
    """
    agreement_id = ask.runtime.ids.ordered()
    location = f"/v1/agreements/{agreement_id}"
    terms = {name: getattr(body, name) for name in type(body).model_fields}
    return written(ask.services.agreements.record(ask.writing(201, location), agreement_id, **terms), location=location)


@router.get("", **reads("List agreements", AgreementsOut, RoleNotPermitted, action=Action.AGREEMENT_READ))
def list_agreements(ask: Reader) -> Response:
    """All there ever were, oldest first."""
    call = ask.call()
    return found({"items": [_agreement_as_json(each, call.at) for each in ask.services.agreements.browse(call)]})


@router.get(
    "/{agreement_id}",
    **reads(
        "Read an agreement",
        AgreementOut,
        RoleNotPermitted,
        AgreementNotFound,
        versioned=True,
        action=Action.AGREEMENT_READ,
    ),
)
def read_agreement(agreement_id: UUID, ask: Reader) -> Response:
    """Who may be sent what, what for and where to."""
    call = ask.call()
    agreement = ask.services.agreements.read(call, agreement_id)
    return found(_agreement_as_json(agreement, call.at), version=agreement.version)


@router.post(
    "/{agreement_id}/ended",
    **changes("End an agreement", RoleNotPermitted, AgreementNotFound, AgreementEnded, action=Action.AGREEMENT_END),
)
def end_agreement(agreement_id: UUID, ask: Writer) -> Response:
    """At once: not even what has a permit already goes out under it, and webhooks under it pause."""
    return written(ask.services.agreements.end(ask.writing(), agreement_id))


def _agreement_as_json(agreement: Agreement, at: datetime) -> dict[str, Any]:
    return {
        "id": str(agreement.id),
        "version": agreement.version,
        "recipient": agreement.recipient,
        "address": agreement.address,
        "kind": agreement.kind.value,
        "purposes": sorted(agreement.purposes),
        "classes": sorted(agreement.classes),
        "form": agreement.form.value,
        "hosts": list(agreement.hosts),
        "signed_on": agreement.signed_on.isoformat(),
        "ends_on": agreement.ends_on.isoformat() if agreement.ends_on else None,
        "document": agreement.document,
        "recorded_at": instant_as_json(agreement.recorded_at),
        "ended_at": instant_as_json(agreement.ended_at),
        "in_force": agreement.begun(at) and not agreement.over(at),
    }
