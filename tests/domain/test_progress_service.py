from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from domain.errors import Erased, ViewBehind
from domain.model.appointment import CancellationReason, CancelledBy, MissReason
from domain.model.client import ClientNotFound
from domain.model.goal import GoalContent, GoalMetric, Milestone
from domain.model.measure import CompletedBy
from domain.model.risk_flag import FlagLevel
from domain.model.values import Emotion, Modality, MomentInZone, Valence
from domain.ports.access import Relation
from domain.ports.call import Purpose, Role
from domain.progress.period import LookBackNotUnderstood, PeriodNotPossible
from domain.progress.report import By, CaseloadStanding, TrendClass
from domain.services.access import OutsideCareTeam, RoleNotPermitted
from domain.services.rendering_progress import caseload_as_json, report_as_json
from tests.contracts.samples import content
from tests.domain.conftest import HOST

ZONE = "Europe/Berlin"


def moment(instant: datetime) -> MomentInZone:
    return MomentInZone.of(instant.astimezone(UTC), ZONE)


def weeks_ago(house, weeks: float) -> MomentInZone:
    return moment(house.clock.now() - timedelta(weeks=weeks))


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def client_id(house, clinician):
    return house.chart(clinician)


def take(house, who, client_id, taken_at, score):
    """A PHQ-9 with the given sum, item 9 answered with 0."""
    answers = [0] * 9
    for place in range(8):
        answers[place] = min(3, score - sum(answers))
    measure_id = uuid4()
    house.services.measures.record(
        house.call(who),
        measure_id,
        client_id,
        instrument="phq-9",
        taken_at=taken_at,
        answers=tuple(answers),
        completed_by=CompletedBy.CLIENT,
    )
    return measure_id


def talk(house, who, client_id, at, **more):
    session_id = uuid4()
    house.services.sessions.record(house.call(who), session_id, client_id, content(took_place=at, **more))
    return session_id


def test_a_score_taken_now_changes_the_report(house, clinician, client_id):
    for place in range(6):
        take(house, clinician, client_id, weeks_ago(house, 10 - place), 20)
    before = house.services.progress.report(house.call(clinician), client_id).measures[0]
    assert before.trend.verdict is TrendClass.STABLE
    for place in range(4):
        take(house, clinician, client_id, weeks_ago(house, 4 - place), 8 - place)
    after = house.services.progress.report(house.call(clinician), client_id).measures[0]
    assert after.trend.verdict is TrendClass.IMPROVING
    assert after.change.difference == -15
    assert [each.worsened for each in after.crossings] == [False] * 3


def test_every_figure_leads_to_events_of_the_log(house, clinician, client_id):
    measure_id = take(house, clinician, client_id, weeks_ago(house, 2), 14)
    session_id = talk(house, clinician, client_id, weeks_ago(house, 1))
    house.services.sessions.sign(house.call(clinician), session_id)
    told = house.services.progress.report(house.call(clinician), client_id)
    (score,) = told.measures[0].scores
    assert score.source.id == measure_id
    assert [house.log.events[position - 1].originator_id for position in score.source.positions] == [measure_id]
    (felt,) = told.emotions[0].observations
    assert felt.source.id == session_id
    assert len(felt.source.positions) == 2


def test_what_was_entered_in_error_counts_for_nothing_and_is_said_to_be_left_out(house, clinician, client_id):
    wrong = take(house, clinician, client_id, weeks_ago(house, 3), 24)
    take(house, clinician, client_id, weeks_ago(house, 2), 8)
    session_id = talk(house, clinician, client_id, weeks_ago(house, 2))
    house.services.measures.mark_entered_in_error(house.call(clinician), wrong, "Another client's.")
    house.services.sessions.mark_entered_in_error(house.call(clinician), session_id, "Another client's.")
    told = house.services.progress.report(house.call(clinician), client_id)
    assert [each.value for each in told.measures[0].scores] == [8]
    assert told.emotions == ()
    assert told.engagement.sessions == 0
    assert told.left_out == 2
    theirs = house.services.progress.report(house.call(house.person(Role.CLIENT, client_id=client_id)), client_id)
    assert theirs.left_out == 0
    assert "entered_in_error" not in [each.code.value for each in theirs.notices]


