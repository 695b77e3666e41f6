"""What entries of reads cost over HTTP, at its smallest: both processes answer, one puts each read on record, one none."""

from ops.bench.audit import BENCHMARKS
from ops.bench.options import Options
from ops.bench.store import run
from ops.console import JsonVoice


def test_the_cost_of_entries_over_http_is_told_for_a_session_and_a_page(capsys):
    options = Options(only=("http",), databases=("sqlite",), rounds=1, seconds=1.0)
    _, rows = run(options, JsonVoice(), BENCHMARKS)
    assert [row.unit for row in rows] == ["/s", "ms", "/s", "ms", "%", "%"] * 2
    assert [row.what.rpartition(", ")[2] for row in rows if row.aim] == ["session", "journey page of 50"]
    assert all(row.value > 0 for row in rows if row.unit != "%")
