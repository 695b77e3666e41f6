"""Records of substance-use treatment over HTTP: without consent, with it, and once it is withdrawn."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from domain.ports.call import Role
from tests.api.conftest import CONTENT

CANARY = "Bergfinkenschwarm"
MARKED = CONTENT | {"summary": f"Talked about the {CANARY}.", "substance_use": True}
NOTICE = "42 CFR part 2"


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
def member(house, author, chart):
    """Of the care team, and may treat."""
    who = house.account(Role.CLINICIAN)
    done(author.put(f"{chart}/care-team/{who.id}", {"relation": "primary_clinician"}))
    return who


def consent(author, chart):
    given = {"purpose": "treatment", "document": "part-2/2026-03", "given_at": datetime.now(UTC).isoformat()}
    done(author.post(f"{chart}/consents", given))
    return f"{chart}/consents/{done(author.get(chart)).json()['consents'][0]['id']}"


@pytest.fixture
def places(author, chart):
    """One of each, marked or marked by what it is."""
    session = done(author.post(f"{chart}/sessions", MARKED), 201).headers["Location"]
    said = {"utterances": [{"number": 0, "speaker": "client", "text": f"The {CANARY}."}], "source": "recording"}
    goal = {"statement": f"Without the {CANARY}", "metric": "percentage", "baseline": 0, "target": 100}
    answers = {
        "instrument": "audit-c",
        "taken_at": CONTENT["took_place"],
        "answers": [3, 2, 1],
        "session_id": session.rpartition("/")[2],
    }
    medication = {"name": f"Naltrexone {CANARY}", "substance_use": True}
    diagnosis = {"code": "F10.20", "note": CANARY}
    return {
        "session": session,
        "transcript": done(author.put(f"{session}/transcript", said), 201).headers["Location"],
        "goal": done(author.post(f"{chart}/goals", goal | {"substance_use": True}), 201).headers["Location"],
        "measure": done(author.post(f"{chart}/measures", answers), 201).headers["Location"],
        "diagnosis": done(author.post(f"{chart}/diagnoses", diagnosis), 201).headers["Location"],
        "medication": done(author.post(f"{chart}/medications", medication), 201).headers["Location"],
    }


def lists(chart):
    return [f"{chart}/{name}" for name in ("journey", "goals", "measures", "diagnoses", "medications")]


def now(house):
    return {"Read_After": str(house.system.recorder.last_position())}


def test_without_consent_only_author_and_client_read_them(house, author, member, chart, places):
    supervisor = house.account(Role.SUPERVISOR)
    done(author.put(f"{chart}/care-team/{supervisor.id}", {"relation": "supervisor"}))
    program = house.account(Role.COMPLIANCE_OFFICER)
    for place in places.values():
        assert code(house.get(place)) == (401, "unauthenticated")
        for who in (member, supervisor):
            assert code(who.get(place)) == (403, "consent_missing")
        assert code(program.get(place)) == (403, "role_not_permitted")
        told = done(author.get(place)).json()
        assert told["substance_use"] is True
        assert NOTICE in told["notices"][0]
    for who in (member, supervisor):
        for path in lists(chart):
            answer = done(who.get(path, **now(house)))
            assert CANARY not in answer.text
            assert not {place.rpartition("/")[2] for place in places.values()} & set(answer.text.split('"'))
    assert CANARY in done(author.get(f"{chart}/journey", **now(house))).text
    own = house.account(Role.CLIENT, client_id=chart[12:])
    assert done(own.get(places["diagnosis"])).json()["substance_use"] is True
    assert CANARY in done(own.get(f"{chart}/goals", **now(house))).text


def test_broken_glass_opens_them_for_the_emergency_and_not_otherwise(house, chart, places):
    helper = house.account(Role.CLINICIAN)
    done(helper.post(f"{chart}/break-glass", {"reason": "Collapsed."}, Purpose="emergency"), 201)
    for place in places.values():
        assert done(helper.get(place, Purpose="emergency")).json()["substance_use"] is True
        assert code(helper.get(place)) == (403, "outside_care_team")
    assert CANARY in done(helper.get(f"{chart}/journey", Purpose="emergency", **now(house))).text


def test_consent_opens_them_and_its_withdrawal_hides_them_at_once(house, author, member, chart, places):
    given = consent(author, chart)
    for place in places.values():
        assert done(member.get(place)).json()["substance_use"] is True
    journey = done(member.get(f"{chart}/journey", **now(house))).json()["items"]
    shown = [item for item in journey if item["content"].get("substance_use")]
    assert {item["kind"] for item in shown} == set(places)
    assert all(NOTICE in item["content"]["notices"][0] for item in shown)
    stated = {"name": "Naltrexone", "dose": "50 mg"}
    done(member.put(places["medication"], stated, If_Match='"1"'))
    done(author.post(f"{given}/withdrawn", If_Match=author.get(chart).headers["ETag"]))
    for place in places.values():
        assert code(member.get(place)) == (403, "consent_missing")
    assert code(member.put(places["medication"], stated, If_Match='"2"')) == (403, "consent_missing")
    for path in lists(chart):
        assert CANARY not in done(member.get(path, **now(house))).text


def test_nothing_of_them_is_counted_shown_in_reports_or_told_to_models(house, author, chart, places):
    consent(author, chart)
    for path in (f"{chart}/progress", "/v1/worklist", "/v1/clients", "/v1/caseload"):
        answer = author.get(path, **now(house))
        assert CANARY not in answer.text
        assert places["session"].rpartition("/")[2] not in answer.text
    context = author.post(f"{chart}/context", {"budget_tokens": 8000, "words": CANARY}, **now(house))
    assert CANARY not in context.text


def test_what_is_not_marked_reads_as_ever_and_says_nothing_of_it(author, chart):
    plain = done(author.post(f"{chart}/sessions", CONTENT), 201).headers["Location"]
    assert {"substance_use", "notices"}.isdisjoint(done(author.get(plain)).json())


def test_a_diagnosis_is_marked_by_its_code_unless_somebody_says_otherwise(author, member, chart):
    said = done(author.post(f"{chart}/diagnoses", {"code": "F17.210", "substance_use": False}), 201)
    assert member.get(said.headers["Location"]).status_code == 200
    other = done(author.post(f"{chart}/diagnoses", {"code": "F40.01"}), 201).headers["Location"]
    changed = author.put(other, {"code": "F10.20"}, If_Match='"1"')
    assert code(changed) == (409, "diagnosis_kept_apart")


def test_a_refusal_does_not_tell_that_a_hidden_diagnosis_is_listed(author, member, chart, places):
    again = member.post(f"{chart}/diagnoses", {"code": "F10.20"})
    assert again.status_code == 201
    assert places


def test_notes_about_such_a_session_are_kept_as_such(author, chart, places):
    session = places["session"].rpartition("/")[2]
    note = done(author.post(f"{chart}/notes", {"text": "Mine.", "session_id": session}), 201).headers["Location"]
    assert done(author.get(note)).json()["substance_use"] is True


def test_such_a_session_is_amended_and_signed_by_its_author_without_consent(author, member, places):
    done(author.put(places["session"], CONTENT | {"summary": "Anew."}, If_Match='"1"'))
    assert code(member.post(f"{places['session']}/addenda", {"text": "x"})) == (403, "consent_missing")
    done(author.post(f"{places['session']}/signature", If_Match='"2"'))


def test_to_who_stands_for_the_client_nothing_marked_exists(house, author, chart, places):
    done(author.post(f"{places['session']}/signature", If_Match='"1"'))
    parent = house.account(Role.CLIENT)
    stands = {"authority": "parent", "until": "2031-04-23T00:00:00+02:00"}
    done(author.put(f"{chart}/representatives/{parent.id}", stands))
    consent(author, chart)
    done(parent.get(chart))
    for place in places.values():
        assert parent.get(place).status_code == 404, place
    assert told(parent.get(places["session"])) == told(parent.get(f"/v1/sessions/{uuid4()}"))
    assert told(parent.get(places["goal"])) == told(parent.get(f"/v1/goals/{uuid4()}"))
    for path in (*lists(chart), f"{chart}/export", f"{chart}/access-log"):
        assert CANARY not in done(parent.get(path, **now(house))).text
        assert "42 CFR" not in parent.get(path).text


def told(answer):
    return {name: value for name, value in answer.json().items() if name != "request_id"}
