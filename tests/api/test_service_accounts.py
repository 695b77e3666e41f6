"""Programs over HTTP: made by an operator, let in by a clinician, following the feed with a token of their own."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, update

from adapters.access.tables import accounts, care_team
from domain.ports.call import Scope


def made(operator, *scopes):
    """A service account's id."""
    answer = operator.post("/v1/service-accounts", {"display_name": "Platform", "scopes": list(scopes)})
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"].rpartition("/")[2]


def secret_of(operator, account_id):
    answer = operator.post(f"/v1/accounts/{account_id}/secrets")
    assert answer.status_code == 201, answer.text
    return answer.json()


def grant(house, account_id, secret, **more):
    body = {"grant_type": "client_credentials", "client_id": account_id, "client_secret": secret}
    return house.post("/v1/token", body | more)


class Program:
    def __init__(self, house, operator, *scopes):
        self.house, self.id = house, made(operator, *scopes)
        self.secret = secret_of(operator, self.id)
        answer = grant(house, self.id, self.secret["client_secret"])
        assert answer.status_code == 200, answer.text
        self.token = answer.json()

    def get(self, path):
        return self.house.get(path, Authorization=f"Bearer {self.token['access_token']}")

    def post(self, path, body):
        return self.house.post(path, body, Authorization=f"Bearer {self.token['access_token']}")


def refused(answer, status, code):
    return (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("role", ["clinician", "officer", "engineer", "supervisor"])
def test_only_operators_make_service_accounts_and_secrets(request, role):
    user = request.getfixturevalue(role)
    body = {"display_name": "Platform", "scopes": ["changes:read"]}
    assert refused(user.post("/v1/service-accounts", body), 403, "role_not_permitted")
    assert refused(user.post(f"/v1/accounts/{uuid4()}/secrets"), 403, "role_not_permitted")
    gone = user.delete(f"/v1/accounts/{uuid4()}/secrets/{uuid4()}", If_Match='"1"')
    assert refused(gone, 403, "role_not_permitted")


def test_a_program_follows_what_changes_page_by_page(house, operator, clinician):
    program = Program(house, operator, "changes:read")
    assert program.token["token_type"] == "Bearer"
    assert program.token["expires_in"] in {299, 300}  # to the whole second below
    assert program.token["scope"] == "changes:read"
    start = house.system.recorder.last_position()
    client_id = clinician.new_client()
    session = clinician.new_session(client_id).rpartition("/")[2]
    seen, after, more = [], start, True
    while more:
        page = program.get(f"/v1/changes?after={after}&limit=2").json()
        assert len(page["items"]) <= 2
        seen += page["items"]
        after, more = page["scanned"], page["more"]
    assert [item["kind"] for item in seen] == ["client", "client", "identity", "record"]
    assert {item["client_id"] for item in seen} == {client_id}
    assert seen[-1]["resource_id"] == session
    assert [item["position"] for item in seen] == sorted({item["position"] for item in seen})


def test_what_exactly_happened_is_told_of_charts_that_the_program_was_let_into(house, operator, clinician):
    program = Program(house, operator, "changes:read")
    mine, others = clinician.new_client(), clinician.new_client()
    clinician.put(f"/v1/clients/{mine}/care-team/{program.id}", {"relation": "system"})
    start = house.system.recorder.last_position()
    clinician.new_session(mine)
    clinician.new_session(others)
    items = program.get(f"/v1/changes?after={start}").json()["items"]
    assert [(item["client_id"], item["kind"]) for item in items] == [(mine, "session.recorded"), (others, "record")]


def test_the_feed_refuses_who_has_not_the_scope_and_people_at_all(house, operator, clinician):
    assert refused(Program(house, operator, "journey:read").get("/v1/changes"), 403, "scope_not_permitted")
    for user in (clinician, operator):
        assert refused(user.get("/v1/changes"), 403, "role_not_permitted")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("after=99999999", 409, "position_ahead"),
        ("after=-1", 422, "fields_invalid"),
        ("limit=0", 422, "fields_invalid"),
        ("limit=1001", 422, "fields_invalid"),
        ("after=9223372036854775808", 422, "fields_invalid"),
        ("after=yesterday", 422, "fields_invalid"),
    ],
)
def test_positions_that_cannot_be_are_refused(house, operator, query, status, code):
    assert refused(Program(house, operator, "changes:read").get(f"/v1/changes?{query}"), status, code)


