"""An erasure: that a client's record, or classes of it, is to be destroyed, and how far that has come.

It concerns a client and belongs to the organisation: it outlives the record, and holds ids, codes, counts and times alone.
"""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, NotFound
from domain.ports.keys import RecordClass


class ErasureNotFound(NotFound):
    code = "erasure_not_found"
    message = "There is no erasure with this id."


class ErasureUnderWay(Conflict):
    """One stands already for this client; its id is among the facts."""

    code = "erasure_under_way"
    message = "This client's record is to be erased already."
    hint = "Read that erasure; withdraw it first where it shall be another."


class ErasureBegun(Conflict):
    code = "erasure_begun"
    message = "The erasure has begun: the record is closed and its keys go; that can't be taken back."


class ErasureBasis(StrEnum):
    """Why it is lawful, or due."""

    CLIENT_REQUEST = "client_request"
    """The client asked for it (GDPR article 17(1)(b), and where a state's law gives that right)."""
    CONSENT_WITHDRAWN = "consent_withdrawn"
    """Nothing but the consent allowed to keep it, and it was withdrawn."""
    UNLAWFUL = "unlawful"
    """It should never have been kept."""
    RETENTION_ENDED = "retention_ended"
    """The time for which it is kept is over."""
    COURT_ORDER = "court_order"


class ErasureState(StrEnum):
    REQUESTED = "requested"
    """Waits for the worker, or for the day it is due."""
    FENCED = "fenced"
    """Nothing is written any more; from here on it can't be taken back."""
    KEYS_DESTROYED = "keys_destroyed"
    PURGED = "purged"
    RECORDED = "recorded"
    """The log says that it was erased; the receipt is still to be signed."""
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"
    """Another erasure of the same client was first."""


_OVER: Final = frozenset((ErasureState.COMPLETED, ErasureState.WITHDRAWN, ErasureState.REFUSED))


