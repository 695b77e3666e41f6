"""The way of a record through the API, from opening a chart to reading the journey back."""

from uuid import uuid4

from domain.ports.call import Role

CONTENT = {
    "took_place": {"instant": "2026-07-02T16:30:00+02:00", "zone": "Europe/Berlin"},
    "duration_min": 50,
    "modality": "video",
    "summary": "Talked about the week.",
    "themes": ["sleep"],
    "emotions": [{"name": "relief", "intensity": 6, "valence": "positive"}],
    "interventions": ["sleep hygiene"],
    "homework": "Keep the diary.",
    "risk": {"level": "low", "text": "Passive thoughts in May, none since."},
    "next_plan": "Look at the diary.",
}


def tag(answer):
    return answer.headers["ETag"]


def test_clinician_records_signs_and_adds_to_a_session(clinician, client_id):
    recorded = clinician.post(f"/v1/clients/{client_id}/sessions", CONTENT)
    assert recorded.status_code == 201
    location = recorded.headers["Location"]
    read = clinician.get(location)
    assert read.json()["content"]["took_place"] == {
        "instant": "2026-07-02T14:30:00Z",
        "local": "2026-07-02T16:30:00+02:00",
        "zone": "Europe/Berlin",
    }
    assert {key: read.json()["content"][key] for key in CONTENT if key != "took_place"} == {
        key: value for key, value in CONTENT.items() if key != "took_place"
    }
    assert read.json()["recorded_at"] > read.json()["content"]["took_place"]["instant"]
    amended = clinician.put(location, CONTENT | {"homework": ""}, If_Match=tag(read))
    signed = clinician.post(f"{location}/signature", If_Match=tag(amended))
    assert clinician.put(location, CONTENT, If_Match=tag(signed)).json()["code"] == "session_already_signed"
    clinician.post(f"{location}/addenda", {"text": "Called in the evening."})
    session = clinician.get(location).json()
    assert (session["status"], session["signed_by"]) == ("signed", str(clinician.id))
    assert [addendum["text"] for addendum in session["addenda"]] == ["Called in the evening."]
    assert session["content"]["homework"] == ""


def test_trainee_signs_supervisor_returns_and_then_cosigns(trainee, supervisor):
    client_id = trainee.new_client()
    location = trainee.new_session(client_id)
    signed = trainee.post(f"{location}/signature", If_Match='"1"')
    assert trainee.get(location).json()["status"] == "awaiting_cosignature"
    assert trainee.post(f"{location}/cosignature", If_Match=tag(signed)).status_code == 403
    returned = supervisor.post(f"{location}/return", {"comment": "Add the risk."}, If_Match=tag(signed))
    assert trainee.get(location).json()["return_comment"] == "Add the risk."
    amended = trainee.put(location, CONTENT, If_Match=tag(returned))
    signed = trainee.post(f"{location}/signature", If_Match=tag(amended))
    assert supervisor.post(f"{location}/cosignature", If_Match=tag(signed)).status_code == 200
    session = trainee.get(location).json()
    assert (session["status"], session["cosigned_by"]) == ("signed", str(supervisor.id))


def test_session_in_the_wrong_chart_is_marked_and_stays_readable(clinician, client_id):
    location = clinician.new_session(client_id)
    marked = clinician.post(f"{location}/entered-in-error", {"reason": "Wrong chart."}, If_Match='"1"')
    assert marked.status_code == 200
    assert clinician.get(location).json()["status"] == "entered_in_error"
    assert clinician.post(f"{location}/signature", If_Match=tag(marked)).json()["code"] == "session_entered_in_error"


def test_draft_goes_when_its_session_is_recorded(clinician, client_id):
    draft_id = str(uuid4())
    saved = clinician.put(f"/v1/drafts/{draft_id}", {"client_id": client_id, "content": {"summary": "Talk"}})
    assert (saved.status_code, saved.content) == (204, b"")
    assert draft_id in [draft["id"] for draft in clinician.get("/v1/drafts").json()["items"]]
    assert clinician.new_session(client_id, draft_id=draft_id)
    assert clinician.get(f"/v1/drafts/{draft_id}").status_code == 404


def test_session_from_a_draft_that_is_not_there_is_refused(clinician, client_id):
    answer = clinician.post(f"/v1/clients/{client_id}/sessions", CONTENT | {"draft_id": str(uuid4())})
    assert answer.status_code == 404


