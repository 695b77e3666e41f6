import random
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from domain.progress import lines
from domain.progress.fluctuation import range_in_errors, reversals, spread_beyond
from domain.progress.report import Observation, TrendClass
from domain.progress.trend import LINE_RULE, PAIR_RULE, trend
from domain.progress.yardstick import STATE, Better, Yardstick
from tests.progress.samples import POINTS, START, UPWARDS, observations, source

MOOD = Yardstick(threshold=STATE, important=STATE, better=Better.LOWER, known=False)
SERIES = st.lists(st.integers(0, 27).map(float), min_size=5, max_size=40)
GAPS = st.lists(st.integers(1, 40), min_size=40, max_size=40)


def dated(values, gaps):
    days = np.cumsum(gaps[: len(values)]).tolist()
    return [
        Observation(at=START + timedelta(days=day), value=value, source=source(place))
        for place, (day, value) in enumerate(zip(days, values, strict=True))
    ]


def test_scores_that_fall_by_a_point_a_week_improve():
    told = trend(observations([20 - each for each in range(12)]), POINTS)
    assert told.verdict is TrendClass.IMPROVING
    assert told.estimate == pytest.approx(-1)
    assert told.change == pytest.approx(-11)
    assert told.rule == LINE_RULE
    assert "zero is outside" in told.because


def test_the_same_scores_the_other_way_regress():
    told = trend(observations([9 + each for each in range(12)]), POINTS)
    assert told.verdict is TrendClass.REGRESSING


def test_scores_that_keep_still_are_stable():
    told = trend(observations([12, 13, 12, 12, 13, 12, 13, 12, 12, 13]), POINTS)
    assert told.verdict is TrendClass.STABLE
    assert "±5" in told.because


def test_scores_that_go_down_and_up_again_fluctuate():
    told = trend(observations([22, 18, 12, 6, 5, 6, 12, 18, 22]), POINTS)
    assert told.verdict is TrendClass.FLUCTUATING
    assert "turned round once" in told.because


def test_scores_that_jump_about_fluctuate():
    told = trend(observations([4, 20, 6, 22, 3, 19, 5, 21, 4, 20]), POINTS)
    assert told.verdict is TrendClass.FLUCTUATING


def test_a_few_scores_that_differ_within_error_are_unclear_and_say_why():
    told = trend(observations([14, 11, 15, 12, 10]), POINTS)
    assert told.verdict is TrendClass.UNCLEAR
    assert "may be none, and may be more than the 5 that matter" in told.because


def test_a_clear_but_small_change_is_not_called_an_improvement():
    told = trend(observations([12 - 0.2 * each for each in range(26)]), POINTS)
    assert told.interval.high < 0
    assert told.verdict is not TrendClass.IMPROVING


@pytest.mark.parametrize("values", [[], [12], [12, 11], [20, 18, 17, 16]])
def test_too_few_observations_are_said_to_be_too_few(values):
    told = trend(observations(values), POINTS)
    assert told.verdict is TrendClass.INSUFFICIENT_DATA
    assert told.estimate is None
    assert told.interval is None
    assert told.change == (values[-1] - values[0] if len(values) > 1 else None)
    assert told.rule == PAIR_RULE
    assert told.observations == len(values)


@pytest.mark.parametrize(
    ("values", "verdict"), [([20, 9], TrendClass.IMPROVING), ([9, 12, 11, 20], TrendClass.REGRESSING)]
)
def test_below_five_a_reliable_change_is_told_of(values, verdict):
    told = trend(observations(values), POINTS)
    assert told.verdict is verdict
    assert told.rule == PAIR_RULE


def test_below_five_ratings_without_a_known_error_tell_nothing():
    assert trend(observations([9, 1]), MOOD).verdict is TrendClass.INSUFFICIENT_DATA


def test_five_scores_of_one_moment_are_no_course():
    told = trend(observations([20, 15, 10, 5, 0], every=timedelta(0)), POINTS)
    assert told.verdict is not TrendClass.STABLE
    assert told.estimate is None


def test_scores_of_one_afternoon_are_no_course():
    told = trend(observations([20, 18, 15, 12, 10, 5], every=timedelta(minutes=30)), POINTS)
    assert told.estimate is None
    assert told.rule == PAIR_RULE
    assert trend(observations([20, 18, 15, 12, 10, 5], every=timedelta(hours=12)), POINTS).rule == LINE_RULE


def test_a_state_that_is_neither_good_nor_bad_has_no_better_side():
    neither = Yardstick(threshold=STATE, important=STATE, better=Better.EITHER, known=False)
    told = trend(observations([1, 2, 3, 4, 5, 6, 7, 8, 9]), neither)
    assert told.verdict is TrendClass.UNCLEAR
    assert "neither direction is the better one" in told.because


def test_ratings_that_scatter_by_more_than_matters_fluctuate():
    assert trend(observations([1, 9, 2, 8, 1, 9, 2, 9]), MOOD).verdict is TrendClass.FLUCTUATING


