from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.progress.goals import goals
from domain.progress.period import buckets, period
from domain.progress.report import By, TrendClass
from tests.progress.samples import PHQ_9, START, WEEK, aim, meeting, milestone, scores, steps

BERLIN = ZoneInfo("Europe/Berlin")
HALF_A_YEAR = period(START, START + 26 * WEEK)


def told(*aims, within=HALF_A_YEAR, meetings=(), measured=()):
    return goals(aims, within, BERLIN, scores=measured, scales={"phq-9": PHQ_9}, meetings=meetings)


def test_a_goal_of_which_nothing_was_recorded_has_no_completion():
    (goal,) = told(aim())
    assert goal.completion is None
    assert goal.current is None
    assert goal.trend.verdict is TrendClass.INSUFFICIENT_DATA
    assert goal.last_touched == goal.set_on == date(2026, 1, 5)


@pytest.mark.parametrize(
    ("baseline", "target", "current", "completion"),
    [(None, 80, 40, 50), (20, 80, 50, 50), (20, 80, 5, 0), (20, 80, 95, 100), (60, 20, 40, 50), (None, 100, 0, 0)],
)
def test_completion_is_the_part_of_the_way_from_baseline_to_target(baseline, target, current, completion):
    (goal,) = told(aim(baseline=baseline, target=target, steps=steps(current)))
    assert goal.completion == completion
    assert goal.current == current


def test_values_after_the_period_are_not_known_yet_and_those_before_it_still_hold():
    (goal,) = told(aim(steps=steps(10, 20, 30)), within=period(START + 2.5 * WEEK, START + 2.9 * WEEK))
    assert goal.current == 20
    assert goal.course == ()
    assert goal.trend.observations == 0


def test_values_are_told_by_the_part_they_lie_in():
    months = buckets(HALF_A_YEAR, By.MONTH, BERLIN)
    (goal,) = goals(
        [aim(steps=steps(10, 20, 30, 60))], HALF_A_YEAR, BERLIN, scores=(), scales={}, meetings=(), parts=months
    )
    assert [(each.count, each.last) for each in goal.buckets][:3] == [(3, 30), (1, 60), (0, None)]


def test_a_goal_that_rises_steadily_improves_and_one_meant_to_fall_does_by_falling():
    rising = steps(10, 20, 30, 40, 50, 60, 70, 80)
    falling = steps(80, 70, 60, 50, 40, 30, 20, 10)
    up, down = told(aim(1, steps=rising), aim(2, baseline=90, target=0, steps=falling))
    assert up.trend.verdict is down.trend.verdict is TrendClass.IMPROVING


def test_a_goal_counted_by_an_instrument_takes_its_scores_since_it_was_set():
    measured = scores([20, 18, 16, 14, 12, 10, 8], start=START - WEEK)
    (goal,) = told(
        aim(counted_by="measure", instrument="phq-9", baseline=None, target=6.0, set_at=START), measured=measured
    )
    assert [each.value for each in goal.course] == [18, 16, 14, 12, 10, 8]
    assert [each.source.kind for each in goal.course] == ["measure"] * 6
    assert goal.baseline == 18
    assert goal.completion == pytest.approx(100 * 10 / 12)
    assert goal.trend.verdict is TrendClass.IMPROVING
    assert goal.unit == "points"


def test_a_score_typed_in_as_progress_too_counts_once():
    measured = scores([20, 10], start=START + WEEK)
    (goal,) = told(aim(counted_by="measure", instrument="phq-9", target=6.0, steps=steps(20, 10)), measured=measured)
    assert len(goal.course) == 2


def test_points_of_nothing_known_are_judged_by_a_part_of_the_way():
    (goal,) = told(aim(counted_by="measure", baseline=10.0, target=0.0, steps=steps(10, 8, 7, 6, 5, 3, 2)))
    assert goal.trend.verdict is TrendClass.IMPROVING
    assert goal.completion == 80


