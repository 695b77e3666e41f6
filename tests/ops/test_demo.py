"""The demo as a user meets it: one command, real processes, over HTTP."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, select, update

from adapters.access.tables import clients
from adapters.views.tables import JOURNEY, journey_items, view_tracking
from ops.bootstrap import Part, build
from ops.demo_state import locked, open_state, read_state
from ops.settings import Settings
from tests.ops.conftest import ROOT, Running, free_port, lines, plain_environment, run, wait_for


class Demo:
    """A running demo and what it told."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment = plain_environment(folder, port=self.port)
        self.running = Running(self.environment, "demo", *arguments)
        self.told = self.running.line("ready")
        self.http = httpx.Client(base_url=self.told["address"], timeout=20)

    def sign_in(self, who: str) -> dict[str, str]:
        """Headers of a sign-in with what was printed."""
        one = next(one for one in self.told["sign_ins"] if one["who"] == who)
        answer = self.http.post("/v1/sign-ins", json={"login": one["login"], "password": one["password"]})
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def names(self) -> list[str]:
        """Of the clinician's caseload."""
        answer = self.http.get("/v1/clients", headers=self.sign_in("clinician"))
        return sorted(item["name"] for item in answer.json()["items"])

    def ready(self) -> dict[str, Any]:
        return {"status_code": (answer := self.http.get("/readyz")).status_code, **answer.json()}

    def process(self, name: str) -> int:
        """Pid of a child, found by its parent and its arguments."""
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
            except (OSError, ValueError, IndexError):
                continue
            if parent == self.running.process.pid and any(name.encode() in argument for argument in arguments):
                return int(entry.name)
        return 0

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.http.close()
        return self.running.stop(number)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = Demo(tmp_path_factory.mktemp("demo") / "data")
    yield demo
    demo.stop()


def test_a_demo_prints_an_address_and_a_sign_in_for_each_role(demo: Demo) -> None:
    assert demo.told["fresh"] is True
    assert {one["role"] for one in demo.told["sign_ins"]} == {
        "client",
        "clinician",
        "supervisor",
        "compliance_officer",
        "ml_engineer",
        "operator",
    }
    assert all(one["password"] for one in demo.told["sign_ins"])


def test_everything_is_ready_when_it_says_so(demo: Demo) -> None:
    ready = demo.ready()

    assert (ready["status_code"], ready["status"]) == (200, "ready")
    assert {check["name"] for check in ready["checks"]} == {"events", "keys", "views", "projections", "queue"}


@pytest.mark.parametrize("page", ["/", "/reference", "/openapi.json", "/livez", "/metrics"])
def test_pages_and_documents_are_there(demo: Demo, page: str) -> None:
    assert demo.http.get(page).status_code == 200


def test_the_document_lists_no_error_of_the_command_line(demo: Demo) -> None:
    document = demo.http.get("/openapi.json").text

    assert "sign_in_refused" in document
    for code in ("not_a_demo", "demo_running", "port_in_use", "root_key_missing", "unexpected"):
        assert f'"{code}"' not in document


@pytest.mark.parametrize("who", ["client", "clinician", "trainee", "supervisor", "compliance", "ml", "operator"])
def test_every_printed_sign_in_works(demo: Demo, who: str) -> None:
    me = demo.http.get("/v1/me", headers=demo.sign_in(who))

    assert me.json()["login"] == f"{who}@demo.example"


def test_the_clinician_sees_21_clients_and_up_to_two_years_of_each(demo: Demo) -> None:
    headers = demo.sign_in("clinician")
    clients = demo.http.get("/v1/clients", headers=headers).json()["items"]

    assert len(clients) == 21
    sessions = []
    for client in clients:
        answer = demo.http.get(f"/v1/clients/{client['client_id']}/journey?kind=session&limit=500", headers=headers)
        sessions.append(len(answer.json()["items"]))
    assert sorted(sessions)[:2] == [0, 1]
    assert max(sessions) > 80


def test_the_supervisor_finds_an_entry_to_cosign(demo: Demo) -> None:
    headers = demo.sign_in("supervisor")
    states: Counter[str] = Counter()
    for client in demo.http.get("/v1/clients", headers=headers).json()["items"]:
        journey = demo.http.get(
            f"/v1/clients/{client['client_id']}/journey?kind=session&limit=500", headers=headers
        ).json()["items"]
        states.update(item["state"] for item in journey)

    assert states["awaiting_cosignature"] == 1
    assert states["signed"] == states.total() - 1


def test_the_client_sees_their_own_journey_and_who_looked(demo: Demo) -> None:
    headers = demo.sign_in("client")
    client_id = demo.http.get("/v1/me", headers=headers).json()["client_id"]
    journey = demo.http.get(f"/v1/clients/{client_id}/journey", headers=headers)

    assert journey.status_code == 200
    assert all(item["state"] != "entered_in_error" for item in journey.json()["items"])


def test_nothing_readable_lies_in_the_folder(demo: Demo) -> None:
    for path in demo.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for word in (b"Lindqvist", b"ferry", b"panic", b"Okafor"):
                assert word not in content, path


