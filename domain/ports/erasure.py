"""What erasing needs beside the ledger: the fence, the keys, the rows, the processes, and the places off the box."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.errors import Conflict, Misconfigured
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.keys import RecordClass
from domain.ports.ledger import Recordable

Classes = tuple[RecordClass, ...]
"""Those to go; empty means the whole record."""


class UnderLegalHold(Conflict):
    code = "under_legal_hold"
    message = "The client's record is under a legal hold; nothing of it may be destroyed."
    hint = "Ask whoever placed the hold; once it is lifted the erasure goes on."


class FencedByAnother(Conflict):
    code = "fenced_by_another"
    message = "Another erasure of this client was first."


class OffBoxMissing(Misconfigured):
    """Without a register off the box a restored back-up would bring erased clients back."""

    code = "off_box_missing"
    message = "There is no place off the box for the register of erasures and for receipts."
    hint = "Set ANAMNESIS_OFF_BOX to a folder on other storage or to s3://bucket/prefix, and run it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRow:
    """An erasure as the work table has it. Times in microseconds since 1970, UTC."""

    id: UUID
    client_id: UUID
    classes: Classes
    state: str
    requested_at_us: int
    due_at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Where it stands: the last position of the log at that moment, and its number among all fences."""

    position: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """Rows removed beside the log, and positions in it whose states must go: of the client's own accounts."""

    rows: int
    redacted: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """How many processes acknowledged, and how many lost their leases without."""

    acknowledged: int
    expired: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureNote:
    """What the register off the box holds of one erasure, and what a restore replays: opaque ids, codes and positions."""

    erasure_id: UUID
    client_id: UUID
    classes: Classes
    fence_position: int
    at: datetime

    @property
    def name(self) -> str:
        """Under which it lies off the box: in order of the fences."""
        return f"erasures/{self.fence_position:020d}-{self.erasure_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What there is of one class. Times in microseconds since 1970, UTC."""

    record_class: RecordClass
    events: int
    first_at_us: int
    last_at_us: int


class LegalHolds(Protocol):
    """Access state of holds: tables written in the transaction of their events."""

    def standing(self, client_id: UUID) -> Sequence[UUID]:
        """Ids of the holds that stand, oldest first."""

    def of_client(self, client_id: UUID) -> Sequence[UUID]:
        """All of them, oldest first."""

    def held(self) -> frozenset[UUID]:
        """Clients under a hold."""


class ErasureRegister(Protocol):
    """Access state of erasures."""

    def of_client(self, client_id: UUID) -> Sequence[ErasureRow]:
        """Oldest first."""

    def due(self, now_us: int) -> Sequence[UUID]:
        """Those that have begun, and those that wait and whose day has come; oldest first."""

    def holdings(self, client_id: UUID) -> Sequence[Holding]:
        """What the log holds of a client, by class, erased or not."""

    def quiet_since(self, before_us: int, after: UUID | None, limit: int) -> Sequence[tuple[UUID, int]]:
        """Clients in order of their ids whose newest event is older, with its time; fenced ones left out."""


class Eraser(Protocol):
    """The steps. Each may be repeated after a crash, and does then what was left."""

    def check(self) -> None:
        """That receipts can be signed and the register be written. Raises OffBoxMissing, Misconfigured."""

    def fence(self, erasure_id: UUID, client_id: UUID, classes: Classes) -> Fence:
        """Under the lock of the log: nobody writes about the client from then on (classes: nothing is refused, their keys
        are gone). Raises UnderLegalHold, FencedByAnother, StoreUnavailable.
        """

    def announce(self, note: ErasureNote) -> None:
        """Into the register off the box, signed, before any key goes. Raises OffBoxUnavailable, OffBoxConflict."""

    def destroy_keys(self, client_id: UUID, classes: Classes, at: datetime) -> int:
        """All epochs, of both roots; how many are destroyed now, whether by this call or before. Raises KeysUnavailable."""

    def purge(self, erasure_id: UUID, client_id: UUID, classes: Classes, position: int) -> Purged:
        """Views, snapshots, access state, drafts, reports, the client's accounts. Raises StoreUnavailable."""

    def redact(self, positions: Sequence[int]) -> None:
        """Remove the states at these positions. Raises StoreUnavailable."""

    def released(self, number: int) -> Released:
        """Waits until every process has let go of the client. Raises Unavailable when one goes on without."""

    def record(self, call: Call, entry: AuditEntry, erasure: Recordable, facts: Mapping[str, object]) -> None:
        """The erasure's pending event and the unsealed record about it, in one append."""

    def receipt(self, erasure_id: UUID, body: Mapping[str, object]) -> str:
        """The signed text, kept off the box; the one that lies there already, if there is one. Adds to `body` where the
        record about it stands in the log. Raises OffBoxUnavailable, OffBoxConflict.
        """

    def audit_keys_before(self, before: datetime) -> Sequence[UUID]:
        """Living day keys of the audit trail that were made earlier."""

    def destroy_audit_keys(self, call: Call, entry: AuditEntry, keys: Sequence[UUID], at: datetime) -> int:
        """Destroys them unless a hold stands, and records that it did. Raises UnderLegalHold."""
