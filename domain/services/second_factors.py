"""One's own second factor: enrolled, confirmed, removed; its recovery codes; and what is done when it is lost."""

from base64 import b32encode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NoReturn
from uuid import UUID

from domain.errors import Denied, Invalid
from domain.model.account import Account
from domain.model.passwords import prepared
from domain.model.second_factor import (
    RECOVERY_CODES,
    NoSecondFactor,
    NothingToConfirm,
    recovery_code,
    recovery_digest,
)
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.identity import PasswordHasher, SecondFactorCodes, SecretSource
from domain.ports.keys import RecordClass
from domain.ports.ledger import Receipt
from domain.services.access import Access, Action
from domain.services.accounts import WrongPassword
from domain.services.door import Door
from domain.services.versions import check_version

SECRET_BYTES: Final = 20
"""As long as the HMAC it is used with (RFC 4226 §4, R6)."""


class WrongCode(Denied):
    code = "wrong_code"
    message = "The code is wrong, or was used already."
    hint = "Wait for the next code. After several wrong ones the account is locked for a while."


class NotOnesOwn(Invalid):
    code = "not_ones_own"
    message = "One's own second factor is removed with a code of it."
    hint = "Ask another operator, or whoever runs commands on the host, when it is lost."


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """`secret` in base 32, as people type it; `uri` holds it too, for a picture."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodes:
    """Told this once."""

    codes: tuple[str, ...] = field(repr=False)
    receipt: Receipt


class SecondFactorService:
    def __init__(self, *, door: Door, access: Access, hasher: PasswordHasher, codes: SecondFactorCodes) -> None:
        self._door = door
        self._ledger = door.ledger
        self._access = access
        self._hasher = hasher
        self._codes = codes

    def enrol(self, call: Call, password: str) -> Enrolment:
        """Begin: nothing changes at sign-in until `confirm`. Raises Denied, WrongPassword, SecondFactorActive."""
        account = self._own(call, Action.ACCOUNT_ENROL_SECOND_FACTOR, password)
        enrolment = offered(account, call.at, self._door.secrets, self._codes)
        self._save(call, Action.ACCOUNT_ENROL_SECOND_FACTOR, account)
        return enrolment

    def confirm(self, call: Call, code: str) -> RecoveryCodes:
        """With a code of the offered secret. The account's other sign-ins end.

        Raises Denied, NothingToConfirm, WrongCode, StaleVersion.
        """
        action = Action.ACCOUNT_ENROL_SECOND_FACTOR
        account = self._own(call, action)
        if account.offered_secret is None:
            raise NothingToConfirm(account_id=account.id)
        step = self._codes.step(account.offered_secret, code, call.at)
        if step is None:
            self._refuse(call, action)
        told, digests = new_recovery_codes(self._door.secrets)
        account.confirm_second_factor(
            at=call.at, step=step, recovery_digests=digests, kept_sign_in_id=call.actor.sign_in_id
        )
        return RecoveryCodes(codes=told, receipt=self._save(call, action, account))

    def renew_recovery_codes(self, call: Call, password: str, code: str) -> RecoveryCodes:
        """Ten new ones; those of before are worth nothing. Raises Denied, WrongPassword, WrongCode, NoSecondFactor."""
        action = Action.ACCOUNT_ENROL_SECOND_FACTOR
        account = self._own(call, action, password)
        self._show(call, action, account, code)
        told, digests = new_recovery_codes(self._door.secrets)
        account.renew_recovery_codes(at=call.at, recovery_digests=digests)
        return RecoveryCodes(codes=told, receipt=self._save(call, action, account))

    def remove(self, call: Call, password: str, *, code: str = "", recovery_code: str = "") -> Receipt:
        """The account's other sign-ins end. Raises Denied, WrongPassword, WrongCode, NoSecondFactor."""
        action = Action.ACCOUNT_REMOVE_SECOND_FACTOR
        account = self._own(call, action, password)
        self._show(call, action, account, code, recovery_code)
        account.remove_second_factor(at=call.at, by=call.actor.id, kept_sign_in_id=call.actor.sign_in_id)
        return self._save(call, action, account)

    def reset(self, call: Call, account_id: UUID) -> Receipt:
        """For somebody whose telephone is gone, by an operator or on the host. Every sign-in of the account ends.

        Raises AccountNotFound, Denied, NotOnesOwn, NoSecondFactor, StaleVersion.
        """
        action = Action.ACCOUNT_RESET_SECOND_FACTOR
        self._access.require(call, action, RecordClass.ACCESS, resources=(account_id,))
        if account_id == call.actor.id:
            raise NotOnesOwn
        account = self._door.accounts.get(account_id)
        check_version(call, account)
        account.remove_second_factor(at=call.at, by=call.actor.id)
        return self._save(call, action, account)

    def _own(self, call: Call, action: Action, password: str | None = None) -> Account:
        """Raises Denied, WrongPassword."""
        self._access.require(call, action, RecordClass.ACCESS, resources=(call.actor.id,))
        account = self._door.accounts.get(call.actor.id)
        if password is not None and not self._hasher.verify(account.password_hash, prepared(password)):
            self._access.note_denial(call, action, None, (account.id,), WrongPassword.code)
            raise WrongPassword
        return account

    def _show(self, call: Call, action: Action, account: Account, code: str, recovery: str = "") -> None:
        """Use a code up. Raises WrongCode, NoSecondFactor."""
        held = account.second_factor
        if held is None:
            raise NoSecondFactor(account_id=account.id)
        if recovery:
            good = account.use_recovery_code(at=call.at, digest=recovery_digest(recovery))
        else:
            good = account.use_code(at=call.at, step=self._codes.step(held.secret, code, call.at))
        if not good:
            self._refuse(call, action)

    def _refuse(self, call: Call, action: Action) -> NoReturn:
        """A stolen access token must not do to try codes: these failures lock the account like those at sign-in."""
        self._door.count_failure(call, call.actor.id, WrongCode.code, action)
        raise WrongCode

    def _save(self, call: Call, action: Action, account: Account) -> Receipt:
        return self._ledger.save(call, AuditEntry(action=action, resources=(account.id,)), account)


def offered(account: Account, at: datetime, secrets: SecretSource, codes: SecondFactorCodes) -> Enrolment:
    """A new secret, pending in the account. Raises SecondFactorActive, AccountDisabled, Invalid."""
    secret = secrets.secret()[:SECRET_BYTES]
    account.offer_second_factor(at=at, secret=secret)
    return Enrolment(secret=b32encode(secret).decode(), uri=codes.uri(secret, account.login))


def new_recovery_codes(secrets: SecretSource) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    """Codes to be told once, and what is kept of them."""
    told = tuple(recovery_code(secrets.secret()) for _ in range(RECOVERY_CODES))
    return told, tuple(digest for code in told if (digest := recovery_digest(code)) is not None)
