"""Writing: every change is one atomic append of domain events with the audit entry that tells of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.ports.audit import AuditEntry
from domain.ports.call import Call


class Recordable(Protocol):
    """What the ledger needs of an aggregate."""

    @property
    def id(self) -> UUID: ...
    @property
    def version(self) -> int: ...
    @property
    def subject(self) -> UUID | None:
        """The one client it concerns; None for what concerns the organisation (accounts)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a write answers: the last position it took, and the version the first aggregate now has."""

    position: int
    version: int = 0
    resource_id: UUID | None = None
    replayed: bool = False
    """True when this command had been carried out before and nothing was written now."""
    status: int = 0
    location: str = ""
    """As stored with the command; only meaningful when `replayed`."""


class Ledger(Protocol):
    def save(self, call: Call, entry: AuditEntry, *aggregates: Recordable, more: Sequence[AuditEntry] = ()) -> Receipt:
        """Append the aggregates' pending events, the access-state rows that follow from them, and `entry`, in one
        durable transaction; the receipt is of the first aggregate. `more` entries are for what concerns several
        clients at once: one tells of one.

        Raises StaleVersion when another writer was first, Erased when a client is fenced, IdempotencyKeyReused,
        LoginTaken, StoreUnavailable, KeysUnavailable. A command id committed before gives the stored receipt,
        `replayed`. Aggregates without pending events are fine: then the entry is written alone.
        """

    def note(self, call: Call, *entries: AuditEntry) -> int:
        """Durably append audit entries alone (reads, denials) and return the last position. Raises StoreUnavailable:
        a clinical read whose entry can't be written must not be answered. Never uses `call.command` up: a denial is
        not what a command was answered with.
        """

    def replay(self, call: Call) -> Receipt | None:
        """The stored receipt of `call.command`, if it was committed before; IdempotencyKeyReused when the fingerprint
        differs. Services needn't call it: routes do, before they run the command.
        """


class DraftStore(Protocol):
    """Autosaved, unsigned work: mutable, sealed, outside the log; removed when the session is recorded."""

    def put(self, call: Call, entry: AuditEntry, draft: "Draft") -> int:
        """Create or replace, with its audit entry, in one transaction; returns the position."""

    def get(self, draft_id: UUID) -> "Draft":
        """Raises NotFound, Erased."""

    def of_author(self, author_id: UUID) -> Sequence["Draft"]:
        """Newest first."""

    def discard(self, call: Call, entry: AuditEntry, draft_id: UUID) -> int:
        """Remove it; no error when it is gone already."""

    def discard_stale(self, call: Call, older_than_us: int) -> int:
        """Remove drafts not saved since that instant (microseconds since 1970, UTC), each with its audit entry; returns
        how many. Used by the worker.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Content is the JSON object the author's form held, as text; it need not be valid yet."""

    id: UUID
    client_id: UUID
    author_id: UUID
    saved_at_us: int
    content: str
