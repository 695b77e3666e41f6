"""A risk flag: somebody may be in danger, and somebody must say within a time that they know and what became of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, NotFound
from domain.model import checks
from domain.model.clinical import ClinicalRecord, MarkedInError
from domain.ports.keys import RecordClass

TEXT_MOST: Final = 10_000


class RiskFlagNotFound(NotFound):
    code = "risk_flag_not_found"
    message = "There is no risk flag with this id."


class RiskFlagEnteredInError(Conflict):
    code = "risk_flag_entered_in_error"
    message = "The risk flag was marked as entered in error; it stays readable and takes no more changes."


class RiskFlagAlreadyAcknowledged(Conflict):
    code = "risk_flag_already_acknowledged"
    message = "Somebody has taken this risk flag on already."


class RiskFlagResolved(Conflict):
    code = "risk_flag_resolved"
    message = "The risk flag was resolved; it takes no more changes."
    hint = "If there is danger again, raise a new one."


class RiskFlagNotOverdue(Conflict):
    code = "risk_flag_not_overdue"
    message = "The risk flag is acknowledged, or its time has not passed."


class FlagLevel(StrEnum):
    """How urgent it is, and so how soon somebody must take it on."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"
    IMMINENT = "imminent"


class FlagSource(StrEnum):
    """What raised it: an answer to a critical item, a person, or a detector of crises in text."""

    ITEM = "item"
    CLINICIAN = "clinician"
    DETECTOR = "detector"


class FlagStatus(StrEnum):
    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    ENTERED_IN_ERROR = "entered_in_error"


class EscalationReason(StrEnum):
    OVERDUE = "overdue"
    CLINICIAN = "clinician"


WITHIN: Final[Mapping[FlagLevel, timedelta]] = MappingProxyType(
    {
        FlagLevel.IMMINENT: timedelta(hours=1),
        FlagLevel.HIGH: timedelta(hours=24),
        FlagLevel.MODERATE: timedelta(hours=72),
        FlagLevel.LOW: timedelta(days=7),
    }
)
"""How long a flag may wait for somebody to take it on. Ours, for an outpatient practice; not a clinical standard."""


