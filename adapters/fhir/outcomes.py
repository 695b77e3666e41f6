"""What is known, meant and measured: goals, questionnaires, diagnoses, medications, plans, risk flags."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final
from uuid import uuid5

from adapters.fhir.parts import ICD_10_CM, LOINC, Json, coding, concept, instant, local, period, reference, resource
from domain.instruments.catalogue import published
from domain.model.diagnosis import Diagnosis, DiagnosisStatus
from domain.model.goal import Goal, GoalMetric
from domain.model.measure import Measure
from domain.model.medication import Medication
from domain.model.risk_flag import RiskFlag
from domain.model.safety_plan import SafetyPlan
from domain.model.treatment_plan import TreatmentPlan

_TOTALS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "phq-9": ("44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]"),
        "gad-7": ("70274-6", "Generalized anxiety disorder 7 item (GAD-7) total score [Reported.PHQ]"),
        "audit-c": ("75626-2", "Total score [AUDIT-C]"),
    }
)
"""LOINC's codes of total scores; the other instruments are told by name."""
_IN_ERROR: Final = "entered-in-error"
_GOALS: Final = {"active": "active", "completed": "completed", "abandoned": "cancelled"}
_VERIFICATION: Final = {
    DiagnosisStatus.PROVISIONAL: "provisional",
    DiagnosisStatus.CONFIRMED: "confirmed",
    DiagnosisStatus.RESOLVED: "confirmed",
    DiagnosisStatus.RULED_OUT: "refuted",
    DiagnosisStatus.ENTERED_IN_ERROR: _IN_ERROR,
}


def goal(told: Goal) -> Json:
    """With its target and milestones."""
    content = told.content
    reached = {each.id: each.reached_on for each in told.reached}
    targets = [
        {
            "measure": concept(text=each.text),
            "detailString": f"reached {reached[each.id].isoformat()}" if each.id in reached else "open",
            "dueDate": each.due_on.isoformat() if each.due_on else None,
        }
        for each in content.milestones
    ]
    if content.target is not None:
        unit = "%" if content.metric is GoalMetric.PERCENTAGE else "{score}"
        targets.append(
            {
                "measure": concept(text=content.instrument or content.measurable or content.statement),
                "detailQuantity": {"value": content.target, "unit": unit},
                "dueDate": content.due_on.isoformat() if content.due_on else None,
            }
        )
    ended = told.completed_on or told.abandoned_on
    return resource(
        "Goal",
        told.id,
        lifecycleStatus=_GOALS.get(told.status, _IN_ERROR),
        achievementStatus=concept(coding("goal-achievement", "achieved", "Achieved")) if told.completed_on else None,
        description=concept(text=content.statement),
        subject=reference(told.client_id),
        startDate=told.created_on.date().isoformat(),
        target=targets,
        statusDate=ended.isoformat() if ended else None,
        statusReason=told.reason,
        expressedBy=reference(told.set_by),
        note=[{"text": f"{name}: {text}"} for name in _SMART if (text := getattr(content, name))],
    )


_SMART: Final = ("specific", "measurable", "achievable", "relevant")


def measure(told: Measure) -> Iterator[Json]:
    """The answers, and the score they gave."""
    instrument = published().get(told.instrument, told.instrument_version)
    status = _IN_ERROR if told.in_error else None
    yield resource(
        "QuestionnaireResponse",
        told.id,
        status=status or "completed",
        questionnaire=f"urn:anamnesis:instrument:{told.instrument}|{told.instrument_version}",
        subject=reference(told.client_id),
        encounter=reference(told.session_id),
        authored=local(told.taken_at),
        author=reference(told.recorded_by),
        item=[
            {"linkId": str(number), "answer": [] if value is None else [{"valueInteger": value}]}
            for number, value in enumerate(told.answers, 1)
        ],
    )
    total = _TOTALS.get(told.instrument)
    yield resource(
        "Observation",
        uuid5(told.id, "score"),
        status=status or "final",
        category=[concept(coding("observation-category", "survey", "Survey"))],
        code=concept(*([coding(LOINC, *total)] if total else []), text=f"{instrument.title}: total score"),
        subject=reference(told.client_id),
        encounter=reference(told.session_id),
        effectiveDateTime=local(told.taken_at),
        issued=instant(told.created_on),
        valueQuantity={
            "value": told.score,
            "unit": "{score}",
            "system": "http://unitsofmeasure.org",
            "code": "{score}",
        },
        interpretation=[concept(text=told.severity)] if told.severity else [],
        note=[{"text": "prorated: some answers are missing"}] if told.prorated else [],
        derivedFrom=[reference(told.id)],
    )


