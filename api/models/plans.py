"""Treatment plans and safety plans as they are sent and answered."""

from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from api.models.common import In, LongText, Out, Rfc3339, example
from domain.model.revisions import PlanStatus
from domain.model.safety_plan import Ally, Professional, SafetyPlanContent
from domain.model.treatment_plan import Frequency, PlannedMeasure, TreatmentPlanContent
from domain.model.values import Modality

_ONE_LINE: Final = {"pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$"}
_NO_NUL: Final = {"pattern": "^[^\\u0000]*$"}
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=500), Field(json_schema_extra={**_ONE_LINE})]
Short = Annotated[str, StringConstraints(max_length=500), Field(json_schema_extra={**_ONE_LINE})]
Note = Annotated[str, StringConstraints(max_length=2_000), Field(json_schema_extra={**_NO_NUL})]
Phrases = Annotated[tuple[Phrase, ...], Field(max_length=50)]
Steps = Annotated[tuple[Phrase, ...], Field(max_length=30)]

TREATMENT_PLAN_EXAMPLE: Final[dict[str, Any]] = {
    "presenting_problems": ["Avoids trains since a panic attack", "Sleeps badly"],
    "formulation": "Avoidance keeps the fear alive; poor sleep adds to it.",
    "diagnosis_ids": [],
    "goal_ids": [],
    "modality": "in_person",
    "approach": "cognitive behavioural therapy",
    "frequency": {"sessions": 1, "weeks": 1},
    "interventions": ["graded exposure", "sleep hygiene"],
    "discharge_criteria": ["Travels to work by train for a month"],
    "measures": [{"instrument": "gad-7", "every_days": 14}],
    "review_due": None,
}
SAFETY_PLAN_EXAMPLE: Final[dict[str, Any]] = {
    "warning_signs": ["Stops answering messages"],
    "coping_strategies": ["Walk along the river", "Play the piano"],
    "distractions": [{"name": "The chess club", "contact": "Tuesdays at the library"}],
    "helpers": [{"name": "Sam, brother", "contact": "+1 202 555 0143"}],
    "professionals": [{"name": "988 Suicide & Crisis Lifeline", "contact": "988", "available": "day and night"}],
    "environment": ["The tablets stay with the pharmacy"],
    "reasons_for_living": ["Her daughter"],
    "reviewed_on": "2026-03-02",
}
_PLAN_EXAMPLE: Final[dict[str, Any]] = {
    "id": "0b6f3c8e-3b0b-5a7e-8f0c-2f1f0c8d5a11",
    "client_id": "7d0f3c0e-3b0b-4a7e-8f0c-2f1f0c8d5a11",
    "version": 1,
    "status": "active",
    "recorded_at": "2026-03-02T10:05:11.120000Z",
    "changed_at": "2026-03-02T10:05:11.120000Z",
    "error_reason": "",
    "content_version": 1,
    "written_by": "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22",
    "written_at": "2026-03-02T10:05:11.120000Z",
    "revisions": [
        {
            "version": 1,
            "written_by": "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22",
            "written_at": "2026-03-02T10:05:11.120000Z",
            "entered_in_error": False,
        }
    ],
}


class FrequencyModel(In):
    """`sessions` within `weeks`: 1 and 1 is weekly, 1 and 2 every other week."""

    sessions: Annotated[int, Field(ge=1, le=100)]
    weeks: Annotated[int, Field(ge=1, le=52)]


class PlannedMeasureModel(In):
    """An instrument, by its key, to be filled in every so many days."""

    instrument: Annotated[str, Field(min_length=1, max_length=100)]
    every_days: Annotated[int, Field(ge=1, le=366)]


class TreatmentPlanIn(In):
    """What is treated, how, how often, measured by what, until when. `modality` is how client and clinician meet, `approach`
    the kind of therapy; diagnoses and goals are this client's; what is overdue follows from `measures`.
    """

    presenting_problems: Annotated[tuple[Phrase, ...], Field(min_length=1, max_length=50)]
    formulation: LongText = ""
    diagnosis_ids: Annotated[tuple[UUID, ...], Field(max_length=100)] = ()
    goal_ids: Annotated[tuple[UUID, ...], Field(max_length=100)] = ()
    modality: Modality | None = None
    approach: Short = ""
    frequency: FrequencyModel | None = None
    interventions: Phrases = ()
    discharge_criteria: Phrases = ()
    measures: Annotated[tuple[PlannedMeasureModel, ...], Field(max_length=20)] = ()
    review_due: date | None = None

    model_config = example(TREATMENT_PLAN_EXAMPLE)

    def content(self) -> TreatmentPlanContent:
        frequency = self.frequency
        return TreatmentPlanContent(
            presenting_problems=self.presenting_problems,
            formulation=self.formulation,
            diagnosis_ids=self.diagnosis_ids,
            goal_ids=self.goal_ids,
            modality=self.modality,
            approach=self.approach,
            frequency=Frequency(sessions=frequency.sessions, weeks=frequency.weeks) if frequency else None,
            interventions=self.interventions,
            discharge_criteria=self.discharge_criteria,
            measures=tuple(PlannedMeasure(instrument=m.instrument, every_days=m.every_days) for m in self.measures),
            review_due=self.review_due,
        )


