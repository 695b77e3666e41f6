"""A hold: while it stands nothing of the client is destroyed, whoever asks and whatever is due."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, NotFound
from domain.model import checks
from domain.ports.keys import RecordClass

MATTER_MOST: Final = 200


class HoldNotFound(NotFound):
    code = "hold_not_found"
    message = "There is no hold with this id."


class HoldLifted(Conflict):
    code = "hold_lifted"
    message = "The hold was lifted before."


class HoldBasis(StrEnum):
    LITIGATION = "litigation"
    INVESTIGATION = "investigation"
    AUDIT = "audit"
    CLIENT_CLAIM = "client_claim"
    """The client needs the record for a claim and restricts what is done with it (GDPR article 18(1)(c))."""


class LegalHold(Aggregate):
    """`matter` names the case, such as a docket number; never a person. It stays readable when the client is erased later."""

    TOPIC_KIND = "access"
    RECORD_CLASS = RecordClass.ACCESS
    NOT_FOUND = HoldNotFound

    def __init__(self) -> None:
        self.client_id: UUID
        self.basis: HoldBasis
        self.matter = ""
        self.placed_by: UUID
        self.placed_at: datetime
        self.lifted_at: datetime | None = None

    @property
    def subject(self) -> UUID:
        """The client's, so that the recorder refuses a hold that comes after the fence, under the lock of both."""
        return self.client_id

    class Event(Aggregate.Event):
        pass

    class Placed(Event, Aggregate.Created):
        KIND: ClassVar[str] = "legal_hold.placed"
        client_id: UUID
        basis: HoldBasis
        matter: str
        placed_by: UUID

        def apply(self, aggregate: "LegalHold") -> None:
            aggregate.client_id = self.client_id
            aggregate.basis = self.basis
            aggregate.matter = self.matter
            aggregate.placed_by = self.placed_by
            aggregate.placed_at = self.timestamp

    class Lifted(Event):
        KIND: ClassVar[str] = "legal_hold.lifted"
        lifted_by: UUID

        def apply(self, aggregate: "LegalHold") -> None:
            aggregate.lifted_at = self.timestamp

    @classmethod
    def place(  # noqa: PLR0913 - one argument a fact of the hold
        cls, hold_id: UUID, *, at: datetime, by: UUID, client_id: UUID, basis: HoldBasis, matter: str
    ) -> "LegalHold":
        """Raises TextNotAllowed."""
        checks.text("matter", matter, MATTER_MOST, one_line=True)
        return cls._create(
            cls.Placed, id=hold_id, timestamp=at, client_id=client_id, basis=basis, matter=matter, placed_by=by
        )

    def lift(self, *, at: datetime, by: UUID) -> None:
        """Raises HoldLifted."""
        if self.lifted_at is not None:
            raise HoldLifted(hold_id=self.id)
        self.trigger_event(self.Lifted, timestamp=at, lifted_by=by)
