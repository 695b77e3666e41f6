"""Random commands on plans, diagnoses, medications and transcripts: history replays to what it made, what was said stays."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from domain.model.clinical import IN_ERROR
from domain.model.diagnosis import Diagnosis, DiagnosisContent, DiagnosisStatus
from domain.model.medication import Medication, MedicationContent, MedicationStatus
from domain.model.safety_plan import Ally, SafetyPlan, SafetyPlanContent
from domain.model.transcript import Speaker, Transcript, Utterance
from domain.model.treatment_plan import Frequency, PlannedMeasure, TreatmentPlan, TreatmentPlanContent
from domain.services.rendering_care import (
    diagnosis_as_json,
    medication_as_json,
    safety_plan_as_json,
    transcript_as_json,
    treatment_plan_as_json,
)
from tests.contracts.samples import NOW, YESTERDAY
from tests.domain.test_histories import History, people, texts

days = st.none() | st.dates(NOW.date() - timedelta(days=40), NOW.date() + timedelta(days=900))
partial = st.sampled_from(("", "2024", "2024-02", "2024-02-29", "2025-02-29", "2199", "1850", "24", "2024-2"))
words = st.sampled_from(("sleep", "trains", "Sertraline")) | texts
labels = st.lists(words, max_size=3).map(tuple)
treatment_plans = st.builds(
    TreatmentPlanContent,
    presenting_problems=labels,
    formulation=texts,
    frequency=st.none() | st.builds(Frequency, sessions=st.integers(0, 9), weeks=st.integers(1, 9)),
    measures=st.lists(
        st.builds(PlannedMeasure, instrument=st.sampled_from(("phq-9", "gad-7")), every_days=st.integers(0, 90)),
        max_size=2,
    ).map(tuple),
    review_due=days,
)
safety_plans = st.builds(
    SafetyPlanContent,
    warning_signs=labels,
    helpers=st.lists(st.builds(Ally, name=words, contact=words), max_size=2).map(tuple),
    reviewed_on=days,
)
diagnoses = st.builds(
    DiagnosisContent,
    code=st.sampled_from(("F40.01", "")),
    description=st.just("Agoraphobia"),
    edition=st.just("icd-10-cm/sample"),
    status=st.sampled_from(DiagnosisStatus),
    principal=st.booleans(),
    onset=partial,
)
medications = st.builds(MedicationContent, name=words, dose=words, started_on=partial)
utterances = st.lists(
    st.builds(
        Utterance,
        number=st.integers(-1, 30),
        speaker=st.sampled_from(Speaker),
        text=words,
        at_s=st.none() | st.floats(-1, 90_000) | st.floats(),
        codes=labels,
    ),
    max_size=4,
)


class CareHistory(History):
    """Base: whatever it is, it can be marked, and then its reason is told."""

    @rule(by=people, reason=texts)
    def it_is_marked(self, by: Any, reason: str) -> None:
        was = self.aggregate.in_error
        if self.attempt("mark_entered_in_error", by=by, reason=reason):
            assert not was
            assert (self.aggregate.in_error, self.aggregate.error_reason) == (True, reason)

    @invariant()
    def a_reason_is_told_exactly_of_what_is_marked(self) -> None:
        assert bool(self.aggregate.error_reason) is (self.aggregate.status == IN_ERROR)


class PlanHistory(CareHistory):
    """Base: every text that ever stood there can be read at the version that brought it."""

    written: dict[int, Any]

    @rule(by=people, data=st.data())
    def it_is_revised(self, by: Any, data: Any) -> None:
        content = data.draw(self.contents | st.just(self.aggregate.content))
        if self.attempt("revise", by=by, content=content):
            self.written[self.aggregate.version] = content
            assert not self.aggregate.in_error

    @invariant()
    def each_text_is_read_at_its_version(self) -> None:
        for version, content in self.written.items():
            assert self.aggregate.revision_at(version).content == content
        assert self.aggregate.revision_at(None).content == self.aggregate.content
        assert self.render(self.aggregate, 1)["content_version"] == 1

    @invariant()
    def texts_before_a_mark_count_for_nothing(self) -> None:
        assert bool(self.aggregate.revisions[-1].error_reason) is self.aggregate.in_error


class TreatmentPlanHistory(PlanHistory):
    contents = treatment_plans
    render = staticmethod(treatment_plan_as_json)

    def __init__(self) -> None:
        super().__init__()
        first = TreatmentPlanContent(presenting_problems=("sleep",))
        self.aggregate = TreatmentPlan.write(uuid4(), at=NOW, by=uuid4(), content=first)
        self.written = {1: first}

    @rule(by=people, note=texts, due=days)
    def it_is_reviewed(self, by: Any, note: str, due: Any) -> None:
        before = self.aggregate.content
        if self.attempt("review", by=by, note=note, review_due=due):
            assert self.aggregate.content.review_due == due
            assert self.aggregate.content.presenting_problems == before.presenting_problems


class SafetyPlanHistory(PlanHistory):
    contents = safety_plans
    render = staticmethod(safety_plan_as_json)

    def __init__(self) -> None:
        super().__init__()
        first = SafetyPlanContent(warning_signs=("silence",))
        self.aggregate = SafetyPlan.write(uuid4(), at=NOW, by=uuid4(), content=first)
        self.written = {1: first}


class DiagnosisHistory(CareHistory):
    def __init__(self) -> None:
        super().__init__()
        content = DiagnosisContent(code="F41.1", description="Generalized anxiety", edition="icd-10-cm/sample")
        self.aggregate = Diagnosis.record(uuid4(), at=NOW, client_id=uuid4(), by=uuid4(), content=content)

    @rule(by=people, content=diagnoses)
    def it_is_changed(self, by: Any, content: DiagnosisContent) -> None:
        if self.attempt("change", by=by, content=content):
            assert self.aggregate.status is content.status is not DiagnosisStatus.ENTERED_IN_ERROR
            assert diagnosis_as_json(self.aggregate)["content"]["code"] == "F40.01"


class MedicationHistory(CareHistory):
    def __init__(self) -> None:
        super().__init__()
        content = MedicationContent(name="Sertraline")
        self.aggregate = Medication.record(uuid4(), at=NOW, client_id=uuid4(), by=uuid4(), content=content)

    @rule(by=people, content=medications)
    def it_is_changed(self, by: Any, content: MedicationContent) -> None:
        if self.attempt("change", by=by, content=content):
            assert medication_as_json(self.aggregate)["content"]["name"].strip()

    @rule(by=people, stopped_on=partial, reason=texts)
    def it_is_stopped(self, by: Any, stopped_on: str, reason: str) -> None:
        was = self.aggregate.status
        if self.attempt("stop", by=by, stopped_on=stopped_on, reason=reason):
            assert was is MedicationStatus.ACTIVE

    @invariant()
    def it_never_stops_before_it_starts(self) -> None:
        started, stopped = self.aggregate.content.started_on, self.aggregate.stopped_on
        assert not (started and stopped) or stopped >= started[: len(stopped)]


class TranscriptHistory(CareHistory):
    def __init__(self) -> None:
        super().__init__()
        said = (Utterance(number=0, speaker=Speaker.CLIENT, text="Well."),)
        self.aggregate = Transcript.attach(
            uuid4(), at=NOW, client_id=uuid4(), by=uuid4(), took_place=YESTERDAY, utterances=said
        )

    @rule(by=people, said=utterances, source=texts)
    def it_is_replaced(self, by: Any, said: list[Utterance], source: str) -> None:
        was = self.aggregate.in_error
        if self.attempt("replace", by=by, took_place=YESTERDAY, utterances=said, source=source):
            assert was
            numbers = [each["number"] for each in transcript_as_json(self.aggregate)["utterances"]]
            assert numbers == sorted(set(numbers))


def tried(history: type[CareHistory]) -> Any:
    history.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
    return history.TestCase


TestTreatmentPlanHistory = tried(TreatmentPlanHistory)
TestSafetyPlanHistory = tried(SafetyPlanHistory)
TestDiagnosisHistory = tried(DiagnosisHistory)
TestMedicationHistory = tried(MedicationHistory)
TestTranscriptHistory = tried(TranscriptHistory)


@given(first=st.uuids(), second=st.uuids())
def test_a_client_has_one_plan_of_each_kind_and_a_session_one_transcript(first, second):
    streams = [kind.stream_of(each) for kind in (TreatmentPlan, SafetyPlan, Transcript) for each in {first, second}]
    assert len(set(streams)) == len(streams)
    assert TreatmentPlan.stream_of(first) == TreatmentPlan.stream_of(first)
