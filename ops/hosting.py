"""What an operator does on the host itself, without signing in: whoever may do that holds the root key already."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from adapters.access.state import SqlAccessState
from adapters.access.vault import AccessVault
from domain.model.account import AccountNotFound, normalised_login
from domain.ports.call import Actor, Call, Purpose, Role, Scope
from domain.services.service_accounts import IssuedSecret
from ops.bootstrap import Part, System, build
from ops.demo import seen_from_inside
from ops.logging import configure
from ops.settings import Settings

HOST: Final = Actor(id=uuid5(NAMESPACE_URL, "anamnesis:host"), role=Role.SERVICE)


def create_account(*, login: str, name: str, role: Role, password: str) -> UUID:
    """Raises LoginTaken, Invalid and what `build` raises."""
    with hosted() as system:
        account_id = system.ids.opaque()
        system.services.accounts.bootstrap(
            call_of_host(system), account_id, login=login, password=password, display_name=name, role=role
        )
        return account_id


def create_service_account(*, name: str, scopes: Collection[Scope]) -> tuple[UUID, IssuedSecret]:
    """Raises Invalid and what `build` raises."""
    with hosted() as system:
        account_id = system.ids.opaque()
        accounts = system.services.service_accounts
        return account_id, accounts.bootstrap(call_of_host(system), account_id, display_name=name, scopes=scopes)


def reset_account_password(*, login: str, password: str) -> UUID:
    """Raises AccountNotFound, AccountDisabled, Invalid and what `build` raises."""
    with hosted() as system:
        account_id = _named(system, login)
        system.services.accounts.reset_password(call_of_host(system), account_id, password)
        return account_id


def reset_second_factor(*, login: str) -> UUID:
    """Raises AccountNotFound, NoSecondFactor, Invalid and what `build` raises."""
    with hosted() as system:
        account_id = _named(system, login)
        system.services.second_factors.reset(call_of_host(system), account_id)
        return account_id


def rotate_secret(*, account_id: UUID, overlap_hours: int) -> IssuedSecret:
    """Raises AccountNotFound, AccountDisabled, SecretsMost, Invalid and what `build` raises."""
    with hosted() as system:
        accounts = system.services.service_accounts
        return accounts.rotate_secret(call_of_host(system), account_id, overlap_hours)


def _named(system: System, login: str) -> UUID:
    """Raises AccountNotFound, Invalid."""
    state = SqlAccessState(system.databases.events, AccessVault(system.keys, system.recorder.deployment_id))
    account = state.account_by_login(normalised_login(login))
    if account is None:
        raise AccountNotFound("There is no account with this login.")
    return account.id


def call_of_host(system: System) -> Call:
    """A call of whoever runs commands on this machine."""
    return Call(
        actor=HOST,
        request_id=system.ids.ordered(),
        at=system.clock.now(),
        origin="host",
        purpose=Purpose.OPERATIONS,
    )


@contextmanager
def hosted() -> Iterator[System]:
    """The system that the environment's settings name, in a demo's folder the demo's, for a command. Raises what `build` raises."""
    settings = seen_from_inside(Settings.load())
    configure("warning", process="host")
    with build(settings, parts=Part.HOST) as system:
        yield system
