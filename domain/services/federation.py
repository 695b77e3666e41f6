"""Signing in with an OpenID provider, and the links between its identities and our accounts.

A provider says who somebody is; which account that is, our own events say. Nobody gets an account by being known elsewhere.
"""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final, NoReturn
from uuid import UUID

from domain.errors import Invalid, StaleVersion
from domain.model.account import Account, IdentityTaken, normalised_login
from domain.model.passwords import prepared
from domain.model.sign_in import SignInMethod
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Role
from domain.ports.identity import IdentityProvider, PasswordHasher, ProviderMissing, ProviderRefused, Started, Vouched
from domain.ports.keys import RecordClass, TokenSealer
from domain.ports.ledger import Receipt
from domain.services.access import Access, Action
from domain.services.accounts import WrongPassword
from domain.services.door import ATTEMPTS, Challenge, Door, SignInRefused, Tokens, actor_of
from domain.services.drafts import microseconds
from domain.services.versions import check_version

WAY_S: Final = 600
"""How long somebody may take at the provider."""
_SIGN_IN: Final = "oidc-sign-in"
_LINK: Final = "oidc-link"
_MFA: Final = "mfa"


class IdentityUnknown(SignInRefused):
    code = "identity_unknown"
    message = "The provider vouches for somebody whom no account here is linked to."
    hint = "Sign in with a password and link the identity, or ask an operator to."


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where the browser goes, and what it must bring back. `transaction` stays with whoever set out."""

    address: str = field(repr=False)
    transaction: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPolicy:
    match_email: bool = False
    """Link an address that the provider has verified to the account whose login it is."""
    trust_mfa: bool = False
    """Take the provider's word for a second factor."""


