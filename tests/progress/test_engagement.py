from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from domain.progress.engagement import engagement, wilson
from domain.progress.period import buckets, period
from domain.progress.report import By, TrendClass
from tests.progress.samples import START, WEEK, booking, meeting

BERLIN = ZoneInfo("Europe/Berlin")
YEAR = period(START, START + 52 * WEEK)


def told(bookings=(), meetings=(), within=YEAR, parts=()):
    return engagement(bookings, meetings, within, parts, BERLIN)


def weekly(states, late=()):
    return [booking(place, START + place * WEEK, state, late=place in late) for place, state in enumerate(states)]


def test_without_appointments_there_is_no_rate():
    nothing = told()
    assert nothing.attendance_rate is None
    assert nothing.attendance_interval is None
    assert nothing.median_gap_days is None
    assert nothing.gaps == ()
    assert nothing.trend.verdict is TrendClass.INSUFFICIENT_DATA


def test_the_rate_counts_what_was_kept_against_what_was_missed_or_called_off_late():
    course = told(weekly(["held", "held", "missed", "cancelled", "cancelled", "planned"], late={3}))
    assert (course.held, course.missed, course.cancelled, course.cancelled_late, course.planned) == (2, 1, 2, 1, 1)
    assert course.attendance_rate == pytest.approx(2 / 4)
    assert course.attendance_interval == wilson(2, 4)


def test_appointments_that_are_still_to_come_to_an_end_give_no_rate():
    assert told(weekly(["planned", "planned"])).attendance_rate is None


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_interval_is_wilsons(hits, misses):
    count = hits + misses
    interval = wilson(hits, count)
    if not count:
        assert interval is None
        return
    theirs = stats.binomtest(hits, count).proportion_ci(0.95, method="wilson")
    assert interval.low == pytest.approx(theirs.low, abs=1e-9)
    assert interval.high == pytest.approx(theirs.high, abs=1e-9)


def test_a_session_written_about_an_appointment_is_not_told_of_twice():
    session = meeting(50, START)
    course = told([booking(1, START, session_id=session.id)], [session])
    assert course.sessions == 1
    assert [each.source.kind for each in course.appearances] == ["appointment"]


def test_a_session_of_the_same_day_belongs_to_the_held_appointment_that_names_none():
    day, evening = meeting(50, START + timedelta(hours=2)), meeting(51, START + timedelta(days=1, hours=2))
    course = told([booking(1, START)], [day, evening])
    assert [each.source.kind for each in course.appearances] == ["appointment", "session"]
    assert course.sessions == 2
    assert course.median_gap_days == pytest.approx(26 / 24)


def test_the_same_day_is_one_of_the_clinics_calendar():
    late = datetime(2026, 3, 29, 23, 30, tzinfo=BERLIN)
    course = told([booking(1, late)], [meeting(50, datetime(2026, 3, 29, 8, tzinfo=BERLIN))])
    assert len(course.appearances) == 1


def test_a_stretch_twice_as_long_as_usual_is_a_gap():
    weeks = [0, 1, 2, 3, 8, 9, 10]
    meetings = [meeting(place, START + week * WEEK) for place, week in enumerate(weeks)]
    course = told(meetings=meetings, within=period(START, START + 10.5 * WEEK))
    assert course.median_gap_days == 7
    assert [(each.days, each.open) for each in course.gaps] == [(35, False)]
    assert [each.id for each in course.gaps[0].sources] == [meetings[3].id, meetings[4].id]


def test_clocks_that_change_make_no_gap():
    """Ten o'clock in Berlin, every week but the one in which summer time ends."""
    days = [datetime(2026, 9, 24, 8, tzinfo=UTC) + place * WEEK for place in range(5)]
    days += [datetime(2026, 11, 5, 9, tzinfo=UTC) + place * WEEK for place in range(3)]
    meetings = tuple(meeting(place, at) for place, at in enumerate(days))
    course = told(meetings=meetings, within=period(days[0], days[-1] + WEEK))
    assert course.median_gap_days == 7
    assert course.gaps == ()


def test_a_client_who_stopped_coming_leaves_an_open_gap():
    meetings = [meeting(place, START + place * WEEK) for place in range(5)]
    (gap,) = told(meetings=meetings, within=period(START, START + 10 * WEEK)).gaps
    assert gap.open
    assert gap.days == 42
    assert [each.id for each in gap.sources] == [meetings[-1].id]


def test_before_there_is_a_usual_interval_four_weeks_are_a_gap():
    meetings = [meeting(0, START), meeting(1, START + 5 * WEEK)]
    assert [each.days for each in told(meetings=meetings, within=period(START, START + 6 * WEEK)).gaps] == [35]
    near = [meeting(0, START), meeting(1, START + 3 * WEEK)]
    assert told(meetings=near, within=period(START, START + 4 * WEEK)).gaps == ()


def test_fortnightly_clients_have_no_gap_for_coming_fortnightly():
    meetings = [meeting(place, START + 2 * place * WEEK) for place in range(10)]
    assert told(meetings=meetings, within=period(START, START + 19 * WEEK)).gaps == ()


def test_a_client_who_comes_less_and_less_regresses_and_one_who_always_comes_is_stable():
    fading = told(weekly(["held"] * 15 + ["missed"] * 15))
    assert fading.trend.verdict is TrendClass.REGRESSING
    assert fading.trend.change < -20
    assert told(weekly(["held"] * 52)).trend.verdict is TrendClass.STABLE
    assert told(weekly(["missed"] * 15 + ["held"] * 15)).trend.verdict is TrendClass.IMPROVING


def test_a_few_kept_appointments_do_not_make_a_stable_course():
    assert told(weekly(["held"] * 5)).trend.verdict is TrendClass.UNCLEAR
    assert told(weekly(["held"] * 4)).trend.verdict is TrendClass.INSUFFICIENT_DATA


@given(st.lists(st.sampled_from(["held", "missed", "cancelled", "planned"]), max_size=60))
def test_parts_add_up_to_the_whole(states):
    parts = buckets(YEAR, By.MONTH, BERLIN)
    sessions = [meeting(place + 100, START + place * WEEK) for place in range(0, 50, 7)]
    course = told(weekly(states), sessions, parts=parts)
    inside = [state for place, state in enumerate(states) if place < 52]
    for state in ("held", "missed", "cancelled"):
        total = sum(getattr(each, state) for each in course.buckets)
        assert total == getattr(course, state) == inside.count(state)
    assert sum(each.sessions for each in course.buckets) == course.sessions == len(sessions)


@given(st.lists(st.sampled_from(["held", "missed"]), min_size=5, max_size=60))
def test_swapping_kept_and_missed_swaps_the_verdict(states):
    swap = {"held": "missed", "missed": "held"}
    mirror = {TrendClass.IMPROVING: TrendClass.REGRESSING, TrendClass.REGRESSING: TrendClass.IMPROVING}
    here, there = told(weekly(states)).trend, told(weekly([swap[each] for each in states])).trend
    assert there.verdict is mirror.get(here.verdict, here.verdict)
    assert there.estimate == pytest.approx(-here.estimate, abs=1e-9)
