import json
import os
import stat
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from ops import cli
from tests.ops.conftest import ROOT, lines, plain_environment, run


def test_help_names_every_command(tmp_path: Path) -> None:
    told = run(plain_environment(tmp_path), "--help")

    assert told.returncode == 0
    for command in (
        "demo",
        "doctor",
        "serve",
        "project",
        "worker",
        "migrate",
        "rebuild-views",
        "keys",
        "account",
        "import",
    ):
        assert command in told.stdout


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "doctor",
        "serve",
        "project",
        "worker",
        "migrate",
        "rebuild-views",
        "keys create",
        "account create",
        "import transcripts",
        "import json",
    ],
)
def test_every_command_explains_itself(tmp_path: Path, command: str) -> None:
    told = run(plain_environment(tmp_path), *command.split(), "--help")

    assert told.returncode == 0
    assert "Usage: anamnesis" in told.stdout.replace("ops.cli", "anamnesis").replace("python -m anamnesis", "anamnesis")


def test_version_is_the_distributions(tmp_path: Path) -> None:
    assert run(plain_environment(tmp_path), "--version").stdout == f"anamnesis {version('anamnesis')}\n"


def test_asking_for_help_imports_nothing_heavy() -> None:
    code = "import sys; import ops.cli; print([m for m in ('sqlalchemy', 'fastapi', 'cryptography', 'rich', 'arq') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "[]"


def test_wrong_usage_ends_with_2(tmp_path: Path) -> None:
    assert run(plain_environment(tmp_path), "serve", "--port", "many").returncode == 2
    assert run(plain_environment(tmp_path), "serve", "--port", "-1").returncode == 2
    assert run(plain_environment(tmp_path), "conquer").returncode == 2


def test_a_wrong_setting_is_one_message_with_code_and_hint_and_no_traceback(tmp_path: Path) -> None:
    told = run(plain_environment(tmp_path, port="eighty"), "serve")

    assert told.returncode == 1
    (error,) = lines(told.stderr)
    assert error["code"] == "setting_invalid"
    assert "ANAMNESIS_PORT must be a whole number from 1 to 65535" in error["text"]
    assert error["hint"]


def test_a_traceback_is_shown_when_asked_for(tmp_path: Path) -> None:
    told = run(plain_environment(tmp_path, port="eighty", debug="1"), "serve")

    assert told.returncode == 1
    assert "Traceback" in told.stderr


def test_a_fault_in_the_program_is_told_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("what somebody said")

    monkeypatch.setattr(cli, "app", fail)
    monkeypatch.setattr(sys, "argv", ["anamnesis", "doctor"])
    before = os.umask(0o022)
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        os.umask(before)

    error = json.loads(capsys.readouterr().err)
    assert ended.value.code == 1
    assert error["code"] == "unexpected"
    assert "ZeroDivisionError" in error["text"]
    assert "somebody" not in json.dumps(error)


@pytest.mark.parametrize("command", ["migrate", "demo"])
def test_a_data_folder_that_can_not_be_made_is_named(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("")

    told = run(plain_environment(tmp_path / "file" / "data"), command)

    assert told.returncode == 1
    assert json.loads(told.stderr)["code"] == "data_folder_unusable"


def test_completion_knows_the_commands(tmp_path: Path) -> None:
    environment = plain_environment(tmp_path) | {
        "_ANAMNESIS_COMPLETE": "complete_bash",
        "COMP_WORDS": "anamnesis do",
        "COMP_CWORD": "1",
    }
    program = Path(sys.executable).with_name("anamnesis")
    told = subprocess.run([str(program)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert told.stdout.split() == ["doctor"]


def test_a_deployment_is_founded_with_two_commands(tmp_path: Path) -> None:
    environment = plain_environment(tmp_path / "data")

    migrated = run(environment, "migrate")
    created = run(environment, "keys", "create")

    assert [line["chain"] for line in lines(migrated.stdout)] == ["events", "keys", "views"]
    assert [line["event"] for line in lines(created.stdout)] == [
        "root_key_created",
        "root_key_created",
        "root_keys_need_backup",
    ]
    for path in (tmp_path / "data").rglob("*"):
        wide = stat.S_IMODE(path.stat().st_mode) & 0o077
        assert not wide, path


def test_migrating_again_finds_nothing_to_do(tmp_path: Path) -> None:
    environment = plain_environment(tmp_path / "data")
    run(environment, "migrate")

    again = run(environment, "migrate")

    assert again.returncode == 0
    assert all(line["applied"] == [] for line in lines(again.stdout))


def test_an_account_is_made_on_the_host_and_its_password_reset(tmp_path: Path) -> None:
    environment = plain_environment(tmp_path / "data")
    run(environment, "migrate")
    run(environment, "keys", "create")

    made = run(
        environment,
        *("account", "create", "noor@practice.example", "--name", "Noor Haddad", "--password-stdin"),
        stdin="a-long-enough-phrase\n",
    )
    again = run(
        environment,
        *("account", "create", "noor@practice.example", "--name", "Noor Haddad", "--password-stdin"),
        stdin="a-long-enough-phrase\n",
    )
    reset = run(
        environment,
        *("account", "reset-password", "noor@practice.example", "--password-stdin"),
        stdin="another-long-phrase\n",
    )

    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["role"] == "operator"
    assert json.loads(again.stderr)["code"] == "login_taken"
    assert json.loads(reset.stdout)["account_id"] == json.loads(made.stdout)["account_id"]
    assert "phrase" not in made.stdout + made.stderr + again.stderr + reset.stdout + reset.stderr


def test_a_service_account_is_made_on_the_host_and_its_secret_shown_once(tmp_path: Path) -> None:
    environment = plain_environment(tmp_path / "data")
    run(environment, "migrate")
    run(environment, "keys", "create")

    made = run(environment, "account", "create-service", "Platform", "--scope", "changes:read")
    unknown = run(environment, "account", "create-service", "Platform", "--scope", "everything")

    (told,) = lines(made.stdout)
    assert made.returncode == 0, made.stderr
    assert told["scopes"] == ["changes:read"]
    assert told["client_secret"].startswith("anamnesis_")
    assert "changes:read" in json.loads(unknown.stderr)["text"]


def test_a_password_is_never_asked_for_without_a_terminal(tmp_path: Path) -> None:
    told = run(plain_environment(tmp_path), "account", "create", "noor@practice.example", "--name", "Noor")

    assert told.returncode == 1
    assert "--password-stdin" in json.loads(told.stderr)["text"]


@pytest.mark.parametrize("command", ["serve", "project", "worker", "rebuild-views"])
def test_processes_refuse_to_start_on_a_machine_that_was_not_set_up(tmp_path: Path, command: str) -> None:
    told = run(plain_environment(tmp_path / "data"), command)

    assert told.returncode == 1
    (error,) = lines(told.stderr)
    assert error["code"] == "root_key_missing"
    assert "keys create" in error["hint"]


def test_benchmarks_are_only_imported_when_asked_for(tmp_path: Path) -> None:
    told = run(plain_environment(tmp_path), "bench", "--help")

    assert told.returncode == 0
    assert "store" in told.stdout
