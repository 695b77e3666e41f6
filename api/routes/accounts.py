"""Accounts: one's own, and all of them for those who run them."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.models.accounts import AccountIn, AccountOut, PasswordIn
from domain.errors import Invalid
from domain.model.account import (
    Account,
    AccountDisabled,
    AccountNotDisabled,
    AccountNotFound,
    AccountNotLocked,
    LoginTaken,
)
from domain.model.checks import TextNotAllowed
from domain.services.access import RoleNotPermitted
from domain.services.accounts import CannotDisableOneself, WrongPassword
from domain.services.rendering import instant_as_json

router = APIRouter(prefix="/v1", tags=["Accounts"], route_class=Operation)


@router.get("/me", **reads("Read one's own account", AccountOut, RoleNotPermitted, versioned=True))
def read_own_account(ask: Reader) -> Response:
    """Who the access token belongs to."""
    return _found(ask.services.accounts.read(ask.call(), ask.actor.id))


@router.put(
    "/me/password", **changes("Change one's own password", RoleNotPermitted, WrongPassword, Invalid, TextNotAllowed)
)
def change_password(body: PasswordIn, ask: Writer) -> Response:
    """Ends every other sign-in of the account."""
    with ask.gate.hashing():
        return written(ask.services.accounts.change_password(ask.writing(), body.current, body.new))


@router.post("/accounts", **creates("Create an account", RoleNotPermitted, LoginTaken, Invalid, TextNotAllowed))
def create_account(body: AccountIn, ask: Writer) -> Response:
    """For operators. The person should change the password at the first sign-in."""
    account_id = ask.runtime.ids.opaque()
    location = f"/v1/accounts/{account_id}"
    with ask.gate.hashing():
        receipt = ask.services.accounts.create(
            ask.writing(201, location),
            account_id,
            login=body.login,
            password=body.password,
            display_name=body.display_name,
            role=body.role,
            client_id=body.client_id,
            supervisor_id=body.supervisor_id,
        )
    return written(receipt, location=location)


@router.get(
    "/accounts/{account_id}", **reads("Read an account", AccountOut, RoleNotPermitted, AccountNotFound, versioned=True)
)
def read_account(account_id: UUID, ask: Reader) -> Response:
    """One's own, or any for operators. Says nothing clinical."""
    return _found(ask.services.accounts.read(ask.call(), account_id))


@router.post(
    "/accounts/{account_id}/disabled",
    **changes("Disable an account", RoleNotPermitted, AccountNotFound, AccountDisabled, CannotDisableOneself),
)
def disable_account(account_id: UUID, ask: Editor) -> Response:
    """Its sign-ins end at once, and it opens no more until it is enabled. What it did stays on record."""
    return written(ask.services.accounts.disable(ask.writing(), account_id))


@router.post(
    "/accounts/{account_id}/enabled",
    **changes("Enable an account", RoleNotPermitted, AccountNotFound, AccountNotDisabled),
)
def enable_account(account_id: UUID, ask: Editor) -> Response:
    """Takes back that it was disabled."""
    return written(ask.services.accounts.enable(ask.writing(), account_id))


@router.post(
    "/accounts/{account_id}/unlocked",
    **changes("Unlock an account", RoleNotPermitted, AccountNotFound, AccountNotLocked),
)
def unlock_account(account_id: UUID, ask: Editor) -> Response:
    """Forgets failed sign-ins before the lock runs out by itself."""
    return written(ask.services.accounts.unlock(ask.writing(), account_id))


def _found(account: Account) -> Response:
    return found(_account_as_json(account), version=account.version)


def _account_as_json(account: Account) -> dict[str, Any]:
    """Never the password's hash."""
    return {
        "id": str(account.id),
        "version": account.version,
        "login": account.login,
        "display_name": account.display_name,
        "role": account.role.value,
        "client_id": str(account.client_id) if account.client_id else None,
        "supervisor_id": str(account.supervisor_id) if account.supervisor_id else None,
        "disabled": account.disabled,
        "failed_attempts": account.failed_attempts,
        "locked_until": instant_as_json(account.locked_until),
        "created_at": instant_as_json(account.created_on),
        "changed_at": instant_as_json(account.modified_on),
    }
