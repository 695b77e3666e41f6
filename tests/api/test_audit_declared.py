"""Every route says which permission it asks for and what its audit entry is called, and the log bears it out."""

from collections import defaultdict
from uuid import uuid4

import pytest

from adapters.event_store.mapper import stream_of
from api.gate import REFUSED
from domain.ports.call import Role
from domain.services.policy import RULES, Action

OPEN = {("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics")}
"""For machines; hold nothing about anybody."""
PUBLISHED = {("GET", "/v1/codes/icd-10-cm")}
"""A published list: what somebody types to find a code says more than that they looked."""
NAMELESS = {("POST", "/v1/sign-ins/refresh")}
"""Refuses a token that names no sign-in without an entry, within the limit of its address: there is nothing to name."""
ENTRY = {action for action in Action if action.startswith("sign_in.")}
"""Not in the table: there is no role before a sign-in, and everybody may end their own."""


def operations(house):
    for path, methods in house.app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield (method.upper(), path), operation


def entries(house):
    """Every audit entry of the log, as stored, by the request that it belongs to."""
    found = defaultdict(list)
    after = 0
    while rows := house.system.recorder.read_log(after, 2_000):
        after = rows[-1].position
        for row in rows:
            if row.topic.partition(".")[0] == "audit":
                fields = house.system.mapper.to_fields(row)
                found[stream_of(row)].append((fields["action"], fields["outcome"]))
    return found


def contradictions(house):
    """Answers that the log does not bear out."""
    log = entries(house)
    for answer in house.answered:
        if answer.replayed or not answer.actions:
            continue
        left = log[answer.request_id]
        actions = {action for action, _ in left}
        if answer.status < 400 and not (actions and actions <= answer.actions and ("allowed" in dict_of(left))):
            yield (answer.method, answer.path, answer.status, sorted(actions))
        if answer.status == 401 and (answer.method, answer.path) in NAMELESS and not left:
            continue
        if answer.status == 401 and not ("denied" in dict_of(left) and actions <= answer.actions | {REFUSED}):
            yield (answer.method, answer.path, answer.status, left)
        if answer.status == 403 and not ("denied" in dict_of(left) and actions <= answer.actions):
            yield (answer.method, answer.path, answer.status, left)


def dict_of(left):
    return {outcome for _, outcome in left}


def test_every_route_declares_its_permission_and_its_audit_action(house):
    silent = {name for name, operation in operations(house) if not operation.get("x-actions")}
    assert silent == OPEN | PUBLISHED


def test_every_declared_action_is_decided_by_the_table_or_is_a_sign_in(house):
    ruled = {action for rule in RULES for action in rule.actions}
    for name, operation in operations(house):
        assert set(operation.get("x-actions", ())) <= ruled | ENTRY, name


def test_what_is_answered_and_what_is_refused_is_on_record_under_a_declared_action(house, clinician, colleague):
    begun = len(house.answered)
    client_id = clinician.new_client()
    session = clinician.new_session(client_id)
    clinician.put(session, {}, If_Match='"1"')
    clinician.get(session)
    clinician.get("/v1/me")
    clinician.get("/v1/clients")
    clinician.get("/v1/caseload")
    clinician.get("/v1/worklist")
    clinician.post("/v1/clients/lookup", {"family_name": "Okonkwo", "birth_date": "1991-04-23"})
    clinician.post(f"{session}/signature", If_Match='"1"')
    clinician.get(f"/v1/clients/{client_id}/journey")
    colleague.get(session)
    colleague.post(f"{session}/signature", If_Match='"2"')
    house.get(session)
    house.post("/v1/sign-ins", {"login": f"{uuid4().hex}@practice.example", "password": "not the one"})
    seen = {answer.status for answer in house.answered[begun:]}
    assert {200, 201, 401, 403} <= seen
    assert list(contradictions(house)) == []


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SERVICE])
def test_every_route_asked_with_its_own_example_leaves_what_it_declares(house, role):
    user = house.account(role)
    for (method, path), operation in operations(house):
        if path.endswith(("/current", "/metrics")):
            continue
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", _sample(parameter["name"]))  # noqa: PLW2901 - filled in
        house.request(method, path, json=content.get("example"), headers=user.headers() | {"If-Match": '"1"'})
        house.request(method, path, json=content.get("example"), headers={"If-Match": '"1"'})
    assert list(contradictions(house)) == []


def _sample(name):
    return {"picture": "scores", "position": "1", "key": "phq-9"}.get(name, str(uuid4()))
