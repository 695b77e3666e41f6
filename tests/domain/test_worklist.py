"""What waits to be done: when it begins to wait, for whom, and how it leaves the list."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from domain.errors import Invalid, ViewBehind
from domain.model.appointment import CancellationReason, CancelledBy
from domain.model.goal import GoalContent, GoalMetric
from domain.model.risk_flag import FlagLevel, FlagStatus
from domain.model.treatment_plan import PlannedMeasure, TreatmentPlanContent
from domain.model.values import Modality, MomentInZone
from domain.ports.access import Relation
from domain.ports.call import Purpose, Role
from domain.ports.worklist import Severity, WorkKind
from domain.services.access import RoleNotPermitted
from tests.contracts.samples import content
from tests.domain.conftest import HOST, House

DAY_S = 86_400
ZONE = "Europe/Berlin"


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def client_id(house, clinician):
    return house.chart(clinician)


def now(house: House) -> MomentInZone:
    return MomentInZone.of(house.clock.now(), ZONE)


def session(house, who, client_id, *, sign=True, **more) -> UUID:
    session_id = uuid4()
    told = content(took_place=now(house), **more)
    house.services.sessions.record(house.call(who), session_id, client_id, told)
    if sign:
        house.services.sessions.sign(house.call(who), session_id)
    return session_id


def measure(house, who, client_id, item9=0) -> None:
    answers = (1,) * 8 + (item9,)
    house.services.measures.record(
        house.call(who), uuid4(), client_id, instrument="phq-9", taken_at=now(house), answers=answers
    )


def goal(house, who, client_id) -> UUID:
    goal_id = uuid4()
    told = GoalContent(statement="Walk daily.", metric=GoalMetric.PERCENTAGE, baseline=0, target=100)
    house.services.goals.set_goal(house.call(who), goal_id, client_id, told)
    return goal_id


def flag(house, who, client_id, level=FlagLevel.HIGH) -> UUID:
    flag_id = uuid4()
    house.services.risk_flags.raise_flag(house.call(who), flag_id, client_id, level=level, reason="Said goodbye.")
    return flag_id


def plan(house, who, client_id, every_days=14, review_due=None) -> None:
    measures = (PlannedMeasure(instrument="phq-9", every_days=every_days),) if every_days else ()
    told = TreatmentPlanContent(presenting_problems=("Grief",), measures=measures, review_due=review_due)
    house.services.treatment_plans.write(house.call(who), client_id, told)


def days(house, count: float) -> None:
    house.clock.forward(round(count * DAY_S))


def sweep(house):
    return house.services.worklist.sweep(house.call(HOST, purpose=Purpose.OPERATIONS))


def listed(house, who, **more):
    """What the list says at once, and that a sweep changes nothing of it but whom a flag was passed to."""
    live = house.services.worklist.read(house.call(who), limit=1_000, **more).items
    sweep(house)
    swept = house.services.worklist.read(house.call(who), limit=1_000, **more).items
    assert [replace(item, account_id=None) for item in swept] == [replace(item, account_id=None) for item in live]
    return swept


def kinds(house, who) -> list[str]:
    return [item.kind.value for item in listed(house, who)]


# Measures --------------------------------------------------------------------------------------------------------------


def test_a_client_in_treatment_is_to_be_measured_every_four_weeks(house, clinician, client_id):
    session(house, clinician, client_id)
    measure(house, clinician, client_id)
    taken = house.clock.now()
    days(house, 27)
    assert kinds(house, clinician) == []
    days(house, 1)
    (item,) = listed(house, clinician)
    assert (item.kind, item.client_id, item.resource_id) == (WorkKind.MEASURE_OVERDUE, client_id, None)
    assert (item.since, item.severity, item.instrument) == (taken + timedelta(days=28), Severity.LOW, None)
    measure(house, clinician, client_id)
    assert kinds(house, clinician) == []


def test_a_client_never_measured_is_overdue_four_weeks_after_the_beginning(house, clinician, client_id):
    session(house, clinician, client_id)
    days(house, 29)
    assert kinds(house, clinician) == ["measure_overdue"]


def test_the_plan_says_what_is_measured_how_often(house, clinician, client_id):
    session(house, clinician, client_id)
    measure(house, clinician, client_id)
    plan(house, clinician, client_id, every_days=14)
    days(house, 14)
    (item,) = listed(house, clinician)
    assert (item.kind, item.instrument) == (WorkKind.MEASURE_OVERDUE, "phq-9")
    measure(house, clinician, client_id)
    days(house, 13)
    assert kinds(house, clinician) == []


@pytest.mark.parametrize("limit", [1, 2])
def test_two_measures_that_are_overdue_alike_are_two_things_to_do(house, clinician, client_id, limit):
    session(house, clinician, client_id)
    measures = tuple(PlannedMeasure(instrument=name, every_days=14) for name in ("phq-9", "gad-7"))
    told = TreatmentPlanContent(presenting_problems=("Grief",), measures=measures)
    house.services.treatment_plans.write(house.call(clinician), client_id, told)
    days(house, 20)
    found, after = [], None
    while True:
        page = house.services.worklist.read(house.call(clinician), limit=limit, after=after)
        found += [item.instrument for item in page.items]
        after = page.after
        if after is None:
            break
    assert sorted(found) == ["gad-7", "phq-9"]


def test_a_measure_entered_in_error_was_none(house, clinician, client_id):
    session(house, clinician, client_id)
    days(house, 30)
    measure_id = uuid4()
    house.services.measures.record(
        house.call(clinician), measure_id, client_id, instrument="phq-9", taken_at=now(house), answers=(0,) * 9
    )
    assert kinds(house, clinician) == []
    house.services.measures.mark_entered_in_error(
        house.call(clinician, expected_version=1), measure_id, "Another client's."
    )
    assert kinds(house, clinician) == ["measure_overdue"]


def test_nobody_is_asked_to_measure_who_is_no_longer_in_treatment(house, clinician, client_id):
    session(house, clinician, client_id)
    days(house, 91)
    assert kinds(house, clinician) == []


def test_an_appointment_ahead_keeps_a_client_in_treatment(house, clinician, client_id):
    session(house, clinician, client_id)
    appointment_id = uuid4()
    ahead = MomentInZone.of(house.clock.now() + timedelta(days=100), ZONE)
    house.services.appointments.plan(house.call(clinician), appointment_id, client_id, ahead, 50, Modality.VIDEO)
    days(house, 95)
    assert kinds(house, clinician) == ["measure_overdue"]
    house.services.appointments.cancel(
        house.call(clinician, expected_version=1), appointment_id, CancelledBy.CLIENT, CancellationReason.ILLNESS
    )
    assert kinds(house, clinician) == []


# Signatures ------------------------------------------------------------------------------------------------------------


def test_a_session_left_unsigned_for_three_days_waits_for_its_author(house, clinician, client_id):
    measure(house, clinician, client_id)
    session_id = session(house, clinician, client_id, sign=False)
    days(house, 2.9)
    assert kinds(house, clinician) == []
    days(house, 0.1)
    (item,) = listed(house, clinician)
    assert (item.kind, item.resource_id, item.severity) == (WorkKind.SESSION_UNSIGNED, session_id, Severity.MODERATE)
    house.services.sessions.sign(house.call(clinician, expected_version=1), session_id)
    assert kinds(house, clinician) == []


def test_an_author_who_left_the_team_still_sees_what_they_have_to_sign(house, clinician, client_id):
    colleague = house.person()
    house.services.clients.join_care_team(house.call(clinician), client_id, colleague.id, Relation.CLINICIAN)
    session_id = session(house, colleague, client_id, sign=False)
    house.services.clients.leave_care_team(house.call(colleague), client_id, colleague.id)
    days(house, 4)
    sweep(house)
    assert [item.resource_id for item in listed(house, colleague)] == [session_id]
    assert house.services.worklist.read(house.call(house.person())).items == ()


def test_a_trainees_session_waits_for_the_supervisor_named_and_nobody_else(house):
    supervisor = house.person(Role.SUPERVISOR)
    other = house.person(Role.SUPERVISOR)
    trainee = house.person(supervisor_id=supervisor.id)
    client_id = house.chart(trainee, (other, Relation.SUPERVISOR))
    session_id = session(house, trainee, client_id)
    sweep(house)
    (item,) = listed(house, supervisor)
    assert (item.kind, item.resource_id) == (WorkKind.SESSION_AWAITING_COSIGNATURE, session_id)
    assert item.severity is Severity.LOW
    assert kinds(house, trainee) == kinds(house, other) == []
    days(house, 3)
    assert listed(house, supervisor)[0].severity is Severity.MODERATE
    house.services.sessions.cosign(house.call(supervisor, expected_version=2), session_id)
    assert kinds(house, supervisor) == []


# Goals and plans -------------------------------------------------------------------------------------------------------


def test_an_active_goal_that_nothing_touched_for_sixty_days_is_pointed_out(house, clinician, client_id):
    goal_id = goal(house, clinician, client_id)
    set_at = house.clock.now()
    days(house, 59)
    assert kinds(house, clinician) == []
    days(house, 1)
    (item,) = listed(house, clinician)
    assert (item.kind, item.resource_id, item.since) == (WorkKind.GOAL_STALE, goal_id, set_at + timedelta(days=60))


def test_a_session_that_names_a_goal_and_progress_told_touch_it(house, clinician, client_id):
    named, told, left = (goal(house, clinician, client_id) for _ in range(3))
    days(house, 30)
    session(house, clinician, client_id, goal_ids=(named,))
    measure(house, clinician, client_id)
    house.services.goals.record_progress(house.call(clinician, expected_version=1), told, 20, now(house))
    days(house, 1)
    session(house, clinician, client_id)
    measure(house, clinician, client_id)
    days(house, 29)
    assert {item.resource_id for item in listed(house, clinician) if item.kind is WorkKind.GOAL_STALE} == {left}


def test_a_goal_that_is_completed_is_stale_no_longer(house, clinician, client_id):
    goal_id = goal(house, clinician, client_id)
    days(house, 61)
    assert kinds(house, clinician) == ["goal_stale"]
    house.services.goals.complete(house.call(clinician, expected_version=1), goal_id)
    assert kinds(house, clinician) == []


def test_a_plan_is_due_for_review_from_the_beginning_of_its_day(house, clinician, client_id):
    today = house.clock.now().date()
    plan(house, clinician, client_id, every_days=0, review_due=today + timedelta(days=2))
    days(house, 1)
    assert kinds(house, clinician) == []
    days(house, 1)
    (item,) = listed(house, clinician)
    day = today + timedelta(days=2)
    assert (item.kind, item.since) == (WorkKind.PLAN_REVIEW_DUE, datetime(day.year, day.month, day.day, tzinfo=UTC))
    house.services.treatment_plans.review(
        house.call(clinician, expected_version=1), client_id, "It stands.", day + timedelta(days=90)
    )
    assert kinds(house, clinician) == []


# Risk flags ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "hours", "severity"),
    [
        (FlagLevel.IMMINENT, 1, Severity.URGENT),
        (FlagLevel.HIGH, 24, Severity.URGENT),
        (FlagLevel.MODERATE, 72, Severity.HIGH),
        (FlagLevel.LOW, 168, Severity.MODERATE),
    ],
)
def test_a_flag_that_nobody_takes_on_in_time_is_listed_by_how_urgent_it_is(  # noqa: PLR0917 - fixtures and parameters
    house, clinician, client_id, level, hours, severity
):
    flag_id = flag(house, clinician, client_id, level)
    days(house, hours / 24 - 0.01)
    assert kinds(house, clinician) == []
    days(house, 0.01)
    (item, *others) = house.services.worklist.read(house.call(clinician)).items
    assert (item.kind, item.resource_id, item.severity) == (WorkKind.RISK_FLAG_UNACKNOWLEDGED, flag_id, severity)
    assert others == []


def test_a_sweep_passes_an_overdue_flag_up_once_and_it_stays_listed_until_taken_on(house, clinician):
    supervisor = house.person(Role.SUPERVISOR)
    client_id = house.chart(clinician, (supervisor, Relation.SUPERVISOR))
    flag_id = flag(house, clinician, client_id)
    days(house, 1)
    assert [sweep(house).escalated for _ in range(3)] == [1, 0, 0]
    found = house.services.risk_flags.read(house.call(clinician), flag_id)
    assert (found.status, found.escalated_to, found.version) == (FlagStatus.ESCALATED, supervisor.id, 2)
    assert kinds(house, supervisor) == kinds(house, clinician) == ["risk_flag_unacknowledged"]
    house.services.risk_flags.acknowledge(house.call(supervisor, expected_version=2), flag_id)
    assert kinds(house, supervisor) == kinds(house, clinician) == []
    assert sweep(house).escalated == 0


def test_who_left_the_team_is_told_of_no_flag_also_where_it_was_passed_to_them(house, clinician, client_id):
    colleague = house.person()
    house.services.clients.join_care_team(house.call(clinician), client_id, colleague.id, Relation.CLINICIAN)
    session_id = session(house, colleague, client_id, sign=False)
    flag_id = flag(house, clinician, client_id, FlagLevel.LOW)
    house.services.risk_flags.escalate(house.call(clinician), flag_id, colleague.id)
    house.services.clients.leave_care_team(house.call(colleague), client_id, colleague.id)
    days(house, 4)
    sweep(house)
    told = house.services.worklist.read(house.call(colleague)).items
    assert [item.resource_id for item in told] == [session_id]
    assert "risk_flag_unacknowledged" in kinds(house, clinician)


def test_a_flag_is_passed_up_once_a_day_at_most_however_short_its_time(house, clinician, client_id):
    flag(house, clinician, client_id, FlagLevel.IMMINENT)
    escalated = 0
    for _ in range(49):
        house.clock.forward(3600)
        escalated += sweep(house).escalated
    assert escalated == 3


def test_a_flag_in_a_chart_entered_in_error_is_still_waited_for_and_a_measure_is_not(house, clinician, client_id):
    session(house, clinician, client_id)
    goal(house, clinician, client_id)
    flag(house, clinician, client_id)
    days(house, 70)
    assert sorted(kinds(house, clinician)) == ["goal_stale", "measure_overdue", "risk_flag_unacknowledged"]
    client = house.services.clients.read(house.call(clinician), client_id)
    house.services.clients.mark_entered_in_error(
        house.call(clinician, expected_version=client.version), client_id, "Opened twice."
    )
    assert kinds(house, clinician) == ["risk_flag_unacknowledged"]


def test_a_flag_that_an_answer_raised_is_swept_as_one_that_a_person_raised(house, clinician, client_id):
    measure(house, clinician, client_id, item9=3)
    days(house, 1)
    assert sweep(house).waiting == {WorkKind.RISK_FLAG_UNACKNOWLEDGED: 1}


# The list --------------------------------------------------------------------------------------------------------------


def test_the_worst_comes_first_and_of_the_same_what_waited_longest(house, clinician):
    clients = [house.chart(clinician, family=family) for family in ("Abel", "Berg", "Cohen")]
    for client_id in clients:
        session(house, clinician, client_id, sign=False)
        house.clock.forward(60)
    days(house, 29)
    flag(house, clinician, clients[1])
    days(house, 2)
    found = [(item.kind.value, item.client_id) for item in listed(house, clinician)]
    assert found == [
        ("risk_flag_unacknowledged", clients[1]),
        *[("session_unsigned", client_id) for client_id in clients],
        *[("measure_overdue", client_id) for client_id in sorted(clients)],  # all opened in one second
    ]


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_pages_of_the_list_are_the_whole_of_it(house, clinician, limit):
    for family in ("Abel", "Berg", "Cohen"):
        client_id = house.chart(clinician, family=family)
        session(house, clinician, client_id, sign=False)
        goal(house, clinician, client_id)
    days(house, 61)
    whole = listed(house, clinician)
    assert len(whole) == 9
    found, after = [], None
    while True:
        page = house.services.worklist.read(house.call(clinician), limit=limit, after=after)
        found += page.items
        after = page.after
        if after is None:
            break
        assert len(page.items) == limit
    assert found == list(whole)


def test_the_list_is_the_callers_own(house, clinician, client_id):
    session(house, clinician, client_id, sign=False)
    days(house, 5)
    assert kinds(house, clinician) == ["session_unsigned"]
    assert kinds(house, house.person()) == []


@pytest.mark.parametrize("role", [Role.CLIENT, Role.OPERATOR, Role.COMPLIANCE_OFFICER, Role.ML_ENGINEER])
def test_nobody_else_has_a_list(house, role):
    with pytest.raises(RoleNotPermitted):
        house.services.worklist.read(house.call(house.person(role)))


def test_nobody_but_the_worker_sweeps(house, clinician):
    with pytest.raises(RoleNotPermitted):
        house.services.worklist.sweep(house.call(clinician))


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 1_001}, {"after": (1,)}])
def test_impossible_questions_to_the_list_are_refused(house, clinician, wrong):
    with pytest.raises(Invalid):
        house.services.worklist.read(house.call(clinician), **wrong)


def test_a_list_that_is_behind_says_so(house, clinician, client_id):
    with pytest.raises(ViewBehind):
        house.services.worklist.read(house.call(clinician), at_least=10_000)


def test_reading_the_list_is_on_record_with_whose_records_it_drew_on(house, clinician, client_id):
    call = house.call(clinician)
    house.services.worklist.read(call)
    (entry,) = house.entries(call)
    assert (entry.action, entry.clients) == ("worklist.read", (client_id,))


def test_a_sweep_is_on_record_with_every_client_it_opened_and_opens_none_twice(house, clinician):
    ids = sorted(house.chart(clinician, family=f"Family{n}") for n in range(30))
    first = house.call(HOST, purpose=Purpose.OPERATIONS)
    assert house.services.worklist.sweep(first).derived == 30
    named = [client_id for entry in house.entries(first) for client_id in entry.clients]
    assert named == ids
    assert {entry.action for entry in house.entries(first)} == {"worklist.sweep"}
    second = house.call(HOST, purpose=Purpose.OPERATIONS)
    swept = house.services.worklist.sweep(second)
    assert (swept.derived, swept.clients) == (0, 30)
    assert [(entry.action, entry.clients) for entry in house.entries(second)] == [("worklist.sweep", ())]


def test_an_empty_house_is_swept_and_has_nothing_to_do(house):
    swept = sweep(house)
    assert (swept.derived, swept.clients, swept.escalated, swept.waiting) == (0, 0, 0, {})
