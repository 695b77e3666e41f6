"""Each benchmark at its smallest: it runs, checks its own result and yields its rows. No number is judged here."""

import json

import pytest
from typer.testing import CliRunner

from ops.bench.machine import in_memory
from ops.bench.options import Options
from ops.bench.places import NoDisk, scratch
from ops.bench.results import Row
from ops.bench.store import NoSuchBenchmark, app, run
from ops.console import JsonVoice

TINY = {"rounds": 1, "seconds": 0.3, "scale": 0.01, "writers": 4}


@pytest.fixture
def measured(request, capsys) -> list[Row]:
    _, rows = run(Options(**TINY | request.param), JsonVoice())
    return rows


def only(name, database="sqlite"):
    return {"only": (name,), "databases": (database,)}


@pytest.mark.parametrize("measured", [only("appends")], indirect=True)
def test_appends_stand_beside_the_librarys_recorder_with_many_writers_and_one(measured):
    assert [(row.benchmark, row.unit) for row in measured] == [*[("appends", "/s")] * 8, ("sealing", "%")]
    judged = [row.what for row in measured if row.aim]
    assert judged == ["sealed, 4 writers", "sealed, 1 writer", "cost, 4 writers"]


@pytest.mark.parametrize("measured", [only("replay")], indirect=True)
def test_replay_and_rebuild_yield_rates(measured):
    assert [(row.unit, row.aim is not None) for row in measured] == [("/s", True), ("/s", False), ("/s", True)]


@pytest.mark.parametrize("measured", [only("lag")], indirect=True)
def test_lag_yields_percentiles_of_a_runner_in_a_process_of_its_own(measured):
    assert [row.what for row in measured if row.aim] == ["appends taken", "acknowledged to visible, p99"]
    assert all(row.value >= 0 for row in measured)


@pytest.mark.parametrize("measured", [only("http")], indirect=True)
def test_http_yields_rates_latencies_journeys_and_memory(measured):
    assert {row.benchmark for row in measured} == {"memory", "http", "journey"}
    assert {row.unit for row in measured} == {"MB", "/s", "ms"}
    assert all(row.value > 0 for row in measured)


def test_appends_run_on_a_given_postgresql(postgres_url, capsys):
    _, rows = run(Options(**TINY | only("appends", "postgresql"), postgres_url=postgres_url), JsonVoice())
    assert {row.database for row in rows} == {"postgresql"}
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["fact"] for line in told if line["event"] == "bench.machine"} >= {"cpu", "commit", "versions", "load"}
    assert [line["benchmark"] for line in told if line["event"] == "bench.row"] == [row.benchmark for row in rows]


@pytest.mark.parametrize("wrong", [{"only": ("apends",)}, {"databases": ("oracle",)}])
def test_a_name_that_is_none_is_refused_before_anything_runs(wrong):
    with pytest.raises(NoSuchBenchmark, match="there are: "):
        run(Options(**wrong), JsonVoice())


def test_the_help_names_the_benchmarks():
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "appends, replay, lag, http, start" in shown.output


def test_a_folder_in_memory_is_refused(tmp_path, monkeypatch):
    assert not in_memory(tmp_path) or pytest.skip("temporary folders lie in memory here")
    monkeypatch.setattr("ops.bench.places.in_memory", lambda _: True)
    with pytest.raises(NoDisk), scratch(tmp_path):
        pass
