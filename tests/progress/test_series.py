import random
from datetime import UTC, datetime, timedelta
from statistics import fmean, stdev
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from domain.progress.emotions import emotions
from domain.progress.period import buckets, period
from domain.progress.report import By, TrendClass
from domain.progress.series import instability, level, shift, summaries, variability
from tests.progress.samples import START, WEEK, feeling, observations

UTC_ZONE = ZoneInfo("UTC")
VALUES = st.lists(st.integers(0, 10).map(float), max_size=40)


def parts(weeks=8, by=By.MONTH):
    return buckets(period(START, START + weeks * WEEK), by, UTC_ZONE)


@given(VALUES)
def test_there_is_no_figure_without_enough_values(values):
    assert (level(values) is None) is (len(values) < 1)
    assert (variability(values) is None) is (len(values) < 2)
    assert (instability(values) is None) is (len(values) < 2)
    assert (shift(values)[0] is None) is (len(values) < 6)
    assert (shift(values)[1] is None) is (len(values) < 6)


def test_instability_tells_a_steady_climb_from_a_jagged_course_of_the_same_spread():
    climb, jagged = [1.0, 2, 3, 4, 5, 6], [1.0, 6, 2, 5, 3, 4]
    assert variability(climb) == variability(jagged) == stdev(climb)
    assert instability(climb) == 1
    assert instability(jagged) > 9


def test_a_shift_is_what_the_later_half_has_more_than_the_earlier():
    told, interval = shift([1, 2, 1, 9, 6, 7, 6])
    assert told == pytest.approx(5)
    assert interval.low < 5 < interval.high


@given(st.lists(st.integers(0, 100).map(lambda tenths: tenths / 10), min_size=6, max_size=40))
def test_the_interval_of_a_shift_is_never_narrower_than_welchs(values):
    half = len(values) // 2
    told, interval = shift(values)
    if stdev(values[:half]) < 1e-6 or stdev(values[-half:]) < 1e-6:
        return  # scipy warns of series that don't move
    theirs = stats.ttest_ind(values[-half:], values[:half], equal_var=False).confidence_interval(0.95)
    assert interval.low <= theirs.low + 1e-6
    assert interval.high >= theirs.high - 1e-6
    assert told == pytest.approx(fmean(values[-half:]) - fmean(values[:half]))


@given(st.lists(st.integers(0, 10).map(float), min_size=6, max_size=40))
def test_time_run_backwards_turns_a_shift_over(values):
    told, interval = shift(values)
    back, backwards = shift(values[::-1])
    assert back == pytest.approx(-told)
    assert backwards.low == pytest.approx(-interval.high)


def test_a_part_that_holds_nothing_says_so_and_gives_no_zero():
    first, second = summaries(observations([4, 6]), parts(8))[:2]
    assert (first.count, first.mean, first.least, first.most, first.last) == (2, 5, 4, 6, 6)
    assert (second.count, second.mean, second.least, second.most, second.last) == (0, None, None, None, None)
    assert second.sources == ()


@given(VALUES)
def test_parts_together_hold_every_observation_once(values):
    told = summaries(observations(values, every=timedelta(days=1)), parts(8, By.WEEK))
    assert sum(each.count for each in told) == len(values)
    assert [source for each in told for source in each.sources] == [each.source for each in observations(values)]


def test_a_state_is_the_same_state_however_it_is_written():
    told = emotions(
        [feeling(0, START, 8, "Fear"), feeling(1, START + WEEK, 6, "  fear "), feeling(2, START, 3, "joy")], ()
    )
    assert [(each.name, len(each.observations)) for each in told] == [("fear", 2), ("joy", 1)]


def test_a_negative_state_that_fades_improves_and_a_positive_one_regresses():
    fading = [9, 9, 8, 7, 7, 6, 5, 5, 4, 3]
    told = emotions(
        [feeling(place, START + place * WEEK, value, "fear", "negative") for place, value in enumerate(fading)]
        + [feeling(place + 50, START + place * WEEK, value, "hope", "positive") for place, value in enumerate(fading)]
        + [feeling(place + 99, START + place * WEEK, value, "awe", "neutral") for place, value in enumerate(fading)],
        (),
    )
    assert {each.name: each.trend.verdict for each in told} == {
        "fear": TrendClass.IMPROVING,
        "hope": TrendClass.REGRESSING,
        "awe": TrendClass.UNCLEAR,
    }
    assert all(each.shift < 0 for each in told)


def test_a_state_of_two_minds_has_no_better_side():
    (told,) = emotions(
        [feeling(0, START, 3, "anger", "negative"), feeling(1, START + WEEK, 3, "anger", "positive")], ()
    )
    assert told.valence == "neutral"


def test_one_mention_gives_a_level_and_nothing_that_needs_two():
    (told,) = emotions([feeling(0, START, 7)], parts())
    assert (told.level, told.variability, told.instability, told.shift) == (7, None, None, None)
    assert told.trend.verdict is TrendClass.INSUFFICIENT_DATA
    assert told.trend.change is None


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 10)), max_size=20), st.randoms(use_true_random=False))
def test_the_order_in_which_sessions_come_means_nothing(felt, chance: random.Random):
    told = [
        feeling(place, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day), value)
        for place, (day, value) in enumerate(felt)
    ]
    assert emotions(chance.sample(told, len(told)), parts()) == emotions(told, parts())