def test_unsigned_sessions_count_for_the_team_and_not_for_the_client(house, clinician, client_id):
    talk(house, clinician, client_id, weeks_ago(house, 2))
    signed = talk(house, clinician, client_id, weeks_ago(house, 1))
    house.services.sessions.sign(house.call(clinician), signed)
    house.services.risk_flags.raise_flag(
        house.call(clinician), uuid4(), client_id, level=FlagLevel.HIGH, reason="Said so."
    )
    house.clock.forward(60)
    person = house.person(Role.CLIENT, client_id=client_id)
    theirs = house.services.progress.report(house.call(person), client_id)
    ours = house.services.progress.report(house.call(clinician), client_id)
    assert (theirs.engagement.sessions, ours.engagement.sessions) == (1, 2)
    assert (len(theirs.flags), len(ours.flags)) == (0, 1)
    assert (theirs.released, ours.released) == (True, False)


def test_appointments_goals_and_states_are_told(house, clinician, client_id):
    now = house.clock.now()
    plan = house.services.appointments
    ids = [uuid4() for _ in range(4)]
    for place, appointment_id in enumerate(ids):
        start = weeks_ago(house, 4 - place)
        plan.plan(house.call(clinician), appointment_id, client_id, start, 50, Modality.IN_PERSON)
    plan.hold(house.call(clinician), ids[0])
    plan.miss(house.call(clinician), ids[1], MissReason.CLIENT_NO_SHOW)
    plan.cancel(
        house.call(clinician), ids[2], CancelledBy.CLIENT, CancellationReason.ILLNESS, weeks_ago(house, 2.1).instant
    )
    plan.cancel(
        house.call(clinician), ids[3], CancelledBy.CLIENT, CancellationReason.ILLNESS, weeks_ago(house, 1.2).instant
    )
    goal_id = uuid4()
    house.services.goals.set_goal(
        house.call(clinician),
        goal_id,
        client_id,
        GoalContent(statement="Go out each day", metric=GoalMetric.PERCENTAGE, target=80.0),
    )
    house.services.goals.record_progress(house.call(clinician), goal_id, 20.0, moment(now))
    house.clock.forward(60)
    talk(
        house,
        clinician,
        client_id,
        weeks_ago(house, 0.1),
        emotions=(Emotion(name="Fear", intensity=7, valence=Valence.NEGATIVE),),
        goal_ids=(goal_id,),
    )
    told = house.services.progress.report(house.call(clinician), client_id)
    attended = told.engagement
    assert (attended.held, attended.missed, attended.cancelled, attended.cancelled_late) == (1, 1, 2, 1)
    assert attended.attendance_rate == pytest.approx(1 / 3)
    (goal,) = told.goals
    assert (goal.current, goal.completion) == (20, 25)
    assert [each.name for each in told.emotions] == ["fear"]


def test_milestones_are_told_with_their_days(house, clinician, client_id):
    goal_id = uuid4()
    first, second = uuid4(), uuid4()
    house.services.goals.set_goal(
        house.call(clinician),
        goal_id,
        client_id,
        GoalContent(
            statement="Drive again",
            metric=GoalMetric.MILESTONES,
            milestones=(Milestone(id=first, text="Sit in the car"), Milestone(id=second, text="Drive home")),
        ),
    )
    house.services.goals.reach_milestone(house.call(clinician), goal_id, first)
    house.clock.forward(60)
    (goal,) = house.services.progress.report(house.call(clinician), client_id).goals
    assert goal.completion == 50
    assert [each.reached_on is not None for each in goal.milestones] == [True, False]


def test_a_report_of_a_client_with_nothing_has_no_figures(house, clinician, client_id):
    told = house.services.progress.report(house.call(clinician), client_id)
    assert told.events == 0
    assert told.measures == told.goals == told.emotions == ()


def test_a_period_that_reaches_beyond_now_ends_with_the_current_day_of_the_clinic(house, clinician, client_id):
    now = house.clock.now()
    call = house.call(clinician)
    told = house.services.progress.report(
        call, client_id, since=now - timedelta(days=7), until=now + timedelta(days=7), by=By.DAY
    )
    ends = told.until.astimezone(ZoneInfo(ZONE))
    assert (ends.hour, ends.minute, ends.second, ends.microsecond) == (0, 0, 0, 0)
    assert (ends - timedelta(microseconds=1)).date() == call.at.astimezone(ZoneInfo(ZONE)).date()
    assert told.zone == ZONE


