"""Lists: cursors that nobody else can use, and reads that have seen what was written."""

from uuid import uuid4

import pytest


@pytest.fixture(scope="module")
def long_history(clinician):
    """A client with seven sessions, an appointment and a consent."""
    client_id = clinician.new_client()
    for day in range(1, 8):
        moment = {"instant": f"2026-03-0{day}T10:00:00+01:00", "zone": "Europe/Berlin"}
        clinician.new_session(client_id, took_place=moment)
    clinician.new_appointment(client_id)
    consent = {"purpose": "research", "document": "form/1", "given_at": "2026-03-02T10:00:00Z"}
    last = clinician.post(f"/v1/clients/{client_id}/consents", consent)
    return client_id, last.headers["Position"]


def pages(user, path, position):
    """All pages of a list."""
    cursor, found = "", []
    while cursor is not None:
        answer = user.get(path + (f"&cursor={cursor}" if cursor else ""), Read_After=position)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        cursor = answer.json()["next"]
    return found


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_pages_of_a_journey_are_the_whole_of_it_in_order(clinician, long_history, limit):
    client_id, position = long_history
    whole = pages(clinician, f"/v1/clients/{client_id}/journey?limit=2000", position)[0]
    found = pages(clinician, f"/v1/clients/{client_id}/journey?limit={limit}", position)
    assert [item for page in found for item in page] == whole
    assert all(len(page) <= limit for page in found)
    assert [item["happened_at"] for item in whole] == sorted(item["happened_at"] for item in whole)


def test_journey_can_be_narrowed_to_kinds_and_times(clinician, long_history):
    client_id, position = long_history
    found = pages(
        clinician,
        f"/v1/clients/{client_id}/journey?kind=session&since=2026-03-03T00:00:00Z&until=2026-03-06T00:00:00Z&limit=2",
        position,
    )
    days = [item["happened_at"][:10] for page in found for item in page]
    assert days == ["2026-03-03", "2026-03-04", "2026-03-05"]


def test_item_of_a_journey_reads_as_the_resource_does(clinician, long_history):
    client_id, position = long_history
    item = pages(clinician, f"/v1/clients/{client_id}/journey?kind=session&limit=1", position)[0][0]
    assert item["content"] == clinician.get(f"/v1/sessions/{item['id']}").json()
    assert item["happened_at"] < item["recorded_at"]


def test_pages_of_the_audit_are_the_whole_of_it_newest_first(house, officer, clinician, long_history):
    position = str(house.system.recorder.last_position())
    query = f"/v1/audit?actor_id={clinician.id}"
    whole = pages(officer, f"{query}&limit=1000", position)[0]
    found = pages(officer, f"{query}&limit=5", position)
    assert [entry for page in found for entry in page] == whole
    assert len(whole) > 10
    positions = [entry["position"] for entry in whole]
    assert positions == sorted(positions, reverse=True)


@pytest.fixture
def cursor(clinician, long_history):
    """The cursor of the first page of a journey."""
    client_id, position = long_history
    answer = clinician.get(f"/v1/clients/{client_id}/journey?limit=2&kind=session", Read_After=position)
    return answer.json()["next"]


def refused(answer):
    return (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")


def test_cursor_is_opaque(long_history, cursor):
    assert long_history[0] not in cursor
    assert len(cursor) < 300


def test_cursor_that_was_tampered_with_is_refused(clinician, long_history, cursor):
    path = f"/v1/clients/{long_history[0]}/journey?limit=2&kind=session&cursor="
    middle = len(cursor) // 2
    other = "A" if cursor[middle] != "A" else "B"
    for changed in (cursor[:middle] + other + cursor[middle + 1 :], cursor[:-4], cursor + "AAAA", "nonsense", "Ü"):
        assert refused(clinician.get(path + changed))
    assert clinician.get(path + cursor).status_code == 200


def test_cursor_of_another_query_is_refused(clinician, long_history, cursor):
    base = f"/v1/clients/{long_history[0]}/journey?limit=2"
    for query in ("", "&kind=appointment", "&kind=session&kind=client", "&kind=session&since=2026-01-01T00:00:00Z"):
        assert refused(clinician.get(f"{base}{query}&cursor={cursor}"))


def test_cursor_of_another_list_is_refused(clinician, cursor):
    assert refused(clinician.get(f"/v1/audit/mine?cursor={cursor}"))
    assert refused(clinician.get(f"/v1/clients/{clinician.new_client()}/journey?kind=session&cursor={cursor}"))


def test_cursor_of_another_caller_is_refused(clinician, colleague, long_history, cursor):
    client_id = long_history[0]
    clinician.put(f"/v1/clients/{client_id}/care-team/{colleague.id}", {"relation": "clinician"})
    assert refused(colleague.get(f"/v1/clients/{client_id}/journey?limit=2&kind=session&cursor={cursor}"))
    clinician.delete(f"/v1/clients/{client_id}/care-team/{colleague.id}")


def test_page_size_may_change_between_pages(clinician, long_history, cursor):
    path = f"/v1/clients/{long_history[0]}/journey?kind=session&limit=4&cursor={cursor}"
    assert len(clinician.get(path).json()["items"]) == 4


def test_read_shows_the_write_whose_position_it_names(clinician, client_id):
    for _ in range(5):
        written = clinician.post(
            f"/v1/clients/{client_id}/consents",
            {"purpose": "research", "document": "form/1", "given_at": "2026-03-02T10:00:00Z"},
        )
        answer = clinician.get(f"/v1/clients/{client_id}/journey?kind=consent", Read_After=written.headers["Position"])
        assert int(written.headers["Position"]) >= answer.json()["items"][-1]["positions"][0]
    assert len(answer.json()["items"]) == 5


def test_read_after_a_position_that_does_not_come_is_told_to_come_back(house, clinician, client_id):
    future = str(house.system.recorder.last_position() + 1_000_000)
    answer = clinician.get(f"/v1/clients/{client_id}/journey", Read_After=future)
    assert (answer.status_code, answer.json()["code"]) == (503, "view_behind")
    assert int(answer.headers["Retry-After"]) >= 1


def test_caseload_lists_the_clients_one_cares_for(house, supervisor):
    client_id = supervisor.new_client()
    position = str(house.system.recorder.last_position())
    items = supervisor.get("/v1/clients", Read_After=position).json()["items"]
    assert {"client_id": client_id, "name": "Tamsin Okonkwo", "status": "active", "sessions": 0} == {
        key: items[-1][key] for key in ("client_id", "name", "status", "sessions")
    }


def test_unknown_client_has_no_journey(clinician):
    assert clinician.get(f"/v1/clients/{uuid4()}/journey").status_code == 404
