"""One running deployment for the tests of the API: real databases, keys, projections; accounts of every role."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jsonschema_rs
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from domain.ports.call import Actor, Call, Purpose, Role
from domain.ports.limits import Limit
from ops.bootstrap import Part, System, build
from ops.founding import create_root_keys, migrate
from ops.settings import Settings

PASSWORD = "correct horse battery staple"
STALE_S = 200
"""Access tokens live 300 s."""
PLENTY = {
    name: Limit(name=f"test_{name}", amount=1_000_000, per_s=60)
    for name in (
        "anonymous_limit",
        "anonymous_total",
        "sign_in_limit",
        "refresh_limit",
        "lookup_limit",
        "password_limit",
    )
}
CONTENT = {
    "took_place": {"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"},
    "duration_min": 50,
    "modality": "in_person",
    "summary": "Talked about the week.",
    "emotions": [{"name": "anxiety", "intensity": 5, "valence": "negative"}],
}
IDENTITY = {"names": [{"family": "Okonkwo", "given": "Tamsin"}], "birth_date": "1991-04-23"}


@dataclass
class User:
    """An account, and an HTTP client that speaks for it. Answers are held against the OpenAPI document."""

    house: "House"
    id: UUID
    login: str
    token: str = ""
    refresh_token: str = ""
    since: float = 0.0

    def sign_in(self) -> None:
        answer = self.house.post("/v1/sign-ins", {"login": self.login, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        self.token, self.refresh_token = answer.json()["access_token"], answer.json()["refresh_token"]
        self.since = time.monotonic()

    def headers(self) -> dict[str, str]:
        if time.monotonic() - self.since > STALE_S:
            self.sign_in()
        return {"Authorization": f"Bearer {self.token}"}

    def get(self, path: str, **headers: str) -> Any:
        return self.house.request("GET", path, headers=self.headers() | _named(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.house.post(path, body, **self.headers(), **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.house.request("PUT", path, json=body, headers=self.headers() | _named(headers))

    def delete(self, path: str, **headers: str) -> Any:
        return self.house.request("DELETE", path, headers=self.headers() | _named(headers))

    def new_client(self) -> str:
        answer = self.post("/v1/clients", IDENTITY)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"].rpartition("/")[2]

    def new_session(self, client_id: str, **changed: Any) -> str:
        answer = self.post(f"/v1/clients/{client_id}/sessions", CONTENT | changed)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def new_appointment(self, client_id: str, start: str = "2026-11-02T10:00:00+01:00") -> str:
        plan = {
            "start": {"instant": start, "zone": "Europe/Berlin"},
            "duration_min": 50,
            "modality": "video",
        }
        answer = self.post(f"/v1/clients/{client_id}/appointments", plan)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]


def _named(headers: dict[str, str]) -> dict[str, str]:
    """`If_Match="..."` as a header."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True)
class Answered:
    """What a request was answered, and which actions its route declares."""

    request_id: UUID
    method: str
    path: str
    status: int
    replayed: bool
    actions: frozenset[str]


