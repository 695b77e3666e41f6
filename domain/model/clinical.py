"""What all records of a client share: whose they are, and that a wrong chart is marked, never deleted."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict
from domain.model import checks
from domain.ports.keys import RecordClass

IN_ERROR: Final = "entered_in_error"
REASON_MOST: Final = 2_000


@dataclass(frozen=True)
class MarkedInError:
    """What an `EnteredInError` event says. Each aggregate nests its own, with the KIND it is stored under:

    `class EnteredInError(MarkedInError, Event): KIND: ClassVar[str] = "goal.entered_in_error"`
    """

    marked_by: UUID
    reason: str

    def apply(self, aggregate: Any) -> None:
        aggregate.status = type(aggregate.status)(IN_ERROR)
        aggregate.error_reason = self.reason


class ClinicalRecord(Aggregate):
    """Base of what lies in a client's record: `status` has a member `entered_in_error`, `error_reason` says why.

    A record entered in error stays readable, takes no more changes and counts for nothing. Subclasses name the error that
    says so (`ENTERED_IN_ERROR`, told under `<NAME>_id`), and nest `EnteredInError` as `MarkedInError` shows.
    """

    TOPIC_KIND: ClassVar[str] = "record"
    WRITTEN_BY: ClassVar[str] = "recorded_by"
    """Which of its fields names the account that wrote it."""
    NAME: ClassVar[str] = ""
    RECORD_CLASS: ClassVar[RecordClass]
    ENTERED_IN_ERROR: ClassVar[type[Conflict]]
    EnteredInError: ClassVar[Any]

    client_id: UUID
    status: StrEnum
    error_reason: str
    substance_use: bool = False
    """Whether it is a record of substance-use treatment (42 CFR Part 2): fixed when it is made, and kept under a key of its own."""

    @property
    def record_class(self) -> RecordClass:
        return RecordClass.SUD if self.substance_use else self.RECORD_CLASS

    @property
    def written_by(self) -> UUID | None:
        found: UUID | None = getattr(self, self.WRITTEN_BY, None)
        return found

    @property
    def subject(self) -> UUID:
        return self.client_id

    @property
    def in_error(self) -> bool:
        """Whether it was marked as entered in error, and so counts for nothing."""
        return self.status == IN_ERROR

    def mark_entered_in_error(self, *, at: datetime, by: UUID, reason: str) -> None:
        """A wrong chart: it stays readable, marked, and counts for nothing. Raises the class's ENTERED_IN_ERROR, Invalid."""
        self.require_standing()
        checks.text("reason", reason, REASON_MOST, least=1)
        self.trigger_event(self.EnteredInError, timestamp=at, marked_by=by, reason=reason)

    def require_standing(self) -> None:
        """Raises the class's ENTERED_IN_ERROR once it was marked as entered in error."""
        if self.in_error:
            raise self.ENTERED_IN_ERROR(**{f"{self.NAME}_id": self.id})


def record_class_of(owner: Any) -> RecordClass:
    """The class under which what happens to an aggregate is sealed; an event without an aggregate has one of its own."""
    found: RecordClass = owner.record_class if isinstance(owner, ClinicalRecord) else owner.RECORD_CLASS
    return found
