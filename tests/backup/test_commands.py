"""The commands as somebody types them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.backup.errors import BackupMissing, NotEmpty, PlaceUnusable, RestoreNotWanted
from ops.cli import app
from tests.erasure.kit import found


@pytest.fixture
def anamnesis(tmp_path, monkeypatch):
    """`anamnesis("backup", "--to", …)`: what it said, as events; raises what it failed with."""
    settings = found(tmp_path / "deployment")
    for name, value in settings.environment().items():
        if name.startswith("ANAMNESIS_"):
            monkeypatch.setenv(name, value)

    def run(*words: str, typed: str = "") -> list[dict]:
        result = CliRunner().invoke(app, [*words], input=typed)
        if result.exception is not None:
            raise result.exception
        return [json.loads(line) for line in result.output.splitlines() if line.startswith("{")]

    return run


def told(lines, event):
    return next(line for line in lines if line["event"] == event)


def test_back_up_look_practise_restore(anamnesis, tmp_path):
    events, keys = str(tmp_path / "be"), str(tmp_path / "bk")
    taken = anamnesis("backup", "--to", events, "--keys-to", keys)
    assert [line["what"] for line in taken] == ["events", "keys"]
    assert told(anamnesis("backup", "list", events), "backup")["name"] == Path(taken[0]["name"]).name
    assert told(anamnesis("backup", "check", taken[0]["name"]), "backup_whole")["root"] == taken[0]["root"]
    assert told(anamnesis("backup", "drill", events, "--keys", keys), "drilled")["opened"] == taken[0]["position"]
    with pytest.raises(NotEmpty):
        anamnesis("restore", events, "--keys", keys)
    done = told(anamnesis("restore", events, "--keys", keys, "--replace"), "restored")
    assert (done["incarnation"], done["kept"]) == (2, taken[0]["position"])
    assert told(anamnesis("restore", events, "--keys", keys), "restored_already")["incarnation"] == 2


def test_one_place_for_both_is_warned_of(anamnesis, tmp_path):
    lines = anamnesis("backup", "--to", str(tmp_path / "both"))
    assert told(lines, "backups_in_one_place")["level"] == "warning"
    with pytest.raises(PlaceUnusable):
        anamnesis("backup", "--to", told(lines, "backup_taken")["name"])


@pytest.mark.parametrize("words", [("backup",), ("backup", "--to", "somewhere", "--what", "roots")])
def test_wrong_usage_ends_with_two(anamnesis, words):
    with pytest.raises(SystemExit) as left:
        anamnesis(*words)
    assert left.value.code == 2


def test_where_nothing_lies_nothing_is_found(anamnesis, tmp_path):
    empty = str(tmp_path / "empty")
    assert told(anamnesis("backup", "list", empty), "no_backups")
    with pytest.raises(BackupMissing):
        anamnesis("restore", empty)


@pytest.mark.parametrize("typed", ["\n", "yes\n", "restore\n"])
def test_going_on_without_the_register_takes_the_whole_sentence(anamnesis, tmp_path, typed):
    with pytest.raises((RestoreNotWanted, SystemExit)):
        anamnesis("restore", str(tmp_path), "--without-register", typed=typed)
