"""A caseload's standing: worst first, in pages, for whoever treats them."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.ports.call import Role

NOW = datetime.now(UTC).replace(microsecond=0)


def at(weeks_ago):
    return {"instant": (NOW - timedelta(weeks=weeks_ago)).isoformat().replace("+00:00", "Z"), "zone": "Europe/Berlin"}


@pytest.fixture(scope="module")
def practice(house):
    """A clinician of five clients: one gets better, one worse, one was flagged, one was seen and never measured."""
    clinician = house.account(Role.CLINICIAN)
    clients = {name: clinician.new_client() for name in ("better", "worse", "flagged", "unmeasured", "empty")}
    for weeks in range(8, 0, -1):
        for name, score in (("better", 2 * weeks), ("worse", 18 - 2 * weeks)):
            answers = [3] * (score // 3) + [score % 3]
            body = {"instrument": "phq-9", "taken_at": at(weeks), "answers": [*answers, *[0] * (9 - len(answers))]}
            assert clinician.post(f"/v1/clients/{clients[name]}/measures", body).status_code == 201
    clinician.new_session(clients["unmeasured"], took_place=at(1))
    last = clinician.post(f"/v1/clients/{clients['flagged']}/risk-flags", {"level": "high", "reason": "Said goodbye."})
    return clinician, clients, last.headers["Position"]


def test_the_worst_stand_first_each_with_why(practice):
    clinician, clients, position = practice
    found = clinician.get("/v1/caseload", Read_After=position).json()
    names = {client_id: name for name, client_id in clients.items()}
    standings = {names[one["client_id"]]: one["standing"] for one in found["clients"]}
    assert [names[one["client_id"]] for one in found["clients"]][:2] == ["flagged", "worse"]
    assert standings["worse"] == "off_track"
    assert standings["unmeasured"] == "not_measured"
    assert standings["better"] in {"improving", "recovered"}
    assert all(len(one["because"]) > 10 for one in found["clients"])
    worse = next(one for one in found["clients"] if names[one["client_id"]] == "worse")
    assert {found["sources"][place]["kind"] for place in worse["sources"]} == {"measure"}


def test_clients_are_named_as_in_the_list_of_clients(practice):
    clinician, clients, position = practice
    listed = {
        one["client_id"]: one["name"] for one in clinician.get("/v1/clients", Read_After=position).json()["items"]
    }
    found = clinician.get("/v1/caseload", Read_After=position).json()
    assert {one["client_id"]: one["name"] for one in found["clients"]} == listed
    assert all(listed.values())
    assert next(one for one in found["clients"] if one["client_id"] == clients["flagged"])["flag_level"] == "high"


def test_pages_are_the_whole(practice):
    clinician, clients, position = practice
    seen, query = [], "?limit=2"
    while query:
        page = clinician.get(f"/v1/caseload{query}", Read_After=position).json()
        assert len(page["clients"]) <= 2
        seen += [one["client_id"] for one in page["clients"]]
        query = page["next"] and f"?limit=2&cursor={page['next']}"
    assert seen == [one["client_id"] for one in clinician.get("/v1/caseload").json()["clients"]]
    assert set(seen) == set(clients.values())


def test_a_cursor_is_good_for_whom_it_was_given_to(practice, clinician):
    other = practice[0].get("/v1/caseload?limit=1").json()["next"]
    assert clinician.get(f"/v1/caseload?cursor={other}").json()["code"] == "cursor_invalid"


def test_an_empty_caseload_is_empty(house):
    answer = house.account(Role.SUPERVISOR).get("/v1/caseload").json()
    assert answer == {"clients": [], "sources": [], "next": None}


def test_only_carers_have_one(house, operator, officer, engineer):
    assert house.get("/v1/caseload").status_code == 401
    for user in (operator, officer, engineer):
        assert user.get("/v1/caseload").json()["code"] == "role_not_permitted"
