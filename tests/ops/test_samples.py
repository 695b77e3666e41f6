import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ops.samples.course import AHEAD, WEEKS, Outcome, courses

DAYS = st.dates(date(2026, 1, 1), date(2040, 12, 31))
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC"])


@example(date(2026, 11, 22), "Europe/Berlin")
@given(DAYS, ZONES)
def test_every_sample_is_valid_on_any_day_and_in_any_zone(today: date, zone: str) -> None:
    now = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)

    for course in courses(today, zone):
        course.identity.check(now)
        for visit in course.visits:
            visit.start.check("start")
            if visit.content is not None:
                visit.content.check(now)


@given(DAYS, ZONES)
def test_half_a_year_of_weekly_visits_ends_before_today(today: date, zone: str) -> None:
    for course in courses(today, zone):
        days = [visit.start.local.date() for visit in course.visits]
        assert len(days) == WEEKS + AHEAD
        assert {later - earlier for earlier, later in itertools.pairwise(days)} == {timedelta(weeks=1)}
        assert days[WEEKS - 1] < today <= days[WEEKS]


def test_five_clients_have_every_outcome_and_a_story_that_moves() -> None:
    all_courses = courses(date(2026, 11, 22), "Europe/Berlin")

    assert len({course.key for course in all_courses}) == 5
    for course in all_courses:
        assert {visit.outcome for visit in course.visits} == set(Outcome)
        contents = [visit.content for visit in course.held if visit.content is not None]
        assert len(contents) == len(course.held) >= 20
        assert len({content.summary for content in contents}) > 15
        first, last = contents[0].emotions[0], contents[-1].emotions[0]
        assert first.intensity > last.intensity


def test_the_same_day_gives_the_same_courses() -> None:
    assert courses(date(2026, 3, 1), "UTC") == courses(date(2026, 3, 1), "UTC")


@pytest.mark.parametrize("clinician", ["clinician", "trainee"])
def test_clinician_and_trainee_both_have_clients(clinician: str) -> None:
    assert clinician in {course.clinician for course in courses(date(2026, 11, 22), "UTC")}
