"""Accounts and sign-ins. Passwords and tokens come in as hashes; nothing here ever holds a secret."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Invalid, NotFound
from domain.model import checks
from domain.ports.call import Role, Scope
from domain.ports.keys import RecordClass

SECRETS_MOST: Final = 2
PASSWORD_LEAST: Final = 12
PASSWORD_MOST: Final = 128
LOGIN_MOST: Final = 254  # RFC 5321 §4.5.3.1.3: a path of 256 with its angle brackets
_LOGIN: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")


class AccountNotFound(NotFound):
    code = "account_not_found"
    message = "There is no account with this id."


class SignInNotFound(NotFound):
    code = "sign_in_not_found"
    message = "There is no sign-in with this id."


class LoginTaken(Conflict):
    """Raised by the ledger too, when two accounts with one login are created at the same time."""

    code = "login_taken"
    message = "There is an account with this login already."


class AccountDisabled(Conflict):
    code = "account_disabled"
    message = "The account is disabled."


class AccountNotDisabled(Conflict):
    code = "account_not_disabled"
    message = "The account is not disabled."


class AccountNotLocked(Conflict):
    code = "account_not_locked"
    message = "The account is not locked."


class SupervisionUnchanged(Conflict):
    code = "supervision_unchanged"
    message = "The account is supervised so already."


class SecretNotFound(NotFound):
    code = "secret_not_found"
    message = "The account has no secret with this id."


class SecretsMost(Conflict):
    code = "secrets_most"
    message = "A service account holds two secrets at most."
    hint = "Revoke the one that is no longer used, then issue the new one."


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSecret:
    """`digest` is SHA-256 of 256 random bits: nothing to guess, and no need to hash slowly."""

    id: UUID
    digest: bytes = field(repr=False)
    added_at: datetime


class Account(Aggregate):
    """`failed_attempts` counts since the last success, unlocking or change of password."""

    TOPIC_KIND = "access"
    RECORD_CLASS = RecordClass.ACCESS
    NOT_FOUND = AccountNotFound

    def __init__(self) -> None:
        self.login: str
        self.display_name: str
        self.role: Role
        self.password_hash: str
        self.client_id: UUID | None = None
        self.supervisor_id: UUID | None = None
        self.failed_attempts = 0
        self.locked_until: datetime | None = None
        self.disabled = False
        self.scopes: tuple[Scope, ...] = ()
        self.secrets: dict[UUID, ServiceSecret] = {}

    @property
    def subject(self) -> None:
        return None

    class Event(Aggregate.Event):
        pass

    class Created(Event, Aggregate.Created):
        KIND: ClassVar[str] = "account.created"
        login: str
        display_name: str
        role: Role
        password_hash: str
        client_id: UUID | None
        supervisor_id: UUID | None
        created_by: UUID
        scopes: tuple[Scope, ...]

        def apply(self, aggregate: "Account") -> None:
            aggregate.scopes = self.scopes
            aggregate.login = self.login
            aggregate.display_name = self.display_name
            aggregate.role = self.role
            aggregate.password_hash = self.password_hash
            aggregate.client_id = self.client_id
            aggregate.supervisor_id = self.supervisor_id

    class PasswordChanged(Event):
        """Ends every sign-in of the account but `kept_sign_in_id`, in the same transaction."""

        KIND: ClassVar[str] = "account.password_changed"
        password_hash: str
        changed_by: UUID
        kept_sign_in_id: UUID | None

        def apply(self, aggregate: "Account") -> None:
            aggregate.password_hash = self.password_hash
            aggregate.failed_attempts = 0
            aggregate.locked_until = None

    class PasswordRehashed(Event):
        """The same password under newer hashing parameters; ends no sign-in."""

        KIND: ClassVar[str] = "account.password_rehashed"
        password_hash: str

        def apply(self, aggregate: "Account") -> None:
            aggregate.password_hash = self.password_hash

    class SignInFailed(Event):
        """`locked_until` is set on the attempt that locks the account."""

        KIND: ClassVar[str] = "account.sign_in_failed"
        locked_until: datetime | None

        def apply(self, aggregate: "Account") -> None:
            aggregate.failed_attempts += 1
            if self.locked_until is not None:
                aggregate.locked_until = self.locked_until
                aggregate.failed_attempts = 0

    class SignInSucceeded(Event):
        """Written only when there were failures to forget."""

        KIND: ClassVar[str] = "account.sign_in_succeeded"

        def apply(self, aggregate: "Account") -> None:
            aggregate.failed_attempts = 0
            aggregate.locked_until = None

    class Unlocked(Event):
        KIND: ClassVar[str] = "account.unlocked"
        unlocked_by: UUID

        def apply(self, aggregate: "Account") -> None:
            aggregate.failed_attempts = 0
            aggregate.locked_until = None

    class Disabled(Event):
        """Ends every sign-in of the account, in the same transaction."""

        KIND: ClassVar[str] = "account.disabled"
        disabled_by: UUID

        def apply(self, aggregate: "Account") -> None:
            aggregate.disabled = True

    class Enabled(Event):
        KIND: ClassVar[str] = "account.enabled"
        enabled_by: UUID

        def apply(self, aggregate: "Account") -> None:
            aggregate.disabled = False
            aggregate.failed_attempts = 0
            aggregate.locked_until = None

    class SupervisionChanged(Event):
        """A trainee got another supervisor, or was licensed (None). Sessions signed before keep theirs."""

        KIND: ClassVar[str] = "account.supervision_changed"
        supervisor_id: UUID | None
        changed_by: UUID

        def apply(self, aggregate: "Account") -> None:
            aggregate.supervisor_id = self.supervisor_id

    class SecretAdded(Event):
        """A service account got a secret; it may hold two, so that one is replaced while the other still works."""

        KIND: ClassVar[str] = "account.secret_added"
        secret_id: UUID
        digest: bytes
        added_by: UUID

        def apply(self, aggregate: "Account") -> None:
            secret = ServiceSecret(id=self.secret_id, digest=self.digest, added_at=self.timestamp)
            aggregate.secrets[self.secret_id] = secret

    class SecretRevoked(Event):
        """Ends every sign-in of the account, in the same transaction: which secret opened it is not kept."""

        KIND: ClassVar[str] = "account.secret_revoked"
        secret_id: UUID
        revoked_by: UUID

        def apply(self, aggregate: "Account") -> None:
            del aggregate.secrets[self.secret_id]

    @classmethod
    def create(  # noqa: PLR0913 - one argument a fact of the account
        cls,
        account_id: UUID,
        *,
        at: datetime,
        by: UUID,
        login: str,
        display_name: str,
        role: Role,
        password_hash: str,
        client_id: UUID | None = None,
        supervisor_id: UUID | None = None,
        scopes: tuple[Scope, ...] = (),
    ) -> "Account":
        """`login` as `normalised_login` gives it. Only client accounts name a client, only clinicians a supervisor, only
        service accounts scopes, and those at least one.

        A client-role account without `client_id` is a personal representative's: care teams say whom it represents.
        Raises Invalid.
        """
        checks.text("display_name", display_name, 200, least=1, one_line=True)
        if client_id is not None and role is not Role.CLIENT:
            raise Invalid("Only accounts of clients name a client_id.", field="client_id")
        _check_supervisor(role, supervisor_id)
        if bool(scopes) is not (role is Role.SERVICE):
            raise Invalid("Service accounts have scopes, at least one; others have none.", field="scopes")
        return cls._create(
            cls.Created,
            id=account_id,
            timestamp=at,
            login=login,
            display_name=display_name,
            role=role,
            password_hash=password_hash,
            client_id=client_id,
            supervisor_id=supervisor_id,
            created_by=by,
            scopes=tuple(sorted(set(scopes))),
        )

    def change_password(
        self, *, at: datetime, by: UUID, password_hash: str, kept_sign_in_id: UUID | None = None
    ) -> None:
        """Raises AccountDisabled."""
        self._require_enabled()
        self.trigger_event(
            self.PasswordChanged,
            timestamp=at,
            password_hash=password_hash,
            changed_by=by,
            kept_sign_in_id=kept_sign_in_id,
        )

    def rehash_password(self, *, at: datetime, password_hash: str) -> None:
        self.trigger_event(self.PasswordRehashed, timestamp=at, password_hash=password_hash)

    def fail_sign_in(self, *, at: datetime, lock_after: int, locked_until: datetime) -> None:
        """Count a wrong password; the `lock_after`-th in a row locks the account until `locked_until`."""
        locks = self.failed_attempts + 1 >= lock_after
        self.trigger_event(self.SignInFailed, timestamp=at, locked_until=locked_until if locks else None)

    def succeed_sign_in(self, *, at: datetime) -> None:
        """Forget earlier failures; nothing happens when there are none."""
        if self.failed_attempts or self.locked_until is not None:
            self.trigger_event(self.SignInSucceeded, timestamp=at)

    def unlock(self, *, at: datetime, by: UUID) -> None:
        """Raises AccountNotLocked when the lock has run out or there was none, and no failure is remembered."""
        if not self.locked(at) and not self.failed_attempts:
            raise AccountNotLocked(account_id=self.id)
        self.trigger_event(self.Unlocked, timestamp=at, unlocked_by=by)

    def disable(self, *, at: datetime, by: UUID) -> None:
        """Raises AccountDisabled."""
        self._require_enabled()
        self.trigger_event(self.Disabled, timestamp=at, disabled_by=by)

    def enable(self, *, at: datetime, by: UUID) -> None:
        """Raises AccountNotDisabled."""
        if not self.disabled:
            raise AccountNotDisabled(account_id=self.id)
        self.trigger_event(self.Enabled, timestamp=at, enabled_by=by)

    def change_supervision(self, *, at: datetime, by: UUID, supervisor_id: UUID | None) -> None:
        """Who co-signs from now on; None for a clinician who is licensed now. Raises SupervisionUnchanged, Invalid."""
        _check_supervisor(self.role, supervisor_id)
        if supervisor_id == self.supervisor_id:
            raise SupervisionUnchanged(account_id=self.id)
        self.trigger_event(self.SupervisionChanged, timestamp=at, supervisor_id=supervisor_id, changed_by=by)

    def add_secret(self, *, at: datetime, by: UUID, secret_id: UUID, digest: bytes) -> None:
        """Raises AccountDisabled, SecretsMost, Invalid (only service accounts have secrets)."""
        self._require_enabled()
        if self.role is not Role.SERVICE:
            raise Invalid("Only service accounts have secrets.", field="account_id")
        if len(self.secrets) >= SECRETS_MOST:
            raise SecretsMost(account_id=self.id)
        self.trigger_event(self.SecretAdded, timestamp=at, secret_id=secret_id, digest=digest, added_by=by)

    def revoke_secret(self, *, at: datetime, by: UUID, secret_id: UUID) -> None:
        """Raises SecretNotFound."""
        if secret_id not in self.secrets:
            raise SecretNotFound(account_id=self.id, secret_id=secret_id)
        self.trigger_event(self.SecretRevoked, timestamp=at, secret_id=secret_id, revoked_by=by)

    def locked(self, now: datetime) -> bool:
        return self.locked_until is not None and now < self.locked_until

    def _require_enabled(self) -> None:
        if self.disabled:
            raise AccountDisabled(account_id=self.id)


class SignIn(Aggregate):
    """One device's stay. `refresh_hash` is SHA-256 of the one refresh token that is good now; `used_hashes` of all before,
    so that a stolen and used token is told from a wrong one.
    """

    TOPIC_KIND = "access"
    RECORD_CLASS = RecordClass.ACCESS
    NOT_FOUND = SignInNotFound

    def __init__(self) -> None:
        self.account_id: UUID
        self.refresh_hash: bytes
        self.used_hashes: tuple[bytes, ...] = ()
        self.refreshed_at: datetime
        self.expires_at: datetime
        self.revoked_reason = ""

    @property
    def subject(self) -> None:
        return None

    @property
    def revoked(self) -> bool:
        return bool(self.revoked_reason)

    class Event(Aggregate.Event):
        pass

    class Opened(Event, Aggregate.Created):
        KIND: ClassVar[str] = "sign_in.opened"
        account_id: UUID
        refresh_hash: bytes
        expires_at: datetime

        def apply(self, aggregate: "SignIn") -> None:
            aggregate.account_id = self.account_id
            aggregate.refresh_hash = self.refresh_hash
            aggregate.refreshed_at = self.timestamp
            aggregate.expires_at = self.expires_at

    class Refreshed(Event):
        KIND: ClassVar[str] = "sign_in.refreshed"
        refresh_hash: bytes

        def apply(self, aggregate: "SignIn") -> None:
            aggregate.used_hashes = (*aggregate.used_hashes, aggregate.refresh_hash)
            aggregate.refresh_hash = self.refresh_hash
            aggregate.refreshed_at = self.timestamp

    class Revoked(Event):
        """`reason` is a code: signed_out, refresh_token_reused, timed_out."""

        KIND: ClassVar[str] = "sign_in.revoked"
        reason: str

        def apply(self, aggregate: "SignIn") -> None:
            aggregate.revoked_reason = self.reason

    @classmethod
    def open(
        cls, sign_in_id: UUID, *, at: datetime, account_id: UUID, refresh_hash: bytes, expires_at: datetime
    ) -> "SignIn":
        return cls._create(
            cls.Opened,
            id=sign_in_id,
            timestamp=at,
            account_id=account_id,
            refresh_hash=refresh_hash,
            expires_at=expires_at,
        )

    def refresh(self, *, at: datetime, refresh_hash: bytes) -> None:
        self.trigger_event(self.Refreshed, timestamp=at, refresh_hash=refresh_hash)

    def revoke(self, *, at: datetime, reason: str) -> None:
        """Nothing happens when it was revoked before."""
        if not self.revoked:
            self.trigger_event(self.Revoked, timestamp=at, reason=reason)


def _check_supervisor(role: Role, supervisor_id: UUID | None) -> None:
    if supervisor_id is not None and role is not Role.CLINICIAN:
        raise Invalid("Only clinicians in training name a supervisor_id.", field="supervisor_id")


def normalised_login(login: str) -> str:
    """The login as it is stored and compared: trimmed, case-folded, shaped like an e-mail address. Raises Invalid."""
    folded = login.strip().casefold()
    checks.text("login", folded, LOGIN_MOST, least=3, one_line=True)
    if not _LOGIN.fullmatch(folded):
        raise Invalid("login must be an e-mail address.", field="login")
    return folded


def check_password(password: str, login: str) -> None:
    """Length alone makes passwords strong (NIST SP 800-63B §3.1.1.2). Raises Invalid."""
    checks.text("password", password, PASSWORD_MOST)
    if len(password) < PASSWORD_LEAST:
        raise Invalid(
            f"password needs at least {PASSWORD_LEAST} characters.", field="password", at_least=PASSWORD_LEAST
        )
    if password.casefold() == login or len(set(password)) < 4:
        raise Invalid("password must not be the login, nor few characters repeated.", field="password")