class RiskFlag(ClinicalRecord):
    """`due_at` is by when it must be acknowledged; escalating sets it anew. `raised_by` is None where no person raised it.

    `measure_withdrawn`: the measure that raised it was marked as entered in error after a person had taken the flag on.
    """

    NAME = "risk_flag"
    RECORD_CLASS = RecordClass.JOURNAL
    NOT_FOUND = RiskFlagNotFound
    ENTERED_IN_ERROR = RiskFlagEnteredInError

    def __init__(self) -> None:
        self.client_id: UUID
        self.level: FlagLevel
        self.source: FlagSource
        self.reason: str
        self.raised_by: UUID | None = None
        self.measure_id: UUID | None = None
        self.session_id: UUID | None = None
        self.due_at: datetime
        self.status = FlagStatus.RAISED
        self.acknowledged_by: UUID | None = None
        self.acknowledged_at: datetime | None = None
        self.note = ""
        self.escalated_by: UUID | None = None
        self.escalated_to: UUID | None = None
        self.escalated_at: datetime | None = None
        self.escalation_reason: EscalationReason | None = None
        self.resolved_by: UUID | None = None
        self.resolved_at: datetime | None = None
        self.outcome = ""
        self.measure_withdrawn = False
        self.error_reason = ""

    @property
    def raised_at(self) -> datetime:
        return self.created_on

    @property
    def open(self) -> bool:
        """Whether something is still to be done about it."""
        return self.status in (FlagStatus.RAISED, FlagStatus.ACKNOWLEDGED, FlagStatus.ESCALATED)

    @property
    def waiting(self) -> bool:
        """Whether it still waits for somebody to take it on."""
        return self.status in (FlagStatus.RAISED, FlagStatus.ESCALATED)

    @property
    def vouched_for(self) -> bool:
        """Whether a person has made it their own: raised it, took it on, or passed it up."""
        return self.raised_by is not None or self.acknowledged_by is not None or self.escalated_by is not None

    class Event(Aggregate.Event):
        pass

    class Raised(Event, Aggregate.Created):
        KIND: ClassVar[str] = "risk_flag.raised"
        client_id: UUID
        level: FlagLevel
        source: FlagSource
        reason: str
        raised_by: UUID | None
        measure_id: UUID | None
        session_id: UUID | None
        due_at: datetime

        def apply(self, aggregate: "RiskFlag") -> None:
            aggregate.client_id = self.client_id
            aggregate.level = self.level
            aggregate.source = self.source
            aggregate.reason = self.reason
            aggregate.raised_by = self.raised_by
            aggregate.measure_id = self.measure_id
            aggregate.session_id = self.session_id
            aggregate.due_at = self.due_at

    class Acknowledged(Event):
        KIND: ClassVar[str] = "risk_flag.acknowledged"
        acknowledged_by: UUID
        note: str

        def apply(self, aggregate: "RiskFlag") -> None:
            aggregate.status = FlagStatus.ACKNOWLEDGED
            aggregate.acknowledged_by = self.acknowledged_by
            aggregate.acknowledged_at = self.timestamp
            aggregate.note = self.note

    class Escalated(Event):
        """`escalated_by` None: nobody took it on in time. It waits anew, until `due_at`."""

        KIND: ClassVar[str] = "risk_flag.escalated"
        escalated_by: UUID | None
        escalated_to: UUID | None
        reason: EscalationReason
        due_at: datetime

        def apply(self, aggregate: "RiskFlag") -> None:
            aggregate.status = FlagStatus.ESCALATED
            aggregate.escalated_by = self.escalated_by or aggregate.escalated_by
            aggregate.escalated_to = self.escalated_to
            aggregate.escalated_at = self.timestamp
            aggregate.escalation_reason = self.reason
            aggregate.due_at = self.due_at

    class Resolved(Event):
        KIND: ClassVar[str] = "risk_flag.resolved"
        resolved_by: UUID
        outcome: str

        def apply(self, aggregate: "RiskFlag") -> None:
            aggregate.status = FlagStatus.RESOLVED
            aggregate.resolved_by = self.resolved_by
            aggregate.resolved_at = self.timestamp
            aggregate.outcome = self.outcome

    class MeasureWithdrawn(Event):
        """The measure it came from counts no more; the flag stays, because a person has made it their own."""

        KIND: ClassVar[str] = "risk_flag.measure_withdrawn"
        withdrawn_by: UUID

        def apply(self, aggregate: "RiskFlag") -> None:
            aggregate.measure_withdrawn = True

    class EnteredInError(MarkedInError, Event):
        KIND: ClassVar[str] = "risk_flag.entered_in_error"

    @classmethod
    def raise_flag(  # noqa: PLR0913 - one argument a fact of the flag
        cls,
        flag_id: UUID,
        *,
        at: datetime,
        by: UUID | None,
        client_id: UUID,
        level: FlagLevel,
        source: FlagSource,
        reason: str,
        measure_id: UUID | None = None,
        session_id: UUID | None = None,
    ) -> "RiskFlag":
        """Raises Invalid for a reason that says nothing."""
        checks.text("reason", reason, TEXT_MOST, least=1)
        return cls._create(
            cls.Raised,
            id=flag_id,
            timestamp=at,
            client_id=client_id,
            level=level,
            source=source,
            reason=reason,
            raised_by=by,
            measure_id=measure_id,
            session_id=session_id,
            due_at=at + WITHIN[level],
        )

    def acknowledge(self, *, at: datetime, by: UUID, note: str = "") -> None:
        """Take it on. Raises RiskFlagAlreadyAcknowledged, RiskFlagResolved, RiskFlagEnteredInError, Invalid."""
        self._require_open()
        if self.status is FlagStatus.ACKNOWLEDGED:
            raise RiskFlagAlreadyAcknowledged(risk_flag_id=self.id)
        checks.text("note", note, TEXT_MOST)
        self.trigger_event(self.Acknowledged, timestamp=at, acknowledged_by=by, note=note)

    def escalate(self, *, at: datetime, by: UUID, to: UUID | None = None) -> None:
        """Pass it up, also after taking it on: it waits for somebody anew. Raises RiskFlagResolved, RiskFlagEnteredInError."""
        self._require_open()
        self._escalate(at, by, to, EscalationReason.CLINICIAN)

    def escalate_overdue(self, *, at: datetime, to: UUID | None = None) -> None:
        """Nobody took it on in time. Raises RiskFlagNotOverdue, RiskFlagResolved, RiskFlagEnteredInError."""
        self._require_open()
        if not self.waiting or at < self.due_at:
            raise RiskFlagNotOverdue(risk_flag_id=self.id)
        self._escalate(at, None, to, EscalationReason.OVERDUE)

    def resolve(self, *, at: datetime, by: UUID, outcome: str) -> None:
        """Say what became of it; whoever resolves it has taken it on. Raises RiskFlagResolved, RiskFlagEnteredInError,
        Invalid.
        """
        self._require_open()
        checks.text("outcome", outcome, TEXT_MOST, least=1)
        self.trigger_event(self.Resolved, timestamp=at, resolved_by=by, outcome=outcome)

    def withdraw_measure(self, *, at: datetime, by: UUID) -> None:
        """The measure that raised it was marked as entered in error. Raises RiskFlagEnteredInError."""
        self.require_standing()
        self.trigger_event(self.MeasureWithdrawn, timestamp=at, withdrawn_by=by)

    def _escalate(self, at: datetime, by: UUID | None, to: UUID | None, reason: EscalationReason) -> None:
        self.trigger_event(
            self.Escalated,
            timestamp=at,
            escalated_by=by,
            escalated_to=to,
            reason=reason,
            due_at=at + WITHIN[self.level],
        )

    def _require_open(self) -> None:
        self.require_standing()
        if self.status is FlagStatus.RESOLVED:
            raise RiskFlagResolved(risk_flag_id=self.id)
