"""Signing in and staying signed in.

Who somebody is comes from sealed events and signed tokens. The access tables are clear rows, quick to ask on every request:
they can end a sign-in, and whoever alters them can do no more than that here.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Final
from uuid import UUID

from domain.errors import Conflict, Invalid, StaleVersion, Unauthenticated
from domain.model.account import Account, SignIn, SignInNotFound, normalised_login
from domain.ports.access import AccessState, AccountRecord, SignInRecord
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Actor, Call, Role
from domain.ports.identity import PasswordHasher, SecretSource, TokenSigner
from domain.ports.ids import IdSource
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.services.access import Action
from domain.services.accounts import prepared
from domain.services.drafts import microseconds

NOBODY: Final = Actor(id=UUID(int=0), role=Role.SERVICE)
"""Who calls before anybody has signed in. May do nothing else."""
_TOKEN_BYTES: Final = 16 + 32
_ATTEMPTS: Final = 10


class SignInRefused(Unauthenticated):
    """One answer for a wrong password, an unknown login, a locked and a disabled account: none is told from another."""

    code = "sign_in_refused"
    message = "The login or the password is wrong, or the account is locked or disabled."
    hint = "After several wrong passwords an account is locked for a while; an operator can unlock it."


class SignedOut(Unauthenticated):
    code = "signed_out"
    message = "This sign-in has ended."
    hint = "Sign in again."


class RefreshAlreadyUsed(Conflict):
    """Two tabs refreshed at once: the second one gets nothing, and the sign-in goes on with what the first got."""

    code = "refresh_already_used"
    message = "This refresh token was exchanged a moment ago."
    hint = "Use the tokens that the other exchange answered."


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPolicy:
    """Seconds, and attempts. Access tokens are short, because what they say is only re-read from the access state."""

    access_token_s: int = 300
    idle_timeout_s: int = 900
    absolute_timeout_s: int = 12 * 3600
    lock_after: int = 5
    lock_s: int = 900
    refresh_overlap_s: int = 10
    """How long the token before the last is taken for a race and not for theft."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a sign-in answers. The refresh token is good once."""

    access_token: str = field(repr=False)
    access_expires_at: datetime
    refresh_token: str = field(repr=False)
    sign_in_expires_at: datetime
    actor: Actor
    receipt: Receipt