def test_files_and_folders_are_closed_to_others(demo: Demo) -> None:
    for path in (demo.folder, *demo.folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_doctor_finds_nothing_wrong_with_a_running_demo(demo: Demo) -> None:
    told = run(demo.environment, "doctor")

    assert [line for line in lines(told.stdout) if line["state"] != "ok"] == []


def test_a_second_demo_in_the_same_folder_is_refused(demo: Demo) -> None:
    told = run(plain_environment(demo.folder, port=free_port()), "demo")

    assert told.returncode == 1
    assert lines(told.stderr)[0]["code"] == "demo_running"


def test_a_port_in_use_is_named_with_one_to_choose_instead(demo: Demo, tmp_path: Path) -> None:
    told = run(plain_environment(tmp_path / "other", port=demo.port), "demo")

    assert told.returncode == 1
    error = lines(told.stderr)[0]
    assert error["code"] == "port_in_use"
    assert error["facts"]["port"] == str(demo.port)
    assert "--port" in error["hint"]


def test_without_redis_the_api_goes_on_and_says_so_and_all_recovers(demo: Demo) -> None:
    headers = demo.sign_in("clinician")
    worker = demo.process("worker")
    os.kill(demo.process("redis-server"), signal.SIGSTOP)
    try:
        wait_for(lambda: demo.ready()["status"] == "degraded")
        ready = demo.ready()
        assert ready["status_code"] == 200
        assert {check["name"]: check["code"] for check in ready["checks"]}["queue"] == "queue_unavailable"
        assert demo.http.get("/v1/clients", headers=headers).status_code == 200
    finally:
        os.kill(demo.process("redis-server"), signal.SIGKILL)
    wait_for(lambda: demo.ready()["status"] == "ready", 60)

    log = demo.folder / "logs" / "worker.log"
    wait_for(lambda: "Redis is back" in log.read_text())
    assert demo.process("worker") == worker
    assert log.read_text().count("Redis can't be reached") == 1
    assert log.read_text().count("Redis is back") == 1


def test_a_child_that_is_killed_comes_back(demo: Demo) -> None:
    before = demo.process("serve")

    os.kill(before, signal.SIGKILL)

    wait_for(lambda: demo.process("serve") not in (0, before))
    wait_for(lambda: answers(demo), 60)
    assert demo.names()


def answers(demo: Demo) -> bool:
    try:
        return demo.ready()["status"] == "ready"
    except httpx.TransportError:
        return False


def test_state_survives_a_restart_and_reset_starts_over(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = Demo(folder)
    names = first.names()
    old = first.told["sign_ins"]
    seed = json.loads((folder / "demo.json").read_text())["seed"]
    children = [first.process(name) for name in ("redis-server", "serve", "project", "worker")]
    assert all(children)
    assert first.stop(signal.SIGINT) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)

    # As a release of before left it, whose journey had another shape: the demo builds it anew.
    settings = Settings.load({"ANAMNESIS_DATA_DIR": str(folder)})
    with build(settings, parts=Part.HOST) as system, system.databases.views.begin() as connection:
        connection.execute(update(view_tracking).where(view_tracking.c.projection == JOURNEY.name).values(version=1))
        connection.execute(delete(journey_items))

    second = Demo(folder)
    assert second.told["fresh"] is False
    assert second.ready()["status"] == "ready"
    assert second.names() == names
    for before, after in zip(old, second.told["sign_ins"], strict=True):
        assert before["password"] != after["password"]
    refused = second.http.post("/v1/sign-ins", json={name: old[2][name] for name in ("login", "password")})
    assert refused.status_code == 401
    assert second.stop() == 0

    unconfirmed = run(plain_environment(folder), "demo", "--reset")
    assert lines(unconfirmed.stderr)[0]["code"] == "reset_not_confirmed"

    third = Demo(folder, "--reset", "--yes")
    assert third.told["fresh"] is True
    assert json.loads((folder / "demo.json").read_text())["seed"] != seed
    assert third.names() == names
    assert third.stop() == 0


def test_whoever_answers_no_is_told_that_nothing_was_removed(tmp_path: Path) -> None:
    with locked(tmp_path):
        state, _ = open_state(tmp_path, date(2026, 3, 2))
    keyboard, terminal = pty.openpty()
    with os.fdopen(keyboard, "r+b", buffering=0) as screen:
        asked = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", "demo", "--reset"],
            cwd=ROOT,
            env=plain_environment(tmp_path),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        screen.write(b"n\n")
        shown = b"".join(_until_closed(screen))
        assert asked.wait(60) == 1
    assert b"Nothing was removed." in shown
    assert read_state(tmp_path) == state


def _until_closed(screen: io.FileIO) -> Iterator[bytes]:
    """What is shown, until the process that had the terminal ends: Linux answers that with EIO."""
    with suppress(OSError):
        while part := screen.read(4096):
            yield part


def test_a_folder_that_holds_something_else_is_never_touched(tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter-1.txt").write_text("precious")

    for arguments in (["demo"], ["demo", "--reset", "--yes"]):
        told = run(plain_environment(folder, port=free_port()), *arguments)
        assert told.returncode == 1
        assert told.stdout == ""
        assert lines(told.stderr)[0]["code"] == "not_a_demo"
    assert [path.name for path in folder.iterdir()] == ["chapter-1.txt"]


def test_a_load_that_was_interrupted_is_finished_by_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = Running(plain_environment(folder, port=free_port()), "demo")
    while (told := first.line("samples"))["done"] < told["total"] // 4:
        pass
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL

    second = run(plain_environment(folder, port=free_port()), "demo", "--until-ready")

    assert second.returncode == 0, second.stderr
    events = [line["event"] for line in lines(second.stdout)]
    assert events[-2:] == ["ready", "stopped"]
    settings = Settings.load({"ANAMNESIS_DATA_DIR": str(folder)})
    with build(settings, parts=Part.HOST) as system, system.databases.events.connect() as connection:
        kept = connection.execute(select(clients.c.id)).scalars().all()
    assert len(kept) == 25
