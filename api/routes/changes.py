"""The change feed: what happened, in the order of the log, by ids alone."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import found
from api.asks import Reader
from api.declare import reads
from api.dispatch import Operation
from api.models.changes import ChangesOut
from domain.ports.feed import PositionAhead
from domain.services.access import Action, RoleNotPermitted, ScopeNotPermitted
from domain.services.changes import LIST_MOST
from domain.services.rendering import instant_as_json

router = APIRouter(prefix="/v1/changes", tags=["Changes"], route_class=Operation)


@router.get(
    "",
    **reads(
        "Follow what changes",
        ChangesOut,
        RoleNotPermitted,
        ScopeNotPermitted,
        PositionAhead,
        action=Action.CHANGES_READ,
    ),
)
def follow_changes(
    ask: Reader,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="Only what came after this position.")] = 0,
    limit: Annotated[int, Query(ge=1, le=LIST_MOST, description="Most changes of a page.")] = 100,
) -> Response:
    """For service accounts with the scope `changes:read`. Begin with 0 or with a position that you know, and go on from
    `scanned` each time: nothing is left out, and nothing comes in another order. It covers the charts of the whole practice,
    by ids; what exactly happened is told of those that the caller was let into. Who gets `position_ahead` followed a log that
    has been restored since.
    """
    changes = ask.services.changes.changes(ask.call(), after, limit)
    items = [
        {
            "position": change.position,
            "kind": change.kind,
            "resource_id": str(change.resource_id),
            "version": change.version,
            "client_id": str(change.client_id) if change.client_id else None,
            "recorded_at": instant_as_json(change.recorded_at),
        }
        for change in changes.items
    ]
    return found({"items": items, "scanned": changes.scanned, "more": changes.more})
