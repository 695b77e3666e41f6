"""Alive, ready, degraded, not ready: told apart, part by part."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.readiness import Readiness
from domain.ports.health import Health, HealthState


class Told:
    """A probe that answers what it was given and counts how often it was asked."""

    def __init__(self, name, state=HealthState.OK, detail=""):
        self.name = name
        self.health = Health(state=state, code=state.value, detail=detail)
        self.asked = 0

    def check(self):
        self.asked += 1
        return self.health


@pytest.fixture
def over(house):
    """`over(*probes)`: an HTTP client for an application with these probes."""

    def build(*probes):
        runtime = replace(house.system.runtime(), probes=probes)
        return TestClient(create_app(house.system.services, runtime))

    return build


def test_alive_touches_nothing(over):
    probe = Told("events", HealthState.DOWN)
    with over(probe) as http:
        assert http.get("/livez").json() == {"status": "alive"}
    assert probe.asked == 0


@pytest.mark.parametrize("state", [HealthState.OK, HealthState.DOWN])
def test_asked_for_the_head_alone_both_answer_it_without_a_body(over, state):
    with over(Told("events", state)) as http:
        for path in ("/livez", "/readyz"):
            whole, head = http.get(path), http.head(path)
            assert (head.status_code, head.content) == (whole.status_code, b"")
            assert head.headers["content-type"] == whole.headers["content-type"]
            assert int(head.headers["content-length"]) > 0
            assert http.post(path).status_code == 405


def test_ready_when_all_parts_work(over):
    with over(Told("events"), Told("queue")) as http:
        answer = http.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert [check["name"] for check in answer.json()["checks"]] == ["events", "queue"]


def test_degraded_part_is_told_and_does_not_stop_the_rest(over):
    with over(Told("events"), Told("queue", HealthState.DEGRADED, "Background work waits.")) as http:
        answer = http.get("/readyz")
        page = http.get("/").text
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"][1]["detail"] == "Background work waits."
    assert "Background work waits." in page


def test_part_that_is_down_makes_it_unready(over):
    with over(Told("events", HealthState.DOWN), Told("queue")) as http:
        answer = http.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
        assert http.get("/livez").status_code == 200


def test_not_ready_before_the_start_and_while_draining():
    readiness = Readiness([Told("events")], "1")
    assert readiness.report()[0] is False
    assert readiness.report()[1]["status"] == "starting"
    readiness.started = True
    assert readiness.report()[0] is True
    readiness.draining = True
    assert (readiness.report()[0], readiness.report()[1]["status"]) == (False, "draining")


def test_many_who_ask_are_one_question():
    probe = Told("events")
    readiness = Readiness([probe], "1")
    for _ in range(20):
        readiness.report()
    assert probe.asked == 1


def test_api_goes_on_without_redis_and_says_so(house, clinician, client_id):
    answer = house.get("/readyz")
    states = {check["name"]: check["state"] for check in answer.json()["checks"]}
    assert answer.status_code == 200
    assert states["queue"] == "degraded"
    assert states["events"] == states["keys"] == states["views"] == "ok"
    assert clinician.new_session(client_id)


def test_probes_tell_strangers_no_addresses(house):
    text = house.get("/readyz").text
    assert str(house.system.settings.data_dir) not in text
    assert "sqlite" not in text
