"""Who may call what: every route of the document, without a token and as every role."""

from uuid import UUID, uuid4

import pytest

from domain.ports.call import Role, Scope
from domain.services.access import Action
from domain.services.policy import RULES, SCOPES

PUBLIC = {
    ("POST", "/v1/sign-ins"),
    ("POST", "/v1/sign-ins/refresh"),
    ("POST", "/v1/sign-ins/second-factor"),
    ("POST", "/v1/sign-ins/enrolment"),
    ("GET", "/v1/oidc/authorization"),
    ("POST", "/v1/oidc/callback"),
    ("POST", "/v1/token"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
}
EVERYBODY = {
    ("DELETE", "/v1/sign-ins/current"),  # whoever is signed in may sign out
    ("GET", "/v1/codes/icd-10-cm"),  # a published list
}
NARROWER = {
    ("GET", "/v1/accounts/{account_id}"): {Action.ACCOUNT_READ},
    ("GET", "/v1/accounts/{account_id}/identities"): {Action.ACCOUNT_READ},
    ("GET", "/v1/exceptional-access"): {Action.BREAK_GLASS_REVIEW},
}
"""Routes that ask for less where the id is the caller's own, which sample ids never are, or whose entries name another
action than the one they ask for.
"""
SAMPLES = {"picture": "scores", "position": "1"}
"""What path parameters that are no ids may be."""
PEOPLE = [role for role in Role if role is not Role.SERVICE]


def operations(house):
    """(method, path template, the document's operation) of every route."""
    return [
        (method.upper(), path, operation)
        for path, methods in house.app.openapi()["paths"].items()
        for method, operation in methods.items()
    ]


def wanted(method, path, operation):
    """The actions of which one is enough."""
    return NARROWER.get((method, path), set(operation["x-actions"]))


def may(role, method, path, operation):
    actions = wanted(method, path, operation)
    return (method, path) in EVERYBODY or any(role in rule.roles and actions & rule.actions for rule in RULES)


def call(house, method, path, operation, headers):
    """A call that is right in form: sample body, sample ids, If-Match."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", SAMPLES.get(parameter["name"], str(uuid4())))
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return house.request(method, path, json=content.get("example"), headers=headers | {"If-Match": '"1"'})


def test_every_route_that_is_not_public_refuses_strangers(house):
    for method, path, operation in operations(house):
        if (method, path) in PUBLIC:
            assert "security" not in operation
            continue
        assert operation["security"] == [{"access_token": []}]
        for headers in ({}, {"Authorization": "Bearer forged.token.here"}):
            answer = call(house, method, path, operation, headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (method, path)
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.fixture(scope="module")
def signed_in(house):
    """An account of each role, tied to nobody."""
    return {role: house.account(role) for role in PEOPLE}


@pytest.mark.parametrize("role", PEOPLE)
def test_every_route_refuses_roles_that_the_table_does_not_allow(house, signed_in, role):
    for method, path, operation in operations(house):
        if (method, path) in PUBLIC or may(role, method, path, operation):
            continue
        answer = call(house, method, path, operation, signed_in[role].headers())
        assert (answer.status_code, answer.json()["code"]) == (403, "role_not_permitted"), (method, path)


@pytest.mark.parametrize("role", PEOPLE)
def test_no_route_refuses_a_role_that_the_table_allows(house, signed_in, role):
    own = house.account(role)
    for method, path, operation in operations(house):
        if (method, path) in PUBLIC or not may(role, method, path, operation) or path.endswith("/current"):
            continue
        answer = call(house, method, path, operation, own.headers())
        assert answer.is_success or answer.json()["code"] != "role_not_permitted", (method, path)
        assert answer.status_code < 500, (method, path, answer.text)


@pytest.fixture(scope="module")
def service(house):
    """The headers of a service account that has every scope there is."""
    operator = house.operator
    made = operator.post("/v1/service-accounts", {"display_name": "Platform", "scopes": list(Scope)})
    account_id = made.headers["Location"].rpartition("/")[2]
    secret = operator.post(f"/v1/accounts/{account_id}/secrets").json()["client_secret"]
    body = {"grant_type": "client_credentials", "client_id": account_id, "client_secret": secret}
    return {"Authorization": f"Bearer {house.post('/v1/token', body).json()['access_token']}"}


def test_a_service_with_every_scope_is_refused_what_no_scope_includes(house, service):
    scoped = {action for actions in SCOPES.values() for action in actions}
    for method, path, operation in operations(house):
        if (method, path) in PUBLIC | EVERYBODY:
            continue
        answer = call(house, method, path, operation, service)
        refused = answer.status_code == 403 and answer.json()["code"] in {"role_not_permitted", "scope_not_permitted"}
        assert refused is not bool(scoped & wanted(method, path, operation)), (method, path)


def test_denials_are_on_record_with_who_and_why(house, signed_in, officer):
    engineer = signed_in[Role.ML_ENGINEER]
    session_id = uuid4()
    answer = engineer.get(f"/v1/sessions/{session_id}")
    entry = next(one for one in house.audit(officer) if one["request_id"] == answer.headers["x-request-id"])
    assert (entry["action"], entry["outcome"], entry["reason"]) == ("session.read", "denied", "role_not_permitted")
    assert (UUID(entry["actor_id"]), entry["actor_role"]) == (engineer.id, "ml_engineer")
    assert entry["resources"] == [str(session_id)]


@pytest.fixture(scope="module")
def chart(clinician):
    """(client, session, appointment) in the clinician's care."""
    client_id = clinician.new_client()
    return client_id, clinician.new_session(client_id), clinician.new_appointment(client_id)


def outside(answer):
    return (answer.status_code, answer.json()["code"]) == (403, "outside_care_team")


def test_clinicians_outside_the_care_team_see_and_change_nothing(colleague, chart):
    client_id, session, appointment = chart
    for path in (f"/v1/clients/{client_id}", session, appointment):
        assert outside(colleague.get(path))
    assert outside(colleague.get(f"/v1/clients/{client_id}/identity"))
    assert outside(colleague.get(f"/v1/clients/{client_id}/journey"))
    assert outside(
        colleague.post(
            f"/v1/clients/{client_id}/sessions",
            {
                "took_place": {"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"},
                "duration_min": 50,
                "modality": "video",
                "summary": "x",
            },
        )
    )
    assert outside(colleague.post(f"{appointment}/missed", {"reason": "other"}, If_Match='"1"'))
    assert outside(colleague.put(f"/v1/drafts/{uuid4()}", {"client_id": client_id, "content": {}}))


def test_only_the_author_signs(clinician, colleague, chart):
    client_id, session, _ = chart
    clinician.put(f"/v1/clients/{client_id}/care-team/{colleague.id}", {"relation": "clinician"})
    answer = colleague.post(f"{session}/signature", If_Match='"1"')
    clinician.delete(f"/v1/clients/{client_id}/care-team/{colleague.id}")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_the_author")


def test_clients_see_their_own_record_and_nothing_of_others(house, clinician):
    client_id, other_id = clinician.new_client(), clinician.new_client()
    own = house.account(Role.CLIENT, client_id=client_id)
    session, hidden = clinician.new_session(client_id), clinician.new_session(other_id)
    clinician.post(f"{session}/signature", If_Match='"1"')
    clinician.post(f"{hidden}/signature", If_Match='"1"')
    assert own.get(session).status_code == 200
    assert own.get(f"/v1/clients/{client_id}/identity").status_code == 200
    assert own.get(hidden).json()["code"] == "session_not_found"
    assert own.get(f"/v1/clients/{other_id}").json()["code"] == "client_not_found"
    assert other_id not in own.get(f"/v1/clients/{other_id}").json()["facts"].values()
    for there, nowhere in ((hidden, f"/v1/sessions/{uuid4()}"), (f"/v1/clients/{other_id}", f"/v1/clients/{uuid4()}")):
        told = [own.get(path).json() for path in (there, nowhere)]
        assert told[0] | {"request_id": ""} == told[1] | {"request_id": ""}


def test_clients_see_sessions_once_they_are_signed(house, clinician):
    client_id = clinician.new_client()
    own = house.account(Role.CLIENT, client_id=client_id)
    session = clinician.new_session(client_id)
    assert own.get(session).status_code == 404
    signed = clinician.post(f"{session}/signature", If_Match='"1"')
    assert own.get(session).status_code == 200
    journey = own.get(f"/v1/clients/{client_id}/journey?kind=session", Read_After=signed.headers["Position"])
    assert [item["state"] for item in journey.json()["items"]] == ["signed"]


def test_engineers_and_operators_read_no_record(operator, engineer, chart):
    for user in (operator, engineer):
        for path in (f"/v1/clients/{chart[0]}", chart[1], chart[2], f"/v1/clients/{chart[0]}/journey"):
            assert user.get(path).status_code == 403


def test_anothers_draft_does_not_exist(clinician, colleague, client_id):
    path = f"/v1/drafts/{uuid4()}"
    clinician.put(path, {"client_id": client_id, "content": {"summary": "x"}})
    assert colleague.get(path).json()["code"] == "draft_not_found"
    assert colleague.delete(path).json()["code"] == "draft_not_found"
    assert clinician.get(path).status_code == 200
