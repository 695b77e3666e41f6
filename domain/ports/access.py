"""Access state: what a permission decision reads. Tables written in the transaction of their events, never a view."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from domain.ports.call import Actor, Purpose, Role, Scope

LAST_US: Final = 2**63 - 1
"""Past every end there is."""


class Relation(StrEnum):
    """How an account stands to a client."""

    NONE = "none"
    SELF = "self"
    PRIMARY_CLINICIAN = "primary_clinician"
    CLINICIAN = "clinician"
    SUPERVISOR = "supervisor"
    REPRESENTATIVE = "representative"
    SYSTEM = "system"
    """A service account that was let in: another program of the practice."""
    BREAK_GLASS = "break_glass"
    """Opened the chart in an emergency; ends by itself, never stored among the team."""
    CUSTODIAN = "custodian"
    """Named to keep an author's psychotherapy notes when the author no longer can."""
    AUTHORISED = "authorised"
    """Let in to psychotherapy notes by the client's written authorisation (45 CFR 164.508(a)(2))."""
    AUTHOR = "author"
    """Wrote the entry in question; never stored, and holds after leaving the care team."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an account stands to a client, and the client to the organisation, in one answer."""

    relation: Relation
    known: bool
    """Whether there is a client of this id."""
    open: bool
    """Whether the chart takes new entries: known, and not entered in error. True without a look where an author or the
    client acts.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """An account as sign-in needs it."""

    id: UUID
    role: Role
    password_hash: str = field(repr=False)
    display_name: str = field(repr=False)
    failed_attempts: int
    locked_until_us: int
    disabled: bool
    client_id: UUID | None
    supervisor_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAccount:
    """An account as a list shows it, unsealed in memory. Times in microseconds since 1970, UTC."""

    id: UUID
    version: int
    role: Role
    login: str = field(repr=False)
    display_name: str = field(repr=False)
    client_id: UUID | None
    supervisor_id: UUID | None
    disabled: bool
    failed_attempts: int
    locked_until_us: int
    """0 when it was never locked, or is unlocked since."""
    created_at_us: int
    scopes: frozenset[Scope] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRecord:
    """A sign-in as token checks need it. Times in microseconds since 1970, UTC."""

    id: UUID
    actor: Actor
    refresh_hash: bytes
    refreshed_at_us: int
    expires_at_us: int
    revoked: bool
    account_usable: bool
    """False once the account is disabled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotesPlace:
    """That an author keeps psychotherapy notes about a client, and who is to keep them afterwards."""

    client_id: UUID
    author_id: UUID
    custodian_id: UUID | None


class AccessState(Protocol):
    def account_by_login(self, login: str) -> AccountRecord | None:
        """By the login as `domain.model.account.normalised_login` gives it, found by its HMAC."""

    def account(self, account_id: UUID) -> AccountRecord | None: ...

    def list_accounts(
        self,
        *,
        roles: frozenset[Role] | None = None,
        disabled: bool | None = None,
        login: str | None = None,
        after: tuple[int, UUID] | None = None,
        limit: int,
    ) -> Sequence[ListedAccount]:
        """At most `limit`, in the order they were created. Filters hold together; None filters nothing, no roles find
        nobody. `login` as `account_by_login` takes it; `after` is (created_at_us, id) of the last account seen.
        """

    def sign_in(self, sign_in_id: UUID) -> SignInRecord | None: ...

    def open_sign_ins(self, account_id: UUID, now_us: int, limit: int) -> Sequence[UUID]:
        """At most `limit` ids of sign-ins that are neither revoked nor past their end, the last used first."""

    def account_of_identity(self, issuer: str, subject: str) -> UUID | None:
        """The account that this identity of an OpenID provider is linked to, found by its HMAC."""

    def secrets_used(self, account_id: UUID) -> Mapping[UUID, int]:
        """When a secret of a service account was last used, by its id; those never used are missing."""

    def standing(self, account_id: UUID, client_id: UUID, at_us: int = LAST_US, *, emergency: bool = False) -> Standing:
        """One query, on the way of every write. `relation` is the stored one: never SELF, never AUTHOR.

        What has an end counts only before it: `at_us` is now, in microseconds since 1970, and left out nothing with an
        end counts. With `emergency` it is BREAK_GLASS while a broken glass stands open, and the care team's otherwise.
        """

    def relation(self, account_id: UUID, client_id: UUID) -> Relation:
        """NONE when the account is not in the care team, or in it only until a day."""

    def consented(self, client_id: UUID, purpose: Purpose) -> bool:
        """Whether a consent for this purpose stands now."""

    def caseload(self, account_id: UUID) -> Sequence[UUID]:
        """Ids of the clients whose care team the account is in, in the order they were joined."""

    def client_exists(self, client_id: UUID) -> bool: ...

    def erased(self, client_id: UUID) -> bool:
        """Whether a fence stands before this client's record, or stood before it went."""

    def notes_places(self, account_id: UUID) -> Sequence[NotesPlace]:
        """Whose psychotherapy notes the account keeps or is to keep, by client. It leads to them and permits nothing."""

    def find_by_identity(self, family_name: str, birth_date: str) -> Sequence[UUID]:
        """Exact look-up over the organisation by HMAC of the normalised surname and ISO birth date."""