def risk_flag(told: RiskFlag) -> Json:
    """Open while nobody has resolved it."""
    status = _IN_ERROR if told.in_error else "inactive" if told.resolved_at else "active"
    return resource(
        "Flag",
        told.id,
        status=status,
        category=[concept(coding("flag-category", "safety", "Safety"))],
        code=concept(text=f"{told.level.value}: {told.reason}"),
        subject=reference(told.client_id),
        period=period(instant(told.raised_at), instant(told.resolved_at)),
        author=reference(told.raised_by),
    )


def diagnosis(told: Diagnosis) -> Json:
    """With how sure one is of it."""
    content = told.content
    status = DiagnosisStatus.ENTERED_IN_ERROR if told.in_error else content.status
    clinical = "resolved" if status is DiagnosisStatus.RESOLVED else "active"
    without = status in (DiagnosisStatus.ENTERED_IN_ERROR, DiagnosisStatus.RULED_OUT)
    return resource(
        "Condition",
        told.id,
        clinicalStatus=None if without else concept(coding("condition-clinical", clinical)),
        verificationStatus=concept(coding("condition-ver-status", _VERIFICATION[status])),
        category=[concept(coding("condition-category", "encounter-diagnosis", "Encounter Diagnosis"))],
        code=concept(coding(ICD_10_CM, content.code, content.description), text=content.description),
        subject=reference(told.client_id),
        onsetString=content.onset,
        recordedDate=instant(told.created_on),
        recorder=reference(told.recorded_by),
        note=[{"text": text} for text in (content.note, "principal diagnosis" if content.principal else "") if text],
    )


def medication(told: Medication) -> Json:
    """As the client or the prescriber told it."""
    content = told.content
    dosage = " ".join(part for part in (content.dose, content.frequency) if part)
    return resource(
        "MedicationStatement",
        told.id,
        status=_IN_ERROR if told.in_error else told.status.value,
        statusReason=[concept(text=told.stop_reason)] if told.stop_reason else [],
        medicationCodeableConcept=concept(text=content.name),
        subject=reference(told.client_id),
        effectivePeriod=period(content.started_on, told.stopped_on),
        dateAsserted=instant(told.created_on),
        dosage=[{"text": dosage}] if dosage else [],
        reasonCode=[concept(text=content.reason)] if content.reason else [],
        note=[{"text": f"prescribed by {content.prescriber}"}] if content.prescriber else [],
    )


def treatment_plan(told: TreatmentPlan) -> Json:
    """The text that holds; earlier ones are in the project's own export."""
    content = told.content
    return resource(
        "CarePlan",
        told.id,
        status=_IN_ERROR if told.in_error else "active",
        intent="plan",
        category=[concept(text="Treatment plan")],
        description=content.formulation or "; ".join(content.presenting_problems),
        subject=reference(told.client_id),
        created=instant(told.created_on),
        addresses=[reference(each) for each in content.diagnosis_ids],
        goal=[reference(each) for each in content.goal_ids],
        activity=[{"detail": {"status": "in-progress", "description": each}} for each in content.interventions],
        note=[
            {"text": text}
            for text in (
                f"Presenting problems: {'; '.join(content.presenting_problems)}",
                f"Approach: {content.approach}" if content.approach else "",
                f"Discharge when: {'; '.join(content.discharge_criteria)}" if content.discharge_criteria else "",
            )
            if text
        ],
    )


def safety_plan(told: SafetyPlan) -> Json:
    """Its steps, in their order."""
    content = told.content
    steps = {
        "Warning signs": content.warning_signs,
        "What I can do": content.coping_strategies,
        "People and places that distract": [_reached(each.name, each.contact) for each in content.distractions],
        "People I can ask": [_reached(each.name, each.contact) for each in content.helpers],
        "Professionals": [_reached(each.name, each.contact, each.available) for each in content.professionals],
        "Making the surroundings safe": content.environment,
        "Reasons for living": content.reasons_for_living,
    }
    return resource(
        "CarePlan",
        told.id,
        status=_IN_ERROR if told.in_error else "active",
        intent="plan",
        category=[concept(text="Safety plan")],
        subject=reference(told.client_id),
        created=instant(told.created_on),
        activity=[
            {"detail": {"status": "in-progress", "description": f"{name}: {'; '.join(each)}"}}
            for name, each in steps.items()
            if each
        ],
    )


def _reached(*parts: str) -> str:
    """A name and how it is reached: without its number a plan helps nobody."""
    return ", ".join(part for part in parts if part)
