"""Signing in and staying signed in.

Who somebody is comes from sealed events and signed tokens. The access tables are clear rows, quick to ask on every request:
they can end a sign-in, and whoever alters them can do no more than that here.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import NoReturn
from uuid import UUID

from domain.errors import Conflict, Invalid, StaleVersion, Unauthenticated
from domain.model.account import Account, normalised_login
from domain.model.passwords import prepared
from domain.model.second_factor import NothingToConfirm, recovery_digest
from domain.model.sign_in import SignIn, SignInMethod, SignInNotFound
from domain.ports.access import AccountRecord, SignInRecord
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Actor, Call, Role
from domain.ports.identity import PasswordHasher, SecondFactorCodes
from domain.ports.ledger import Receipt
from domain.services.access import Action
from domain.services.door import (
    ATTEMPTS,
    NOBODY,
    Challenge,
    ChallengeInvalid,
    Door,
    NextStep,
    SignedOut,
    SignInPolicy,
    SignInRefused,
    Taken,
    Tokens,
    actor_of,
    entry_of,
    read_token,
)
from domain.services.drafts import microseconds
from domain.services.second_factors import Enrolment, new_recovery_codes, offered

_METHODS = {
    SignInMethod.PASSWORD: (SignInMethod.PASSWORD_AND_CODE, SignInMethod.PASSWORD_AND_RECOVERY_CODE),
    SignInMethod.PROVIDER: (SignInMethod.PROVIDER_AND_CODE, SignInMethod.PROVIDER_AND_RECOVERY_CODE),
}


class RefreshAlreadyUsed(Conflict):
    """Two tabs refreshed at once: the second one gets nothing, and the sign-in goes on with what the first got."""

    code = "refresh_already_used"
    message = "This refresh token was exchanged a moment ago."
    hint = "Use the tokens that the other exchange answered."


class SecondFactorRefused(Unauthenticated):
    code = "second_factor_refused"
    message = "The code is wrong, or was used already."
    hint = "Wait for the next code. After several wrong ones the account is locked for a while."


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """`recovery_codes` are told this once, where a second factor was enrolled on the way in; empty otherwise."""

    tokens: Tokens
    recovery_codes: tuple[str, ...] = field(default=(), repr=False)


class SignInService:
    """Failures are events of the account and entries of the audit; unknown logins take as long as known ones."""

    def __init__(self, *, door: Door, hasher: PasswordHasher, codes: SecondFactorCodes) -> None:
        self._door = door
        self._ledger = door.ledger
        self._state = door.state
        self._hasher = hasher
        self._codes = codes
        self._policy = door.policy
        self._dummy_hash = hasher.hash(door.secrets.secret().hex())

    def sign_in(self, call: Call, login: str, password: str) -> Tokens | Challenge:
        """Tokens, or what is still to be shown. `call.actor` is NOBODY. Rate limits come before.

        Raises SignInRefused, Invalid, StoreUnavailable.
        """
        account = self._by_login(login)
        usable = account is not None and self._usable(account, call.at)
        stored = account.password_hash if account is not None and usable else self._dummy_hash
        matches = self._hasher.verify(stored, prepared(password))
        if account is None:
            self._door.note_refusal(call, (), "unknown_login")
            raise SignInRefused
        call = replace(call, actor=actor_of(account))
        if not usable:
            self._door.note_refusal(call, (account.id,), "account_disabled" if account.disabled else "account_locked")
            raise SignInRefused
        if not matches:
            self._door.count_failure(call, account.id, "wrong_password")
            raise SignInRefused
        return self._open_unless_changed(call, account, password)

    def offer(self, call: Call, challenge: str) -> Enrolment:
        """A secret for the authenticator of somebody whose role needs one, between the two steps of a sign-in.

        `call.actor` is NOBODY. Raises ChallengeInvalid, SignInRefused, StaleVersion, StoreUnavailable.
        """
        taken, account = self._door.take(call, challenge)
        if taken.next is not NextStep.ENROLMENT or account.second_factor is not None:
            self._refuse_challenge(call, account)
        enrolment = offered(account, call.at, self._door.secrets, self._codes)
        call = replace(call, actor=actor_of(account))
        self._ledger.save(call, entry_of(Action.ACCOUNT_ENROL_SECOND_FACTOR, account.id), account)
        return enrolment

    def complete(self, call: Call, challenge: str, *, code: str = "", recovery_code: str = "") -> Completed:
        """The second step. Every code is good once, and every wrong one counts towards the lock.

        `call.actor` is NOBODY. Raises ChallengeInvalid, SignInRefused, SecondFactorRefused, NothingToConfirm.
        """
        for _ in range(ATTEMPTS):
            taken, account = self._door.take(call, challenge)
            sign_in_id = self._door.ids.ordered()
            method, recovery_codes = self._shown(call, taken, account, sign_in_id, code, recovery_code)
            if method is None:
                known = replace(call, actor=actor_of(account))
                self._door.count_failure(known, account.id, "wrong_recovery_code" if recovery_code else "wrong_code")
                raise SecondFactorRefused
            try:
                tokens = self._door.open(call, account, method, sign_in_id)
            except StaleVersion:
                continue  # somebody else used a code, failed, or changed the account: look again
            return Completed(tokens=tokens, recovery_codes=recovery_codes)
        self._door.note_refusal(call, (), "account_changed")
        raise SignInRefused

    def _shown(  # noqa: PLR0913, PLR0917 - what was sent, and for whom
        self, call: Call, taken: Taken, account: Account, sign_in_id: UUID, code: str, recovery_code: str
    ) -> tuple[SignInMethod | None, tuple[str, ...]]:
        """How the sign-in was proved, None when it was not; and recovery codes where it enrolled a second factor."""
        with_code, with_recovery = _METHODS[taken.method]
        held = account.second_factor
        if held is not None and recovery_code:
            good = account.use_recovery_code(at=call.at, digest=recovery_digest(recovery_code))
            return (with_recovery if good else None), ()
        if held is not None:
            good = account.use_code(at=call.at, step=self._codes.step(held.secret, code, call.at))
            return (with_code if good else None), ()
        if taken.next is not NextStep.ENROLMENT:
            self._refuse_challenge(call, account)  # it was removed meanwhile
        if account.offered_secret is None:
            raise NothingToConfirm(account_id=account.id)
        step = self._codes.step(account.offered_secret, code, call.at)
        if step is None:
            return None, ()
        told, digests = new_recovery_codes(self._door.secrets)
        account.confirm_second_factor(at=call.at, step=step, recovery_digests=digests, kept_sign_in_id=sign_in_id)
        return with_code, told

    def _refuse_challenge(self, call: Call, account: Account) -> NoReturn:
        known = replace(call, actor=actor_of(account))
        self._door.note_refusal(known, (account.id,), ChallengeInvalid.code)
        raise ChallengeInvalid

    def refresh(self, call: Call, refresh_token: str) -> Tokens:
        """Exchange a refresh token for a new pair. One used before ends the sign-in: it was copied.

        `call.actor` is NOBODY. Raises SignedOut, RefreshAlreadyUsed, StoreUnavailable.
        """
        try:
            sign_in_id, secret_hash = read_token(refresh_token)
            record = self._state.sign_in(sign_in_id)
        except SignedOut:
            record = None
        if record is None:  # made up, or of before a restore
            self._door.note_refusal(call, (), "unknown_sign_in", Action.SIGN_IN_REFRESH)
            raise SignedOut
        call = replace(call, actor=record.actor)
        if self._ended(record, call.at):
            self._note_ended(call, record)
            raise SignedOut
        sign_in = self._door.sign_ins.get(sign_in_id)
        account = self._door.accounts.get(sign_in.account_id)
        if account.id != record.actor.id or self._over(sign_in, account, call.at):
            self._door.note_refusal(call, (sign_in.id,), "revoked", Action.SIGN_IN_REFRESH)
            raise SignedOut
        if not compare_digest(secret_hash, sign_in.refresh_hash):
            self._meet_old_token(call, sign_in, secret_hash)
        token, new_hash = self._door.token(sign_in_id)
        sign_in.refresh(at=call.at, refresh_hash=new_hash)
        try:
            receipt = self._ledger.save(call, entry_of(Action.SIGN_IN_REFRESH, sign_in_id), sign_in)
        except StaleVersion:
            raise RefreshAlreadyUsed from None
        actor = replace(actor_of(account), sign_in_id=sign_in_id)
        return self._door.tokens(call, actor, token, sign_in.expires_at, receipt)

    def sign_out(self, call: Call) -> Receipt:
        """End the caller's sign-in at once. Raises SignedOut, StoreUnavailable."""
        if call.actor.sign_in_id is None:
            raise SignedOut
        entry = entry_of(Action.SIGN_IN_SIGN_OUT, call.actor.sign_in_id)
        return self._door.revoke(call, call.actor.sign_in_id, entry, "signed_out")

    def authenticate(self, access_token: str, at: datetime) -> Actor:
        """Who brings this token. One query: ended sign-ins and disabled accounts end at once, not with the token. So does
        a token that names another supervisor than the account has now: the next refresh gives one that is right.

        Raises Unauthenticated, SignedOut, StoreUnavailable.
        """
        claims = self._door.signer.verify(access_token, microseconds(at))
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

    @staticmethod
    def _usable(account: AccountRecord, at: datetime) -> bool:
        person = account.role is not Role.SERVICE  # services have secrets, and no password to be locked out by
        return person and not account.disabled and account.locked_until_us <= microseconds(at)

    def _open_unless_changed(self, call: Call, account: AccountRecord, password: str) -> Tokens | Challenge:
        """Another sign-in or failure at the same moment makes this one look at the account again."""
        verified = account.password_hash
        for _ in range(ATTEMPTS):
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
        self._door.note_refusal(call, (account.id,), "account_changed")
        raise SignInRefused

    def _open(self, call: Call, record: AccountRecord, password: str) -> Tokens | Challenge:
        """Raises StaleVersion while the account's row is not what its events say, SignInRefused."""
        account = self._door.accounts.get(record.id)
        if account.locked(call.at) or not _bears_out(account, record):
            raise StaleVersion
        if self._hasher.needs_rehash(account.password_hash):
            account.rehash_password(at=call.at, password_hash=self._hasher.hash(prepared(password)))
        step = self._door.remaining(account)
        if step is not None:
            return self._door.challenge(call, account, step, SignInMethod.PASSWORD)
        return self._door.open(call, account, SignInMethod.PASSWORD, self._door.ids.ordered())

    def _meet_old_token(self, call: Call, sign_in: SignIn, secret_hash: bytes) -> None:
        """Raises RefreshAlreadyUsed for a race, SignedOut after ending a sign-in whose token was copied."""
        used = sign_in.used_hashes
        if secret_hash not in used:
            self._door.note_refusal(call, (sign_in.id,), "unknown_refresh_token", Action.SIGN_IN_REFRESH)
            raise SignedOut
        overlap = timedelta(seconds=self._policy.refresh_overlap_s)
        if secret_hash == used[-1] and call.at - sign_in.refreshed_at <= overlap:
            self._door.note_refusal(call, (sign_in.id,), RefreshAlreadyUsed.code, Action.SIGN_IN_REFRESH)
            raise RefreshAlreadyUsed
        self._refuse_for_good(call, sign_in.id, "refresh_token_reused")
        raise SignedOut

    def _refuse_for_good(self, call: Call, sign_in_id: UUID, reason: str) -> None:
        entry = AuditEntry(
            action=Action.SIGN_IN_REFRESH, resources=(sign_in_id,), outcome=Outcome.DENIED, reason=reason
        )
        self._door.revoke(call, sign_in_id, entry, reason)

    @staticmethod
    def _over(sign_in: SignIn, account: Account, at: datetime) -> bool:
        """Whether the sealed events say that it has ended, whatever the row says."""
        return (
            sign_in.revoked
            or account.disabled
            or at >= sign_in.expires_at
            or account.outlived(sign_in.id, sign_in.created_on)
        )

    def _ended(self, record: SignInRecord, at: datetime) -> bool:
        now_us = microseconds(at)
        idle_us = self._policy.idle_s(record.actor.role) * 1_000_000
        return (
            record.revoked
            or not record.account_usable
            or now_us >= record.expires_at_us
            or now_us - record.refreshed_at_us >= idle_us
        )

    def _note_ended(self, call: Call, record: SignInRecord) -> None:
        if record.revoked or not record.account_usable:
            self._door.note_refusal(call, (record.id,), "revoked", Action.SIGN_IN_REFRESH)
        else:
            self._refuse_for_good(call, record.id, "timed_out")


def _bears_out(account: Account, record: AccountRecord) -> bool:
    """Whether the account's sealed events say what its clear row says."""
    return (account.disabled, account.password_hash, actor_of(account)) == (
        record.disabled,
        record.password_hash,
        actor_of(record),
    )


__all__ = [
    "NOBODY",
    "Challenge",
    "ChallengeInvalid",
    "Completed",
    "NextStep",
    "RefreshAlreadyUsed",
    "SecondFactorRefused",
    "SignInNotFound",
    "SignInPolicy",
    "SignInRefused",
    "SignInService",
    "SignedOut",
    "Tokens",
]
