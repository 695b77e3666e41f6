"""The commands about the log, as somebody on the host would type them."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from ops.founding import create_root_keys, migrate
from ops.settings import Settings
from tests.ops.conftest import ROOT, plain_environment


@pytest.fixture
def host(tmp_path):
    """Runs a command in a deployment of its own; its exit code, its lines and what it said besides."""
    data = tmp_path / "data"
    (tmp_path / "safe").mkdir()
    environment = plain_environment(data, off_box=tmp_path / "safe", redis_url="redis://127.0.0.1:9/0")
    settings = Settings.load({"ANAMNESIS_DATA_DIR": str(data)})
    list(migrate(settings))
    list(create_root_keys(settings))

    def run(*arguments, **more):
        done = subprocess.run(
            [sys.executable, "-m", "ops.cli", *map(str, arguments)],
            cwd=ROOT,
            env=environment | {name.upper(): str(value) for name, value in more.items()},
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return done.returncode, lines, done.stderr

    run.data = data
    return run


def said(lines, event):
    return [line for line in lines if line["event"] == event]


def test_from_the_first_key_to_a_row_that_was_altered_by_hand(host, tmp_path):
    code, _, error = host("checkpoint")
    assert (code, "publishing_not_set_up" in error) == (1, True)
    _, lines, _ = host("checkpoint", "--init")
    key = said(lines, "verifier_key")[0]["key"]
    host("account", "create-service", "Platform", "--scope", "changes:read")
    file = tmp_path / "kept.txt"
    code, lines, _ = host("checkpoint", "--out", file)
    size = said(lines, "checkpoint_published")[0]["size"]
    assert code == 0
    assert (tmp_path / "safe" / "checkpoints" / "000001" / f"{size:020d}").read_text() == file.read_text()
    assert host("checkpoint")[1][0]["event"] == "nothing_new"
    for options in ((), ("--checkpoint", file, "--key", key)):
        code, lines, _ = host("verify", *options)
        assert (code, said(lines, "log_sound")[0]["covered"]) == (0, size)
    with closing(sqlite3.connect(host.data / "events.db")) as database:
        with pytest.raises(sqlite3.DatabaseError):
            database.execute("UPDATE events SET state = x'00' WHERE position = 1")
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE events SET state = x'00' WHERE position = 1")
        database.commit()
    code, lines, _ = host("verify", "--checkpoint", file, "--key", key)
    finding = said(lines, "finding")[0]
    assert (code, finding["kind"], finding["first"], finding["last"]) == (1, "altered", 1, 1)


def test_a_proof_is_checked_where_there_is_no_database(host, tmp_path):
    _, lines, _ = host("checkpoint", "--init")
    (tmp_path / "vkey").write_text(said(lines, "verifier_key")[0]["key"])
    host("account", "create-service", "Platform", "--scope", "changes:read")
    first = said(host("checkpoint")[1], "checkpoint_published")[0]["size"]
    host("account", "create-service", "Other", "--scope", "changes:read")
    host("checkpoint")
    elsewhere = {"anamnesis_data_dir": tmp_path / "nowhere"}
    for arguments in (("inclusion", "1"), ("inclusion", "2", "--json"), ("consistency", first)):
        assert host("proof", *arguments, "--out", tmp_path / "proof")[0] == 0
        code, lines, _ = host("proof", "check", tmp_path / "proof", "--key", tmp_path / "vkey", **elsewhere)
        assert (code, lines[0]["event"]) == (0, "proof_holds")
    document = json.loads((tmp_path / "proof").read_text())
    document["hashes"].insert(0, "A" * 43 + "=")
    (tmp_path / "proof").write_text(json.dumps(document))
    code, _, error = host("proof", "check", tmp_path / "proof", "--key", tmp_path / "vkey", **elsewhere)
    assert (code, "proof_wrong" in error) == (1, True)
    (tmp_path / "proof").write_text("not a proof")
    code, _, error = host("proof", "check", tmp_path / "proof", "--key", tmp_path / "vkey", **elsewhere)
    assert (code, "proof_unreadable" in error) == (1, True)


def test_views_that_were_changed_by_hand_are_told(host):
    host("account", "create-service", "Platform", "--scope", "changes:read")
    assert host("rebuild-views")[0] == 0
    code, lines, error = host("verify", "--views")
    assert (code, said(lines, "views_sound") != []) == (0, True), error
    with closing(sqlite3.connect(host.data / "views.db")) as database:
        database.execute(
            "UPDATE audit_entries SET origin = 'elsewhere' WHERE position = (SELECT min(position) FROM audit_entries)"
        )
        database.commit()
    code, lines, error = host("verify", "--views")
    assert code == 1
    assert "audit_entries: origin" in json.dumps(lines) + error


def test_nothing_is_made_where_there_is_no_log(host, tmp_path):
    code, _, error = host("verify", anamnesis_data_dir=tmp_path / "nowhere")
    assert (code, "no_log" in error) == (1, True)
    assert not (tmp_path / "nowhere").exists()
