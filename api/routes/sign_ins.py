"""Signing in, staying signed in, signing out."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import told, written
from api.asks import Opened, Writer
from api.declare import answers, changes
from api.dispatch import Operation
from api.models.accounts import CompletedOut, RefreshIn, SignInIn, TokensOut
from api.models.entry import ChallengeIn, ChallengeOut, EnrolmentOut, SecondFactorIn
from domain.errors import Invalid
from domain.model.account import AccountDisabled
from domain.model.second_factor import NothingToConfirm, SecondFactorActive
from domain.services.access import Action
from domain.services.door import Challenge
from domain.services.rendering import instant_as_json
from domain.services.second_factors import Enrolment
from domain.services.sign_in import (
    ChallengeInvalid,
    RefreshAlreadyUsed,
    SecondFactorRefused,
    SignedOut,
    SignInRefused,
    Tokens,
)

router = APIRouter(prefix="/v1/sign-ins", tags=["Sign-in"], route_class=Operation)


def or_challenge(declared: dict[str, Any]) -> dict[str, Any]:
    """Declared besides: 202, where something is still to be shown."""
    challenged = {202: {"description": "Accepted", "model": ChallengeOut}}
    return declared | {"responses": declared["responses"] | challenged}


@router.post(
    "",
    **or_challenge(
        answers(
            "Sign in",
            TokensOut,
            SignInRefused,
            status=201,
            action=(Action.SIGN_IN_OPEN, Action.SIGN_IN_CHALLENGE),
        )
    ),
)
def sign_in(body: SignInIn, ask: Opened) -> Response:
    """Exchange a login and a password for a pair of tokens, or for a challenge (202) where a second factor is still to be
    shown. Every refusal reads alike; several in a row lock the account for a while. An Idempotency-Key is not taken here:
    tokens are never remembered.
    """
    ask.gate.limit_sign_ins(ask.origin)
    with ask.gate.hashing():
        opened = ask.services.sign_in.sign_in(ask.call(), body.login, body.password)
    return answered(opened)


@router.post(
    "/second-factor",
    **answers(
        "Show the second factor",
        CompletedOut,
        SignInRefused,
        ChallengeInvalid,
        SecondFactorRefused,
        NothingToConfirm,
        Invalid,
        status=201,
        action=(Action.SIGN_IN_OPEN, Action.ACCOUNT_ENROL_SECOND_FACTOR),
    ),
)
def show_second_factor(body: SecondFactorIn, ask: Opened) -> Response:
    """The second step: a code of the authenticator, or one of the recovery codes. Each is good once, and wrong ones lock
    the account like wrong passwords. Where the code confirms a new authenticator, ten recovery codes come with the tokens.
    """
    ask.gate.limit_sign_ins(ask.origin)
    if (body.code is None) is (body.recovery_code is None):
        raise Invalid("Send either code or recovery_code.", field="code")
    completed = ask.services.sign_in.complete(
        ask.call(), body.challenge, code=body.code or "", recovery_code=body.recovery_code or ""
    )
    return told(tokens_as_json(completed.tokens) | {"recovery_codes": list(completed.recovery_codes)}, 201)


@router.post(
    "/enrolment",
    **answers(
        "Set up an authenticator on the way in",
        EnrolmentOut,
        SignInRefused,
        ChallengeInvalid,
        SecondFactorActive,
        AccountDisabled,
        Invalid,
        action=(Action.ACCOUNT_ENROL_SECOND_FACTOR, Action.SIGN_IN_OPEN),
    ),
)
def enrol_on_the_way_in(body: ChallengeIn, ask: Opened) -> Response:
    """For who has the password and needs a second factor to get in: a secret for an authenticator. A code of it, sent to
    `/v1/sign-ins/second-factor` with the same challenge, confirms it.
    """
    ask.gate.limit_sign_ins(ask.origin)
    return told(enrolment_as_json(ask.services.sign_in.offer(ask.call(), body.challenge)), 200)


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
    return told(tokens_as_json(tokens), 200)


@router.delete("/current", **changes("Sign out", action=Action.SIGN_IN_SIGN_OUT))
def sign_out(ask: Writer) -> Response:
    """The sign-in of this access token ends at once, and so do its tokens."""
    return written(ask.services.sign_in.sign_out(ask.writing()))


def answered(opened: Tokens | Challenge) -> Response:
    if isinstance(opened, Challenge):
        document = {
            "challenge": opened.token,
            "next": opened.next.value,
            "expires_at": instant_as_json(opened.expires_at),
        }
        return told(document, 202)
    return told(tokens_as_json(opened), 201)


def tokens_as_json(tokens: Tokens) -> dict[str, Any]:
    return {
        "account_id": str(tokens.actor.id),
        "role": tokens.actor.role.value,
        "token_type": "Bearer",
        "access_token": tokens.access_token,
        "access_expires_at": instant_as_json(tokens.access_expires_at),
        "refresh_token": tokens.refresh_token,
        "sign_in_expires_at": instant_as_json(tokens.sign_in_expires_at),
    }


def enrolment_as_json(enrolment: Enrolment) -> dict[str, Any]:
    return {"secret": enrolment.secret, "uri": enrolment.uri}
