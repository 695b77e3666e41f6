"""A whole deployment, given marked words through everything that takes text: nothing of them lies where it can be read.

Searched are the databases with their logs, what Redis wrote, logs, metrics, answers that are errors, and the arguments and
environments of the processes.
"""

import base64
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.house.canaries import Canaries, files_under, texts_in, written_forms
from tests.house.canary_walks import backed_up, erased, every_field, restored, trust
from tests.ops.conftest import Running, free_port, plain_environment, wait_for

PAST = {"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"}
LONG_WORD = "correct horse battery "


@dataclass
class Place:
    """A demo, who may sign in to it, and everything it answered that is no success."""

    running: Running
    told: dict[str, Any]
    folder: Path
    environment: dict[str, str]
    birds: Canaries = field(default_factory=Canaries)
    refusals: list[tuple[str, bytes]] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.told["address"], timeout=20, event_hooks={"response": [self._keep]})
        for one in self.told["sign_ins"]:
            self.tokens[one["who"]] = self.sign_in(one["login"], one["password"])

    def sign_in(self, login: str, password: str) -> str:
        answer = self.http.post("/v1/sign-ins", json={"login": login, "password": password})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["access_token"])

    def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """`headers` with underscores; `if_match` a version. A body that is no text is sent as JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        if isinstance(body, str | bytes):
            sent.setdefault("Content-Type", "application/json")
            return self.http.request(method, path, content=body, headers=sent)
        return self.http.request(method, path, json=body, headers=sent)

    def do(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """As `ask`, for what must succeed."""
        answer = self.ask(who, method, path, body, **headers)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer

    def _keep(self, answer: httpx.Response) -> None:
        answer.read()
        if answer.is_error:
            head = b"\n".join(name + b": " + value for name, value in answer.headers.raw)
            self.refusals.append((f"answer {answer.status_code}", head + b"\n" + answer.content))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "data"
    environment = plain_environment(folder, port=free_port(), log_level="debug")
    running = Running(environment, "demo")
    place = Place(running, running.line("ready"), folder, environment)
    yield place
    place.http.close()
    running.stop()


def test_no_marked_word_can_be_read_anywhere_but_in_answers_to_those_who_may(place: Place, tmp_path: Path) -> None:
    client = identities(place)
    position = records(place, client)
    people(place, client)
    secrets = programs(place, client)
    readings(place, client, position)
    trust(place, client)
    refusals(place, client)
    every_field(place, client)
    assert len(place.birds.words) >= 1_000

    journey = place.do("clinician", "GET", f"{client}/journey", Read_After=position).json()
    told = "\n".join(texts_in(journey))
    assert sum(word in told for word in place.birds.words) > 20, "what was written is not there to be found"
    assert len(place.refusals) > 40
    assert place.birds.heard_in(place.refusals) == []
    assert place.birds.heard_in([("metrics", place.http.get("/metrics").content)]) == []
    assert place.birds.heard_in(processes(place.running.process.pid)) == []
    assert place.birds.heard_in(files_under(place.folder)) == []  # with the write-ahead logs
    for secret in secrets:
        patterns = dict(written_forms(secret)).values()
        assert not [where for where, content in files_under(place.folder) if any(one in content for one in patterns)]

    copies = tmp_path / "copies"
    backed_up(place.environment, copies)
    erased(place, client)
    assert place.birds.heard_in(place.refusals) == []
    assert place.running.stop() == 0
    assert place.birds.heard_in([("stderr", place.running.errors.encode())]) == []
    said = restored(place.environment, place.folder, copies, client)
    assert place.birds.heard_in([("commands", said), *files_under(tmp_path)]) == []


def programs(place: Place, client: str) -> list[str]:
    """A service account, a webhook that is paused before it could call anybody, and a report; their secrets."""
    sing = place.birds.sing
    body = {"display_name": sing(), "scopes": ["changes:read"]}
    account = place.do("operator", "POST", "/v1/service-accounts", body).json()["id"]
    secret = place.do("operator", "POST", f"/v1/accounts/{account}/secrets").json()["client_secret"]
    grant = {"grant_type": "client_credentials", "client_id": account, "client_secret": secret}
    place.tokens["program"] = place.do("", "POST", "/v1/token", grant).json()["access_token"]
    place.do("program", "GET", "/v1/changes?limit=1000")
    place.ask("", "POST", "/v1/token", grant | {"client_secret": sing()})
    place.ask("", "POST", "/v1/token", grant | {"scope": sing()})
    host = f"{sing()}.example".lower()
    agreement = {
        "recipient": sing(),
        "address": sing(),
        "document": sing(),
        "kind": "processor",
        "purposes": ["operations"],
        "classes": ["journal"],
        "hosts": [host],
        "signed_on": "2026-01-05",
    }
    under = place.do("operator", "POST", "/v1/agreements", agreement).headers["Location"].rpartition("/")[2]
    hook = {"agreement_id": under, "url": f"https://{host}/{sing()}?token={sing()}"}
    made = place.do("operator", "POST", "/v1/webhooks", hook).json()
    place.do("operator", "POST", f"/v1/webhooks/{made['id']}/paused", if_match='"2"')
    place.ask("operator", "POST", "/v1/webhooks", hook | {"url": f"https://127.0.0.1/{sing()}"})
    place.ask("operator", "POST", "/v1/webhooks", hook | {"url": f"https://{sing()}:{sing()}@platform.example/"})
    for wanted in ("application/json", "application/pdf"):
        report = place.do("clinician", "POST", f"{client}/reports", {"format": wanted}).headers["Location"]
        wait_for(lambda at=report: place.do("clinician", "GET", at).json()["state"] == "ready", 60)
        place.do("clinician", "GET", f"{report}/result")
    return [secret.removeprefix("anamnesis_"), made["secret"].removeprefix("whsec_")]


def identities(place: Place) -> str:
    """Path of a client with a name, contacts and everything else; corrected once."""
    client = place.do("clinician", "POST", "/v1/clients", who(place), Idempotency_Key=place.birds.sing())
    path = client.headers["Location"]
    place.do("clinician", "PUT", f"{path}/identity", who(place), If_Match='"1"')
    place.do("clinician", "POST", "/v1/clients/lookup", {"family_name": place.birds.sing(), "birth_date": "1984-05-17"})
    body = {"purpose": "research", "document": place.birds.sing(), "given_at": "2026-03-02T10:00:00+01:00"}
    place.do("clinician", "POST", f"{path}/consents", body, If_Match='"2"')
    place.do("clinician", "GET", "/v1/clients")
    return str(path)


def who(place: Place) -> dict[str, Any]:
    sing = place.birds.sing
    contact = {"kind": "other", "value": sing(), "label": sing(), "may_leave_message": True}
    email = {"kind": "email", "value": f"{sing()}@{sing()}.example", "label": "", "may_leave_message": True}
    return {
        "names": [{"family": sing(), "given": sing(), "use": "official"}],
        "birth_date": "1984-05-17",
        "pronouns": sing(),
        "contacts": [contact, email],
        "address": {
            "lines": [sing(), sing()],
            "city": sing(),
            "postal_code": sing(),
            "region": sing(),
            "country": "DE",
        },
        "emergency_contacts": [
            {"name": {"family": sing(), "given": sing()}, "relationship": sing(), "contacts": [contact]}
        ],
        "locale": "de",
        "zone": "Europe/Berlin",
        "representative": {"name": {"family": sing()}, "authority": "guardian", "contacts": [contact]},
    }


def entry(place: Place) -> dict[str, Any]:
    sing = place.birds.sing
    return {
        "took_place": PAST,
        "duration_min": 50,
        "modality": "in_person",
        "summary": f"Ünrühig „{sing()}“ \\ {sing()}\n{sing()}",
        "themes": [sing(), sing()],
        "emotions": [{"name": sing(), "intensity": 5, "valence": "negative"}],
        "interventions": [sing()],
        "homework": sing(),
        "risk": {"level": "low", "text": sing()},
        "next_plan": sing(),
    }


def records(place: Place, client: str) -> str:
    """Drafts, sessions of a clinician and of a trainee, appointments. Answers the last position."""
    sing, do = place.birds.sing, place.do
    draft, forgotten = f"/v1/drafts/{uuid4()}", f"/v1/drafts/{uuid4()}"
    client_id = client.rpartition("/")[2]
    for path in (draft, draft, forgotten):
        do("clinician", "PUT", path, {"client_id": client_id, "content": {sing(): [sing(), {"deep": sing()}]}})
    do("clinician", "DELETE", forgotten)
    do("clinician", "GET", "/v1/drafts")
    body = entry(place) | {"draft_id": draft.rpartition("/")[2]}
    session = do("clinician", "POST", f"{client}/sessions", body).headers["Location"]
    do("clinician", "PUT", session, entry(place), If_Match='"1"')
    do("clinician", "POST", f"{session}/signature", If_Match='"2"')
    do("clinician", "POST", f"{session}/addenda", {"text": sing()})
    do("clinician", "POST", f"{session}/entered-in-error", {"reason": sing()}, If_Match='"4"')
    supervised(place)
    care(place, client)
    outcomes(place, client)
    questions(place, client)
    plan = {"start": PAST, "duration_min": 50, "modality": "video"}
    appointment = do("clinician", "POST", f"{client}/appointments", plan).headers["Location"]
    done = do("clinician", "POST", f"{appointment}/entered-in-error", {"reason": sing()}, If_Match='"1"')
    return str(done.headers["Position"])


def care(place: Place, client: str) -> None:
    """Plans revised, a diagnosis, a medication stopped, a transcript replaced; each marked in the end."""
    sing, do = place.birds.sing, place.do
    for name, body in (
        ("treatment-plan", lambda: {"presenting_problems": [sing()], "formulation": sing(), "interventions": [sing()]}),
        ("safety-plan", lambda: {"warning_signs": [sing()], "helpers": [{"name": sing(), "contact": sing()}]}),
    ):
        do("clinician", "PUT", f"{client}/{name}", body())
        do("clinician", "PUT", f"{client}/{name}", body(), If_Match='"1"')
        do("clinician", "GET", f"{client}/{name}?version=1")
    diagnosis = do("clinician", "POST", f"{client}/diagnoses", {"code": "F41.1", "note": sing()}).headers["Location"]
    place.ask("clinician", "POST", f"{client}/diagnoses", {"code": sing()[:20]})
    do("clinician", "GET", f"/v1/codes/icd-10-cm?q={sing()}")
    taken = {name: sing() for name in ("name", "dose", "frequency", "prescriber", "reason")}
    medication = do("clinician", "POST", f"{client}/medications", taken).headers["Location"]
    do("clinician", "POST", f"{medication}/stopped", {"reason": sing()}, If_Match='"1"')
    session = do("clinician", "POST", f"{client}/sessions", entry(place)).headers["Location"]
    for version in (None, '"2"'):
        said = {"utterances": [{"number": 0, "speaker": "client", "text": sing(), "codes": [sing()]}], "source": sing()}
        do("clinician", "PUT", f"{session}/transcript", said, **({"If_Match": version} if version else {}))
        tag = '"1"' if version is None else '"3"'
        do("clinician", "POST", f"{session}/transcript/entered-in-error", {"reason": sing()}, If_Match=tag)
    for path, tag in ((diagnosis, '"1"'), (medication, '"2"'), (f"{client}/treatment-plan", '"2"')):
        do("clinician", "POST", f"{path}/entered-in-error", {"reason": sing()}, If_Match=tag)


def readings(place: Place, client: str, position: str) -> None:
    """What is counted, drawn, printed and chosen from the record, and what was asked for it."""
    sing = place.birds.sing
    for accept in ("application/json", "application/pdf", sing()):
        place.ask("clinician", "GET", f"{client}/progress?by=month", Accept=accept, Read_After=position)
    for picture in ("scores", "goals", "emotions", "attendance", "journey"):
        place.ask("clinician", "GET", f"{client}/progress/pictures/{picture}?instrument={sing()}")
    place.ask("clinician", "GET", f"{client}/progress/pictures/{sing()}?look_back={sing()[:20]}")
    wanted = {"words": f"{sing()} {place.birds.words[0]}", "themes": [sing()], "budget": 512}
    assert place.do("clinician", "POST", f"{client}/context", wanted).json()["items"]
    place.ask("clinician", "POST", f"{client}/context", wanted | {"look_back": sing()[:20]})
    place.ask("clinician", "POST", f"{client}/context", wanted | {"kinds": [sing()], "until": sing()})
    place.do("clinician", "GET", "/v1/caseload")


def outcomes(place: Place, client: str) -> None:
    """A goal revised, progressed and abandoned; a flag taken on, passed up and resolved; a measure in the wrong chart."""
    sing, do = place.birds.sing, place.do

    def agreed() -> dict[str, Any]:
        smart = {name: sing() for name in ("statement", "specific", "measurable", "achievable", "relevant")}
        return smart | {"metric": "percentage", "baseline": 0, "target": 80, "milestones": [{"text": sing()}]}

    goal = do("clinician", "POST", f"{client}/goals", agreed()).headers["Location"]
    do("clinician", "PUT", goal, agreed(), If_Match='"1"')
    do("clinician", "POST", f"{goal}/abandoned", {"reason": sing()}, If_Match='"2"')
    flag = do("clinician", "POST", f"{client}/risk-flags", {"level": "high", "reason": sing()}).headers["Location"]
    do("clinician", "POST", f"{flag}/acknowledged", {"note": sing()}, If_Match='"1"')
    do("clinician", "POST", f"{flag}/escalated", {}, If_Match='"2"')
    do("clinician", "POST", f"{flag}/resolved", {"outcome": sing()}, If_Match='"3"')
    taken = {"instrument": "phq-9", "taken_at": PAST, "answers": [1, 1, 1, 1, 1, 1, 1, 1, 2]}
    measure = do("clinician", "POST", f"{client}/measures", taken).headers["Location"]
    do("clinician", "POST", f"{measure}/entered-in-error", {"reason": sing()}, If_Match='"1"')
    for wrong in ({"instrument": sing()}, {"answers": [sing()] * 9}, {"instrument_version": sing()}):
        assert place.ask("clinician", "POST", f"{client}/measures", taken | wrong).is_client_error
    for path in (f"{client}/goals", f"{client}/risk-flags", f"{client}/measures", "/v1/worklist", "/v1/caseload"):
        do("clinician", "GET", path)


def questions(place: Place, client: str) -> None:
    """What is asked of a record: words and themes for a context, filters and periods of journeys, pictures and reports."""
    sing, do, ask = place.birds.sing, place.do, place.ask
    do("clinician", "POST", f"{client}/context", {"words": f"{sing()} {sing()}", "themes": [sing()]})
    for wrong in ({"look_back": sing()[:20]}, {"kinds": [sing()]}, {"words": sing() + chr(0)}, {"goals": [sing()]}):
        assert ask("clinician", "POST", f"{client}/context", wrong).is_client_error
    do("clinician", "GET", f"{client}/journey?theme={sing()}")
    assert ask("clinician", "GET", f"{client}/journey?look_back={sing()[:20]}").is_client_error
    assert ask("clinician", "GET", f"{client}/journey?theme={sing()}%0A").is_client_error
    assert ask("clinician", "GET", f"{client}/progress?look_back={sing()[:20]}").is_client_error
    assert ask("clinician", "GET", f"{client}/progress", Accept=f"image/{sing()}").is_client_error
    assert ask("clinician", "GET", f"{client}/progress/pictures/{sing()}").is_client_error
    assert ask("clinician", "GET", f"{client}/progress/pictures/scores?instrument={sing()}").is_client_error
    assert ask("clinician", "POST", f"{client}/reports", {"look_back": sing()[:20]}).is_client_error
    for wanted in ("application/json", "application/pdf"):
        do("clinician", "GET", f"{client}/progress?since=2020-01-01T00:00:00Z", Accept=wanted)
    do("clinician", "GET", f"{client}/progress/pictures/goals?since=2020-01-01T00:00:00Z", Accept="image/svg+xml")


def supervised(place: Place) -> None:
    """A trainee's session: signed, returned with a comment, signed again, co-signed."""
    client = place.do("trainee", "GET", "/v1/clients").json()["items"][0]["client_id"]
    session = place.do("trainee", "POST", f"/v1/clients/{client}/sessions", entry(place)).headers["Location"]
    place.do("trainee", "POST", f"{session}/signature", If_Match='"1"')
    place.do("supervisor", "POST", f"{session}/return", {"comment": place.birds.sing()}, If_Match='"2"')
    place.do("trainee", "POST", f"{session}/signature", If_Match='"3"')
    place.do("supervisor", "POST", f"{session}/cosignature", If_Match='"4"')


