"""Exceptional access: breaking the glass in an emergency, ending it, and the review of every way past a care team."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.errors import CursorInvalid
from api.models.exceptional_access import AccessReviewIn, BreakGlassIn, ExceptionalAccessOut, ExceptionalListOut
from api.models.pages import Cursor
from domain.errors import Erased, Invalid, TooMany
from domain.model.checks import OutOfRange, TextNotAllowed
from domain.model.client import ClientNotFound
from domain.model.exceptional_access import (
    AccessAlreadyReviewed,
    BreakGlassEnded,
    BreakGlassNotNeeded,
    BreakGlassOpen,
    ExceptionalAccess,
    ExceptionalAccessNotFound,
    ReviewOfOwnAccess,
)
from domain.model.session import NotTheAuthor
from domain.ports.exceptional import ExceptionalItem
from domain.services.access import Action, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering import instant_as_json, microseconds_as_json

router = APIRouter(prefix="/v1", tags=["Exceptional access"], route_class=Operation)

_DENIED: Final = (RoleNotPermitted, OutsideCareTeam, RelationNotPermitted, NotTheAuthor)
_THERE: Final = (ExceptionalAccessNotFound, Erased, *_DENIED)


@router.post(
    "/clients/{client_id}/break-glass",
    **creates(
        "Break the glass",
        ClientNotFound,
        Erased,
        Invalid,
        OutOfRange,
        TextNotAllowed,
        BreakGlassNotNeeded,
        BreakGlassOpen,
        TooMany,
        *_DENIED,
        action=Action.BREAK_GLASS_OPEN,
    ),
)
def break_glass(client_id: UUID, body: BreakGlassIn, ask: Writer) -> Response:
    """Opens one client's chart to a carer outside its team when somebody is in danger: with the header `Purpose: emergency`,
    here and in what is read then. It ends by itself after an hour, is limited to a few a day, alerts compliance and the
    care team at once, is reviewed by a compliance officer, and the client sees it.
    """
    access_id = ask.runtime.ids.ordered()
    location = f"/v1/exceptional-access/{access_id}"
    receipt = ask.services.exceptional_access.break_glass(
        ask.writing(201, location), access_id, client_id, body.reason, body.minutes
    )
    return written(receipt, location=location)


@router.get(
    "/exceptional-access",
    **reads(
        "List exceptional access",
        ExceptionalListOut,
        CursorInvalid,
        RoleNotPermitted,
        Invalid,
        action=(Action.BREAK_GLASS_REVIEW, Action.BREAK_GLASS_READ),
    ),
)
def list_exceptional_access(
    ask: Reader,
    waiting: Annotated[bool | None, Query(description="Only those that wait for a review, or only the others.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Most items of a page.")] = 100,
    cursor: Cursor = None,
) -> Response:
    """For compliance officers: every glass that was broken, and every chart that an operator handed over, oldest first.
    Teams see those of their clients in their work list.
    """
    query = {"of": "exceptional_access", "waiting": str(waiting)}
    after = ask.cursors.open(ask.actor.id, query, cursor)
    begin = None if after is None else (after[0], UUID(int=(after[1] << 64) | after[2]))
    items = ask.services.exceptional_access.page(ask.call(), waiting=waiting, after=begin, limit=limit)
    shown = items[:limit]
    onward = ask.cursors.seal(ask.actor.id, query, _key(shown[-1])) if len(items) > limit else None
    return found({"items": [_item_as_json(item) for item in shown], "next": onward})


@router.get(
    "/exceptional-access/{access_id}",
    **reads(
        "Read an exceptional access",
        ExceptionalAccessOut,
        *_THERE,
        versioned=True,
        action=Action.BREAK_GLASS_READ,
    ),
)
def read_exceptional_access(access_id: UUID, ask: Reader) -> Response:
    """With its reason: for compliance, the client's care team, and who broke the glass."""
    access = ask.services.exceptional_access.read(ask.call(), access_id)
    return found(_access_as_json(access), version=access.version)


@router.post(
    "/exceptional-access/{access_id}/ended",
    **changes("End a broken glass", *_THERE, BreakGlassEnded, action=Action.BREAK_GLASS_END),
)
def end_break_glass(access_id: UUID, ask: Writer) -> Response:
    """Before its time: by who broke it, or by compliance. Access ends at once. Not under the purpose emergency."""
    return written(ask.services.exceptional_access.end(ask.writing(), access_id))


@router.post(
    "/exceptional-access/{access_id}/reviewed",
    **changes(
        "Review an exceptional access",
        *_THERE,
        TextNotAllowed,
        AccessAlreadyReviewed,
        ReviewOfOwnAccess,
        action=Action.BREAK_GLASS_REVIEW,
    ),
)
def review_exceptional_access(access_id: UUID, body: AccessReviewIn, ask: Editor) -> Response:
    """By a compliance officer. One that needs follow-up stays on the list."""
    return written(ask.services.exceptional_access.review(ask.writing(), access_id, body.verdict, body.remark))


def _key(item: ExceptionalItem) -> tuple[int, ...]:
    return item.opened_at_us, item.id.int >> 64, item.id.int & ((1 << 64) - 1)


def _item_as_json(item: ExceptionalItem) -> dict[str, Any]:
    return {
        "id": str(item.id),
        "client_id": str(item.client_id),
        "account_id": str(item.account_id),
        "way": item.way.value,
        "opened_by": str(item.opened_by),
        "opened_at": microseconds_as_json(item.opened_at_us),
        "until": microseconds_as_json(item.until_us),
        "review_due_at": microseconds_as_json(item.review_due_us),
        "verdict": item.verdict.value if item.verdict else None,
    }


def _access_as_json(access: ExceptionalAccess) -> dict[str, Any]:
    return {
        "id": str(access.id),
        "client_id": str(access.client_id),
        "account_id": str(access.account_id),
        "way": access.way.value,
        "opened_by": str(access.opened_by),
        "opened_at": instant_as_json(access.created_on),
        "until": instant_as_json(access.until),
        "review_due_at": instant_as_json(access.review_due_at),
        "verdict": access.verdict.value if access.verdict else None,
        "version": access.version,
        "reason": access.reason,
        "ended_by": str(access.ended_by) if access.ended_by else None,
        "remark": access.remark,
        "reviewed_by": str(access.reviewed_by) if access.reviewed_by else None,
        "reviewed_at": instant_as_json(access.reviewed_at),
    }
