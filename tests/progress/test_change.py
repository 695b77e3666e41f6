"""Figures from: Jacobson and Truax, J Consult Clin Psychol 1991;59:12-19, and the R package clinicalsignificance
(Benedikt Claus; version 1: reference output in tests/testthat/_snaps/clinical_significance.md and inputs in
tests/testthat/test-calc_rci_jt.R and test-calc_cutoff.R of github.com/pedscience/clinicalsignificance, first vignette on CRAN).
Only figures are taken; the package's data sets and code are not.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.instruments import instruments
from domain.progress.change import (
    crossings,
    cutoff_a,
    cutoff_b,
    cutoff_c,
    difference_error,
    is_clinical,
    reliable_change,
    reliable_change_index,
    reliable_change_threshold,
)
from domain.progress.report import TrendClass
from domain.services.observations import scale_of
from tests.progress.samples import PHQ_9, WHO_5, observations


def change(first, last, scale=PHQ_9):
    return reliable_change(
        observations([first, last]),
        threshold=scale.reliable,
        clinical_cutoff=scale.clinical_cutoff,
        higher_is_worse=scale.higher_is_worse,
    )


def test_jacobson_and_truax_find_a_reliable_change_in_their_own_example():
    assert difference_error(7.5, 0.80) == pytest.approx(4.74, abs=0.005)
    assert reliable_change_index(32.5, 47.5, 7.5, 0.80) == pytest.approx(3.16, abs=0.005)


def test_jacobson_and_truax_find_three_cut_offs_in_their_own_example():
    assert cutoff_a(40, 7.5, higher_is_worse=False) == 55
    assert cutoff_b(60, 7.5, higher_is_worse=False) == 45
    assert cutoff_c(40, 7.5, 60, 7.5) == 50


@pytest.mark.parametrize(("moved", "index"), [(-8, -2.53), (-4, -1.26), (0, 0), (4, 1.26), (8, 2.53)])
def test_the_index_is_what_clinicalsignificance_finds_for_its_own_test_changes(moved, index):
    """A standard deviation of 5 and a reliability of .80."""
    assert reliable_change_index(0, moved, 5, 0.80) == pytest.approx(index, abs=0.01)


def test_cut_offs_are_those_that_clinicalsignificance_prints_for_claus_2020():
    """BDI-II, clinical mean 35.48 and SD 8.16; its functional group has mean 8 and SD 8."""
    assert cutoff_a(35.48, 8.16, higher_is_worse=True) == pytest.approx(19.16, abs=0.005)
    assert cutoff_c(35.48, 8.16, 8, 8) == pytest.approx(21.6, abs=0.005)


def test_cut_off_a_is_the_one_that_clinicalsignificance_prints_for_its_anxiety_example():
    """Mean 36.43 and SD 7.14, both rounded."""
    assert cutoff_a(36.43, 7.14, higher_is_worse=True) == pytest.approx(22.16, abs=0.02)


def test_the_first_clients_that_clinicalsignificance_shows_have_not_changed_reliably():
    """BDI-II from 33 to 27 and from 26 to 19, judged with its SD of 8.16 and reliability of .80."""
    threshold = reliable_change_threshold(8.16, 0.80)
    assert threshold == pytest.approx(10.11, abs=0.01)
    assert all(abs(last - first) < threshold for first, last in ((33, 27), (26, 19)))


@pytest.mark.parametrize(("deviation", "reliability"), [(0, 0.8), (-1, 0.8), (5, 1), (5, 1.1), (5, -0.8)])
def test_an_error_can_not_be_made_from_impossible_figures(deviation, reliability):
    with pytest.raises(ValueError, match="reliability"):
        difference_error(deviation, reliability)


@given(st.floats(0.1, 100), st.floats(0, 0.99), st.floats(-100, 100))
def test_the_index_passes_1_96_exactly_where_the_difference_passes_the_threshold(deviation, reliability, moved):
    threshold = reliable_change_threshold(deviation, reliability)
    index = reliable_change_index(0, moved, deviation, reliability)
    assert index == pytest.approx(1.96 * moved / threshold)


def test_each_instrument_has_the_threshold_of_its_own_figures():
    for version in instruments():
        expected = reliable_change_threshold(version.change.sd, version.change.reliability)
        assert scale_of(version).reliable == pytest.approx(expected)
        error = scale_of(version).yardstick.error
        assert error == pytest.approx(version.change.sd * math.sqrt(1 - version.change.reliability))


def test_a_fall_of_the_threshold_is_reliable_and_one_below_it_is_not():
    assert change(20, 14.4).verdict is TrendClass.IMPROVING
    assert change(20, 14.5).verdict is TrendClass.UNCLEAR
    assert change(14.4, 20).verdict is TrendClass.REGRESSING


def test_where_high_is_good_a_rise_is_the_improvement():
    assert change(40, 61, WHO_5).verdict is TrendClass.IMPROVING
    assert change(61, 40, WHO_5).verdict is TrendClass.REGRESSING


@pytest.mark.parametrize(
    ("first", "last", "recovered"), [(20, 9, True), (20, 10, False), (9, 2, False), (12, 9, False), (9, 20, False)]
)
def test_recovered_is_reliably_improved_and_out_of_the_clinical_range(first, last, recovered):
    assert change(first, last).recovered is recovered


def test_recovery_is_not_told_of_without_a_clinical_cut_off():
    told = reliable_change(observations([20, 2]), threshold=5.6, clinical_cutoff=None, higher_is_worse=True)
    assert told is not None
    assert told.recovered is None
    assert told.verdict is TrendClass.IMPROVING


@pytest.mark.parametrize("values", [[], [12]])
def test_there_is_no_change_without_two_scores(values):
    told = reliable_change(observations(values), threshold=5.6, clinical_cutoff=10, higher_is_worse=True)
    assert told is None


def test_a_change_names_both_its_records():
    told = change(20, 9)
    assert told.first.source != told.last.source
    assert told.difference == -11
    assert told.index == pytest.approx(-11 / (5.6 / 1.96))


def test_a_cut_off_belongs_to_the_ill_side():
    assert is_clinical(10, 10, higher_is_worse=True)
    assert not is_clinical(9.9, 10, higher_is_worse=True)
    assert is_clinical(50, 50, higher_is_worse=False)
    assert not is_clinical(50.1, 50, higher_is_worse=False)


def test_every_cut_off_that_lies_between_two_scores_is_crossed():
    told = crossings(observations([3, 16, 16, 9]), PHQ_9.cutoffs, higher_is_worse=True)
    assert [(each.cutoff, each.worsened, each.source.id.int) for each in told] == [
        *((5, True, 2), (10, True, 2), (15, True, 2)),
        *((10, False, 4), (15, False, 4)),
    ]


def test_crossing_upwards_is_better_where_low_is_worse():
    told = crossings(observations([24, 60]), WHO_5.cutoffs, higher_is_worse=False)
    assert [(each.cutoff, each.worsened) for each in told] == [(28, False), (50, False)]


@given(st.lists(st.integers(0, 27), max_size=30))
def test_crossings_balance_to_where_the_scores_end(values):
    told = crossings(observations(values), PHQ_9.cutoffs, higher_is_worse=True)
    for cutoff in PHQ_9.cutoffs:
        net = sum(1 if each.worsened else -1 for each in told if each.cutoff == cutoff.score)
        ends = [value >= cutoff.score for value in (values[:1] + values[-1:])]
        assert net == (ends[1] - ends[0] if ends else 0)
