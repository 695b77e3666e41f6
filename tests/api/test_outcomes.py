"""Instruments, measures, goals and risk flags over HTTP: the way of a clinician and a client, and what is refused."""

from uuid import UUID, uuid4

import pytest

from domain.model.risk_flag import RiskFlagNotOverdue
from domain.ports.call import Role

MARK = "Xylographinquisitor"
"""Stands for what a person typed."""
TAKEN_AT = {"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"}
CALM = [2, 1, 2, 1, 0, 2, 1, 0, 0]
GOAL = {"statement": "Take the train alone.", "metric": "percentage", "baseline": 0, "target": 80}
STEPS = [{"text": "One stop.", "due_on": "2026-04-01"}, {"text": "The whole line.", "due_on": "2026-06-01"}]


def filled_in(answers, key="phq-9", **more):
    return {"instrument": key, "taken_at": TAKEN_AT, "answers": answers} | more


@pytest.fixture
def measure(clinician, client_id):
    """`measure(answers, ...)`: the answer to recording a questionnaire."""
    return lambda answers, *named, **more: clinician.post(
        f"/v1/clients/{client_id}/measures", filled_in(answers, *named, **more)
    )


@pytest.fixture
def goal(clinician, client_id):
    """`goal(**changed)`: the answer to setting a goal with these fields changed."""
    return lambda **changed: clinician.post(f"/v1/clients/{client_id}/goals", GOAL | changed)


@pytest.fixture
def flag(clinician, client_id):
    """Where a new flag is read."""
    body = {"level": "high", "reason": "Spoke of a plan."}
    return clinician.post(f"/v1/clients/{client_id}/risk-flags", body).headers["Location"]


