"""A whole record over HTTP: who may take it out, what is in it, and what never is."""

import json

import pytest
from fhir.resources.R4B.bundle import Bundle

from domain.ports.call import Role
from tests.api.conftest import CONTENT

FHIR = "application/fhir+json"


def path(client_id):
    return f"/v1/clients/{client_id}/export"


@pytest.fixture
def signed(clinician, client_id):
    session = clinician.new_session(client_id, summary="A week of small steps.")
    assert clinician.post(f"{session}/signature", If_Match='"1"').status_code == 200
    return session.rpartition("/")[2]


@pytest.fixture
def unsigned(clinician, client_id):
    return clinician.new_session(client_id, summary="Not yet ready to be read.").rpartition("/")[2]


@pytest.fixture
def own(house, client_id):
    return house.account(Role.CLIENT, client_id=client_id)


def test_strangers_colleagues_and_other_roles_get_nothing(house, colleague, officer, operator, client_id):
    assert house.get(path(client_id)).status_code == 401
    assert colleague.get(path(client_id)).json()["code"] == "outside_care_team"
    for user in (officer, operator, house.account(Role.ML_ENGINEER)):
        assert user.get(path(client_id)).json()["code"] == "role_not_permitted"


def test_who_leads_the_treatment_takes_out_all_with_its_history(clinician, client_id, signed, unsigned):
    told = clinician.get(path(client_id)).json()
    assert {each["id"] for each in told["record"]["sessions"]} == {signed, unsigned}
    assert told["record"]["identity"]["names"][0]["family"] == "Okonkwo"
    kinds = [event["data"]["kind"] for event in told["history"]]
    assert {"client.registered", "identity.recorded", "session.recorded", "session.signed"} <= set(kinds)
    assert [event["position"] for event in told["history"]] == sorted(event["position"] for event in told["history"])
    assert told["position"] == told["history"][-1]["position"]
    assert str(clinician.id) in {person["id"] for person in told["people"]}
    assert not any("login" in person for person in told["people"])
    assert "psychotherapy_notes_of_others" in told["left_out"]


def test_clients_take_their_own_record_without_what_is_not_released(clinician, own, client_id, signed, unsigned):
    raised = clinician.post(
        f"/v1/clients/{client_id}/risk-flags", {"level": "high", "reason": "Said so on the telephone."}
    )
    assert raised.status_code == 201, raised.text
    answer = own.get(path(client_id))
    told = answer.json()
    assert [each["id"] for each in told["record"]["sessions"]] == [signed]
    assert told["record"]["risk_flags"] == []
    assert "history" not in told
    assert unsigned not in answer.text
    assert "on the telephone" not in answer.text


def test_it_says_the_same_whether_or_not_something_was_left_out(house, clinician, own, client_id):
    before = own.get(path(client_id)).json()["left_out"]
    clinician.new_session(client_id)
    assert own.get(path(client_id)).json()["left_out"] == before


def test_clients_do_not_get_each_others(house, own, clinician):
    other = clinician.new_client()
    answer = own.get(path(other))
    assert (answer.status_code, answer.json()["code"]) == (404, "client_not_found")


def test_as_a_bundle_of_fhir(clinician, client_id, signed):
    answer = clinician.get(path(client_id), Accept=FHIR)
    assert answer.headers["content-type"] == FHIR
    bundle = Bundle.model_validate(json.loads(answer.content))
    patient = bundle.entry[0].resource
    assert patient.id == client_id
    assert patient.name[0].family == "Okonkwo"
    assert signed in {entry.resource.id for entry in bundle.entry}
    assert clinician.get(path(client_id), Accept="text/html").status_code == 406


def test_each_export_is_on_record_with_who_took_it(house, clinician, own, officer, client_id):
    for user in (clinician, own):
        assert user.get(path(client_id)).status_code == 200
    entries = house.audit(officer, f"&client_id={client_id}&action=export.make")
    assert [(each["actor_id"], each["outcome"]) for each in entries] == [
        (str(own.id), "allowed"),
        (str(clinician.id), "allowed"),
    ]


def test_what_was_said_comes_with_it_word_for_word(clinician, client_id):
    session = clinician.new_session(client_id, **(CONTENT | {"summary": "Ünïcødé, 東京 & <b>tags</b>."}))
    said = {"utterances": [{"number": 0, "speaker": "client", "text": "I took the train twice."}], "source": "notes"}
    assert clinician.put(f"{session}/transcript", said).status_code == 201
    told = clinician.get(path(client_id)).json()["record"]
    assert told["sessions"][0]["content"]["summary"] == "Ünïcødé, 東京 & <b>tags</b>."
    assert told["transcripts"][0]["utterances"][0]["text"] == "I took the train twice."


def test_psychotherapy_notes_go_along_for_their_author_alone_and_only_when_asked(clinician, supervisor, client_id):
    text = "She looked away when her brother was named."
    assert clinician.post(f"/v1/clients/{client_id}/notes", {"text": text}).status_code == 201
    member = f"/v1/clients/{client_id}/care-team/{supervisor.id}"
    etag = clinician.get(f"/v1/clients/{client_id}").headers["ETag"]
    assert clinician.put(member, {"relation": "supervisor"}, If_Match=etag).status_code == 200
    assert text not in clinician.get(path(client_id)).text
    told = clinician.get(f"{path(client_id)}?notes=true").json()
    assert [note["text"] for note in told["record"]["psychotherapy_notes"]] == [text]
    assert text not in json.dumps(told["history"])
    colleagues = supervisor.get(f"{path(client_id)}?notes=true")
    assert colleagues.status_code == 200
    assert text not in colleagues.text
    # A bundle has no place for them, and says so rather than looking as if there were none.
    refused = clinician.get(f"{path(client_id)}?notes=true", Accept=FHIR)
    assert (refused.status_code, refused.json()["facts"]["offered"]) == (406, "application/json")
