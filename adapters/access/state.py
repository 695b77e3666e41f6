"""Access state as decisions read it: one indexed query a question."""

from collections.abc import Sequence
from hmac import compare_digest
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Engine, Row, and_, bindparam, exists, literal, select, tuple_

from adapters.access.tables import accounts, care_team, clients, consents, identity_lookup, sign_ins
from adapters.access.vault import AccessVault
from adapters.event_store.questions import Question
from adapters.event_store.reading import reading
from domain.errors import SealBroken
from domain.model.client import ClientStatus
from domain.ports.access import AccountRecord, ListedAccount, Relation, SignInRecord, Standing
from domain.ports.call import Actor, Purpose, Role, Scope

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
_STANDING: Final = Question(
    select(clients.c.status, care_team.c.relation, care_team.c.mac)
    .outerjoin(care_team, and_(care_team.c.client_id == clients.c.id, care_team.c.account_id == bindparam("account")))
    .where(clients.c.id == bindparam("client"))
)
_RELATION: Final = Question(
    select(care_team.c.relation, care_team.c.mac).where(
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
    select(care_team.c.client_id, care_team.c.relation, care_team.c.mac)
    .where(care_team.c.account_id == bindparam("account"))
    .order_by(care_team.c.joined_at_us, care_team.c.client_id)
)
_CLIENT: Final = select(exists().where(clients.c.id == bindparam("client")))
_BY_NAME: Final = (
    select(identity_lookup.c.client_id)
    .where(identity_lookup.c.mac == bindparam("mac"))
    .order_by(identity_lookup.c.client_id)
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

    def standing(self, account_id: UUID, client_id: UUID) -> Standing:
        row = self._one(_STANDING, account=account_id, client=client_id)
        if row is None:
            return _STRANGER
        return Standing(
            relation=self._vouched(client_id, account_id, row) if row.relation else Relation.NONE,
            known=True,
            open=row.status == ClientStatus.ACTIVE.value,
        )

    def relation(self, account_id: UUID, client_id: UUID) -> Relation:
        row = self._one(_RELATION, account=account_id, client=client_id)
        return self._vouched(client_id, account_id, row) if row else Relation.NONE

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

    def find_by_identity(self, family_name: str, birth_date: str) -> Sequence[UUID]:
        mac = self._vault.identity_mac(family_name, birth_date)
        return self._ids(_BY_NAME, mac=mac) if mac else ()

    def _vouched(self, client_id: UUID, account_id: UUID, row: Any) -> Relation:
        """Raises SealBroken for a place in a care team that nobody was given."""
        mac = self._vault.member_mac(client_id, account_id, row.relation)
        if not compare_digest(mac, bytes(row.mac)):
            raise SealBroken("A row of a care team was altered or slipped in.", client=client_id, account=account_id)
        return Relation(row.relation)

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
