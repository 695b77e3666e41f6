"""Drafts: what a form holds before it is a record. The author's alone, gone once the session is recorded."""

from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, removed
from api.asks import Reader, Writer
from api.declare import reads, removes
from api.dispatch import Operation
from api.models.drafts import DraftIn, DraftOut, DraftsOut
from domain.errors import Erased, Invalid
from domain.model.checks import TextNotAllowed
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.ports.ledger import Draft
from domain.services.access import Action, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.drafts import DraftNotFound
from domain.services.rendering import microseconds_as_json

router = APIRouter(prefix="/v1/drafts", tags=["Drafts"], route_class=Operation)

_THERE = (DraftNotFound, RoleNotPermitted, OutsideCareTeam, RelationNotPermitted, Erased)


@router.put(
    "/{draft_id}",
    **removes(
        "Save a draft", *_THERE, ClientNotFound, ClientEnteredInError, Invalid, TextNotAllowed, action=Action.DRAFT_SAVE
    ),
)
def save_draft(draft_id: UUID, body: DraftIn, ask: Writer) -> Response:
    """Create or replace it under an id that the form made up. `content` is whatever the form holds; it need not be a valid
    session yet. What is saved last stays; drafts nobody touches are discarded after a while.
    """
    return removed(ask.services.drafts.save(ask.writing(204), draft_id, body.client_id, body.text()))


@router.get("", **reads("List one's drafts", DraftsOut, RoleNotPermitted, action=Action.DRAFT_LIST))
def list_drafts(ask: Reader) -> Response:
    """Newest first, with what they hold."""
    return found({"items": [_draft_as_json(draft) for draft in ask.services.drafts.mine(ask.call())]})


@router.get("/{draft_id}", **reads("Read a draft", DraftOut, *_THERE, action=Action.DRAFT_READ))
def read_draft(draft_id: UUID, ask: Reader) -> Response:
    """Another author's draft is answered as if there were none."""
    return found(_draft_as_json(ask.services.drafts.read(ask.call(), draft_id)))


@router.delete("/{draft_id}", **removes("Discard a draft", *_THERE, action=Action.DRAFT_DISCARD))
def discard_draft(draft_id: UUID, ask: Writer) -> Response:
    """It is not part of the record and leaves nothing behind but the entry that it was discarded."""
    return removed(ask.services.drafts.discard(ask.writing(204), draft_id))


def _draft_as_json(draft: Draft) -> dict[str, Any]:
    return {
        "id": str(draft.id),
        "client_id": str(draft.client_id),
        "saved_at": microseconds_as_json(draft.saved_at_us),
        "content": orjson.loads(draft.content),
    }
