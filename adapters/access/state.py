"""Access state as decisions read it: one indexed query a question."""

from collections.abc import Mapping, Sequence
from hmac import compare_digest
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Engine, Row, and_, bindparam, exists, literal, or_, select, tuple_

from adapters.access.tables import (
    accounts,
    care_team,
    clients,
    consents,
    exceptional_access,
    identity_lookup,
    linked_identities,
    notes_folders,
    secret_uses,
    sign_ins,
)
from adapters.access.vault import AccessVault
from adapters.event_store.questions import Question
from adapters.event_store.reading import reading
from adapters.event_store.tables import fences
from domain.errors import SealBroken
from domain.model.client import ClientStatus
from domain.ports.access import LAST_US, AccountRecord, ListedAccount, NotesPlace, Relation, SignInRecord, Standing
from domain.ports.call import Actor, Purpose, Role, Scope
from domain.ports.exceptional import AccessWay

_BY_LOGIN: Final = Question(select(accounts).where(accounts.c.login_mac == bindparam("mac")))
_BY_ID: Final = Question(select(accounts).where(accounts.c.id == bindparam("account")))
_OLDEST_FIRST: Final = (accounts.c.created_at_us, accounts.c.id)
_SIGN_IN: Final = Question(
    select(
        sign_ins,
        accounts.c.role,
        accounts.c.client_id,
        accounts.c.supervisor_id,
        accounts.c.disabled,
        accounts.c.scopes,
    )
    .join(accounts, accounts.c.id == sign_ins.c.account_id)
    .where(sign_ins.c.id == bindparam("sign_in"))
)
_OPEN_SIGN_INS: Final = (
    select(sign_ins.c.id)
    .where(
        sign_ins.c.account_id == bindparam("account"),
        sign_ins.c.revoked.is_(False),
        sign_ins.c.expires_at_us > bindparam("now_us"),
    )
    .order_by(sign_ins.c.refreshed_at_us.desc(), sign_ins.c.id.desc())
    .limit(bindparam("most"))
)
_LINKED: Final = select(linked_identities.c.account_id).where(linked_identities.c.mac == bindparam("mac"))
_SECRETS_USED: Final = select(secret_uses.c.secret_id, secret_uses.c.used_at_us).where(
    secret_uses.c.account_id == bindparam("account")
)
_STANDING: Final = Question(
    select(clients.c.status, care_team.c.relation, care_team.c.mac, care_team.c.until_us)
    .outerjoin(care_team, and_(care_team.c.client_id == clients.c.id, care_team.c.account_id == bindparam("account")))
    .where(clients.c.id == bindparam("client"))
)
_BROKEN: Final = Question(
    select(
        clients.c.status,
        exceptional_access.c.id,
        exceptional_access.c.way,
        exceptional_access.c.until_us,
        exceptional_access.c.mac,
    )
    .join(exceptional_access, exceptional_access.c.client_id == clients.c.id)
    .where(
        clients.c.id == bindparam("client"),
        exceptional_access.c.account_id == bindparam("account"),
        exceptional_access.c.way == AccessWay.BREAK_GLASS.value,
        exceptional_access.c.until_us > bindparam("now_us", type_=BigInteger),
    )
    .limit(1)
)
_RELATION: Final = Question(
    select(care_team.c.relation, care_team.c.mac, care_team.c.until_us).where(
        care_team.c.client_id == bindparam("client"), care_team.c.account_id == bindparam("account")
    )
)
_CONSENTED: Final = select(
    exists().where(
        consents.c.client_id == bindparam("client"),
        consents.c.purpose == bindparam("purpose"),
        consents.c.withdrawn.is_(False),
    )
)
_CASELOAD: Final = (
    select(care_team.c.client_id, care_team.c.relation, care_team.c.mac, care_team.c.until_us)
    .where(care_team.c.account_id == bindparam("account"))
    .order_by(care_team.c.joined_at_us, care_team.c.client_id)
)
_CLIENT: Final = select(exists().where(clients.c.id == bindparam("client")))
_FENCED: Final = select(exists().where(fences.c.subject == bindparam("client")))
_BY_NAME: Final = (
    select(identity_lookup.c.client_id)
    .where(identity_lookup.c.mac == bindparam("mac"))
    .order_by(identity_lookup.c.client_id)
)
_NOTES_PLACES: Final = (
    select(notes_folders.c.client_id, notes_folders.c.author_id, notes_folders.c.custodian_id)
    .where(or_(notes_folders.c.author_id == bindparam("account"), notes_folders.c.custodian_id == bindparam("account")))
    .order_by(notes_folders.c.client_id, notes_folders.c.author_id)
)
_STRANGER: Final = Standing(relation=Relation.NONE, known=False, open=False)


