"""Goals, measures, flags, plans, diagnoses, medications and transcripts, made in one line each."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from views_world import CANARY, CLINICIAN, T0, moment

from domain.instruments import instrument
from domain.model.client import Client
from domain.model.diagnosis import Diagnosis, DiagnosisContent
from domain.model.goal import Goal, GoalContent, GoalMetric
from domain.model.measure import CompletedBy, Measure
from domain.model.medication import Medication, MedicationContent
from domain.model.risk_flag import FlagLevel, FlagSource, RiskFlag
from domain.model.safety_plan import SafetyPlan, SafetyPlanContent
from domain.model.session import Session
from domain.model.transcript import Speaker, Transcript, Utterance
from domain.model.treatment_plan import PlannedMeasure, TreatmentPlan, TreatmentPlanContent

BY = CLINICIAN.id
PHQ9 = instrument("phq-9")


def measured(client: Client, at: datetime = T0, each: int = 1) -> Measure:
    return Measure.record(
        uuid4(),
        at=at + timedelta(hours=1),
        by=BY,
        client_id=client.id,
        instrument=PHQ9,
        taken_at=moment(at),
        answers=(each,) * 8 + (0,),
        completed_by=CompletedBy.CLIENT,
    )


def goal_set(client: Client, at: datetime = T0, *session_ids: UUID) -> Goal:
    content = GoalContent(
        statement=f"Walk with the {CANARY}.",
        metric=GoalMetric.MEASURE,
        instrument="phq-9",
        baseline=18,
        target=5,
        session_ids=session_ids,
    )
    return Goal.set_goal(uuid4(), at=at, by=BY, client_id=client.id, content=content, instrument=PHQ9)


def flagged(client: Client, at: datetime = T0, level: FlagLevel = FlagLevel.HIGH) -> RiskFlag:
    return RiskFlag.raise_flag(
        uuid4(),
        at=at,
        by=BY,
        client_id=client.id,
        level=level,
        source=FlagSource.CLINICIAN,
        reason=f"The {CANARY} fell.",
    )


def plan_content(**more: object) -> TreatmentPlanContent:
    return TreatmentPlanContent(presenting_problems=(f"Afraid of the {CANARY}",), **more)


def plan_written(client: Client, at: datetime = T0, every_days: int = 14, **more: object) -> TreatmentPlan:
    content = plan_content(measures=(PlannedMeasure(instrument="phq-9", every_days=every_days),), **more)
    return TreatmentPlan.write(client.id, at=at, by=BY, content=content)


def safety_written(client: Client, at: datetime = T0) -> SafetyPlan:
    content = SafetyPlanContent(warning_signs=(f"Hears the {CANARY}",))
    return SafetyPlan.write(client.id, at=at, by=BY, content=content)


def diagnosed(client: Client, at: datetime = T0) -> Diagnosis:
    content = DiagnosisContent(code="F32.1", description=f"Sad about the {CANARY}", edition="2026")
    return Diagnosis.record(uuid4(), at=at, client_id=client.id, by=BY, content=content)


def medicated(client: Client, at: datetime = T0) -> Medication:
    content = MedicationContent(name=f"Extract of {CANARY}", dose="50 mg")
    return Medication.record(uuid4(), at=at, client_id=client.id, by=BY, content=content)


def transcribed(session: Session, utterances: int = 2, text: str = f"The {CANARY} sings.") -> Transcript:
    return Transcript.attach(
        session.id,
        at=session.created_on,
        client_id=session.client_id,
        by=BY,
        took_place=session.content.took_place,
        utterances=[Utterance(number=n, speaker=Speaker.CLIENT, text=text) for n in range(utterances)],
    )
