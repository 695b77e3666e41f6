"""Signing in with an OpenID provider, and the identities that accounts are linked to."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, told, written
from api.asks import Editor, Opened, Reader, Writer
from api.declare import answers, changes, creates, reads
from api.dispatch import Operation
from api.models.accounts import TokensOut
from api.models.entry import BackIn, EnrolIn, LinkedIdentitiesOut, LinkedIdentityIn, WayOut
from api.routes.sign_ins import answered, or_challenge
from domain.errors import Invalid
from domain.model.account import (
    Account,
    AccountDisabled,
    AccountNotFound,
    IdentitiesMost,
    IdentityNotLinked,
    IdentityTaken,
)
from domain.model.checks import TextNotAllowed
from domain.ports.identity import ProviderMissing, ProviderRefused, ProviderUnavailable
from domain.services.access import Action, RoleNotPermitted
from domain.services.accounts import WrongPassword
from domain.services.federation import IdentityUnknown, Way
from domain.services.rendering import instant_as_json
from domain.services.sign_in import SignInRefused

router = APIRouter(prefix="/v1", route_class=Operation)


@router.get(
    "/oidc/authorization",
    tags=["Sign-in"],
    **answers(
        "Begin a sign-in with the provider",
        WayOut,
        ProviderMissing,
        ProviderUnavailable,
        action=Action.SIGN_IN_CHALLENGE,
    ),
)
def begin(ask: Opened) -> Response:
    """Where to send the browser (authorization code flow with PKCE). Keep `transaction` until it comes back: it binds the
    way back to who set out, lasts ten minutes, and is worth nothing without the provider's code.
    """
    ask.gate.limit_sign_ins(ask.origin)
    return told(_way(ask.services.federation.begin(ask.call())), 200)


@router.post(
    "/oidc/callback",
    tags=["Sign-in"],
    **or_challenge(
        answers(
            "Finish a sign-in with the provider",
            TokensOut,
            ProviderMissing,
            ProviderRefused,
            ProviderUnavailable,
            IdentityUnknown,
            IdentityTaken,
            SignInRefused,
            status=201,
            action=(Action.SIGN_IN_OPEN, Action.SIGN_IN_CHALLENGE, Action.ACCOUNT_LINK_OWN_IDENTITY),
        )
    ),
)
def finish(body: BackIn, ask: Opened) -> Response:
    """Exchange what the provider sent back for a pair of tokens, or for a challenge (202) where our own second factor is
    still to be shown.
    """
    ask.gate.limit_sign_ins(ask.origin)
    return answered(ask.services.federation.finish(ask.call(), body.transaction, body.state, body.code))


@router.post(
    "/me/identities/authorization",
    tags=["Accounts"],
    **answers(
        "Begin to link an identity",
        WayOut,
        RoleNotPermitted,
        WrongPassword,
        ProviderMissing,
        ProviderUnavailable,
        Invalid,
        TextNotAllowed,
        action=Action.ACCOUNT_LINK_OWN_IDENTITY,
    ),
)
def begin_link(body: EnrolIn, ask: Reader) -> Response:
    """Where to send the browser, to show the provider who is to be linked to the caller's account."""
    ask.gate.limit(ask.runtime.policy.password_limit, str(ask.actor.id))
    with ask.gate.hashing():
        way = ask.services.federation.begin_link(ask.call(), body.password)
    return told(_way(way), 200)


@router.get(
    "/me/identities",
    tags=["Accounts"],
    **reads("List one's linked identities", LinkedIdentitiesOut, RoleNotPermitted, action=Action.ACCOUNT_READ_OWN),
)
def list_own(ask: Reader) -> Response:
    """Whom the provider means by the caller's account."""
    return _identities(ask.services.accounts.read(ask.call(), ask.actor.id))


@router.post(
    "/me/identities",
    tags=["Accounts"],
    **creates(
        "Link an identity to one's account",
        RoleNotPermitted,
        ProviderMissing,
        ProviderRefused,
        ProviderUnavailable,
        IdentityTaken,
        IdentitiesMost,
        AccountDisabled,
        Invalid,
        TextNotAllowed,
        action=Action.ACCOUNT_LINK_OWN_IDENTITY,
    ),
)
def finish_link(body: BackIn, ask: Writer) -> Response:
    """With what the provider sent back. From now on it signs the caller in."""
    link_id = ask.runtime.ids.ordered()
    location = f"/v1/me/identities/{link_id}"
    receipt = ask.services.federation.finish_link(
        ask.writing(201, location), link_id, body.transaction, body.state, body.code
    )
    return written(receipt, location=location)


@router.delete(
    "/me/identities/{link_id}",
    tags=["Accounts"],
    **changes(
        "Unlink one of one's identities",
        RoleNotPermitted,
        IdentityNotLinked,
        action=Action.ACCOUNT_LINK_OWN_IDENTITY,
    ),
)
def unlink_own(link_id: UUID, ask: Writer) -> Response:
    """It signs nobody in any more. Sign-ins that are open stay so."""
    return written(ask.services.federation.unlink_own(ask.writing(), link_id))


@router.get(
    "/accounts/{account_id}/identities",
    tags=["Accounts"],
    **reads(
        "List the linked identities of an account",
        LinkedIdentitiesOut,
        RoleNotPermitted,
        AccountNotFound,
        versioned=True,
        action=(Action.ACCOUNT_READ, Action.ACCOUNT_READ_OWN),
    ),
)
def list_of(account_id: UUID, ask: Reader) -> Response:
    """For operators: whom an identity provider vouches for as this account."""
    return _identities(ask.services.accounts.read(ask.call(), account_id))


@router.post(
    "/accounts/{account_id}/identities",
    tags=["Accounts"],
    **creates(
        "Link an identity to an account",
        RoleNotPermitted,
        AccountNotFound,
        IdentityTaken,
        IdentitiesMost,
        AccountDisabled,
        Invalid,
        TextNotAllowed,
        action=Action.ACCOUNT_LINK_IDENTITY,
    ),
)
def link(account_id: UUID, body: LinkedIdentityIn, ask: Editor) -> Response:
    """For operators, who know whom the provider means. Whoever that is may then sign in as this account."""
    link_id = ask.runtime.ids.ordered()
    location = f"/v1/accounts/{account_id}/identities/{link_id}"
    receipt = ask.services.federation.link(ask.writing(201, location), account_id, link_id, body.issuer, body.subject)
    return written(receipt, location=location)


@router.delete(
    "/accounts/{account_id}/identities/{link_id}",
    tags=["Accounts"],
    **changes(
        "Unlink an identity from an account",
        RoleNotPermitted,
        AccountNotFound,
        IdentityNotLinked,
        action=Action.ACCOUNT_LINK_IDENTITY,
    ),
)
def unlink(account_id: UUID, link_id: UUID, ask: Editor) -> Response:
    """For operators. It signs nobody in any more; end the account's sign-ins besides, if need be."""
    return written(ask.services.federation.unlink(ask.writing(), account_id, link_id))


def _way(way: Way) -> dict[str, Any]:
    return {
        "address": way.address,
        "transaction": way.transaction,
        "expires_at": instant_as_json(way.expires_at),
    }


def _identities(account: Account) -> Response:
    items = [
        {
            "id": str(one.id),
            "issuer": one.issuer,
            "subject": one.subject,
            "linked_at": instant_as_json(one.linked_at),
        }
        for one in account.identities.values()
    ]
    return found({"items": items}, version=account.version)
