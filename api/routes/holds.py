"""Legal holds: what must not be destroyed. For compliance officers."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, written
from api.asks import Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.models.erasures import HoldIn, HoldsOut
from domain.errors import Erased
from domain.model.checks import TextNotAllowed
from domain.model.client import ClientNotFound
from domain.model.legal_hold import HoldLifted, HoldNotFound, LegalHold
from domain.services.access import Action, RoleNotPermitted
from domain.services.rendering import instant_as_json

router = APIRouter(prefix="/v1", tags=["Erasure and retention"], route_class=Operation)


@router.post(
    "/clients/{client_id}/holds",
    **creates("Place a legal hold", RoleNotPermitted, ClientNotFound, Erased, TextNotAllowed, action=Action.HOLD_PLACE),
)
def place_hold(client_id: UUID, body: HoldIn, ask: Writer) -> Response:
    """From now on nothing of the client is destroyed, whoever asks and whatever is due. An erasure that has begun goes on:
    then the answer is 410.
    """
    hold_id = ask.runtime.ids.ordered()
    location = f"/v1/clients/{client_id}/holds"
    receipt = ask.services.holds.place(ask.writing(201, location), hold_id, client_id, body.basis, body.matter)
    return written(receipt, location=location)


@router.get(
    "/clients/{client_id}/holds",
    **reads("List a client's holds", HoldsOut, RoleNotPermitted, Erased, action=Action.HOLD_READ),
)
def list_holds(client_id: UUID, ask: Reader) -> Response:
    """All there ever were, oldest first."""
    return found({"items": [_hold_as_json(hold) for hold in ask.services.holds.of_client(ask.call(), client_id)]})


@router.post(
    "/holds/{hold_id}/lifted",
    **changes("Lift a legal hold", RoleNotPermitted, HoldNotFound, HoldLifted, Erased, action=Action.HOLD_LIFT),
)
def lift_hold(hold_id: UUID, ask: Writer) -> Response:
    """What waits for it goes on with the worker's next sweep."""
    return written(ask.services.holds.lift(ask.writing(), hold_id))


def _hold_as_json(hold: LegalHold) -> dict[str, Any]:
    return {
        "id": str(hold.id),
        "client_id": str(hold.client_id),
        "basis": hold.basis.value,
        "matter": hold.matter,
        "placed_by": str(hold.placed_by),
        "placed_at": instant_as_json(hold.placed_at),
        "lifted_at": instant_as_json(hold.lifted_at),
    }
