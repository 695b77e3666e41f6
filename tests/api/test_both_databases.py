"""The way through the API on SQLite and on PostgreSQL, and two processes over one store."""

import pytest

from domain.ports.call import Role
from ops.settings import Settings


@pytest.fixture
def fresh_settings(database_urls, new_settings, tmp_path) -> Settings:
    """A deployment of the test's own on the database in question."""
    return new_settings(
        tmp_path / "fresh",
        ANAMNESIS_EVENTS_URL=database_urls.events,
        ANAMNESIS_KEYS_URL=database_urls.keys,
        ANAMNESIS_VIEWS_URL=database_urls.views,
    )


def test_session_is_recorded_in_one_process_and_signed_and_read_back_in_another(fresh_settings, another_house):
    with another_house(fresh_settings) as one, another_house(fresh_settings) as other:
        clinician = one.account(Role.CLINICIAN)
        client_id = clinician.new_client()
        location = clinician.new_session(client_id)
        headers = clinician.headers()
        read = other.request("GET", location, headers=headers)
        signed = other.request("POST", f"{location}/signature", headers=headers | {"If-Match": read.headers["ETag"]})
        assert signed.status_code == 200
        journey = clinician.get(f"/v1/clients/{client_id}/journey?kind=session", Read_After=signed.headers["Position"])
        assert [item["state"] for item in journey.json()["items"]] == ["signed"]
        position = str(one.system.recorder.last_position())
        trail = clinician.get("/v1/audit/mine", Read_After=position).json()["items"]
        assert [entry["action"] for entry in trail[:4]] == [
            "journey.read",
            "session.sign",
            "session.read",
            "session.record",
        ]


def test_key_of_a_call_is_known_after_a_restart(fresh_settings, another_house):
    identity = {"names": [{"family": "Okonkwo", "given": "Tamsin"}]}
    with another_house(fresh_settings) as before:
        clinician = before.account(Role.CLINICIAN)
        first = clinician.post("/v1/clients", identity, Idempotency_Key="once")
        headers = clinician.headers() | {"Idempotency-Key": "once"}
    with another_house(fresh_settings) as after:
        again = after.request("POST", "/v1/clients", json=identity, headers=headers)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"


def test_what_one_process_writes_another_counts_draws_and_chooses_from(fresh_settings, another_house):
    with another_house(fresh_settings) as one, another_house(fresh_settings) as other:
        clinician = one.account(Role.CLINICIAN)
        client_id = clinician.new_client()
        clinician.new_session(client_id, summary="Spoke of the harbour.")
        taken_at = {"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"}
        body = {"instrument": "phq-9", "taken_at": taken_at, "answers": [2, 1, 2, 1, 2, 1, 2, 1, 0]}
        made = clinician.post(f"/v1/clients/{client_id}/measures", body)
        headers = clinician.headers() | {"Read-After": made.headers["Position"]}
        path = f"/v1/clients/{client_id}/progress"
        report = other.request("GET", f"{path}?look_back=90y", headers=headers).json()
        assert [score["value"] for score in report["measures"][0]["scores"]] == [12]
        drawn = other.request("GET", f"{path}/pictures/scores?look_back=90y", headers=headers | {"Accept": "image/png"})
        assert drawn.headers["content-type"] == "image/png"
        position = report["sources"][report["measures"][0]["scores"][0]["source"]]["positions"][0]
        event = other.request("GET", f"/v1/clients/{client_id}/events/{position}", headers=headers).json()
        assert event["data"]["answers"] == body["answers"]
        asked = {"words": "harbour", "budget": 500}
        context = other.request("POST", f"/v1/clients/{client_id}/context", json=asked, headers=headers).json()
        assert [item["kind"] for item in context["items"]] == ["session", "measure"]
        standing = other.request("GET", "/v1/caseload", headers=headers).json()["clients"]
        assert [entry["client_id"] for entry in standing] == [client_id]
