"""Psychotherapy notes over HTTP: who is refused first, then what their author, a custodian and who was let in may do."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from api.errors import status_of
from domain.ports.call import Actor, Call, Role
from domain.services.notes import NotesClosed
from ops.bootstrap import Part, build

CANARY = "Wintergoldhaehnchen"
NOTE = {"text": f"She spoke of the {CANARY}, and I wondered why."}


def code(answer):
    return answer.status_code, answer.json()["code"]


def done(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer


@pytest.fixture
def author(house):
    return house.account(Role.CLINICIAN)


@pytest.fixture
def chart(author):
    return f"/v1/clients/{author.new_client()}"


@pytest.fixture
def note(author, chart):
    return done(author.post(f"{chart}/notes", NOTE), 201).headers["Location"]


def authorisation(reader, **changed):
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    return {
        "account_id": str(reader.id),
        "scope": "Second opinion.",
        "signed_on": "2026-03-01",
        "until": until,
    } | changed


def test_nobody_but_the_author_reads_a_note(house, author, colleague, chart, note):
    member, supervisor = house.account(Role.CLINICIAN), house.account(Role.SUPERVISOR)
    for who, relation in ((member, "primary_clinician"), (supervisor, "supervisor")):
        done(author.put(f"{chart}/care-team/{who.id}", {"relation": relation}))
    client = house.account(Role.CLIENT, client_id=chart.rpartition("/")[2])
    assert code(house.get(note)) == (401, "unauthenticated")
    assert code(colleague.get(note)) == (403, "outside_care_team")
    for who in (member, supervisor):
        assert code(who.get(note)) == (403, "relation_not_permitted")
        assert code(who.get(f"{chart}/notes?author_id={author.id}")) == (403, "relation_not_permitted")
        assert code(who.put(note, NOTE, If_Match='"1"')) == (403, "not_the_author")
    others = [house.account(role) for role in (Role.COMPLIANCE_OFFICER, Role.ML_ENGINEER)]
    for who in (client, house.operator, *others):
        assert code(who.get(note)) == (403, "role_not_permitted")
        assert code(who.post(f"{chart}/notes", NOTE)) == (403, "role_not_permitted")
        assert code(who.get(f"{chart}/notes")) == (403, "role_not_permitted")
    assert done(author.get(note)).json()["text"] == NOTE["text"]


def test_a_note_keeps_every_text_it_had_and_what_was_marked_stays_readable(author, note):
    first = done(author.get(note))
    assert first.headers["ETag"] == '"1"'
    assert code(author.put(note, NOTE)) == (428, "if_match_missing")
    assert code(author.put(note, NOTE, If_Match='"1"')) == (409, "note_unchanged")
    done(author.put(note, {"text": "Asked: not yet."}, If_Match='"1"'))
    assert code(author.put(note, {"text": "Late."}, If_Match='"1"')) == (412, "stale_version")
    told = done(author.get(note)).json()
    assert (told["text"], [each["text"] for each in told["texts"]]) == (
        "Asked: not yet.",
        [NOTE["text"], "Asked: not yet."],
    )
    done(author.post(f"{note}/entered-in-error", {"reason": "Wrong chart."}, If_Match='"2"'))
    assert code(author.put(note, NOTE, If_Match='"3"')) == (409, "note_entered_in_error")
    told = done(author.get(note)).json()
    assert (told["status"], told["error_reason"]) == ("entered_in_error", "Wrong chart.")


@pytest.mark.parametrize(
    "field", ["score", "goal_ids", "diagnosis", "medication", "took_place", "modality", "duration_min", "next_plan"]
)
def test_what_belongs_into_the_record_is_refused_by_its_name(author, chart, field):
    refused = author.post(f"{chart}/notes", NOTE | {field: "x"})
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [f"/{field}"]


@pytest.mark.parametrize("text", ["", " \n ", "nul\x00", "a" * 100_001])
def test_a_note_needs_text_that_can_be_kept(author, chart, text):
    assert author.post(f"{chart}/notes", {"text": text}).status_code == 422


def test_a_note_may_name_a_session_of_its_client_and_of_no_other(author, chart):
    session = author.new_session(chart.rpartition("/")[2]).rpartition("/")[2]
    other = author.new_session(author.new_client()).rpartition("/")[2]
    place = done(author.post(f"{chart}/notes", NOTE | {"session_id": session}), 201).headers["Location"]
    assert done(author.get(place)).json()["session_id"] == session
    assert code(author.post(f"{chart}/notes", NOTE | {"session_id": other})) == (404, "session_not_found")
    assert code(author.post(f"{chart}/notes", NOTE | {"session_id": str(uuid4())})) == (404, "session_not_found")


def test_authors_list_their_own_notes_by_ids_and_times_alone(author, chart, note):
    listed = done(author.get(f"{chart}/notes"))
    assert [item["id"] for item in listed.json()["items"]] == [note.rpartition("/")[2]]
    assert CANARY not in listed.text
    assert code(author.get(f"/v1/clients/{uuid4()}/notes")) == (404, "client_not_found")
    assert done(author.get(f"/v1/clients/{author.new_client()}/notes")).json()["items"] == []


def test_who_only_supervises_or_was_never_let_in_writes_no_note(author, supervisor, colleague, chart):
    done(author.put(f"{chart}/care-team/{supervisor.id}", {"relation": "supervisor"}))
    assert code(supervisor.post(f"{chart}/notes", NOTE)) == (403, "relation_not_permitted")
    assert code(colleague.post(f"{chart}/notes", NOTE)) == (403, "outside_care_team")


def test_a_custodian_reads_nothing_until_the_author_is_gone_and_takes_over_on_record(house, author, chart, note):
    custodian, officer = house.account(Role.CLINICIAN), house.account(Role.COMPLIANCE_OFFICER)
    named = {"custodian_id": str(custodian.id)}
    assert code(custodian.post(f"{chart}/notes/custodian", named)) == (404, "notes_folder_not_found")  # of their own
    by_stranger = custodian.post(f"{chart}/notes/custodian", named | {"author_id": str(author.id)})
    assert code(by_stranger) == (403, "outside_care_team")
    assert code(author.post(f"{chart}/notes/custodian", {"custodian_id": str(author.id)})) == (409, "custodian_unfit")
    assert code(author.post(f"{chart}/notes/custodian", {"custodian_id": str(officer.id)})) == (409, "custodian_unfit")
    done(author.post(f"{chart}/notes/custodian", named))
    assert code(author.post(f"{chart}/notes/custodian", named)) == (409, "custodian_unchanged")
    mine = f"{chart}/notes?author_id={author.id}"
    take = {"author_id": str(author.id)}
    assert [each["client_id"] for each in done(custodian.get("/v1/notes-places")).json()["items"]] == [chart[12:]]
    assert code(custodian.get(note)) == (403, "outside_care_team")
    assert code(custodian.post(f"{chart}/notes/custody", take)) == (403, "author_still_here")
    done(
        house.operator.post(
            f"/v1/accounts/{author.id}/disabled",
            If_Match=house.operator.get(f"/v1/accounts/{author.id}").headers["ETag"],
        )
    )
    assert code(custodian.get(note)) == (403, "outside_care_team")  # nothing before the takeover is on record
    done(custodian.post(f"{chart}/notes/custody", take))
    assert done(custodian.get(note)).json()["text"] == NOTE["text"]
    assert done(custodian.get(mine)).json()["relation"] == "custodian"
    assert code(custodian.put(note, {"text": "Mine."}, If_Match='"1"')) == (403, "not_the_author")
    actions = [each["action"] for each in house.audit(officer, f"&client_id={chart[12:]}")]
    assert {"note.take_custody", "note.read", "note.name_custodian"} <= set(actions)
    done(
        house.operator.post(
            f"/v1/accounts/{author.id}/enabled",
            If_Match=house.operator.get(f"/v1/accounts/{author.id}").headers["ETag"],
        )
    )
    assert code(custodian.get(note)) == (403, "outside_care_team")


def test_compliance_finds_and_places_notes_of_who_left_and_reads_none(house, author, chart, note):
    officer, custodian = house.account(Role.COMPLIANCE_OFFICER), house.account(Role.CLINICIAN)
    found = done(officer.get(f"/v1/notes-places?author_id={author.id}")).json()["items"]
    assert found == [{"client_id": chart[12:], "author_id": str(author.id), "custodian_id": None}]
    named = {"custodian_id": str(custodian.id), "author_id": str(author.id)}
    done(officer.post(f"{chart}/notes/custodian", named))
    assert code(officer.get(note)) == (403, "role_not_permitted")
    assert code(officer.post(f"{chart}/notes/custody", {"author_id": str(author.id)})) == (403, "role_not_permitted")
    nowhere = officer.post(f"{chart}/notes/custodian", named | {"author_id": str(custodian.id)})
    assert code(nowhere) == (404, "notes_folder_not_found")


def test_who_the_client_let_in_reads_what_was_named_until_it_is_taken_back(house, author, chart, note):
    reader = house.account(Role.CLINICIAN)
    second = done(author.post(f"{chart}/notes", NOTE), 201).headers["Location"]
    given = authorisation(reader, note_ids=[note.rpartition("/")[2]])
    assert code(reader.get(note)) == (403, "outside_care_team")
    by_reader = reader.post(f"{chart}/notes/authorisations", given | {"author_id": str(author.id)})
    assert code(by_reader) == (403, "outside_care_team")
    done(author.post(f"{chart}/notes/authorisations", given), 201)
    assert done(reader.get(note)).json()["text"] == NOTE["text"]
    assert code(reader.get(second)) == (403, "outside_care_team")
    assert code(reader.put(note, {"text": "Mine."}, If_Match='"1"')) == (403, "not_the_author")
    listed = done(reader.get(f"{chart}/notes?author_id={author.id}")).json()
    assert ([each["id"] for each in listed["items"]], listed["authorisations"]) == ([note.rpartition("/")[2]], [])
    own = done(author.get(f"{chart}/notes")).json()["authorisations"]
    done(author.post(f"{chart}/notes/authorisations/{own[0]['id']}/revoked", {}))
    assert code(reader.get(note)) == (403, "outside_care_team")
    again = author.post(f"{chart}/notes/authorisations/{own[0]['id']}/revoked", {})
    assert code(again) == (409, "authorisation_over")


def test_only_who_treats_is_let_in_and_only_for_a_time_that_lies_ahead(house, author, chart, note):
    place = f"{chart}/notes/authorisations"
    for role in (Role.OPERATOR, Role.COMPLIANCE_OFFICER, Role.ML_ENGINEER):
        assert code(author.post(place, authorisation(house.account(role)))) == (409, "reader_unfit")
    assert code(author.post(place, authorisation(author))) == (409, "reader_unfit")
    reader = house.account(Role.CLINICIAN)
    assert code(author.post(place, authorisation(reader, until="2026-01-01T00:00:00Z"))) == (422, "impossible_time")
    assert code(author.post(place, authorisation(reader, until="2036-01-01T00:00:00"))) == (422, "zoneless_time")
    assert author.post(place, authorisation(reader, note_ids=[str(uuid4())])).status_code == 422
    assert author.post(place, authorisation(reader, scope=" ")).status_code == 422
    assert note


def test_broken_glass_opens_no_note(house, author, chart, note):
    helper = house.account(Role.CLINICIAN)
    broken = helper.post(f"{chart}/break-glass", {"reason": "In danger."}, Purpose="emergency")
    assert broken.status_code == 201, broken.text
    assert done(helper.get(chart, Purpose="emergency"))
    assert code(helper.get(note, Purpose="emergency"))[0] == 403
    assert code(helper.get(f"{chart}/notes?author_id={author.id}", Purpose="emergency"))[0] == 403
    assert code(helper.get(note)) == (403, "outside_care_team")


def test_a_process_without_the_second_root_says_so_and_tells_nothing(settings, author, chart, note):
    note_id = UUID(note.rpartition("/")[2])
    with build(settings, parts=Part.WORKER) as worker:
        call = Call(
            actor=Actor(id=author.id, role=Role.CLINICIAN),
            request_id=worker.ids.ordered(),
            at=worker.clock.now(),
            origin="test",
        )
        with pytest.raises(NotesClosed) as refused:
            worker.services.notes.read(call, note_id)
        with pytest.raises(NotesClosed):
            worker.services.notes.write(call, uuid4(), UUID(chart[12:]), "Of nothing.")
    assert status_of(type(refused.value)) == 503
    assert CANARY not in str(refused.value)


def test_nothing_of_a_note_stands_in_journey_context_progress_report_work_or_audit(house, author, chart, note):
    officer = house.account(Role.COMPLIANCE_OFFICER)
    session = author.new_session(chart[12:])
    position = done(author.get(f"{chart}/notes")) and str(house.system.recorder.last_position())
    for path in (f"{chart}/journey", f"{chart}/progress", "/v1/caseload", "/v1/worklist", f"{chart}"):
        answer = author.get(path, Read_After=position)
        assert answer.status_code in {200, 404}
        assert CANARY not in answer.text
        assert note.rpartition("/")[2] not in answer.text
    asked = author.post(f"{chart}/context", {"budget_tokens": 4000, "words": CANARY}, Read_After=position)
    assert CANARY not in asked.text
    assert CANARY not in str(house.audit(officer))
    for position in range(house.system.recorder.last_position() - 30, house.system.recorder.last_position()):
        assert CANARY not in author.get(f"{chart}/events/{position}").text
    assert session
