"""Accounts: one's own, and all of them for those who run them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.errors import CursorInvalid
from api.models.accounts import (
    AccountIn,
    AccountLookupIn,
    AccountOut,
    AccountsOut,
    FoundAccountsOut,
    PasswordIn,
    SupervisionIn,
)
from api.models.pages import Cursor, Flag
from domain.errors import Invalid
from domain.model.account import (
    Account,
    AccountDisabled,
    AccountNotDisabled,
    AccountNotFound,
    AccountNotLocked,
    LoginTaken,
    ServiceSecret,
    SupervisionUnchanged,
)
from domain.model.checks import TextNotAllowed
from domain.model.passwords import PasswordBreached
from domain.ports.access import ListedAccount
from domain.ports.call import Role
from domain.ports.identity import BreachedListUnreadable
from domain.services.access import Action, RoleNotPermitted
from domain.services.accounts import EXPIRES_SOON_DAYS, LIST_MOST, CannotDisableOneself, Colleague, WrongPassword
from domain.services.rendering import instant_as_json, microseconds_as_json

router = APIRouter(prefix="/v1", tags=["Accounts"], route_class=Operation)


@router.get(
    "/me",
    **reads("Read one's own account", AccountOut, RoleNotPermitted, versioned=True, action=Action.ACCOUNT_READ_OWN),
)
def read_own_account(ask: Reader) -> Response:
    """Who the access token belongs to."""
    return _found(ask, ask.services.accounts.read(ask.call(), ask.actor.id))


@router.put(
    "/me/password",
    **changes(
        "Change one's own password",
        RoleNotPermitted,
        WrongPassword,
        Invalid,
        PasswordBreached,
        BreachedListUnreadable,
        TextNotAllowed,
        action=Action.ACCOUNT_CHANGE_PASSWORD,
    ),
)
def change_password(body: PasswordIn, ask: Writer) -> Response:
    """Ends every other sign-in of the account."""
    ask.gate.limit(ask.runtime.policy.password_limit, str(ask.actor.id))
    with ask.gate.hashing():
        return written(ask.services.accounts.change_password(ask.writing(), body.current, body.new))


@router.post(
    "/accounts",
    **creates(
        "Create an account",
        RoleNotPermitted,
        LoginTaken,
        Invalid,
        PasswordBreached,
        BreachedListUnreadable,
        TextNotAllowed,
        action=Action.ACCOUNT_CREATE,
    ),
)
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
    "/accounts",
    **reads(
        "List accounts",
        AccountsOut,
        RoleNotPermitted,
        CursorInvalid,
        action=(Action.ACCOUNT_LIST, Action.ACCOUNT_DIRECTORY),
    ),
)
def list_accounts(
    ask: Reader,
    role: Annotated[Role | None, Query(description="Only accounts of this role.")] = None,
    disabled: Annotated[Flag, Query(description="Only accounts that are disabled, or that are not.")] = None,
    limit: Annotated[int, Query(ge=1, le=LIST_MOST, description="Most accounts of a page.")] = 100,
    cursor: Cursor = None,
) -> Response:
    """In the order they were created. Operators see every account with its state. Clinicians and supervisors see whom they
    can put into a care team or turn to: clinicians, supervisors, compliance officers, operators and services that are not
    disabled, by name and role; what else there is they cannot filter by. Always as of now: `Read-After` is not needed.
    """
    query = {"of": "accounts", "role": role, "disabled": disabled}
    after = ask.cursors.open(ask.actor.id, query, cursor)
    page = ask.services.accounts.browse(ask.call(), role=role, disabled=disabled, after=after, limit=limit)
    onward = ask.cursors.seal(ask.actor.id, query, page.after) if page.after is not None else None
    return found({"items": [_item_as_json(item) for item in page.items], "next": onward})


@router.post(
    "/accounts/lookup",
    **reads(
        "Look an account up", FoundAccountsOut, RoleNotPermitted, Invalid, TextNotAllowed, action=Action.ACCOUNT_LIST
    ),
)
def look_account_up(body: AccountLookupIn, ask: Reader) -> Response:
    """For operators: exact, by login, which is sent in the body because addresses of people do not belong into URLs."""
    hits = ask.services.accounts.find(ask.call(), body.login)
    return found({"items": [_listed_as_json(hit) for hit in hits]})


@router.get(
    "/accounts/{account_id}",
    **reads(
        "Read an account",
        AccountOut,
        RoleNotPermitted,
        AccountNotFound,
        versioned=True,
        action=(Action.ACCOUNT_READ, Action.ACCOUNT_READ_OWN),
    ),
)
def read_account(account_id: UUID, ask: Reader) -> Response:
    """One's own, or any for operators. Says nothing clinical."""
    return _found(ask, ask.services.accounts.read(ask.call(), account_id))


