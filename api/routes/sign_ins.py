"""Signing in, staying signed in, signing out."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import told, written
from api.asks import Opened, Writer
from api.declare import answers, changes
from api.dispatch import Operation
from api.models.accounts import RefreshIn, SignInIn, TokensOut
from domain.services.access import Action
from domain.services.rendering import instant_as_json
from domain.services.sign_in import RefreshAlreadyUsed, SignedOut, SignInRefused, Tokens

router = APIRouter(prefix="/v1/sign-ins", tags=["Sign-in"], route_class=Operation)


@router.post("", **answers("Sign in", TokensOut, SignInRefused, status=201, action=Action.SIGN_IN_OPEN))
def sign_in(body: SignInIn, ask: Opened) -> Response:
    """Exchange a login and a password for a pair of tokens. Every refusal reads alike; several in a row lock the account
    for a while. An Idempotency-Key is not taken here: tokens are never remembered.
    """
    ask.gate.limit_sign_ins(ask.origin)
    with ask.gate.hashing():
        tokens = ask.services.sign_in.sign_in(ask.call(), body.login, body.password)
    return told(_tokens(tokens), 201)


@router.post(
    "/refresh",
    **answers("Exchange a refresh token", TokensOut, SignedOut, RefreshAlreadyUsed, action=Action.SIGN_IN_REFRESH),
)
def refresh(body: RefreshIn, ask: Opened) -> Response:
    """A new pair for the refresh token, which is good once: one that comes back later was copied, and ends the sign-in. A
    sign-in that nobody refreshes for a while ends by itself.
    """
    ask.gate.limit_refreshes(ask.origin)
    tokens = ask.services.sign_in.refresh(ask.call(), body.refresh_token)
    return told(_tokens(tokens), 200)


@router.delete("/current", **changes("Sign out", action=Action.SIGN_IN_SIGN_OUT))
def sign_out(ask: Writer) -> Response:
    """The sign-in of this access token ends at once, and so do its tokens."""
    return written(ask.services.sign_in.sign_out(ask.writing()))


def _tokens(tokens: Tokens) -> dict[str, Any]:
    return {
        "account_id": str(tokens.actor.id),
        "role": tokens.actor.role.value,
        "token_type": "Bearer",
        "access_token": tokens.access_token,
        "access_expires_at": instant_as_json(tokens.access_expires_at),
        "refresh_token": tokens.refresh_token,
        "sign_in_expires_at": instant_as_json(tokens.sign_in_expires_at),
    }
