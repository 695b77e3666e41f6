"""The benchmark of reading whole records at its smallest: it runs, checks each answer and yields its rows."""

from datetime import UTC, datetime, timedelta

from ops.bench.courses import Courses
from ops.bench.options import Options
from ops.bench.progress import BENCHMARKS
from ops.bench.store import run
from ops.console import JsonVoice


def test_it_asks_for_all_that_has_an_aim(capsys):
    options = Options(databases=("sqlite",), rounds=1, scale=0.01)
    _, rows = run(options, JsonVoice(), BENCHMARKS)
    assert {(row.benchmark, row.unit) for row in rows} == {("progress", "ms"), ("sweep", "s")}
    exports = ["export as JSON with its history", "export as FHIR"]
    judged = [row.what.partition(",")[0].partition(" of ")[0] for row in rows if row.aim]
    assert judged == ["report", "context", "context", "context", "PDF", *exports, "caseload", "100 clients"]
    assert all(row.value > 0 for row in rows)


def test_courses_are_weeks_of_sessions_and_results():
    samples = Courses(1)
    pieces = list(samples.weeks(samples.clients[0], 12))
    kinds = [type(each).__name__ for piece in pieces[1:] for each in piece.aggregates]
    assert len(pieces) == 13
    assert (kinds.count("Session"), kinds.count("Measure")) == (11, 11 + 3)
    assert max(piece.call.at for piece in pieces) < datetime.now(UTC) + timedelta(minutes=5)
    summaries = [piece.aggregates[0].content.summary for piece in pieces[1:] if len(piece.aggregates) > 1]
    assert all(1500 < len(summary) < 3500 for summary in summaries)
    assert len(set(summaries)) == 11
