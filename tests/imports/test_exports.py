"""A record taken out of one deployment and into another: the same record, its history included."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from fhir.resources.R4B.bundle import Bundle

from adapters.fhir import parts, people
from adapters.fhir.record import FhirRecords, pointed_within
from domain.errors import Erased
from domain.model.client import ClientNotFound
from domain.ports.call import Purpose, Role
from domain.services.exports import FORMAT, Person, export_as_json
from domain.services.imports import ImportedDifferently, ImportedRecord, Taken
from ops.bootstrap import Part, System, build
from ops.hosting import call_of_host
from ops.imports.faults import NotTheFormat, Spoilt
from ops.imports.histories import Chronicle, PersonDoc, Replaying, chronicle
from ops.samples.chart import Cast
from ops.samples.clinic import clinic
from tests.imports.conftest import LOGIN, with_account
from tests.ops.conftest import found, lines, plain_environment, run

STAFF = {"clinician": LOGIN, "trainee": "joao@practice.example", "supervisor": "agnes@practice.example"}
SAMPLES = 25


@pytest.fixture
def deployments(tmp_path: Path) -> Iterator[tuple[System, System]]:
    """Two, with people of the same logins and other ids."""
    with ExitStack() as stack:
        systems = [stack.enter_context(build(found(tmp_path / name), parts=Part.HOST)) for name in ("here", "there")]
        for system in systems:
            for key, login in STAFF.items():
                with_account(system, login, Role.SUPERVISOR if key == "supervisor" else Role.CLINICIAN)
        yield systems[0], systems[1]


def account(system: System, login: str) -> UUID:
    return system.imports().author(login).id


def with_samples(system: System, count: int = SAMPLES) -> list[UUID]:
    staff = {key: account(system, login) for key, login in STAFF.items()}
    plans = clinic(date(2026, 11, 20), "Europe/Berlin", Cast(id=lambda name: uuid5(UUID(int=7), name), **staff))
    for plan in plans[:count]:
        system.imports().take(call_of_host(system), plan.record())
    return [plan.client_id for plan in plans[:count]]


def exported(system: System, client_id: UUID) -> dict[str, Any]:
    made = system.services.exports.make(call_of_host(system), client_id, logins=True)
    told: dict[str, Any] = json.loads(json.dumps(export_as_json(made)))
    return told


def replaying(system: System, default: UUID | None = None) -> Replaying:
    def here(person: PersonDoc) -> UUID | None:
        return account(system, person.login) if person.login in STAFF.values() else None

    return Replaying(names=system.imports().names(FORMAT), accounts=here, default=default)


def taken(system: System, told: dict[str, Any], default: UUID | None = None) -> Taken:
    record = replaying(system, default).record(chronicle(told))
    assert isinstance(record, ImportedRecord), record
    return system.imports().take(call_of_host(system), record)


def plain(told: dict[str, Any]) -> Any:
    """Without what differs by the place: where it lies in that log, and the ids of people."""
    logins = {person["id"]: person["login"] for person in told["people"]}
    text = json.dumps({"record": told["record"], "history": sorted(map(_event, told["history"]))})
    for account_id, login in logins.items():
        text = text.replace(account_id, login)
    return json.loads(text)


def _event(event: dict[str, Any]) -> tuple[str, int, str, str]:
    return event["stream"], event["version"], event["class"], json.dumps(event["data"], sort_keys=True)


def test_each_sample_reads_back_to_the_same_record_with_the_same_history(deployments) -> None:
    here, there = deployments
    for client_id in with_samples(here):
        told = exported(here, client_id)
        assert taken(there, told) is Taken.WRITTEN
        assert plain(exported(there, client_id)) == plain(told)


def test_a_second_import_writes_nothing_and_another_history_is_refused(deployments) -> None:
    here, there = deployments
    (client_id,) = with_samples(here, 1)
    told = exported(here, client_id)
    taken(there, told)
    before = there.recorder.last_position()

    assert taken(there, told) is Taken.THERE_ALREADY
    told["history"].pop()
    with pytest.raises(ImportedDifferently):
        taken(there, told)
    assert there.recorder.last_position() == before


def test_people_who_are_not_here_are_named_unless_a_clinician_stands_in_for_them(deployments) -> None:
    here, there = deployments
    (client_id,) = with_samples(here, 1)
    told = exported(here, client_id)
    for person in told["people"]:
        person["login"] = "nobody@practice.example"

    spoilt = replaying(there).record(chronicle(told))
    assert isinstance(spoilt, Spoilt)
    assert {fault.code for fault in spoilt.faults} == {"not_an_author"}
    stand_in = account(there, LOGIN)
    assert taken(there, told, stand_in) is Taken.WRITTEN
    assert {person["id"] for person in exported(there, client_id)["people"]} == {str(stand_in)}


def _moved(told: dict[str, Any]) -> None:
    told["client_id"] = str(uuid4())


def _gap(told: dict[str, Any]) -> None:
    del told["history"][0]


def _other_kind(told: dict[str, Any]) -> None:
    told["history"][0]["data"]["kind"] = "account.created"


def _other_aggregate(told: dict[str, Any]) -> None:
    at = told["history"][0]["data"]["at"]
    told["history"].append(
        told["history"][0]
        | {
            "stream": str(uuid4()),
            "version": 1,
            "data": {
                "kind": "notes_folder.opened",
                "at": at,
                "client_id": told["client_id"],
                "author_id": told["people"][0]["id"],
            },
        }
    )


def _torn(told: dict[str, Any]) -> None:
    del told["history"][-1]["data"]["at"]


@pytest.mark.parametrize("damage", [_moved, _gap, _other_kind, _other_aggregate, _torn])
def test_a_damaged_history_is_refused_whole_and_not_quoted(deployments, damage) -> None:
    here, there = deployments
    (client_id,) = with_samples(here, 1)
    told = exported(here, client_id)
    damage(told)

    spoilt = replaying(there).record(chronicle(told))

    assert isinstance(spoilt, Spoilt)
    assert all(len(fault.text) < 120 and fault.where.startswith("/") for fault in spoilt.faults)


def test_what_is_no_export_or_holds_no_history_says_so(deployments) -> None:
    here, _ = deployments
    (client_id,) = with_samples(here, 1)
    told = exported(here, client_id)
    for wrong in (told | {"version": 2}, told | {"history": []}, told | {"surprise": 1}):
        with pytest.raises(NotTheFormat):
            chronicle(wrong)
    assert isinstance(chronicle(told), Chronicle)


def test_each_sample_makes_a_bundle_that_the_specification_takes(deployments) -> None:
    here, _ = deployments
    kinds = set[str]()
    for client_id in with_samples(here):
        made = here.services.exports.make(call_of_host(here), client_id)
        bundle = Bundle.model_validate_json(FhirRecords().bundle(made))
        told = [entry.resource for entry in bundle.entry]
        kinds |= {each.get_resource_type() for each in told}
        names = {entry.fullUrl for entry in bundle.entry}
        assert len(names) == len(bundle.entry)
        assert _references(json.loads(bundle.model_dump_json())) <= names
    assert kinds >= {
        "Patient",
        "Practitioner",
        "Encounter",
        "DocumentReference",
        "Appointment",
        "Goal",
        "QuestionnaireResponse",
        "Observation",
        "Condition",
        "MedicationStatement",
        "CarePlan",
        "Consent",
        "Flag",
    }


def _references(told: Any) -> set[str]:
    if isinstance(told, dict):
        return {told["reference"]} if "reference" in told else set[str]().union(*map(_references, told.values()))
    return set[str]().union(*map(_references, told)) if isinstance(told, list) else set()


def test_who_is_not_there_or_under_erasure_is_not_exported(deployments) -> None:
    here, _ = deployments
    with pytest.raises(ClientNotFound):
        here.services.exports.make(call_of_host(here), uuid4())
    (client_id,) = with_samples(here, 1)
    with here.databases.events.begin() as connection:
        from adapters.event_store.tables import fences

        connection.execute(fences.insert().values(subject=client_id, position=1, reason="test"))
    with pytest.raises(Erased):
        here.services.exports.make(call_of_host(here), client_id)


def test_the_commands_write_a_private_file_and_read_it_back(tmp_path: Path) -> None:
    for name in ("data", "elsewhere"):
        with build(found(tmp_path / name), parts=Part.HOST) as system:
            for key, login in STAFF.items():
                with_account(system, login, Role.SUPERVISOR if key == "supervisor" else Role.CLINICIAN)
            if name == "data":
                (client_id,) = with_samples(system, 1)
    file = tmp_path / "record.json"
    environment = plain_environment(tmp_path / "data")

    done = run(environment, "export", str(client_id), "--to", str(file), "--json")
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["format"] == FORMAT
    again = run(environment, "export", str(client_id), "--to", str(file))
    assert again.returncode == 1
    assert "never written over" in again.stderr
    elsewhere = plain_environment(tmp_path / "elsewhere")
    for written, there_already in ((1, 0), (0, 1)):
        back = run(elsewhere, "import", "json", str(file), "--json")
        assert back.returncode == 0, back.stderr
        assert (lines(back.stdout)[-1]["written"], lines(back.stdout)[-1]["there_already"]) == (written, there_already)
    bundle = run(environment, "export", str(client_id), "--to", str(tmp_path / "b.json"), "--format", "fhir")
    assert bundle.returncode == 0, bundle.stderr


def _bundled(system: System, client_id: UUID) -> list[dict[str, Any]]:
    made = system.services.exports.make(call_of_host(system), client_id)
    told = json.loads(FhirRecords().bundle(made))
    return [entry["resource"] for entry in told["entry"]]


def test_a_bundle_keeps_who_may_be_left_a_message_and_how_helpers_are_reached(deployments) -> None:
    here, _ = deployments
    messages, reached, unknown = set[bool](), set[str](), list[str]()
    for client_id in with_samples(here):
        record = exported(here, client_id)["record"]
        told = _bundled(here, client_id)
        (patient,) = [each for each in told if each["resourceType"] == "Patient"]
        for contact in patient.get("telecom", ()):
            messages |= {each["valueBoolean"] for each in contact["extension"]}
        written = json.dumps([each for each in told if each["resourceType"] == "CarePlan"], ensure_ascii=False)
        for plan in record["safety_plans"]:
            reached |= {
                each["contact"]
                for each in (*plan["content"]["helpers"], *plan["content"]["professionals"])
                if each["contact"]
            }
        unknown += [number for number in reached if number not in written]
        reached.clear()
    assert messages == {True, False}
    assert unknown == []


@pytest.mark.parametrize("purpose", Purpose)
def test_no_purpose_goes_under_the_code_of_another(purpose) -> None:
    others = {parts.purpose(each)["code"] for each in Purpose if each is not purpose}
    assert parts.purpose(purpose)["code"] not in others
    assert (parts.purpose(purpose)["system"] == parts.OWN_PURPOSES) is (purpose is Purpose.MODEL_TRAINING)


def test_in_a_bundle_clients_are_no_practitioners_and_no_reference_leads_nowhere() -> None:
    client_id, own, parent, program, gone = (UUID(int=number) for number in range(1, 6))
    accounts = [
        Person(id=own, role="client", name="Mara", is_client=True),
        Person(id=parent, role="client", name="Jonas"),
        Person(id=program, role="service", name="Questionnaires"),
    ]
    kinds = {each.id: people.account(each, client_id)["resourceType"] for each in accounts[1:]}
    assert kinds == {parent: "RelatedPerson", program: "Device"}
    there = {f"urn:uuid:{each}" for each in (client_id, parent, program)}
    told = [{"author": {"reference": f"urn:uuid:{each}"}} for each in (own, parent, gone)]
    pointed = pointed_within(told, there, {f"urn:uuid:{own}": f"urn:uuid:{client_id}"})
    assert [each["author"] for each in pointed] == [
        {"reference": f"urn:uuid:{client_id}"},
        {"reference": f"urn:uuid:{parent}"},
        {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{gone}"}},
    ]
