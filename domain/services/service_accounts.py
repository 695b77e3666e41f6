"""Other programs of the practice: accounts with scopes and secrets, and the tokens they get for them.

The grant is OAuth 2.0's client credentials (RFC 6749 §4.4): a short access token, no refresh token. A secret is shown once,
when it is issued, and kept as a digest.
"""

from base64 import urlsafe_b64encode
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Final
from uuid import UUID

from domain.errors import Invalid, NotFound, StaleVersion, Unauthenticated
from domain.model import checks
from domain.model.account import Account, ServiceSecret
from domain.model.sign_in import SignIn, SignInMethod
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Actor, Call, Role, Scope
from domain.ports.identity import SecretSource, TokenSigner
from domain.ports.ids import IdSource
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.services.access import Access, Action
from domain.services.door import network_of
from domain.services.drafts import microseconds
from domain.services.versions import check_version

SECRET_DAYS: Final = 365
"""How long a secret is good, unless the deployment says otherwise."""
OVERLAP_MOST_HOURS: Final = 90 * 24
OVERLAP_HOURS: Final = 24
"""How long the secret before stays good after a rotation."""
TOKEN_S: Final = 300
"""How long an access token of a service lives. It ends at once all the same when the account is disabled."""
_MARK: Final = "anamnesis_"
"""Begins every secret, so that scanners of sources and logs recognise one that got lost."""


class InvalidClient(Unauthenticated):
    """One answer for an unknown, a disabled and a personal account, and for a wrong secret: none is told from another."""

    code = "invalid_client"
    message = "client_id and client_secret are not those of a service account that may sign in."
    hint = "An operator can issue a new secret, and enable the account."


class InvalidScope(Invalid):
    code = "invalid_scope"
    message = "The account does not have all of the scopes that were asked for."
    hint = "Leave scope out to get all that it has."


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedSecret:
    """`secret` is told this once."""

    id: UUID
    secret: str = field(repr=False)
    expires_at: datetime
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceToken:
    access_token: str = field(repr=False)
    expires_at: datetime
    expires_in_s: int
    actor: Actor
    secret_expires_at: datetime | None = None
    """When the secret that was used ends; None for one that does not."""


