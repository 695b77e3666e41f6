"""ETag and If-Match: an edit names the version it changes."""

from concurrent.futures import ThreadPoolExecutor

import pytest

CONTENT = {
    "took_place": {"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"},
    "duration_min": 50,
    "modality": "in_person",
    "summary": "Talked about the week.",
}


def test_read_answers_the_version_as_etag(clinician, client_id):
    location = clinician.new_session(client_id)
    answer = clinician.get(location)
    assert answer.headers["ETag"] == f'"{answer.json()["version"]}"'


def test_edit_without_a_version_is_refused(clinician, client_id):
    answer = clinician.put(clinician.new_session(client_id), CONTENT)
    assert (answer.status_code, answer.json()["code"]) == (428, "if_match_missing")


@pytest.mark.parametrize("tag", ['"2"', '"0"', 'W/"1"'])
def test_edit_of_another_version_is_refused(clinician, client_id, tag):
    answer = clinician.put(clinician.new_session(client_id), CONTENT, If_Match=tag)
    assert (answer.status_code, answer.json()["code"]) == (412, "stale_version")


@pytest.mark.parametrize("tag", ["*", "1", '"one"', '"1", "2"', '"-1"', '"01"'])
def test_version_that_no_read_gave_is_refused(clinician, client_id, tag):
    answer = clinician.put(clinician.new_session(client_id), CONTENT, If_Match=tag)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["If-Match"]


def test_edit_answers_the_new_version(clinician, client_id):
    location = clinician.new_session(client_id)
    answer = clinician.put(location, CONTENT | {"duration_min": 60}, If_Match='"1"')
    assert answer.headers["ETag"] == '"2"'
    assert clinician.get(location).json()["content"]["duration_min"] == 60


def test_of_many_edits_at_once_one_goes_through(clinician, client_id):
    location, headers = clinician.new_session(client_id), clinician.headers() | {"If-Match": '"1"'}

    def edit(minutes):
        return clinician.house.request("PUT", location, json=CONTENT | {"duration_min": minutes}, headers=headers)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(edit, range(1, 9)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    assert clinician.get(location).json()["version"] == 2


def test_addendum_needs_no_version_and_heeds_one(clinician, client_id):
    location = clinician.new_session(client_id)
    clinician.post(location + "/signature", If_Match='"1"')
    body = {"text": "Called in the evening."}
    assert clinician.post(location + "/addenda", body, If_Match='"1"').status_code == 412
    assert clinician.post(location + "/addenda", body).status_code == 200


def test_identity_has_a_version_of_its_own(clinician, client_id):
    path = f"/v1/clients/{client_id}/identity"
    identity = clinician.get(path)
    assert (identity.headers["ETag"], clinician.get(f"/v1/clients/{client_id}").headers["ETag"]) == ('"1"', '"2"')
    changed = {"names": [{"family": "Okonkwo-Berg", "given": "Tamsin"}]}
    assert clinician.put(path, changed, If_Match='"1"').headers["ETag"] == '"2"'
    assert clinician.put(path, changed, If_Match='"1"').status_code == 412