class SignInService:
    """Failures are events of the account and entries of the audit; unknown logins take as long as known ones."""

    def __init__(  # noqa: PLR0913 - one argument a port
        self,
        *,
        ledger: Ledger,
        state: AccessState,
        accounts: AggregateStore[Account],
        sign_ins: AggregateStore[SignIn],
        hasher: PasswordHasher,
        signer: TokenSigner,
        secrets: SecretSource,
        ids: IdSource,
        policy: SignInPolicy | None = None,
    ) -> None:
        self._ledger = ledger
        self._state = state
        self._accounts = accounts
        self._sign_ins = sign_ins
        self._hasher = hasher
        self._signer = signer
        self._secrets = secrets
        self._ids = ids
        self._policy = policy or SignInPolicy()
        self._dummy_hash = hasher.hash(secrets.secret().hex())

    def sign_in(self, call: Call, login: str, password: str) -> Tokens:
        """`call.actor` is NOBODY. Rate limits come before. Raises SignInRefused, Invalid, StoreUnavailable."""
        account = self._by_login(login)
        usable = account is not None and self._usable(account, call.at)
        stored = account.password_hash if account is not None and usable else self._dummy_hash
        matches = self._hasher.verify(stored, prepared(password))
        if account is None:
            self._note_refusal(call, (), "unknown_login")
            raise SignInRefused
        call = replace(call, actor=_actor(account))
        if not usable:
            self._note_refusal(call, (account.id,), "account_disabled" if account.disabled else "account_locked")
            raise SignInRefused
        if not matches:
            self._count_failure(call, account.id)
            raise SignInRefused
        return self._open_unless_changed(call, account, password)

    def refresh(self, call: Call, refresh_token: str) -> Tokens:
        """Exchange a refresh token for a new pair. One used before ends the sign-in: it was copied.

        `call.actor` is NOBODY. Raises SignedOut, RefreshAlreadyUsed, StoreUnavailable.
        """
        sign_in_id, secret_hash = _read_token(refresh_token)
        record = self._state.sign_in(sign_in_id)
        if record is None:
            raise SignedOut
        call = replace(call, actor=record.actor)
        if self._ended(record, call.at):
            self._note_ended(call, record)
            raise SignedOut
        sign_in = self._sign_ins.get(sign_in_id)
        account = self._accounts.get(sign_in.account_id)
        if sign_in.revoked or account.disabled or account.id != record.actor.id or call.at >= sign_in.expires_at:
            self._note_refusal(call, (sign_in.id,), "revoked", Action.SIGN_IN_REFRESH)
            raise SignedOut
        if not compare_digest(secret_hash, sign_in.refresh_hash):
            self._meet_old_token(call, sign_in, secret_hash)
        token, new_hash = self._token(sign_in_id)
        sign_in.refresh(at=call.at, refresh_hash=new_hash)
        try:
            receipt = self._ledger.save(call, _entry(Action.SIGN_IN_REFRESH, sign_in_id), sign_in)
        except StaleVersion:
            raise RefreshAlreadyUsed from None
        return self._tokens(call, replace(_actor(account), sign_in_id=sign_in_id), token, sign_in.expires_at, receipt)

    def sign_out(self, call: Call) -> Receipt:
        """End the caller's sign-in at once. Raises SignedOut, StoreUnavailable."""
        if call.actor.sign_in_id is None:
            raise SignedOut
        return self._revoke(
            call, call.actor.sign_in_id, _entry(Action.SIGN_IN_SIGN_OUT, call.actor.sign_in_id), "signed_out"
        )

    def authenticate(self, access_token: str, at: datetime) -> Actor:
        """Who brings this token. One query: ended sign-ins and disabled accounts end at once, not with the token. So does
        a token that names another supervisor than the account has now: the next refresh gives one that is right.

        Raises Unauthenticated, SignedOut, StoreUnavailable.
        """
        claims = self._signer.verify(access_token, microseconds(at))
        if claims.actor.sign_in_id is None:
            raise Unauthenticated
        record = self._state.sign_in(claims.actor.sign_in_id)
        if record is None or self._ended(record, at):
            raise SignedOut
        scopes = claims.actor.scopes  # a token may be asked for with fewer than the account has
        if replace(record.actor, scopes=scopes) != claims.actor or not scopes <= record.actor.scopes:
            raise Unauthenticated("The account is not what this token says; refresh it.")
        return claims.actor

    def _by_login(self, login: str) -> AccountRecord | None:
        try:
            return self._state.account_by_login(normalised_login(login))
        except Invalid:
            return None

    def _usable(self, account: AccountRecord, at: datetime) -> bool:
        person = account.role is not Role.SERVICE  # services have secrets, and no password to be locked out by
        return person and not account.disabled and account.locked_until_us <= microseconds(at)

    def _open_unless_changed(self, call: Call, account: AccountRecord, password: str) -> Tokens:
        """Another sign-in or failure at the same moment makes this one look at the account again."""
        verified = account.password_hash
        for _ in range(_ATTEMPTS):
            try:
                return self._open(call, account, password)
            except StaleVersion:
                account = self._state.account(account.id) or account
            if not self._usable(account, call.at):
                break
            if account.password_hash != verified:
                if not self._hasher.verify(account.password_hash, prepared(password)):
                    break
                verified = account.password_hash
        self._note_refusal(call, (account.id,), "account_changed")
        raise SignInRefused

    def _open(self, call: Call, record: AccountRecord, password: str) -> Tokens:
        """Raises StaleVersion while the account's row is not what its events say, SignInRefused."""
        account = self._accounts.get(record.id)
        if account.locked(call.at) or not _bears_out(account, record):
            raise StaleVersion
        sign_in_id = self._ids.ordered()
        token, refresh_hash = self._token(sign_in_id)
        expires_at = call.at + timedelta(seconds=self._policy.absolute_timeout_s)
        sign_in = SignIn.open(
            sign_in_id, at=call.at, account_id=account.id, refresh_hash=refresh_hash, expires_at=expires_at
        )
        self._after_success(call, account, password)
        changed: list[SignIn | Account] = [sign_in, *([account] if account.pending_events else [])]
        receipt = self._ledger.save(call, _entry(Action.SIGN_IN_OPEN, sign_in_id), *changed)
        self._end_if_too_late(call, account, sign_in_id)
        return self._tokens(call, replace(_actor(account), sign_in_id=sign_in_id), token, expires_at, receipt)

    def _after_success(self, call: Call, account: Account, password: str) -> None:
        """Failures are forgotten, and a hash that has aged is made anew."""
        account.succeed_sign_in(at=call.at)
        if self._hasher.needs_rehash(account.password_hash):
            account.rehash_password(at=call.at, password_hash=self._hasher.hash(prepared(password)))

    def _end_if_too_late(self, call: Call, account: Account, sign_in_id: UUID) -> None:
        """A change of password ends the sign-ins that it finds. One that was stored a moment after it ends itself."""
        now = self._state.account(account.id)
        if now is not None and now.password_hash == account.password_hash and not now.disabled:
            return
        entry = AuditEntry(
            action=Action.SIGN_IN_OPEN, resources=(sign_in_id,), outcome=Outcome.DENIED, reason="account_changed"
        )
        self._revoke(replace(call, command=None), sign_in_id, entry, "account_changed")
        raise SignInRefused

    def _count_failure(self, call: Call, account_id: UUID) -> None:
        """Every failure counts, also when many come at once: the loser of a race counts again."""
        entry = AuditEntry(
            action=Action.SIGN_IN_OPEN, resources=(account_id,), outcome=Outcome.DENIED, reason="wrong_password"
        )
        for attempt in range(_ATTEMPTS):
            account = self._accounts.get(account_id)
            if account.locked(call.at):
                self._note_refusal(call, (account_id,), "account_locked")
                return
            account.fail_sign_in(
                at=call.at,
                lock_after=self._policy.lock_after,
                locked_until=call.at + timedelta(seconds=self._policy.lock_s),
            )
            try:
                self._ledger.save(call, entry, account)
            except StaleVersion:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def _meet_old_token(self, call: Call, sign_in: SignIn, secret_hash: bytes) -> None:
        """Raises RefreshAlreadyUsed for a race, SignedOut after ending a sign-in whose token was copied."""
        used = sign_in.used_hashes
        if secret_hash not in used:
            self._note_refusal(call, (sign_in.id,), "unknown_refresh_token", Action.SIGN_IN_REFRESH)
            raise SignedOut
        overlap = timedelta(seconds=self._policy.refresh_overlap_s)
        if secret_hash == used[-1] and call.at - sign_in.refreshed_at <= overlap:
            self._note_refusal(call, (sign_in.id,), RefreshAlreadyUsed.code, Action.SIGN_IN_REFRESH)
            raise RefreshAlreadyUsed
        self._refuse_for_good(call, sign_in.id, "refresh_token_reused")
        raise SignedOut

    def _refuse_for_good(self, call: Call, sign_in_id: UUID, reason: str) -> None:
        entry = AuditEntry(
            action=Action.SIGN_IN_REFRESH, resources=(sign_in_id,), outcome=Outcome.DENIED, reason=reason
        )
        self._revoke(call, sign_in_id, entry, reason)

    def _revoke(self, call: Call, sign_in_id: UUID, entry: AuditEntry, reason: str) -> Receipt:
        """Whatever else happens to the sign-in at the same moment, it ends."""
        for _ in range(_ATTEMPTS - 1):
            with suppress(StaleVersion):
                return self._revoke_once(call, sign_in_id, entry, reason)
        return self._revoke_once(call, sign_in_id, entry, reason)

    def _revoke_once(self, call: Call, sign_in_id: UUID, entry: AuditEntry, reason: str) -> Receipt:
        sign_in = self._sign_ins.get(sign_in_id)
        sign_in.revoke(at=call.at, reason=reason)
        return self._ledger.save(call, entry, sign_in)

    def _ended(self, record: SignInRecord, at: datetime) -> bool:
        now_us = microseconds(at)
        idle_us = self._policy.idle_timeout_s * 1_000_000
        return (
            record.revoked
            or not record.account_usable
            or now_us >= record.expires_at_us
            or now_us - record.refreshed_at_us >= idle_us
        )

    def _note_ended(self, call: Call, record: SignInRecord) -> None:
        if record.revoked or not record.account_usable:
            self._note_refusal(call, (record.id,), "revoked", Action.SIGN_IN_REFRESH)
        else:
            self._refuse_for_good(call, record.id, "timed_out")

    def _note_refusal(
        self, call: Call, resources: tuple[UUID, ...], reason: str, action: Action = Action.SIGN_IN_OPEN
    ) -> None:
        entry = AuditEntry(action=action, resources=resources, outcome=Outcome.DENIED, reason=reason)
        self._ledger.note(call, entry)

    def _token(self, sign_in_id: UUID) -> tuple[str, bytes]:
        """A refresh token and the hash of it that is stored."""
        secret = self._secrets.secret()
        return urlsafe_b64encode(sign_in_id.bytes + secret).decode(), sha256(secret).digest()

    def _tokens(self, call: Call, actor: Actor, token: str, sign_in_expires_at: datetime, receipt: Receipt) -> Tokens:
        expires_at = min(call.at + timedelta(seconds=self._policy.access_token_s), sign_in_expires_at)
        return Tokens(
            access_token=self._signer.issue(actor, microseconds(expires_at)),
            access_expires_at=expires_at,
            refresh_token=token,
            sign_in_expires_at=sign_in_expires_at,
            actor=actor,
            receipt=receipt,
        )


def _bears_out(account: Account, record: AccountRecord) -> bool:
    """Whether the account's sealed events say what its clear row says."""
    return (account.disabled, account.password_hash, _actor(account)) == (
        record.disabled,
        record.password_hash,
        _actor(record),
    )


def _actor(account: Account | AccountRecord) -> Actor:
    return Actor(id=account.id, role=account.role, client_id=account.client_id, supervisor_id=account.supervisor_id)


def _entry(action: Action, sign_in_id: UUID) -> AuditEntry:
    return AuditEntry(action=action, resources=(sign_in_id,))


def _read_token(token: str) -> tuple[UUID, bytes]:
    """The sign-in's id and the SHA-256 of the secret. Raises SignedOut for what can't be one of ours."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii"))
    except ValueError:
        raise SignedOut from None
    if len(raw) != _TOKEN_BYTES:
        raise SignedOut
    return UUID(bytes=raw[:16]), sha256(raw[16:]).digest()


__all__ = [
    "NOBODY",
    "RefreshAlreadyUsed",
    "SignInNotFound",
    "SignInPolicy",
    "SignInRefused",
    "SignInService",
    "SignedOut",
    "Tokens",
]
