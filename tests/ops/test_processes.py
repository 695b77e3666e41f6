"""`serve` and `project` as processes: they drain, end well, and share a socket."""

import http.client
import json
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from ops.bootstrap import Part, build
from ops.settings import Settings
from tests.ops.conftest import Running, found, plain_environment, run, wait_for


class Served:
    def __init__(self, settings: Settings, *arguments: str, **environment: object) -> None:
        self.settings = settings
        self.running = Running(
            plain_environment(settings.data_dir, port=settings.port, drain_s=20, **environment), "serve", *arguments
        )
        self.address = f"http://{settings.host}:{settings.port}"
        wait_for(self.answers)

    def answers(self) -> bool:
        assert self.running.process.poll() is None, self.running.process.stderr.read()
        try:
            return httpx.get(f"{self.address}/livez").status_code == 200
        except httpx.TransportError:
            return False

    def listens(self) -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex((self.settings.host, self.settings.port)) == 0


@pytest.fixture
def served(founded: Settings) -> Iterator[Served]:
    served = Served(founded)
    yield served
    served.running.stop()


def test_a_request_that_has_begun_is_answered_after_sigterm(served: Served) -> None:
    body = json.dumps({"login": "nobody@practice.example", "password": "whatever-it-may-be"}).encode()
    connection = http.client.HTTPConnection(served.settings.host, served.settings.port, timeout=20)
    connection.putrequest("POST", "/v1/sign-ins")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[:10])
    wait_for(lambda: in_progress(served))

    served.running.process.terminate()
    wait_for(lambda: not served.listens())
    connection.send(body[10:])

    answer = connection.getresponse()
    assert answer.status == 401
    assert json.loads(answer.read())["code"] == "sign_in_refused"
    connection.close()
    assert served.running.stop() == 0


def in_progress(served: Served) -> bool:
    """Whether a request beside the one that asks is being worked on."""
    text = httpx.get(f"{served.address}/metrics").text
    (line,) = [line for line in text.splitlines() if line.startswith("anamnesis_http_requests_in_progress ")]
    return float(line.split()[1]) >= 2


@pytest.mark.parametrize("command", ["serve", "project", "worker"])
def test_a_process_that_is_ended_while_it_starts_ends_well(founded: Settings, command: str) -> None:
    running = Running(plain_environment(founded.data_dir, port=founded.port, log_level="info"), command)
    # Its own handling of signals begins with the first thing it opens.
    wait_for(lambda: handles_sigterm(running.process.pid))

    assert running.stop() == 0


def handles_sigterm(pid: int) -> bool:
    """From the mask of caught signals, proc(5)."""
    (caught,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt:")]
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@dataclass
class Life:
    """What was seen of a server that was started, asked a few things, and ended while a connection was open."""

    resident_mib: float
    exit_code: int
    log: list[str]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    # Without what is loaded ahead of reports and pictures: how far that has come is no property of an idle process.
    served = Served(found(tmp_path_factory.mktemp("life") / "data"), warm_up="no")
    with httpx.Client(base_url=served.address) as client:
        client.get("/readyz")
        status = Path(f"/proc/{served.running.process.pid}/status").read_text()
        (resident,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        client.get("/v1/clients?family_name=Lindqvist")
        client.get("/nothing/Lindqvist")
        code = served.running.stop()
    return Life(int(resident.split()[1]) / 1024, code, served.running.errors.splitlines())


def test_idle_connections_do_not_hold_the_end_up(life: Life) -> None:
    assert life.exit_code == 0


def test_logs_tell_routes_and_codes_never_addresses_or_queries(life: Life) -> None:
    assert life.log
    for line in life.log:
        json.loads(line)
        assert "Lindqvist" not in line


def test_an_idle_api_process_stays_below_175_mib(life: Life) -> None:
    assert life.resident_mib < 175


def test_several_api_processes_share_one_socket_and_end_together(founded: Settings) -> None:
    served = Served(founded, "--workers", "2")
    children = [
        int(entry.name) for entry in Path("/proc").glob("[0-9]*") if parent_of(entry) == served.running.process.pid
    ]

    assert len(children) >= 2
    assert served.running.stop() == 0
    assert not served.listens()
    wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in children))


def parent_of(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def test_a_port_in_use_is_one_message(founded: Settings) -> None:
    with closing(socket.socket()) as other:
        other.bind((founded.host, founded.port))
        other.listen()

        told = run(plain_environment(founded.data_dir, port=founded.port), "serve")

    assert told.returncode == 1
    assert json.loads(told.stderr)["code"] == "port_in_use"


def test_project_follows_the_log_and_ends_when_asked(founded: Settings) -> None:
    running = Running(plain_environment(founded.data_dir), "project")
    with build(founded, parts=Part.HOST) as system:
        system.services.accounts.bootstrap(
            host_call(system),
            system.ids.opaque(),
            login="noor@practice.example",
            password="a-long-enough-phrase",
            display_name="Noor",
        )
        last = system.recorder.last_position()
        assert last >= 2
        wait_for(lambda: all(one.position >= last for one in system.tracking.progress().values()) and reached(system))

    assert running.stop() == 0


def reached(system: object) -> bool:
    return set(system.tracking.progress()) == {"journey", "audit"}


def host_call(system: object) -> object:
    from domain.ports.call import Call, Purpose
    from ops.hosting import HOST

    return Call(
        actor=HOST,
        request_id=system.ids.ordered(),
        at=system.clock.now(),
        origin="test",
        purpose=Purpose.OPERATIONS,
    )


def test_views_are_rebuilt_by_command(founded: Settings) -> None:
    environment = plain_environment(founded.data_dir)
    with build(founded, parts=Part.HOST) as system:
        system.services.accounts.bootstrap(
            host_call(system),
            system.ids.opaque(),
            login="noor@practice.example",
            password="a-long-enough-phrase",
            display_name="Noor",
        )
        last = system.recorder.last_position()

    told = run(environment, "rebuild-views")
    wrong = run(environment, "rebuild-views", "nothing")

    assert json.loads(told.stdout.splitlines()[-1])["position"] == last
    assert wrong.returncode == 1
    assert "journey, audit" in json.loads(wrong.stderr)["text"]