class Erasure(Aggregate):
    """`classes` are those to go; empty means the whole record. `receipt` is the signed text, once there is one."""

    TOPIC_KIND = "access"
    RECORD_CLASS = RecordClass.ACCESS
    NOT_FOUND = ErasureNotFound

    def __init__(self) -> None:
        self.client_id: UUID
        self.basis: ErasureBasis
        self.classes: tuple[RecordClass, ...] = ()
        self.requested_by: UUID
        self.requested_at: datetime
        self.due_at: datetime
        self.state = ErasureState.REQUESTED
        self.fence_position = 0
        self.number = 0
        self.events = 0
        self.fenced_at: datetime | None = None
        self.keys_destroyed = 0
        self.keys_destroyed_at: datetime | None = None
        self.rows_purged = 0
        self.redacted: tuple[int, ...] = ()
        self.purged_at: datetime | None = None
        self.leases_acknowledged = 0
        self.leases_expired = 0
        self.recorded_at: datetime | None = None
        self.completed_at: datetime | None = None
        self.receipt = ""

    @property
    def subject(self) -> None:
        """Of no client: the fence refuses what is, and this must go on."""
        return

    @property
    def over(self) -> bool:
        return self.state in _OVER

    @property
    def whole(self) -> bool:
        """Whether everything of the client goes."""
        return not self.classes

    class Event(Aggregate.Event):
        pass

    class Requested(Event, Aggregate.Created):
        """`due_at` lies ahead where the record must be kept until then."""

        KIND: ClassVar[str] = "erasure.requested"
        client_id: UUID
        basis: ErasureBasis
        classes: tuple[RecordClass, ...]
        due_at: datetime
        requested_by: UUID

        def apply(self, aggregate: "Erasure") -> None:
            aggregate.client_id = self.client_id
            aggregate.basis = self.basis
            aggregate.classes = self.classes
            aggregate.requested_by = self.requested_by
            aggregate.requested_at = self.timestamp
            aggregate.due_at = self.due_at

    class Fenced(Event):
        """`position` is the last of the log when the fence stood; `number` counts fences, for the processes that must
        acknowledge it; `events` the client's events that are to become unreadable.
        """

        KIND: ClassVar[str] = "erasure.fenced"
        position: int
        number: int
        events: int

        def apply(self, aggregate: "Erasure") -> None:
            aggregate.state = ErasureState.FENCED
            aggregate.fence_position = self.position
            aggregate.number = self.number
            aggregate.events = self.events
            aggregate.fenced_at = self.timestamp

    class KeysDestroyed(Event):
        KIND: ClassVar[str] = "erasure.keys_destroyed"
        keys: int

        def apply(self, aggregate: "Erasure") -> None:
            aggregate.state = ErasureState.KEYS_DESTROYED
            aggregate.keys_destroyed = self.keys
            aggregate.keys_destroyed_at = self.timestamp

    class Purged(Event):
        KIND: ClassVar[str] = "erasure.purged"
        rows: int

        def apply(self, aggregate: "Erasure") -> None:
            aggregate.state = ErasureState.PURGED
            aggregate.rows_purged = self.rows
            aggregate.purged_at = self.timestamp

    class Recorded(Event):
        """In one append with the record about the log. Every process had acknowledged the fence, or lost its lease.

        `redacted` are positions of the events of the client's own accounts, whose states are removed next: logins and
        names are sealed under the organisation's key, which stays.
        """

        KIND: ClassVar[str] = "erasure.recorded"
        leases_acknowledged: int
        leases_expired: int
        redacted: tuple[int, ...]

        def apply(self, aggregate: "Erasure") -> None:
            aggregate.state = ErasureState.RECORDED
            aggregate.redacted = self.redacted
            aggregate.leases_acknowledged = self.leases_acknowledged
            aggregate.leases_expired = self.leases_expired
            aggregate.recorded_at = self.timestamp

    class Completed(Event):
        KIND: ClassVar[str] = "erasure.completed"
        receipt: str

        def apply(self, aggregate: "Erasure") -> None:
            aggregate.state = ErasureState.COMPLETED
            aggregate.receipt = self.receipt
            aggregate.completed_at = self.timestamp

    class Withdrawn(Event):
        KIND: ClassVar[str] = "erasure.withdrawn"
        withdrawn_by: UUID

        def apply(self, aggregate: "Erasure") -> None:
            aggregate.state = ErasureState.WITHDRAWN

    class Refused(Event):
        KIND: ClassVar[str] = "erasure.refused"

        def apply(self, aggregate: "Erasure") -> None:
            aggregate.state = ErasureState.REFUSED

    @classmethod
    def request(  # noqa: PLR0913 - one argument a fact of the request
        cls,
        erasure_id: UUID,
        *,
        at: datetime,
        by: UUID,
        client_id: UUID,
        basis: ErasureBasis,
        due_at: datetime,
        classes: tuple[RecordClass, ...] = (),
    ) -> "Erasure":
        return cls._create(
            cls.Requested,
            id=erasure_id,
            timestamp=at,
            client_id=client_id,
            basis=basis,
            classes=tuple(sorted(set(classes))),
            due_at=due_at,
            requested_by=by,
        )

    def fence(self, *, at: datetime, position: int, number: int, events: int) -> None:
        """Nothing happens when it was fenced before."""
        if self.state is ErasureState.REQUESTED:
            self.trigger_event(self.Fenced, timestamp=at, position=position, number=number, events=events)

    def destroy_keys(self, *, at: datetime, keys: int) -> None:
        if self.state is ErasureState.FENCED:
            self.trigger_event(self.KeysDestroyed, timestamp=at, keys=keys)

    def purge(self, *, at: datetime, rows: int) -> None:
        if self.state is ErasureState.KEYS_DESTROYED:
            self.trigger_event(self.Purged, timestamp=at, rows=rows)

    def record(self, *, at: datetime, acknowledged: int, expired: int, redacted: tuple[int, ...]) -> None:
        if self.state is ErasureState.PURGED:
            self.trigger_event(
                self.Recorded,
                timestamp=at,
                leases_acknowledged=acknowledged,
                leases_expired=expired,
                redacted=redacted,
            )

    def complete(self, *, at: datetime, receipt: str) -> None:
        if self.state is ErasureState.RECORDED:
            self.trigger_event(self.Completed, timestamp=at, receipt=receipt)

    def refuse(self, *, at: datetime) -> None:
        if self.state is ErasureState.REQUESTED:
            self.trigger_event(self.Refused, timestamp=at)

    def withdraw(self, *, at: datetime, by: UUID) -> None:
        """Raises ErasureBegun; nothing happens when it was withdrawn before."""
        if self.state is ErasureState.WITHDRAWN:
            return
        if self.state is not ErasureState.REQUESTED:
            raise ErasureBegun(erasure_id=self.id, state=self.state.value)
        self.trigger_event(self.Withdrawn, timestamp=at, withdrawn_by=by)
