"""Requests made up from the OpenAPI document, right and wrong, as several roles: nothing comes back that it doesn't say."""

import json
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from domain.ports.call import Role

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TAKEN_AT = {"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"}
NOT_TRIED = "/v1/sign-ins/current"
"""Would end the sign-in that the rest is tried with."""


@pytest.fixture(scope="module")
def operations(house):
    """All operations; tokens are the callers' and not made up."""
    document = json.loads(json.dumps(house.app.openapi()))
    for methods in document["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)
    found = [result.ok() for result in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert len(found) > 40
    return [operation for operation in found if operation.path != NOT_TRIED]


@pytest.fixture(scope="module")
def callers(house):
    """Accounts of their own: some of what is tried changes passwords or care teams."""
    return {role: house.account(role) for role in (Role.CLINICIAN, Role.OPERATOR, Role.COMPLIANCE_OFFICER)}


@pytest.fixture(scope="module")
def known(callers):
    """Ids that lead somewhere, by the name of the parameter."""
    clinician = callers[Role.CLINICIAN]
    client_id = clinician.new_client()
    clinician.put(draft := f"/v1/drafts/{uuid4()}", {"client_id": client_id, "content": {}})
    places = {
        "session_id": clinician.new_session(client_id),
        "appointment_id": clinician.new_appointment(client_id),
        "draft_id": draft,
        "diagnosis_id": clinician.post(f"/v1/clients/{client_id}/diagnoses", {"code": "F41.1"}).headers["Location"],
        "medication_id": clinician.post(f"/v1/clients/{client_id}/medications", {"name": "x"}).headers["Location"],
    }
    filled_in = {"instrument": "phq-9", "taken_at": TAKEN_AT, "answers": [3] * 9}
    places["measure_id"] = clinician.post(f"/v1/clients/{client_id}/measures", filled_in).headers["Location"]
    places["flag_id"] = clinician.get(places["measure_id"]).json()["flag_id"]
    step = {"statement": "x", "metric": "milestones", "milestones": [{"text": "x"}]}
    places["goal_id"] = clinician.post(f"/v1/clients/{client_id}/goals", step).headers["Location"]
    places["milestone_id"] = clinician.get(places["goal_id"]).json()["content"]["milestones"][0]["id"]
    ids = {name: place.rpartition("/")[2] for name, place in places.items()}
    return ids | {"key": "who-5", "client_id": client_id, "account_id": str(clinician.id)}


def answer_of(house, case, headers):
    """The answer in the form that schemathesis checks, with the request that it answers."""
    request = case.as_transport_kwargs(base_url="http://testserver", headers=headers)
    sent = request.get("data")
    return house.http.request(
        request["method"],
        request["url"],
        params=request.get("params"),
        json=request.get("json"),
        **({"data": sent} if isinstance(sent, dict) else {"content": sent}),
        headers=request["headers"],
    )


def forms_of(operation):
    """Everything, each media type that it answers with, and one that nothing comes in."""
    answers = operation.definition.raw["responses"].values()
    forms = {form for answer in answers for form in answer.get("content", {}) if not form.endswith("problem+json")}
    return ["*/*", *sorted(forms), "application/x-none, */*;q=0.1"]


def takes_something(operation):
    if operation.label == "PUT /v1/sessions/{session_id}":
        return False  # the body that POST takes, which is the slowest to make up
    return bool(operation.body) or any(len(list(group)) for group in (operation.path_parameters, operation.query))


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.OPERATOR, Role.COMPLIANCE_OFFICER])
def test_requests_that_are_right_are_answered_as_the_document_says(house, operations, callers, known, role):
    for operation in operations:

        @examples(6 if role is Role.CLINICIAN else 2)
        @given(
            case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
            real=st.booleans(),
            accept=st.sampled_from(forms_of(operation)),
        )
        def tried(case, real, accept):
            # A position that no write has answered is waited for, and then told to be late (503): see test_pages.
            case.headers.pop("Read-After", None)
            if real:
                case.path_parameters.update({name: known[name] for name in case.path_parameters or {} if name in known})
            headers = callers[role].headers() | {"Accept": accept}
            case.validate_response(answer_of(house, case, headers), checks=CHECKS)

        tried()


def test_requests_that_are_wrong_are_refused_as_the_document_says(house, operations, callers):
    headers = callers[Role.CLINICIAN].headers()
    for operation in filter(takes_something, operations):

        @examples(5)
        @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        def tried(case):
            # A tag of another incarnation matches nothing, which is told before anything else is looked at.
            if "." in str(case.headers.get("If-Match")):
                case.headers["If-Match"] = '"1"'
            case.validate_response(answer_of(house, case, headers), checks=[*CHECKS, negative_data_rejection])

        tried()


def examples(count):
    """What is made up differs from run to run; what fails is printed and can be repeated."""
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
