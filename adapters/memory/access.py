"""Access state as dictionaries, derived from events alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.model.account import Account, IdentityTaken, LoginTaken
from domain.model.client import Client
from domain.model.exceptional_access import ExceptionalAccess
from domain.model.identity import Identity, IdentityContent, normalised_name
from domain.model.notes_folder import NotesFolder
from domain.model.sign_in import SignIn
from domain.ports.access import LAST_US, AccountRecord, ListedAccount, NotesPlace, Relation, SignInRecord, Standing
from domain.ports.call import Actor, Purpose, Role
from domain.ports.exceptional import AccessWay, ExceptionalItem


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
        self._identities: dict[tuple[str, str], tuple[UUID, UUID]] = {}
        self._secrets_used: dict[UUID, tuple[UUID, int]] = {}
        self._open: dict[UUID, bool] = {}
        self._teams: dict[UUID, dict[UUID, Relation]] = {}
        self._ends: dict[tuple[UUID, UUID], int] = {}
        self.exceptional: dict[UUID, ExceptionalItem] = {}
        self._caseloads: dict[UUID, dict[UUID, None]] = {}
        self._consents: dict[UUID, dict[UUID, Purpose]] = {}
        self._names: dict[UUID, frozenset[tuple[str, str]]] = {}
        self.fenced: set[UUID] = set()
        """Clients whose record is closed for good."""
        self._folders: dict[UUID, NotesPlace] = {}

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

    def open_sign_ins(self, account_id: UUID, now_us: int, limit: int) -> Sequence[UUID]:
        found = [
            (stay.refreshed_at_us, sign_in_id)
            for sign_in_id, stay in self._stays.items()
            if stay.account_id == account_id and not stay.revoked and stay.expires_at_us > now_us
        ]
        return tuple(sign_in_id for _, sign_in_id in sorted(found, reverse=True)[:limit])

    def account_of_identity(self, issuer: str, subject: str) -> UUID | None:
        found = self._identities.get((issuer, subject))
        return found[0] if found else None

    def secrets_used(self, account_id: UUID) -> Mapping[UUID, int]:
        return {secret: at_us for secret, (owner, at_us) in self._secrets_used.items() if owner == account_id}

    def standing(self, account_id: UUID, client_id: UUID, at_us: int = LAST_US, *, emergency: bool = False) -> Standing:
        relation = self._teams.get(client_id, {}).get(account_id, Relation.NONE)
        if at_us >= self._ends.get((client_id, account_id), at_us + 1):
            relation = Relation.NONE
        if emergency and self._broken(account_id, client_id, at_us):
            relation = Relation.BREAK_GLASS
        return Standing(relation=relation, known=client_id in self._open, open=self._open.get(client_id, False))

    def relation(self, account_id: UUID, client_id: UUID) -> Relation:
        if (client_id, account_id) in self._ends:
            return Relation.NONE
        return self._teams.get(client_id, {}).get(account_id, Relation.NONE)

    def _broken(self, account_id: UUID, client_id: UUID, at_us: int) -> bool:
        return any(
            (one.account_id, one.client_id, one.way) == (account_id, client_id, AccessWay.BREAK_GLASS)
            and at_us < one.until_us
            for one in self.exceptional.values()
        )

    def consented(self, client_id: UUID, purpose: Purpose) -> bool:
        return purpose in self._consents.get(client_id, {}).values()

    def caseload(self, account_id: UUID) -> Sequence[UUID]:
        return tuple(self._caseloads.get(account_id, ()))

    def client_exists(self, client_id: UUID) -> bool:
        return client_id in self._open

    def notes_places(self, account_id: UUID) -> Sequence[NotesPlace]:
        kept = [place for place in self._folders.values() if account_id in {place.author_id, place.custodian_id}]
        return tuple(sorted(kept, key=lambda place: (place.client_id, place.author_id)))

    def erased(self, client_id: UUID) -> bool:
        return client_id in self.fenced

    def find_by_identity(self, family_name: str, birth_date: str) -> Sequence[UUID]:
        sought = (normalised_name(family_name), birth_date)
        if not all(sought):
            return ()
        return tuple(client_id for client_id, names in self._names.items() if sought in names)

    def check(self, events: Sequence[Any]) -> None:
        """What a unique index would refuse. Raises LoginTaken, IdentityTaken; changes nothing."""
        if any(isinstance(event, Account.Created) and event.login in self._logins for event in events):
            raise LoginTaken
        linked = [(event.issuer, event.subject) for event in events if isinstance(event, Account.IdentityLinked)]
        if any(pair in self._identities for pair in linked):
            raise IdentityTaken

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
                self._secrets_used.pop(event.secret_id, None)
                self._end_stays(stream)
            case Account.SignInsEnded() | Account.SecondFactorConfirmed() | Account.SecondFactorRemoved():
                self._end_stays(stream, kept=event.kept_sign_in_id)
            case Account.IdentityLinked():
                self._identities[event.issuer, event.subject] = stream, event.link_id
            case Account.IdentityUnlinked():
                gone = [pair for pair, link in self._identities.items() if link == (stream, event.link_id)]
                for pair in gone:
                    del self._identities[pair]
            case Account.Disabled():
                self._change(stream, disabled=True)
                self._end_stays(stream)
            case Account.Enabled():
                self._change(stream, disabled=False, failed_attempts=0, locked_until_us=0)
            case SignIn.Opened() | SignIn.Begun():
                if isinstance(event, SignIn.Begun) and event.secret_id is not None:
                    self._secrets_used[event.secret_id] = event.account_id, to_us(event.timestamp)
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
                self._ends.pop((stream, event.account_id), None)
                self._caseloads.setdefault(event.account_id, {})[stream] = None
            case Client.RepresentativeLetIn():
                self._teams.setdefault(stream, {})[event.account_id] = Relation.REPRESENTATIVE
                self._caseloads.setdefault(event.account_id, {})[stream] = None
                self._ends[stream, event.account_id] = to_us(event.until)
            case ExceptionalAccess.Event():
                self._note_exceptional(event)
            case Client.CareTeamLeft():
                self._ends.pop((stream, event.account_id), None)
                self._teams[stream].pop(event.account_id, None)
                self._caseloads[event.account_id].pop(stream, None)
            case Client.ConsentGiven():
                self._consents.setdefault(stream, {})[event.consent_id] = event.purpose
            case Client.ConsentWithdrawn():
                self._consents[stream].pop(event.consent_id, None)
            case NotesFolder.Opened():
                self._folders[stream] = NotesPlace(
                    client_id=event.client_id, author_id=event.author_id, custodian_id=None
                )
            case NotesFolder.CustodianNamed():
                self._folders[stream] = replace(self._folders[stream], custodian_id=event.custodian_id)
            case Identity.Recorded():
                self._names[event.client_id] = _looked_up_by(event.content)
            case Identity.Corrected():
                self._names[self._client_of(stream)] = _looked_up_by(event.content)

    def _note_exceptional(self, event: ExceptionalAccess.Event) -> None:
        stream = event.originator_id
        match event:
            case ExceptionalAccess.Opened():
                self.exceptional[stream] = ExceptionalItem(
                    id=stream,
                    client_id=event.client_id,
                    account_id=event.account_id,
                    way=event.way,
                    opened_by=event.opened_by,
                    opened_at_us=to_us(event.timestamp),
                    until_us=to_us(event.until),
                    review_due_us=to_us(event.review_due_at),
                    verdict=None,
                )
            case ExceptionalAccess.Ended():
                self.exceptional[stream] = replace(self.exceptional[stream], until_us=to_us(event.timestamp))
            case ExceptionalAccess.Reviewed():
                self.exceptional[stream] = replace(self.exceptional[stream], verdict=event.verdict)

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
