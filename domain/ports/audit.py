"""Audit entries: opaque ids and codes only. Free text never goes here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, TypedDict
from uuid import UUID


class Outcome(StrEnum):
    ALLOWED = "allowed"
    DENIED = "denied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What was done, to whose record, to which things.

    `action` is a code such as `session.sign`; `client_id` None for what concerns no client; `resources` are ids of the
    things read or written; `reason` a code (why denied), never prose. `clients` are all clients whose record was touched
    where there are several: those a list showed, say.
    """

    action: str
    client_id: UUID | None = None
    resources: tuple[UUID, ...] = ()
    outcome: Outcome = Outcome.ALLOWED
    reason: str = ""
    clients: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """An audit entry as stored: its position and leaf lead back to the log."""

    position: int
    leaf: bytes
    recorded_at: datetime
    request_id: UUID
    actor_id: UUID
    actor_role: str
    action: str
    client_id: UUID | None
    resources: tuple[UUID, ...]
    outcome: str
    reason: str
    purpose: str
    origin: str
    on_behalf_of: UUID | None = None
    """The account whose grant a job acted under."""
    clients: tuple[UUID, ...] = ()
    """Those that a list showed, beside `client_id`."""


class AuditFilters(TypedDict, total=False):
    """What entries are searched by, all of it together; None and what is left out filter nothing.

    `client_id` finds entries that name the client alone or among several; `other_than` leaves out what this account did,
    `without` entries of these actions;
    times are since ≤ recorded_at < until.
    """

    actor_id: UUID | None
    other_than: UUID | None
    on_behalf_of: UUID | None
    client_id: UUID | None
    role: str | None
    action: str | None
    outcome: str | None
    reason: str | None
    purpose: str | None
    origin: str | None
    without: tuple[str, ...]
    since: datetime | None
    until: datetime | None


class AuditRendering(Protocol):
    """Audit entries in a form that other programs read."""

    def event(self, record: AuditRecord) -> bytes:
        """One entry as a JSON object."""


class ExportProofs(Protocol):
    """What makes an export checkable by an outsider: the checkpoint that it leads to, and the way there from each entry."""

    def header(self) -> Mapping[str, object]:
        """Goes before the entries; its `checkpoint` is empty where none was published."""

    def proof(self, position: int) -> Sequence[str] | None:
        """Hashes, lowest first, in base64; None past the checkpoint. Raises StoreUnavailable."""


class Recipients(Protocol):
    """To whom something was disclosed, by what a disclosure's entry names first: an agreement, a webhook."""

    def names(self, ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Those that are known. Raises StoreUnavailable, KeysUnavailable."""

    def given(self, ids: Collection[UUID]) -> Mapping[UUID, "Given"]:
        """What people recorded that they gave, by the ids of those records that there are. Raises StoreUnavailable,
        KeysUnavailable.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was given to somebody by hand. All codes but the day."""

    on: date
    purpose: str
    classes: tuple[str, ...]
    basis: str