def people(place: Place, client: str) -> None:
    """Accounts, passwords, right and wrong sign-ins, and a chart entered in error."""
    sing = place.birds.sing
    login, password = f"{sing()}@clinic.example", LONG_WORD + sing()
    body = {"login": login, "display_name": sing(), "role": "clinician", "password": password}
    place.do("operator", "POST", "/v1/accounts", body)
    place.do("operator", "GET", "/v1/accounts")
    place.do("operator", "POST", "/v1/accounts/lookup", {"login": login})
    place.tokens["new"] = place.sign_in(login, password)
    new = LONG_WORD + sing()
    place.ask("new", "PUT", "/v1/me/password", {"current": LONG_WORD + sing(), "new": new})
    place.do("new", "PUT", "/v1/me/password", {"current": password, "new": new})
    place.do("new", "GET", "/v1/me")
    for tried in (login, f"{sing()}@clinic.example", sing()):
        place.ask("", "POST", "/v1/sign-ins", {"login": tried, "password": LONG_WORD + sing()})
    place.ask("", "POST", "/v1/sign-ins/refresh", {"refresh_token": sing()})
    wrong_chart = place.do("clinician", "POST", "/v1/clients", who(place)).headers["Location"]
    place.do("clinician", "POST", f"{wrong_chart}/entered-in-error", {"reason": sing()}, If_Match='"2"')
    place.ask("clinician", "POST", f"{wrong_chart}/sessions", entry(place))


