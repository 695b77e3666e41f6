"""The journey narrowed by goal, theme, class and look-back, and the list of what waits to be done."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.ports.call import Role
from tests.api.conftest import CONTENT


def moment(days_ago: float) -> dict[str, str]:
    return {"instant": (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(), "zone": "UTC"}


@pytest.fixture(scope="module")
def clinician(house):
    return house.account(Role.CLINICIAN)


@pytest.fixture(scope="module")
def told(clinician):
    """A client with a goal, sessions that touch it or not, measures of its instrument and of another, and a flag."""
    client_id = clinician.new_client()

    def made(path: str, body: dict) -> str:
        answer = clinician.post(f"/v1/clients/{client_id}/{path}", body)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"].rpartition("/")[2]

    content = {"statement": "Worry less.", "metric": "measure", "instrument": "gad-7", "baseline": 15, "target": 5}
    ids = {"client": client_id, "goal": made("goals", content)}
    ids["touched"] = made(
        "sessions", CONTENT | {"took_place": moment(40), "goal_ids": [ids["goal"]], "themes": ["Sleep"]}
    )
    ids["other"] = made("sessions", CONTENT | {"took_place": moment(20), "themes": ["work", "sleep"]})
    ids["gad7"] = made("measures", {"instrument": "gad-7", "taken_at": moment(30), "answers": [1] * 7})
    ids["phq9"] = made("measures", {"instrument": "phq-9", "taken_at": moment(10), "answers": [0] * 8 + [2]})
    ids["position"] = clinician.post(f"/v1/clients/{client_id}/sessions", CONTENT).headers["Position"]
    return ids


def found(user, told, query: str) -> list[dict]:
    """All items, however they are cut into pages; each page but the last is full."""
    path, items, cursor = f"/v1/clients/{told['client']}/journey?limit=2&{query}", [], ""
    while True:
        answer = user.get(path + cursor, Read_After=told["position"])
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if answer.json()["next"] is None:
            return items
        assert len(answer.json()["items"]) == 2
        cursor = f"&cursor={answer.json()['next']}"


def ids(items: list[dict]) -> set[str]:
    return {item["id"] for item in items}


def test_a_goal_brings_the_sessions_that_touched_it_and_the_measures_it_is_counted_by(clinician, told):
    items = found(clinician, told, f"goal={told['goal']}")
    assert ids(items) == {told["goal"], told["touched"], told["gad7"]}
    assert {item["kind"] for item in items} == {"goal", "session", "measure"}


def test_a_theme_is_found_whatever_its_case(clinician, told):
    assert ids(found(clinician, told, "theme=SLEEP")) == {told["touched"], told["other"]}
    assert ids(found(clinician, told, "theme=work")) == {told["other"]}
    assert found(clinician, told, "theme=wor") == []


def test_measures_are_a_class_and_the_journal_is_all_else(clinician, told):
    assert ids(found(clinician, told, "class=measures")) == {told["gad7"], told["phq9"]}
    journal = found(clinician, told, "class=journal")
    assert not {item["kind"] for item in journal} & {"measure"}
    whole = found(clinician, told, "")
    assert len(whole) == len(journal) + 2


def test_filters_hold_together_and_may_leave_nothing(clinician, told):
    assert ids(found(clinician, told, f"goal={told['goal']}&theme=sleep")) == {told["touched"]}
    assert found(clinician, told, "kind=measure&class=journal") == []
    assert ids(found(clinician, told, "kind=risk_flag&kind=goal")) >= {told["goal"]}


def test_a_look_back_begins_with_a_day_and_shows_what_lies_ahead(clinician, told):
    recent = found(clinician, told, "look_back=25d&kind=session&kind=measure")
    assert ids(recent) >= {told["other"], told["phq9"]}
    assert not ids(recent) & {told["touched"], told["gad7"]}
    assert ids(found(clinician, told, "look_back=6w&kind=session")) >= {told["touched"], told["other"]}


@pytest.mark.parametrize("wrong", ["-3d", "5 fortnights", "0d", "3", "d", "999999y"])
def test_a_look_back_that_is_none_is_refused_and_not_repeated(clinician, told, wrong):
    answer = clinician.get(f"/v1/clients/{told['client']}/journey?look_back={wrong}")
    assert answer.status_code == 422
    assert answer.json()["code"] == "look_back_not_understood"
    assert "fortnights" not in answer.text
    assert answer.json()["errors"][0]["pointer"] == "look_back"


def test_two_beginnings_are_one_too_many(clinician, told):
    path = f"/v1/clients/{told['client']}/journey?look_back=3d&since=2026-01-01T00:00:00Z"
    assert clinician.get(path).json()["code"] == "impossible_time"


def test_a_goal_of_another_client_is_not_found(clinician, told):
    other = clinician.new_client()
    answer = clinician.get(f"/v1/clients/{other}/journey?goal={told['goal']}", Read_After=told["position"])
    assert (answer.status_code, answer.json()["code"]) == (404, "goal_not_found")


def test_a_cursor_of_one_filter_is_none_of_another(clinician, told):
    path = f"/v1/clients/{told['client']}/journey?limit=1"
    cursor = clinician.get(f"{path}&theme=sleep", Read_After=told["position"]).json()["next"]
    assert clinician.get(f"{path}&theme=work&cursor={cursor}").json()["code"] == "cursor_invalid"


def test_the_client_sees_measures_and_no_flag_and_no_unsigned_session(house, clinician, told):
    own = house.account(Role.CLIENT, client_id=told["client"])
    kinds = {item["kind"] for item in found(own, told, "")}
    assert "measure" in kinds
    assert not kinds & {"risk_flag", "session"}
    assert found(own, told, "kind=risk_flag") == []


def test_what_waits_is_listed_and_leaves_the_list_when_it_is_done(clinician, told):
    listed = clinician.get("/v1/worklist", Read_After=told["position"])
    assert listed.status_code == 200
    waiting = {(item["kind"], item["resource_id"]) for item in listed.json()["items"]}
    assert {("session_unsigned", told["touched"]), ("session_unsigned", told["other"])} <= waiting
    signed = clinician.post(f"/v1/sessions/{told['other']}/signature", If_Match='"1"')
    assert signed.status_code == 200
    again = clinician.get("/v1/worklist", Read_After=signed.headers["Position"]).json()["items"]
    assert ("session_unsigned", told["other"]) not in {(item["kind"], item["resource_id"]) for item in again}


def test_pages_of_the_list_are_the_whole_of_it_in_order(clinician, told):
    whole = clinician.get("/v1/worklist", Read_After=told["position"]).json()
    assert whole["next"] is None
    assert len(whole["items"]) > 1
    items, cursor = [], ""
    while cursor is not None:
        page = clinician.get(f"/v1/worklist?limit=1{cursor and f'&cursor={cursor}'}").json()
        items += page["items"]
        cursor = page["next"]
    assert items == whole["items"]


def test_the_list_of_somebody_else_is_empty_and_that_of_an_operator_denied(house):
    assert house.account(Role.CLINICIAN).get("/v1/worklist").json() == {"items": [], "next": None}
    answer = house.operator.get("/v1/worklist")
    assert (answer.status_code, answer.json()["code"]) == (403, "role_not_permitted")