class ReviewIn(In):
    """It was looked at and stands; `review_due` is when to look at it next."""

    note: Note = ""
    review_due: date | None = None

    model_config = example({"note": "Exposure goes well; go on.", "review_due": None})


class AllyModel(In):
    name: Phrase
    contact: Short = ""


class ProfessionalModel(In):
    name: Phrase
    contact: Short = ""
    available: Short = ""


class SafetyPlanIn(In):
    """In the order in which to try it: signs that a crisis comes; what the client can do alone; people and places that
    distract; people to ask for help; professionals and agencies; making the environment safe. Then what is worth living
    for. At least one of them. `reviewed_on` is when it was last gone through together.
    """

    warning_signs: Steps = ()
    coping_strategies: Steps = ()
    distractions: Annotated[tuple[AllyModel, ...], Field(max_length=30)] = ()
    helpers: Annotated[tuple[AllyModel, ...], Field(max_length=30)] = ()
    professionals: Annotated[tuple[ProfessionalModel, ...], Field(max_length=30)] = ()
    environment: Steps = ()
    reasons_for_living: Steps = ()
    reviewed_on: date | None = None

    model_config = example(SAFETY_PLAN_EXAMPLE)

    def content(self) -> SafetyPlanContent:
        return SafetyPlanContent(
            warning_signs=self.warning_signs,
            coping_strategies=self.coping_strategies,
            distractions=tuple(Ally(name=each.name, contact=each.contact) for each in self.distractions),
            helpers=tuple(Ally(name=each.name, contact=each.contact) for each in self.helpers),
            professionals=tuple(
                Professional(name=each.name, contact=each.contact, available=each.available)
                for each in self.professionals
            ),
            environment=self.environment,
            reasons_for_living=self.reasons_for_living,
            reviewed_on=self.reviewed_on,
        )


class RevisionOut(Out):
    """A version in which the text changed; `?version=` reads it."""

    version: int
    written_by: UUID
    written_at: Rfc3339
    entered_in_error: bool


class PlanOut(Out):
    """`content` is the text as of `content_version`, written by `written_by`; `version` is what the plan has now."""

    id: UUID
    client_id: UUID
    version: int
    status: PlanStatus
    recorded_at: Rfc3339
    changed_at: Rfc3339
    error_reason: str
    content_version: int
    written_by: UUID
    written_at: Rfc3339
    revisions: tuple[RevisionOut, ...]


class TreatmentPlanContentOut(Out):
    presenting_problems: tuple[str, ...]
    formulation: str
    diagnosis_ids: tuple[UUID, ...]
    goal_ids: tuple[UUID, ...]
    modality: Modality | None
    approach: str
    frequency: FrequencyModel | None
    interventions: tuple[str, ...]
    discharge_criteria: tuple[str, ...]
    measures: tuple[PlannedMeasureModel, ...]
    review_due: date | None


class TreatmentPlanOut(PlanOut):
    """`reviewed_…` tell of the last review, which may have set `review_due` anew."""

    reviewed_by: UUID | None
    reviewed_at: Rfc3339 | None
    review_note: str
    content: TreatmentPlanContentOut

    model_config = example(
        _PLAN_EXAMPLE | {"reviewed_by": None, "reviewed_at": None, "review_note": "", "content": TREATMENT_PLAN_EXAMPLE}
    )


class SafetyPlanContentOut(Out):
    warning_signs: tuple[str, ...]
    coping_strategies: tuple[str, ...]
    distractions: tuple[AllyModel, ...]
    helpers: tuple[AllyModel, ...]
    professionals: tuple[ProfessionalModel, ...]
    environment: tuple[str, ...]
    reasons_for_living: tuple[str, ...]
    reviewed_on: date | None


class SafetyPlanOut(PlanOut):
    content: SafetyPlanContentOut

    model_config = example(_PLAN_EXAMPLE | {"content": SAFETY_PLAN_EXAMPLE})