def test_a_program_reads_a_chart_once_its_clinician_lets_it_in(house, operator, clinician, client_id):
    program = Program(house, operator, "journey:read")
    path = f"/v1/clients/{client_id}/journey"
    assert refused(program.get(path), 403, "outside_care_team")
    place = f"/v1/clients/{client_id}/care-team/{program.id}"
    assert refused(operator.put(place, {"relation": "system"}), 403, "relation_not_permitted")
    assert clinician.put(place, {"relation": "system"}).status_code == 200
    assert program.get(path).status_code == 200
    team = program.get(f"/v1/clients/{client_id}").json()["care_team"]
    assert {"account_id": program.id, "relation": "system"} in team
    assert refused(program.get(f"/v1/clients/{client_id}/identity"), 403, "role_not_permitted")
    wide = program.get("/v1/clients")
    assert refused(wide, 403, "role_not_permitted")


def test_clinicians_find_programs_in_the_directory_and_see_no_scopes(house, operator, clinician):
    account_id = made(operator, "journey:read")
    items, onward = [], ""
    while onward is not None:
        answer = clinician.get(f"/v1/accounts?role=service&limit=500{onward}").json()
        items += answer["items"]
        onward = f"&cursor={answer['next']}" if answer["next"] else None
    assert {"id": account_id, "display_name": "Platform", "role": "service"} in items


def test_a_secret_is_shown_once_and_tokens_end_with_it(house, operator):
    program = Program(house, operator, "changes:read")
    account = operator.get(f"/v1/accounts/{program.id}")
    assert account.json()["scopes"] == ["changes:read"]
    assert [UUID(one["id"]) for one in account.json()["secrets"]] == [UUID(program.secret["id"])]
    assert program.secret["client_secret"] not in account.text
    assert program.get("/v1/changes?limit=1").status_code == 200
    path = f"/v1/accounts/{program.id}/secrets/{program.secret['id']}"
    assert operator.delete(path, If_Match=account.headers["ETag"]).status_code == 200
    assert refused(program.get("/v1/changes?limit=1"), 401, "signed_out")
    assert refused(grant(house, program.id, program.secret["client_secret"]), 401, "invalid_client")


def test_a_disabled_program_is_out_at_once(house, operator):
    program = Program(house, operator, "changes:read")
    account = operator.get(f"/v1/accounts/{program.id}")
    operator.post(f"/v1/accounts/{program.id}/disabled", If_Match=account.headers["ETag"])
    assert refused(program.get("/v1/changes?limit=1"), 401, "signed_out")
    assert refused(grant(house, program.id, program.secret["client_secret"]), 401, "invalid_client")


def test_grants_that_cannot_be_are_refused(house, operator, clinician):
    program = Program(house, operator, "changes:read")
    secret = program.secret["client_secret"]
    assert refused(grant(house, program.id, "anamnesis_wrong"), 401, "invalid_client")
    assert refused(grant(house, str(clinician.id), secret), 401, "invalid_client")
    assert refused(grant(house, program.id, secret, scope="journey:read"), 422, "invalid_scope")
    assert refused(grant(house, program.id, secret, scope="everything"), 422, "invalid_scope")
    assert refused(grant(house, program.id, secret, grant_type="password"), 422, "fields_invalid")
    assert grant(house, program.id, secret, scope="changes:read").json()["scope"] == "changes:read"


@pytest.mark.parametrize(
    "body",
    [
        {"display_name": "Platform", "scopes": []},
        {"display_name": "Platform", "scopes": ["everything"]},
        {"display_name": "", "scopes": ["changes:read"]},
        {"scopes": ["changes:read"]},
    ],
)
def test_service_accounts_need_a_name_and_known_scopes(operator, body):
    assert refused(operator.post("/v1/service-accounts", body), 422, "fields_invalid")


