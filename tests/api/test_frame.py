"""What surrounds every answer: ids, security headers, counts, and an answer even where something is broken."""

import json
import threading
from dataclasses import replace
from ipaddress import ip_network
from uuid import UUID, uuid4

import pytest
import structlog
from starlette.testclient import TestClient

from api.app import create_app
from api.headers import client_address
from domain.errors import KeysUnavailable, SealBroken, StoreUnavailable
from domain.ports.call import Role

MARK = "Xylographinquisitor"


class Broken:
    """A part of the services that fails as it is told."""

    def __init__(self, error):
        self._error = error

    def __getattr__(self, name):
        def fail(*_args, **_kwargs):
            raise self._error

        return fail


@pytest.fixture
def breaking(house):
    """`breaking(part, error)`: an HTTP client for an application whose `part` raises `error`."""

    def build(part, error):
        services = replace(house.system.services, **{part: Broken(error)})
        return TestClient(create_app(services, house.system.runtime()), raise_server_exceptions=False)

    return build


def test_every_answer_names_its_request_and_is_told_to_no_one_else(house, clinician):
    for answer in (clinician.get("/v1/me"), house.get("/v1/me"), house.get("/v1/nowhere"), house.get("/livez")):
        assert UUID(answer.headers["x-request-id"]).version == 7
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers


def test_request_ids_are_the_servers_own(house):
    given = str(uuid4())
    assert house.get("/livez", X_Request_ID=given).headers["x-request-id"] != given


def test_behind_tls_browsers_are_told_to_insist_on_it(settings, another_house):
    with another_house(settings, behind_tls=True) as own:
        assert "max-age=63072000" in own.get("/livez").headers["strict-transport-security"]


def test_pages_of_other_origins_may_not_call(house):
    answer = house.request(
        "OPTIONS",
        "/v1/me",
        headers={"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"},
    )
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_pages_of_origins_that_were_let_in_may_call(settings, another_house):
    with another_house(settings, cors_origins=("https://console.example",)) as own:
        asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "If-Match"}
        allowed = own.http.options("/v1/me", headers={"Origin": "https://console.example", **asked})
        assert allowed.headers["access-control-allow-origin"] == "https://console.example"
        other = own.http.options("/v1/me", headers={"Origin": "https://elsewhere.example", **asked})
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("192.0.2.1", "203.0.113.9", (), "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", ("192.0.2.0/24",), "203.0.113.9"),
        ("198.51.100.7", "203.0.113.9", ("192.0.2.0/24",), "198.51.100.7"),
        ("192.0.2.1", "10.9.9.9, 203.0.113.9, 192.0.2.8", ("192.0.2.0/24",), "203.0.113.9"),
        ("192.0.2.1", "", ("192.0.2.0/24",), "192.0.2.1"),
        ("192.0.2.1", "'; drop table", ("192.0.2.0/24",), "192.0.2.1"),
        ("2001:db8::1", "2001:db8:f::9", ("2001:db8::/64",), "2001:db8:f::9"),
    ],
)
def test_address_is_the_sockets_unless_a_trusted_proxy_says_otherwise(peer, forwarded, trusted, address):
    networks = tuple(ip_network(network) for network in trusted)
    assert client_address(peer, {"x-forwarded-for": forwarded}, networks) == address


def test_forwarded_address_is_not_believed_by_default(house, officer):
    answer = house.get("/v1/me", X_Forwarded_For="203.0.113.9")
    entry = next(one for one in house.audit(officer) if one["request_id"] == answer.headers["x-request-id"])
    assert entry["origin"] == "127.0.0.1"


def test_fault_of_ours_is_answered_without_its_text(breaking):
    with structlog.testing.capture_logs() as logged, breaking("sign_in", ValueError(MARK)) as http:
        answer = http.post("/v1/sign-ins", json={"login": "a@practice.example", "password": "x"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert MARK not in answer.text
    entry = next(one for one in logged if one["event"] == "unexpected_error")
    assert entry["request_id"] == answer.headers["x-request-id"]
    assert entry["code"] == "internal_error"


@pytest.mark.parametrize("error", [StoreUnavailable(retry_after_s=3), KeysUnavailable(retry_after_s=3)])
def test_store_that_is_down_is_told_with_when_to_come_back(breaking, error):
    with breaking("sign_in", error) as http:
        answer = http.get("/v1/me", headers={"Authorization": "Bearer x.y.z"})
    assert (answer.status_code, answer.json()["code"]) == (503, error.code)
    assert answer.headers["retry-after"] == "3"


def test_value_that_does_not_open_is_a_fault_and_is_logged(breaking):
    with structlog.testing.capture_logs() as logged, breaking("sign_in", SealBroken(stream=UUID(int=7))) as http:
        answer = http.get("/v1/me", headers={"Authorization": "Bearer x.y.z"})
    assert (answer.status_code, answer.json()["code"]) == (500, "seal_broken")
    assert [one["code"] for one in logged if one["event"] == "refused"] == ["seal_broken"]


def test_refusal_of_a_stranger_stands_when_it_cannot_be_put_on_record(house):
    runtime = replace(house.system.runtime(), ledger=Broken(StoreUnavailable()))
    with TestClient(create_app(house.system.services, runtime), raise_server_exceptions=False) as http:
        assert http.get("/v1/me").status_code == 401


def test_clinical_read_that_cannot_be_put_on_record_is_not_answered(settings, another_house, house, clinician):
    location = clinician.new_session(clinician.new_client())
    headers = clinician.headers()
    with another_house(settings) as own:
        own.system.services.sessions._ledger = Broken(StoreUnavailable())
        answer = own.request("GET", location, headers=headers)
    assert answer.status_code == 503
    assert "content" not in answer.json()


def test_metrics_count_by_template_and_hold_no_ids(house, clinician, client_id):
    location = clinician.new_session(client_id)
    clinician.get(location)
    house.get("/v1/nowhere/at-all")
    text = house.http.get("/metrics").text
    assert 'route="/v1/sessions/{session_id}",status="200"' in text
    assert (
        'anamnesis_http_request_duration_seconds_bucket{le="0.02",method="GET",route="/v1/sessions/{session_id}"}'
        in text
    )
    assert 'route="none",status="404"' in text
    assert client_id not in text
    assert location.rpartition("/")[2] not in text


def test_metrics_of_strange_methods_share_one_label(house):
    house.request("BREW", "/v1/me")
    assert 'method="other"' in house.http.get("/metrics").text
    assert "BREW" not in house.http.get("/metrics").text


def test_logs_hold_templates_and_ids_but_nothing_that_was_sent(house, clinician, client_id):
    with structlog.testing.capture_logs() as logged:
        clinician.post("/v1/clients/lookup", {"family_name": MARK, "birth_date": "1990-01-01"})
        clinician.get(f"/v1/audit/mine?action={MARK}")
    text = json.dumps(logged, default=str)
    assert "/v1/clients/lookup" in text
    assert MARK not in text


def test_more_callers_than_threads_are_all_answered(house, clinician, client_id):
    headers, answers = clinician.headers(), []

    def read():
        answers.append(house.http.get("/v1/me", headers=headers).status_code)

    callers = [threading.Thread(target=read) for _ in range(40)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert answers == [200] * 40


def test_passwords_are_checked_a_few_at_a_time(house):
    user = house.account(Role.CLINICIAN)
    gate = house.app.state.surface.gate
    with gate.hashing(), gate.hashing():
        answer = house.post("/v1/sign-ins", {"login": user.login, "password": "x"})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert house.post("/v1/sign-ins", {"login": user.login, "password": "x"}).status_code == 401
