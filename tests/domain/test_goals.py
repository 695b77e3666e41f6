"""Goals: what makes one, how far it got, what became of it, and who may say so."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from domain.errors import Invalid, StaleVersion
from domain.instruments import InstrumentUnknown, instrument
from domain.model.checks import ImpossibleTime, OutOfRange, TextNotAllowed
from domain.model.client import ClientEnteredInError
from domain.model.goal import (
    Goal,
    GoalAlreadyActive,
    GoalContent,
    GoalEnteredInError,
    GoalMetric,
    GoalNotActive,
    GoalNotFound,
    GoalProgressNotByHand,
    GoalStatus,
    GoalWithoutTarget,
    Milestone,
    MilestoneAlreadyReached,
    MilestoneNotFound,
    MilestonesOutOfOrder,
)
from domain.model.session import SessionEnteredInError, SessionNotFound
from domain.model.values import MomentInZone
from domain.ports.access import Relation
from domain.ports.call import Role
from domain.services.access import OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering_outcomes import goal_as_json
from tests.contracts.samples import NOW, YESTERDAY, content
from tests.domain.test_histories import PEOPLE, History, passing, people, texts

FIRST, SECOND, THIRD = (UUID(int=n) for n in (101, 102, 103))
STEPS = (
    Milestone(id=FIRST, text="One stop.", due_on=date(2026, 4, 1)),
    Milestone(id=SECOND, text="Two stops."),
    Milestone(id=THIRD, text="The whole line.", due_on=date(2026, 6, 1)),
)
PERCENT = GoalContent(
    statement="Take the train alone.",
    metric=GoalMetric.PERCENTAGE,
    baseline=0.0,
    target=80.0,
    due_on=date(2026, 9, 30),
    milestones=STEPS,
)
SCORED = GoalContent(statement="Worry less.", metric=GoalMetric.MEASURE, instrument="gad-7", baseline=14.0, target=4.0)
STEPWISE = GoalContent(statement="Take the train alone.", metric=GoalMetric.MILESTONES, milestones=STEPS)


def a_goal(what=PERCENT, at=NOW):
    named = instrument(what.instrument) if what.instrument else None
    return Goal.set_goal(uuid4(), at=at, by=PEOPLE[0], client_id=uuid4(), content=what, instrument=named)


@pytest.mark.parametrize("what", [PERCENT, SCORED, STEPWISE], ids=["percentage", "measure", "milestones"])
def test_a_goal_is_counted_in_one_of_three_ways(what):
    goal = a_goal(what)
    assert (goal.status, goal.content, goal.version) == (GoalStatus.ACTIVE, what, 1)


@pytest.mark.parametrize(
    ("what", "error", "field"),
    [
        (replace(PERCENT, target=None), GoalWithoutTarget, "target"),
        (replace(PERCENT, baseline=80.0), GoalWithoutTarget, "target"),
        (replace(PERCENT, baseline=None, target=0.0), GoalWithoutTarget, "baseline"),
        (replace(SCORED, target=None), GoalWithoutTarget, "target"),
        (replace(STEPWISE, milestones=()), GoalWithoutTarget, "milestones"),
        (replace(PERCENT, target=100.5), OutOfRange, "target"),
        (replace(PERCENT, target=-1.0), OutOfRange, "target"),
        (replace(PERCENT, target=float("nan")), OutOfRange, "target"),
        (replace(PERCENT, baseline=101.0), OutOfRange, "baseline"),
        (replace(SCORED, target=22.0), OutOfRange, "target"),
        (replace(SCORED, instrument=None), Invalid, "instrument"),
        (replace(PERCENT, instrument="gad-7"), Invalid, "instrument"),
        (replace(STEPWISE, target=3.0), Invalid, "target"),
        (replace(STEPWISE, baseline=0.0), Invalid, "baseline"),
        (replace(PERCENT, statement=" "), TextNotAllowed, "statement"),
        (replace(PERCENT, specific="x" * 2_001), TextNotAllowed, "specific"),
        (replace(PERCENT, due_on=date(1626, 1, 1)), ImpossibleTime, "due_on"),
        (replace(PERCENT, milestones=(STEPS[0], STEPS[0])), OutOfRange, "milestones"),
        (replace(PERCENT, session_ids=(FIRST, FIRST)), OutOfRange, "session_ids"),
        (replace(PERCENT, milestones=(replace(STEPS[0], text=""),)), TextNotAllowed, "milestones[0].text"),
    ],
)
def test_a_goal_that_cannot_be_right_is_refused_by_its_field(what, error, field):
    with pytest.raises(error) as refused:
        a_goal(what)
    assert refused.value.facts["field"] == field


@pytest.mark.parametrize(
    ("steps", "due_on", "field"),
    [
        ((STEPS[2], STEPS[1], STEPS[0]), None, "milestones[2].due_on"),
        (STEPS, date(2026, 5, 31), "milestones[2].due_on"),
        ((STEPS[0],), date(2026, 3, 31), "milestones[0].due_on"),
    ],
)
def test_milestones_out_of_order_are_refused(steps, due_on, field):
    with pytest.raises(MilestonesOutOfOrder) as refused:
        a_goal(replace(PERCENT, milestones=steps, due_on=due_on))
    assert refused.value.facts["field"] == field


@given(
    st.lists(st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=8),
    st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31)),
)
def test_milestones_are_taken_exactly_when_their_days_run_forward_to_the_goals(days, due_on):
    steps = tuple(Milestone(id=uuid4(), text="A step.", due_on=day) for day in days)
    told = [day for day in days if day is not None]
    right = told == sorted(told) and (due_on is None or all(day <= due_on for day in told))
    what = replace(PERCENT, milestones=steps, due_on=due_on)
    if right:
        assert a_goal(what).content == what
    else:
        with pytest.raises(MilestonesOutOfOrder):
            a_goal(what)


@given(st.floats(allow_nan=True, allow_infinity=True) | st.integers(-300, 300))
def test_percent_outside_0_to_100_is_never_recorded(value):
    goal = a_goal()
    if 0 <= value <= 100:
        goal.record_progress(at=NOW, by=PEOPLE[0], value=value, took_place=YESTERDAY)
        assert goal.progress[-1].value == value
    else:
        with pytest.raises(OutOfRange):
            goal.record_progress(at=NOW, by=PEOPLE[0], value=value, took_place=YESTERDAY)


@pytest.mark.parametrize("what", [SCORED, STEPWISE])
def test_what_is_counted_elsewhere_is_not_told_by_hand(what):
    with pytest.raises(GoalProgressNotByHand):
        a_goal(what).record_progress(at=NOW, by=PEOPLE[0], value=5, took_place=YESTERDAY)


def test_progress_lies_never_ahead():
    ahead = MomentInZone.of(NOW + timedelta(days=1), "Europe/Berlin")
    with pytest.raises(ImpossibleTime):
        a_goal().record_progress(at=NOW, by=PEOPLE[0], value=5, took_place=ahead)


def test_a_milestone_is_reached_once_in_any_order_and_never_ahead():
    goal = a_goal()
    goal.reach_milestone(at=NOW, by=PEOPLE[0], milestone_id=THIRD)
    goal.reach_milestone(at=NOW, by=PEOPLE[0], milestone_id=FIRST, reached_on=date(2026, 2, 27))
    assert [(one.id, one.reached_on) for one in goal.reached] == [
        (THIRD, date(2026, 3, 2)),
        (FIRST, date(2026, 2, 27)),
    ]
    with pytest.raises(MilestoneAlreadyReached):
        goal.reach_milestone(at=NOW, by=PEOPLE[0], milestone_id=THIRD)
    with pytest.raises(MilestoneNotFound):
        goal.reach_milestone(at=NOW, by=PEOPLE[0], milestone_id=uuid4())
    with pytest.raises(ImpossibleTime):
        goal.reach_milestone(at=NOW, by=PEOPLE[0], milestone_id=SECOND, reached_on=date(2026, 3, 4))


def test_a_day_that_has_begun_somewhere_on_earth_lies_not_ahead():
    evening = datetime(2026, 3, 2, 20, tzinfo=UTC)
    goal = a_goal(at=evening)
    goal.complete(at=evening, by=PEOPLE[0], completed_on=date(2026, 3, 3))
    assert goal.completed_on == date(2026, 3, 3)


def test_a_reached_milestone_stays_when_the_goal_is_revised():
    goal = a_goal()
    goal.reach_milestone(at=NOW, by=PEOPLE[0], milestone_id=FIRST)
    with pytest.raises(MilestoneAlreadyReached):
        goal.revise(at=NOW, by=PEOPLE[0], content=replace(PERCENT, milestones=STEPS[1:]))
    goal.revise(at=NOW, by=PEOPLE[0], content=replace(PERCENT, milestones=STEPS[:1], target=90.0))
    assert (goal.content.target, [one.id for one in goal.reached]) == (90.0, [FIRST])


def test_an_ended_goal_takes_nothing_until_it_is_reopened():
    goal = a_goal()
    goal.abandon(at=NOW, by=PEOPLE[0], reason="Moved away.")
    assert (goal.status, goal.abandoned_on, goal.reason) == (GoalStatus.ABANDONED, date(2026, 3, 2), "Moved away.")
    for attempt in (
        lambda: goal.revise(at=NOW, by=PEOPLE[0], content=PERCENT),
        lambda: goal.record_progress(at=NOW, by=PEOPLE[0], value=5, took_place=YESTERDAY),
        lambda: goal.reach_milestone(at=NOW, by=PEOPLE[0], milestone_id=FIRST),
        lambda: goal.complete(at=NOW, by=PEOPLE[0]),
        lambda: goal.abandon(at=NOW, by=PEOPLE[0], reason="Again."),
    ):
        with pytest.raises(GoalNotActive):
            attempt()
    goal.reopen(at=NOW, by=PEOPLE[0])
    assert (goal.status, goal.abandoned_on, goal.reason) == (GoalStatus.ACTIVE, None, "")
    with pytest.raises(GoalAlreadyActive):
        goal.reopen(at=NOW, by=PEOPLE[0])


def test_a_goal_entered_in_error_stays_readable_and_takes_nothing():
    goal = a_goal()
    goal.mark_entered_in_error(at=NOW, by=PEOPLE[0], reason="Wrong chart.")
    assert (goal.status, goal.error_reason) == (GoalStatus.ENTERED_IN_ERROR, "Wrong chart.")
    for attempt in (
        lambda: goal.mark_entered_in_error(at=NOW, by=PEOPLE[0], reason="Again."),
        lambda: goal.reopen(at=NOW, by=PEOPLE[0]),
        lambda: goal.complete(at=NOW, by=PEOPLE[0]),
    ):
        with pytest.raises(GoalEnteredInError) as refused:
            attempt()
        assert refused.value.facts == {"goal_id": str(goal.id)}


def test_it_reads_with_what_was_agreed_on_and_each_session_once():
    session_id = uuid4()
    goal = a_goal(replace(PERCENT, session_ids=(session_id,)))
    goal.record_progress(at=NOW, by=PEOPLE[0], value=25, took_place=YESTERDAY, session_id=session_id)
    shown = goal_as_json(goal)
    assert shown["session_ids"] == [str(session_id)]
    assert shown["progress"][0]["value"] == 25
    assert shown["content"]["milestones"][0] == {"id": str(FIRST), "text": "One stop.", "due_on": "2026-04-01"}
    assert (shown["status"], shown["set_at"], shown["completed_on"]) == ("active", "2026-03-02T09:00:00Z", None)


class GoalHistory(History):
    def __init__(self) -> None:
        super().__init__()
        self.aggregate: Any = a_goal()

    @rule(aim=st.floats(-10, 110), kept=st.integers(0, 3))
    def revise(self, aim: float, kept: int) -> None:
        self.attempt("revise", by=PEOPLE[0], content=replace(PERCENT, target=aim, milestones=STEPS[:kept]))

    @rule(value=st.floats(-10, 110), ago=passing)
    def progress(self, value: float, ago: int) -> None:
        took_place = MomentInZone.of(self.now - timedelta(seconds=ago), "Asia/Tokyo")
        self.attempt("record_progress", by=PEOPLE[0], value=value, took_place=took_place)

    @rule(milestone_id=st.sampled_from([FIRST, SECOND, THIRD, UUID(int=104)]), days=st.integers(-20, 2))
    def reach(self, milestone_id: UUID, days: int) -> None:
        day = (self.now + timedelta(days=days)).date()
        self.attempt("reach_milestone", by=PEOPLE[0], milestone_id=milestone_id, reached_on=day)

    @rule(by=people)
    def complete(self, by: UUID) -> None:
        self.attempt("complete", by=by)

    @rule(reason=texts)
    def abandon(self, reason: str) -> None:
        self.attempt("abandon", by=PEOPLE[0], reason=reason)

    @rule()
    def reopen(self) -> None:
        self.attempt("reopen", by=PEOPLE[0])

    @precondition(lambda self: self.aggregate.version > 6)
    @rule(reason=texts)
    def mark(self, reason: str) -> None:
        self.attempt("mark_entered_in_error", by=PEOPLE[0], reason=reason)

    @invariant()
    def what_was_reached_is_among_its_milestones(self) -> None:
        goal = self.aggregate
        assert {one.id for one in goal.reached} <= {milestone.id for milestone in goal.content.milestones}
        assert all(0 <= told.value <= 100 for told in goal.progress)

    @invariant()
    def an_end_has_its_day(self) -> None:
        goal = self.aggregate
        if not goal.in_error:
            assert (goal.completed_on is not None) is (goal.status is GoalStatus.COMPLETED)
            assert (goal.abandoned_on is not None) is (goal.status is GoalStatus.ABANDONED)
            assert bool(goal.reason.strip()) is (goal.status is GoalStatus.ABANDONED)


TestGoalHistory = GoalHistory.TestCase


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def client_id(house, clinician):
    return house.chart(clinician)


def set_goal(house, who, client_id, what=PERCENT):
    goal_id = uuid4()
    house.services.goals.set_goal(house.call(who), goal_id, client_id, what)
    return goal_id


def record(house, who, client_id, **more):
    session_id = uuid4()
    house.services.sessions.record(house.call(who), session_id, client_id, content(**more))
    return session_id


def test_a_goal_is_set_pursued_and_completed_each_step_on_record(house, clinician, client_id):
    goals, goal_id = house.services.goals, uuid4()
    steps = [
        ("goal.set", lambda call: goals.set_goal(call, goal_id, client_id, PERCENT)),
        ("goal.record_progress", lambda call: goals.record_progress(call, goal_id, 40, YESTERDAY)),
        ("goal.reach_milestone", lambda call: goals.reach_milestone(call, goal_id, FIRST)),
        ("goal.revise", lambda call: goals.revise(call, goal_id, replace(PERCENT, target=60.0))),
        ("goal.complete", lambda call: goals.complete(call, goal_id)),
        ("goal.reopen", lambda call: goals.reopen(call, goal_id)),
        ("goal.abandon", lambda call: goals.abandon(call, goal_id, "Moved away.")),
        ("goal.mark_entered_in_error", lambda call: goals.mark_entered_in_error(call, goal_id, "Wrong chart.")),
        ("goal.read", lambda call: goals.read(call, goal_id)),
    ]
    for action, step in steps:
        call = house.call(clinician)
        step(call)
        (entry,) = house.entries(call)
        assert (entry.action, entry.client_id, entry.resources) == (action, client_id, (goal_id,))
    assert goals.read(house.call(clinician), goal_id).version == 8


def test_supervisors_read_goals_and_leave_them_to_who_treats(house, clinician):
    supervisor = house.person(Role.SUPERVISOR)
    client_id = house.chart(clinician, (supervisor, Relation.SUPERVISOR))
    goal_id = set_goal(house, clinician, client_id)
    assert house.services.goals.read(house.call(supervisor), goal_id).id == goal_id
    with pytest.raises(RelationNotPermitted):
        house.services.goals.complete(house.call(supervisor), goal_id)


def test_strangers_learn_nothing_of_goals(house, clinician, client_id):
    goal_id = set_goal(house, clinician, client_id)
    with pytest.raises(OutsideCareTeam):
        house.services.goals.read(house.call(house.person()), goal_id)
    with pytest.raises(RoleNotPermitted):
        house.services.goals.read(house.call(house.person(Role.OPERATOR)), goal_id)
    with pytest.raises(GoalNotFound):
        house.services.goals.read(house.call(clinician), uuid4())


def test_clients_read_their_goals_but_for_those_entered_in_error(house, clinician, client_id):
    own = house.person(Role.CLIENT, client_id=client_id)
    standing, wrong = set_goal(house, clinician, client_id), set_goal(house, clinician, client_id)
    foreign = set_goal(house, clinician, house.chart(clinician))
    house.services.goals.mark_entered_in_error(house.call(clinician), wrong, "Another person's.")
    assert house.services.goals.read(house.call(own), standing).id == standing
    for hidden in (wrong, foreign):
        with pytest.raises(GoalNotFound):
            house.services.goals.read(house.call(own), hidden)
    with pytest.raises(RoleNotPermitted):
        house.services.goals.complete(house.call(own), standing)
    assert [item.id for item in house.services.goals.of_client(house.call(own), client_id).items] == [standing]
    shown = house.services.goals.of_client(house.call(clinician), client_id).items
    assert [item.content["status"] for item in shown] == ["active", "entered_in_error"]


def test_a_stale_version_is_refused(house, clinician, client_id):
    goal_id = set_goal(house, clinician, client_id)
    house.services.goals.record_progress(house.call(clinician), goal_id, 10, YESTERDAY)
    with pytest.raises(StaleVersion):
        house.services.goals.revise(house.call(clinician, expected_version=1), goal_id, PERCENT)


def test_a_chart_entered_in_error_takes_no_new_goal_and_lets_standing_ones_end(house, clinician, client_id):
    goals, goal_id = house.services.goals, set_goal(house, clinician, client_id)
    house.services.clients.mark_entered_in_error(house.call(clinician), client_id, "Opened twice.")
    for attempt in (
        lambda call: goals.set_goal(call, uuid4(), client_id, PERCENT),
        lambda call: goals.revise(call, goal_id, PERCENT),
        lambda call: goals.record_progress(call, goal_id, 10, YESTERDAY),
        lambda call: goals.reach_milestone(call, goal_id, FIRST),
    ):
        with pytest.raises(ClientEnteredInError):
            attempt(house.call(clinician))
    goals.abandon(house.call(clinician), goal_id, "The chart is wrong.")


def test_a_goal_of_an_unknown_instrument_is_refused(house, clinician, client_id):
    with pytest.raises(InstrumentUnknown):
        set_goal(house, clinician, client_id, replace(SCORED, instrument="phq-10"))


def test_goals_and_sessions_link_within_one_client_and_nothing_entered_in_error(house, clinician, client_id):
    elsewhere = house.chart(clinician)
    goal_id, foreign_goal = set_goal(house, clinician, client_id), set_goal(house, clinician, elsewhere)
    session_id = record(house, clinician, client_id, goal_ids=(goal_id,))
    foreign_session = record(house, clinician, elsewhere)
    for unknown in (foreign_goal, uuid4()):
        with pytest.raises(GoalNotFound):
            record(house, clinician, client_id, goal_ids=(unknown,))
    for unknown in (foreign_session, uuid4()):
        with pytest.raises(SessionNotFound):
            set_goal(house, clinician, client_id, replace(PERCENT, session_ids=(unknown,)))
        with pytest.raises(SessionNotFound):
            house.services.goals.record_progress(house.call(clinician), goal_id, 10, YESTERDAY, unknown)
    house.services.goals.revise(house.call(clinician), goal_id, replace(PERCENT, session_ids=(session_id,)))
    assert house.services.goals.read(house.call(clinician), goal_id).content.session_ids == (session_id,)


def test_a_link_that_stood_before_is_not_looked_at_again(house, clinician, client_id):
    goals, sessions = house.services.goals, house.services.sessions
    goal_id = set_goal(house, clinician, client_id)
    session_id = record(house, clinician, client_id, goal_ids=(goal_id,))
    goals.revise(house.call(clinician), goal_id, replace(PERCENT, session_ids=(session_id,)))
    sessions.mark_entered_in_error(house.call(clinician), session_id, "Another person's.")
    goals.revise(house.call(clinician), goal_id, replace(PERCENT, session_ids=(session_id,), target=70.0))
    with pytest.raises(SessionEnteredInError):
        set_goal(house, clinician, client_id, replace(PERCENT, session_ids=(session_id,)))
    second = record(house, clinician, client_id, goal_ids=(goal_id,))
    goals.mark_entered_in_error(house.call(clinician), goal_id, "Another person's.")
    sessions.amend(house.call(clinician), second, content("Written better.", goal_ids=(goal_id,)))
    with pytest.raises(GoalEnteredInError):
        record(house, clinician, client_id, goal_ids=(goal_id,))


def test_progress_that_names_no_version_follows_what_was_quicker(house, clinician, client_id, monkeypatch):
    goals, goal_id, save = house.services.goals, set_goal(house, clinician, client_id), house.ledger.save

    def beaten(call, entry, *aggregates):
        monkeypatch.setattr(house.ledger, "save", save)
        goals.record_progress(house.call(clinician), goal_id, 10, YESTERDAY)
        return save(call, entry, *aggregates)

    monkeypatch.setattr(house.ledger, "save", beaten)
    goals.record_progress(house.call(clinician), goal_id, 20, YESTERDAY)
    assert [told.value for told in goals.read(house.call(clinician), goal_id).progress] == [10, 20]
    with pytest.raises(StaleVersion):
        goals.record_progress(house.call(clinician, expected_version=2), goal_id, 30, YESTERDAY)
