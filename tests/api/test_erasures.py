"""Erasure, holds and retention over the API: who may ask, what is answered, what is refused."""

from uuid import uuid4

import pytest


def test_others_than_compliance_are_refused(house, clinician, operator, engineer, client_id):
    for user in (clinician, operator, engineer):
        assert user.post(f"/v1/clients/{client_id}/erasure", {"basis": "court_order"}).status_code == 403
        assert user.get(f"/v1/clients/{client_id}/erasures").status_code == 403
        assert user.get(f"/v1/erasures/{uuid4()}").status_code == 403
        assert user.post(f"/v1/erasures/{uuid4()}/withdrawn").status_code == 403
        assert user.post(f"/v1/clients/{client_id}/holds", {"basis": "audit"}).status_code == 403
        assert user.get(f"/v1/clients/{client_id}/holds").status_code == 403
        assert user.post(f"/v1/holds/{uuid4()}/lifted").status_code == 403
        assert user.get("/v1/retention").status_code == 403
    assert house.post(f"/v1/clients/{client_id}/erasure", {"basis": "court_order"}).status_code == 401


def test_a_dry_run_says_what_would_go_and_changes_nothing(officer, clinician, client_id):
    answer = officer.post(f"/v1/clients/{client_id}/erasure?dry_run=true", {"basis": "client_request"})
    assert answer.status_code == 200
    plan = answer.json()
    assert plan["outcome"] == "retention_runs_still"
    assert {holding["record_class"] for holding in plan["holdings"]} == {"identity", "journal"}
    assert officer.get(f"/v1/clients/{client_id}/erasures").json() == {"items": []}
    assert clinician.get(f"/v1/clients/{client_id}").status_code == 200


def test_an_erasure_is_asked_for_read_and_withdrawn(officer, client_id):
    key = uuid4().hex
    asked = officer.post(f"/v1/clients/{client_id}/erasure", {"basis": "court_order"}, Idempotency_Key=key)
    assert asked.status_code == 201, asked.text
    again = officer.post(f"/v1/clients/{client_id}/erasure", {"basis": "court_order"}, Idempotency_Key=key)
    assert again.headers["Location"] == asked.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    erasure = officer.get(asked.headers["Location"]).json()
    assert (erasure["client_id"], erasure["state"], erasure["receipt"]) == (client_id, "requested", "")
    second = officer.post(f"/v1/clients/{client_id}/erasure", {"basis": "unlawful"})
    assert (second.status_code, second.json()["code"]) == (409, "erasure_under_way")
    assert officer.post(f"{asked.headers['Location']}/withdrawn").status_code == 200
    (listed,) = officer.get(f"/v1/clients/{client_id}/erasures").json()["items"]
    assert listed["state"] == "withdrawn"


def test_before_its_time_and_under_a_hold_it_is_refused(officer, client_id):
    early = officer.post(f"/v1/clients/{client_id}/erasure", {"basis": "client_request"})
    assert (early.status_code, early.json()["code"]) == (409, "retention_runs_still")
    assert early.json()["facts"]["kept_until"]
    hold = officer.post(f"/v1/clients/{client_id}/holds", {"basis": "litigation", "matter": "4:26-cv-00311"})
    assert hold.status_code == 201
    held = officer.post(f"/v1/clients/{client_id}/erasure", {"basis": "court_order"})
    assert (held.status_code, held.json()["code"]) == (409, "under_legal_hold")
    (listed,) = officer.get(f"/v1/clients/{client_id}/holds").json()["items"]
    assert (listed["matter"], listed["lifted_at"]) == ("4:26-cv-00311", None)
    assert officer.post(f"/v1/holds/{listed['id']}/lifted").status_code == 200
    again = officer.post(f"/v1/holds/{listed['id']}/lifted")
    assert (again.status_code, again.json()["code"]) == (409, "hold_lifted")


@pytest.mark.parametrize(
    "body",
    [{}, {"basis": "because"}, {"basis": "court_order", "classes": ["audit"]}, {"basis": "court_order", "more": 1},
     {"basis": "court_order", "classes": ["nothing"]}],
)  # fmt: skip
def test_a_request_that_can_not_be_right_is_refused(officer, client_id, body):
    assert officer.post(f"/v1/clients/{client_id}/erasure", body).status_code == 422


def test_a_matter_is_one_line_and_short(officer, client_id):
    for matter in ("x" * 201, "two\nlines"):
        answer = officer.post(f"/v1/clients/{client_id}/holds", {"basis": "audit", "matter": matter})
        assert answer.status_code == 422


def test_what_there_is_not_is_not_found(officer):
    assert officer.post(f"/v1/clients/{uuid4()}/erasure", {"basis": "court_order"}).status_code == 404
    assert officer.post(f"/v1/clients/{uuid4()}/holds", {"basis": "audit"}).status_code == 404
    assert officer.get(f"/v1/erasures/{uuid4()}").json()["code"] == "erasure_not_found"
    assert officer.post(f"/v1/holds/{uuid4()}/lifted").json()["code"] == "hold_not_found"


def test_the_policies_are_told_with_their_sources(officer):
    told = officer.get("/v1/retention").json()
    assert told["early"] == "refuse"
    assert all(each["citation"] for each in told["classes"])