def test_real_dates_count_not_the_number_of_the_session():
    """Five points in the last week after nine calm ones are no fall of half a point a week."""
    values = [15, 15, 15, 15, 15, 15, 14, 13, 12, 11, 10]
    far = [START + timedelta(weeks=each) for each in range(6)]
    near = [START + timedelta(weeks=5, days=each + 1) for each in range(5)]
    at_dates = [
        Observation(at=at, value=value, source=source(place))
        for place, (at, value) in enumerate(zip(far + near, values, strict=True))
    ]
    assert trend(at_dates, POINTS).estimate != pytest.approx(trend(observations(values), POINTS).estimate)


@given(SERIES, GAPS)
def test_the_slope_is_scipys(values, gaps):
    weeks = np.cumsum(gaps[: len(values)]) / 7
    line = lines.fit(weeks, np.array(values))
    theirs = stats.theilslopes(values, weeks)
    assert line.slope == pytest.approx(theirs.slope, abs=1e-9)
    # Never narrower than theirs, which takes observations to be independent.
    assert line.low <= theirs.low_slope + 1e-9
    assert line.high >= theirs.high_slope - 1e-9


@given(st.lists(st.integers(0, 6), min_size=8, max_size=40), st.integers(1, 3), st.sampled_from([-1, 1]), GAPS)
def test_an_interval_without_zero_agrees_with_kendalls_test(noise, steep, sign, gaps):
    """Whatever is told to be a change is one to a test that knows nothing of autocorrelation."""
    weeks = np.cumsum(gaps[: len(noise)]) / 7
    values = sign * steep * np.arange(len(noise)) + np.array(noise, dtype=float)
    line = lines.fit(weeks, values)
    if line.low > 0 or line.high < 0:
        theirs = stats.kendalltau(weeks, values, method="asymptotic")
        assert theirs.pvalue < 0.05
        assert np.sign(line.slope) == np.sign(theirs.statistic)


@given(st.integers(-90, 90), st.integers(-5, 5), st.integers(5, 60), GAPS)
def test_on_a_straight_line_all_robust_slopes_agree(start, slope, count, gaps):
    weeks = np.cumsum((gaps * 2)[:count]) / 7
    values = start + slope * weeks
    line = lines.fit(weeks, values)
    assert line.slope == pytest.approx(stats.siegelslopes(values, weeks).slope, abs=1e-6)
    assert line.low == pytest.approx(slope, abs=1e-6)
    assert line.high == pytest.approx(slope, abs=1e-6)
    assert line.at_start == pytest.approx(values[0], abs=1e-6)


@given(SERIES, GAPS, st.integers(-50, 50), st.integers(-4000, 4000))
def test_shifting_scores_or_dates_changes_nothing(values, gaps, points, days):
    told = trend(dated(values, gaps), POINTS)
    moved = [
        Observation(at=each.at + timedelta(days=days), value=each.value + points, source=each.source)
        for each in dated(values, gaps)
    ]
    again = trend(moved, POINTS)
    assert again.verdict is told.verdict
    assert again.estimate == pytest.approx(told.estimate, abs=1e-9)
    assert again.interval.low == pytest.approx(told.interval.low, abs=1e-6)


@given(SERIES, GAPS, st.randoms(use_true_random=False))
def test_the_order_of_the_input_means_nothing(values, gaps, chance: random.Random):
    told = dated(values, gaps)
    shuffled = chance.sample(told, len(told))
    assert trend(shuffled, POINTS) == trend(told, POINTS)


_MIRROR = {TrendClass.IMPROVING: TrendClass.REGRESSING, TrendClass.REGRESSING: TrendClass.IMPROVING}


@given(SERIES, GAPS)
def test_reading_the_scale_the_other_way_swaps_improving_and_regressing(values, gaps):
    told = trend(dated(values, gaps), POINTS)
    other = trend(dated(values, gaps), UPWARDS)
    assert other.verdict is _MIRROR.get(told.verdict, told.verdict)
    assert other.interval == told.interval


@given(SERIES, GAPS)
def test_turning_the_scores_over_turns_the_verdict_over(values, gaps):
    told = trend(dated(values, gaps), POINTS)
    other = trend(dated([27 - each for each in values], gaps), POINTS)
    assert other.verdict is _MIRROR.get(told.verdict, told.verdict)
    assert other.estimate == pytest.approx(-told.estimate, abs=1e-9)


@given(SERIES, GAPS)
def test_a_verdict_keeps_its_promises(values, gaps):
    told = trend(dated(values, gaps), POINTS)
    weeks = (dated(values, gaps)[-1].at - dated(values, gaps)[0].at) / timedelta(weeks=1)
    low, high = told.interval.low * weeks, told.interval.high * weeks
    assert low <= told.change + 1e-9
    assert high >= told.change - 1e-9
    clear = low >= 0 or high <= 0
    if told.verdict in _MIRROR:
        assert clear
        assert abs(told.change) >= POINTS.threshold
    if told.verdict is TrendClass.STABLE:
        assert max(abs(low), abs(high)) <= POINTS.important
    assert told.because.endswith(".")
    assert told.observations == len(values) == len(told.sources)