class ServiceAccountService:
    def __init__(  # noqa: PLR0913 - one argument a port
        self,
        *,
        ledger: Ledger,
        access: Access,
        accounts: AggregateStore[Account],
        sign_ins: AggregateStore[SignIn],
        signer: TokenSigner,
        secrets: SecretSource,
        ids: IdSource,
        secret_days: int = SECRET_DAYS,
    ) -> None:
        self._secret_days = secret_days
        self._ledger = ledger
        self._access = access
        self._accounts = accounts
        self._sign_ins = sign_ins
        self._signer = signer
        self._secrets = secrets
        self._ids = ids

    def create(self, call: Call, account_id: UUID, *, display_name: str, scopes: Collection[Scope]) -> Receipt:
        """An account without a secret yet. Raises Denied, Invalid."""
        self._access.require(call, Action.ACCOUNT_CREATE, RecordClass.ACCESS, resources=(account_id,))
        account = _account(call, account_id, display_name, scopes)
        return self._ledger.save(call, _entry(Action.ACCOUNT_CREATE, account_id), account)

    def bootstrap(self, call: Call, account_id: UUID, *, display_name: str, scopes: Collection[Scope]) -> IssuedSecret:
        """An account with its first secret, made on the host: the call's actor is a SERVICE. Raises Denied, Invalid."""
        self._access.require(call, Action.ACCOUNT_BOOTSTRAP, RecordClass.ACCESS, resources=(account_id,))
        account = _account(call, account_id, display_name, scopes)
        return self._issue(call, Action.ACCOUNT_BOOTSTRAP, account)

    def add_secret(self, call: Call, account_id: UUID) -> IssuedSecret:
        """A secret beside the one there is: both are good until one is revoked.

        Raises AccountNotFound, AccountDisabled, SecretsMost, Denied, StaleVersion, Invalid.
        """
        return self._issue(
            call, Action.ACCOUNT_ADD_SECRET, self._for_change(call, Action.ACCOUNT_ADD_SECRET, account_id)
        )

    def rotate_secret(self, call: Call, account_id: UUID, overlap_hours: int = OVERLAP_HOURS) -> IssuedSecret:
        """A new secret; the one before it ends by itself after `overlap_hours`, so that nothing stands still meanwhile.

        Raises AccountNotFound, AccountDisabled, SecretsMost (two are good already: revoke one), Denied, Invalid.
        """
        checks.integer("overlap_hours", overlap_hours, 0, OVERLAP_MOST_HOURS)
        account = self._for_change(call, Action.ACCOUNT_ADD_SECRET, account_id)
        before = list(account.live_secrets(call.at))
        issued, digest = self._made()
        account.add_secret(
            at=call.at, by=call.actor.id, secret_id=issued[0], digest=digest, expires_at=self._until(call)
        )
        until = call.at + timedelta(hours=overlap_hours)
        for secret_id in before:
            account.shorten_secret(at=call.at, by=call.actor.id, secret_id=secret_id, expires_at=until)
        return self._told(call, Action.ACCOUNT_ADD_SECRET, account, issued)

    def revoke_secret(self, call: Call, account_id: UUID, secret_id: UUID) -> Receipt:
        """It opens nothing more, and the account's tokens end. Raises AccountNotFound, SecretNotFound, Denied, StaleVersion."""
        account = self._for_change(call, Action.ACCOUNT_REVOKE_SECRET, account_id)
        account.revoke_secret(at=call.at, by=call.actor.id, secret_id=secret_id)
        return self._ledger.save(call, _entry(Action.ACCOUNT_REVOKE_SECRET, account_id, secret_id), account)

    def token(self, call: Call, account_id: UUID, secret: str, scopes: Collection[Scope] | None = None) -> ServiceToken:
        """`call.actor` is NOBODY. `scopes` None takes all that the account has. Rate limits come before.

        Raises InvalidClient, InvalidScope, StoreUnavailable.
        """
        account = self._service(account_id)
        digest = _digest(secret)
        used = _secret_of(account, digest)
        if account is None or used is None or account.disabled or not used.live(call.at):
            reason = "unknown_client" if account is None else _reason(account, used)
            self._refuse(call, account, reason)
            raise InvalidClient
        asked = frozenset(account.scopes if scopes is None else scopes)
        if not asked or not asked <= frozenset(account.scopes):
            self._refuse(call, account, InvalidScope.code)
            raise InvalidScope(field="scope")
        return self._open(call, account, used, asked)

    def _open(self, call: Call, account: Account, secret: ServiceSecret, scopes: frozenset[Scope]) -> ServiceToken:
        actor = Actor(id=account.id, role=account.role, sign_in_id=self._ids.ordered(), scopes=scopes)
        sign_in_id = actor.sign_in_id or actor.id
        expires_at = (call.at + timedelta(seconds=TOKEN_S)).replace(microsecond=0)
        unused = sha256(self._secrets.secret()).digest()  # nobody learns the refresh token this would be of
        sign_in = SignIn.open(
            sign_in_id,
            at=call.at,
            account_id=account.id,
            refresh_hash=unused,
            expires_at=expires_at,
            method=SignInMethod.SECRET,
            origin=network_of(call.origin),
            secret_id=secret.id,
        )
        call = replace(call, actor=actor)
        self._ledger.save(call, _entry(Action.SIGN_IN_OPEN, sign_in_id), sign_in)
        if secret.id not in self._accounts.get(account.id).secrets:
            self._end(call, sign_in_id)  # revoked while this sign-in was being stored: it ends like the others
            raise InvalidClient
        return ServiceToken(
            access_token=self._signer.issue(actor, microseconds(expires_at)),
            expires_at=expires_at,
            expires_in_s=int((expires_at - call.at).total_seconds()),
            actor=actor,
            secret_expires_at=secret.expires_at,
        )

    def _end(self, call: Call, sign_in_id: UUID) -> None:
        sign_in = self._sign_ins.get(sign_in_id)
        sign_in.revoke(at=call.at, reason="secret_revoked")
        entry = AuditEntry(
            action=Action.SIGN_IN_OPEN, resources=(sign_in_id,), outcome=Outcome.DENIED, reason="secret_revoked"
        )
        with suppress(StaleVersion):  # somebody else ended it
            self._ledger.save(replace(call, command=None), entry, sign_in)

    def _service(self, account_id: UUID) -> Account | None:
        with suppress(NotFound):
            account = self._accounts.get(account_id)
            if account.role is Role.SERVICE:
                return account
        return None

    def _refuse(self, call: Call, account: Account | None, reason: str) -> None:
        resources = () if account is None else (account.id,)
        if account is not None:
            call = replace(call, actor=Actor(id=account.id, role=account.role))
        entry = AuditEntry(action=Action.SIGN_IN_OPEN, resources=resources, outcome=Outcome.DENIED, reason=reason)
        self._ledger.note(call, entry)

    def _issue(self, call: Call, action: Action, account: Account) -> IssuedSecret:
        issued, digest = self._made()
        account.add_secret(
            at=call.at, by=call.actor.id, secret_id=issued[0], digest=digest, expires_at=self._until(call)
        )
        return self._told(call, action, account, issued)

    def _made(self) -> tuple[tuple[UUID, str], bytes]:
        secret = _MARK + urlsafe_b64encode(self._secrets.secret()).decode().rstrip("=")
        return (self._ids.ordered(), secret), _digest(secret)

    def _until(self, call: Call) -> datetime:
        return call.at + timedelta(days=self._secret_days)

    def _told(self, call: Call, action: Action, account: Account, issued: tuple[UUID, str]) -> IssuedSecret:
        secret_id, secret = issued
        receipt = self._ledger.save(call, _entry(action, account.id, secret_id), account)
        return IssuedSecret(id=secret_id, secret=secret, expires_at=self._until(call), receipt=receipt)

    def _for_change(self, call: Call, action: Action, account_id: UUID) -> Account:
        self._access.require(call, action, RecordClass.ACCESS, resources=(account_id,))
        account = self._accounts.get(account_id)
        check_version(call, account)
        return account


def _account(call: Call, account_id: UUID, display_name: str, scopes: Collection[Scope]) -> Account:
    """Logins are people's; a service's is made from its id and no password belongs to it (RFC 2606: .invalid)."""
    return Account.create(
        account_id,
        at=call.at,
        by=call.actor.id,
        login=f"{account_id}@service.invalid",
        display_name=display_name,
        role=Role.SERVICE,
        password_hash="",
        scopes=tuple(scopes),
    )


def _secret_of(account: Account | None, digest: bytes) -> ServiceSecret | None:
    """Which of the account's secrets it is; every one is compared, whichever fits."""
    held = account.secrets.values() if account is not None else ()
    fitting = [secret for secret in held if compare_digest(secret.digest, digest)]
    return fitting[0] if fitting else None


def _reason(account: Account, used: ServiceSecret | None) -> str:
    if used is None:
        return "wrong_secret"
    return "account_disabled" if account.disabled else "secret_expired"


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _entry(action: Action, *resources: UUID) -> AuditEntry:
    return AuditEntry(action=action, resources=resources)
