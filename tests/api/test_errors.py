"""How errors are told: one shape, stable codes, and nothing of what was sent."""

from uuid import uuid4

import pytest

from api.errors import FieldsInvalid, known_errors, problem_document, status_of
from domain.errors import AnamnesisError, Invalid, StoreUnavailable


def test_every_error_has_a_status_and_a_code_of_its_own():
    errors = list(known_errors())
    assert len({error.code for error in errors}) == len(errors) > 40
    assert all(400 <= status_of(error) < 600 for error in errors)


def test_errors_with_one_code_share_their_status():
    def tree(error):
        yield error
        for child in error.__subclasses__():
            yield from tree(child)

    by_code = {}
    for error in tree(AnamnesisError):
        by_code.setdefault(error.code, set()).add(status_of(error))
    assert [code for code, statuses in by_code.items() if len(statuses) > 1] == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("session_not_found", 404),
        ("session_already_signed", 409),
        ("stale_version", 412),
        ("if_match_missing", 428),
        ("body_too_large", 413),
        ("unsupported_media_type", 415),
        ("zoneless_time", 422),
        ("cursor_invalid", 422),
        ("outside_care_team", 403),
        ("unauthenticated", 401),
        ("client_erased", 410),
        ("too_many_requests", 429),
        ("store_unavailable", 503),
        ("view_behind", 503),
        ("idempotency_key_reused", 409),
        ("seal_broken", 500),
    ],
)
def test_families_have_the_statuses_that_are_documented(code, status):
    assert {status_of(error) for error in known_errors() if error.code == code} == {status}


def test_problem_names_the_field_that_the_domain_refused():
    document = problem_document(Invalid("emotions[2].name is too long.", field="emotions[2].name"), uuid4())
    assert document["errors"] == [
        {
            "location": "body",
            "pointer": "/emotions/2/name",
            "code": "invalid",
            "message": "emotions[2].name is too long.",
        }
    ]


def test_only_validation_carries_errors():
    assert "errors" in problem_document(FieldsInvalid([]), uuid4())
    assert "errors" not in problem_document(StoreUnavailable(), uuid4())


def test_unknown_address_is_a_problem(house):
    answer = house.get("/v1/nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "route_not_found")
    assert answer.headers["content-type"] == "application/problem+json"


def test_trailing_slash_is_another_address(house):
    assert house.get("/v1/clients/").status_code == 404


def test_unknown_method_is_a_problem_that_names_the_known_ones(house):
    answer = house.request("PATCH", "/v1/sessions/01950f2e-6d3b-7c11-9a52-6a4f5f0f3d10")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


def test_problem_links_to_its_explanation(house, clinician):
    problem = clinician.get(f"/v1/sessions/{uuid4()}").json()
    page = house.http.get(problem["type"].partition("#")[0])
    assert f'id="{problem["type"].partition("#")[2]}"' in page.text


def test_unknown_id_is_named_in_the_facts(clinician):
    unknown = uuid4()
    answer = clinician.get(f"/v1/sessions/{unknown}")
    assert answer.status_code == 404
    assert str(unknown) in answer.json()["facts"].values()
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