def test_services_are_not_made_as_people_are(operator):
    body = {"login": "p@practice.example", "display_name": "P", "role": "service", "password": "correct horse battery"}
    assert operator.post("/v1/accounts", body).status_code == 422


def test_the_audit_tells_which_program_followed(house, operator, officer):
    program = Program(house, operator, "changes:read")
    answer = program.get("/v1/changes?limit=1")
    entry = next(one for one in house.audit(officer) if one["request_id"] == answer.headers["x-request-id"])
    assert (entry["action"], entry["actor_id"], entry["actor_role"]) == ("changes.read", program.id, "service")


PHQ_9 = {
    "instrument": "phq-9",
    "taken_at": {"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"},
    "answers": [1, 1, 1, 1, 1, 1, 1, 1, 2],
}


def test_a_questionnaire_app_records_answers_and_what_they_raise_is_the_teams(house, operator, clinician, client_id):
    app = Program(house, operator, "measures:write")
    measures = f"/v1/clients/{client_id}/measures"
    assert refused(app.post(measures, PHQ_9), 403, "outside_care_team")
    clinician.put(f"/v1/clients/{client_id}/care-team/{app.id}", {"relation": "system"})
    assert app.get("/v1/instruments").status_code == 200
    made = app.post(measures, PHQ_9)
    assert made.status_code == 201, made.text
    place = made.headers["Location"]
    told = clinician.get(place).json()
    assert told["recorded_by"] == app.id
    assert told["flag_id"] is not None
    assert clinician.get(f"/v1/risk-flags/{told['flag_id']}").status_code == 200
    for path in (place, measures, f"/v1/risk-flags/{told['flag_id']}", f"/v1/clients/{client_id}/journey"):
        assert refused(app.get(path), 403, "scope_not_permitted")


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ("journey:read", "/v1/clients/{}"),
        ("journey:read", "/v1/clients/{}/journey"),
        ("journey:read", "/v1/clients/{}/goals"),
        ("progress:read", "/v1/clients/{}/progress"),
        ("measures:read", "/v1/clients/{}/measures"),
    ],
)
def test_each_scope_opens_what_it_names_where_the_program_was_let_in(house, operator, clinician, scope, path):
    client_id = clinician.new_client()
    clinician.new_session(client_id)
    program, other = Program(house, operator, scope), Program(house, operator, "changes:read")
    for each in (program, other):
        clinician.put(f"/v1/clients/{client_id}/care-team/{each.id}", {"relation": "system"})
    assert program.get(path.format(client_id)).status_code == 200
    assert refused(other.get(path.format(client_id)), 403, "scope_not_permitted")


def test_a_program_for_models_reads_context_and_nothing_else(house, operator, clinician, client_id):
    program = Program(house, operator, "context:read")
    clinician.put(f"/v1/clients/{client_id}/care-team/{program.id}", {"relation": "system"})
    answer = program.post(f"/v1/clients/{client_id}/context", {"budget": 1000})
    assert answer.status_code == 200, answer.text
    assert refused(program.get(f"/v1/clients/{client_id}/journey"), 403, "scope_not_permitted")


def test_who_writes_scopes_or_a_place_in_a_team_into_the_tables_gives_a_program_nothing(
    house, operator, clinician, client_id
):
    program = Program(house, operator, "changes:read")
    clinician.new_session(client_id)
    with house.system.databases.events.begin() as connection:
        everything = " ".join(sorted(Scope))
        connection.execute(update(accounts).where(accounts.c.id == UUID(program.id)).values(scopes=everything))
        forged = {"client_id": UUID(client_id), "account_id": UUID(program.id), "relation": "system"}
        connection.execute(insert(care_team).values(**forged, joined_at_us=0, mac=bytes(32)))
    assert refused(program.get(f"/v1/clients/{client_id}/journey"), 403, "scope_not_permitted")
    secret = program.secret["client_secret"]
    assert refused(grant(house, program.id, secret, scope="journey:read"), 422, "invalid_scope")
    assert grant(house, program.id, secret).json()["scope"] == "changes:read"
