"""A small, seeded part of what `anamnesis bench trends` simulates at length: bounds are generous, runs are few."""

import pytest

from domain.progress.engagement import wilson
from domain.progress.report import TrendClass
from ops.bench.trends import Clients, Course, directed

RUNS = 300


@pytest.mark.parametrize("length", [5, 12, 52])
@pytest.mark.parametrize("correlation", [0.0, 0.4])
def test_clients_who_do_not_change_are_hardly_ever_told_to(length, correlation):
    outcome = Clients(1).judge(Course(length=length, correlation=correlation), RUNS)
    rate = directed(outcome)
    assert rate.hits / RUNS <= 0.05


@pytest.mark.parametrize("correlation", [0.0, 0.4])
def test_clients_who_get_better_by_a_point_a_session_are_mostly_seen_to(correlation):
    course = Course(length=12, correlation=correlation, slope=-1.0, start=20.0)
    outcome = Clients(2).judge(course, RUNS)
    interval = wilson(outcome.verdicts[TrendClass.IMPROVING], RUNS)
    assert interval is not None
    assert interval.high >= 0.8
    assert outcome.verdicts[TrendClass.REGRESSING] == 0


def test_the_same_seed_simulates_the_same_clients():
    course = Course(length=8, correlation=0.2)
    assert Clients(3).observe(course) == Clients(3).observe(course)
    assert Clients(3).observe(course) != Clients(4).observe(course)


def test_scores_stay_on_the_scale_and_in_order_of_time():
    told = Clients(5).observe(Course(length=200, correlation=0.6, noise=5))
    assert all(0 <= each.value <= 27 and each.value == round(each.value) for each in told)
    assert [each.at for each in told] == sorted(each.at for each in told)