@router.post(
    "/accounts/{account_id}/disabled",
    **changes(
        "Disable an account",
        RoleNotPermitted,
        AccountNotFound,
        AccountDisabled,
        CannotDisableOneself,
        action=Action.ACCOUNT_DISABLE,
    ),
)
def disable_account(account_id: UUID, ask: Editor) -> Response:
    """Its sign-ins end at once, and it opens no more until it is enabled. What it did stays on record."""
    return written(ask.services.accounts.disable(ask.writing(), account_id))


@router.post(
    "/accounts/{account_id}/enabled",
    **changes("Enable an account", RoleNotPermitted, AccountNotFound, AccountNotDisabled, action=Action.ACCOUNT_ENABLE),
)
def enable_account(account_id: UUID, ask: Editor) -> Response:
    """Takes back that it was disabled."""
    return written(ask.services.accounts.enable(ask.writing(), account_id))


@router.post(
    "/accounts/{account_id}/unlocked",
    **changes("Unlock an account", RoleNotPermitted, AccountNotFound, AccountNotLocked, action=Action.ACCOUNT_UNLOCK),
)
def unlock_account(account_id: UUID, ask: Editor) -> Response:
    """Forgets failed sign-ins before the lock runs out by itself."""
    return written(ask.services.accounts.unlock(ask.writing(), account_id))


@router.put(
    "/accounts/{account_id}/supervision",
    **changes(
        "Change who supervises a trainee",
        RoleNotPermitted,
        AccountNotFound,
        SupervisionUnchanged,
        Invalid,
        action=Action.ACCOUNT_CHANGE_SUPERVISION,
    ),
)
def change_supervision(account_id: UUID, body: SupervisionIn, ask: Editor) -> Response:
    """For operators. What the trainee signs from now on awaits this supervisor; with null it awaits nobody. What was signed
    before stays with whom it was sent to. The trainee's access token ends: the next refresh answers one that counts.
    """
    return written(ask.services.accounts.change_supervision(ask.writing(), account_id, body.supervisor_id))


def _found(ask: Reader, account: Account) -> Response:
    used = ask.services.accounts.secrets_used(account)
    return found(_account_as_json(account, used, ask.origin.at), version=account.version)


def _account_as_json(account: Account, used: Mapping[UUID, int], now: datetime) -> dict[str, Any]:
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
        "scopes": list(account.scopes),
        "secrets": [_secret_as_json(secret, used.get(secret.id), now) for secret in account.secrets.values()],
        "second_factor": account.second_factor is not None,
        "recovery_codes_left": len(account.second_factor.recovery) if account.second_factor else 0,
    }


def _secret_as_json(secret: ServiceSecret, used_us: int | None, now: datetime) -> dict[str, Any]:
    return {
        "id": str(secret.id),
        "added_at": instant_as_json(secret.added_at),
        "expires_at": instant_as_json(secret.expires_at),
        "expires_soon": not secret.live(now + timedelta(days=EXPIRES_SOON_DAYS)),
        "last_used_at": microseconds_as_json(used_us) if used_us else None,
    }


def _item_as_json(item: ListedAccount | Colleague) -> dict[str, Any]:
    if isinstance(item, Colleague):
        return {"id": str(item.id), "display_name": item.display_name, "role": item.role.value}
    return _listed_as_json(item)


def _listed_as_json(account: ListedAccount) -> dict[str, Any]:
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
        "locked_until": microseconds_as_json(account.locked_until_us) if account.locked_until_us else None,
        "created_at": microseconds_as_json(account.created_at_us),
        "scopes": sorted(account.scopes),
    }
