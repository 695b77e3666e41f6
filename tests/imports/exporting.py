"""Records written in the project's own format, from aggregates: what reading is tried against."""

from collections.abc import Sequence
from typing import Any

from domain.model.appointment import Appointment, AppointmentStatus
from domain.model.client import Client
from domain.model.diagnosis import Diagnosis
from domain.model.goal import Goal
from domain.model.identity import Identity
from domain.model.measure import Measure
from domain.model.medication import Medication, MedicationStatus
from domain.model.risk_flag import RiskFlag
from domain.model.safety_plan import SafetyPlan
from domain.model.session import Session
from domain.model.transcript import Transcript
from domain.model.treatment_plan import TreatmentPlan
from domain.services import rendering, rendering_care, rendering_outcomes
from domain.services.rendering import instant_as_json, moment_as_json

Json = dict[str, Any]


def document(records: Sequence[Sequence[Any]], logins: dict[Any, str]) -> Json:
    """`records` are the aggregates of each client; `logins` names the accounts by their ids."""
    return {
        "format": "anamnesis/record",
        "version": 1,
        "source": "tests",
        "accounts": [{"id": str(account_id), "login": login} for account_id, login in logins.items()],
        "clients": [client(each) for each in records],
    }


def client(aggregates: Sequence[Any]) -> Json:
    chart: Client = next(each for each in aggregates if isinstance(each, Client))
    identity = next(each for each in aggregates if isinstance(each, Identity))
    transcripts = {each.session_id: each for each in aggregates if isinstance(each, Transcript)}
    told = rendering.identity_as_json(identity)
    plans = {type(each): each for each in aggregates if isinstance(each, (TreatmentPlan, SafetyPlan))}
    return {
        "id": str(chart.id),
        "registered_at": instant_as_json(chart.created_on),
        "registered_by": str(chart.registered_by),
        "identity": {name: told[name] for name in told if name not in ("client_id", "version")},
        "care_team": [
            {"account": str(account_id), "relation": relation.value} for account_id, relation in chart.care_team.items()
        ],
        "consents": [
            rendering.consent_as_json(consent) | {"recorded_by": str(chart.registered_by)}
            for consent in chart.consents.values()
        ],
        "sessions": [_session(each, transcripts.get(each.id)) for each in _of(aggregates, Session)],
        "appointments": [_appointment(each) for each in _of(aggregates, Appointment)],
        "goals": [_goal(each) for each in _of(aggregates, Goal)],
        "measures": [_measure(each) for each in _of(aggregates, Measure)],
        "risk_flags": [_flag(each) for each in _of(aggregates, RiskFlag)],
        "diagnoses": [_diagnosis(each) for each in _of(aggregates, Diagnosis)],
        "medications": [_medication(each) for each in _of(aggregates, Medication)],
        "treatment_plan": _treatment_plan(plans[TreatmentPlan]) if TreatmentPlan in plans else None,
        "safety_plan": _safety_plan(plans[SafetyPlan]) if SafetyPlan in plans else None,
    }


def _of(aggregates: Sequence[Any], kind: type) -> list[Any]:
    return [each for each in aggregates if isinstance(each, kind)]


def _entry(aggregate: Any, by: Any) -> Json:
    marks = [event for event in aggregate.pending_events if type(event).__name__ == "EnteredInError"]
    return {
        "id": str(aggregate.id),
        "recorded_at": instant_as_json(aggregate.created_on),
        "recorded_by": None if by is None else str(by),
        "entered_in_error": {
            "reason": aggregate.error_reason,
            "at": instant_as_json(marks[-1].timestamp),
            "by": str(marks[-1].marked_by),
        }
        if aggregate.error_reason
        else None,
    }


def _session(session: Session, transcript: Transcript | None) -> Json:
    told = rendering.session_as_json(session)
    return _entry(session, session.author_id) | {
        "content": told["content"],
        "supervisor": told["supervisor_id"],
        "signed_at": told["signed_at"],
        "cosigned_at": told["cosigned_at"],
        "cosigned_by": told["cosigned_by"],
        "addenda": [
            {"id": each["id"], "text": each["text"], "added_at": each["added_at"], "author": each["author_id"]}
            for each in told["addenda"]
        ],
        "transcript": None
        if transcript is None
        else {
            "source": transcript.source,
            "utterances": rendering_care.transcript_as_json(transcript)["utterances"],
        },
    }


