"""A client's journey: everything that happened, in the order it happened."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import found
from api.asks import Reader
from api.declare import reads
from api.dispatch import Operation
from api.errors import CursorInvalid
from api.models.journey import JourneyKind, JourneyOut
from api.models.pages import Cursor, Since, Until
from domain.errors import Erased, ViewBehind
from domain.model.checks import ImpossibleTime
from domain.model.client import ClientNotFound
from domain.ports.views import JourneyItem
from domain.services.access import OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering import instant_as_json

router = APIRouter(prefix="/v1/clients", tags=["Journey"], route_class=Operation)


@router.get(
    "/{client_id}/journey",
    **reads(
        "Read a client's journey",
        JourneyOut,
        ClientNotFound,
        Erased,
        RoleNotPermitted,
        OutsideCareTeam,
        RelationNotPermitted,
        ViewBehind,
        CursorInvalid,
        ImpossibleTime,
    ),
)
def read_journey(  # noqa: PLR0917 - FastAPI passes them by name
    client_id: UUID,
    ask: Reader,
    since: Since = None,
    until: Until = None,
    kind: Annotated[tuple[JourneyKind, ...], Query(description="Only these kinds; may be given several times.")] = (),
    limit: Annotated[int, Query(ge=1, le=2_000, description="Most items of a page.")] = 100,
    cursor: Cursor = None,
) -> Response:
    """Sessions, appointments, consents and changes of the care team, oldest first. `happened_at` is when it took place,
    `recorded_at` when the store took it. Clients see their signed sessions, so a page may hold fewer than `limit`; the last
    page has no `next`.
    """
    kinds = tuple(sorted(set(kind)))
    query = {"of": "journey", "client": client_id, "since": since, "until": until, "kinds": kinds}
    page = ask.services.journey.read(
        ask.call(),
        client_id,
        since=since,
        until=until,
        kinds=kinds,
        after=ask.cursors.open(ask.actor.id, query, cursor),
        limit=limit,
        at_least=ask.at_least,
    )
    onward = ask.cursors.seal(ask.actor.id, query, page.after) if page.after is not None else None
    return found({"items": [_item_as_json(item) for item in page.items], "next": onward})


def _item_as_json(item: JourneyItem) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "id": str(item.id),
        "client_id": str(item.client_id),
        "state": item.state,
        "version": item.version,
        "happened_at": instant_as_json(item.happened_at),
        "recorded_at": instant_as_json(item.recorded_at),
        "positions": item.positions,
        "content": item.content,
    }
