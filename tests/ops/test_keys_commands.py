"""`anamnesis keys …` as somebody on the host runs it: what is said, what is on record, what is refused."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from adapters.event_store.unsealed import SystemRecord
from domain.ports.keys import RecordClass
from ops.bootstrap import Part, build
from ops.cli import main
from ops.settings import Settings
from tests.ops.conftest import lines
from tests.ops.test_doctor import make_account

Keys = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def used(founded: Settings) -> Settings:
    """With accounts, and keys of two clients who have notes."""
    with build(founded, parts=Part.API) as system:
        make_account(system)
        for client in (uuid4(), uuid4()):
            for each in (RecordClass.JOURNAL, RecordClass.NOTES):
                system.keys.key_id(client, each)
    return founded


@pytest.fixture
def anamnesis(used: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Keys:
    """In this process: each command as a process of its own would take most of the time to import."""

    def command(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("ANAMNESIS_")]:
                patch.delenv(name)
            for name, value in ({"data_dir": used.data_dir} | settings).items():
                patch.setenv(f"ANAMNESIS_{name.upper()}", str(value))
            patch.setattr(sys, "argv", ["anamnesis", "keys", *arguments])
            capsys.readouterr()
            code = 0
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
        told = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, told.out, told.err)

    return command


def told(done: subprocess.CompletedProcess[str], event: str) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return next(line for line in lines(done.stdout) if line["event"] == event)


def error_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 1, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return found


def recorded(settings: Settings, **roots: object) -> tuple[list[dict[str, Any]], list[str]]:
    """The facts of the log's records about keys, and the actions of its audit entries."""
    environment = {f"ANAMNESIS_{name.upper()}": str(value) for name, value in roots.items()}
    loaded = Settings.load({"ANAMNESIS_DATA_DIR": str(settings.data_dir)} | environment)
    with build(loaded, parts=Part.HOST) as system:
        events = [system.mapper.to_event(row) for row in system.recorder.read_log(0, 1000)]
    facts = [dict(each.facts) for each in events if isinstance(each, SystemRecord) and "keys" in each.kind]
    return facts, [each.action for each in events if hasattr(each, "action")]


def test_a_root_is_replaced_retired_and_on_record(used: Settings, anamnesis: Keys) -> None:
    old, new = f"file:{used.root_key_file}", f"file:{used.data_dir}/keys/second.key"
    generation = told(anamnesis("create", "--file", new.removeprefix("file:")), "root_key_created")["root"]
    assert error_of(anamnesis("rotate", "root", "--to", new))["code"] == "root_rotation_refused"
    both = {"root_key": f"{old},{new}"}
    done = told(anamnesis("rotate", "root", "--to", new, **both), "root_replaced")
    status = lines(anamnesis("status", **both).stdout)
    states = {line["generation"]: (line["state"], line["keys"]) for line in status if line["event"] == "root"}
    assert states[done["retired"]] == ("retired", 0)
    assert states[generation][0] == "current"
    assert error_of(anamnesis("retire", done["retired"], **both))["code"] == "root_rotation_refused"
    alone = {"root_key": new}
    assert told(anamnesis("retire", done["retired"], **alone), "root_destroyed")["purpose"] == "main"
    assert error_of(anamnesis("check", **both))["code"] == "root_key_destroyed"
    assert told(anamnesis("check", **alone), "keys_whole")["keys"] > 0
    facts, actions = recorded(used, **alone)
    assert {
        "what": "root",
        "before": done["retired"],
        "after": generation,
        "keys": done["keys"],
        "purpose": "main",
    } in facts
    assert {"what": "root_destroyed", "purpose": "main", "before": done["retired"]} in facts
    assert actions.count("keys.rotate") == 4  # before and after each
    assert "second" not in json.dumps(facts)


def test_a_root_replaced_twice_over_is_told_once(used: Settings, anamnesis: Keys) -> None:
    new = f"file:{used.data_dir}/keys/second.key"
    anamnesis("create", "--file", new.removeprefix("file:"))
    both = {"root_key": f"file:{used.root_key_file},{new}"}
    told(anamnesis("rotate", "root", "--to", new, **both), "root_replaced")
    assert told(anamnesis("rotate", "root", "--to", new, **both), "nothing_to_move")
    assert [each["what"] for each in recorded(used, **both)[0]] == ["root"]


def test_the_notes_root_is_replaced_by_itself(used: Settings, anamnesis: Keys) -> None:
    new = f"file:{used.data_dir}/keys/second-notes.key"
    anamnesis("create", "--file", new.removeprefix("file:"))
    both = {"notes_root_key": f"file:{used.notes_root_key_file},{new}"}
    assert told(anamnesis("rotate", "root", "--purpose", "notes", "--to", new, **both), "root_replaced")["keys"] == 2
    assert told(anamnesis("check", notes_root_key=new), "keys_whole")