def test_milestones_count_as_their_share_and_are_late_by_their_day():
    (goal,) = told(
        aim(
            counted_by="milestones",
            target=None,
            milestones=(
                milestone(1, date(2026, 2, 1), date(2026, 1, 30)),
                milestone(2, date(2026, 3, 1), date(2026, 3, 5)),
                milestone(3, date(2026, 4, 1)),
                milestone(4, date(2027, 4, 1)),
            ),
        )
    )
    assert goal.completion == 50
    assert [(each.value, each.at.astimezone(BERLIN).date()) for each in goal.course] == [
        (25, date(2026, 1, 30)),
        (50, date(2026, 3, 5)),
    ]
    assert [each.late for each in goal.milestones] == [False, True, True, False]


def test_a_milestone_reached_after_the_period_is_not_reached_in_it():
    late = aim(counted_by="milestones", target=None, milestones=(milestone(1, None, date(2026, 3, 5)),))
    (goal,) = told(late, within=period(START, START + 2 * WEEK))
    assert goal.completion == 0
    assert goal.milestones[0].reached_on is None


def test_a_goal_by_milestones_that_has_none_has_no_completion():
    (goal,) = told(aim(counted_by="milestones", target=None))
    assert goal.completion is None


def test_a_goal_is_overdue_the_day_after_its_day():
    day = date(2026, 3, 5)
    ends_then = period(START, START + timedelta(days=60))  # 6 March, 10 o'clock in Berlin
    ends_before = period(START, START + timedelta(days=59))
    (goal,) = told(aim(due_on=day), within=ends_then)
    assert goal.overdue
    (goal,) = told(aim(due_on=day), within=ends_before)
    assert not goal.overdue
    (goal,) = told(aim(due_on=day, status="completed", ended_on=day), within=ends_then)
    assert not goal.overdue


def test_what_ended_after_the_period_was_still_active_in_it():
    done = aim(status="completed", ended_on=date(2026, 3, 5))
    assert [each.status for each in told(done, within=period(START, START + WEEK))] == ["active"]
    assert [each.status for each in told(done)] == ["completed"]


def test_what_ended_before_the_period_or_began_after_it_is_left_to_its_own_time():
    assert told(aim(ended_on=date(2025, 12, 1), status="abandoned", set_at=START - 20 * WEEK)) == ()
    assert told(aim(set_at=START + 30 * WEEK)) == ()


def test_sessions_count_that_name_the_goal_or_that_it_names():
    goal_id = aim().id
    within = [
        meeting(1, START + WEEK, goal_id),
        meeting(2, START + 2 * WEEK),
        meeting(3, START + 3 * WEEK, UUID(int=5)),
    ]
    (goal,) = told(aim(session_ids=frozenset((within[1].id,))), meetings=within)
    assert goal.sessions == 2
    assert goal.last_touched == date(2026, 1, 19)


@given(st.lists(st.floats(0, 100), max_size=30), st.floats(0, 100), st.floats(0, 100))
def test_completion_lies_between_0_and_100_or_is_not_told(values, baseline, target):
    (goal,) = told(aim(baseline=baseline, target=target, steps=steps(*values, every=timedelta(days=1))))
    assert (goal.completion is None) is (not values or baseline == target)
    assert goal.completion is None or 0 <= goal.completion <= 100


def test_a_milestone_that_was_not_due_when_its_goal_was_given_up_is_never_late():
    day = START.date()
    early, later = milestone(1, day + timedelta(days=3)), milestone(2, day + timedelta(days=30))
    known = aim(
        counted_by="milestones",
        target=None,
        status="abandoned",
        ended_on=day + timedelta(days=14),
        milestones=(early, later),
    )
    (told,) = goals((known,), period(START, START + 20 * WEEK), BERLIN, scores=(), scales={}, meetings=())
    assert [each.late for each in told.milestones] == [True, False]


def test_a_goal_counted_by_a_questionnaire_joins_no_two_versions():
    old = scores([20, 19], start=START + WEEK)
    new = [replace(each, version="2") for each in scores([9, 8], first=50, start=START + 5 * WEEK)]
    known = aim(counted_by="measure", instrument="phq-9", target=5.0)
    (told,) = goals(
        (known,),
        period(START, START + 20 * WEEK),
        BERLIN,
        scores=(*old, *new),
        scales={"phq-9": replace(PHQ_9, version="2")},
        meetings=(),
    )
    assert [each.value for each in told.course] == [9, 8]
    assert told.baseline == 9
