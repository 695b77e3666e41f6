"""The audit over the API: any filters together, files of it, who looked at a client's record, to whom it went."""

import csv
import io
import json
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from fhir.resources.R4B.bundle import Bundle

from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Actor, Purpose, Role
from domain.ports.limits import Limit
from domain.services.policy import Action


@pytest.fixture(scope="module")
def chart(house, clinician, colleague):
    """(client, own account): read by the clinician in lists and by itself; refused to a colleague."""
    client_id = clinician.new_client()
    own = house.account(Role.CLIENT, client_id=client_id)
    clinician.new_session(client_id)
    clinician.get(f"/v1/clients/{client_id}")
    clinician.get("/v1/clients")
    colleague.get(f"/v1/clients/{client_id}")
    own.get(f"/v1/clients/{client_id}")
    return client_id, own


def newest(house):
    return {"Read_After": str(house.system.recorder.last_position())}


def test_all_filters_hold_together(house, officer, clinician, colleague, chart):
    client_id, _ = chart
    denied = house.audit(officer, f"&client_id={client_id}&outcome=denied&role=clinician&purpose=treatment")
    assert [(entry["actor_id"], entry["reason"]) for entry in denied] == [(str(colleague.id), "outside_care_team")]
    assert house.audit(officer, f"&client_id={client_id}&reason=outside_care_team&origin=127.0.0.1") == denied
    assert house.audit(officer, f"&client_id={client_id}&outcome=denied&role=client") == []
    by_actor = house.audit(officer, f"&client_id={client_id}&actor_id={clinician.id}")
    assert {entry["actor_id"] for entry in by_actor} == {str(clinician.id)}
    assert {entry["action"] for entry in by_actor} >= {"client.register", "session.record", "client.read"}


def test_a_list_is_found_by_every_client_that_it_showed(house, officer, chart):
    (entry,) = [one for one in house.audit(officer, f"&client_id={chart[0]}") if one["action"] == "client.caseload"]
    assert entry["client_id"] is None
    assert chart[0] in entry["clients"]


@pytest.mark.parametrize("query", ["role=king", "purpose=fun", "outcome=maybe", "origin=", "action=x", "since=never"])
def test_a_filter_that_is_none_is_refused(officer, query):
    assert officer.get(f"/v1/audit?{query}").status_code == 422


def exported(officer, house, media_type, query=""):
    answer = officer.get(f"/v1/audit/export?{query}", Accept=media_type, **newest(house))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(media_type)
    assert "attachment" in answer.headers["content-disposition"]
    return answer


def test_an_export_holds_what_the_search_finds_in_every_form(house, officer, clinician, chart):
    query = f"client_id={chart[0]}&actor_id={clinician.id}"
    expected = house.audit(officer, f"&{query}")
    files = {
        form: exported(officer, house, form, query)
        for form in ("application/x-ndjson", "text/csv", "application/fhir+json")
    }
    header, *lines = [json.loads(line) for line in files["application/x-ndjson"].text.splitlines()]
    assert header["format"] == "anamnesis-export/1"
    assert [{name: line[name] for name in expected[0]} for line in lines] == expected
    assert all("proof" in line for line in lines)
    positions = [entry["position"] for entry in expected]
    rows = list(csv.DictReader(io.StringIO(files["text/csv"].text)))
    assert [int(row["position"]) for row in rows] == positions
    assert [row["leaf"] for row in rows] == [entry["leaf"] for entry in expected]
    bundle = Bundle.model_validate_json(files["application/fhir+json"].content)
    named = [entry.fullUrl for entry in bundle.entry]
    assert named == [f"urn:anamnesis:audit:{position}" for position in positions]


def test_an_export_is_on_record_before_it_is_sent(house, officer, chart):
    answer = exported(officer, house, "text/csv", f"client_id={chart[0]}")
    (entry,) = [
        one
        for one in house.audit(officer, "&action=audit.export")
        if one["request_id"] == answer.headers["x-request-id"]
    ]
    assert (entry["actor_id"], entry["client_id"], entry["outcome"]) == (str(officer.id), chart[0], "allowed")


def test_an_export_of_nothing_is_an_empty_file_and_no_error(house, officer):
    empty = "action=backup.restore"
    assert len(exported(officer, house, "text/csv", empty).text.splitlines()) == 1
    assert len(exported(officer, house, "application/x-ndjson", empty).text.splitlines()) == 1
    assert (
        Bundle.model_validate_json(exported(officer, house, "application/fhir+json", empty).content).type
        == "collection"
    )


def test_an_export_in_another_form_is_refused(officer):
    assert officer.get("/v1/audit/export", Accept="image/png").status_code == 406