class SqlAccessState:
    """Satisfies domain.ports.access.AccessState on the event database. Every method raises StoreUnavailable, and those about
    care teams and logins KeysUnavailable.
    """

    def __init__(self, engine: Engine, vault: AccessVault) -> None:
        self._engine = engine
        self._vault = vault

    def account_by_login(self, login: str) -> AccountRecord | None:
        return self._account(self._one(_BY_LOGIN, mac=self._vault.login_mac(login)))

    def account(self, account_id: UUID) -> AccountRecord | None:
        return self._account(self._one(_BY_ID, account=account_id))

    def list_accounts(
        self,
        *,
        roles: frozenset[Role] | None = None,
        disabled: bool | None = None,
        login: str | None = None,
        after: tuple[int, UUID] | None = None,
        limit: int,
    ) -> Sequence[ListedAccount]:
        conditions: list[Any] = []
        if roles is not None:
            conditions.append(accounts.c.role.in_(sorted(role.value for role in roles)))
        if disabled is not None:
            conditions.append(accounts.c.disabled == disabled)
        if login is not None:
            conditions.append(accounts.c.login_mac == self._vault.login_mac(login))
        if after is not None:
            created_at_us, last = after
            key = tuple_(literal(created_at_us, BigInteger), literal(last, accounts.c.id.type))
            conditions.append(tuple_(*_OLDEST_FIRST) > key)
        statement = select(accounts).where(*conditions).order_by(*_OLDEST_FIRST).limit(limit)
        with reading(self._engine) as connection:
            rows = connection.execute(statement).all()
        return tuple(self._listed(row) for row in rows)

    def sign_in(self, sign_in_id: UUID) -> SignInRecord | None:
        row = self._one(_SIGN_IN, sign_in=sign_in_id)
        if row is None:
            return None
        actor = Actor(
            id=row.account_id,
            role=Role(row.role),
            sign_in_id=row.id,
            client_id=row.client_id,
            supervisor_id=row.supervisor_id,
            scopes=_scopes(row),
        )
        return SignInRecord(
            id=row.id,
            actor=actor,
            refresh_hash=bytes(row.refresh_hash),
            refreshed_at_us=row.refreshed_at_us,
            expires_at_us=row.expires_at_us,
            revoked=row.revoked,
            account_usable=not row.disabled,
        )

    def open_sign_ins(self, account_id: UUID, now_us: int, limit: int) -> Sequence[UUID]:
        return self._ids(_OPEN_SIGN_INS, account=account_id, now_us=now_us, most=limit)

    def account_of_identity(self, issuer: str, subject: str) -> UUID | None:
        found = self._ids(_LINKED, mac=self._vault.foreign_mac(issuer, subject))
        return found[0] if found else None

    def secrets_used(self, account_id: UUID) -> Mapping[UUID, int]:
        with reading(self._engine) as connection:
            rows = connection.execute(_SECRETS_USED, {"account": account_id}).all()
        return {row.secret_id: row.used_at_us for row in rows}

    def standing(self, account_id: UUID, client_id: UUID, at_us: int = LAST_US, *, emergency: bool = False) -> Standing:
        if emergency and (broken := self._one(_BROKEN, account=account_id, client=client_id, now_us=at_us)):
            return self._in_emergency(account_id, client_id, broken)
        row = self._one(_STANDING, account=account_id, client=client_id)
        if row is None:
            return _STRANGER
        relation = self._vouched(client_id, account_id, row) if row.relation else Relation.NONE
        return Standing(
            relation=relation if not row.until_us or at_us < row.until_us else Relation.NONE,
            known=True,
            open=row.status == ClientStatus.ACTIVE.value,
        )

    def relation(self, account_id: UUID, client_id: UUID) -> Relation:
        row = self._one(_RELATION, account=account_id, client=client_id)
        return self._vouched(client_id, account_id, row) if row and not row.until_us else Relation.NONE

    def consented(self, client_id: UUID, purpose: Purpose) -> bool:
        return self._answer(_CONSENTED, client=client_id, purpose=purpose.value)

    def caseload(self, account_id: UUID) -> Sequence[UUID]:
        with reading(self._engine) as connection:
            rows = connection.execute(_CASELOAD, {"account": account_id}).all()
        for row in rows:
            self._vouched(row.client_id, account_id, row)
        return tuple([row.client_id for row in rows])

    def client_exists(self, client_id: UUID) -> bool:
        return self._answer(_CLIENT, client=client_id)

    def notes_places(self, account_id: UUID) -> Sequence[NotesPlace]:
        with reading(self._engine) as connection:
            rows = connection.execute(_NOTES_PLACES, {"account": account_id}).all()
        return tuple(
            NotesPlace(client_id=row.client_id, author_id=row.author_id, custodian_id=row.custodian_id) for row in rows
        )

    def erased(self, client_id: UUID) -> bool:
        return self._answer(_FENCED, client=client_id)

    def find_by_identity(self, family_name: str, birth_date: str) -> Sequence[UUID]:
        mac = self._vault.identity_mac(family_name, birth_date)
        return self._ids(_BY_NAME, mac=mac) if mac else ()

    def _vouched(self, client_id: UUID, account_id: UUID, row: Any) -> Relation:
        """Raises SealBroken for a place in a care team that nobody was given."""
        mac = self._vault.member_mac(client_id, account_id, row.relation, row.until_us)
        if not compare_digest(mac, bytes(row.mac)):
            raise SealBroken("A row of a care team was altered or slipped in.", client=client_id, account=account_id)
        return Relation(row.relation)

    def _in_emergency(self, account_id: UUID, client_id: UUID, row: Any) -> Standing:
        """Raises SealBroken for a glass that nobody broke, or not until then."""
        mac = self._vault.exceptional_mac(row.id, client_id, account_id, row.way, row.until_us)
        if not compare_digest(mac, bytes(row.mac)):
            raise SealBroken("A row of exceptional access was altered or slipped in.", exceptional_access_id=row.id)
        return Standing(relation=Relation.BREAK_GLASS, known=True, open=row.status == ClientStatus.ACTIVE.value)

    def _account(self, row: Row[Any] | None) -> AccountRecord | None:
        if row is None:
            return None
        secrets = self._vault.open_account(row.id, bytes(row.state))
        return AccountRecord(
            id=row.id,
            role=Role(row.role),
            password_hash=secrets.password_hash,
            display_name=secrets.display_name,
            failed_attempts=row.failed_attempts,
            locked_until_us=row.locked_until_us,
            disabled=row.disabled,
            client_id=row.client_id,
            supervisor_id=row.supervisor_id,
        )

    def _listed(self, row: Row[Any]) -> ListedAccount:
        secrets = self._vault.open_account(row.id, bytes(row.state))
        return ListedAccount(
            id=row.id,
            version=row.version,
            role=Role(row.role),
            login=secrets.login,
            display_name=secrets.display_name,
            client_id=row.client_id,
            supervisor_id=row.supervisor_id,
            disabled=row.disabled,
            failed_attempts=row.failed_attempts,
            locked_until_us=row.locked_until_us,
            created_at_us=row.created_at_us,
            scopes=_scopes(row),
        )

    def _one(self, question: Question, **parameters: Any) -> Any:
        """The row, or None."""
        found = question.ask(self._engine, **parameters)
        return found[0] if found else None

    def _answer(self, statement: Any, **parameters: Any) -> bool:
        with reading(self._engine) as connection:
            return bool(connection.execute(statement, parameters).scalar_one())

    def _ids(self, statement: Any, **parameters: Any) -> Sequence[UUID]:
        with reading(self._engine) as connection:
            return tuple(connection.execute(statement, parameters).scalars())


def _scopes(row: Any) -> frozenset[Scope]:
    return frozenset(map(Scope, (row.scopes or "").split()))
