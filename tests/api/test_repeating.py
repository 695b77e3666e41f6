"""Idempotency-Key: a call that is repeated changes nothing more and is answered as the first time."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

CONTENT = {
    "took_place": {"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"},
    "duration_min": 50,
    "modality": "in_person",
    "summary": "Talked about the week.",
}
TELLING = ("Location", "ETag", "Position")


def told(answer):
    return [answer.status_code, answer.json(), *(answer.headers.get(name) for name in TELLING)]


def test_repeated_call_is_answered_as_the_first_time(clinician, client_id):
    path, key = f"/v1/clients/{client_id}/sessions", str(uuid4())
    first = clinician.post(path, CONTENT, Idempotency_Key=key)
    again = clinician.post(path, CONTENT, Idempotency_Key=key)
    assert told(again) == told(first)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"


def test_repeated_call_writes_nothing(house, clinician, client_id):
    path, key = f"/v1/clients/{client_id}/sessions", str(uuid4())
    clinician.post(path, CONTENT, Idempotency_Key=key)
    before = house.system.recorder.last_position()
    clinician.post(path, CONTENT, Idempotency_Key=key)
    assert house.system.recorder.last_position() == before


def test_calls_without_a_key_are_each_carried_out(clinician, client_id):
    assert clinician.new_session(client_id) != clinician.new_session(client_id)


@pytest.mark.parametrize("changed", ["body", "path", "If-Match"])
def test_key_that_was_used_for_another_request_is_refused(clinician, client_id, changed):
    location, key = clinician.new_session(client_id), str(uuid4())
    assert clinician.put(location, CONTENT, If_Match='"1"', Idempotency_Key=key).status_code == 200
    other = {
        "body": lambda: clinician.put(location, CONTENT | {"summary": "x"}, If_Match='"1"', Idempotency_Key=key),
        "path": lambda: clinician.put(clinician.new_session(client_id), CONTENT, If_Match='"1"', Idempotency_Key=key),
        "If-Match": lambda: clinician.put(location, CONTENT, If_Match='"2"', Idempotency_Key=key),
    }[changed]()
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_key_belongs_to_its_caller(house, clinician, colleague, client_id):
    key = str(uuid4())
    identity = {"names": [{"family": "Okonkwo", "given": "Tamsin"}]}
    first = clinician.post("/v1/clients", identity, Idempotency_Key=key)
    second = colleague.post("/v1/clients", identity, Idempotency_Key=key)
    assert second.status_code == 201
    assert second.headers["Location"] != first.headers["Location"]


def test_edit_that_is_repeated_after_it_went_through_is_no_conflict(clinician, client_id):
    location, key = clinician.new_session(client_id), str(uuid4())
    first = clinician.post(location + "/signature", If_Match='"1"', Idempotency_Key=key)
    again = clinician.post(location + "/signature", If_Match='"1"', Idempotency_Key=key)
    assert told(again) == told(first)
    assert clinician.post(location + "/signature", If_Match='"2"').json()["code"] == "session_already_signed"


def test_call_that_was_refused_can_be_put_right_under_its_key(clinician, client_id):
    path, key = f"/v1/clients/{client_id}/sessions", str(uuid4())
    assert clinician.post(path, CONTENT | {"duration_min": 0}, Idempotency_Key=key).status_code == 422
    assert clinician.post(path, CONTENT, Idempotency_Key=key).status_code == 201


def test_drafts_and_their_removal_can_be_repeated(clinician, client_id):
    path, body = f"/v1/drafts/{uuid4()}", {"client_id": client_id, "content": {"summary": "x"}}
    for call in (
        lambda key: clinician.put(path, body, Idempotency_Key=key),
        lambda key: clinician.delete(path, Idempotency_Key=key),
    ):
        key = str(uuid4())
        first, again = call(key), call(key)
        assert (first.status_code, again.status_code) == (204, 204)
        assert again.headers["Position"] == first.headers["Position"]
        assert again.headers["idempotency-replayed"] == "true"


def test_another_process_knows_the_key(house, clinician, client_id, settings, another_house):
    path, key = f"/v1/clients/{client_id}/sessions", str(uuid4())
    first = clinician.post(path, CONTENT, Idempotency_Key=key)
    with another_house(settings) as other:
        again = other.request("POST", path, json=CONTENT, headers={**clinician.headers(), "Idempotency-Key": key})
    assert told(again) == told(first)
    assert again.headers["idempotency-replayed"] == "true"


def test_many_at_once_with_one_key_are_one_write(clinician, client_id):
    path, key = f"/v1/clients/{client_id}/sessions", str(uuid4())
    headers = clinician.headers()

    def call(_):
        return clinician.house.request("POST", path, json=CONTENT, headers={**headers, "Idempotency-Key": key})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


def test_many_at_once_who_sign_are_one_signature(clinician, client_id):
    location, key = clinician.new_session(client_id), str(uuid4())
    headers = {**clinician.headers(), "If-Match": '"1"', "Idempotency-Key": key}

    def call(_):
        return clinician.house.request("POST", location + "/signature", headers=headers)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert clinician.get(location).json()["version"] == 2
