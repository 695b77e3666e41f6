"""What services of plans, diagnoses, medications and transcripts decide, over plain objects."""

from dataclasses import replace
from uuid import uuid4

import pytest

from adapters.memory.codes import InMemoryDiagnosisCodes
from adapters.memory.ledger import InMemoryAggregates
from adapters.memory.views import InMemoryJourneyView
from domain.errors import StaleVersion, Unauthenticated
from domain.instruments import InstrumentUnknown
from domain.model.client import ClientNotFound
from domain.model.diagnosis import (
    Diagnosis,
    DiagnosisAlreadyListed,
    DiagnosisCodeNotSpecific,
    DiagnosisCodeUnknown,
    DiagnosisEnteredInError,
    DiagnosisNotFound,
    DiagnosisStatus,
    PrincipalDiagnosisListed,
)
from domain.model.medication import MedicationContent, MedicationNotFound
from domain.model.safety_plan import SafetyPlanAlreadyWritten, SafetyPlanContent, SafetyPlanNotFound
from domain.model.session import SessionEnteredInError, SessionNotFound
from domain.model.transcript import Speaker, TranscriptAlreadyAttached, TranscriptNotFound, Utterance
from domain.model.treatment_plan import (
    PlannedMeasure,
    TreatmentPlanAlreadyWritten,
    TreatmentPlanContent,
    TreatmentPlanNotFound,
)
from domain.ports.access import Relation
from domain.ports.call import Role
from domain.services.access import OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.diagnoses import Coding, DiagnosisService
from domain.services.sign_in import NOBODY
from domain.services.treatment_plans import NotThisClients
from tests.contracts.samples import content

PLAN = TreatmentPlanContent(presenting_problems=("sleep",))
SAFETY = SafetyPlanContent(warning_signs=("silence",))
CODING = Coding(code="F40.01")
SAID = (Utterance(number=0, speaker=Speaker.CLIENT, text="Well."),)


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def client_id(house, clinician):
    return house.chart(clinician)


@pytest.fixture
def session_id(house, clinician, client_id):
    made = uuid4()
    house.services.sessions.record(house.call(clinician), made, client_id, content(goal_ids=()))
    return made


def diagnosed(house, who, client_id, coding=CODING):
    made = uuid4()
    house.services.diagnoses.record(house.call(who), made, client_id, coding)
    return made


def writes(house, client_id, session_id):
    """Everything that makes something, by the name of its kind; each takes a call."""
    services = house.services
    return {
        "treatment_plan": lambda call: services.treatment_plans.write(call, client_id, PLAN),
        "safety_plan": lambda call: services.safety_plans.write(call, client_id, SAFETY),
        "diagnosis": lambda call: services.diagnoses.record(call, uuid4(), client_id, CODING),
        "medication": lambda call: services.medications.record(
            call, uuid4(), client_id, MedicationContent(name="Sertraline")
        ),
        "transcript": lambda call: services.transcripts.attach(call, session_id, SAID),
    }


KINDS = ["treatment_plan", "safety_plan", "diagnosis", "medication", "transcript"]


@pytest.mark.parametrize("kind", KINDS)
def test_only_who_treats_writes_but_the_whole_team_writes_the_safety_plan(
    house, clinician, client_id, session_id, kind
):
    write = writes(house, client_id, session_id)[kind]
    supervisor = house.person(Role.SUPERVISOR)
    with pytest.raises(Unauthenticated):
        write(house.call(NOBODY))
    with pytest.raises(RoleNotPermitted):
        write(house.call(house.person(Role.OPERATOR)))
    with pytest.raises(RoleNotPermitted):
        write(house.call(house.person(Role.CLIENT, client_id=client_id)))
    with pytest.raises(OutsideCareTeam):
        write(house.call(supervisor))
    house.services.clients.join_care_team(house.call(clinician), client_id, supervisor.id, Relation.SUPERVISOR)
    call = house.call(supervisor)
    if kind == "safety_plan":
        assert write(call).version == 1
    else:
        with pytest.raises(RelationNotPermitted):
            write(call)
        assert house.reasons(call)[0][1:] == ("denied", "relation_not_permitted")