def test_draft_can_be_discarded(clinician, client_id):
    path = f"/v1/drafts/{uuid4()}"
    clinician.put(path, {"client_id": client_id, "content": {}})
    assert clinician.delete(path).status_code == 204
    assert clinician.delete(path).json()["code"] == "draft_not_found"


def test_appointment_is_moved_and_cancelled(clinician, client_id):
    location = clinician.new_appointment(client_id, "2027-01-08T10:00:00+01:00")
    plan = {
        "start": {"instant": "2027-01-09T10:00:00+01:00", "zone": "Europe/Berlin"},
        "duration_min": 60,
        "modality": "telephone",
    }
    moved = clinician.put(location, plan, If_Match='"1"')
    body = {"cancelled_by": "client", "reason": "illness"}
    cancelled = clinician.post(f"{location}/cancelled", body, If_Match=tag(moved))
    appointment = clinician.get(location).json()
    assert (appointment["status"], appointment["cancellation_reason"]) == ("cancelled", "illness")
    assert appointment["start"]["local"] == "2027-01-09T10:00:00+01:00"
    assert appointment["notice_s"] > 0
    again = clinician.post(f"{location}/missed", {"reason": "other"}, If_Match=tag(cancelled))
    assert again.json()["code"] == "appointment_not_planned"


def test_appointment_is_held_with_its_session_or_missed(clinician, client_id):
    session = clinician.new_session(client_id)
    held = clinician.new_appointment(client_id)
    body = {"session_id": session.rpartition("/")[2]}
    assert clinician.post(f"{held}/held", body, If_Match='"1"').status_code == 200
    assert clinician.get(held).json()["session_id"] == body["session_id"]
    missed = clinician.new_appointment(client_id)
    assert clinician.post(f"{missed}/missed", {"reason": "client_no_show"}, If_Match='"1"').status_code == 200
    ahead = clinician.new_appointment(client_id, "2027-01-08T10:00:00+01:00")
    assert clinician.post(f"{ahead}/missed", {"reason": "other"}, If_Match='"1"').json()["code"] == (
        "appointment_not_yet_due"
    )


def test_appointment_that_was_held_is_linked_to_the_note_written_afterwards(clinician, client_id):
    held = clinician.new_appointment(client_id)
    assert clinician.post(f"{held}/held", {}, If_Match='"1"').status_code == 200
    body = {"session_id": clinician.new_session(client_id).rpartition("/")[2]}
    linked = clinician.post(f"{held}/held", body, If_Match='"2"')
    assert linked.status_code == 200
    shown = clinician.get(held).json()
    assert (shown["status"], shown["session_id"], shown["version"]) == ("held", body["session_id"], 3)
    journey = clinician.get(
        f"/v1/clients/{client_id}/journey?kind=appointment", Read_After=linked.headers["Position"]
    ).json()
    (item,) = journey["items"]
    assert (item["state"], item["version"], item["content"]["session_id"]) == ("held", 3, body["session_id"])
    assert len(item["positions"]) == 3
    again = clinician.post(f"{held}/held", body, If_Match='"3"')
    assert (again.status_code, again.json()["code"]) == (409, "session_already_linked")


def test_appointment_is_not_held_with_another_clients_session(clinician, client_id):
    foreign = clinician.new_session(clinician.new_client())
    appointment = clinician.new_appointment(client_id)
    body = {"session_id": foreign.rpartition("/")[2]}
    answer = clinician.post(f"{appointment}/held", body, If_Match='"1"')
    assert (answer.status_code, answer.json()["code"]) == (409, "session_of_another_client")


def test_appointment_planned_by_mistake_is_marked(clinician, client_id):
    appointment = clinician.new_appointment(client_id)
    body = {"reason": "Wrong chart."}
    assert clinician.post(f"{appointment}/entered-in-error", body, If_Match='"1"').status_code == 200


def test_consent_is_given_and_withdrawn(clinician, client_id):
    body = {"purpose": "research", "document": "research/2026-03", "given_at": "2026-03-02T10:00:00+01:00"}
    assert clinician.post(f"/v1/clients/{client_id}/consents", body).status_code == 200
    consent = clinician.get(f"/v1/clients/{client_id}").json()["consents"][0]
    assert (consent["given_at"], consent["withdrawn_at"]) == ("2026-03-02T09:00:00Z", None)
    path = f"/v1/clients/{client_id}/consents/{consent['id']}/withdrawn"
    assert clinician.post(path).status_code == 200
    assert clinician.get(f"/v1/clients/{client_id}").json()["consents"][0]["withdrawn_at"] is not None
    assert clinician.post(path).json()["code"] == "consent_already_withdrawn"


