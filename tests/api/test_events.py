"""Single events: opened for whoever may read the record, and for nobody else."""

import pytest

from domain.ports.call import Role


@pytest.fixture(scope="module")
def chart(clinician):
    """(client, path of a session, its items' positions)."""
    client_id = clinician.new_client()
    session = clinician.new_session(client_id)
    signed = clinician.post(f"{session}/signature", If_Match='"1"')
    journey = clinician.get(f"/v1/clients/{client_id}/journey?kind=session", Read_After=signed.headers["Position"])
    (item,) = journey.json()["items"]
    return client_id, session.rpartition("/")[2], item["positions"]


def not_there(answer):
    return (answer.status_code, answer.json()["code"]) == (404, "event_not_found")


def test_events_open_as_they_were_stored(clinician, chart):
    client_id, session_id, positions = chart
    opened = [clinician.get(f"/v1/clients/{client_id}/events/{position}").json() for position in positions]
    assert [event["kind"] for event in opened] == ["session.recorded", "session.signed"]
    assert {event["resource_id"] for event in opened} == {session_id}
    assert [event["version"] for event in opened] == [1, 2]
    assert opened[0]["data"]["content"]["summary"] == "Talked about the week."
    assert len(opened[0]["leaf"]) == 64
    assert {event["record_class"] for event in opened} == {"journal"}


def test_events_of_other_clients_are_not_there(clinician, chart):
    other = clinician.new_client()
    assert not_there(clinician.get(f"/v1/clients/{other}/events/{chart[2][0]}"))


def test_nothing_but_journal_and_measures_opens(house, clinician, chart):
    client_id, _, _ = chart
    opened = {"journal", "measures"}
    last = house.system.recorder.last_position()
    rows = house.system.recorder.read_log(0, last)
    assert {row.record_class for row in rows} - opened >= {"identity", "audit", "access"}
    for row in rows:
        if row.record_class in opened and str(row.subject) == client_id:
            continue
        answer = clinician.get(f"/v1/clients/{client_id}/events/{row.position}")
        assert not_there(answer), row.record_class
        if row.position > 60:
            break


def test_positions_beyond_the_log_are_not_there(clinician, chart):
    for position in (10**9, 2**63 - 1):
        assert not_there(clinician.get(f"/v1/clients/{chart[0]}/events/{position}"))


@pytest.mark.parametrize("position", ["0", "-1", str(2**63), "one"])
def test_what_is_no_position_is_refused(clinician, chart, position):
    answer = clinician.get(f"/v1/clients/{chart[0]}/events/{position}")
    assert (answer.status_code, answer.json()["code"]) == (422, "fields_invalid")


def test_only_the_care_team_opens_events(house, clinician, colleague, operator, chart):
    client_id, _, positions = chart
    path = f"/v1/clients/{client_id}/events/{positions[0]}"
    own = house.account(Role.CLIENT, client_id=client_id)
    assert house.get(path).status_code == 401
    assert colleague.get(path).json()["code"] == "outside_care_team"
    for user in (own, operator):
        assert user.get(path).json()["code"] == "role_not_permitted"


def test_reading_and_trying_are_on_record(house, clinician, chart, officer):
    client_id, session_id, positions = chart
    read = clinician.get(f"/v1/clients/{client_id}/events/{positions[0]}")
    tried = clinician.get(f"/v1/clients/{clinician.new_client()}/events/{positions[0]}")
    entries = {one["request_id"]: one for one in house.audit(officer, "&action=event.read")}
    assert session_id in entries[read.headers["x-request-id"]]["resources"]
    denied = entries[tried.headers["x-request-id"]]
    assert (denied["outcome"], denied["reason"]) == ("denied", "event_not_found")
