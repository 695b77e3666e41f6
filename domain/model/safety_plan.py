"""The safety plan: what helps in a suicidal crisis, in the order in which to try it. One a client.

The steps are those of the Safety Planning Intervention (Stanley & Brown 2012, Cognitive and Behavioral Practice 19(2):256-264).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Final
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Invalid, NotFound
from domain.model import checks
from domain.model.clinical import ClinicalRecord, MarkedInError
from domain.model.dates import past_day
from domain.model.revisions import KeepsRevisions, PlanStatus
from domain.ports.keys import RecordClass

LINE_MOST: Final = 500
LINES_MOST: Final = 30
_STEPS: Final = ("warning_signs", "coping_strategies", "environment", "reasons_for_living")
_PEOPLE: Final = ("distractions", "helpers", "professionals")


class SafetyPlanNotFound(NotFound):
    code = "safety_plan_not_found"
    message = "There is no safety plan for this client."
    hint = "PUT one without If-Match to write the first."


class SafetyPlanAlreadyWritten(Conflict):
    code = "safety_plan_already_written"
    message = "This client has a safety plan."
    hint = "Read it, and send its ETag as If-Match to revise it."


class SafetyPlanUnchanged(Conflict):
    code = "safety_plan_unchanged"
    message = "The safety plan reads so already."
    hint = "To say that it was gone through again, set reviewed_on."


class SafetyPlanEnteredInError(Conflict):
    code = "safety_plan_entered_in_error"
    message = "The safety plan was marked as entered in error."
    hint = "Write the right one over it: send its ETag as If-Match."


class SafetyPlanEmpty(Invalid):
    code = "safety_plan_empty"
    message = "A safety plan needs an entry in at least one of its steps."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ally:
    """A person or place that distracts, or somebody to ask for help; `contact` as the client would dial or find it."""

    name: str
    contact: str = ""

    def check(self, field: str) -> None:
        checks.text(f"{field}.name", self.name, LINE_MOST, least=1, one_line=True)
        checks.text(f"{field}.contact", self.contact, LINE_MOST, one_line=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Professional:
    """A clinician, a service or an emergency line, and when it is `available`."""

    name: str
    contact: str = ""
    available: str = ""

    def check(self, field: str) -> None:
        checks.text(f"{field}.name", self.name, LINE_MOST, least=1, one_line=True)
        checks.text(f"{field}.contact", self.contact, LINE_MOST, one_line=True)
        checks.text(f"{field}.available", self.available, LINE_MOST, one_line=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyPlanContent:
    """Step by step: signs that a crisis comes; what the client can do alone; people and places that distract; people to ask
    for help; professionals and agencies; making the environment safe. Then what is worth living for.
    """

    warning_signs: tuple[str, ...] = ()
    coping_strategies: tuple[str, ...] = ()
    distractions: tuple[Ally, ...] = ()
    helpers: tuple[Ally, ...] = ()
    professionals: tuple[Professional, ...] = ()
    environment: tuple[str, ...] = ()
    reasons_for_living: tuple[str, ...] = ()
    reviewed_on: date | None = None
    """When client and clinician last went through it."""

    def check(self, now: datetime) -> None:
        """Raises Invalid naming the field."""
        if not any(getattr(self, name) for name in (*_STEPS, *_PEOPLE)):
            raise SafetyPlanEmpty
        for name in _STEPS:
            checks.texts(name, getattr(self, name), LINES_MOST, LINE_MOST)
        for name in _PEOPLE:
            people: tuple[Ally | Professional, ...] = getattr(self, name)
            checks.count(name, people, LINES_MOST)
            for index, person in enumerate(people):
                person.check(f"{name}[{index}]")
        past_day("reviewed_on", self.reviewed_on, now)


class SafetyPlan(KeepsRevisions[SafetyPlanContent], ClinicalRecord):
    RECORD_CLASS = RecordClass.JOURNAL
    NOT_FOUND = SafetyPlanNotFound
    NAME = "safety_plan"
    ENTERED_IN_ERROR = SafetyPlanEnteredInError

    def __init__(self) -> None:
        self.client_id: UUID
        self.status = PlanStatus.ACTIVE
        self.error_reason = ""

    @staticmethod
    def stream_of(client_id: UUID) -> UUID:
        """The stream of a client's safety plan; one a client."""
        return uuid5(client_id, "safety_plan")

    class Event(Aggregate.Event):
        pass

    class Written(Event, Aggregate.Created):
        KIND: ClassVar[str] = "safety_plan.written"
        client_id: UUID
        content: SafetyPlanContent
        written_by: UUID

        def apply(self, aggregate: "SafetyPlan") -> None:
            aggregate.client_id = self.client_id
            aggregate.keep_revision(self.originator_version, self.written_by, self.timestamp, self.content)

    class Revised(Event):
        """The whole plan as it reads now; what it read before stays. Over one entered in error it is a plan again."""

        KIND: ClassVar[str] = "safety_plan.revised"
        content: SafetyPlanContent
        revised_by: UUID

        def apply(self, aggregate: "SafetyPlan") -> None:
            aggregate.status = PlanStatus.ACTIVE
            aggregate.error_reason = ""
            aggregate.keep_revision(self.originator_version, self.revised_by, self.timestamp, self.content)

    class EnteredInError(MarkedInError, Event):
        KIND: ClassVar[str] = "safety_plan.entered_in_error"

        def apply(self, aggregate: "SafetyPlan") -> None:
            super().apply(aggregate)
            aggregate.spoil_revisions(self.reason)

    @classmethod
    def write(cls, client_id: UUID, *, at: datetime, by: UUID, content: SafetyPlanContent) -> "SafetyPlan":
        """The client's first. Raises Invalid."""
        content.check(at)
        return cls._create(
            cls.Written,
            id=cls.stream_of(client_id),
            timestamp=at,
            client_id=client_id,
            content=content,
            written_by=by,
        )

    def revise(self, *, at: datetime, by: UUID, content: SafetyPlanContent) -> None:
        """Write it anew, also over one entered in error. Raises SafetyPlanUnchanged, Invalid."""
        content.check(at)
        if content == self.content and not self.in_error:
            raise SafetyPlanUnchanged(id=self.id)
        self.trigger_event(self.Revised, timestamp=at, content=content, revised_by=by)
