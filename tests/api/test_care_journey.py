"""The whole care record over HTTP on SQLite and on PostgreSQL: each entry stands in the journey as its own read gives it."""

import pytest
from sqlalchemy import text

from domain.ports.call import Role
from ops.settings import Settings

CANARY = "Zyzzogeton"
SAID = [{"number": 0, "speaker": "client", "text": f"I met {CANARY}.", "at_s": None, "codes": []}]
ENTRIES = ("treatment_plan", "safety_plan", "diagnosis", "medication", "transcript")


@pytest.fixture
def settings_here(database_urls, new_settings, tmp_path) -> Settings:
    """A deployment of the test's own on the database in question."""
    return new_settings(
        tmp_path / "fresh",
        ANAMNESIS_EVENTS_URL=database_urls.events,
        ANAMNESIS_KEYS_URL=database_urls.keys,
        ANAMNESIS_VIEWS_URL=database_urls.views,
    )


def fill(clinician, client_id):
    """One of each in the chart, by kind; and the position of the last."""
    chart, session = f"/v1/clients/{client_id}", clinician.new_session(client_id)
    answers = {
        "treatment_plan": clinician.put(f"{chart}/treatment-plan", {"presenting_problems": [CANARY]}),
        "safety_plan": clinician.put(f"{chart}/safety-plan", {"warning_signs": [CANARY]}),
        "diagnosis": clinician.post(f"{chart}/diagnoses", {"code": "F41.1", "note": CANARY}),
        "medication": clinician.post(f"{chart}/medications", {"name": CANARY}),
        "transcript": clinician.put(f"{session}/transcript", {"utterances": SAID}),
    }
    assert {answer.status_code for answer in answers.values()} == {201}
    return session, {kind: answer.headers["Location"] for kind, answer in answers.items()}, answer_position(answers)


def answer_position(answers):
    return max((answer.headers["Position"] for answer in answers.values()), key=int)


def journey(who, client_id, position):
    answer = who.get(f"/v1/clients/{client_id}/journey", Read_After=position)
    assert answer.status_code == 200, answer.text
    return {item["kind"]: item for item in answer.json()["items"]}


def test_each_entry_stands_in_the_journey_as_its_own_read_gives_it(settings_here, another_house):
    with another_house(settings_here) as house:
        clinician = house.account(Role.CLINICIAN)
        client_id = clinician.new_client()
        session, places, position = fill(clinician, client_id)
        items = journey(clinician, client_id, position)
        for kind in ENTRIES:
            own = clinician.get(places[kind]).json()
            if kind == "transcript":
                assert items[kind]["happened_at"] == own["took_place"]["instant"]
                own |= {"utterances": None, "utterance_count": 1}
            assert items[kind]["content"] == own, kind
            assert (items[kind]["id"], items[kind]["state"], items[kind]["version"]) == (own["id"], own["status"], 1)
        client = house.account(Role.CLIENT, client_id=client_id)
        assert set(ENTRIES) - set(journey(client, client_id, position)) == {"transcript"}
        signed = clinician.post(f"{session}/signature", If_Match='"1"')
        assert set(ENTRIES) <= set(journey(client, client_id, signed.headers["Position"]))
        for place in places.values():
            marked = clinician.post(f"{place}/entered-in-error", {"reason": "Wrong chart."}, If_Match='"1"')
        after = journey(clinician, client_id, marked.headers["Position"])
        assert {after[kind]["state"] for kind in ENTRIES} == {"entered_in_error"}
        assert {len(after[kind]["positions"]) for kind in ENTRIES} == {2}
        assert not set(ENTRIES) & set(journey(client, client_id, marked.headers["Position"]))


def test_stored_rows_tell_neither_words_nor_which_kind_of_entry_they_are(settings_here, another_house):
    with another_house(settings_here) as house:
        clinician = house.account(Role.CLINICIAN)
        client_id = clinician.new_client()
        _, _, position = fill(clinician, client_id)
        assert len(journey(clinician, client_id, position)) > len(ENTRIES)
        with house.system.databases.views.connect() as connection:
            rows = connection.execute(text("SELECT * FROM journey_items")).all()
        with house.system.databases.events.connect() as connection:
            rows += connection.execute(text("SELECT * FROM events")).all()
        told = " ".join(repr(tuple(row)) for row in rows)
        assert rows
        for word in (CANARY, *ENTRIES, "F41.1"):
            assert word not in told
