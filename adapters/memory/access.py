"""Access state as dictionaries, derived from events alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.model.account import Account, LoginTaken, SignIn
from domain.model.client import Client
from domain.model.identity import Identity, IdentityContent, normalised_name
from domain.ports.access import AccountRecord, ListedAccount, Relation, SignInRecord, Standing
from domain.ports.call import Actor, Purpose, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stay:
    account_id: UUID
    refresh_hash: bytes
    refreshed_at_us: int
    expires_at_us: int
    revoked: bool = False


class InMemoryAccessState:
    def __init__(self) -> None:
        self._accounts: dict[UUID, AccountRecord] = {}
        self._logins: dict[str, UUID] = {}
        self._histories: dict[UUID, list[Account.Event]] = {}
        self._stays: dict[UUID, _Stay] = {}
        self._open: dict[UUID, bool] = {}
        self._teams: dict[UUID, dict[UUID, Relation]] = {}
        self._caseloads: dict[UUID, dict[UUID, None]] = {}
        self._consents: dict[UUID, dict[UUID, Purpose]] = {}
        self._names: dict[UUID, frozenset[tuple[str, str]]] = {}

    def account_by_login(self, login: str) -> AccountRecord | None:
        account_id = self._logins.get(login)
        return None if account_id is None else self._accounts[account_id]

    def account(self, account_id: UUID) -> AccountRecord | None:
        return self._accounts.get(account_id)

    def list_accounts(
        self,
        *,
        roles: frozenset[Role] | None = None,
        disabled: bool | None = None,
        login: str | None = None,
        after: tuple[int, UUID] | None = None,
        limit: int,
    ) -> Sequence[ListedAccount]:
        found = sorted(map(self._listed, self._accounts), key=_key)
        return tuple(
            account
            for account in found
            if (roles is None or account.role in roles)
            and disabled in {None, account.disabled}
            and login in {None, account.login}
            and (after is None or _key(account) > after)
        )[:limit]

    def sign_in(self, sign_in_id: UUID) -> SignInRecord | None:
        stay = self._stays.get(sign_in_id)
        if stay is None:
            return None
        account = self._accounts[stay.account_id]
        return SignInRecord(
            id=sign_in_id,
            actor=Actor(
                id=account.id,
                role=account.role,
                sign_in_id=sign_in_id,
                client_id=account.client_id,
                supervisor_id=account.supervisor_id,
                scopes=frozenset(self._created(account.id).scopes),
            ),
            refresh_hash=stay.refresh_hash,
            refreshed_at_us=stay.refreshed_at_us,
            expires_at_us=stay.expires_at_us,
            revoked=stay.revoked,
            account_usable=not account.disabled,
        )

    def standing(self, account_id: UUID, client_id: UUID) -> Standing:
        return Standing(
            relation=self.relation(account_id, client_id),
            known=client_id in self._open,
            open=self._open.get(client_id, False),
        )

    def relation(self, account_id: UUID, client_id: UUID) -> Relation:
        return self._teams.get(client_id, {}).get(account_id, Relation.NONE)

    def consented(self, client_id: UUID, purpose: Purpose) -> bool:
        return purpose in self._consents.get(client_id, {}).values()

    def caseload(self, account_id: UUID) -> Sequence[UUID]:
        return tuple(self._caseloads.get(account_id, ()))

    def client_exists(self, client_id: UUID) -> bool:
        return client_id in self._open

    def find_by_identity(self, family_name: str, birth_date: str) -> Sequence[UUID]:
        sought = (normalised_name(family_name), birth_date)
        if not all(sought):
            return ()
        return tuple(client_id for client_id, names in self._names.items() if sought in names)

    def check(self, events: Sequence[Any]) -> None:
        """What a unique index would refuse. Raises LoginTaken; changes nothing."""
        if any(isinstance(event, Account.Created) and event.login in self._logins for event in events):
            raise LoginTaken

    def apply(self, event: Any) -> None:  # noqa: PLR0912, PLR0915, C901 - one branch a kind of event
        """Change the state as the event says; events that grant nothing change nothing."""
        stream = event.originator_id
        if isinstance(event, Account.Event):
            self._histories.setdefault(stream, []).append(event)
        match event:
            case Account.Created():
                self._logins[event.login] = stream
                self._accounts[stream] = _account(event)
            case Account.PasswordChanged():
                self._change(stream, password_hash=event.password_hash, failed_attempts=0, locked_until_us=0)
                self._end_stays(stream, kept=event.kept_sign_in_id)
            case Account.PasswordRehashed():
                self._change(stream, password_hash=event.password_hash)
            case Account.SignInFailed(locked_until=None):
                self._change(stream, failed_attempts=self._accounts[stream].failed_attempts + 1)
            case Account.SignInFailed(locked_until=datetime() as until):
                self._change(stream, failed_attempts=0, locked_until_us=to_us(until))
            case Account.SignInSucceeded() | Account.Unlocked():
                self._change(stream, failed_attempts=0, locked_until_us=0)
            case Account.SupervisionChanged():
                self._change(stream, supervisor_id=event.supervisor_id)
            case Account.SecretRevoked():
                self._end_stays(stream)
            case Account.Disabled():
                self._change(stream, disabled=True)
                self._end_stays(stream)
            case Account.Enabled():
                self._change(stream, disabled=False, failed_attempts=0, locked_until_us=0)
            case SignIn.Opened():
                self._stays[stream] = _Stay(
                    account_id=event.account_id,
                    refresh_hash=event.refresh_hash,
                    refreshed_at_us=to_us(event.timestamp),
                    expires_at_us=to_us(event.expires_at),
                )
            case SignIn.Refreshed():
                self._stays[stream] = replace(
                    self._stays[stream], refresh_hash=event.refresh_hash, refreshed_at_us=to_us(event.timestamp)
                )
            case SignIn.Revoked():
                self._stays[stream] = replace(self._stays[stream], revoked=True)
            case Client.Registered():
                self._open[stream] = True
            case Client.EnteredInError():
                self._open[stream] = False
            case Client.CareTeamJoined():
                self._teams.setdefault(stream, {})[event.account_id] = event.relation
                self._caseloads.setdefault(event.account_id, {})[stream] = None
            case Client.CareTeamLeft():
                self._teams[stream].pop(event.account_id, None)
                self._caseloads[event.account_id].pop(stream, None)
            case Client.ConsentGiven():
                self._consents.setdefault(stream, {})[event.consent_id] = event.purpose
            case Client.ConsentWithdrawn():
                self._consents[stream].pop(event.consent_id, None)
            case Identity.Recorded():
                self._names[event.client_id] = _looked_up_by(event.content)
            case Identity.Corrected():
                self._names[self._client_of(stream)] = _looked_up_by(event.content)

    def _listed(self, account_id: UUID) -> ListedAccount:
        account, history = self._accounts[account_id], self._histories[account_id]
        created = self._created(account_id)
        return ListedAccount(
            id=account_id,
            version=history[-1].originator_version,
            role=account.role,
            login=created.login,
            display_name=account.display_name,
            client_id=account.client_id,
            supervisor_id=account.supervisor_id,
            disabled=account.disabled,
            failed_attempts=account.failed_attempts,
            locked_until_us=account.locked_until_us,
            created_at_us=to_us(created.timestamp),
            scopes=frozenset(created.scopes),
        )

    def _created(self, account_id: UUID) -> Account.Created:
        return next(event for event in self._histories[account_id] if isinstance(event, Account.Created))

    def _client_of(self, identity_id: UUID) -> UUID:
        return next(client_id for client_id in self._names if Identity.stream_of(client_id) == identity_id)

    def _change(self, account_id: UUID, **changes: Any) -> None:
        self._accounts[account_id] = replace(self._accounts[account_id], **changes)

    def _end_stays(self, account_id: UUID, kept: UUID | None = None) -> None:
        for sign_in_id, stay in self._stays.items():
            if stay.account_id == account_id and sign_in_id != kept:
                self._stays[sign_in_id] = replace(stay, revoked=True)


def to_us(instant: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return int(instant.timestamp()) * 1_000_000 + instant.microsecond


def _key(account: ListedAccount) -> tuple[int, UUID]:
    return account.created_at_us, account.id


def _account(event: Account.Created) -> AccountRecord:
    return AccountRecord(
        id=event.originator_id,
        role=event.role,
        password_hash=event.password_hash,
        display_name=event.display_name,
        failed_attempts=0,
        locked_until_us=0,
        disabled=False,
        client_id=event.client_id,
        supervisor_id=event.supervisor_id,
    )


def _looked_up_by(content: IdentityContent) -> frozenset[tuple[str, str]]:
    return frozenset((normalised_name(name.sought), content.birth_date) for name in content.names)
