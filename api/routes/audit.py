"""The audit: what the caller did, and what everybody did for those who review it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import found
from api.asks import Reader, Reading
from api.declare import reads
from api.dispatch import Operation
from api.errors import CursorInvalid
from api.models.audit import AuditOut
from api.models.pages import Cursor, Since, Until
from domain.errors import ViewBehind
from domain.model.checks import ImpossibleTime
from domain.ports.audit import Outcome
from domain.ports.views import AuditRecord, Page
from domain.services.access import Action, RoleNotPermitted
from domain.services.rendering import instant_as_json

router = APIRouter(prefix="/v1/audit", tags=["Audit"], route_class=Operation)

_ERRORS = (RoleNotPermitted, ViewBehind, CursorInvalid, ImpossibleTime)
ActionCode = Annotated[
    str | None, Query(pattern="^[a-z_]{1,32}\\.[a-z_]{1,40}$", description="A code such as session.sign.")
]
OutcomeCode = Annotated[Outcome | None, Query(description="Only entries with this outcome.")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Most entries of a page.")]


@router.get("/mine", **reads("Read one's own trail", AuditOut, *_ERRORS, action=Action.AUDIT_READ_OWN))
def read_own_trail(  # noqa: PLR0917 - FastAPI passes them by name
    ask: Reader,
    client_id: UUID | None = None,
    action: ActionCode = None,
    outcome: OutcomeCode = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """What is on record about the caller's own doings, newest first. Reading it is on record too."""
    filters: dict[str, Any] = {
        "client_id": client_id,
        "action": action,
        "outcome": outcome,
        "since": since,
        "until": until,
    }
    query = {"of": "audit/mine", **filters}
    after = ask.cursors.open(ask.actor.id, query, cursor)
    page = ask.services.audit.mine(ask.call(), **filters, after=after, limit=limit, at_least=ask.at_least)
    return _page(ask, query, page)


@router.get("", **reads("Search the audit", AuditOut, *_ERRORS, action=Action.AUDIT_SEARCH))
def search_audit(  # noqa: PLR0917 - FastAPI passes them by name
    ask: Reader,
    actor_id: UUID | None = None,
    client_id: UUID | None = None,
    action: ActionCode = None,
    outcome: OutcomeCode = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """For compliance officers: who did what, newest first. Entries hold ids and codes, never clinical text. `position` and
    `leaf` lead back to the log.
    """
    filters: dict[str, Any] = {
        "actor_id": actor_id,
        "client_id": client_id,
        "action": action,
        "outcome": outcome,
        "since": since,
        "until": until,
    }
    query = {"of": "audit", **filters}
    after = ask.cursors.open(ask.actor.id, query, cursor)
    page = ask.services.audit.search(ask.call(), **filters, after=after, limit=limit, at_least=ask.at_least)
    return _page(ask, query, page)


def _page(ask: Reading, query: dict[str, Any], page: Page) -> Response:
    onward = ask.cursors.seal(ask.actor.id, query, page.after) if page.after is not None else None
    return found({"items": [_record_as_json(record) for record in page.items], "next": onward})


def _record_as_json(record: AuditRecord) -> dict[str, Any]:
    return {
        "position": record.position,
        "leaf": record.leaf.hex(),
        "recorded_at": instant_as_json(record.recorded_at),
        "request_id": str(record.request_id),
        "actor_id": str(record.actor_id),
        "actor_role": record.actor_role,
        "action": record.action,
        "client_id": str(record.client_id) if record.client_id else None,
        "resources": [str(resource) for resource in record.resources],
        "outcome": record.outcome,
        "reason": record.reason,
        "purpose": record.purpose,
        "origin": record.origin,
    }