def _appointment(appointment: Appointment) -> Json:
    told, changed = rendering.appointment_as_json(appointment), instant_as_json(appointment.modified_on)
    became: Json = {}
    match appointment.status:
        case AppointmentStatus.HELD:
            became["held"] = {"session_id": told["session_id"], "at": changed}
        case AppointmentStatus.MISSED:
            became["missed"] = {"reason": told["miss_reason"], "at": changed}
        case AppointmentStatus.CANCELLED:
            became["cancelled"] = {
                "cancelled_by": told["cancelled_by"],
                "reason": told["cancellation_reason"],
                "notified_at": changed,
            }
    content = {name: told[name] for name in ("start", "duration_min", "modality")}
    entry = _entry(appointment, appointment.clinician_id)
    return entry | {"content": content, "clinician": told["clinician_id"]} | became


def _goal(goal: Goal) -> Json:
    told = rendering_outcomes.goal_as_json(goal)
    by = str(goal.set_by)
    ended = {"at": instant_as_json(goal.modified_on), "by": by}
    return _entry(goal, goal.set_by) | {
        "content": told["content"],
        "progress": [
            {"value": each.value, "took_place": moment_as_json(each.at), "session_id": str(each.session_id)}
            for each in goal.progress
        ],
        "milestones_reached": told["milestones_reached"],
        "completed": {"on": told["completed_on"]} | ended if told["completed_on"] else None,
        "abandoned": {"on": told["abandoned_on"], "reason": told["reason"]} | ended if told["abandoned_on"] else None,
    }


def _measure(measure: Measure) -> Json:
    told = rendering_outcomes.measure_as_json(measure)
    names = ("instrument", "instrument_version", "taken_at", "answers", "completed_by", "session_id")
    return _entry(measure, measure.recorded_by) | {"content": {name: told[name] for name in names}}


def _flag(flag: RiskFlag) -> Json:
    told = rendering_outcomes.risk_flag_as_json(flag)
    return _entry(flag, flag.raised_by) | {
        **{name: told[name] for name in ("level", "source", "reason", "measure_id", "session_id")},
        "acknowledged": _done(told["acknowledged_at"], told["acknowledged_by"], told["note"]),
        "resolved": _done(told["resolved_at"], told["resolved_by"], told["outcome"]),
    }


def _done(at: str | None, by: str | None, text: str) -> Json | None:
    return None if at is None else {"at": at, "by": by, "text": text}


def _diagnosis(diagnosis: Diagnosis) -> Json:
    told = rendering_care.diagnosis_as_json(diagnosis)["content"]
    words = {name: told.pop(name) for name in ("description", "edition")}
    return _entry(diagnosis, diagnosis.recorded_by) | words | {"content": told}


def _medication(medication: Medication) -> Json:
    told = rendering_care.medication_as_json(medication)
    stopped = {
        "stopped_on": told["stopped_on"],
        "reason": told["stop_reason"],
        "at": told["changed_at"],
        "by": told["changed_by"],
    }
    return _entry(medication, medication.recorded_by) | {
        "content": told["content"],
        "stopped": stopped if medication.status is MedicationStatus.STOPPED else None,
    }


def _treatment_plan(plan: TreatmentPlan) -> Json:
    reviewed = None
    if plan.reviewed_at is not None:
        reviewed = {
            "at": instant_as_json(plan.reviewed_at),
            "by": str(plan.reviewed_by),
            "note": plan.review_note,
            "review_due": plan.content.review_due.isoformat() if plan.content.review_due else None,
        }
    texts = [_text(each, rendering_care.treatment_plan_content_as_json) for each in plan.revisions]
    return {"revisions": texts, "reviewed": reviewed}


def _safety_plan(plan: SafetyPlan) -> Json:
    return {"revisions": [_text(each, rendering_care.safety_plan_content_as_json) for each in plan.revisions]}


def _text(revision: Any, as_json: Any) -> Json:
    return {
        "content": as_json(revision.content),
        "at": instant_as_json(revision.written_at),
        "by": str(revision.written_by),
    }