def refusals(place: Place, client: str) -> None:
    """Words in everything that is refused: bodies of every kind, paths, queries, headers, what is no HTTP."""
    sing, ask = place.birds.sing, place.ask
    sessions = f"{client}/sessions"
    wrong: list[Any] = [
        entry(place) | {"duration_min": sing()},
        entry(place) | {"modality": sing()},
        entry(place) | {"took_place": {"instant": sing(), "zone": "Europe/Berlin"}},
        entry(place) | {"took_place": {"instant": "2026-03-02T10:00:00", "zone": sing()}},
        entry(place) | {"took_place": {"instant": "2026-03-02T10:00:00+01:00", "zone": sing()}},
        entry(place) | {"risk": {"level": sing(), "text": sing()}},
        entry(place) | {"themes": [f"{sing()}\n{sing()}"]},
        entry(place) | {"summary": sing() + "\0"},
        entry(place) | {"summary": sing() * 6_000},
        entry(place) | {"draft_id": sing()},
        entry(place) | {"draft_id": str(uuid4())},
        [sing()],
        sing(),
        json.dumps({"summary": sing()})[:-1],
        b'{"summary": "' + sing().encode() + b'\xff"}',
        '{"a":' * 9_000 + f'"{sing()}"',
        json.dumps(entry(place) | {"summary": sing() * 500_000}),
    ]
    for body in wrong:
        assert ask("clinician", "POST", sessions, body).is_client_error
    for person in ("operator", "trainee", "client", "ml", "compliance", ""):
        assert ask(person, "POST", sessions, entry(place)).is_client_error
    assert ask("clinician", "POST", sessions, f"a={sing()}", Content_Type="text/plain").status_code == 415
    assert ask("operator", "POST", "/v1/accounts", {"login": sing(), "role": sing()}).is_client_error
    assert ask("clinician", "POST", "/v1/clients", who(place) | {"zone": sing()}).is_client_error
    assert ask("clinician", "POST", "/v1/clients", who(place) | {"birth_date": sing()}).is_client_error
    named = ask("clinician", "POST", sessions, entry(place) | {(name := sing()): 1})
    assert [fault["pointer"] for fault in named.json()["errors"]] == [f"/{name}"]
    place.refusals.pop()  # the caller alone is told the name of the field that nobody knows
    key = sing()
    ask("clinician", "POST", sessions, entry(place), Idempotency_Key=key)
    assert ask("clinician", "POST", sessions, entry(place), Idempotency_Key=key).status_code == 409
    addresses(place, client)
    wires(place)


