"""How plans, diagnoses, medications and transcripts read as JSON; by the rules of `rendering`. Days are ISO 8601, null when
not known; a day, month or year is text, empty when not known.
"""

from datetime import date

from domain.model.diagnosis import Diagnosis, DiagnosisContent
from domain.model.medication import Medication, MedicationContent
from domain.model.safety_plan import Ally, Professional, SafetyPlan, SafetyPlanContent
from domain.model.transcript import Transcript, Utterance
from domain.model.treatment_plan import TreatmentPlan, TreatmentPlanContent
from domain.services.rendering import Json, instant_as_json, marked, moment_as_json


def treatment_plan_as_json(plan: TreatmentPlan, version: int | None = None) -> Json:
    """The plan with its text as of `version`, None for now. Raises RevisionNotFound."""
    return _plan(plan, version) | {
        "content": treatment_plan_content_as_json(plan.revision_at(version).content),
        "reviewed_by": None if plan.reviewed_by is None else str(plan.reviewed_by),
        "reviewed_at": instant_as_json(plan.reviewed_at),
        "review_note": plan.review_note,
    }


def treatment_plan_content_as_json(content: TreatmentPlanContent) -> Json:
    """What the author writes, as it is sent."""
    frequency = content.frequency
    return {
        "presenting_problems": list(content.presenting_problems),
        "formulation": content.formulation,
        "diagnosis_ids": [str(each) for each in content.diagnosis_ids],
        "goal_ids": [str(each) for each in content.goal_ids],
        "modality": None if content.modality is None else content.modality.value,
        "approach": content.approach,
        "frequency": None if frequency is None else {"sessions": frequency.sessions, "weeks": frequency.weeks},
        "interventions": list(content.interventions),
        "discharge_criteria": list(content.discharge_criteria),
        "measures": [{"instrument": each.instrument, "every_days": each.every_days} for each in content.measures],
        "review_due": _day(content.review_due),
    }


def safety_plan_as_json(plan: SafetyPlan, version: int | None = None) -> Json:
    """The plan with its text as of `version`, None for now. Raises RevisionNotFound."""
    return _plan(plan, version) | {"content": safety_plan_content_as_json(plan.revision_at(version).content)}


def safety_plan_content_as_json(content: SafetyPlanContent) -> Json:
    """What client and clinician write, as it is sent."""
    return {
        "warning_signs": list(content.warning_signs),
        "coping_strategies": list(content.coping_strategies),
        "distractions": [_ally(each) for each in content.distractions],
        "helpers": [_ally(each) for each in content.helpers],
        "professionals": [_professional(each) for each in content.professionals],
        "environment": list(content.environment),
        "reasons_for_living": list(content.reasons_for_living),
        "reviewed_on": _day(content.reviewed_on),
    }


def diagnosis_as_json(diagnosis: Diagnosis) -> Json:
    """`content.status` is what the clinician said, `status` that or `entered_in_error`."""
    shown = {
        "id": str(diagnosis.id),
        "client_id": str(diagnosis.client_id),
        "version": diagnosis.version,
        "status": diagnosis.status.value,
        "recorded_by": str(diagnosis.recorded_by),
        "recorded_at": instant_as_json(diagnosis.created_on),
        "changed_by": str(diagnosis.changed_by),
        "changed_at": instant_as_json(diagnosis.modified_on),
        "error_reason": diagnosis.error_reason,
        "content": _diagnosis_content(diagnosis.content),
    }
    return marked(diagnosis, shown)


def medication_as_json(medication: Medication) -> Json:
    shown = {
        "id": str(medication.id),
        "client_id": str(medication.client_id),
        "version": medication.version,
        "status": medication.status.value,
        "recorded_by": str(medication.recorded_by),
        "recorded_at": instant_as_json(medication.created_on),
        "changed_by": str(medication.changed_by),
        "changed_at": instant_as_json(medication.modified_on),
        "stopped_on": medication.stopped_on,
        "stop_reason": medication.stop_reason,
        "error_reason": medication.error_reason,
        "content": _medication_content(medication.content),
    }
    return marked(medication, shown)


def transcript_as_json(transcript: Transcript) -> Json:
    """Word for word, as it was attached to its session."""
    shown = {
        "id": str(transcript.id),
        "client_id": str(transcript.client_id),
        "session_id": str(transcript.session_id),
        "version": transcript.version,
        "status": transcript.status.value,
        "took_place": moment_as_json(transcript.took_place),
        "attached_by": str(transcript.attached_by),
        "recorded_at": instant_as_json(transcript.created_on),
        "changed_at": instant_as_json(transcript.modified_on),
        "error_reason": transcript.error_reason,
        "source": transcript.source,
        "utterances": [_utterance(each) for each in transcript.utterances],
    }
    return marked(transcript, shown)


def _plan(plan: TreatmentPlan | SafetyPlan, version: int | None) -> Json:
    shown = plan.revision_at(version)
    return {
        "id": str(plan.id),
        "client_id": str(plan.client_id),
        "version": plan.version,
        "status": plan.status.value,
        "recorded_at": instant_as_json(plan.created_on),
        "changed_at": instant_as_json(plan.modified_on),
        "error_reason": shown.error_reason,
        "content_version": shown.version,
        "written_by": str(shown.written_by),
        "written_at": instant_as_json(shown.written_at),
        "revisions": [
            {
                "version": revision.version,
                "written_by": str(revision.written_by),
                "written_at": instant_as_json(revision.written_at),
                "entered_in_error": bool(revision.error_reason),
            }
            for revision in plan.revisions
        ],
    }


def _diagnosis_content(content: DiagnosisContent) -> Json:
    return {
        "code": content.code,
        "description": content.description,
        "edition": content.edition,
        "status": content.status.value,
        "principal": content.principal,
        "onset": content.onset,
        "note": content.note,
    }


def _medication_content(content: MedicationContent) -> Json:
    return {
        "name": content.name,
        "dose": content.dose,
        "frequency": content.frequency,
        "prescriber": content.prescriber,
        "started_on": content.started_on,
        "reason": content.reason,
    }


def _utterance(utterance: Utterance) -> Json:
    return {
        "number": utterance.number,
        "speaker": utterance.speaker.value,
        "text": utterance.text,
        "at_s": utterance.at_s,
        "codes": list(utterance.codes),
    }


def _ally(ally: Ally) -> Json:
    return {"name": ally.name, "contact": ally.contact}


def _professional(professional: Professional) -> Json:
    return {"name": professional.name, "contact": professional.contact, "available": professional.available}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
