"""Plans, diagnoses, medications and transcripts over HTTP: who is refused first, then what a clinician does with them."""

from uuid import uuid4

import pytest

from domain.ports.call import Role

PLAN = {
    "presenting_problems": ["Avoids trains", "Sleeps badly"],
    "formulation": "Avoidance keeps the fear alive.",
    "frequency": {"sessions": 1, "weeks": 2},
    "measures": [{"instrument": "gad-7", "every_days": 14}],
}
SAFETY = {"warning_signs": ["Stops answering messages"], "helpers": [{"name": "Sam", "contact": "+1 202 555 0143"}]}
DIAGNOSIS = {"code": "F40.01", "onset": "2025-11"}
MEDICATION = {"name": "Sertraline", "dose": "50 mg", "started_on": "2026-01"}
SAID = {
    "utterances": [
        {"number": 0, "speaker": "clinician", "text": "How was the week?", "at_s": 0, "codes": ["question/open"]},
        {"number": 1, "speaker": "client", "text": "I took the train twice.", "at_s": 3.5},
    ],
    "source": "recording",
}


def tag(answer):
    return answer.headers["ETag"]


def code(answer):
    return answer.status_code, answer.json()["code"]


def made(answer):
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


@pytest.fixture
def places(clinician, client_id):
    """One of each in the chart, by kind."""
    chart, session = f"/v1/clients/{client_id}", clinician.new_session(client_id)
    return {
        "treatment_plan": made(clinician.put(f"{chart}/treatment-plan", PLAN)),
        "safety_plan": made(clinician.put(f"{chart}/safety-plan", SAFETY)),
        "diagnosis": made(clinician.post(f"{chart}/diagnoses", DIAGNOSIS)),
        "medication": made(clinician.post(f"{chart}/medications", MEDICATION)),
        "transcript": made(clinician.put(f"{session}/transcript", SAID)),
    }


def test_strangers_and_colleagues_outside_the_care_team_get_nothing(house, colleague, places, client_id):
    lists = [f"/v1/clients/{client_id}/{name}" for name in ("diagnoses", "medications")]
    for place in (*places.values(), *lists):
        assert code(house.get(place)) == (401, "unauthenticated")
        assert code(colleague.get(place)) == (403, "outside_care_team")
    for place in places.values():
        marked = colleague.post(f"{place}/entered-in-error", {"reason": "x"}, If_Match='"1"')
        assert code(marked) == (403, "outside_care_team")
    assert code(colleague.post(f"/v1/clients/{client_id}/diagnoses", DIAGNOSIS)) == (403, "outside_care_team")
    assert code(colleague.put(f"/v1/clients/{client_id}/treatment-plan", PLAN)) == (403, "outside_care_team")


def test_supervisor_reads_everything_and_writes_the_safety_plan_alone(clinician, supervisor, places, client_id):
    clinician.put(f"/v1/clients/{client_id}/care-team/{supervisor.id}", {"relation": "supervisor"})
    for place in places.values():
        assert supervisor.get(place).status_code == 200
    revised = supervisor.put(places["safety_plan"], SAFETY | {"environment": ["x"]}, If_Match='"1"')
    assert revised.status_code == 200
    refused = supervisor.put(places["treatment_plan"], PLAN | {"formulation": ""}, If_Match='"1"')
    assert code(refused) == (403, "relation_not_permitted")
    assert code(supervisor.put(places["medication"], MEDICATION, If_Match='"1"')) == (403, "relation_not_permitted")


def test_clients_read_their_own_and_change_nothing(house, clinician, places, client_id):
    own = house.account(Role.CLIENT, client_id=client_id)
    for kind in ("treatment_plan", "safety_plan", "diagnosis", "medication"):
        assert own.get(places[kind]).status_code == 200
        changed = own.put(places[kind], {}, If_Match='"1"')
        assert changed.status_code in (403, 422)
    assert code(own.put(places["safety_plan"], SAFETY, If_Match='"1"')) == (403, "role_not_permitted")
    assert code(own.get(places["transcript"])) == (404, "transcript_not_found")
    session = places["transcript"].removesuffix("/transcript")
    clinician.post(f"{session}/signature", If_Match='"1"')
    assert own.get(places["transcript"]).json()["utterances"][1]["text"] == "I took the train twice."


def test_other_clients_are_told_that_nothing_of_it_exists(house, clinician, places, client_id):
    other = house.account(Role.CLIENT, client_id=clinician.new_client())
    answers = {kind: code(other.get(place)) for kind, place in places.items()}
    assert answers == {
        "treatment_plan": (404, "client_not_found"),
        "safety_plan": (404, "client_not_found"),
        "diagnosis": (404, "diagnosis_not_found"),
        "medication": (404, "medication_not_found"),
        "transcript": (404, "session_not_found"),
    }
    assert code(other.get(f"/v1/clients/{client_id}/diagnoses")) == (404, "client_not_found")


