"""What every way of signing in shares: failures that count, steps that remain, sign-ins that open and end."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_address, ip_network
from typing import Final
from uuid import UUID

from domain.errors import Invalid, StaleVersion, Unauthenticated
from domain.model.account import Account
from domain.model.sign_in import SignIn, SignInMethod
from domain.ports.access import AccessState, AccountRecord
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Actor, Call, Role
from domain.ports.identity import SecretSource, TokenSigner
from domain.ports.ids import IdSource
from domain.ports.keys import TokenSealer
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.services.access import Action
from domain.services.drafts import microseconds

NOBODY: Final = Actor(id=UUID(int=0), role=Role.SERVICE)
"""Who calls before anybody has signed in. May do nothing else."""
ATTEMPTS: Final = 10
_TOKEN_BYTES: Final = 16 + 32
_CHALLENGE: Final = "sign-in-challenge"


class SignInRefused(Unauthenticated):
    """One answer for a wrong password, an unknown login, a locked and a disabled account: none is told from another."""

    code = "sign_in_refused"
    message = "The login or the password is wrong, or the account is locked or disabled."
    hint = "After several wrong passwords an account is locked for a while; an operator can unlock it."


class SignedOut(Unauthenticated):
    code = "signed_out"
    message = "This sign-in has ended."
    hint = "Sign in again."


class ChallengeInvalid(Unauthenticated):
    code = "challenge_invalid"
    message = "This step of a sign-in has expired, was taken already, or is none of ours."
    hint = "Begin the sign-in again."


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPolicy:
    """Seconds, and attempts. Access tokens are short, because what they say is only re-read from the access state."""

    access_token_s: int = 300
    idle_timeout_s: int = 900
    absolute_timeout_s: int = 12 * 3600
    idle_timeout_s_of: Mapping[Role, int] = field(default_factory=dict)
    """Shorter ones of some roles."""
    absolute_timeout_s_of: Mapping[Role, int] = field(default_factory=dict)
    lock_after: int = 5
    lock_s: int = 900
    refresh_overlap_s: int = 10
    """How long the token before the last is taken for a race and not for theft."""
    challenge_s: int = 300
    """How long the second step may take."""
    enrolment_s: int = 900
    """How long it may take where an authenticator must be set up first."""
    second_factor_roles: frozenset[Role] = frozenset()
    """Roles that don't get in without a second factor."""

    def idle_s(self, role: Role) -> int:
        return min(self.idle_timeout_s, self.idle_timeout_s_of.get(role, self.idle_timeout_s))

    def absolute_s(self, role: Role) -> int:
        return min(self.absolute_timeout_s, self.absolute_timeout_s_of.get(role, self.absolute_timeout_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a sign-in answers. The refresh token is good once."""

    access_token: str = field(repr=False)
    access_expires_at: datetime
    refresh_token: str = field(repr=False)
    sign_in_expires_at: datetime
    actor: Actor
    receipt: Receipt


class NextStep(StrEnum):
    SECOND_FACTOR = "second_factor"
    """A code of the authenticator, or a recovery code."""
    ENROLMENT = "enrolment"
    """The role needs a second factor, and the account has none yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """In place of tokens: what is still to be shown. Worth nothing by itself."""

    token: str = field(repr=False)
    next: NextStep
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """What a challenge says once it is opened."""

    account_id: UUID
    next: NextStep
    method: SignInMethod
    password: str
    """Mark of the password hash: a change of password ends what was begun before it."""


class Door:
    """Failures are events of the account and entries of the audit."""

    def __init__(  # noqa: PLR0913 - one argument a port
        self,
        *,
        ledger: Ledger,
        state: AccessState,
        accounts: AggregateStore[Account],
        sign_ins: AggregateStore[SignIn],
        signer: TokenSigner,
        sealer: TokenSealer,
        secrets: SecretSource,
        ids: IdSource,
        policy: SignInPolicy | None = None,
    ) -> None:
        self.ledger = ledger
        self.state = state
        self.accounts = accounts
        self.sign_ins = sign_ins
        self.signer = signer
        self.secrets = secrets
        self.ids = ids
        self.policy = policy or SignInPolicy()
        self._sealer = sealer

    def remaining(self, account: Account) -> NextStep | None:
        """What is still to be shown by somebody who showed one thing."""
        if account.second_factor is not None:
            return NextStep.SECOND_FACTOR
        return NextStep.ENROLMENT if account.role in self.policy.second_factor_roles else None

    def challenge(self, call: Call, account: Account, step: NextStep, method: SignInMethod) -> Challenge:
        """`call.actor` is the account. Raises StaleVersion, StoreUnavailable, KeysUnavailable."""
        seconds = self.policy.challenge_s if step is NextStep.SECOND_FACTOR else self.policy.enrolment_s
        expires_at = call.at + timedelta(seconds=seconds)
        said = [account.id.hex, step.value, method.value, microseconds(expires_at), _mark(account)]
        token = self._sealer.seal_token(_CHALLENGE, json.dumps(said).encode())
        entry = AuditEntry(action=Action.SIGN_IN_CHALLENGE, resources=(account.id,), reason=step.value)
        if account.pending_events:
            self.ledger.save(call, entry, account)
        else:
            self.ledger.note(call, entry)
        return Challenge(token=token, next=step, expires_at=expires_at)

    def take(self, call: Call, token: str) -> tuple[Taken, Account]:
        """What was begun, and the account as it is now. Raises ChallengeInvalid, SignInRefused, StoreUnavailable."""
        try:
            account_id, step, method, expires_us, mark = json.loads(self._sealer.open_token(_CHALLENGE, token))
        except Invalid:
            self.note_refusal(call, (), ChallengeInvalid.code)
            raise ChallengeInvalid from None
        taken = Taken(UUID(hex=account_id), NextStep(step), SignInMethod(method), mark)
        account = self.accounts.get(taken.account_id)
        if microseconds(call.at) >= expires_us or not compare_digest(mark, _mark(account)):
            self.note_refusal(replace(call, actor=actor_of(account)), (account.id,), ChallengeInvalid.code)
            raise ChallengeInvalid
        self.require_usable(call, account)
        return taken, account

    def require_usable(self, call: Call, account: Account) -> None:
        """Raises SignInRefused for an account that is locked or disabled, or no person's."""
        if account.disabled or account.locked(call.at) or account.role is Role.SERVICE:
            reason = "account_disabled" if account.disabled else "account_locked"
            self.note_refusal(replace(call, actor=actor_of(account)), (account.id,), reason)
            raise SignInRefused

    def open(self, call: Call, account: Account, method: SignInMethod, sign_in_id: UUID) -> Tokens:
        """`account` is as loaded a moment ago, with what was used up pending. Raises StaleVersion when it changed since,
        SignInRefused when the password did.
        """
        call = replace(call, actor=actor_of(account))
        token, refresh_hash = self.token(sign_in_id)
        expires_at = call.at + timedelta(seconds=self.policy.absolute_s(account.role))
        sign_in = SignIn.open(
            sign_in_id,
            at=call.at,
            account_id=account.id,
            refresh_hash=refresh_hash,
            expires_at=expires_at,
            method=method,
            origin=network_of(call.origin),
        )
        account.succeed_sign_in(at=call.at)
        changed: list[SignIn | Account] = [sign_in, *([account] if account.pending_events else [])]
        receipt = self.ledger.save(call, entry_of(Action.SIGN_IN_OPEN, sign_in_id), *changed)
        self._end_if_too_late(call, account, sign_in_id)
        return self.tokens(call, replace(actor_of(account), sign_in_id=sign_in_id), token, expires_at, receipt)

    def _end_if_too_late(self, call: Call, account: Account, sign_in_id: UUID) -> None:
        """A change of password ends the sign-ins that it finds. One that was stored a moment after it ends itself."""
        now = self.state.account(account.id)
        if now is not None and now.password_hash == account.password_hash and not now.disabled:
            return
        entry = AuditEntry(
            action=Action.SIGN_IN_OPEN, resources=(sign_in_id,), outcome=Outcome.DENIED, reason="account_changed"
        )
        self.revoke(replace(call, command=None), sign_in_id, entry, "account_changed")
        raise SignInRefused

    def count_failure(self, call: Call, account_id: UUID, reason: str, action: Action = Action.SIGN_IN_OPEN) -> None:
        """Every failure counts, also when many come at once: the loser of a race counts again."""
        entry = AuditEntry(action=action, resources=(account_id,), outcome=Outcome.DENIED, reason=reason)
        for attempt in range(ATTEMPTS):
            account = self.accounts.get(account_id)
            if account.locked(call.at):
                self.note_refusal(call, (account_id,), "account_locked", action)
                return
            account.fail_sign_in(
                at=call.at,
                lock_after=self.policy.lock_after,
                locked_until=call.at + timedelta(seconds=self.policy.lock_s),
            )
            try:
                # Without the call's command: a refusal is not what a command was answered with.
                self.ledger.save(replace(call, command=None), entry, account)
            except StaleVersion:
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                return

    def revoke(self, call: Call, sign_in_id: UUID, entry: AuditEntry, reason: str) -> Receipt:
        """Whatever else happens to the sign-in at the same moment, it ends."""
        for _ in range(ATTEMPTS - 1):
            with suppress(StaleVersion):
                return self._revoke_once(call, sign_in_id, entry, reason)
        return self._revoke_once(call, sign_in_id, entry, reason)

    def _revoke_once(self, call: Call, sign_in_id: UUID, entry: AuditEntry, reason: str) -> Receipt:
        sign_in = self.sign_ins.get(sign_in_id)
        sign_in.revoke(at=call.at, reason=reason)
        return self.ledger.save(call, entry, sign_in)

    def note_refusal(
        self, call: Call, resources: tuple[UUID, ...], reason: str, action: Action = Action.SIGN_IN_OPEN
    ) -> None:
        entry = AuditEntry(action=action, resources=resources, outcome=Outcome.DENIED, reason=reason)
        self.ledger.note(call, entry)

    def token(self, sign_in_id: UUID) -> tuple[str, bytes]:
        """A refresh token and the hash of it that is stored."""
        secret = self.secrets.secret()
        return urlsafe_b64encode(sign_in_id.bytes + secret).decode(), sha256(secret).digest()

    def tokens(self, call: Call, actor: Actor, token: str, sign_in_expires_at: datetime, receipt: Receipt) -> Tokens:
        expires_at = min(call.at + timedelta(seconds=self.policy.access_token_s), sign_in_expires_at)
        return Tokens(
            access_token=self.signer.issue(actor, microseconds(expires_at)),
            access_expires_at=expires_at,
            refresh_token=token,
            sign_in_expires_at=sign_in_expires_at,
            actor=actor,
            receipt=receipt,
        )


def read_token(token: str) -> tuple[UUID, bytes]:
    """The sign-in's id and the SHA-256 of the secret. Raises SignedOut for what can't be one of ours."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii"))
    except ValueError:
        raise SignedOut from None
    if len(raw) != _TOKEN_BYTES:
        raise SignedOut
    return UUID(bytes=raw[:16]), sha256(raw[16:]).digest()


def network_of(address: str) -> str:
    """Where a call came from, coarsely: a network of 256 IPv4 or 2⁸⁰ IPv6 addresses; "" for what is no address."""
    try:
        prefix = 24 if ip_address(address).version == 4 else 48
        return str(ip_network(f"{address}/{prefix}", strict=False))
    except ValueError:
        return ""


def actor_of(account: Account | AccountRecord) -> Actor:
    return Actor(id=account.id, role=account.role, client_id=account.client_id, supervisor_id=account.supervisor_id)


def entry_of(action: Action, *resources: UUID) -> AuditEntry:
    return AuditEntry(action=action, resources=resources)


def _mark(account: Account) -> str:
    return sha256(account.password_hash.encode()).hexdigest()[:32]
