"""Agreements and disclosures over HTTP: who records them, what is refused, and what the accounting tells."""

from uuid import uuid4

import pytest

TERMS = {
    "recipient": "County court",
    "kind": "other",
    "purposes": ["compliance"],
    "classes": [],
    "hosts": [],
    "signed_on": "2026-01-05",
}


def recorded(who, **more):
    answer = who.post("/v1/agreements", TERMS | more)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def refused(answer, status, code):
    return (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_agreement_is_recorded_read_and_ended_once(operator, officer, clinician, engineer):
    path = recorded(operator, ends_on="2099-01-01")
    read = clinician.get(path).json()
    assert (read["recipient"], read["in_force"], read["form"]) == ("County court", True, "ids")
    assert read in officer.get("/v1/agreements").json()["items"]
    assert refused(clinician.post(f"{path}/ended"), 403, "role_not_permitted")
    assert refused(engineer.get(path), 403, "role_not_permitted")
    assert officer.post(f"{path}/ended").status_code == 200
    assert refused(officer.post(f"{path}/ended"), 409, "agreement_ended")
    assert officer.get(path).json()["in_force"] is False
    assert refused(officer.get(f"/v1/agreements/{uuid4()}"), 404, "agreement_not_found")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"classes": ["notes"]}, "invalid"),
        ({"classes": ["sud"]}, "invalid"),
        ({"hosts": ["https://x.example"]}, "fields_invalid"),
        ({"signed_on": "2999-01-01"}, "impossible_time"),
        ({"ends_on": "2020-01-01"}, "impossible_time"),
        ({"recipient": "  "}, "text_not_allowed"),
        ({"purposes": []}, "fields_invalid"),
    ],
)
def test_agreements_that_cannot_be_are_refused(operator, body, code):
    assert refused(operator.post("/v1/agreements", TERMS | body), 422, code)


def test_what_was_given_by_hand_stands_in_the_accounting(house, operator, officer, clinician, client_id):
    path = f"/v1/clients/{client_id}/disclosures"
    body = {
        "agreement_id": recorded(operator).rpartition("/")[2],
        "purpose": "compliance",
        "classes": ["journal"],
        "disclosed_on": "2026-02-03",
        "legal_basis": "court_order",
    }
    assert clinician.post(path, body).status_code == 201
    assert refused(operator.post(path, body), 403, "role_not_permitted")
    assert refused(clinician.post(path, body | {"agreement_id": str(uuid4())}), 404, "agreement_not_found")
    assert refused(clinician.post(path, body | {"disclosed_on": "2999-01-01"}), 422, "impossible_time")
    assert refused(clinician.post(path, body | {"classes": ["access"]}), 422, "out_of_range")
    newest = str(house.system.recorder.last_position())
    (item,) = officer.get(path, Read_After=newest).json()["items"]
    assert (item["recipient"], item["disclosed_on"], item["classes"]) == ("County court", "2026-02-03", ["journal"])
    assert (item["purpose"], item["legal_basis"]) == ("compliance", "court_order")


def test_a_webhook_moves_under_another_agreement(operator):
    terms = {"kind": "processor", "purposes": ["operations"], "classes": ["journal"], "hosts": ["platform.example"]}
    first, second = (recorded(operator, **terms).rpartition("/")[2] for _ in range(2))
    hook = {"url": "https://platform.example/hooks", "agreement_id": first}
    elsewhere = operator.post("/v1/webhooks", hook | {"url": "https://elsewhere.example/"})
    assert refused(elsewhere, 403, "egress_not_agreed")
    path = f"/v1/webhooks/{operator.post('/v1/webhooks', hook).json()['id']}"
    moved = operator.post(f"{path}/agreement", {"agreement_id": second}, If_Match='"2"')
    assert moved.status_code == 200, moved.text
    assert operator.get(path).json()["agreement_id"] == second
    operator.post(f"/v1/agreements/{first}/ended")
    assert refused(
        operator.post(f"{path}/agreement", {"agreement_id": first}, If_Match='"3"'), 403, "egress_agreement_ended"
    )
