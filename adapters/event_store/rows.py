"""What writers hand to the recorder and what readers get back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent
from sqlalchemy.sql.base import Executable


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRow:
    """An event ready to be stored: serialised, sealed and hashed by the writer, outside the lock."""

    stream: UUID
    version: int
    topic: str
    state: bytes
    state_hash: bytes
    subject: UUID | None = None
    record_class: str = ""
    key_id: UUID | None = None

    @staticmethod
    def of(event: StoredEvent) -> "NewRow":
        """A row for a plain library event, unsealed. `originator_id` must be a UUID."""
        if not isinstance(event.originator_id, UUID):
            raise TypeError(f"originator_id must be a UUID, not {type(event.originator_id).__name__}")
        return NewRow(
            stream=event.originator_id,
            version=event.originator_version,
            topic=event.topic,
            state=event.state,
            state_hash=sha256(event.state).digest(),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredRow(Notification):
    """A row as stored, its whole envelope included. Equal to a plain StoredEvent with the same four fields, which is
    what the library's contract suites compare. `state` is b"" and `redacted` true once the state was removed.
    """

    subject: UUID | None = None
    record_class: str = ""
    key_id: UUID | None = None
    incarnation: int = 1
    recorded_at_us: int = 0
    state_hash: bytes = b""
    leaf: bytes = b""
    redacted: bool = False

    @property
    def position(self) -> int:
        return self.id

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StoredEvent):
            return NotImplemented
        return (self.originator_id, self.originator_version, self.topic, self.state) == (
            other.originator_id,
            other.originator_version,
            other.topic,
            other.state,
        )

    def __hash__(self) -> int:
        return hash((self.originator_id, self.originator_version))


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRow:
    """Remembers that a command was carried out, and what a repeated call is answered with. Never a body."""

    id: UUID
    fingerprint: bytes = b""
    status: int = 0
    location: str = ""
    version: int = 0
    resource_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateWrite:
    """A change to an access-state or draft table, executed in the transaction of the append, after its rows."""

    statement: Executable
    parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """One request's writes: all of it is stored, or none of it."""

    rows: Sequence[NewRow]
    command: CommandRow
    writes: Sequence[StateWrite] = ()
    tracking: tuple[str, int] | None = None
    """(application, position) for the library's process recorders."""

    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size_bytes", sum(len(row.state) + 256 for row in self.rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """Where an append went. `command` is the stored one: when `replayed`, another call had carried it out before."""

    first: int
    last: int
    recorded_at_us: int
    command: CommandRow
    replayed: bool = False
