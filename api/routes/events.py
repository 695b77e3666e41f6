"""Single events: where the figures of a report lead."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import found
from api.asks import Reader
from api.declare import reads
from api.dispatch import Operation
from api.models.events import EventOut
from domain.errors import Erased
from domain.model.client import ClientNotFound
from domain.services.access import Action, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.events import EventNotFound
from domain.services.rendering import instant_as_json

router = APIRouter(prefix="/v1/clients", tags=["Progress"], route_class=Operation)


@router.get(
    "/{client_id}/events/{position}",
    **reads(
        "Open an event",
        EventOut,
        ClientNotFound,
        EventNotFound,
        Erased,
        RoleNotPermitted,
        OutsideCareTeam,
        RelationNotPermitted,
        action=Action.EVENT_READ,
    ),
)
def read_event(
    client_id: UUID,
    position: Annotated[int, Path(ge=1, le=2**63 - 1, description="As `positions` of a source names it.")],
    ask: Reader,
) -> Response:
    """As it was stored, whatever became of the record since: that is what a figure was counted from. Events of other clients,
    of who a client is, of accounts and of the audit are not there.
    """
    event = ask.services.events.read(ask.call(), client_id, position)
    return found(
        {
            "position": event.position,
            "kind": event.kind,
            "resource_id": str(event.resource_id),
            "version": event.version,
            "client_id": str(event.client_id),
            "record_class": event.record_class,
            "recorded_at": instant_as_json(event.recorded_at),
            "happened_at": instant_as_json(event.happened_at),
            "leaf": event.leaf.hex(),
            "data": event.data,
        }
    )
