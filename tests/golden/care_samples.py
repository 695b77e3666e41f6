"""Samples of the kinds of the care record: plans, diagnoses, medications, transcripts."""

from datetime import UTC, date, datetime
from uuid import UUID

from domain.model.diagnosis import Diagnosis, DiagnosisContent, DiagnosisStatus
from domain.model.medication import Medication, MedicationContent
from domain.model.note import Note
from domain.model.notes_folder import NotesFolder
from domain.model.safety_plan import Ally, Professional, SafetyPlan, SafetyPlanContent
from domain.model.transcript import Speaker, Transcript, Utterance
from domain.model.treatment_plan import Frequency, PlannedMeasure, TreatmentPlan, TreatmentPlanContent
from domain.model.values import Modality, MomentInZone


def _id(number: int) -> UUID:
    return UUID(int=0xA0000000000040008000000000000000 + number)


_TOOK_PLACE = MomentInZone(datetime(2026, 2, 27, 14, 0, tzinfo=UTC), "Europe/Lisbon", 0)
PLAN = TreatmentPlanContent(
    presenting_problems=("Avoids trains since a panic attack", "sleeps badly"),
    formulation="Avoidance keeps the fear alive.\nSleep suffers — in turn.",
    diagnosis_ids=(_id(1),),
    goal_ids=(_id(2), _id(3)),
    modality=Modality.IN_PERSON,
    approach="cognitive behavioural therapy",
    frequency=Frequency(sessions=1, weeks=2),
    interventions=("graded exposure",),
    discharge_criteria=("travels to work by train",),
    measures=(PlannedMeasure(instrument="phq-9", every_days=14), PlannedMeasure(instrument="gad-7", every_days=28)),
    review_due=date(2026, 6, 1),
)
SAFETY = SafetyPlanContent(
    warning_signs=("does not answer messages",),
    coping_strategies=("walk by the river",),
    distractions=(Ally(name="the chess club", contact="Tuesdays at the library"),),
    helpers=(Ally(name="Rui", contact="+351 21 000 0000"),),
    professionals=(Professional(name="Crisis line", contact="988", available="day and night"),),
    environment=("tablets stay with the pharmacy",),
    reasons_for_living=("her daughter",),
    reviewed_on=date(2026, 3, 1),
)
_DIAGNOSIS = DiagnosisContent(
    code="F40.01",
    description="Agoraphobia with panic disorder",
    edition="icd-10-cm/2026-04",
    status=DiagnosisStatus.CONFIRMED,
    principal=True,
    onset="2025-11",
    note="Since the attack on the train.",
)
_MEDICATION = MedicationContent(
    name="Sertraline",
    dose="50 mg",
    frequency="each morning",
    prescriber="Dr Costa",
    started_on="2026-01",
    reason="panic",
)
_UTTERANCES = (
    Utterance(number=0, speaker=Speaker.CLINICIAN, text="How was the week?", at_s=0.0, codes=("question/open",)),
    Utterance(number=2, speaker=Speaker.CLIENT, text="Better, I “think”.", at_s=4.25, codes=("change",)),
    Utterance(number=3, speaker=Speaker.OTHER, text=""),
)

FIELDS = {
    TreatmentPlan.Written: {"client_id": _id(9), "content": PLAN, "written_by": _id(1)},
    TreatmentPlan.Revised: {"content": TreatmentPlanContent(presenting_problems=("sleep",)), "revised_by": _id(1)},
    TreatmentPlan.Reviewed: {"reviewed_by": _id(1), "note": "It stands.", "review_due": date(2026, 9, 1)},
    TreatmentPlan.EnteredInError: {"marked_by": _id(1), "reason": "Wrong chart."},
    SafetyPlan.Written: {"client_id": _id(9), "content": SAFETY, "written_by": _id(1)},
    SafetyPlan.Revised: {"content": SafetyPlanContent(warning_signs=("silence",)), "revised_by": _id(1)},
    SafetyPlan.EnteredInError: {"marked_by": _id(1), "reason": "Wrong chart."},
    Diagnosis.Recorded: {"substance_use": False, "client_id": _id(9), "content": _DIAGNOSIS, "recorded_by": _id(1)},
    Diagnosis.Changed: {
        "content": DiagnosisContent(code="F40.01", description="Agoraphobia", edition="icd-10-cm/2026-04"),
        "changed_by": _id(1),
    },
    Diagnosis.EnteredInError: {"marked_by": _id(1), "reason": "Wrong chart."},
    Medication.Recorded: {"substance_use": False, "client_id": _id(9), "content": _MEDICATION, "recorded_by": _id(1)},
    Medication.Changed: {"content": MedicationContent(name="Sertraline"), "changed_by": _id(1)},
    Medication.Stopped: {"stopped_on": "2026-02", "reason": "nausea", "stopped_by": _id(1)},
    Medication.EnteredInError: {"marked_by": _id(1), "reason": "Wrong chart."},
    Transcript.Attached: {
        "substance_use": False,
        "client_id": _id(9),
        "session_id": _id(7),
        "took_place": _TOOK_PLACE,
        "utterances": _UTTERANCES,
        "source": "recording",
        "attached_by": _id(1),
    },
    Transcript.Replaced: {
        "took_place": _TOOK_PLACE,
        "utterances": _UTTERANCES[:1],
        "source": "",
        "replaced_by": _id(1),
    },
    Transcript.EnteredInError: {"marked_by": _id(1), "reason": "Wrong session."},
    Note.Written: {
        "client_id": _id(9),
        "author_id": _id(1),
        "session_id": _id(7),
        "text": "Looks away when the brother is named — ask later.",
        "substance_use": False,
    },
    Note.Revised: {"text": "Looks away when the brother is named.\nAsked: not yet."},
    Note.EnteredInError: {"marked_by": _id(1), "reason": "Wrong chart."},
    NotesFolder.Opened: {"client_id": _id(9), "author_id": _id(1)},
    NotesFolder.NoteFiled: {"note_id": _id(31)},
    NotesFolder.CustodianNamed: {"custodian_id": _id(5), "named_by": _id(1)},
    NotesFolder.CustodyTaken: {"custodian_id": _id(5)},
    NotesFolder.Authorised: {
        "authorisation_id": _id(32),
        "account_id": _id(6),
        "note_ids": (_id(31),),
        "scope": "Second opinion.",
        "signed_on": date(2026, 3, 1),
        "until": datetime(2026, 6, 1, tzinfo=UTC),
        "recorded_by": _id(1),
    },
    NotesFolder.AuthorisationRevoked: {"authorisation_id": _id(32), "recorded_by": _id(1)},
}
