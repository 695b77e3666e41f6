"""Risk flags: raise one by hand, take it on, pass it up, say what became of it. Clients don't see them."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.errors import CursorInvalid
from api.models.common import ReasonIn
from api.models.pages import Cursor
from api.models.records import PageLimit
from api.models.risk_flags import (
    FlagAcknowledgedIn,
    FlagEscalatedIn,
    FlagResolvedIn,
    RiskFlagIn,
    RiskFlagOut,
    RiskFlagsOut,
)
from api.pages import page_of
from domain.errors import Erased, Invalid, ViewBehind
from domain.model.checks import TextNotAllowed
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.model.measure import MeasureEnteredInError, MeasureNotFound
from domain.model.risk_flag import (
    RiskFlagAlreadyAcknowledged,
    RiskFlagEnteredInError,
    RiskFlagNotFound,
    RiskFlagResolved,
)
from domain.model.session import SessionEnteredInError, SessionNotFound
from domain.services.access import Action, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering_outcomes import risk_flag_as_json

router = APIRouter(prefix="/v1", tags=["Risk flags"], route_class=Operation)

_DENIED = (RoleNotPermitted, OutsideCareTeam, RelationNotPermitted)
_THERE = (RiskFlagNotFound, Erased, *_DENIED)
_OPEN = (RiskFlagResolved, RiskFlagEnteredInError)


@router.post(
    "/clients/{client_id}/risk-flags",
    **creates(
        "Raise a risk flag",
        ClientNotFound,
        ClientEnteredInError,
        MeasureNotFound,
        MeasureEnteredInError,
        SessionNotFound,
        SessionEnteredInError,
        Erased,
        TextNotAllowed,
        *_DENIED,
        action=Action.RISK_FLAG_RAISE,
    ),
)
def raise_risk_flag(client_id: UUID, body: RiskFlagIn, ask: Writer) -> Response:
    """Somebody may be in danger. It must be taken on within an hour when that is imminent, a day when high, three days when
    moderate, a week when low; the worker passes up what nobody took on in time.
    """
    flag_id = ask.runtime.ids.ordered()
    location = f"/v1/risk-flags/{flag_id}"
    receipt = ask.services.risk_flags.raise_flag(
        ask.writing(201, location),
        flag_id,
        client_id,
        level=body.level,
        reason=body.reason,
        measure_id=body.measure_id,
        session_id=body.session_id,
    )
    return written(receipt, location=location)


@router.get(
    "/clients/{client_id}/risk-flags",
    **reads(
        "List a client's risk flags",
        RiskFlagsOut,
        ClientNotFound,
        Erased,
        ViewBehind,
        CursorInvalid,
        *_DENIED,
        action=Action.RISK_FLAG_READ,
    ),
)
def list_risk_flags(client_id: UUID, ask: Reader, limit: PageLimit = 100, cursor: Cursor = None) -> Response:
    """In the order they were raised."""
    return page_of(ask, client_id, "risk_flags", ask.services.risk_flags.of_client, limit=limit, cursor=cursor)


@router.get(
    "/risk-flags/{flag_id}",
    **reads("Read a risk flag", RiskFlagOut, *_THERE, versioned=True, action=Action.RISK_FLAG_READ),
)
def read_risk_flag(flag_id: UUID, ask: Reader) -> Response:
    """With who took it on and what became of it, always as of now."""
    flag = ask.services.risk_flags.read(ask.call(), flag_id)
    return found(risk_flag_as_json(flag), version=flag.version)


@router.post(
    "/risk-flags/{flag_id}/acknowledged",
    **changes(
        "Take a risk flag on",
        *_THERE,
        *_OPEN,
        TextNotAllowed,
        RiskFlagAlreadyAcknowledged,
        action=Action.RISK_FLAG_ACKNOWLEDGE,
    ),
)
def acknowledge_risk_flag(flag_id: UUID, body: FlagAcknowledgedIn, ask: Editor) -> Response:
    """From now on it is the caller's to answer for."""
    return written(ask.services.risk_flags.acknowledge(ask.writing(), flag_id, body.note))


@router.post(
    "/risk-flags/{flag_id}/escalated",
    **changes("Pass a risk flag up", *_THERE, *_OPEN, Invalid, action=Action.RISK_FLAG_ESCALATE),
)
def escalate_risk_flag(flag_id: UUID, body: FlagEscalatedIn, ask: Editor) -> Response:
    """To a member of the care team, also after taking it on: it waits for somebody anew."""
    return written(ask.services.risk_flags.escalate(ask.writing(), flag_id, body.to))


@router.post(
    "/risk-flags/{flag_id}/resolved",
    **changes("Resolve a risk flag", *_THERE, *_OPEN, TextNotAllowed, action=Action.RISK_FLAG_RESOLVE),
)
def resolve_risk_flag(flag_id: UUID, body: FlagResolvedIn, ask: Editor) -> Response:
    """With what became of it. When there is danger again, raise a new one."""
    return written(ask.services.risk_flags.resolve(ask.writing(), flag_id, body.outcome))


@router.post(
    "/risk-flags/{flag_id}/entered-in-error",
    **changes(
        "Mark a risk flag as entered in error",
        *_THERE,
        TextNotAllowed,
        RiskFlagEnteredInError,
        action=Action.RISK_FLAG_MARK_ENTERED_IN_ERROR,
    ),
)
def mark_risk_flag_entered_in_error(flag_id: UUID, body: ReasonIn, ask: Editor) -> Response:
    """By who leads the treatment. For a wrong chart; a danger that passed is resolved instead."""
    return written(ask.services.risk_flags.mark_entered_in_error(ask.writing(), flag_id, body.reason))
