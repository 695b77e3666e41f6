import re

from domain.progress.report import TrendClass
from ops.bench.trends import LENGTHS, Clients, Course, Rate, called, directed, missed, tables, timings


def test_a_rate_is_told_with_its_interval():
    assert Rate(hits=30, runs=1_000).told() == "3.0 % (2.1 % to 4.3 %)"
    assert Rate(hits=0, runs=3_000).told() == "0.0 % (0.0 % to 0.1 %)"


def test_every_verdict_of_an_outcome_is_counted_once():
    outcome = Clients(1).judge(Course(length=8, correlation=0.2), 40)
    counted = sum(called(verdict)(outcome).hits for verdict in TrendClass)
    assert counted == outcome.runs == 40
    assert directed(outcome).hits <= missed(outcome).runs


def test_tables_are_whole_and_name_their_aims():
    told = list(tables(Clients(1), 4))
    assert sum("aim ≤ 5 %" in each for each in told) == 3
    assert sum("aim ≥ 80 %" in each for each in told) == 1
    for table in told:
        rows = [line for line in table.splitlines() if re.match(r"\| 0", line)]
        assert len(rows) == 4
        assert {row.count("(") for row in rows} <= {2, len(LENGTHS)}


def test_what_the_rule_costs_is_told_beside_its_aims():
    told = timings(Clients(1), rounds=1)
    assert "< 200 ms" in told
    assert "< 20 ms" in told
    assert told.count(" ms |") >= 6


def test_ratings_of_states_stay_between_0_and_10():
    told = Clients.of_states(1).observe(Course(length=300, correlation=0.4, start=5.0))
    assert {each.value for each in told} <= set(range(11))
