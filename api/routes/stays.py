"""Who is signed in where: one's own sign-ins, and anybody's for operators."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, written
from api.asks import Reader, Writer
from api.declare import changes, reads
from api.dispatch import Operation
from api.models.entry import OpenSignInsOut
from domain.model.account import AccountNotFound
from domain.model.sign_in import SignInNotFound
from domain.services.access import Action, RoleNotPermitted
from domain.services.rendering import instant_as_json
from domain.services.stays import OpenSignIn

router = APIRouter(prefix="/v1", tags=["Sign-in"], route_class=Operation)


@router.get(
    "/me/sign-ins",
    **reads("List one's own sign-ins", OpenSignInsOut, RoleNotPermitted, action=Action.SIGN_IN_LIST_OWN),
)
def list_own(ask: Reader) -> Response:
    """Every device that is signed in as the caller now: since when, from which network, and how."""
    return _listed(ask.services.stays.browse_own(ask.call()))


@router.delete(
    "/me/sign-ins",
    **changes("End one's other sign-ins", RoleNotPermitted, action=Action.SIGN_IN_REVOKE_OWN),
)
def end_own_others(ask: Writer) -> Response:
    """All but the one that asks end, at their next request."""
    return written(ask.services.stays.end_own_others(ask.writing()))


@router.delete(
    "/me/sign-ins/{sign_in_id}",
    **changes("End one of one's sign-ins", RoleNotPermitted, SignInNotFound, action=Action.SIGN_IN_REVOKE_OWN),
)
def end_own(sign_in_id: UUID, ask: Writer) -> Response:
    """It is refused at its next request."""
    return written(ask.services.stays.end_own(ask.writing(), sign_in_id))


@router.get(
    "/accounts/{account_id}/sign-ins",
    **reads("List somebody's sign-ins", OpenSignInsOut, RoleNotPermitted, AccountNotFound, action=Action.SIGN_IN_LIST),
)
def list_of(account_id: UUID, ask: Reader) -> Response:
    """For operators: when each was opened and last used, and until when it is good."""
    return _listed(ask.services.stays.browse(ask.call(), account_id))


@router.delete(
    "/accounts/{account_id}/sign-ins",
    **changes("End all of somebody's sign-ins", RoleNotPermitted, AccountNotFound, action=Action.SIGN_IN_REVOKE),
)
def end_all(account_id: UUID, ask: Writer) -> Response:
    """For operators, when a device was lost. The account stays open to who knows the password."""
    return written(ask.services.stays.end_all(ask.writing(), account_id))


@router.delete(
    "/accounts/{account_id}/sign-ins/{sign_in_id}",
    **changes("End one of somebody's sign-ins", RoleNotPermitted, SignInNotFound, action=Action.SIGN_IN_REVOKE),
)
def end(account_id: UUID, sign_in_id: UUID, ask: Writer) -> Response:
    """For operators. It is refused at its next request."""
    return written(ask.services.stays.end(ask.writing(), account_id, sign_in_id))


def _listed(sign_ins: Sequence[OpenSignIn]) -> Response:
    return found(
        {
            "items": [
                {
                    "id": str(one.id),
                    "opened_at": instant_as_json(one.opened_at),
                    "last_used_at": instant_as_json(one.last_used_at),
                    "expires_at": instant_as_json(one.expires_at),
                    "method": one.method.value,
                    "origin": one.origin,
                    "current": one.current,
                }
                for one in sign_ins
            ]
        }
    )
