"""Webhooks over HTTP: registered, read, paused, resumed and removed by operators."""

from uuid import uuid4

import pytest

URL = "https://platform.example/hooks?token=only-a-sample"


def agreed(operator, **more):
    """The id of an agreement that covers ids of the journal, to the host of URL."""
    body = {
        "recipient": "Platform Ltd",
        "kind": "processor",
        "purposes": ["operations"],
        "classes": ["journal", "measures", "identity"],
        "hosts": ["platform.example"],
        "signed_on": "2026-01-05",
        **more,
    }
    answer = operator.post("/v1/agreements", body)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"].rpartition("/")[2]


def registered(operator, **more):
    answer = operator.post("/v1/webhooks", {"url": URL, "agreement_id": agreed(operator), **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def refused(answer, status, code):
    return (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("user", ["clinician", "supervisor", "officer", "engineer"])
def test_only_operators_see_and_change_webhooks(request, user):
    caller = request.getfixturevalue(user)
    path = f"/v1/webhooks/{uuid4()}"
    for answer in (
        caller.post("/v1/webhooks", {"url": URL, "agreement_id": str(uuid4())}),
        caller.get("/v1/webhooks"),
        caller.get(path),
        caller.post(f"{path}/secret"),
        caller.post(f"{path}/paused", If_Match='"1"'),
        caller.post(f"{path}/resumed", If_Match='"1"'),
        caller.delete(path, If_Match='"1"'),
    ):
        assert refused(answer, 403, "role_not_permitted")


def test_a_webhook_is_registered_and_its_secret_shown_once(operator):
    made = registered(operator, kinds=["record", "identity"])
    assert made["secret"].startswith("whsec_")
    read = operator.get(f"/v1/webhooks/{made['id']}")
    assert made["secret"] not in read.text
    webhook = read.json()
    assert (webhook["url"], webhook["kinds"], webhook["status"]) == (URL, ["identity", "record"], "active")
    assert (webhook["delivered"], webhook["last_outcome"], webhook["next_attempt_at"]) == (0, "", None)
    assert webhook in operator.get("/v1/webhooks").json()["items"]
    again = operator.post(f"/v1/webhooks/{made['id']}/secret")
    assert (again.status_code, again.json()["version"]) == (201, 3)
    assert again.json()["secret"] != made["secret"]


def test_a_webhook_is_paused_resumed_and_removed_by_its_version(operator):
    path = f"/v1/webhooks/{registered(operator)['id']}"
    assert refused(operator.post(f"{path}/paused"), 428, "if_match_missing")
    assert refused(operator.post(f"{path}/paused", If_Match='"7"'), 412, "stale_version")
    assert refused(operator.post(f"{path}/resumed", If_Match='"2"'), 409, "webhook_not_paused")
    assert operator.post(f"{path}/paused", If_Match='"2"').status_code == 200
    paused = operator.get(path)
    assert (paused.json()["status"], paused.json()["pause_reason"]) == ("paused", "operator")
    assert refused(operator.post(f"{path}/paused", If_Match='"3"'), 409, "webhook_paused")
    assert operator.post(f"{path}/resumed", If_Match=paused.headers["ETag"]).status_code == 200
    assert operator.delete(path, If_Match='"4"').status_code == 200
    assert refused(operator.get(path), 404, "webhook_not_found")
    assert refused(operator.post(f"{path}/secret"), 404, "webhook_not_found")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"url": "https://127.0.0.1/"}, 422, "webhook_target_refused"),
        ({"url": "https://169.254.169.254/latest"}, 422, "webhook_target_refused"),
        ({"url": "http://platform.example/"}, 422, "webhook_target_refused"),
        ({"url": "https://user:secret@platform.example/"}, 422, "invalid"),
        ({"url": "ftp://platform.example/"}, 422, "invalid"),
        ({"url": "x"}, 422, "fields_invalid"),
        ({"url": URL, "kinds": []}, 422, "fields_invalid"),
        ({"url": URL, "kinds": ["session.signed"]}, 422, "fields_invalid"),
        ({"url": URL, "after": -1}, 422, "fields_invalid"),
        ({"url": URL, "after": 99_999_999}, 409, "position_ahead"),
        ({}, 422, "fields_invalid"),
    ],
)
def test_webhooks_that_cannot_be_are_refused(operator, body, status, code):
    answer = operator.post("/v1/webhooks", {"agreement_id": agreed(operator), **body})
    assert refused(answer, status, code)
    assert "secret" not in answer.text.replace("client_secret", "")


def test_metrics_count_attempts_and_name_no_address(house, operator):
    registered(operator)
    told = house.http.get("/metrics").text
    assert 'anamnesis_webhook_attempts_total{outcome="delivered"}' in told
    active = next(line for line in told.splitlines() if line.startswith('anamnesis_webhooks{state="active"}'))
    assert float(active.split()[-1]) >= 1
    assert "platform.example" not in told


def test_registering_and_pausing_are_on_record(house, operator, officer):
    made = operator.post("/v1/webhooks", {"url": URL, "agreement_id": agreed(operator)})
    path = f"/v1/webhooks/{made.json()['id']}"
    paused = operator.post(f"{path}/paused", If_Match='"2"')
    told = {entry["request_id"]: entry for entry in house.audit(officer)}
    first, second = told[made.headers["x-request-id"]], told[paused.headers["x-request-id"]]
    assert (first["action"], second["action"]) == ("webhook.register", "webhook.change")
    assert first["resources"] == second["resources"] == [made.json()["id"]]