def test_clients_see_who_looked_and_not_their_own_reading(house, chart, clinician, colleague):
    client_id, own = chart
    looks = own.get(f"/v1/clients/{client_id}/access-log", **newest(house)).json()["items"]
    seen = {(look["action"], look["account_id"], look["outcome"]) for look in looks}
    assert ("client.read", str(clinician.id), "allowed") in seen
    assert ("client.caseload", str(clinician.id), "allowed") in seen
    assert ("client.read", str(colleague.id), "denied") in seen
    assert str(own.id) not in {look["account_id"] for look in looks}
    assert {look["words"] for look in looks} >= {"looked at the chart", "saw the client in a list of their clients"}
    assert {look["name"] for look in looks} == {""}  # unless the practice shows names
    assert not any(look["emergency"] for look in looks)


def test_an_access_log_comes_in_pages(house, chart):
    client_id, own = chart
    whole = own.get(f"/v1/clients/{client_id}/access-log?limit=1000", **newest(house)).json()["items"]
    found, path = [], f"/v1/clients/{client_id}/access-log?limit=2"
    cursor = ""
    while cursor is not None:
        page = own.get(path + (f"&cursor={cursor}" if cursor else "")).json()
        found += page["items"]
        cursor = page["next"]
    assert found[-len(whole) :] == whole


def test_an_access_log_is_nobody_elses_affair(house, chart, clinician, operator, officer):
    client_id, _ = chart
    stranger = house.account(Role.CLIENT, client_id=clinician.new_client())
    for name in ("access-log", "disclosures"):
        path = f"/v1/clients/{client_id}/{name}"
        assert stranger.get(path).json()["code"] == "client_not_found"
        for other in (clinician, operator):
            assert (other.get(path).status_code, other.get(path).json()["code"]) == (403, "role_not_permitted")
        assert officer.get(path).status_code == 200


def test_reading_who_looked_is_on_record_and_seen_in_the_log_itself(house, chart, officer):
    client_id, own = chart
    officer.get(f"/v1/clients/{client_id}/access-log")
    looks = own.get(f"/v1/clients/{client_id}/access-log", **newest(house)).json()["items"]
    assert (looks[0]["action"], looks[0]["role"]) == ("audit.read_of_client", "compliance_officer")
    assert house.audit(officer, f"&client_id={client_id}&role=client&action=audit.read_of_client")


@pytest.fixture
def disclosed(house, clinician):
    """(client, agreement, thing): something of the client's record was given to somebody under an agreement."""
    client_id, agreement, thing = clinician.new_client(), uuid4(), uuid4()
    call = replace(house.host_call(), actor=Actor(id=clinician.id, role=Role.CLINICIAN), purpose=Purpose.CLIENT_REQUEST)
    entry = AuditEntry(action=Action.DISCLOSURE_RECORD, client_id=UUID(client_id), resources=(agreement, thing))
    refused = AuditEntry(action=Action.DISCLOSURE_MAKE, client_id=UUID(client_id), outcome=Outcome.DENIED, reason="x")
    house.system.ledger.note(call, entry, refused)
    return client_id, agreement, thing


def test_an_accounting_tells_to_whom_what_why_and_when(house, officer, clinician, disclosed):
    client_id, agreement, thing = disclosed
    own = house.account(Role.CLIENT, client_id=client_id)
    for who in (own, officer):
        (item,) = who.get(f"/v1/clients/{client_id}/disclosures", **newest(house)).json()["items"]
        assert (item["recipient_id"], item["recipient"], item["what"]) == (str(agreement), "", [str(thing)])
        assert (item["action"], item["purpose"]) == ("disclosure.record", "client_request")
        assert item["account_id"] == str(clinician.id)
    (entry,) = [one for one in house.audit(officer, f"&client_id={client_id}") if one["position"] == item["position"]]
    assert (entry["leaf"], entry["recorded_at"]) == (item["leaf"], item["at"])


def test_an_accounting_of_a_client_of_whom_nothing_is_left_is_answered_to_officers(officer, house):
    gone = uuid4()
    assert officer.get(f"/v1/clients/{gone}/disclosures", **newest(house)).json()["items"] == []
    assert house.audit(officer, f"&client_id={gone}&action=audit.account_disclosures")


def test_sign_ins_denials_deletions_exports_and_disclosures_are_all_to_be_found(
    house, officer, clinician, colleague, disclosed
):
    client_id = disclosed[0]
    user = house.account(Role.CLINICIAN)
    user.sign_in()
    house.post("/v1/sign-ins", {"login": user.login, "password": "not the one it is"})
    user.delete("/v1/sign-ins/current")
    house.get("/v1/me")
    colleague.get(f"/v1/clients/{client_id}")
    draft = f"/v1/drafts/{uuid4()}"
    clinician.put(draft, {"client_id": client_id, "content": {}})
    clinician.delete(draft)
    exported(officer, house, "text/csv", f"client_id={client_id}")
    for query in (
        f"action=sign_in.open&outcome=allowed&actor_id={user.id}",
        "action=sign_in.open&outcome=denied&reason=wrong_password",
        f"action=sign_in.sign_out&actor_id={user.id}",
        "action=api.refuse&outcome=denied",
        f"client_id={client_id}&outcome=denied&actor_id={colleague.id}",
        f"client_id={client_id}&action=draft.discard",
        f"client_id={client_id}&action=audit.export",
        f"client_id={client_id}&action=disclosure.record",
    ):
        assert house.audit(officer, f"&{query}"), query


