"""Breaking the glass over HTTP, the review of it, and representatives who see what the client may."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.ports.call import Role

WHY = "Called the crisis line, spoke of pills, hung up."
EMERGENCY = {"Purpose": "emergency"}


def soon(**later):
    return (datetime.now(UTC) + timedelta(**later)).isoformat()


def broken(user, client_id, **body):
    return user.post(f"/v1/clients/{client_id}/break-glass", {"reason": WHY, **body}, **EMERGENCY)


@pytest.fixture
def stranger(house):
    return house.account(Role.CLINICIAN)


def test_the_whole_way_from_the_emergency_to_the_review(house, clinician, stranger, officer, client_id):
    assert stranger.get(f"/v1/clients/{client_id}/identity").json()["code"] == "outside_care_team"
    opened = broken(stranger, client_id, minutes=30)
    assert opened.status_code == 201, opened.text
    location = opened.headers["Location"]
    assert stranger.get(f"/v1/clients/{client_id}/identity", **EMERGENCY).status_code == 200
    assert stranger.get(f"/v1/clients/{client_id}/journey", **EMERGENCY).status_code == 200
    assert stranger.get(f"/v1/clients/{client_id}/identity").status_code == 403

    work = clinician.get("/v1/worklist", Read_After=opened.headers["Position"]).json()["items"]
    assert location.rpartition("/")[2] in [item["resource_id"] for item in work if item["kind"] == "exceptional_access"]
    listed = officer.get("/v1/exceptional-access?waiting=true&limit=1000").json()["items"]
    assert location.rpartition("/")[2] in [item["id"] for item in listed]
    found = officer.get(location)
    assert (found.json()["reason"], found.json()["verdict"]) == (WHY, None)
    version = found.headers["ETag"]
    reviewed = officer.post(f"{location}/reviewed", {"verdict": "justified"}, If_Match=version)
    assert reviewed.status_code == 200
    again = officer.post(f"{location}/reviewed", {"verdict": "justified"}, If_Match=reviewed.headers["ETag"])
    assert again.json()["code"] == "access_already_reviewed"

    assert stranger.post(f"{location}/ended").status_code == 200
    assert stranger.get(f"/v1/clients/{client_id}/identity", **EMERGENCY).json()["code"] == "outside_care_team"


def test_the_audit_says_emergency_and_never_why(house, stranger, officer, client_id):
    location = broken(stranger, client_id).headers["Location"]
    stranger.get(f"/v1/clients/{client_id}", **EMERGENCY)
    entries = house.audit(officer, f"&client_id={client_id}")
    told = {(entry["action"], entry["purpose"]) for entry in entries if entry["actor_id"] == str(stranger.id)}
    assert told == {("break_glass.open", "emergency"), ("client.read", "emergency")}
    assert WHY not in str(entries)
    assert location.rpartition("/")[2] in str(entries)


@pytest.mark.parametrize("value", ["", "Emergency", "curiosity", "treatment,emergency", "emergency "])
def test_a_purpose_that_is_none_is_told_so(clinician, client_id, value):
    answer = clinician.get(f"/v1/clients/{client_id}", Purpose=value)
    if value.strip() == "emergency":  # blanks around a header's value are not part of it
        assert answer.json()["code"] == "purpose_not_permitted"
    else:
        assert answer.json()["code"] == "fields_invalid"


@pytest.mark.parametrize("purpose", ["research", "model_training", "compliance", "emergency"])
def test_a_purpose_that_a_carer_may_not_state_opens_nothing(clinician, client_id, purpose):
    assert clinician.get(f"/v1/clients/{client_id}", Purpose=purpose).json()["code"] == "purpose_not_permitted"


def test_a_purpose_that_a_carer_may_state_stands_in_the_audit(house, clinician, officer, client_id):
    assert clinician.get(f"/v1/clients/{client_id}", Purpose="operations").status_code == 200
    entries = house.audit(officer, f"&client_id={client_id}")
    assert [entry["purpose"] for entry in entries if entry["action"] == "client.read"] == ["operations"]


def test_the_team_is_told_that_nothing_needs_to_be_broken(clinician, client_id):
    assert broken(clinician, client_id).json()["code"] == "break_glass_not_needed"


def test_everybody_else_is_refused(house, officer, operator, engineer, client_id):
    for user in (officer, operator, engineer, house.account(Role.CLIENT, client_id=client_id)):
        assert broken(user, client_id).json()["code"] == "role_not_permitted"
        if user is not officer:
            assert user.get("/v1/exceptional-access").json()["code"] == "role_not_permitted"
    assert house.post(f"/v1/clients/{client_id}/break-glass", {"reason": WHY}, **EMERGENCY).status_code == 401


def test_odd_requests_open_nothing(stranger, client_id):
    path = f"/v1/clients/{client_id}/break-glass"
    assert stranger.post(path, {"reason": WHY}).json()["code"] == "purpose_not_permitted"
    for body in ({}, {"reason": ""}, {"reason": "   "}, {"reason": WHY, "minutes": 0}, {"reason": WHY, "minutes": 61}):
        assert stranger.post(path, body, **EMERGENCY).status_code == 422
    assert broken(stranger, uuid4()).json()["code"] == "client_not_found"
    assert stranger.get(f"/v1/clients/{client_id}", **EMERGENCY).json()["code"] == "outside_care_team"


def test_a_repeated_call_breaks_the_glass_once(stranger, client_id):
    first, second = (
        stranger.post(f"/v1/clients/{client_id}/break-glass", {"reason": WHY}, Idempotency_Key="once", **EMERGENCY)
        for _ in range(2)
    )
    assert first.headers["Location"] == second.headers["Location"]
    assert second.headers["Idempotency-Replayed"] == "true"


def test_who_made_the_account_cannot_let_it_in_unseen(house, clinician, operator, officer, client_id):
    planted = house.account(Role.CLINICIAN)
    joined = operator.put(f"/v1/clients/{client_id}/care-team/{planted.id}", {"relation": "clinician"})
    assert joined.status_code == 200
    work = clinician.get("/v1/worklist", Read_After=joined.headers["Position"]).json()["items"]
    assert [item["client_id"] for item in work if item["kind"] == "exceptional_access"].count(client_id) == 1
    items = officer.get("/v1/exceptional-access?waiting=true&limit=1000").json()["items"]
    (found,) = [item for item in items if item["client_id"] == client_id]
    assert (found["way"], found["opened_by"], found["account_id"]) == ("handover", str(operator.id), str(planted.id))


# Representatives


def let_in(lead, client_id, account, until, authority="parent"):
    path = f"/v1/clients/{client_id}/representatives/{account.id}"
    return lead.put(path, {"authority": authority, "until": until})


def test_a_representative_sees_what_the_client_may_until_the_end(house, clinician, client_id):
    parent = house.account(Role.CLIENT)
    location = clinician.new_session(client_id)
    assert parent.get(f"/v1/clients/{client_id}").status_code == 404
    assert let_in(clinician, client_id, parent, soon(days=400)).status_code == 200
    chart = parent.get(f"/v1/clients/{client_id}").json()
    (stands,) = [member for member in chart["care_team"] if member["account_id"] == str(parent.id)]
    assert (stands["relation"], stands["authority"]) == ("representative", "parent")
    assert parent.get(f"/v1/clients/{client_id}/identity").status_code == 200
    assert parent.get(location).status_code == 404  # not signed, so not released
    assert parent.get(f"/v1/clients/{client_id}/risk-flags").status_code == 403
    assert parent.get(f"/v1/clients/{clinician.new_client()}").status_code == 404
    assert clinician.delete(f"/v1/clients/{client_id}/representatives/{parent.id}").status_code == 200
    assert parent.get(f"/v1/clients/{client_id}").status_code == 404


def test_compliance_lets_representatives_in_and_operators_do_not(house, clinician, officer, operator, client_id):
    guardian = house.account(Role.CLIENT)
    assert let_in(operator, client_id, guardian, soon(days=1)).json()["code"] == "role_not_permitted"
    put = operator.put(f"/v1/clients/{client_id}/care-team/{guardian.id}", {"relation": "representative"})
    assert put.status_code == 422
    assert let_in(officer, client_id, guardian, soon(days=1), "guardian").status_code == 200
    assert guardian.get(f"/v1/clients/{client_id}").status_code == 200
    assert let_in(officer, client_id, guardian, soon(days=2), "guardian").status_code == 200


@pytest.mark.parametrize(
    "until",
    [soon(days=-1), soon(days=21 * 366), "2031-04-23T00:00:00", "tomorrow"],
    ids=["past", "far", "zoneless", "words"],
)
def test_an_end_that_is_none_lets_nobody_in(house, clinician, client_id, until):
    parent = house.account(Role.CLIENT)
    assert let_in(clinician, client_id, parent, until).status_code == 422
    assert parent.get(f"/v1/clients/{client_id}").status_code == 404


def test_nobody_who_treats_stands_for_the_client(house, clinician, colleague, client_id):
    assert let_in(clinician, client_id, colleague, soon(days=1)).status_code == 422
    assert let_in(clinician, client_id, clinician, soon(days=1)).status_code in (409, 422)
    assert clinician.delete(f"/v1/clients/{client_id}/representatives/{clinician.id}").json()["code"] == (
        "not_in_care_team"
    )


# Supervisors


def test_a_supervisor_finds_reads_and_cosigns_what_a_trainee_signed(house, supervisor, trainee):
    client_id = trainee.new_client()
    location = trainee.new_session(client_id)
    session_id = location.rpartition("/")[2]
    version = trainee.get(location).headers["ETag"]
    signed = trainee.post(f"{location}/signature", If_Match=version)
    trainee.get("/v1/worklist", Read_After=signed.headers["Position"])  # the views have it
    house.system.services.worklist.sweep(house.host_call())
    work = supervisor.get("/v1/worklist", Read_After=signed.headers["Position"]).json()["items"]
    assert session_id in [item["resource_id"] for item in work if item["kind"] == "session_awaiting_cosignature"]
    found = supervisor.get(location)
    assert found.status_code == 200
    assert supervisor.get(f"/v1/clients/{client_id}").json()["code"] == "outside_care_team"
    assert house.account(Role.SUPERVISOR).get(location).json()["code"] == "outside_care_team"
    assert supervisor.post(f"{location}/cosignature", If_Match=found.headers["ETag"]).status_code == 200