def test_ten_thousand_scores_are_judged_too():
    chance = np.random.default_rng(1)
    values = np.clip(np.round(14 + 1.7 * chance.normal(size=10_000)), 0, 27).tolist()
    told = trend(observations(values, every=timedelta(hours=9)), POINTS)
    assert told.verdict in (TrendClass.STABLE, TrendClass.FLUCTUATING)
    assert told.observations == 10_000
    assert len(told.sources) == 10_000


def test_averaging_neighbours_of_a_long_series_keeps_its_slope():
    chance = np.random.default_rng(2)
    weeks = np.arange(900.0)
    values = 0.01 * weeks + chance.normal(size=900)
    line = lines.fit(weeks, values)
    assert line.slope == pytest.approx(0.01, abs=0.001)
    assert line.low < 0.01 < line.high
    assert len(line.residuals) == 900


@pytest.mark.parametrize("weeks", [[0.0, 1.0], [1.0, 1.0, 1.0]])
def test_there_is_no_line_through_too_little(weeks):
    with pytest.raises(ValueError, match="span of time"):
        lines.fit(np.array(weeks), np.arange(float(len(weeks))))


def test_resemblance_of_neighbours_widens_the_interval():
    chance = np.random.default_rng(3)
    shocks = chance.normal(size=60)
    alone, tied = shocks.copy(), shocks.copy()
    for place in range(1, 60):
        tied[place] = 0.8 * tied[place - 1] + 0.6 * shocks[place]
    weeks = np.arange(60.0)
    assert lines.fit(weeks, tied).correlation > 0.5 > lines.fit(weeks, alone).correlation
    assert lines.fit(weeks, tied).high - lines.fit(weeks, tied).low > (
        1.3 * (lines.fit(weeks, alone).high - lines.fit(weeks, alone).low)
    )


@pytest.mark.parametrize("count", [2, 5, 12, 52])
def test_the_range_of_many_scores_is_tukeys(count):
    assert range_in_errors(count) == pytest.approx(stats.studentized_range.ppf(0.95, count, np.inf), abs=1e-3)


def test_the_range_of_two_scores_is_the_reliable_change():
    assert range_in_errors(2) == pytest.approx(1.96 * 2**0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("values", "count"),
    [([5], 0), ([0, 9], 0), ([0, 9, 0], 1), ([9, 0, 9, 0], 2), ([0, 4, 0, 4, 0], 0), ([0, 3, 6, 9, 6, 3, 0], 1)],
)
def test_a_reversal_is_a_large_move_followed_by_one_back(values, count):
    assert reversals(np.array(values, dtype=float), 5) == count
    assert reversals(-np.array(values, dtype=float), 5) == count


def test_scatter_is_judged_against_the_measures_error():
    chance = np.random.default_rng(4)
    residuals = chance.normal(size=50)
    assert not spread_beyond(residuals, 1.0)
    assert spread_beyond(2 * residuals, 1.0)
    assert not spread_beyond(residuals[:2] * 99, 1.0)


@settings(max_examples=50)
@given(st.floats(0, 27), st.integers(5, 300))
def test_scores_that_never_move_never_improve(value, count):
    told = trend(observations([value] * count), POINTS)
    assert told.verdict is TrendClass.STABLE
    assert told.estimate == 0


def test_an_interval_that_ends_at_zero_is_not_said_to_lie_beyond_it():
    yardstick = Yardstick(threshold=2, important=2, better=Better.LOWER, known=False)
    told = trend(observations([4, 4, 6, 6, 5, 6, 7, 6, 7, 8, 8, 7]), yardstick)
    assert told.verdict is TrendClass.REGRESSING
    assert told.interval.low == 0
    assert "zero is outside" not in told.because
    assert "zero lies at its end, and Kendall's test rules it out" in told.because


def test_one_odd_score_is_named_where_it_alone_makes_the_turns():
    told = trend(observations([10, 11, 10, 9, 10, 24, 10, 11, 9, 10]), POINTS)
    assert told.verdict is TrendClass.FLUCTUATING
    assert "but one score alone, 24, makes it so." in told.because


def test_turns_of_several_scores_are_not_put_down_to_one():
    told = trend(observations([18, 12, 6, 5, 9, 15, 18, 13, 7, 6]), POINTS)
    assert "one score alone" not in told.because


def test_a_line_that_falls_says_when_the_last_scores_have_come_back():
    falls = [24, 23, 22, 20, 19, 17, 16, 14, 12, 10, 8, 6, 5, 4, 3, 2, 2, 1, 12, 13]
    told = trend(observations(falls), POINTS)
    assert told.verdict is TrendClass.IMPROVING
    assert "But from its lowest score it has come back by 12" in told.because
    assert "come back" not in trend(observations(falls[:-2]), POINTS).because
