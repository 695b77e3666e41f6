"""How each kind of record shows in the journey: under which kind, when it happened, and as what.

Charts tell several items and are not listed here. Whoever fills or computes a journey follows this one table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID, uuid5

from domain.model.appointment import Appointment
from domain.model.client import Client
from domain.model.clinical import ClinicalRecord
from domain.model.diagnosis import Diagnosis
from domain.model.goal import Goal
from domain.model.measure import Measure
from domain.model.medication import Medication
from domain.model.risk_flag import RiskFlag
from domain.model.safety_plan import SafetyPlan
from domain.model.session import Session
from domain.model.transcript import Transcript
from domain.model.treatment_plan import TreatmentPlan
from domain.ports.access import Relation
from domain.services.rendering import Json, appointment_as_json, session_as_json
from domain.services.rendering_care import (
    diagnosis_as_json,
    medication_as_json,
    safety_plan_as_json,
    transcript_as_json,
    treatment_plan_as_json,
)
from domain.services.rendering_outcomes import goal_as_json, measure_as_json, risk_flag_as_json

CareChange = Client.CareTeamJoined | Client.RepresentativeLetIn | Client.CareTeamLeft


@dataclass(frozen=True, slots=True)
class Shown:
    """`content` renders the item; `detail` what is kept beside it because it may be megabytes, None for most kinds."""

    kind: str
    happened_at: Callable[[Any], datetime]
    content: Callable[[Any], Json]
    detail: Callable[[Any], Json] | None = None


def _created(record: Any) -> datetime:
    created: datetime = record.created_on
    return created


def _listed(transcript: Transcript) -> Json:
    """The transcript without what was said, but with how much."""
    listed = transcript_as_json(transcript)
    return listed | {"utterances": None, "utterance_count": len(listed["utterances"])}


def _said(transcript: Transcript) -> Json:
    return {"utterances": transcript_as_json(transcript)["utterances"]}


def care_change_as_json(event: CareChange) -> Json:
    """Somebody joined the care team, changed their place in it (`relation`), or left it (null)."""
    relation, by = _change_of(event)
    return {
        "id": str(uuid5(event.originator_id, f"care_team/{event.originator_version}")),
        "account_id": str(event.account_id),
        "relation": None if relation is None else relation.value,
        "changed_by": str(by),
    }


def _change_of(event: CareChange) -> tuple[Relation | None, UUID]:
    """Where the account stands now, and who says so."""
    if isinstance(event, Client.CareTeamJoined):
        return event.relation, event.joined_by
    if isinstance(event, Client.RepresentativeLetIn):
        return Relation.REPRESENTATIVE, event.let_in_by
    return None, event.removed_by


SHOWN: Final[Mapping[type[ClinicalRecord], Shown]] = MappingProxyType(
    {
        Session: Shown("session", lambda session: session.content.took_place.instant, session_as_json),
        Appointment: Shown("appointment", lambda appointment: appointment.start.instant, appointment_as_json),
        Measure: Shown("measure", lambda measure: measure.taken_at.instant, measure_as_json),
        Goal: Shown("goal", _created, goal_as_json),
        RiskFlag: Shown("risk_flag", lambda flag: flag.raised_at, risk_flag_as_json),
        TreatmentPlan: Shown("treatment_plan", _created, treatment_plan_as_json),
        SafetyPlan: Shown("safety_plan", _created, safety_plan_as_json),
        Diagnosis: Shown("diagnosis", _created, diagnosis_as_json),
        Medication: Shown("medication", _created, medication_as_json),
        Transcript: Shown("transcript", lambda transcript: transcript.took_place.instant, _listed, _said),
    }
)
"""By aggregate. Plans, diagnoses and medications stand where they were first recorded."""