def test_the_same_data_gives_the_same_report_within_a_day(house, clinician, client_id):
    take(house, clinician, client_id, weeks_ago(house, 9), 14)
    talk(house, clinician, client_id, weeks_ago(house, 1))
    first = house.services.progress.report(house.call(clinician), client_id)
    house.clock.forward(1)
    assert house.services.progress.report(house.call(clinician), client_id) == first
    house.clock.forward(86_400)
    assert house.services.progress.report(house.call(clinician), client_id).until > first.until


def test_a_period_that_begins_after_now_is_refused(house, clinician, client_id):
    with pytest.raises(PeriodNotPossible):
        house.services.progress.report(house.call(clinician), client_id, since=house.clock.now() + timedelta(minutes=1))


def test_a_report_says_first_what_must_not_be_missed(house, clinician, client_id):
    house.services.risk_flags.raise_flag(
        house.call(clinician), uuid4(), client_id, level=FlagLevel.HIGH, reason="Said so."
    )
    house.clock.forward(60 * 300 * 1_440)
    talk(house, clinician, client_id, weeks_ago(house, 1))
    told = house.services.progress.report(house.call(clinician), client_id)
    assert told.flags == ()
    assert [each.code.value for each in told.notices] == ["open_risk_flags", "not_measured", "unsigned_sessions"]
    assert told.notices[0].sources[0].kind == "risk_flag"
    person = house.person(Role.CLIENT, client_id=client_id)
    assert house.services.progress.report(house.call(person), client_id).notices == ()


def test_without_a_period_it_is_half_a_year(house, clinician, client_id):
    told = house.services.progress.report(house.call(clinician), client_id)
    assert 180 <= (told.until - told.since).days <= 185


def test_the_past_reads_the_same_whenever_it_is_read(house, clinician, client_id):
    take(house, clinician, client_id, weeks_ago(house, 2), 14)
    since, until = house.clock.now() - timedelta(weeks=4), house.clock.now() - timedelta(weeks=1)
    first = house.services.progress.report(house.call(clinician), client_id, since=since, until=until)
    house.clock.forward(90_000)
    again = house.services.progress.report(house.call(clinician), client_id, since=since, until=until)
    assert again == first


def test_impossible_periods_are_refused(house, clinician, client_id):
    report = house.services.progress.report
    now = house.clock.now()
    with pytest.raises(LookBackNotUnderstood):
        report(house.call(clinician), client_id, back="5 fortnights")
    with pytest.raises(PeriodNotPossible):
        report(house.call(clinician), client_id, since=now - timedelta(days=1), until=now - timedelta(days=2))
    with pytest.raises(PeriodNotPossible):
        report(house.call(clinician), client_id, since=now.replace(tzinfo=None))
    with pytest.raises(PeriodNotPossible):
        report(house.call(clinician), client_id, until=now.replace(tzinfo=None))
    with pytest.raises(PeriodNotPossible):
        report(house.call(clinician), client_id, since=now - timedelta(days=9), back="90d")


def test_only_the_care_team_and_the_client_read_a_report(house, clinician, client_id):
    report = house.services.progress.report
    supervisor = house.person(Role.SUPERVISOR)
    house.services.clients.join_care_team(house.call(clinician), client_id, supervisor.id, Relation.SUPERVISOR)
    report(house.call(supervisor), client_id)
    with pytest.raises(OutsideCareTeam):
        report(house.call(house.person()), client_id)
    with pytest.raises(ClientNotFound):
        report(house.call(house.person(Role.CLIENT, client_id=house.chart(clinician))), client_id)
    with pytest.raises(RoleNotPermitted):
        report(house.call(house.person(Role.ML_ENGINEER)), client_id)


def test_an_erased_client_has_no_report_and_no_place_in_the_caseload(house, clinician, client_id):
    take(house, clinician, client_id, weeks_ago(house, 2), 14)
    house.log.fences.add(client_id)
    with pytest.raises(Erased):
        house.services.progress.report(house.call(clinician), client_id)
    assert house.services.progress.caseload(house.call(clinician)) == ()