def test_colleague_joins_the_care_team_and_leaves_it(clinician, colleague, client_id):
    path = f"/v1/clients/{client_id}/care-team/{colleague.id}"
    assert clinician.put(path, {"relation": "clinician"}).status_code == 200
    assert colleague.get(f"/v1/clients/{client_id}").status_code == 200
    assert clinician.put(path, {"relation": "clinician"}).json()["code"] == "already_in_care_team"
    assert clinician.delete(path).status_code == 200
    assert colleague.get(f"/v1/clients/{client_id}").status_code == 403
    last = clinician.delete(f"/v1/clients/{client_id}/care-team/{clinician.id}")
    assert last.json()["code"] == "last_primary_clinician"


def test_client_is_found_by_name_and_birth_date_and_by_nothing_less(clinician, colleague):
    name = f"Ünïque-{uuid4().hex[:8]}"
    born = {"names": [{"family": name, "given": "A"}], "birth_date": "1980-02-29"}
    client_id = clinician.post("/v1/clients", born).headers["Location"].rpartition("/")[2]
    found = clinician.post("/v1/clients/lookup", {"family_name": name.upper(), "birth_date": "1980-02-29"})
    assert found.json()["items"] == [{"client_id": client_id, "in_care_team": True, "status": "active"}]
    found = colleague.post("/v1/clients/lookup", {"family_name": name, "birth_date": "1980-02-29"})
    assert found.json()["items"] == [{"client_id": client_id, "in_care_team": False, "status": "active"}]
    found = clinician.post("/v1/clients/lookup", {"family_name": name[:-1], "birth_date": "1980-02-29"})
    assert found.json()["items"] == []


def test_identity_reads_as_it_was_sent(clinician, house):
    example = house.app.openapi()["components"]["schemas"]["IdentityIn"]["examples"][0]
    location = clinician.post("/v1/clients", example).headers["Location"]
    identity = clinician.get(f"{location}/identity").json()
    assert {key: identity[key] for key in example} == example


def test_chart_opened_by_mistake_takes_no_more(clinician, client_id):
    chart = f"/v1/clients/{client_id}"
    unsigned, signed, plan = (
        clinician.new_session(client_id),
        clinician.new_session(client_id),
        clinician.new_appointment(client_id),
    )
    clinician.post(f"{signed}/signature", If_Match='"1"')
    identity = clinician.get(f"{chart}/identity").json()
    sent = {key: identity[key] for key in identity if key not in ("client_id", "version")} | {"pronouns": "they"}
    assert clinician.post(f"{chart}/entered-in-error", {"reason": "Twice."}, If_Match='"2"').status_code == 200
    moved = {"start": {"instant": "2026-11-03T10:00:00+01:00", "zone": "Europe/Berlin"}, "duration_min": 50}
    for answer in (
        clinician.post(f"{chart}/sessions", CONTENT),
        clinician.put(unsigned, CONTENT, If_Match='"1"'),
        clinician.post(f"{signed}/addenda", {"text": "He called."}, If_Match='"2"'),
        clinician.put(f"{chart}/identity", sent, If_Match='"1"'),
        clinician.put(plan, moved | {"modality": "video"}, If_Match='"1"'),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "client_entered_in_error")
    assert clinician.post(f"{unsigned}/signature", If_Match='"1"').status_code == 200


def test_every_step_is_in_the_callers_own_trail(house):
    user = house.account(Role.CLINICIAN)
    client_id = user.new_client()
    location = user.new_session(client_id)
    user.get(location)
    user.post(f"{location}/signature", If_Match='"1"')
    position = str(house.system.recorder.last_position())
    trail = user.get("/v1/audit/mine", Read_After=position).json()["items"]
    assert [entry["action"] for entry in trail] == [
        "session.sign",
        "session.read",
        "session.record",
        "client.register",
        "sign_in.open",
    ]
    assert {entry["actor_id"] for entry in trail} == {str(user.id)}
    assert {entry["client_id"] for entry in trail[:3]} == {client_id}