def test_what_was_entered_in_error_is_kept_from_the_client_and_takes_no_more_changes(
    house, clinician, places, client_id
):
    own = house.account(Role.CLIENT, client_id=client_id)
    session = places["transcript"].removesuffix("/transcript")
    clinician.post(f"{session}/signature", If_Match='"1"')
    for kind, place in places.items():
        assert own.get(place).status_code == 200
        marked = clinician.post(f"{place}/entered-in-error", {"reason": "Wrong chart."}, If_Match='"1"')
        assert marked.status_code == 200, kind
        assert code(own.get(place)) == (404, f"{kind}_not_found")
        read = clinician.get(place).json()
        assert (read["status"], read["error_reason"]) == ("entered_in_error", "Wrong chart.")
        again = clinician.post(f"{place}/entered-in-error", {"reason": "Wrong chart."}, If_Match=tag(marked))
        assert code(again) == (409, f"{kind}_entered_in_error")
    position = clinician.post(f"/v1/clients/{client_id}/medications", MEDICATION).headers["Position"]
    listed = own.get(f"/v1/clients/{client_id}/diagnoses", Read_After=position)
    assert listed.json() == {"items": []}
    assert len(clinician.get(f"/v1/clients/{client_id}/diagnoses", Read_After=position).json()["items"]) == 1


def test_a_plan_is_written_once_revised_by_version_and_its_former_text_read(clinician, places):
    place = places["treatment_plan"]
    assert code(clinician.put(place, PLAN)) == (409, "treatment_plan_already_written")
    revised = clinician.put(place, PLAN | {"approach": "exposure"}, If_Match='"1"')
    assert (revised.status_code, tag(revised)) == (200, '"2"')
    assert code(clinician.put(place, PLAN, If_Match='"1"')) == (412, "stale_version")
    reviewed = clinician.post(f"{place}/reviewed", {"note": "Go on.", "review_due": "2026-12-01"}, If_Match='"2"')
    assert reviewed.status_code == 200, reviewed.text
    now, before = clinician.get(place).json(), clinician.get(f"{place}?version=1").json()
    assert (now["content"]["approach"], now["content"]["review_due"]) == ("exposure", "2026-12-01")
    assert (before["content"]["approach"], before["content_version"], before["version"]) == ("", 1, 3)
    assert [revision["version"] for revision in now["revisions"]] == [1, 2, 3]
    assert code(clinician.get(f"{place}?version=4")) == (404, "revision_not_found")


def test_the_right_plan_is_written_over_one_entered_in_error(house, clinician, places, client_id):
    own = house.account(Role.CLIENT, client_id=client_id)
    place = places["safety_plan"]
    marked = clinician.post(f"{place}/entered-in-error", {"reason": "Somebody else's."}, If_Match='"1"')
    assert clinician.put(place, SAFETY, If_Match=tag(marked)).status_code == 200
    read = own.get(place).json()
    assert (read["status"], read["error_reason"]) == ("active", "")
    assert [revision["entered_in_error"] for revision in read["revisions"]] == [True, False]
    assert code(own.get(f"{place}?version=1")) == (404, "safety_plan_not_found")
    assert clinician.get(f"{place}?version=1").json()["error_reason"] == "Somebody else's."


def test_a_diagnosis_needs_a_code_of_the_list_and_errors_name_better_ones(clinician, client_id):
    place = f"/v1/clients/{client_id}/diagnoses"
    unknown = clinician.post(place, {"code": "F40.99"})
    assert code(unknown) == (422, "diagnosis_code_unknown")
    assert "F40.01" in unknown.json()["facts"]["near"].split()
    assert "F40.99" not in unknown.text
    heading = clinician.post(place, {"code": "f32"})
    assert code(heading) == (422, "diagnosis_code_not_specific")
    assert heading.json()["facts"]["choose"].split()[0] == "F32.0"
    nonsense = clinician.post(place, {"code": "my neighbour"})
    assert (code(nonsense), "neighbour" in nonsense.text) == ((422, "diagnosis_code_unknown"), False)
    read = clinician.get(made(clinician.post(place, {"code": " f4001 "}))).json()
    assert read["content"]["code"] == "F40.01"
    assert read["content"]["description"] == "Agoraphobia with panic disorder"
    assert read["content"]["edition"].startswith("icd-10-cm/20")