@pytest.mark.parametrize("kind", KINDS)
def test_every_write_leaves_one_entry_that_names_the_record(house, clinician, client_id, session_id, kind):
    call = house.call(clinician)
    receipt = writes(house, client_id, session_id)[kind](call)
    (entry,) = house.entries(call)
    verb = {"diagnosis": "record", "medication": "record", "transcript": "attach"}.get(kind, "write")
    assert (entry.action, entry.client_id, entry.resources) == (f"{kind}.{verb}", client_id, (receipt.resource_id,))


def test_what_there_is_one_of_is_written_once(house, clinician, client_id, session_id):
    conflicts = {
        "treatment_plan": TreatmentPlanAlreadyWritten,
        "safety_plan": SafetyPlanAlreadyWritten,
        "transcript": TranscriptAlreadyAttached,
    }
    for kind, conflict in conflicts.items():
        write = writes(house, client_id, session_id)[kind]
        write(house.call(clinician))
        with pytest.raises(conflict):
            write(house.call(clinician))


def test_plans_that_are_nowhere_are_not_found_and_charts_that_are_nowhere_neither(house, clinician, client_id):
    with pytest.raises(TreatmentPlanNotFound):
        house.services.treatment_plans.read(house.call(clinician), client_id)
    with pytest.raises(SafetyPlanNotFound):
        house.services.safety_plans.revise(house.call(clinician), client_id, SAFETY)
    with pytest.raises(ClientNotFound):
        house.services.treatment_plans.read(house.call(clinician), uuid4())
    with pytest.raises(MedicationNotFound):
        house.services.medications.read(house.call(clinician), uuid4())
    with pytest.raises(DiagnosisNotFound):
        house.services.diagnoses.read(house.call(clinician), client_id)


def test_a_stale_version_changes_nothing(house, clinician, client_id):
    house.services.safety_plans.write(house.call(clinician), client_id, SAFETY)
    more = replace(SAFETY, environment=("pharmacy keeps the tablets",))
    house.services.safety_plans.revise(house.call(clinician, expected_version=1), client_id, more)
    with pytest.raises(StaleVersion):
        house.services.safety_plans.revise(house.call(clinician, expected_version=1), client_id, SAFETY)
    assert house.services.safety_plans.read(house.call(clinician), client_id).content == more


def test_a_plan_names_diagnoses_and_goals_of_its_own_client_alone(house, clinician, client_id):
    own, other = (diagnosed(house, clinician, chart) for chart in (client_id, house.chart(clinician)))
    plans = house.services.treatment_plans
    for wrong in (other, uuid4(), client_id):
        with pytest.raises(NotThisClients) as refused:
            plans.write(house.call(clinician), client_id, replace(PLAN, diagnosis_ids=(own, wrong)))
        assert refused.value.facts == {"field": "diagnosis_ids", "id": str(wrong)}
    with pytest.raises(NotThisClients):
        plans.write(house.call(clinician), client_id, replace(PLAN, goal_ids=(own,)))
    plans.write(house.call(clinician), client_id, replace(PLAN, diagnosis_ids=(own,)))
    house.services.diagnoses.mark_entered_in_error(house.call(clinician), own, "Wrong chart.")
    still_named = replace(PLAN, diagnosis_ids=(own,), formulation="Longer.")
    assert plans.revise(house.call(clinician), client_id, still_named).version == 2


def test_a_plan_measures_with_published_instruments_alone(house, clinician, client_id):
    wrong = replace(PLAN, measures=(PlannedMeasure(instrument="my-own", every_days=7),))
    with pytest.raises(InstrumentUnknown):
        house.services.treatment_plans.write(house.call(clinician), client_id, wrong)
    right = replace(PLAN, measures=(PlannedMeasure(instrument="phq-9", every_days=7),))
    assert house.services.treatment_plans.write(house.call(clinician), client_id, right).version == 1