def addresses(place: Place, client: str) -> None:
    sing, ask = place.birds.sing, place.ask
    for path in (
        f"/v1/sessions/{sing()}",
        f"/{sing()}",
        f"/v1/{sing()}/x",
        f"{client}/{sing()}",
        f"/reference/{sing()}",
    ):
        assert ask("clinician", "GET", path).is_client_error
    for query in ("cursor", "since", "kind", "limit"):
        assert ask("clinician", "GET", f"{client}/journey?{query}={sing()}").is_client_error
    assert ask("compliance", "GET", f"/v1/audit?action={sing()}").is_client_error
    assert ask("compliance", "GET", f"/v1/audit?actor_id={sing()}").is_client_error
    assert ask("clinician", sing().upper(), client).is_client_error
    headers = ("If_Match", "Idempotency_Key", "Read_After", "User_Agent", "Referer", "Cookie", "Origin", "X_Request_ID")
    for header in (*headers, "X_Forwarded_For", "Forwarded", "Accept_Language"):
        ask("clinician", "POST", f"{client}/entered-in-error", {"reason": sing(), "more": 1}, **{header: sing()})
        ask("clinician", "GET", f"{client}/journey", **{header: sing()})
    assert ask("", "GET", "/v1/me", Authorization=f"Bearer {sing()}").status_code == 401
    encoded = base64.b64encode(f"{sing()}:{sing()}".encode()).decode()
    assert ask("", "GET", "/v1/me", Authorization=f"Basic {encoded}").status_code == 401