def test_reading_a_report_leaves_a_trace(house, clinician, client_id):
    call = house.call(clinician)
    house.services.progress.report(call, client_id)
    assert house.reasons(call) == [("progress.read", "allowed", "")]
    denied = house.call(house.person())
    with pytest.raises(OutsideCareTeam):
        house.services.progress.report(denied, client_id)
    assert house.reasons(denied) == [("progress.read", "denied", "outside_care_team")]


def test_a_position_that_the_view_has_not_reached_is_waited_for(house, clinician, client_id):
    with pytest.raises(ViewBehind):
        house.services.progress.report(house.call(clinician), client_id, at_least=10_000)
    with pytest.raises(ViewBehind):
        house.services.progress.caseload(house.call(clinician), at_least=10_000)


def test_a_caseload_holds_the_callers_clients_worst_first(house, clinician):
    better, worse, silent = (house.chart(clinician, family=name) for name in ("Abel", "Bach", "Curie"))
    house.chart(house.person(), family="Else")
    for place in range(12):
        take(house, clinician, better, weeks_ago(house, 12 - place), 24 - place)
        take(house, clinician, worse, weeks_ago(house, 12 - place), 9 + place)
    talk(house, clinician, silent, weeks_ago(house, 1))
    call = house.call(clinician)
    told = house.services.progress.caseload(call)
    assert [(each.client_id, each.standing) for each in told] == [
        (worse, CaseloadStanding.OFF_TRACK),
        (silent, CaseloadStanding.NOT_MEASURED),
        (better, CaseloadStanding.IMPROVING),
    ]
    assert house.reasons(call) == [("progress.caseload", "allowed", "")]
    assert caseload_as_json(told, {})["clients"][0]["standing"] == "off_track"


@pytest.mark.parametrize("taken_on", [False, True], ids=["raised", "acknowledged"])
@pytest.mark.parametrize("swept", [False, True], ids=["unswept", "swept"])
def test_a_flag_that_is_open_for_more_than_a_year_still_stands_first(house, clinician, client_id, swept, taken_on):
    flag_id = uuid4()
    flags = house.services.risk_flags
    flags.raise_flag(house.call(clinician), flag_id, client_id, level=FlagLevel.HIGH, reason="Said so.")
    if taken_on:
        flags.acknowledge(house.call(clinician, expected_version=1), flag_id, "I call today.")
    house.clock.forward(60 * 7 * 86_400)
    if swept:
        house.services.worklist.sweep(house.call(HOST, purpose=Purpose.OPERATIONS))
    (told,) = house.services.progress.caseload(house.call(clinician))
    assert (told.standing, told.open_flags, told.flag_level) == (CaseloadStanding.FLAGGED, 1, "high")


def test_a_sweep_before_a_flag_was_raised_hides_it_from_nobody(house, clinician, client_id):
    house.services.worklist.sweep(house.call(HOST, purpose=Purpose.OPERATIONS))
    house.services.risk_flags.raise_flag(
        house.call(clinician), uuid4(), client_id, level=FlagLevel.HIGH, reason="Said so."
    )
    house.clock.forward(60 * 7 * 86_400)
    (told,) = house.services.progress.caseload(house.call(clinician))
    assert told.standing is CaseloadStanding.FLAGGED


def test_a_chart_entered_in_error_is_in_no_caseload(house, clinician, client_id):
    house.services.clients.mark_entered_in_error(house.call(clinician), client_id, "Twice registered.")
    assert house.services.progress.caseload(house.call(clinician)) == ()


def test_clients_have_no_caseload(house, client_id):
    with pytest.raises(RoleNotPermitted):
        house.services.progress.caseload(house.call(house.person(Role.CLIENT, client_id=client_id)))


def test_what_the_service_tells_can_be_rendered(house, clinician, client_id):
    take(house, clinician, client_id, weeks_ago(house, 2), 14)
    talk(house, clinician, client_id, weeks_ago(house, 1))
    told = house.services.progress.report(house.call(clinician), client_id, by=By.WEEK)
    assert report_as_json(told)["events"] == 2
