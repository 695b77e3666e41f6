"""Accounts and sign-ins as they are sent and answered. Passwords come in and never go out."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from api.models.common import In, Label, Out, Rfc3339, example
from domain.ports.call import Role, Scope

_ACCOUNT: Final = "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22"
_SUPERVISOR: Final = "0b5f2a4e-7a39-4f0e-8a0d-5a1b0f7e6c33"
_LISTED: Final = {
    "id": _ACCOUNT,
    "version": 1,
    "login": "m.brandt@practice.example",
    "display_name": "Maren Brandt",
    "role": "clinician",
    "client_id": None,
    "supervisor_id": None,
    "disabled": False,
    "failed_attempts": 0,
    "locked_until": None,
    "created_at": "2026-01-07T08:00:00Z",
    "scopes": [],
}
Login = Annotated[str, Field(min_length=3, max_length=254, description="An e-mail address; case does not matter.")]
# Lengths are the domain's to check for new passwords; any length may be tried.
Password = Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})]
NewPassword = Annotated[
    str,
    Field(
        min_length=12,
        max_length=128,
        description="At least 12 characters; length alone makes it strong.",
        json_schema_extra={"format": "password"},
    ),
]
RefreshToken = Annotated[str, Field(min_length=16, max_length=512)]


class SignInIn(In):
    login: Login
    password: Password

    model_config = example({"login": "m.brandt@practice.example", "password": "a sentence of your own"})


class RefreshIn(In):
    refresh_token: RefreshToken

    model_config = example({"refresh_token": "01950f2a-77aa-7b10-9a52-6a4f5f0f3d10.c2FtcGxlLW9ubHk"})


class TokensOut(Out):
    """A pair of tokens. The refresh token is good once; its use answers the next pair."""

    account_id: UUID
    role: Role
    token_type: str
    access_token: str
    access_expires_at: Rfc3339
    refresh_token: str
    sign_in_expires_at: Rfc3339

    model_config = example(
        {
            "account_id": _ACCOUNT,
            "role": "clinician",
            "token_type": "Bearer",
            "access_token": "eyJhbGciOiJIUzI1NiJ9.sample.only",
            "access_expires_at": "2026-03-02T09:05:00Z",
            "refresh_token": "01950f2a-77aa-7b10-9a52-6a4f5f0f3d10.c2FtcGxlLW9ubHk",
            "sign_in_expires_at": "2026-03-02T21:00:00Z",
        }
    )


class CompletedOut(TokensOut):
    """`recovery_codes` are answered this once, where an authenticator was set up on the way in; empty otherwise."""

    recovery_codes: tuple[str, ...]

    model_config = example(
        {
            "account_id": _ACCOUNT,
            "role": "clinician",
            "token_type": "Bearer",
            "access_token": "eyJhbGciOiJIUzI1NiJ9.sample.only",
            "access_expires_at": "2026-03-02T09:05:00Z",
            "refresh_token": "01950f2a-77aa-7b10-9a52-6a4f5f0f3d10.c2FtcGxlLW9ubHk",
            "sign_in_expires_at": "2026-03-02T21:00:00Z",
            "recovery_codes": [],
        }
    )


class AccountIn(In):
    """A new account. Accounts of clients name the client, those of trainees the supervisor."""

    login: Login
    display_name: Label
    role: Role
    password: NewPassword
    client_id: UUID | None = None
    supervisor_id: UUID | None = None

    model_config = example(
        {
            "login": "m.brandt@practice.example",
            "display_name": "Maren Brandt",
            "role": "clinician",
            "password": "a sentence of your own",
            "client_id": None,
            "supervisor_id": None,
        }
    )


class HeldSecretOut(Out):
    """That a service account holds a secret, never the secret. `expires_at` is null for those from before secrets ended;
    `expires_soon` is true in the last thirty days. `last_used_at` is null for one that was never used.
    """

    id: UUID
    added_at: Rfc3339
    expires_at: Rfc3339 | None
    expires_soon: bool
    last_used_at: Rfc3339 | None

    model_config = example(
        {
            "id": "01950f2e-6d3a-7001-8f00-00000000000b",
            "added_at": "2026-01-07T08:00:00Z",
            "expires_at": "2027-01-07T08:00:00Z",
            "expires_soon": False,
            "last_used_at": None,
        }
    )


class AccountOut(Out):
    """`locked_until` is set after several wrong passwords in a row. Only service accounts have scopes and secrets."""

    id: UUID
    version: int
    login: str
    display_name: str
    role: Role
    client_id: UUID | None
    supervisor_id: UUID | None
    disabled: bool
    failed_attempts: int
    locked_until: Rfc3339 | None
    created_at: Rfc3339
    changed_at: Rfc3339
    scopes: tuple[Scope, ...]
    secrets: tuple[HeldSecretOut, ...]
    second_factor: bool
    recovery_codes_left: int

    model_config = example(
        {
            "id": _ACCOUNT,
            "version": 1,
            "login": "m.brandt@practice.example",
            "display_name": "Maren Brandt",
            "role": "clinician",
            "client_id": None,
            "supervisor_id": None,
            "disabled": False,
            "failed_attempts": 0,
            "locked_until": None,
            "created_at": "2026-01-07T08:00:00Z",
            "changed_at": "2026-01-07T08:00:00Z",
            "scopes": [],
            "secrets": [],
            "second_factor": True,
            "recovery_codes_left": 10,
        }
    )


class ListedAccountOut(Out):
    """An account with its state, as operators see it in lists. `version` is what an edit sends as If-Match."""

    id: UUID
    version: int
    login: str
    display_name: str
    role: Role
    client_id: UUID | None
    supervisor_id: UUID | None
    disabled: bool
    failed_attempts: int
    locked_until: Rfc3339 | None
    created_at: Rfc3339
    scopes: tuple[Scope, ...]

    model_config = example(_LISTED)


class ColleagueOut(Out):
    """A member of staff, as colleagues see them."""

    id: UUID
    display_name: str
    role: Role

    model_config = example({"id": _SUPERVISOR, "display_name": "Ola Lind", "role": "supervisor"})


class AccountsOut(Out):
    """Operators are answered accounts, clinicians and supervisors colleagues. `next` is the cursor of the following page,
    null on the last.
    """

    items: tuple[ListedAccountOut | ColleagueOut, ...]
    next: str | None

    model_config = example({"items": [_LISTED], "next": None})


class AccountLookupIn(In):
    """The login as it is typed at sign-in."""

    login: Login

    model_config = example({"login": "m.brandt@practice.example"})


class FoundAccountsOut(Out):
    """One account or none."""

    items: tuple[ListedAccountOut, ...]

    model_config = example({"items": [_LISTED]})


class SupervisionIn(In):
    """The account of the supervisor who co-signs from now on; null for a clinician who is licensed."""

    supervisor_id: UUID | None

    model_config = example({"supervisor_id": _SUPERVISOR})


class PasswordIn(In):
    """The present password, so that a screen left open is not enough, and the new one."""

    current: Password
    new: NewPassword

    model_config = example({"current": "a sentence of your own", "new": "another sentence, as long"})
