"""The treatment plan: what is treated, how, how often, measured by what, until when. One a client, revised as treatment goes on."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, NotFound
from domain.model import checks
from domain.model.clinical import ClinicalRecord, MarkedInError
from domain.model.revisions import KeepsRevisions, PlanStatus
from domain.model.values import Modality
from domain.ports.keys import RecordClass

TEXT_MOST: Final = 20_000
LABEL_MOST: Final = 500
LABELS_MOST: Final = 50
NOTE_MOST: Final = 2_000
REVIEW_AHEAD_MOST: Final = timedelta(days=2 * 366)
_GRACE: Final = timedelta(days=1)


class TreatmentPlanNotFound(NotFound):
    code = "treatment_plan_not_found"
    message = "There is no treatment plan for this client."
    hint = "PUT one without If-Match to write the first."


class TreatmentPlanAlreadyWritten(Conflict):
    code = "treatment_plan_already_written"
    message = "This client has a treatment plan."
    hint = "Read it, and send its ETag as If-Match to revise it."


class TreatmentPlanUnchanged(Conflict):
    code = "treatment_plan_unchanged"
    message = "The treatment plan reads so already."
    hint = "To say that it was looked at and stands, mark it as reviewed."


class TreatmentPlanEnteredInError(Conflict):
    code = "treatment_plan_entered_in_error"
    message = "The treatment plan was marked as entered in error."
    hint = "Write the right one over it: send its ETag as If-Match."


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """`sessions` within `weeks`: 1 and 1 is weekly, 1 and 2 every other week."""

    sessions: int
    weeks: int

    def check(self, field: str) -> None:
        checks.integer(f"{field}.sessions", self.sessions, 1, 100)
        checks.integer(f"{field}.weeks", self.weeks, 1, 52)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMeasure:
    """An instrument, by its key, to be filled in every so many days."""

    instrument: str
    every_days: int

    def check(self, field: str) -> None:
        checks.text(f"{field}.instrument", self.instrument, 100, least=1, one_line=True)
        checks.integer(f"{field}.every_days", self.every_days, 1, 366)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentPlanContent:
    """`modality` is how client and clinician meet, `approach` the kind of therapy. `measures` say what is measured how often:
    what is overdue follows from them.
    """

    presenting_problems: tuple[str, ...]
    formulation: str = ""
    diagnosis_ids: tuple[UUID, ...] = ()
    goal_ids: tuple[UUID, ...] = ()
    modality: Modality | None = None
    approach: str = ""
    frequency: Frequency | None = None
    interventions: tuple[str, ...] = ()
    discharge_criteria: tuple[str, ...] = ()
    measures: tuple[PlannedMeasure, ...] = ()
    review_due: date | None = None

    def check(self, now: datetime) -> None:
        """Raises Invalid naming the field."""
        checks.count("presenting_problems", self.presenting_problems, LABELS_MOST, least=1)
        for name in ("presenting_problems", "interventions", "discharge_criteria"):
            checks.texts(name, getattr(self, name), LABELS_MOST, LABEL_MOST)
        checks.text("formulation", self.formulation, TEXT_MOST)
        checks.text("approach", self.approach, LABEL_MOST, one_line=True)
        for name in ("diagnosis_ids", "goal_ids"):
            checks.count(name, getattr(self, name), 100)
            checks.distinct(name, getattr(self, name))
        if self.frequency is not None:
            self.frequency.check("frequency")
        self._check_measures()
        _check_review("review_due", self.review_due, now, overdue=True)

    def _check_measures(self) -> None:
        checks.count("measures", self.measures, 20)
        for index, measure in enumerate(self.measures):
            measure.check(f"measures[{index}]")
        if len({measure.instrument for measure in self.measures}) != len(self.measures):
            raise checks.OutOfRange("measures names the same instrument twice.", field="measures")


class TreatmentPlan(KeepsRevisions[TreatmentPlanContent], ClinicalRecord):
    """Its text is the newest of `revisions`; a review may set when to look at it next."""

    RECORD_CLASS = RecordClass.JOURNAL
    NOT_FOUND = TreatmentPlanNotFound
    NAME = "treatment_plan"
    ENTERED_IN_ERROR = TreatmentPlanEnteredInError

    def __init__(self) -> None:
        self.client_id: UUID
        self.status = PlanStatus.ACTIVE
        self.error_reason = ""
        self.reviewed_by: UUID | None = None
        self.reviewed_at: datetime | None = None
        self.review_note = ""

    @staticmethod
    def stream_of(client_id: UUID) -> UUID:
        """The stream of a client's treatment plan; one a client."""
        return uuid5(client_id, "treatment_plan")

    class Event(Aggregate.Event):
        pass

    class Written(Event, Aggregate.Created):
        KIND: ClassVar[str] = "treatment_plan.written"
        client_id: UUID
        content: TreatmentPlanContent
        written_by: UUID

        def apply(self, aggregate: "TreatmentPlan") -> None:
            aggregate.client_id = self.client_id
            aggregate.keep_revision(self.originator_version, self.written_by, self.timestamp, self.content)

    class Revised(Event):
        """The whole plan as it reads now; what it read before stays. Over one entered in error it is a plan again."""

        KIND: ClassVar[str] = "treatment_plan.revised"
        content: TreatmentPlanContent
        revised_by: UUID

        def apply(self, aggregate: "TreatmentPlan") -> None:
            aggregate.status = PlanStatus.ACTIVE
            aggregate.error_reason = ""
            aggregate.keep_revision(self.originator_version, self.revised_by, self.timestamp, self.content)

    class Reviewed(Event):
        """Looked at, and it stands but for `review_due`, when to look at it next."""

        KIND: ClassVar[str] = "treatment_plan.reviewed"
        reviewed_by: UUID
        note: str
        review_due: date | None

        def apply(self, aggregate: "TreatmentPlan") -> None:
            aggregate.reviewed_by = self.reviewed_by
            aggregate.reviewed_at = self.timestamp
            aggregate.review_note = self.note
            if self.review_due != aggregate.content.review_due:
                content = replace(aggregate.content, review_due=self.review_due)
                aggregate.keep_revision(self.originator_version, self.reviewed_by, self.timestamp, content)

    class EnteredInError(MarkedInError, Event):
        KIND: ClassVar[str] = "treatment_plan.entered_in_error"

        def apply(self, aggregate: "TreatmentPlan") -> None:
            super().apply(aggregate)
            aggregate.spoil_revisions(self.reason)

    @classmethod
    def write(cls, client_id: UUID, *, at: datetime, by: UUID, content: TreatmentPlanContent) -> "TreatmentPlan":
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

    def revise(self, *, at: datetime, by: UUID, content: TreatmentPlanContent) -> None:
        """Write it anew, also over one entered in error. Raises TreatmentPlanUnchanged, Invalid."""
        content.check(at)
        if content == self.content and not self.in_error:
            raise TreatmentPlanUnchanged(id=self.id)
        self.trigger_event(self.Revised, timestamp=at, content=content, revised_by=by)

    def review(self, *, at: datetime, by: UUID, note: str = "", review_due: date | None = None) -> None:
        """It was looked at and stands; `review_due` is when to look next. Raises TreatmentPlanEnteredInError, Invalid."""
        self.require_standing()
        checks.text("note", note, NOTE_MOST)
        _check_review("review_due", review_due, at, overdue=False)
        self.trigger_event(self.Reviewed, timestamp=at, reviewed_by=by, note=note, review_due=review_due)


def _check_review(field: str, due: date | None, now: datetime, *, overdue: bool) -> None:
    """A plan whose review is `overdue` may be revised as it stands; a review done now is due again ahead."""
    if due is None:
        return
    if due > now.date() + REVIEW_AHEAD_MOST:
        raise checks.ImpossibleTime(f"{field} lies more than two years ahead.", field=field)
    if due.year < 1900 or (not overdue and due < now.date() - _GRACE):
        raise checks.ImpossibleTime(f"{field} lies in the past.", field=field)
