"""Two API processes under uvicorn with warm caches, while the host erases a client they just answered about."""

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from real_servers import until

from domain.ports.access import Relation
from domain.ports.call import Role
from tests.contracts.samples import content
from tests.erasure.kit import CANARY, CLINICIAN, HOST, OPERATOR, Practice

ROOT = Path(__file__).parents[2]
PASSWORD = "a long and unusual password 42"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(practice: Practice, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANAMNESIS_")}
    given = {name: text for name, text in practice.settings.environment().items() if name.startswith("ANAMNESIS_")}
    return kept | given | more


def serving(stack: ExitStack, practice: Practice) -> httpx.Client:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "ops.cli", "serve"],
        cwd=ROOT,
        env=environment(practice, ANAMNESIS_PORT=str(port), ANAMNESIS_WARM_UP="no"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.kill)
    http = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30))
    until(lambda: http.get("/livez").status_code < 500, "the API answers")
    return http


def signed_in(http: httpx.Client, login: str) -> dict[str, str]:
    answer = http.post("/v1/sign-ins", json={"login": login, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.faults
def test_api_processes_with_warm_caches_answer_nothing_of_an_erased_client(practice):
    client_id, login, account_id = practice.new_client(), f"{uuid4().hex}@practice.example", uuid4()
    services = practice.system.services
    services.accounts.bootstrap(
        practice.by(HOST), account_id, login=login, password=PASSWORD, display_name="Noor", role=Role.CLINICIAN
    )
    services.clients.join_care_team(practice.by(OPERATOR), client_id, account_id, Relation.CLINICIAN)
    services.sessions.record(practice.by(CLINICIAN), uuid4(), client_id, content(CANARY))
    practice.system.runner().catch_up()
    paths = [f"/v1/clients/{client_id}{end}" for end in ("", "/identity", "/journey", "/progress")]
    with ExitStack() as stack:
        apis = [serving(stack, practice) for _ in range(2)]
        tokens = [signed_in(http, login) for http in apis]
        for http, token in zip(apis, tokens, strict=True):
            assert [http.get(path, headers=token).status_code for path in paths] == [200] * len(paths)
        certain = ("--confirm", str(client_id), "--basis", "court_order")
        told = subprocess.run(
            [sys.executable, "-m", "ops.cli", "erase", str(client_id), *certain, "--json"],
            cwd=ROOT,
            env=environment(practice),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert told.returncode == 0, told.stderr
        assert "leases_acknowledged" in json.loads(told.stdout.splitlines()[-1])["receipt"]
        for http, token in zip(apis, tokens, strict=True):
            answers = [http.get(path, headers=token) for path in paths]
            assert [answer.status_code for answer in answers] == [410] * len(paths)
            assert not any(CANARY in answer.text for answer in answers)
            listed = http.get("/v1/clients", headers=token)
            assert str(client_id) not in listed.text