def code(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["code"]


def pointers(answer):
    return [fault["pointer"] for fault in answer.json()["errors"]]


def test_instruments_are_listed_and_read_with_their_sources(clinician):
    listed = clinician.get("/v1/instruments").json()["items"]
    assert [one["key"] for one in listed] == ["audit-c", "gad-7", "pcl-5", "phq-9", "who-5"]
    for one in listed:
        whole = clinician.get(f"/v1/instruments/{one['key']}").json()
        assert whole["citations"]
        assert whole["reliable_change"]["threshold"] > 0
        assert {name: whole[name] for name in one} == one
    assert clinician.get("/v1/instruments/phq-9?version=1").json()["version"] == "1"


@pytest.mark.parametrize("path", ["phq-10", "phq-9?version=7"])
def test_what_is_no_instrument_is_not_found_and_those_there_are_are_told(clinician, path):
    answer = clinician.get(f"/v1/instruments/{path}")
    assert code(answer, 404) == "instrument_not_found"
    assert "there are" in answer.json()["detail"]


def test_a_measure_is_recorded_scored_and_listed(clinician, client_id, measure):
    recorded = measure([1] * 7, "gad-7")
    assert recorded.status_code == 201
    shown = clinician.get(recorded.headers["Location"])
    assert (shown.json()["score"], shown.json()["severity"], shown.json()["flag_id"]) == (7.0, "mild", None)
    assert shown.headers["ETag"] == recorded.headers["ETag"] == '"1"'
    listed = clinician.get(f"/v1/clients/{client_id}/measures", Read_After=recorded.headers["Position"]).json()
    assert [one["id"] for one in listed["items"]] == [recorded.json()["id"]]
    assert listed["next"] is None


def test_lists_are_pages_and_a_cursor_is_good_for_its_list_alone(clinician, client_id, measure):
    places = [measure([1] * 7, "gad-7") for _ in range(3)]
    path, after = f"/v1/clients/{client_id}/measures", places[-1].headers["Position"]
    first = clinician.get(f"{path}?limit=2", Read_After=after).json()
    rest = clinician.get(f"{path}?limit=2&cursor={first['next']}").json()
    assert len(first["items"]) == 2
    assert {one["id"] for one in first["items"] + rest["items"]} == {place.json()["id"] for place in places}
    assert rest["next"] is None
    assert code(clinician.get(f"/v1/clients/{client_id}/goals?cursor={first['next']}"), 422) == "cursor_invalid"


def test_a_repeated_recording_is_one_measure_and_one_flag(clinician, client_id):
    path, key = f"/v1/clients/{client_id}/measures", uuid4().hex
    first, again = (clinician.post(path, filled_in([3] * 9), Idempotency_Key=key) for _ in range(2))
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.json() == again.json()
    flags = clinician.get(f"/v1/clients/{client_id}/risk-flags", Read_After=first.headers["Position"]).json()["items"]
    assert [one["measure_id"] for one in flags] == [first.json()["id"]]


@pytest.mark.parametrize(
    ("answers", "error", "pointer"),
    [
        ([4, *CALM[1:]], "answer_out_of_range", "/answers/0"),
        ([*CALM[:8], -1], "answer_out_of_range", "/answers/8"),
        ([*CALM, 0], "answer_out_of_range", "/answers"),
        (CALM[:8], "answers_incomplete", "/answers"),
        ([None, None, None, *CALM[3:]], "answers_incomplete", "/answers"),
        ([None] * 9, "answers_incomplete", "/answers"),
    ],
)
def test_answers_that_give_no_score_are_refused_by_item(measure, answers, error, pointer):
    answer = measure(answers)
    assert code(answer, 422) == error
    assert pointers(answer) == [pointer]


@pytest.mark.parametrize("wrong", ["2", 2.0, True, [2], {}])
def test_answers_are_whole_numbers_and_nothing_is_guessed(measure, wrong):
    answer = measure([wrong, *CALM[1:]])
    assert answer.status_code == 422
    assert pointers(answer)[0].startswith("/answers/0")


def test_where_the_literature_allows_it_a_score_is_estimated_and_elsewhere_refused(clinician, measure):
    shown = clinician.get(measure([2, 1, None, 1, 0, 2, 1, 0, 0]).headers["Location"]).json()
    assert (shown["prorated"], shown["score"], shown["answers"][2]) == (True, 7.88, None)
    refused = measure([None, 5, 5, 5, 5], "who-5")
    assert code(refused, 422) == "answers_incomplete"
    assert refused.json()["facts"]["items"] == "1"


@pytest.mark.parametrize(
    ("changed", "error", "pointer"),
    [
        ({"instrument": "phq-10"}, "instrument_unknown", "/instrument"),
        ({"instrument_version": "7"}, "instrument_version_unknown", "/instrument_version"),
        ({"taken_at": TAKEN_AT | {"instant": "2126-03-02T10:00:00+01:00"}}, "impossible_time", "/taken_at"),
        ({"taken_at": TAKEN_AT | {"zone": "Europe/Atlantis"}}, "unknown_zone", "/taken_at/zone"),
    ],
)
def test_unknown_instruments_versions_and_times_are_refused_by_field(measure, changed, error, pointer):
    answer = measure(CALM, **changed)
    assert code(answer, 422) == error
    assert pointers(answer) == [pointer]


def test_the_refusal_of_a_version_names_those_there_are(measure):
    assert measure(CALM, instrument_version="7").json()["facts"]["known"] == "1"


def test_a_measure_that_tells_of_danger_leads_to_its_flag(clinician, client_id, measure):
    place = measure([*CALM[:8], 2]).headers["Location"]
    flag_id = clinician.get(place).json()["flag_id"]
    flag = clinician.get(f"/v1/risk-flags/{flag_id}").json()
    assert (flag["level"], flag["source"], flag["status"]) == ("high", "item", "raised")
    assert flag["measure_id"] == place.rpartition("/")[2]
    marked = clinician.post(f"{place}/entered-in-error", {"reason": "Wrong chart."}, If_Match='"1"')
    assert marked.status_code == 200
    assert clinician.get(f"/v1/risk-flags/{flag_id}").json()["status"] == "entered_in_error"
    listed = clinician.get(f"/v1/clients/{client_id}/measures", Read_After=marked.headers["Position"]).json()["items"]
    assert [one["status"] for one in listed] == ["entered_in_error"]


def test_clients_answer_their_own_questionnaires_and_are_told_of_no_flag(house, clinician, client_id):
    own = house.account(Role.CLIENT, client_id=client_id)
    answered = own.post(f"/v1/clients/{client_id}/measures", filled_in([3] * 9))
    assert answered.status_code == 201
    place = answered.headers["Location"]
    assert own.get(place).json()["flag_id"] is None
    flag_id = clinician.get(place).json()["flag_id"]
    assert flag_id not in own.get(f"/v1/clients/{client_id}/measures", Read_After=answered.headers["Position"]).text
    for path in (f"/v1/risk-flags/{flag_id}", f"/v1/clients/{client_id}/risk-flags"):
        assert code(own.get(path), 403) == "role_not_permitted"
    journey = own.get(f"/v1/clients/{client_id}/journey", Read_After=answered.headers["Position"]).json()["items"]
    assert {"measure"} <= {item["kind"] for item in journey}
    assert "risk_flag" not in {item["kind"] for item in journey}


def test_clients_neither_answer_for_clinicians_nor_touch_others(house, clinician, client_id):
    own, other = house.account(Role.CLIENT, client_id=client_id), clinician.new_client()
    answer = own.post(f"/v1/clients/{client_id}/measures", filled_in(CALM, completed_by="clinician"))
    assert (code(answer, 422), pointers(answer)) == ("invalid", ["/completed_by"])
    for made in (own.post(f"/v1/clients/{other}/measures", filled_in(CALM)), own.get(f"/v1/clients/{other}/goals")):
        assert code(made, 404) == "client_not_found"


@pytest.fixture
def places(client_id, measure, goal, flag):
    """All that can be read of a client with one of each."""
    lists = [f"/v1/clients/{client_id}/{kind}" for kind in ("measures", "goals", "risk-flags")]
    return [measure(CALM).headers["Location"], goal().headers["Location"], flag, *lists]


def test_strangers_and_other_roles_get_nowhere(operator, colleague, places, flag):
    for place in places:
        assert code(colleague.get(place), 403) == "outside_care_team"
        assert code(operator.get(place), 403) == "role_not_permitted"
    assert code(colleague.post(f"{flag}/acknowledged", {}, If_Match='"1"'), 403) == "outside_care_team"


def test_a_goal_is_set_pursued_completed_and_reopened(clinician, client_id, goal):
    made = goal(milestones=STEPS, due_on="2026-09-30")
    place = made.headers["Location"]
    content = clinician.get(place).json()["content"]
    milestone = content["milestones"][0]["id"]
    moved = clinician.post(f"{place}/progress", {"value": 40, "took_place": TAKEN_AT})
    reached = clinician.post(
        f"{place}/milestones/{milestone}/reached", {"reached_on": "2026-03-01"}, If_Match=moved.headers["ETag"]
    )
    revised = clinician.put(place, content | {"target": 60}, If_Match=reached.headers["ETag"])
    completed = clinician.post(f"{place}/completed", {}, If_Match=revised.headers["ETag"])
    shown = clinician.get(place).json()
    assert (shown["status"], shown["content"]["target"], shown["progress"][0]["value"]) == ("completed", 60, 40)
    assert [one["id"] for one in shown["milestones_reached"]] == [milestone]
    assert [one["id"] for one in shown["content"]["milestones"]] == [one["id"] for one in content["milestones"]]
    assert code(clinician.put(place, content, If_Match=completed.headers["ETag"]), 409) == "goal_not_active"
    assert clinician.post(f"{place}/reopened", If_Match=completed.headers["ETag"]).status_code == 200
    abandoned = clinician.post(f"{place}/abandoned", {"reason": "The job is near now."}, If_Match='"6"')
    listed = clinician.get(f"/v1/clients/{client_id}/goals", Read_After=abandoned.headers["Position"]).json()["items"]
    assert [(one["status"], one["reason"]) for one in listed] == [("abandoned", "The job is near now.")]


@pytest.mark.parametrize(
    ("changed", "error", "pointer"),
    [
        ({"target": None}, "goal_without_target", "/target"),
        ({"target": 0}, "goal_without_target", "/target"),
        ({"metric": "milestones", "target": None, "baseline": None}, "goal_without_target", "/milestones"),
        ({"target": 101}, "out_of_range", "/target"),
        ({"baseline": -1}, "out_of_range", "/baseline"),
        ({"metric": "measure", "instrument": "phq-9", "target": 28}, "out_of_range", "/target"),
        ({"metric": "measure", "instrument": "phq-10"}, "instrument_unknown", "/instrument"),
        ({"metric": "measure"}, "invalid", "/instrument"),
        ({"milestones": STEPS[::-1]}, "milestones_out_of_order", "/milestones/1/due_on"),
        ({"milestones": STEPS, "due_on": "2026-05-01"}, "milestones_out_of_order", "/milestones/1/due_on"),
    ],
)
def test_a_goal_that_cannot_be_right_is_refused_by_field(goal, changed, error, pointer):
    answer = goal(statement=MARK, **changed)
    assert (code(answer, 422), pointers(answer)) == (error, [pointer])
    assert MARK not in answer.text


@pytest.mark.parametrize("day", ["2026-02-30", "02.03.2026", "2026-03-02T10:00:00Z", 20260302, "", True])
def test_a_day_is_a_day_of_the_calendar(goal, day):
    answer = goal(due_on=day)
    assert answer.status_code == 422
    assert pointers(answer) == ["/due_on"]


@pytest.mark.parametrize("value", [101, -0.5, "40", True, None])
def test_percentages_beyond_100_or_none_at_all_are_refused(clinician, goal, value):
    answer = clinician.post(f"{goal().headers['Location']}/progress", {"value": value, "took_place": TAKEN_AT})
    assert answer.status_code == 422
    assert pointers(answer) == ["/value"]


def test_what_a_measure_counts_is_not_told_by_hand(clinician, goal):
    place = goal(metric="measure", instrument="gad-7", baseline=14, target=4).headers["Location"]
    answer = clinician.post(f"{place}/progress", {"value": 40, "took_place": TAKEN_AT})
    assert code(answer, 409) == "goal_progress_not_by_hand"


def test_unknown_and_repeated_milestones_are_refused(clinician, goal):
    place = goal(milestones=STEPS).headers["Location"]
    milestone = clinician.get(place).json()["content"]["milestones"][1]["id"]
    unknown = clinician.post(f"{place}/milestones/{uuid4()}/reached", {}, If_Match='"1"')
    assert code(unknown, 404) == "milestone_not_found"
    assert clinician.post(f"{place}/milestones/{milestone}/reached", {}, If_Match='"1"').status_code == 200
    again = clinician.post(f"{place}/milestones/{milestone}/reached", {}, If_Match='"2"')
    assert code(again, 409) == "milestone_already_reached"


@pytest.mark.parametrize("step", ["completed", "abandoned", "reopened", "entered-in-error"])
def test_changes_of_a_goal_need_the_version_that_was_read(clinician, goal, step):
    place = goal().headers["Location"]
    body = {} if step in {"completed", "reopened"} else {"reason": "x"}
    assert code(clinician.post(f"{place}/{step}", body), 428) == "if_match_missing"
    assert code(clinician.post(f"{place}/{step}", body, If_Match='"7"'), 412) == "stale_version"


def test_sessions_name_goals_of_their_client_only(clinician, client_id, goal):
    own = goal().json()["id"]
    clinician.new_session(client_id, goal_ids=[own])
    elsewhere = clinician.new_client()
    for where, named in ((elsewhere, own), (client_id, str(uuid4()))):
        content = {"took_place": TAKEN_AT, "duration_min": 50, "modality": "video", "summary": "x", "goal_ids": [named]}
        assert code(clinician.post(f"/v1/clients/{where}/sessions", content), 404) == "goal_not_found"


def test_a_flag_is_taken_on_passed_up_and_resolved(clinician, flag):
    assert clinician.post(f"{flag}/acknowledged", {"note": "Called her."}, If_Match='"1"').status_code == 200
    assert clinician.post(f"{flag}/escalated", {}, If_Match='"2"').status_code == 200
    assert clinician.post(f"{flag}/resolved", {"outcome": "Seen at once."}, If_Match='"3"').status_code == 200
    shown = clinician.get(flag).json()
    assert (shown["status"], shown["note"], shown["outcome"]) == ("resolved", "Called her.", "Seen at once.")
    assert shown["acknowledged_by"] == shown["escalated_to"] == shown["resolved_by"] == str(clinician.id)
    assert code(clinician.post(f"{flag}/acknowledged", {}, If_Match='"4"'), 409) == "risk_flag_resolved"


def test_a_flag_is_refused_what_makes_no_sense(clinician, client_id, flag):
    path = f"/v1/clients/{client_id}/risk-flags"
    assert pointers(clinician.post(path, {"level": "none", "reason": "x"})) == ["/level"]
    assert code(clinician.post(path, {"level": "low", "reason": " "}), 422) == "text_not_allowed"
    assert code(clinician.post(path, {"level": "low", "reason": "x", "measure_id": str(uuid4())}), 404) == (
        "measure_not_found"
    )
    refused = clinician.post(f"{flag}/escalated", {"to": str(uuid4())}, If_Match='"1"')
    assert (code(refused, 422), pointers(refused)) == ("invalid", ["/to"])
    assert code(clinician.post(f"{flag}/resolved", {"outcome": "x"}), 428) == "if_match_missing"


def test_of_two_who_take_a_flag_on_the_second_is_told(clinician, flag):
    clinician.post(f"{flag}/acknowledged", {}, If_Match='"1"')
    assert code(clinician.post(f"{flag}/acknowledged", {}, If_Match='"1"'), 412) == "stale_version"
    assert code(clinician.post(f"{flag}/acknowledged", {}, If_Match='"2"'), 409) == "risk_flag_already_acknowledged"


def test_the_worker_passes_up_only_what_nobody_took_on_in_time(house, clinician, flag):
    with pytest.raises(RiskFlagNotOverdue):
        house.system.services.risk_flags.escalate_overdue(house.host_call(), UUID(flag.rpartition("/")[2]))
    assert clinician.get(flag).json()["status"] == "raised"
