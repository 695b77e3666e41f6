"""Accounts: made and kept by operators, the first on the host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from domain.errors import Denied, Invalid
from domain.model import checks
from domain.model.account import Account, AccountNotFound, LoginTaken, normalised_login
from domain.model.passwords import PasswordBreached, check_password, prepared
from domain.ports.access import AccessState, ListedAccount, Relation
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Role
from domain.ports.identity import BreachedPasswords, PasswordHasher
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.ports.views import Page
from domain.services.access import Access, Action, decide
from domain.services.versions import check_version

_NEVER_LOCAL: Final = frozenset((Role.SERVICE,))
LIST_MOST: Final = 500
EXPIRES_SOON_DAYS: Final = 30
STAFF: Final = frozenset((Role.CLINICIAN, Role.SUPERVISOR, Role.COMPLIANCE_OFFICER, Role.OPERATOR, Role.SERVICE))
"""Whom the staff directory names: people who work here, and the programs that can be let into a chart."""
_HALF: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """An account as the staff directory shows it."""

    id: UUID
    display_name: str = field(repr=False)
    role: Role


class WrongPassword(Denied):
    code = "wrong_password"
    message = "The current password is wrong."


class CannotDisableOneself(Invalid):
    code = "cannot_disable_oneself"
    message = "Let another operator disable your account."


class AccountService:
    def __init__(  # noqa: PLR0913 - one argument a port
        self,
        *,
        ledger: Ledger,
        access: Access,
        state: AccessState,
        accounts: AggregateStore[Account],
        hasher: PasswordHasher,
        breached: BreachedPasswords | None = None,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._state = state
        self._accounts = accounts
        self._hasher = hasher
        self._breached = breached

    def bootstrap(  # noqa: PLR0913 - one argument a fact of the account
        self, call: Call, account_id: UUID, *, login: str, password: str, display_name: str, role: Role = Role.OPERATOR
    ) -> Receipt:
        """An account made on the host, where there may be nobody yet to sign in: the call's actor is a SERVICE.

        Raises as `create`.
        """
        self._access.require(call, Action.ACCOUNT_BOOTSTRAP, RecordClass.ACCESS, resources=(account_id,))
        return self._create(call, Action.ACCOUNT_BOOTSTRAP, account_id, login, password, display_name, role, None, None)

    def create(  # noqa: PLR0913 - one argument a fact of the account
        self,
        call: Call,
        account_id: UUID,
        *,
        login: str,
        password: str,
        display_name: str,
        role: Role,
        client_id: UUID | None = None,
        supervisor_id: UUID | None = None,
    ) -> Receipt:
        """`client_id` for the account of a client, `supervisor_id` for a clinician in training.

        Raises Denied, LoginTaken, Invalid.
        """
        self._access.require(call, Action.ACCOUNT_CREATE, RecordClass.ACCESS, resources=(account_id,))
        self._check_ties(client_id, supervisor_id)
        return self._create(
            call, Action.ACCOUNT_CREATE, account_id, login, password, display_name, role, client_id, supervisor_id
        )

    def read(self, call: Call, account_id: UUID) -> Account:
        """One's own account, or any for operators and compliance officers. Raises AccountNotFound, Denied."""
        own = account_id == call.actor.id
        action = Action.ACCOUNT_READ_OWN if own else Action.ACCOUNT_READ
        self._access.require(call, action, RecordClass.ACCESS, resources=(account_id,))
        account = self._accounts.get(account_id)
        self._ledger.note(call, AuditEntry(action=action, resources=(account_id,)))
        return account

    def secrets_used(self, account: Account) -> Mapping[UUID, int]:
        """When each secret of a service account that was read was last used, in microseconds since 1970, UTC."""
        return self._state.secrets_used(account.id) if account.secrets else {}

    def browse(
        self,
        call: Call,
        *,
        role: Role | None = None,
        disabled: bool | None = None,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
    ) -> Page:
        """Accounts in the order they were created: for who may list them all of them, as ListedAccounts; for others the
        Colleagues among them whose accounts are not disabled. What these don't show, they aren't filtered by either.

        Raises Denied, Invalid.
        """
        beyond = disabled is not None or (role is not None and role not in STAFF)
        whole = beyond or self._lists(call)
        action = Action.ACCOUNT_LIST if whole else Action.ACCOUNT_DIRECTORY
        self._access.require(call, action, RecordClass.ACCESS)
        checks.integer("limit", limit, 1, LIST_MOST)
        roles = None if whole else STAFF
        if role is not None:
            roles = frozenset((role,))
        found = self._state.list_accounts(
            roles=roles, disabled=disabled if whole else False, after=_place(after), limit=limit + 1
        )
        shown = found[:limit]
        self._ledger.note(call, AuditEntry(action=action, resources=tuple(one.id for one in shown)))
        items = shown if whole else tuple(_colleague(one) for one in shown)
        return Page(items=items, after=_key(shown[-1]) if len(found) > limit else None)

    def find(self, call: Call, login: str) -> Sequence[ListedAccount]:
        """The account with exactly this login, if there is one. Raises Denied, Invalid."""
        self._access.require(call, Action.ACCOUNT_LIST, RecordClass.ACCESS)
        found = self._state.list_accounts(login=normalised_login(login), limit=1)
        self._ledger.note(call, AuditEntry(action=Action.ACCOUNT_LIST, resources=tuple(one.id for one in found)))
        return found

    def disable(self, call: Call, account_id: UUID) -> Receipt:
        """End its sign-ins and let it open no more. Raises AccountNotFound, Denied, StaleVersion, AccountDisabled,
        CannotDisableOneself.
        """
        account = self._for_change(call, Action.ACCOUNT_DISABLE, account_id)
        if account_id == call.actor.id:
            raise CannotDisableOneself
        account.disable(at=call.at, by=call.actor.id)
        return self._save(call, Action.ACCOUNT_DISABLE, account)

    def enable(self, call: Call, account_id: UUID) -> Receipt:
        """Raises AccountNotFound, Denied, StaleVersion, AccountNotDisabled."""
        account = self._for_change(call, Action.ACCOUNT_ENABLE, account_id)
        account.enable(at=call.at, by=call.actor.id)
        return self._save(call, Action.ACCOUNT_ENABLE, account)

    def unlock(self, call: Call, account_id: UUID) -> Receipt:
        """Forget failed sign-ins before the lock runs out. Raises AccountNotFound, Denied, StaleVersion,
        AccountNotLocked.
        """
        account = self._for_change(call, Action.ACCOUNT_UNLOCK, account_id)
        account.unlock(at=call.at, by=call.actor.id)
        return self._save(call, Action.ACCOUNT_UNLOCK, account)

    def change_supervision(self, call: Call, account_id: UUID, supervisor_id: UUID | None) -> Receipt:
        """Another supervisor for a trainee, or None once licensed: what is signed from now on goes by it.

        Raises AccountNotFound, Denied, StaleVersion, SupervisionUnchanged, Invalid.
        """
        account = self._for_change(call, Action.ACCOUNT_CHANGE_SUPERVISION, account_id)
        self._check_ties(None, supervisor_id)
        account.change_supervision(at=call.at, by=call.actor.id, supervisor_id=supervisor_id)
        return self._save(call, Action.ACCOUNT_CHANGE_SUPERVISION, account)

    def change_password(self, call: Call, current: str, new: str) -> Receipt:
        """The caller's own; every other sign-in of the account ends. Raises Denied, WrongPassword, Invalid."""
        self._access.require(call, Action.ACCOUNT_CHANGE_PASSWORD, RecordClass.ACCESS, resources=(call.actor.id,))
        account = self._accounts.get(call.actor.id)
        if not self._hasher.verify(account.password_hash, prepared(current)):
            self._access.note_denial(call, Action.ACCOUNT_CHANGE_PASSWORD, None, (account.id,), WrongPassword.code)
            raise WrongPassword
        new = self._accepted(new, account.login, account.display_name)
        account.change_password(
            at=call.at,
            by=call.actor.id,
            password_hash=self._hasher.hash(new),
            kept_sign_in_id=call.actor.sign_in_id,
        )
        return self._save(call, Action.ACCOUNT_CHANGE_PASSWORD, account)

    def reset_password(self, call: Call, account_id: UUID, new: str) -> Receipt:
        """On the host, for a password that was forgotten: the call's actor is a SERVICE. Every sign-in of the account
        ends, and a lock is lifted. Raises AccountNotFound, AccountDisabled, Denied, Invalid.
        """
        self._access.require(call, Action.ACCOUNT_RESET_PASSWORD, RecordClass.ACCESS, resources=(account_id,))
        account = self._accounts.get(account_id)
        if account.role is Role.SERVICE:
            raise Invalid("Service accounts have secrets and no password.", field="account_id")
        new = self._accepted(new, account.login, account.display_name)
        account.change_password(at=call.at, by=call.actor.id, password_hash=self._hasher.hash(new))
        return self._save(call, Action.ACCOUNT_RESET_PASSWORD, account)

    def _accepted(self, password: str, login: str, display_name: str) -> str:
        """A new password as it is hashed. Raises Invalid, PasswordBreached, BreachedListUnreadable."""
        new = prepared(password)
        check_password(new, login, display_name)
        if self._breached is not None and self._breached.holds(new):
            raise PasswordBreached(field="password")
        return new

    @staticmethod
    def _lists(call: Call) -> bool:
        """Whether the caller sees all accounts, and not the directory alone."""
        decision = decide(call.actor.role, Action.ACCOUNT_LIST, RecordClass.ACCESS, Relation.NONE, True, call.purpose)
        return decision.allowed

    def _create(  # noqa: PLR0913, PLR0917 - one argument a fact of the account
        self,
        call: Call,
        action: Action,
        account_id: UUID,
        login: str,
        password: str,
        display_name: str,
        role: Role,
        client_id: UUID | None,
        supervisor_id: UUID | None,
    ) -> Receipt:
        if role in _NEVER_LOCAL:
            raise Invalid("Services do not sign in with a password.", field="role")
        login = normalised_login(login)
        password = self._accepted(password, login, display_name)
        if self._state.account_by_login(login) is not None:
            raise LoginTaken
        account = Account.create(
            account_id,
            at=call.at,
            by=call.actor.id,
            login=login,
            display_name=display_name,
            role=role,
            password_hash=self._hasher.hash(password),
            client_id=client_id,
            supervisor_id=supervisor_id,
        )
        return self._save(call, action, account)

    def _check_ties(self, client_id: UUID | None, supervisor_id: UUID | None) -> None:
        if client_id is not None and not self._state.client_exists(client_id):
            raise Invalid("There is no client with this id.", field="client_id")
        if supervisor_id is None:
            return
        supervisor = self._state.account(supervisor_id)
        if supervisor is None or supervisor.disabled or supervisor.role is not Role.SUPERVISOR:
            raise Invalid("supervisor_id must be the account of a supervisor.", field="supervisor_id")

    def _for_change(self, call: Call, action: Action, account_id: UUID) -> Account:
        self._access.require(call, action, RecordClass.ACCESS, resources=(account_id,))
        account = self._accounts.get(account_id)
        check_version(call, account)
        return account

    def _save(self, call: Call, action: Action, account: Account) -> Receipt:
        return self._ledger.save(call, AuditEntry(action=action, resources=(account.id,)), account)


def _colleague(account: ListedAccount) -> Colleague:
    return Colleague(id=account.id, display_name=account.display_name, role=account.role)


def _key(account: ListedAccount) -> tuple[int, ...]:
    """Where a page ends, in whole numbers of at most 64 bits."""
    return account.created_at_us, account.id.int >> _HALF, account.id.int & (1 << _HALF) - 1


def _place(after: tuple[int, ...] | None) -> tuple[int, UUID] | None:
    """What `_key` made. Raises Invalid."""
    if after is None:
        return None
    if len(after) != 3:
        raise Invalid("This cursor is not one of a list of accounts.", field="after")
    created_at_us, high, low = after
    return created_at_us, UUID(int=high << _HALF | low)


__all__ = ["AccountNotFound", "AccountService", "CannotDisableOneself", "Colleague", "WrongPassword"]
