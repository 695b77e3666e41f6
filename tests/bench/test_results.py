"""Rows, verdicts, percentiles and the table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.bench.results import Aim, Row, markdown, percentile

FACTS = {"benchmark": "appends", "database": "sqlite", "what": "sealed", "unit": "/s"}


def test_a_rate_must_reach_its_aim_and_a_latency_stay_below_it():
    assert Aim(6000, at_least=True).met(6000)
    assert not Aim(6000, at_least=True).met(5999)
    assert Aim(50).met(49.9)
    assert not Aim(50).met(50)


def test_a_row_is_the_median_of_its_rounds_with_their_spread():
    row = Row.of_rounds([3.0, 1.0, 2.0], aim=Aim(2.5, at_least=True), **FACTS)
    assert (row.value, row.least, row.most, row.verdict) == (2.0, 1.0, 3.0, "missed")


def test_a_percentile_is_taken_over_all_rounds_and_its_spread_over_single_ones():
    row = Row.of_samples([[1.0, 2.0], [3.0, 100.0]], 0.99, **FACTS | {"unit": "ms"})
    assert (row.value, row.least, row.most) == (100.0, 2.0, 100.0)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_sample_that_the_right_share_does_not_pass(samples, share):
    found = percentile(samples, share)
    assert found in samples
    assert sum(sample <= found for sample in samples) >= share * len(samples) - 1e-6


def test_no_samples_have_no_percentile():
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)


def test_the_table_shows_aim_verdict_and_spread_beside_each_database():
    aim = Aim(6000, at_least=True)
    rows = [
        Row.of_rounds([7000, 8200], aim=aim, **FACTS),
        Row.of_rounds([0.42], aim=None, **FACTS | {"what": "lag", "unit": "ms"}),
        Row.of_rounds([5000.0], aim=aim, **FACTS | {"database": "postgresql"}),
    ]
    machine, _, headings, _, first, second = markdown(rows, {"cpu": "fast"}).splitlines()
    assert machine == "* cpu: fast"
    assert headings == "| benchmark | unit | sqlite | aim | verdict | postgresql | aim | verdict |"
    assert first == ("| appends: sealed | /s | 7,600 (7,000 to 8,200) | ≥ 6,000 | reached | 5,000 | ≥ 6,000 | missed |")
    assert second == "| appends: lag | ms | 0.42 |  |  |  |  |  |"


def test_json_facts_carry_the_verdict():
    facts = Row.of_rounds([7000.0], aim=Aim(6000, at_least=True), **FACTS).facts()
    assert facts["verdict"] == "reached"
    assert facts["aim"] == 6000
    assert "verdict" not in Row.of_rounds([7000.0], **FACTS).facts()
