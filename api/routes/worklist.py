"""What waits to be done."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import found
from api.asks import Reader
from api.declare import reads
from api.dispatch import Operation
from api.errors import CursorInvalid
from api.models.pages import Cursor
from api.models.worklist import WorklistOut
from domain.errors import ViewBehind
from domain.ports.worklist import WorkItem
from domain.services.access import Action, RoleNotPermitted
from domain.services.rendering import instant_as_json

router = APIRouter(prefix="/v1", tags=["Work list"], route_class=Operation)


@router.get(
    "/worklist",
    **reads(
        "Read what waits to be done",
        WorklistOut,
        RoleNotPermitted,
        ViewBehind,
        CursorInvalid,
        action=Action.WORKLIST_READ,
    ),
)
def read_worklist(
    ask: Reader,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Most items of a page.")] = 100,
    cursor: Cursor = None,
) -> Response:
    """Of your caseload: risk flags that nobody took on in time or that were passed up, sessions left unsigned, treatment
    plans due for review, measures overdue, active goals without a trace, and who got into a chart past its team until that is reviewed. Beside that, wherever you stand to the client:
    sessions of yours that are not signed, and sessions that await your co-signature. Worst first, then what waits longest.

    Nothing has to be ticked off: what is done leaves the list by itself.
    """
    query = {"of": "worklist"}
    page = ask.services.worklist.read(
        ask.call(), after=ask.cursors.open(ask.actor.id, query, cursor), limit=limit, at_least=ask.at_least
    )
    onward = ask.cursors.seal(ask.actor.id, query, page.after) if page.after is not None else None
    return found({"items": [_item_as_json(item) for item in page.items], "next": onward})


def _item_as_json(item: WorkItem) -> dict[str, Any]:
    return {
        "kind": item.kind.value,
        "client_id": str(item.client_id),
        "resource_id": None if item.resource_id is None else str(item.resource_id),
        "since": instant_as_json(item.since),
        "severity": item.severity.value,
        "instrument": item.instrument,
    }