def test_clients_and_epochs_are_renewed_and_on_record(used: Settings, anamnesis: Keys) -> None:
    assert told(anamnesis("rotate", "client", "--all-older-than", "1d"), "client_keys_replaced")["clients"] == 0
    done = told(anamnesis("rotate", "client", "--all-older-than", "0d"), "client_keys_replaced")
    assert (done["clients"], done["keys"]) == (2, 4)
    assert told(anamnesis("rotate", "epoch", "--class", "notes"), "epoch_begun")["keys"] == 2
    assert told(anamnesis("rotate", "epoch", "--class", "audit"), "epoch_begun")["keys"] == 1
    assert told(anamnesis("check"), "keys_whole")
    assert [each["what"] for each in recorded(used)[0]] == ["clients", "clients", "epoch", "epoch"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("rotate", "client"),
        ("rotate", "client", str(uuid4()), "--all-older-than", "3d"),
        ("rotate", "client", "nobody"),
        ("rotate", "client", "--all-older-than", "a year"),
        ("rotate", "epoch", "--class", "diary"),
        ("rotate", "epoch", "--class", "audit", "--client", str(uuid4())),
        ("rotate", "root"),
        ("share", "--of", "3", "--need", "2"),
        ("recover", "--into", "x"),
    ],
)
def test_what_is_asked_for_wrongly_is_wrong_usage(anamnesis: Keys, arguments: tuple[str, ...]) -> None:
    done = anamnesis(*arguments)
    assert done.returncode == 2
    assert "Error" in done.stderr


def test_a_client_that_nobody_knows_is_left_out_and_named(anamnesis: Keys) -> None:
    stranger = str(uuid4())
    done = anamnesis("rotate", "client", stranger)
    assert done.returncode == 1
    assert stranger in done.stderr


def test_a_root_goes_into_shares_and_comes_back(used: Settings, anamnesis: Keys, tmp_path: Path) -> None:
    folder, path = tmp_path / "shares", used.root_key_file
    told(anamnesis("share", "--of", "5", "--need", "3", "--into", str(folder)), "shared")
    files = [f"--share={each}" for each in sorted(folder.iterdir())]
    kept = path.read_bytes()
    into = ("--into", str(path))
    assert error_of(anamnesis("recover", *into, *files[:3]))["code"] == "root_key_exists"
    path.unlink()
    assert error_of(anamnesis("recover", *into, *files[:2]))["code"] == "shares_unusable"
    assert not path.exists()
    told(anamnesis("recover", *into, *files[2:]), "root_key_recovered")
    assert path.read_bytes() == kept
    actions = recorded(used)[1]
    assert [each for each in actions if each in {"keys.share", "keys.recover"}] == ["keys.share", "keys.recover"]


def test_shares_of_another_deployment_make_no_file(used: Settings, anamnesis: Keys, tmp_path: Path) -> None:
    from adapters.keys.root_file import FileRootKey
    from adapters.keys.shares import Origin, split, write_share

    stranger = tmp_path / "stranger.key"
    generation = FileRootKey.create(stranger).generation
    origin = Origin(deployment=uuid4(), purpose="main", generation=generation)
    files = []
    for share in split(stranger, of=2, need=2, origin=origin):
        write_share(tmp_path / f"{share.number}.txt", share)
        files.append(f"--share={tmp_path / f'{share.number}.txt'}")
    into = tmp_path / "made.key"
    assert error_of(anamnesis("recover", "--into", str(into), *files))["code"] == "shares_of_another_root"
    assert not into.exists()
    done = anamnesis("recover", "--into", str(into), "--unchecked", *files)
    assert told(done, "root_key_recovered")
    assert into.read_bytes() == stranger.read_bytes()


def test_a_share_that_can_t_be_read_is_named(anamnesis: Keys, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("academic acid academic\n")
    done = error_of(anamnesis("recover", "--into", str(tmp_path / "x.key"), "--share", str(tmp_path / "bad.txt")))
    assert done["code"] == "share_unreadable"
    assert "bad.txt" in done["facts"]["path"]


def test_a_damaged_key_is_named_and_the_exit_says_so(used: Settings, anamnesis: Keys) -> None:
    from tests.ops.test_doctor import change

    change(used.keys_url, "UPDATE keys SET reserved = -1 WHERE class = 'notes'")
    done = anamnesis("check")
    assert done.returncode == 1
    assert done.stderr.count("reserved_impossible") == 2


def test_the_doctor_tells_an_unfinished_and_an_unconfirmed_rotation(used: Settings, anamnesis: Keys) -> None:
    from dataclasses import replace

    from ops.checks import keys
    from tests.ops.test_doctor import change, found

    new = used.data_dir / "keys" / "second.key"
    anamnesis("create", "--file", str(new))
    addresses = (f"file:{used.root_key_file}", f"file:{new}")
    both = replace(used, root_key=addresses)
    assert found(both, keys.root_keys) == {}
    told(anamnesis("rotate", "root", "--to", addresses[1], root_key=",".join(addresses)), "root_replaced")
    assert set(found(both, keys.root_keys)) == {"root_retired"}
    assert set(found(used, keys.root_keys)) == {"root_key_succeeded", "root_retired"}
    change(used.keys_url, "UPDATE roots SET retired_at_us = NULL")
    assert set(found(both, keys.root_keys)) == {"root_being_replaced"}
    change(used.keys_url, "UPDATE roots SET retired_at_us = 1, destroyed_at_us = 1 WHERE succeeded_by IS NOT NULL")
    assert set(found(both, keys.root_keys)) == {"root_key_destroyed"}
