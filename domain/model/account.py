"""Accounts. Passwords and the secrets of programs come in as hashes; the secret of a second factor stands in sealed events."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Invalid, NotFound
from domain.model import checks
from domain.model.second_factor import NoSecondFactor, NothingToConfirm, SecondFactor, SecondFactorActive
from domain.ports.call import Role, Scope
from domain.ports.keys import RecordClass

SECRETS_MOST: Final = 2
IDENTITIES_MOST: Final = 5
ISSUER_MOST: Final = 500
SUBJECT_MOST: Final = 255  # OpenID Connect Core 1.0 §2
LOGIN_MOST: Final = 254  # RFC 5321 §4.5.3.1.3: a path of 256 with its angle brackets
_LOGIN: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")


class AccountNotFound(NotFound):
    code = "account_not_found"
    message = "There is no account with this id."


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


class IdentityNotLinked(NotFound):
    code = "identity_not_linked"
    message = "The account has no linked identity with this id."


class IdentityTaken(Conflict):
    """Raised by the ledger too, when one identity is linked to two accounts at the same time."""

    code = "identity_taken"
    message = "This identity is linked to an account already."


class IdentitiesMost(Conflict):
    code = "identities_most"
    message = f"An account has at most {IDENTITIES_MOST} linked identities."


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSecret:
    """`digest` is SHA-256 of 256 random bits: nothing to guess, and no need to hash slowly. Secrets from before they
    ended by themselves have no `expires_at`.
    """

    id: UUID
    digest: bytes = field(repr=False)
    added_at: datetime
    expires_at: datetime | None = None

    def live(self, at: datetime) -> bool:
        return self.expires_at is None or at < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedIdentity:
    """Whom an OpenID provider means by this account."""

    id: UUID
    issuer: str
    subject: str = field(repr=False)
    linked_at: datetime


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
        self.second_factor: SecondFactor | None = None
        self.offered_secret: bytes | None = None
        self.identities: dict[UUID, LinkedIdentity] = {}
        self.ended_at: datetime | None = None
        """When all sign-ins but one were last ended, and which one went on."""
        self.kept_sign_in_id: UUID | None = None

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
            aggregate.end_sign_ins(self.timestamp, self.kept_sign_in_id)

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
            aggregate.end_sign_ins(self.timestamp, None)

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

    class SignInsEnded(Event):
        """Ends every sign-in of the account but `kept_sign_in_id`, in the same transaction."""

        KIND: ClassVar[str] = "account.sign_ins_ended"
        ended_by: UUID
        kept_sign_in_id: UUID | None

        def apply(self, aggregate: "Account") -> None:
            aggregate.end_sign_ins(self.timestamp, self.kept_sign_in_id)

    class SecondFactorOffered(Event):
        """A secret to enter into an authenticator; worth nothing until a code of it confirms that it got there."""

        KIND: ClassVar[str] = "account.second_factor_offered"
        secret: bytes

        def apply(self, aggregate: "Account") -> None:
            aggregate.offered_secret = self.secret

    class SecondFactorConfirmed(Event):
        """Demanded at every sign-in from now on. Ends the sign-ins that were opened without it, but the one at hand."""

        KIND: ClassVar[str] = "account.second_factor_confirmed"
        step: int
        recovery_digests: tuple[bytes, ...]
        kept_sign_in_id: UUID | None

        def apply(self, aggregate: "Account") -> None:
            aggregate.second_factor = SecondFactor(
                secret=aggregate.offered_secret or b"",
                confirmed_at=self.timestamp,
                last_step=self.step,
                recovery=frozenset(self.recovery_digests),
            )
            aggregate.offered_secret = None
            aggregate.end_sign_ins(self.timestamp, self.kept_sign_in_id)

    class SecondFactorUsed(Event):
        """`step` is the code's time step: no code of it or of an earlier one is good again."""

        KIND: ClassVar[str] = "account.second_factor_used"
        step: int

        def apply(self, aggregate: "Account") -> None:
            if aggregate.second_factor is not None:
                aggregate.second_factor = aggregate.second_factor.used(self.step)

    class RecoveryCodeUsed(Event):
        KIND: ClassVar[str] = "account.recovery_code_used"
        digest: bytes

        def apply(self, aggregate: "Account") -> None:
            if aggregate.second_factor is not None:
                aggregate.second_factor = aggregate.second_factor.without(self.digest)

    class RecoveryCodesRenewed(Event):
        """The codes of before are worth nothing."""

        KIND: ClassVar[str] = "account.recovery_codes_renewed"
        recovery_digests: tuple[bytes, ...]

        def apply(self, aggregate: "Account") -> None:
            if aggregate.second_factor is not None:
                aggregate.second_factor = aggregate.second_factor.with_codes(self.recovery_digests)

    class SecondFactorRemoved(Event):
        """By its owner, who keeps a sign-in, or by somebody who runs accounts. All others end."""

        KIND: ClassVar[str] = "account.second_factor_removed"
        removed_by: UUID
        kept_sign_in_id: UUID | None

        def apply(self, aggregate: "Account") -> None:
            aggregate.second_factor = None
            aggregate.offered_secret = None
            aggregate.end_sign_ins(self.timestamp, self.kept_sign_in_id)

    class IdentityLinked(Event):
        """Whoever the provider `issuer` calls `subject` may sign in as this account."""

        KIND: ClassVar[str] = "account.identity_linked"
        link_id: UUID
        issuer: str
        subject: str
        linked_by: UUID

        def apply(self, aggregate: "Account") -> None:
            aggregate.identities[self.link_id] = LinkedIdentity(
                id=self.link_id, issuer=self.issuer, subject=self.subject, linked_at=self.timestamp
            )

    class IdentityUnlinked(Event):
        KIND: ClassVar[str] = "account.identity_unlinked"
        link_id: UUID
        unlinked_by: UUID

        def apply(self, aggregate: "Account") -> None:
            del aggregate.identities[self.link_id]

    class SecretAdded(Event):
        """As secrets were given before they ended by themselves; still read, written no more."""

        KIND: ClassVar[str] = "account.secret_added"
        secret_id: UUID
        digest: bytes
        added_by: UUID

        def apply(self, aggregate: "Account") -> None:
            secret = ServiceSecret(id=self.secret_id, digest=self.digest, added_at=self.timestamp)
            aggregate.secrets[self.secret_id] = secret

    class SecretIssued(Event):
        """A service account got a secret; it may hold two, so that one is replaced while the other still works. Those that
        have ended are forgotten.
        """

        KIND: ClassVar[str] = "account.secret_issued"
        secret_id: UUID
        digest: bytes
        expires_at: datetime
        added_by: UUID

        def apply(self, aggregate: "Account") -> None:
            aggregate.secrets = aggregate.live_secrets(self.timestamp)
            aggregate.secrets[self.secret_id] = ServiceSecret(
                id=self.secret_id, digest=self.digest, added_at=self.timestamp, expires_at=self.expires_at
            )

    class SecretShortened(Event):
        """It ends sooner than it would have: its successor is there."""

        KIND: ClassVar[str] = "account.secret_shortened"
        secret_id: UUID
        expires_at: datetime
        shortened_by: UUID

        def apply(self, aggregate: "Account") -> None:
            held = aggregate.secrets[self.secret_id]
            aggregate.secrets[self.secret_id] = replace(held, expires_at=self.expires_at)

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

    def add_secret(self, *, at: datetime, by: UUID, secret_id: UUID, digest: bytes, expires_at: datetime) -> None:
        """Raises AccountDisabled, SecretsMost, Invalid (only service accounts have secrets)."""
        self._require_enabled()
        if self.role is not Role.SERVICE:
            raise Invalid("Only service accounts have secrets.", field="account_id")
        if len(self.live_secrets(at)) >= SECRETS_MOST:
            raise SecretsMost(account_id=self.id)
        self.trigger_event(
            self.SecretIssued, timestamp=at, secret_id=secret_id, digest=digest, expires_at=expires_at, added_by=by
        )

    def shorten_secret(self, *, at: datetime, by: UUID, secret_id: UUID, expires_at: datetime) -> None:
        """Nothing happens when it ends sooner anyway. Raises SecretNotFound."""
        held = self.secrets.get(secret_id)
        if held is None:
            raise SecretNotFound(account_id=self.id, secret_id=secret_id)
        if held.live(expires_at):
            self.trigger_event(
                self.SecretShortened, timestamp=at, secret_id=secret_id, expires_at=expires_at, shortened_by=by
            )

    def revoke_secret(self, *, at: datetime, by: UUID, secret_id: UUID) -> None:
        """Raises SecretNotFound."""
        if secret_id not in self.secrets:
            raise SecretNotFound(account_id=self.id, secret_id=secret_id)
        self.trigger_event(self.SecretRevoked, timestamp=at, secret_id=secret_id, revoked_by=by)

    def end_all_sign_ins(self, *, at: datetime, by: UUID, kept_sign_in_id: UUID | None = None) -> None:
        self.trigger_event(self.SignInsEnded, timestamp=at, ended_by=by, kept_sign_in_id=kept_sign_in_id)

    def offer_second_factor(self, *, at: datetime, secret: bytes) -> None:
        """A secret offered before is worth nothing. Raises AccountDisabled, SecondFactorActive, Invalid."""
        self._require_enabled()
        if self.role is Role.SERVICE:
            raise Invalid("Service accounts have secrets and no second factor.", field="account_id")
        if self.second_factor is not None:
            raise SecondFactorActive(account_id=self.id)
        self.trigger_event(self.SecondFactorOffered, timestamp=at, secret=secret)

    def confirm_second_factor(
        self, *, at: datetime, step: int, recovery_digests: tuple[bytes, ...], kept_sign_in_id: UUID | None
    ) -> None:
        """`step` is that of a code made from the offered secret. Raises NothingToConfirm."""
        if self.offered_secret is None:
            raise NothingToConfirm(account_id=self.id)
        self.trigger_event(
            self.SecondFactorConfirmed,
            timestamp=at,
            step=step,
            recovery_digests=recovery_digests,
            kept_sign_in_id=kept_sign_in_id,
        )

    def use_code(self, *, at: datetime, step: int | None) -> bool:
        """Whether the code of this time step is good. It is good once: codes of its step and of earlier ones are used up."""
        held = self.second_factor
        if held is None or step is None or step <= held.last_step:
            return False
        self.trigger_event(self.SecondFactorUsed, timestamp=at, step=step)
        return True

    def use_recovery_code(self, *, at: datetime, digest: bytes | None) -> bool:
        """Whether it is one that is left. It is good once."""
        held = self.second_factor
        if held is None or digest is None or digest not in held.recovery:
            return False
        self.trigger_event(self.RecoveryCodeUsed, timestamp=at, digest=digest)
        return True

    def renew_recovery_codes(self, *, at: datetime, recovery_digests: tuple[bytes, ...]) -> None:
        """Raises NoSecondFactor."""
        if self.second_factor is None:
            raise NoSecondFactor(account_id=self.id)
        self.trigger_event(self.RecoveryCodesRenewed, timestamp=at, recovery_digests=recovery_digests)

    def remove_second_factor(self, *, at: datetime, by: UUID, kept_sign_in_id: UUID | None = None) -> None:
        """Raises NoSecondFactor."""
        if self.second_factor is None:
            raise NoSecondFactor(account_id=self.id)
        self.trigger_event(self.SecondFactorRemoved, timestamp=at, removed_by=by, kept_sign_in_id=kept_sign_in_id)

    def link_identity(self, *, at: datetime, by: UUID, link_id: UUID, issuer: str, subject: str) -> None:
        """Raises AccountDisabled, IdentityTaken (by this account), IdentitiesMost, Invalid."""
        self._require_enabled()
        checks.text("issuer", issuer, ISSUER_MOST, least=1, one_line=True)
        checks.text("subject", subject, SUBJECT_MOST, least=1, one_line=True)
        if self.role is Role.SERVICE:
            raise Invalid("Service accounts sign in with secrets alone.", field="account_id")
        if any((held.issuer, held.subject) == (issuer, subject) for held in self.identities.values()):
            raise IdentityTaken(account_id=self.id)
        if len(self.identities) >= IDENTITIES_MOST:
            raise IdentitiesMost(account_id=self.id)
        self.trigger_event(
            self.IdentityLinked, timestamp=at, link_id=link_id, issuer=issuer, subject=subject, linked_by=by
        )

    def unlink_identity(self, *, at: datetime, by: UUID, link_id: UUID) -> None:
        """Raises IdentityNotLinked."""
        if link_id not in self.identities:
            raise IdentityNotLinked(account_id=self.id, link_id=link_id)
        self.trigger_event(self.IdentityUnlinked, timestamp=at, link_id=link_id, unlinked_by=by)

    def live_secrets(self, at: datetime) -> dict[UUID, ServiceSecret]:
        return {secret.id: secret for secret in self.secrets.values() if secret.live(at)}

    def end_sign_ins(self, at: datetime, kept: UUID | None) -> None:
        """For events alone."""
        self.ended_at, self.kept_sign_in_id = at, kept

    def outlived(self, sign_in_id: UUID, opened_at: datetime) -> bool:
        """Whether all sign-ins but another were ended after this one was opened, whatever its row says."""
        return self.ended_at is not None and opened_at < self.ended_at and sign_in_id != self.kept_sign_in_id

    def locked(self, now: datetime) -> bool:
        return self.locked_until is not None and now < self.locked_until

    def _require_enabled(self) -> None:
        if self.disabled:
            raise AccountDisabled(account_id=self.id)


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
