"""Marked words into everything that a record can be trusted by, into every field that the document names, and an end of it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.ops.conftest import run, wait_for

PEOPLE = ("clinician", "operator", "compliance")
NEVER = '"999999"'
"""A version that nothing has: what an edit says is read, and nothing is edited."""


def trust(place: Any, client: str) -> None:
    """Notes kept apart, broken glass and its review, a hold, an identity at a provider, a copy of the record."""
    sing, do = place.birds.sing, place.do
    note = do("clinician", "POST", f"{client}/notes", {"text": sing()}).headers["Location"]
    do("clinician", "PUT", note, {"text": sing()}, If_Match='"1"')
    place.ask("clinician", "POST", f"{client}/notes", {"text": sing(), "mood": sing()})
    second = do("supervisor", "GET", "/v1/me").json()["id"]
    let_in = {"account_id": second, "scope": sing(), "signed_on": "2026-03-02", "until": "2099-06-02T00:00:00+02:00"}
    do("clinician", "POST", f"{client}/notes/authorisations", let_in)
    assert place.birds.mark in do("supervisor", "GET", note).text
    for person in ("trainee", "client", "ml", "operator", "compliance"):
        assert place.ask(person, "GET", note).is_client_error
    do("clinician", "POST", f"{note}/entered-in-error", {"reason": sing()}, If_Match='"2"')
    glass = do("trainee", "POST", f"{client}/break-glass", {"reason": sing()}, Purpose="emergency").headers["Location"]
    do("trainee", "GET", f"{client}/journey", Purpose="emergency")
    place.ask("trainee", "POST", f"{glass}/reviewed", {"verdict": "justified", "remark": sing()}, If_Match='"1"')
    read = do("compliance", "GET", glass)
    review = {"verdict": "justified", "remark": sing()}
    do("compliance", "POST", f"{glass}/reviewed", review, If_Match=read.headers["ETag"])
    holds = do("compliance", "POST", f"{client}/holds", {"basis": "litigation", "matter": sing()}).headers["Location"]
    [hold] = do("compliance", "GET", holds).json()["items"]
    place.ask("compliance", "POST", f"{client}/erasure", {"basis": "court_order", "classes": []})
    do("compliance", "POST", f"/v1/holds/{hold['id']}/lifted")
    me = do("new", "GET", "/v1/me").json()["id"]
    tag = do("operator", "GET", f"/v1/accounts/{me}").headers["ETag"]
    linked = {"issuer": f"https://{sing()}.example", "subject": sing()}
    do("operator", "POST", f"/v1/accounts/{me}/identities", linked, If_Match=tag)
    assert place.birds.mark in do("clinician", "GET", f"{client}/export", Accept="application/fhir+json").text
    for person in ("trainee", "operator", "ml"):
        place.ask(person, "GET", f"{client}/export?notes={sing()}")
    do("compliance", "GET", f"{client}/access-log")


def every_field(place: Any, client: str) -> None:
    """Each operation of the document, with a marked word in one field after the other: of its body, its address, its query.

    Whether it is taken or refused is not asked here; no error may repeat it, and the service may not fail.
    """
    document = place.http.get("/openapi.json").json()
    number = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for address, body in filled_in(place, client, path, operation):
                number += 1
                answer = place.ask(PEOPLE[number % 3], method.upper(), address, body, If_Match=NEVER)
                assert answer.status_code < 500 or answer.json()["code"] == "read_too_early", (method, path)


def filled_in(place: Any, client: str, path: str, operation: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    sing = place.birds.sing
    known = path.replace("{client_id}", client.rpartition("/")[2])
    address = "/".join(str(uuid4()) if part.startswith("{") else part for part in known.split("/"))
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    example = content.get("example")
    for place_of in leaves(example):
        yield address, with_word(example, place_of, sing())
    for part in [part for part in path.split("/") if part.startswith("{")]:
        yield path.replace(part, sing()).replace("{", "").replace("}", ""), example
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query":
            yield f"{address}?{parameter['name']}={sing()}", example


def leaves(value: Any, *before: Any) -> Iterator[tuple[Any, ...]]:
    """Where the texts of a document stand."""
    if isinstance(value, str):
        yield before
    for name, item in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from leaves(item, *before, name)


def with_word(example: Any, place_of: tuple[Any, ...], word: str) -> Any:
    whole = json.loads(json.dumps(example))
    if not place_of:
        return word
    inner = whole
    for name in place_of[:-1]:
        inner = inner[name]
    inner[place_of[-1]] = word
    return whole


def backed_up(environment: dict[str, str], folder: Path) -> None:
    done = run(environment, "backup", "--to", str(folder / "events"), "--keys-to", str(folder / "keys"))
    assert done.returncode == 0, done.stderr


def erased(place: Any, client: str) -> None:
    asked = {"basis": "court_order", "classes": []}
    erasure = place.do("compliance", "POST", f"{client}/erasure", asked).headers["Location"]
    wait_for(lambda: place.do("compliance", "GET", erasure).json()["state"] == "completed", 90)
    for way in ("/journey", "/identity", "/sessions", "/export", "/notes"):
        assert place.ask("clinician", "GET", f"{client}{way}").is_client_error


def restored(environment: dict[str, str], folder: Path, copies: Path, client: str) -> bytes:
    """What the commands said that brought the copies back beside the demo, where the client stays erased."""
    beside = copies.parent / "beside"
    beside.mkdir(mode=0o700)
    shutil.copytree(folder / "keys", beside / "keys")
    shutil.copytree(folder / "off-box", copies.parent / "off-box")
    there = environment | {"ANAMNESIS_DATA_DIR": str(beside), "ANAMNESIS_OFF_BOX": str(copies.parent / "off-box")}
    back = run(there, "restore", str(copies / "events"), "--keys", str(copies / "keys"))
    assert back.returncode == 0, back.stderr
    gone = run(there, "export", client.rpartition("/")[2], "--to", str(copies.parent / "record.json"))
    assert gone.returncode != 0
    return f"{back.stdout}{back.stderr}{gone.stdout}{gone.stderr}".encode()