def test_a_diagnosis_takes_its_words_from_the_list_and_keeps_them_while_its_code_stays(house, clinician, client_id):
    made = diagnosed(house, clinician, client_id, Coding(code="f4001"))
    first = house.services.diagnoses.read(house.call(clinician), made).content
    assert (first.code, first.description) == ("F40.01", "Agoraphobia with panic disorder")
    assert first.edition == "icd-10-cm/sample"
    confirmed = Coding(code="F40.01", status=DiagnosisStatus.CONFIRMED, principal=True)
    house.services.diagnoses.change(house.call(clinician), made, confirmed)
    house.services.diagnoses.change(house.call(clinician), made, Coding(code="F41.1"))
    now = house.services.diagnoses.read(house.call(clinician), made)
    assert (now.content.description, now.version) == ("Generalized anxiety disorder", 3)


@pytest.mark.parametrize("code", ["F40.01", "f4001"], ids=["as listed", "spelled otherwise"])
def test_a_diagnosis_that_holds_already_is_not_recorded_twice(house, clinician, client_id, code):
    first = diagnosed(house, clinician, client_id)
    with pytest.raises(DiagnosisAlreadyListed):
        diagnosed(house, clinician, client_id, Coding(code=code, status=DiagnosisStatus.CONFIRMED))
    diagnosed(house, clinician, client_id, Coding(code=code, status=DiagnosisStatus.RULED_OUT))
    resolved = replace(CODING, status=DiagnosisStatus.RESOLVED)
    house.services.diagnoses.change(house.call(clinician, expected_version=1), first, resolved)
    diagnosed(house, clinician, client_id, Coding(code=code))


def test_a_client_has_one_principal_diagnosis(house, clinician, client_id):
    first = diagnosed(house, clinician, client_id, replace(CODING, principal=True))
    with pytest.raises(PrincipalDiagnosisListed):
        diagnosed(house, clinician, client_id, Coding(code="F41.1", principal=True))
    house.services.diagnoses.change(house.call(clinician, expected_version=1), first, CODING)
    diagnosed(house, clinician, client_id, Coding(code="F41.1", principal=True))


class Late(InMemoryJourneyView):
    """Shows the journey as it was when `held` was set."""

    held = None

    def history(self, client_ids, **asked):
        return self.held if self.held is not None else super().history(client_ids, **asked)


@pytest.fixture
def late(house):
    """A journey that lags, and diagnoses that look at it."""
    journey = Late(house.log, house.clock.now)
    service = DiagnosisService(
        ledger=house.ledger,
        access=house.access,
        diagnoses=InMemoryAggregates(house.log, Diagnosis),
        codes=InMemoryDiagnosisCodes(),
        journey=journey,
    )
    return journey, service


def _no_longer_principal(service, house, who, first):
    service.change(house.call(who, expected_version=1), first, CODING)


def _resolved(service, house, who, first):
    service.change(house.call(who, expected_version=1), first, replace(CODING, status=DiagnosisStatus.RESOLVED))


def _in_error(service, house, who, first):
    service.mark_entered_in_error(house.call(who, expected_version=1), first, "Wrong chart.")


@pytest.mark.parametrize(
    ("settle", "code"),
    [(_no_longer_principal, "F41.1"), (_resolved, "F40.01"), (_in_error, "F40.01")],
    ids=["no longer principal", "resolved", "in error"],
)
def test_a_diagnosis_changed_a_moment_ago_is_in_nobodys_way(house, clinician, client_id, late, *, settle, code):
    journey, service = late
    first = diagnosed(house, clinician, client_id, replace(CODING, principal=True))
    journey.held = journey.history((client_id,), kinds=("diagnosis",))
    with pytest.raises((DiagnosisAlreadyListed, PrincipalDiagnosisListed)):
        service.record(house.call(clinician), uuid4(), client_id, Coding(code=code, principal=True))
    settle(service, house, clinician, first)
    service.record(house.call(clinician), uuid4(), client_id, Coding(code=code, principal=True))


def test_charts_that_hold_a_diagnosis_twice_still_take_changes_of_it(house, clinician, client_id, late):
    journey, service = late
    journey.held = {}
    twice = replace(CODING, principal=True)
    made = [uuid4(), uuid4()]
    for diagnosis_id in made:
        service.record(house.call(clinician), diagnosis_id, client_id, twice)
    journey.held = None
    confirmed = replace(twice, status=DiagnosisStatus.CONFIRMED)
    service.change(house.call(clinician, expected_version=1), made[0], confirmed)
    service.change(house.call(clinician, expected_version=2), made[0], replace(CODING, status=DiagnosisStatus.RESOLVED))
    with pytest.raises(DiagnosisAlreadyListed):
        service.change(house.call(clinician, expected_version=3), made[0], CODING)


