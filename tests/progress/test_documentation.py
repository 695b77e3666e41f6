"""docs/progress.md explains each rule by examples: they must be what the program says."""

from pathlib import Path

import pytest

from domain.instruments import instrument
from domain.progress.emotions import emotions
from domain.progress.engagement import wilson
from domain.progress.goals import goals
from domain.progress.period import period
from domain.progress.report import CaseloadStanding, TrendClass
from domain.progress.trend import trend
from domain.services.observations import scale_of
from tests.progress.samples import START, WEEK, aim, feeling, observations, steps
from tests.progress.test_goals import BERLIN

PAGE = (Path(__file__).parents[2] / "docs" / "progress.md").read_text(encoding="utf-8")
PHQ_9 = scale_of(instrument("phq-9"))


@pytest.mark.parametrize(
    ("verdict", "values"),
    [
        (TrendClass.IMPROVING, [18, 17, 17, 15, 14, 15, 12, 11, 12, 9, 8, 8]),
        (TrendClass.REGRESSING, [8, 9, 9, 11, 10, 13, 13, 15, 16, 17]),
        (TrendClass.FLUCTUATING, [18, 12, 6, 5, 9, 15, 18, 13, 7, 6]),
        (TrendClass.STABLE, [12, 13, 12, 11, 12, 13, 12, 12, 13, 12, 11, 12]),
        (TrendClass.UNCLEAR, [14, 11, 15, 12, 10]),
        (TrendClass.IMPROVING, [19, 16, 12]),
        (TrendClass.INSUFFICIENT_DATA, [14, 16, 12]),
    ],
)
def test_the_examples_of_trends_are_what_the_rule_says(verdict, values):
    told = trend(observations(values), PHQ_9.yardstick)
    assert told.verdict is verdict
    assert ", ".join(map(str, values)) in PAGE
    assert f"> {told.because}\n" in PAGE


def test_the_example_of_a_state_is_what_is_told_of_it():
    values = [7, 8, 6, 7, 5, 6, 4, 5, 4, 3]
    (told,) = emotions([feeling(place, START + place * WEEK, value) for place, value in enumerate(values)], ())
    assert f"Fear {', '.join(map(str, values))}: level {told.level:.1f}, variability {told.variability:.1f}" in PAGE
    low, high = told.shift_interval.low, told.shift_interval.high
    shift = f"instability {told.instability:.0f}, shift {told.shift:.1f} ({low:.1f} to {high:.1f})"
    assert shift.replace("-", "\N{MINUS SIGN}") in PAGE
    assert f"> {told.trend.because}\n" in PAGE


def test_the_example_of_attendance_is_wilsons():
    interval = wilson(17, 20)
    low, high = round(100 * interval.low), round(100 * interval.high)
    assert f"17 kept of 20: 85 %, with an interval from {low} to {high} %." in PAGE


def test_the_example_of_a_goal_is_half_of_the_way():
    half = aim(baseline=20.0, target=80.0, steps=steps(50))
    (told,) = goals((half,), period(START, START + 9 * WEEK), BERLIN, scores=(), scales={}, meetings=())
    assert told.completion == 50
    assert "Baseline 20 %, target 80 %, now 50 %: half of the way, so 50 % complete." in PAGE


def test_the_page_names_every_class_and_standing():
    for name in (*TrendClass, *CaseloadStanding):
        assert f"**{name.value.replace('_', ' ')}**" in PAGE


def test_the_page_gives_the_phq_9_its_stored_figures():
    stored = instrument("phq-9")
    assert f"SD {stored.change.sd:g} and r {stored.change.reliability:.2f}".replace("0.", ".") in PAGE
    assert f"is {PHQ_9.reliable:.1f} points" in PAGE