class FederationService:
    def __init__(  # noqa: PLR0913 - one argument a port
        self,
        *,
        door: Door,
        access: Access,
        hasher: PasswordHasher,
        sealer: TokenSealer,
        provider: IdentityProvider | None = None,
        policy: ProviderPolicy | None = None,
    ) -> None:
        self._door = door
        self._ledger = door.ledger
        self._access = access
        self._hasher = hasher
        self._sealer = sealer
        self._provider = provider
        self._policy = policy or ProviderPolicy()

    def begin(self, call: Call) -> Way:
        """Set out to sign in. `call.actor` is NOBODY. Raises ProviderMissing, ProviderUnavailable."""
        return self._set_out(call, _SIGN_IN, "")

    def finish(self, call: Call, transaction: str, state: str, code: str) -> Tokens | Challenge:
        """Back with a code: tokens, or the second factor that is still to be shown.

        `call.actor` is NOBODY. Raises ProviderRefused, IdentityUnknown, SignInRefused, ProviderUnavailable.
        """
        vouched = self._back(call, _SIGN_IN, "", transaction, state, code)
        for _ in range(ATTEMPTS):
            account = self._account(call, vouched)
            self._door.require_usable(call, account)
            try:
                return self._enter(call, account, vouched)
            except StaleVersion:
                continue
        self._door.note_refusal(call, (), "account_changed")
        raise SignInRefused

    def begin_link(self, call: Call, password: str) -> Way:
        """Set out to link an identity to one's own account. Raises Denied, WrongPassword, ProviderMissing."""
        action = Action.ACCOUNT_LINK_OWN_IDENTITY
        self._access.require(call, action, RecordClass.ACCESS, resources=(call.actor.id,))
        account = self._door.accounts.get(call.actor.id)
        if not self._hasher.verify(account.password_hash, prepared(password)):
            self._access.note_denial(call, action, None, (account.id,), WrongPassword.code)
            raise WrongPassword
        return self._set_out(call, _LINK, account.id.hex)

    def finish_link(self, call: Call, link_id: UUID, transaction: str, state: str, code: str) -> Receipt:
        """Raises Denied, ProviderRefused, IdentityTaken, IdentitiesMost, ProviderUnavailable."""
        action = Action.ACCOUNT_LINK_OWN_IDENTITY
        self._access.require(call, action, RecordClass.ACCESS, resources=(call.actor.id,))
        vouched = self._back(call, _LINK, call.actor.id.hex, transaction, state, code)
        account = self._door.accounts.get(call.actor.id)
        return self._link(call, action, account, link_id, vouched.issuer, vouched.subject)

    def link(self, call: Call, account_id: UUID, link_id: UUID, issuer: str, subject: str) -> Receipt:
        """By an operator, who knows whom the provider means.

        Raises Denied, AccountNotFound, IdentityTaken, IdentitiesMost, StaleVersion, Invalid.
        """
        action = Action.ACCOUNT_LINK_IDENTITY
        self._access.require(call, action, RecordClass.ACCESS, resources=(account_id,))
        account = self._door.accounts.get(account_id)
        check_version(call, account)
        return self._link(call, action, account, link_id, issuer, subject)

    def unlink_own(self, call: Call, link_id: UUID) -> Receipt:
        """Raises Denied, IdentityNotLinked."""
        return self._unlink(call, Action.ACCOUNT_LINK_OWN_IDENTITY, call.actor.id, link_id)

    def unlink(self, call: Call, account_id: UUID, link_id: UUID) -> Receipt:
        """Raises Denied, AccountNotFound, IdentityNotLinked, StaleVersion."""
        return self._unlink(call, Action.ACCOUNT_LINK_IDENTITY, account_id, link_id)

    def _set_out(self, call: Call, purpose: str, whose: str) -> Way:
        if self._provider is None:
            raise ProviderMissing
        state, nonce, verifier = (_text(self._door.secrets.secret()) for _ in range(3))
        started = Started(state=state, nonce=nonce, verifier=verifier)
        address = self._provider.address(started)
        action = Action.SIGN_IN_CHALLENGE if purpose == _SIGN_IN else Action.ACCOUNT_LINK_OWN_IDENTITY
        resources = (call.actor.id,) if whose else ()
        self._ledger.note(call, AuditEntry(action=action, resources=resources, reason="provider"))
        expires_at = call.at + timedelta(seconds=WAY_S)
        said = [state, nonce, verifier, whose, microseconds(expires_at)]
        transaction = self._sealer.seal_token(purpose, json.dumps(said).encode())
        return Way(address=address, transaction=transaction, expires_at=expires_at)

    def _back(  # noqa: PLR0913, PLR0917 - what came back, and what it is held against
        self, call: Call, purpose: str, whose: str, transaction: str, state: str, code: str
    ) -> Vouched:
        """Raises ProviderRefused, on record with its reason; ProviderMissing, ProviderUnavailable."""
        if self._provider is None:
            raise ProviderMissing
        try:
            sealed = json.loads(self._sealer.open_token(purpose, transaction))
        except Invalid:
            sealed = ["", "", "", "", 0]
        kept, nonce, verifier, owner, expires_us = sealed
        if not kept or owner != whose or microseconds(call.at) >= expires_us or not _same(kept, state):
            self._refuse(call, purpose, "transaction_invalid")
        started = Started(state=kept, nonce=nonce, verifier=verifier)
        try:
            return self._provider.vouched(started, code, call.at)
        except ProviderRefused as exc:
            self._note(call, purpose, str(exc.facts.get("reason", exc.code)))
            raise

    def _account(self, call: Call, vouched: Vouched) -> Account:
        """The account that is meant, linked in its sealed events. Raises IdentityUnknown."""
        found = self._door.state.account_of_identity(vouched.issuer, vouched.subject)
        if found is not None:
            account = self._door.accounts.get(found)
            links = [(one.issuer, one.subject) for one in account.identities.values()]
            if (vouched.issuer, vouched.subject) in links:
                return account
        matched = self._matched(vouched)
        if matched is None:
            self._door.note_refusal(call, (), IdentityUnknown.code)
            raise IdentityUnknown
        return matched

    def _matched(self, vouched: Vouched) -> Account | None:
        """The account whose login the provider verified, with the link pending."""
        if not (self._policy.match_email and vouched.email and vouched.email_verified):
            return None
        try:
            record = self._door.state.account_by_login(normalised_login(vouched.email))
        except Invalid:
            return None
        if record is None or record.role is Role.SERVICE:
            return None
        return self._door.accounts.get(record.id)

    def _enter(self, call: Call, account: Account, vouched: Vouched) -> Tokens | Challenge:
        """Raises StaleVersion."""
        call = replace(call, actor=actor_of(account))
        if all((one.issuer, one.subject) != (vouched.issuer, vouched.subject) for one in account.identities.values()):
            link_id = self._door.ids.ordered()
            self._link(call, Action.ACCOUNT_LINK_OWN_IDENTITY, account, link_id, vouched.issuer, vouched.subject)
        step = self._door.remaining(account)
        if step is None:
            return self._door.open(call, account, SignInMethod.PROVIDER, self._door.ids.ordered())
        if self._policy.trust_mfa and _MFA in vouched.methods:
            method = SignInMethod.PROVIDER_WITH_SECOND_FACTOR
            return self._door.open(call, account, method, self._door.ids.ordered())
        return self._door.challenge(call, account, step, SignInMethod.PROVIDER)

    def _link(  # noqa: PLR0913, PLR0917 - what is linked to what, by whom
        self, call: Call, action: Action, account: Account, link_id: UUID, issuer: str, subject: str
    ) -> Receipt:
        linked = self._door.state.account_of_identity(issuer, subject)
        if linked is not None and linked != account.id:
            raise IdentityTaken
        account.link_identity(at=call.at, by=call.actor.id, link_id=link_id, issuer=issuer, subject=subject)
        return self._ledger.save(call, AuditEntry(action=action, resources=(account.id, link_id)), account)

    def _unlink(self, call: Call, action: Action, account_id: UUID, link_id: UUID) -> Receipt:
        self._access.require(call, action, RecordClass.ACCESS, resources=(account_id, link_id))
        account = self._door.accounts.get(account_id)
        check_version(call, account)
        account.unlink_identity(at=call.at, by=call.actor.id, link_id=link_id)
        return self._ledger.save(call, AuditEntry(action=action, resources=(account_id, link_id)), account)

    def _refuse(self, call: Call, purpose: str, reason: str) -> NoReturn:
        self._note(call, purpose, reason)
        raise ProviderRefused(reason=reason)

    def _note(self, call: Call, purpose: str, reason: str) -> None:
        action = Action.SIGN_IN_OPEN if purpose == _SIGN_IN else Action.ACCOUNT_LINK_OWN_IDENTITY
        self._door.note_refusal(call, (), reason, action)


def _text(secret: bytes) -> str:
    """43 characters, as PKCE wants them at least (RFC 7636 §4.1)."""
    return urlsafe_b64encode(secret).decode().rstrip("=")


def _same(kept: str, state: str) -> bool:
    return compare_digest(kept.encode(), state.encode(errors="replace"))