@pytest.mark.parametrize(
    ("code", "error", "named"),
    [
        ("F32", DiagnosisCodeNotSpecific, {"field": "code", "choose": "F32.0 F32.1"}),
        ("F40.0", DiagnosisCodeNotSpecific, {"field": "code", "choose": "F40.00 F40.01"}),
        ("F40.09", DiagnosisCodeUnknown, {"field": "code", "edition": "icd-10-cm/sample", "near": "F40.00 F40.01"}),
        ("X99", DiagnosisCodeUnknown, {"field": "code", "edition": "icd-10-cm/sample"}),
    ],
    ids=["category", "subcategory", "misspelt", "unknown"],
)
def test_codes_that_are_no_diagnosis_are_refused_with_others_to_choose(
    house, clinician, client_id, *, code, error, named
):
    with pytest.raises(error) as refused:
        diagnosed(house, clinician, client_id, Coding(code=code))
    assert refused.value.facts == named
    assert refused.value.hint


def test_a_diagnosis_entered_in_error_takes_no_change_whatever_its_code(house, clinician, client_id):
    made = diagnosed(house, clinician, client_id)
    house.services.diagnoses.mark_entered_in_error(house.call(clinician), made, "Wrong chart.")
    for code in ("F40.01", "nonsense"):
        with pytest.raises(DiagnosisEnteredInError):
            house.services.diagnoses.change(house.call(clinician), made, Coding(code=code))


def test_clients_are_shown_what_stands_and_the_refusal_is_on_record(house, clinician, client_id):
    own = house.person(Role.CLIENT, client_id=client_id)
    kept = diagnosed(house, clinician, client_id)
    wrong = diagnosed(house, clinician, client_id, Coding(code="F41.1"))
    house.services.diagnoses.mark_entered_in_error(house.call(clinician), wrong, "Wrong chart.")
    assert [item.id for item in house.services.diagnoses.of_client(house.call(own), client_id)] == [kept]
    assert len(house.services.diagnoses.of_client(house.call(clinician), client_id)) == 2
    call = house.call(own)
    with pytest.raises(DiagnosisNotFound):
        house.services.diagnoses.read(call, wrong)
    assert house.reasons(call) == [("diagnosis.read", "denied", "not_released_to_client")]


def test_a_transcript_keeps_when_its_session_took_place(house, clinician, session_id):
    house.services.transcripts.attach(house.call(clinician), session_id, SAID)
    transcript = house.services.transcripts.read(house.call(clinician), session_id)
    assert transcript.took_place == content().took_place
    assert transcript.session_id == session_id


def test_a_trainees_supervisor_reads_the_transcript_from_outside_the_care_team(house):
    supervisor = house.person(Role.SUPERVISOR)
    trainee = house.person(supervisor_id=supervisor.id)
    session_id = uuid4()
    chart = house.chart(trainee)
    house.services.sessions.record(house.call(trainee), session_id, chart, content(goal_ids=()))
    house.services.transcripts.attach(house.call(trainee), session_id, SAID)
    assert house.services.transcripts.read(house.call(supervisor), session_id).utterances == SAID
    with pytest.raises(OutsideCareTeam):
        house.services.transcripts.mark_entered_in_error(house.call(supervisor), session_id, "Wrong.")


def test_a_transcript_needs_a_session_that_stands(house, clinician, client_id, session_id):
    with pytest.raises(SessionNotFound):
        house.services.transcripts.attach(house.call(clinician), uuid4(), SAID)
    with pytest.raises(TranscriptNotFound):
        house.services.transcripts.read(house.call(clinician), session_id)
    house.services.sessions.mark_entered_in_error(house.call(clinician), session_id, "Wrong chart.")
    with pytest.raises(SessionEnteredInError):
        house.services.transcripts.attach(house.call(clinician), session_id, SAID)