def test_strangers_are_refused_on_record_up_to_a_limit_and_then_counted(another_house, new_settings, tmp_path):
    few = Limit(name="test_few", amount=3, per_s=60)
    with another_house(new_settings(tmp_path / "strangers"), anonymous_limit=few) as house:
        answers = [house.get("/v1/me").status_code for _ in range(8)]
        assert answers == [401] * 3 + [429] * 5
        officer = house.account(Role.COMPLIANCE_OFFICER)
        refused = house.audit(officer, "&action=api.refuse")
        assert [entry["reason"] for entry in refused] == ["further_refusals_are_counted_only", *["unauthenticated"] * 3]


def test_names_of_those_who_looked_are_shown_where_the_practice_shows_them(another_house, new_settings, tmp_path):
    with another_house(new_settings(tmp_path / "names", ANAMNESIS_ACCESS_LOG_NAMES="1")) as house:
        clinician = house.account(Role.CLINICIAN)
        client_id = clinician.new_client()
        own = house.account(Role.CLIENT, client_id=client_id)
        looks = own.get(f"/v1/clients/{client_id}/access-log", **newest(house)).json()["items"]
        assert {look["name"] for look in looks if look["account_id"] == str(clinician.id)} == {"Sample Person"}


def test_who_stands_for_a_client_is_told_that_somebody_looked_and_not_that_a_flag_was_raised(house, clinician, officer):
    client_id = clinician.new_client()
    parent = house.account(Role.CLIENT)
    until = {"authority": "parent", "until": "2031-04-23T00:00:00+02:00"}
    assert clinician.put(f"/v1/clients/{client_id}/representatives/{parent.id}", until).status_code == 200
    raised = clinician.post(f"/v1/clients/{client_id}/risk-flags", {"level": "high", "reason": "Afraid to go home."})
    written = clinician.post(f"/v1/clients/{client_id}/notes", {"text": "Speaks more freely alone."})
    assert (raised.status_code, written.status_code) == (201, 201), written.text

    path = f"/v1/clients/{client_id}/access-log"
    told = parent.get(path, **newest(house)).json()["items"]
    assert "risk" not in json.dumps(told)
    assert "note" not in json.dumps(told)
    kept = [look for look in told if look["action"] == "record.other"]
    assert {look["account_id"] for look in kept} == {str(clinician.id)}
    shown = officer.get(path, **newest(house)).json()["items"]
    assert {"risk_flag.raise", "note.write"} <= {look["action"] for look in shown}


def test_a_look_that_was_refused_does_not_read_as_one_that_was_taken(house, chart):
    client_id, own = chart
    looks = own.get(f"/v1/clients/{client_id}/access-log", **newest(house)).json()["items"]
    assert {"refused" in look["words"] for look in looks if look["outcome"] == "denied"} == {True}
    assert not any("refused" in look["words"] for look in looks if look["outcome"] == "allowed")


def test_looking_through_what_awaits_review_does_not_read_as_a_review(house, officer):
    officer.get("/v1/exceptional-access?waiting=true")
    latest = house.audit(officer, f"&actor_id={officer.id}")
    assert "break_glass.read" in {entry["action"] for entry in latest[:3]}


def test_a_report_of_abuse_is_told_to_the_client_and_to_nobody_who_stands_for_them(house, clinician, operator):
    client_id = clinician.new_client()
    own, parent = house.account(Role.CLIENT, client_id=client_id), house.account(Role.CLIENT)
    until = {"authority": "parent", "until": "2031-04-23T00:00:00+02:00"}
    assert clinician.put(f"/v1/clients/{client_id}/representatives/{parent.id}", until).status_code == 200
    authority = {
        "recipient": "Youth office",
        "address": "Town hall",
        "kind": "other",
        "purposes": ["client_request"],
        "classes": ["journal"],
        "form": "text",
        "hosts": [],
        "signed_on": "2026-01-05",
        "document": "practice/2026-3",
    }
    agreed = operator.post("/v1/agreements", authority)
    assert agreed.status_code == 201, agreed.text
    path = f"/v1/clients/{client_id}/disclosures"
    for basis, record_class in (("abuse_report", "journal"), ("authorisation", "sud"), ("authorisation", "journal")):
        given = {
            "agreement_id": agreed.json()["id"],
            "purpose": "client_request",
            "classes": [record_class],
            "disclosed_on": "2026-03-01",
            "legal_basis": basis,
        }
        made = clinician.post(path, given)
        assert made.status_code == 201, made.text
    assert len(own.get(path, **newest(house)).json()["items"]) == 3
    (told,) = parent.get(path, **newest(house)).json()["items"]
    assert (told["legal_basis"], told["classes"]) == ("authorisation", ["journal"])
    looks = parent.get(f"/v1/clients/{client_id}/access-log", **newest(house)).json()["items"]
    assert "disclosure.record" not in {look["action"] for look in looks}
