"""Progress as JSON, drawn and on paper: who may read it, over which period, and where its figures lead."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import uuid4

import pikepdf
import pytest

from domain.ports.call import Role

NOW = datetime.now(UTC).replace(microsecond=0)
SCORES = (20, 18, 15, 13, 10, 8, 6)
FORMS = {
    "image/svg+xml": b"<svg",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "application/vnd.vegalite.v6+json": b"{",
    "text/plain": b"",
}


def moment(weeks_ago):
    return {"instant": (NOW - timedelta(weeks=weeks_ago)).isoformat().replace("+00:00", "Z"), "zone": "Europe/Berlin"}


def answers(score):
    """Nine answers of 0 to 3 that sum to the score, the ninth 0."""
    full, rest = divmod(score, 3)
    given = [3] * full + ([rest] if rest else [])
    return [*given, *[0] * (9 - len(given))]


def measure(user, client_id, score, weeks_ago):
    body = {"instrument": "phq-9", "taken_at": moment(weeks_ago), "answers": answers(score)}
    answer = user.post(f"/v1/clients/{client_id}/measures", body)
    assert answer.status_code == 201, answer.text
    return answer.headers


@pytest.fixture(scope="module")
def course(clinician):
    """A client who gets better over six weeks: results, sessions, a goal, a missed appointment, a wrong entry."""
    client_id = clinician.new_client()
    for number, score in enumerate(SCORES):
        weeks = len(SCORES) - number
        measure(clinician, client_id, score, weeks)
        emotions = [{"name": "worry", "intensity": 9 - number, "valence": "negative"}]
        clinician.new_session(client_id, took_place=moment(weeks), emotions=emotions)
    goal = {"statement": "Out of the house daily", "metric": "percentage", "baseline": 0, "target": 100}
    assert clinician.post(f"/v1/clients/{client_id}/goals", goal).status_code == 201
    wrong = clinician.new_session(client_id, took_place=moment(2), summary="Of another client.")
    marked = clinician.post(f"{wrong}/entered-in-error", {"reason": "Wrong chart."}, If_Match='"1"')
    return client_id, marked.headers["Position"]


@pytest.fixture
def read(clinician, course):
    """`read(query="", **headers)`: the report of that client."""
    client_id, position = course

    def reading(query="", path="", **headers):
        headers.setdefault("Read_After", position)
        return clinician.get(f"/v1/clients/{client_id}/progress{path}{query}", **headers)

    return reading


def test_a_report_tells_what_changed_and_by_which_rule(read):
    report = read().json()
    (told,) = report["measures"]
    assert [score["value"] for score in told["scores"]] == list(SCORES)
    assert told["change"]["verdict"] == "improving"
    assert told["trend"]["observations"] == len(SCORES)
    assert told["trend"]["verdict"] == "improving"
    assert told["trend"]["rule"]
    assert report["engagement"]["sessions"] == len(SCORES)
    assert (report["left_out"], report["by"]) == (1, None)
    assert [goal["statement"] for goal in report["goals"]] == ["Out of the house daily"]


def test_every_figure_leads_to_events_that_can_be_opened(read, course, clinician):
    report = read().json()
    last = report["measures"][0]["scores"][-1]
    source = report["sources"][last["source"]]
    events = [clinician.get(f"/v1/clients/{course[0]}/events/{position}").json() for position in source["positions"]]
    assert [(event["kind"], event["resource_id"]) for event in events] == [("measure.recorded", source["id"])]
    assert events[0]["data"]["score"] == last["value"]


def test_a_report_changes_with_the_write_it_is_asked_to_follow(clinician):
    client_id = clinician.new_client()
    first = measure(clinician, client_id, 12, 3)
    before = clinician.get(f"/v1/clients/{client_id}/progress", Read_After=first["Position"]).json()
    second = measure(clinician, client_id, 5, 1)
    after = clinician.get(f"/v1/clients/{client_id}/progress", Read_After=second["Position"]).json()
    counts = [len(report["measures"][0]["scores"]) for report in (before, after)]
    assert counts == [1, 2]
    assert before["measures"][0]["change"] is None
    assert after["measures"][0]["change"]["difference"] == -7


def test_a_result_entered_in_error_counts_for_nothing(clinician):
    client_id = clinician.new_client()
    measure(clinician, client_id, 12, 3)
    made = measure(clinician, client_id, 27, 1)
    marked = clinician.post(f"{made['Location']}/entered-in-error", {"reason": "Another's."}, If_Match=made["ETag"])
    report = clinician.get(f"/v1/clients/{client_id}/progress", Read_After=marked.headers["Position"]).json()
    assert [score["value"] for score in report["measures"][0]["scores"]] == [12]
    assert report["left_out"] >= 1


def test_a_client_without_events_has_a_report_that_says_nothing(clinician):
    client_id = clinician.new_client()
    answer = clinician.get(f"/v1/clients/{client_id}/progress?by=week")
    report = answer.json()
    assert (answer.status_code, report["measures"], report["goals"], report["events"]) == (200, [], [], 0)
    assert report["engagement"]["attendance_rate"] is None
    drawn = clinician.get(f"/v1/clients/{client_id}/progress/pictures/scores")
    assert (drawn.status_code, drawn.json()["code"]) == (404, "nothing_to_draw")
    paper = clinician.get(f"/v1/clients/{client_id}/progress", Accept="application/pdf")
    assert paper.content.startswith(b"%PDF-")


def test_one_result_is_told_and_not_judged(clinician):
    client_id = clinician.new_client()
    made = measure(clinician, client_id, 12, 3)
    (told,) = clinician.get(f"/v1/clients/{client_id}/progress", Read_After=made["Position"]).json()["measures"]
    assert (told["change"], told["trend"]["verdict"], told["trend"]["estimate"]) == (None, "insufficient_data", None)


# Periods


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("?look_back=-3d", "look_back_not_understood", "look_back"),
        ("?look_back=", "fields_invalid", "look_back"),
        ("?look_back=5%20fortnights", "look_back_not_understood", "look_back"),
        ("?look_back=0d", "look_back_not_understood", "look_back"),
        ("?look_back=3", "look_back_not_understood", "look_back"),
        ("?look_back=200y", "look_back_not_understood", "look_back"),
        ("?since=2026-03-01T00:00:00Z&until=2026-02-01T00:00:00Z", "period_not_possible", "until"),
        ("?since=2026-03-01T00:00:00Z&look_back=3d", "period_not_possible", "since"),
        ("?since=0001-01-01T00:00:00Z", "impossible_time", "since"),
        ("?since=2199-01-01T00:00:00Z", "period_not_possible", "since"),
        ("?look_back=1y&until=0001-01-01T00:00:00Z", "impossible_time", "until"),
        ("?look_back=10y&by=day", "too_many_buckets", None),
    ],
    ids=str,
)
def test_periods_that_can_not_be_meant_are_refused_by_name(read, query, code, field):
    for path in ("", "/pictures/scores"):
        answer = read(query, path)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert field is None or answer.json()["errors"][0]["pointer"] == field


@pytest.mark.parametrize(
    "query", ["?by=fortnight", "?since=yesterday", "?since=2026-03-01T00:00:00", "?zone=Mars/Base"]
)
def test_what_is_no_period_at_all_is_refused_in_form(read, query):
    assert (read(query).status_code, read(query).json()["code"]) == (422, "fields_invalid")


def test_a_look_back_counts_what_lies_in_it(read):
    within = read("?look_back=24d").json()["measures"][0]["scores"]
    assert [score["value"] for score in within] == list(SCORES[-3:])


def test_days_of_changed_clocks_have_23_and_25_hours(another_house, new_settings, tmp_path):
    settings = new_settings(tmp_path, ANAMNESIS_CLINIC_ZONE="Europe/Berlin")
    with another_house(settings) as berlin:
        clinician = berlin.account(Role.CLINICIAN)
        client_id = clinician.new_client()
        late = {"instant": "2025-03-30T23:30:00+02:00", "zone": "Europe/Berlin"}
        body = {"instrument": "phq-9", "taken_at": late, "answers": answers(9)}
        made = clinician.post(f"/v1/clients/{client_id}/measures", body)
        path = f"/v1/clients/{client_id}/progress?by=day&since="
        spring = clinician.get(
            f"{path}2025-03-29T23:00:00Z&until=2025-03-31T22:00:00Z", Read_After=made.headers["Position"]
        ).json()
        autumn = clinician.get(f"{path}2025-10-25T22:00:00Z&until=2025-10-26T23:00:00Z").json()
    hours = [hours_of(bucket) for report in (spring, autumn) for bucket in report["buckets"]]
    assert hours == [23, 24, 25]
    assert [bucket["label"] for bucket in spring["buckets"]] == ["2025-03-30", "2025-03-31"]
    assert [summary["count"] for summary in spring["measures"][0]["buckets"]] == [1, 0]


def hours_of(bucket):
    since, until = (datetime.fromisoformat(bucket[end]) for end in ("since", "until"))
    return (until - since) / timedelta(hours=1)


# Forms


@pytest.mark.parametrize("picture", ["scores", "goals", "emotions", "journey"])
@pytest.mark.parametrize("form", list(FORMS), ids=["svg", "png", "spec", "words"])
def test_pictures_come_in_the_form_that_is_accepted(read, picture, form):
    answer = read(path=f"/pictures/{picture}", Accept=form)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, form)
    assert answer.content.startswith(FORMS[form])
    assert answer.headers["vary"] == "Accept"


def test_without_a_wish_a_picture_is_svg_and_a_report_json(read):
    assert read(path="/pictures/scores").headers["content-type"] == "image/svg+xml"
    assert read(Accept="text/html, */*;q=0.1").headers["content-type"] == "application/json"


def test_the_words_for_a_picture_stand_in_the_picture_too(read):
    words = read(path="/pictures/scores", Accept="text/plain").text
    assert len(words) > 40
    assert words.split(".")[0] in read(path="/pictures/scores").text


def test_forms_that_there_are_none_of_are_named_in_the_refusal(read):
    for path, offered in (("", "application/pdf"), ("/pictures/scores", "image/png")):
        answer = read(path=path, Accept="application/xml")
        assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
        assert offered in answer.json()["facts"]["offered"]
        assert answer.headers["vary"] == "Accept"
        assert answer.headers["content-type"] == "application/problem+json"


def test_pictures_that_there_are_none_of_are_refused(read):
    assert read(path="/pictures/portrait").status_code == 422
    missing = read("?instrument=gad-7", path="/pictures/scores")
    assert (missing.status_code, missing.json()["code"]) == (404, "nothing_to_draw")


def test_paper_names_the_client_for_people_and_in_no_file_name(read, course):
    paper = read(Accept="application/pdf")
    assert paper.headers["content-type"] == "application/pdf"
    named = paper.headers["content-disposition"]
    assert "Okonkwo" not in named
    assert course[0] not in named
    with pikepdf.open(BytesIO(paper.content)) as pdf:
        assert pdf.Root.MarkInfo.Marked


def test_the_same_report_is_the_same_paper(read):
    query = f"?since=2025-01-01T00:00:00Z&until={(NOW - timedelta(days=1)).isoformat().replace('+', '%2B')}"
    assert read(query, Accept="application/pdf").content == read(query, Accept="application/pdf").content


def test_paper_without_a_name_reads_no_identity(house, clinician, course, officer):
    plain = clinician.get(f"/v1/clients/{course[0]}/progress?named=false", Accept="application/pdf")
    named = clinician.get(f"/v1/clients/{course[0]}/progress", Accept="application/pdf")
    entries = house.audit(officer)
    actions = [
        {one["action"] for one in entries if one["request_id"] == answer.headers["x-request-id"]}
        for answer in (plain, named)
    ]
    assert actions == [{"progress.read"}, {"progress.read", "identity.read"}]


def test_drawing_is_on_record_as_reading(house, clinician, course, officer):
    drawn = clinician.get(f"/v1/clients/{course[0]}/progress/pictures/scores")
    entry = next(one for one in house.audit(officer) if one["request_id"] == drawn.headers["x-request-id"])
    assert (entry["action"], entry["client_id"], entry["outcome"]) == ("progress.read", course[0], "allowed")


# Who


def test_strangers_colleagues_and_other_roles_see_nothing(house, course, colleague, engineer, operator):
    path = f"/v1/clients/{course[0]}/progress"
    assert colleague.get(path, Accept="application/pdf").status_code == 403
    for address in (path, f"{path}/pictures/scores"):
        assert house.get(address).status_code == 401
        assert colleague.get(address).json()["code"] == "outside_care_team"
        for user in (engineer, operator):
            assert user.get(address).json()["code"] == "role_not_permitted"


def test_nobody_finds_out_what_a_client_of_others_may_be(clinician):
    answer = clinician.get(f"/v1/clients/{uuid4()}/progress")
    assert (answer.status_code, answer.json()["code"]) == (404, "client_not_found")


def test_clients_see_their_own_progress_without_flags_and_unsigned_sessions(house, clinician):
    client_id = clinician.new_client()
    own = house.account(Role.CLIENT, client_id=client_id)
    signed = clinician.new_session(client_id, took_place=moment(2))
    clinician.new_session(client_id, took_place=moment(1))
    clinician.post(f"{signed}/signature", If_Match='"1"')
    made = measure(clinician, client_id, 12, 2)
    raised = clinician.post(f"/v1/clients/{client_id}/risk-flags", {"level": "low", "reason": "Sleeps badly."})
    path = f"/v1/clients/{client_id}/progress"
    seen = own.get(path, Read_After=raised.headers["Position"]).json()
    assert (seen["engagement"]["sessions"], seen["flags"]) == (1, [])
    assert len(clinician.get(path, Read_After=made["Position"]).json()["flags"]) == 1
    assert own.get(path, Accept="application/pdf").content.startswith(b"%PDF-")
    assert own.get(f"{path}/pictures/scores").status_code == 200
    assert own.get(f"/v1/clients/{clinician.new_client()}/progress").status_code == 404