@dataclass
class House:
    """The application over a built system, reached in this process."""

    system: System
    app: FastAPI
    http: TestClient
    operator: User = field(init=False)
    validators: dict[str, Any] = field(default_factory=dict)
    answered: list[Answered] = field(default_factory=list)
    """Every answer of a route of the document, in order."""

    def __post_init__(self) -> None:
        self.paths = [(path.split("/"), path) for path in self.app.openapi()["paths"]]
        self.operator = self.bootstrapped(Role.OPERATOR)

    def request(self, method: str, path: str, *, headers: dict[str, str] | None = None, **kwargs: Any) -> Any:
        answer = self.http.request(method, path, headers=headers, **kwargs)
        self.check(method, path, answer)
        self.remember(method, path, answer)
        return answer

    def get(self, path: str, **headers: str) -> Any:
        return self.request("GET", path, headers=_named(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.request("POST", path, json=body, headers=_named(headers))

    def host_call(self) -> Call:
        """A call as commands on the host make it."""
        return Call(
            actor=Actor(id=uuid4(), role=Role.SERVICE),
            request_id=self.system.ids.ordered(),
            at=self.system.clock.now(),
            origin="host",
            purpose=Purpose.OPERATIONS,
        )

    def bootstrapped(self, role: Role) -> User:
        """An account without ties to a client or a supervisor."""
        user = User(self, uuid4(), f"{role.value}-{uuid4().hex[:12]}@practice.example")
        self.system.services.accounts.bootstrap(
            self.host_call(),
            user.id,
            login=user.login,
            password=PASSWORD,
            display_name="Sample Person",
            role=role,
        )
        return user

    def account(self, role: Role, **ties: str) -> User:
        """An account that an operator made."""
        login = f"{role.value}-{uuid4().hex[:12]}@practice.example"
        body = {"login": login, "display_name": "Sample Person", "role": role.value, "password": PASSWORD, **ties}
        answer = self.operator.post("/v1/accounts", body)
        assert answer.status_code == 201, answer.text
        return User(self, UUID(answer.headers["Location"].rpartition("/")[2]), login)

    def audit(self, officer: User, query: str = "") -> list[dict[str, Any]]:
        """All that has been put on record so far, newest first."""
        position = str(self.system.recorder.last_position())
        answer = officer.get(f"/v1/audit?limit=1000{query}", Read_After=position)
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    def check(self, method: str, path: str, answer: Any) -> None:
        """That the answer is one the document promises: status, media type, body, headers."""
        if not answer.headers.get("content-type", "application/json").partition(";")[0].endswith(("/json", "+json")):
            return
        assert UUID(answer.headers["x-request-id"]).version == 7
        operation = self.operation(method, path)
        if operation is None or answer.status_code == 405:
            assert answer.json()["code"] in ("route_not_found", "method_not_allowed")
            return
        declared = operation["responses"]
        assert str(answer.status_code) in declared, (method, path, answer.status_code, answer.text)
        promised = declared[str(answer.status_code)]
        for name, header in promised.get("headers", {}).items():
            assert not header.get("required") or name in answer.headers, (method, path, name)
        media_type = answer.headers.get("content-type")
        assert (media_type is None) == ("content" not in promised), (method, path, media_type)
        if media_type is not None:
            schema = promised["content"][media_type]["schema"]
            self.validator(schema).validate(answer.json())

    def validator(self, schema: dict[str, Any]) -> Any:
        name = str(schema)
        if name not in self.validators:
            whole = schema | {"components": self.app.openapi()["components"]}
            self.validators[name] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return self.validators[name]

    def remember(self, method: str, path: str, answer: Any) -> None:
        operation = self.operation(method, path)
        if operation is None or "x-request-id" not in answer.headers:
            return
        self.answered.append(
            Answered(
                request_id=UUID(answer.headers["x-request-id"]),
                method=method,
                path=path,
                status=answer.status_code,
                replayed="idempotency-replayed" in answer.headers,
                actions=frozenset(operation.get("x-actions", ())),
            )
        )

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """The document's operation that answers this path."""
        parts = path.partition("?")[0].split("/")
        for template, name in sorted(self.paths, key=lambda pair: "{" in pair[1]):
            fits = len(template) == len(parts) and all(
                known == given or known.startswith("{") for known, given in zip(template, parts, strict=True)
            )
            if fits and method.lower() in self.app.openapi()["paths"][name]:
                return self.app.openapi()["paths"][name][method.lower()]
        return None


def set_up(folder: Path, **environment: str) -> Settings:
    """A new deployment in a folder: tables, an opened log, root keys."""
    settings = Settings.load(
        {
            "ANAMNESIS_DATA_DIR": str(folder),
            "ANAMNESIS_REDIS_URL": f"unix://{folder}/no-redis.sock",
            "ANAMNESIS_THREADS": "8",
            **environment,
        }
    )
    for _ in migrate(settings):
        pass
    for _ in create_root_keys(settings):
        pass
    return settings


@contextmanager
def open_house(settings: Settings, *, ports: dict[str, Any] | None = None, **policy: Any) -> Iterator[House]:
    """The API over that deployment, with its projections running. Without Redis: limits count in this process."""
    stop = threading.Event()
    with build(settings, parts=Part.API) as system:
        runner = threading.Thread(target=system.runner().run, args=(stop,), daemon=True)
        runner.start()
        try:
            runtime = system.runtime()
            runtime = replace(runtime, policy=replace(runtime.policy, **(PLENTY | policy)), **(ports or {}))
            app = create_app(system.services, runtime)
            with TestClient(app, raise_server_exceptions=False, client=("127.0.0.1", 50000)) as http:
                yield House(system, app, http)
        finally:
            stop.set()
            runner.join(30)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return set_up(tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="session")
def house(settings: Settings) -> Iterator[House]:
    with open_house(settings) as opened:
        yield opened


@pytest.fixture(scope="session")
def another_house() -> Callable[..., Any]:
    """`another_house(settings, ports={}, **policy)`: another API over a deployment, as a context manager. `ports` replace
    members of the runtime, `policy` those of its policy."""
    return open_house


@pytest.fixture(scope="session")
def new_settings() -> Callable[..., Settings]:
    """`new_settings(folder, **environment)`: a deployment of the test's own."""
    return set_up


@pytest.fixture(scope="session")
def operator(house: House) -> User:
    return house.operator


@pytest.fixture(scope="session")
def clinician(house: House) -> User:
    return house.account(Role.CLINICIAN)


@pytest.fixture(scope="session")
def colleague(house: House) -> User:
    """A clinician in nobody's care team."""
    return house.account(Role.CLINICIAN)


@pytest.fixture(scope="session")
def supervisor(house: House) -> User:
    return house.account(Role.SUPERVISOR)


@pytest.fixture(scope="session")
def trainee(house: House, supervisor: User) -> User:
    return house.account(Role.CLINICIAN, supervisor_id=str(supervisor.id))


@pytest.fixture(scope="session")
def officer(house: House) -> User:
    return house.account(Role.COMPLIANCE_OFFICER)


@pytest.fixture(scope="session")
def engineer(house: House) -> User:
    return house.account(Role.ML_ENGINEER)


@pytest.fixture
def client_id(clinician: User) -> str:
    """A client in the clinician's care."""
    return clinician.new_client()