def wires(place: Place) -> None:
    """What is no HTTP, and a request that breaks off."""
    url = httpx.URL(place.told["address"])
    for said in (
        f"{place.birds.sing()}\r\n\r\n",
        f"POST /v1/sign-ins HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{place.birds.sing()}",
    ):
        with socket.create_connection((url.host, url.port), timeout=20) as speaking:
            speaking.sendall(said.encode())
            if said.startswith(place.birds.mark):
                place.refusals.append(("answer to no HTTP", speaking.recv(65_536)))


def processes(pid: int) -> Iterator[tuple[str, bytes]]:
    """Arguments and environment of a process and of all below it."""
    parents = {}
    for entry_of in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry_of.name)] = int((entry_of / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    assert len(family) >= 5, "the demo has four children"
    for member in family:
        for what in ("cmdline", "environ"):
            yield f"{what} of {member}", Path(f"/proc/{member}/{what}").read_bytes()


@pytest.mark.parametrize("form", [form for form, _ in written_forms("word")])
def test_the_search_finds_a_word_in_every_form_it_looks_for(tmp_path: Path, form: str) -> None:
    birds = Canaries()
    word = dict(written_forms(birds.sing()))[form]
    (tmp_path / "leak").write_bytes(bytes(range(256)) + word + bytes(range(256)))

    assert birds.heard_in(files_under(tmp_path))


def test_the_search_finds_a_word_inside_what_was_encoded_whole(tmp_path: Path) -> None:
    birds = Canaries()
    for before in range(6):
        text = "x" * before + birds.sing() + " and so on"
        (tmp_path / f"{before}").write_bytes(base64.urlsafe_b64encode(text.encode()))

    assert len(birds.heard_in(files_under(tmp_path))) == 6