def test_a_diagnosis_is_confirmed_and_listed_as_it_is_now(clinician, places, client_id):
    changed = clinician.put(places["diagnosis"], DIAGNOSIS | {"status": "confirmed"}, If_Match='"1"')
    listed = clinician.get(f"/v1/clients/{client_id}/diagnoses", Read_After=changed.headers["Position"]).json()
    assert [item["status"] for item in listed["items"]] == ["confirmed"]
    assert listed["items"] == [clinician.get(places["diagnosis"]).json()]
    same = clinician.put(places["diagnosis"], DIAGNOSIS | {"status": "confirmed"}, If_Match='"2"')
    assert code(same) == (409, "diagnosis_unchanged")


def test_a_medication_is_changed_stopped_and_stays_in_the_list(clinician, places, client_id):
    place = places["medication"]
    changed = clinician.put(place, MEDICATION | {"dose": "100 mg"}, If_Match='"1"')
    early = clinician.post(f"{place}/stopped", {"stopped_on": "2025-12"}, If_Match=tag(changed))
    assert (code(early), early.json()["errors"][0]["pointer"]) == ((422, "impossible_time"), "/stopped_on")
    stopped = clinician.post(f"{place}/stopped", {"stopped_on": "2026-01", "reason": "Nausea"}, If_Match=tag(changed))
    assert stopped.status_code == 200
    again = clinician.post(f"{place}/stopped", {}, If_Match=tag(stopped))
    assert code(again) == (409, "medication_already_stopped")
    listed = clinician.get(f"/v1/clients/{client_id}/medications", Read_After=stopped.headers["Position"]).json()
    assert [(item["status"], item["content"]["dose"]) for item in listed["items"]] == [("stopped", "100 mg")]


def test_codes_are_found_by_their_beginning_and_by_words(clinician):
    by_code = clinician.get("/v1/codes/icd-10-cm?q=f40.0&limit=3").json()
    assert [item["code"] for item in by_code["items"]] == ["F40.0", "F40.00", "F40.01"]
    by_words = clinician.get("/v1/codes/icd-10-cm?q=depressive%20moderate&limit=2").json()
    assert len(by_words["items"]) == 2
    assert all(item["code"].startswith("F") for item in by_words["items"])
    assert clinician.get("/v1/codes/icd-10-cm?q=zzzz").json()["items"] == []
    for wrong in ("", "?q=", "?q=%20", "?q=a&limit=0", "?q=a&limit=101", f"?q={'a' * 101}", "?q=%00"):
        assert clinician.get(f"/v1/codes/icd-10-cm{wrong}").status_code == 422, wrong


def test_a_whole_transcript_of_a_long_session_fits(clinician, client_id):
    session = clinician.new_session(client_id)
    said = [{"number": n, "speaker": "client", "text": "é" * 100, "codes": ["sustain"]} for n in range(20_000)]
    place = made(clinician.put(f"{session}/transcript", {"utterances": said}))
    read = clinician.get(place).json()["utterances"]
    assert (len(read), read[-1]["number"]) == (20_000, 19_999)


def test_strangers_are_refused_before_a_long_body_is_read_and_others_when_it_is_too_long(house, clinician, client_id):
    place = f"{clinician.new_session(client_id)}/transcript"
    body = b'{"source": "' + b"x" * 17 * 1024 * 1024 + b'"}'
    headers = {"Content-Type": "application/json"}
    forged = house.request("PUT", place, content=body, headers=headers | {"Authorization": "Bearer forged.token.here"})
    assert code(forged) == (401, "unauthenticated")
    assert code(house.request("PUT", place, content=body, headers=headers)) == (401, "unauthenticated")
    assert code(house.request("PUT", place, content=body, headers=headers | clinician.headers())) == (
        413,
        "body_too_large",
    )


def test_a_transcript_that_is_too_long_or_out_of_order_is_refused(clinician, client_id):
    session = clinician.new_session(client_id)
    for utterances, status in (
        ([], 422),
        ([SAID["utterances"][1], SAID["utterances"][0]], 422),
        ([SAID["utterances"][0], SAID["utterances"][0]], 422),
        ([SAID["utterances"][0] | {"text": "x" * 4_000_000}, SAID["utterances"][1] | {"text": "x" * 1_000_001}], 422),
        ([SAID["utterances"][0] | {"at_s": -1}], 422),
        ([SAID["utterances"][0] | {"speaker": "ghost"}], 422),
    ):
        answer = clinician.put(f"{session}/transcript", {"utterances": utterances})
        assert answer.status_code == status, answer.text[:500]
    assert code(clinician.get(f"{session}/transcript")) == (404, "transcript_not_found")


