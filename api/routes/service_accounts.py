"""Accounts of other programs: made by operators, with scopes and secrets; and the tokens they get."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import told, written
from api.asks import Editor, Opened, Reader, Writer
from api.declare import answers, changes, creates
from api.dispatch import Operation
from api.models.service_accounts import RotationIn, SecretOut, ServiceAccountIn, TokenForm, TokenIn, TokenOut
from api.token_endpoint import TokenOperation, as_oauth
from domain.errors import Invalid, StaleVersion
from domain.model.account import AccountDisabled, AccountNotFound, SecretNotFound, SecretsMost
from domain.model.checks import TextNotAllowed
from domain.services.access import Action, RoleNotPermitted
from domain.services.rendering import instant_as_json
from domain.services.service_accounts import InvalidClient, InvalidScope, IssuedSecret, ServiceToken

router = APIRouter(prefix="/v1", route_class=Operation)
token_router = APIRouter(prefix="/v1", route_class=TokenOperation)


@router.post(
    "/service-accounts",
    tags=["Accounts"],
    **creates("Create a service account", RoleNotPermitted, Invalid, TextNotAllowed, action=Action.ACCOUNT_CREATE),
)
def create_service_account(body: ServiceAccountIn, ask: Writer) -> Response:
    """For operators. It may do nothing but what its scopes include, and reads no chart until somebody who leads the
    treatment lets it in as `system`. It has no secret yet.
    """
    account_id = ask.runtime.ids.opaque()
    location = f"/v1/accounts/{account_id}"
    receipt = ask.services.service_accounts.create(
        ask.writing(201, location), account_id, display_name=body.display_name, scopes=body.scopes
    )
    return written(receipt, location=location)


@router.post(
    "/accounts/{account_id}/secrets",
    tags=["Accounts"],
    **answers(
        "Issue a secret",
        SecretOut,
        RoleNotPermitted,
        AccountNotFound,
        AccountDisabled,
        SecretsMost,
        Invalid,
        status=201,
        action=Action.ACCOUNT_ADD_SECRET,
    ),
)
def issue_secret(account_id: UUID, ask: Reader) -> Response:
    """For operators. The secret is answered this once. Two are good at a time: issue the new one, hand it over, revoke the
    old one. An Idempotency-Key is not taken here: secrets are never remembered.
    """
    issued = ask.services.service_accounts.add_secret(ask.call(), account_id)
    return told(_issued(account_id, issued), 201)


@router.post(
    "/accounts/{account_id}/secrets/rotation",
    tags=["Accounts"],
    **answers(
        "Rotate a secret",
        SecretOut,
        RoleNotPermitted,
        AccountNotFound,
        AccountDisabled,
        SecretsMost,
        StaleVersion,
        Invalid,
        status=201,
        action=Action.ACCOUNT_ADD_SECRET,
    ),
)
def rotate_secret(account_id: UUID, body: RotationIn, ask: Reader) -> Response:
    """For operators. A new secret, answered this once; the one before it ends by itself after `overlap_hours`. An
    Idempotency-Key is not taken here: secrets are never remembered.
    """
    issued = ask.services.service_accounts.rotate_secret(ask.call(), account_id, body.overlap_hours)
    return told(_issued(account_id, issued), 201)


@router.delete(
    "/accounts/{account_id}/secrets/{secret_id}",
    tags=["Accounts"],
    **changes(
        "Revoke a secret", RoleNotPermitted, AccountNotFound, SecretNotFound, action=Action.ACCOUNT_REVOKE_SECRET
    ),
)
def revoke_secret(account_id: UUID, secret_id: UUID, ask: Editor) -> Response:
    """It opens nothing more, and every token of the account ends at once; with its other secret it gets new ones."""
    return written(ask.services.service_accounts.revoke_secret(ask.writing(), account_id, secret_id))


@token_router.post(
    "/token",
    tags=["Sign-in"],
    **as_oauth(
        answers("Get a token for a service", TokenOut, InvalidClient, InvalidScope, action=Action.SIGN_IN_OPEN),
        TokenForm,
    ),
)
def get_token(body: TokenIn, ask: Opened) -> Response:
    """The client credentials grant of OAuth 2.0 (RFC 6749, 4.4): as its form, with the client named by HTTP Basic or in
    the form, errors by its names; or in JSON, errors as everywhere here. There is no refresh token: ask again when the token
    has expired. It ends before that when the account is disabled or a secret revoked. `secret_expires_at` says when to
    have replaced the secret.
    """
    ask.gate.limit_sign_ins(ask.origin)
    return told(
        _token(ask.services.service_accounts.token(ask.call(), body.client_id, body.client_secret, body.scopes())), 200
    )


def _issued(account_id: UUID, issued: IssuedSecret) -> dict[str, Any]:
    return {
        "id": str(issued.id),
        "client_id": str(account_id),
        "client_secret": issued.secret,
        "expires_at": instant_as_json(issued.expires_at),
    }


def _token(token: ServiceToken) -> dict[str, Any]:
    return {
        "access_token": token.access_token,
        "token_type": "Bearer",
        "expires_in": token.expires_in_s,
        "scope": " ".join(sorted(token.actor.scopes)),
        "secret_expires_at": instant_as_json(token.secret_expires_at),
    }
