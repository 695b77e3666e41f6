"""Contexts over HTTP: who may have one, what it must not hold, and what is put on record."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.ports.call import Role

NOW = datetime.now(UTC).replace(microsecond=0)


def at(weeks_ago):
    return {"instant": (NOW - timedelta(weeks=weeks_ago)).isoformat().replace("+00:00", "Z"), "zone": "Europe/Berlin"}


@pytest.fixture(scope="module")
def chart(clinician):
    """A client with a year of sessions that differ, results, a goal, a flag and a safety plan; and the last position."""
    client_id = clinician.new_client()
    base = f"/v1/clients/{client_id}"
    words = ("garden", "violin", "harbour", "ladder", "kettle", "bridge", "lantern", "marble", "orchard", "window")
    for number, word in enumerate(words):
        summary = f"Spoke at length about the {word}, and what it had been like. {word.capitalize()} number {number}."
        clinician.new_session(client_id, took_place=at(50 - 5 * number), summary=summary, themes=[word])
    for weeks in (20, 10, 1):
        body = {"instrument": "gad-7", "taken_at": at(weeks), "answers": [1, 2, 1, 2, 1, 2, 1]}
        assert clinician.post(f"{base}/measures", body).status_code == 201
    goal = {"statement": "Play in company again", "metric": "percentage", "baseline": 0, "target": 100}
    goal_id = clinician.post(f"{base}/goals", goal).json()["id"]
    assert clinician.put(f"{base}/safety-plan", {"warning_signs": ["Locks the door"]}).status_code == 201
    flag = clinician.post(f"{base}/risk-flags", {"level": "moderate", "reason": "Gave her violin away."})
    wrong = clinician.new_session(client_id, took_place=at(1), summary="The trombone of another client.")
    marked = clinician.post(f"{wrong}/entered-in-error", {"reason": "Wrong chart."}, If_Match='"1"')
    assert flag.status_code == 201
    return client_id, goal_id, marked.headers["Position"]


@pytest.fixture
def ask(clinician, chart):
    """`ask(**body)`: the context of that client."""

    def asking(**body):
        return clinician.post(f"/v1/clients/{chart[0]}/context", body, Read_After=chart[2])

    return asking


def kinds(context):
    return [item["kind"] for item in context["items"]]


def test_all_of_a_short_record_fits_and_is_in_order(ask):
    context = ask().json()
    assert context["tokens"] <= context["budget"] == 8192
    assert sorted(kinds(context)) == sorted(["session"] * 10 + ["measure", "goal", "risk_flag", "safety_plan"])
    times = [item["happened_at"] for item in context["items"]]
    assert times == sorted(times)
    assert context["left_out"] == {}
    assert context["entered_in_error"] == 1
    assert "trombone" not in str(context)
    assert "Okonkwo" not in str(context)


def test_a_small_budget_keeps_safety_and_what_was_asked_for(ask):
    context = ask(budget=400, words="What about the violin?").json()
    assert context["tokens"] <= 400
    assert {"risk_flag", "safety_plan"} <= set(kinds(context))
    found = [item for item in context["items"] if any(reason["code"] == "words" for reason in item["because"])]
    assert any("violin" in item["text"] for item in found)
    assert context["left_out"]["session"] > 0
    assert context["chosen_by"] == ["recency/1", "bm25/1"]


def test_sources_lead_to_events(ask, clinician, chart):
    item = next(one for one in ask(kinds=["session"]).json()["items"] if one["kind"] == "session")
    (source,) = item["sources"]
    event = clinician.get(f"/v1/clients/{chart[0]}/events/{source['positions'][0]}").json()
    assert (event["resource_id"], event["kind"]) == (item["id"], "session.recorded")


def test_scores_come_as_the_newest_with_its_course(ask):
    (measure,) = [one for one in ask().json()["items"] if one["kind"] == "measure"]
    assert len(measure["sources"]) == 3
    assert "GAD-7: 10" in measure["text"]


def test_filters_leave_what_safety_and_the_present_ask_for(ask, chart):
    context = ask(kinds=["measure"], look_back="15w").json()
    assert sorted(kinds(context)) == ["measure", "risk_flag", "safety_plan"]
    assert len(next(one for one in context["items"] if one["kind"] == "measure")["sources"]) == 2
    recent = ask(look_back="12w").json()
    assert kinds(recent).count("session") == 2
    assert "goal" in kinds(recent)
    assert "measure" not in kinds(ask(classes=["journal"]).json())
    themed = ask(themes=["lantern"], goals=[chart[1]], only=True).json()
    assert sorted(kinds(themed)) == ["goal", "risk_flag", "safety_plan", "session"]


def test_the_same_question_has_the_same_answer(ask):
    until = NOW.isoformat()
    first, second = (ask(budget=900, words="harbour bridge", until=until).json() for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"budget": 10}, "fields_invalid"),
        ({"budget": 10**9}, "fields_invalid"),
        ({"look_back": "-3d"}, "look_back_not_understood"),
        ({"look_back": ""}, "fields_invalid"),
        ({"look_back": "5 fortnights"}, "look_back_not_understood"),
        ({"look_back": "1y", "since": "2026-01-01T00:00:00Z"}, "impossible_time"),
        ({"since": "2026-03-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}, "period_not_possible"),
        ({"since": "2026-03-01T00:00:00"}, "zoneless_time"),
        ({"until": "0001-01-01T00:00:00Z", "look_back": "1y"}, "impossible_time"),
        ({"kinds": ["client"]}, "fields_invalid"),
        ({"classes": ["notes"]}, "fields_invalid"),
        ({"goals": ["01950f2e-6d3b-7c11-9a52-6a4f5f0f3d11"] * 2}, "out_of_range"),
        ({"words": "x" * 2001}, "fields_invalid"),
        ({"words": "a\u0000b"}, "text_not_allowed"),
        ({"themes": [" "]}, "text_not_allowed"),
    ],
    ids=lambda value: str(value)[:50].replace("\x00", "NUL"),
)
def test_what_can_not_be_meant_is_refused(ask, body, code):
    answer = ask(**body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_an_empty_record_gives_an_empty_context(clinician):
    context = clinician.post(f"/v1/clients/{clinician.new_client()}/context", {"words": "anything"}).json()
    assert (context["items"], context["tokens"]) == ([], 0)


def test_the_record_of_a_choice_names_what_was_shown_and_not_what_was_asked(house, clinician, chart, officer):
    answer = clinician.post(f"/v1/clients/{chart[0]}/context", {"budget": 500, "words": "marble"}, Read_After=chart[2])
    entry = next(one for one in house.audit(officer) if one["request_id"] == answer.headers["x-request-id"])
    assert entry["action"] == "context.read"
    assert set(entry["resources"]) == {chart[0], *(item["id"] for item in answer.json()["items"])}
    assert "marble" not in str(entry)


def test_only_the_care_team_has_contexts(house, chart, colleague, operator, engineer):
    path = f"/v1/clients/{chart[0]}/context"
    own = house.account(Role.CLIENT, client_id=chart[0])
    assert house.post(path, {}).status_code == 401
    assert colleague.post(path, {}).json()["code"] == "outside_care_team"
    for user in (own, operator, engineer):
        assert user.post(path, {}).json()["code"] == "role_not_permitted"


def test_transcripts_are_told_by_the_lines_that_say_the_words(clinician):
    client_id = clinician.new_client()
    session = clinician.new_session(client_id, took_place=at(2))
    lines = [f"Line {number} about nothing much." for number in range(200)]
    lines[120] = "I hid the lighthouse keeper's letters."
    said = [{"number": number, "speaker": "client", "text": text} for number, text in enumerate(lines, 1)]
    made = clinician.put(f"{session}/transcript", {"utterances": said})
    assert made.status_code == 201, made.text
    path = f"/v1/clients/{client_id}/context"
    asked = {"budget": 600, "words": "lighthouse"}
    context = clinician.post(path, asked, Read_After=made.headers["Position"]).json()
    (transcript,) = [item for item in context["items"] if item["kind"] == "transcript"]
    assert "client: I hid the lighthouse keeper's letters." in transcript["text"]
    assert not transcript["whole"]
    assert "transcript" not in kinds(clinician.post(path, {}).json())