def test_the_right_transcript_takes_the_place_of_a_wrong_one_alone(clinician, places):
    place = places["transcript"]
    assert code(clinician.put(place, SAID)) == (409, "transcript_already_attached")
    assert code(clinician.put(place, SAID, If_Match='"1"')) == (409, "transcript_already_attached")
    marked = clinician.post(f"{place}/entered-in-error", {"reason": "Another session's."}, If_Match='"1"')
    assert clinician.put(place, SAID | {"source": "typed"}, If_Match=tag(marked)).status_code == 200
    read = clinician.get(place).json()
    assert (read["status"], read["source"], read["version"]) == ("attached", "typed", 3)


@pytest.mark.parametrize(
    ("kind", "body", "pointer"),
    [
        ("treatment_plan", PLAN | {"presenting_problems": []}, "/presenting_problems"),
        ("treatment_plan", PLAN | {"frequency": {"sessions": 0, "weeks": 1}}, "/frequency/sessions"),
        ("treatment_plan", PLAN | {"measures": [{"instrument": "gad-7", "every_days": 0}]}, "/measures/0/every_days"),
        ("treatment_plan", PLAN | {"goal_ids": ["8d7c4f0e-0000-4000-8000-000000000001"]}, "/goal_ids"),
        ("treatment_plan", PLAN | {"review_due": "2199-01-01"}, "/review_due"),
        ("treatment_plan", PLAN | {"review_due": "01.02.2026"}, "/review_due"),
        ("safety_plan", SAFETY | {"helpers": [{"name": ""}]}, "/helpers/0/name"),
        ("safety_plan", SAFETY | {"reviewed_on": "2100-01-01"}, "/reviewed_on"),
        ("diagnosis", DIAGNOSIS | {"onset": "2025-13"}, "/onset"),
        ("diagnosis", DIAGNOSIS | {"onset": "2199"}, "/onset"),
        ("diagnosis", DIAGNOSIS | {"status": "entered_in_error"}, "/status"),
        ("medication", MEDICATION | {"name": "zwei\nZeilen"}, "/name"),
        ("medication", MEDICATION | {"started_on": "1850"}, "/started_on"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_fields_are_named_and_what_was_typed_is_not(clinician, places, kind, body, pointer):
    answer = clinician.put(places[kind], body, If_Match='"1"')
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert "zwei" not in answer.text


def test_unknown_instruments_and_empty_safety_plans_are_refused(clinician, client_id):
    chart = f"/v1/clients/{client_id}"
    unknown = clinician.put(f"{chart}/treatment-plan", PLAN | {"measures": [{"instrument": "my-own", "every_days": 7}]})
    assert (code(unknown), "my-own" in unknown.text) == ((422, "instrument_unknown"), False)
    assert code(clinician.put(f"{chart}/safety-plan", {})) == (422, "safety_plan_empty")


def test_nothing_new_goes_into_a_chart_entered_in_error_and_what_stands_can_be_marked(clinician, places, client_id):
    chart = f"/v1/clients/{client_id}"
    clinician.post(f"{chart}/entered-in-error", {"reason": "Opened twice."}, If_Match=tag(clinician.get(chart)))
    assert code(clinician.post(f"{chart}/diagnoses", DIAGNOSIS)) == (409, "client_entered_in_error")
    for kind, body in (("treatment_plan", PLAN), ("safety_plan", SAFETY), ("medication", MEDICATION)):
        assert code(clinician.put(places[kind], body, If_Match='"1"')) == (409, "client_entered_in_error")
    for place in places.values():
        marked = clinician.post(f"{place}/entered-in-error", {"reason": "Wrong chart."}, If_Match='"1"')
        assert marked.status_code == 200


def test_ids_that_lead_nowhere_are_told_so(clinician, client_id):
    assert code(clinician.get(f"/v1/clients/{client_id}/treatment-plan")) == (404, "treatment_plan_not_found")
    assert code(clinician.get(f"/v1/clients/{client_id}/safety-plan")) == (404, "safety_plan_not_found")
    revised = clinician.put(f"/v1/clients/{client_id}/treatment-plan", PLAN, If_Match='"1"')
    assert code(revised) == (404, "treatment_plan_not_found")
    assert code(clinician.get(f"/v1/diagnoses/{uuid4()}")) == (404, "diagnosis_not_found")
    assert code(clinician.get(f"/v1/medications/{uuid4()}")) == (404, "medication_not_found")
    assert code(clinician.get(f"/v1/sessions/{uuid4()}/transcript")) == (404, "session_not_found")


def test_every_read_and_write_leaves_its_audit_entry(house, clinician, officer, places):
    read = clinician.get(places["safety_plan"])
    entries = {entry["request_id"]: entry for entry in house.audit(officer)}
    entry = entries[read.headers["x-request-id"]]
    assert (entry["action"], entry["outcome"], entry["client_id"]) == (
        "safety_plan.read",
        "allowed",
        read.json()["client_id"],
    )
    assert entry["resources"] == [read.json()["id"]]
