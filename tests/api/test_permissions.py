"""Who may call what: every route of the document, without a token and as every role."""

from uuid import UUID, uuid4

import pytest

from domain.ports.call import Role, Scope
from domain.services.access import Action
from domain.services.policy import RULES, SCOPES

PUBLIC = {
    ("POST", "/v1/sign-ins"),
    ("POST", "/v1/sign-ins/refresh"),
    ("POST", "/v1/token"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
}
ACTIONS = {
    ("DELETE", "/v1/sign-ins/current"): None,  # whoever is signed in may sign out
    ("GET", "/v1/me"): Action.ACCOUNT_READ_OWN,
    ("PUT", "/v1/me/password"): Action.ACCOUNT_CHANGE_PASSWORD,
    ("POST", "/v1/accounts"): Action.ACCOUNT_CREATE,
    ("GET", "/v1/accounts"): (Action.ACCOUNT_LIST, Action.ACCOUNT_DIRECTORY),
    ("POST", "/v1/accounts/lookup"): Action.ACCOUNT_LIST,
    ("GET", "/v1/accounts/{account_id}"): Action.ACCOUNT_READ,
    ("PUT", "/v1/accounts/{account_id}/supervision"): Action.ACCOUNT_CHANGE_SUPERVISION,
    ("POST", "/v1/accounts/{account_id}/disabled"): Action.ACCOUNT_DISABLE,
    ("POST", "/v1/accounts/{account_id}/enabled"): Action.ACCOUNT_ENABLE,
    ("POST", "/v1/accounts/{account_id}/unlocked"): Action.ACCOUNT_UNLOCK,
    ("POST", "/v1/service-accounts"): Action.ACCOUNT_CREATE,
    ("POST", "/v1/accounts/{account_id}/secrets"): Action.ACCOUNT_ADD_SECRET,
    ("DELETE", "/v1/accounts/{account_id}/secrets/{secret_id}"): Action.ACCOUNT_REVOKE_SECRET,
    ("GET", "/v1/changes"): Action.CHANGES_READ,
    ("POST", "/v1/clients/{client_id}/reports"): Action.REPORT_REQUEST,
    ("GET", "/v1/reports"): Action.REPORT_LIST,
    ("GET", "/v1/reports/{report_id}"): Action.REPORT_READ,
    ("GET", "/v1/reports/{report_id}/result"): Action.REPORT_READ,
    ("POST", "/v1/webhooks"): Action.WEBHOOK_REGISTER,
    ("GET", "/v1/webhooks"): Action.WEBHOOK_READ,
    ("GET", "/v1/webhooks/{webhook_id}"): Action.WEBHOOK_READ,
    ("POST", "/v1/webhooks/{webhook_id}/secret"): Action.WEBHOOK_CHANGE,
    ("POST", "/v1/webhooks/{webhook_id}/paused"): Action.WEBHOOK_CHANGE,
    ("POST", "/v1/webhooks/{webhook_id}/resumed"): Action.WEBHOOK_CHANGE,
    ("DELETE", "/v1/webhooks/{webhook_id}"): Action.WEBHOOK_CHANGE,
    ("POST", "/v1/clients"): Action.CLIENT_REGISTER,
    ("GET", "/v1/clients"): Action.CLIENT_CASELOAD,
    ("POST", "/v1/clients/lookup"): Action.CLIENT_FIND,
    ("GET", "/v1/clients/{client_id}"): Action.CLIENT_READ,
    ("GET", "/v1/clients/{client_id}/identity"): Action.IDENTITY_READ,
    ("PUT", "/v1/clients/{client_id}/identity"): Action.IDENTITY_CORRECT,
    ("PUT", "/v1/clients/{client_id}/care-team/{account_id}"): Action.CLIENT_JOIN_CARE_TEAM,
    ("DELETE", "/v1/clients/{client_id}/care-team/{account_id}"): Action.CLIENT_LEAVE_CARE_TEAM,
    ("POST", "/v1/clients/{client_id}/consents"): Action.CLIENT_GIVE_CONSENT,
    ("POST", "/v1/clients/{client_id}/consents/{consent_id}/withdrawn"): Action.CLIENT_WITHDRAW_CONSENT,
    ("POST", "/v1/clients/{client_id}/entered-in-error"): Action.CLIENT_MARK_ENTERED_IN_ERROR,
    ("GET", "/v1/clients/{client_id}/journey"): Action.JOURNEY_READ,
    ("GET", "/v1/worklist"): Action.WORKLIST_READ,
    ("POST", "/v1/clients/{client_id}/sessions"): Action.SESSION_RECORD,
    ("GET", "/v1/sessions/{session_id}"): Action.SESSION_READ,
    ("PUT", "/v1/sessions/{session_id}"): Action.SESSION_AMEND,
    ("POST", "/v1/sessions/{session_id}/signature"): Action.SESSION_SIGN,
    ("POST", "/v1/sessions/{session_id}/cosignature"): Action.SESSION_COSIGN,
    ("POST", "/v1/sessions/{session_id}/return"): Action.SESSION_RETURN,
    ("POST", "/v1/sessions/{session_id}/addenda"): Action.SESSION_ADD_ADDENDUM,
    ("POST", "/v1/sessions/{session_id}/entered-in-error"): Action.SESSION_MARK_ENTERED_IN_ERROR,
    ("POST", "/v1/clients/{client_id}/appointments"): Action.APPOINTMENT_PLAN,
    ("GET", "/v1/appointments/{appointment_id}"): Action.APPOINTMENT_READ,
    ("PUT", "/v1/appointments/{appointment_id}"): Action.APPOINTMENT_RESCHEDULE,
    ("POST", "/v1/appointments/{appointment_id}/held"): Action.APPOINTMENT_HOLD,
    ("POST", "/v1/appointments/{appointment_id}/cancelled"): Action.APPOINTMENT_CANCEL,
    ("POST", "/v1/appointments/{appointment_id}/missed"): Action.APPOINTMENT_MISS,
    ("POST", "/v1/appointments/{appointment_id}/entered-in-error"): Action.APPOINTMENT_MARK_ENTERED_IN_ERROR,
    ("GET", "/v1/clients/{client_id}/treatment-plan"): Action.TREATMENT_PLAN_READ,
    ("PUT", "/v1/clients/{client_id}/treatment-plan"): Action.TREATMENT_PLAN_WRITE,
    ("POST", "/v1/clients/{client_id}/treatment-plan/reviewed"): Action.TREATMENT_PLAN_WRITE,
    ("POST", "/v1/clients/{client_id}/treatment-plan/entered-in-error"): Action.TREATMENT_PLAN_WRITE,
    ("GET", "/v1/clients/{client_id}/safety-plan"): Action.SAFETY_PLAN_READ,
    ("PUT", "/v1/clients/{client_id}/safety-plan"): Action.SAFETY_PLAN_WRITE,
    ("POST", "/v1/clients/{client_id}/safety-plan/entered-in-error"): Action.SAFETY_PLAN_WRITE,
    ("POST", "/v1/clients/{client_id}/diagnoses"): Action.DIAGNOSIS_RECORD,
    ("GET", "/v1/clients/{client_id}/diagnoses"): Action.DIAGNOSIS_READ,
    ("GET", "/v1/diagnoses/{diagnosis_id}"): Action.DIAGNOSIS_READ,
    ("PUT", "/v1/diagnoses/{diagnosis_id}"): Action.DIAGNOSIS_CHANGE,
    ("POST", "/v1/diagnoses/{diagnosis_id}/entered-in-error"): Action.DIAGNOSIS_CHANGE,
    ("GET", "/v1/codes/icd-10-cm"): None,  # a published list: whoever is signed in
    ("POST", "/v1/clients/{client_id}/medications"): Action.MEDICATION_RECORD,
    ("GET", "/v1/clients/{client_id}/medications"): Action.MEDICATION_READ,
    ("GET", "/v1/medications/{medication_id}"): Action.MEDICATION_READ,
    ("PUT", "/v1/medications/{medication_id}"): Action.MEDICATION_CHANGE,
    ("POST", "/v1/medications/{medication_id}/stopped"): Action.MEDICATION_CHANGE,
    ("POST", "/v1/medications/{medication_id}/entered-in-error"): Action.MEDICATION_CHANGE,
    ("GET", "/v1/sessions/{session_id}/transcript"): Action.TRANSCRIPT_READ,
    ("PUT", "/v1/sessions/{session_id}/transcript"): Action.TRANSCRIPT_ATTACH,
    ("POST", "/v1/sessions/{session_id}/transcript/entered-in-error"): Action.TRANSCRIPT_MARK_ENTERED_IN_ERROR,
    ("GET", "/v1/instruments"): Action.INSTRUMENT_READ,
    ("GET", "/v1/instruments/{key}"): Action.INSTRUMENT_READ,
    ("POST", "/v1/clients/{client_id}/measures"): Action.MEASURE_RECORD,
    ("GET", "/v1/clients/{client_id}/measures"): Action.MEASURE_READ,
    ("GET", "/v1/measures/{measure_id}"): Action.MEASURE_READ,
    ("POST", "/v1/measures/{measure_id}/entered-in-error"): Action.MEASURE_MARK_ENTERED_IN_ERROR,
    ("POST", "/v1/clients/{client_id}/goals"): Action.GOAL_SET,
    ("GET", "/v1/clients/{client_id}/goals"): Action.GOAL_READ,
    ("GET", "/v1/goals/{goal_id}"): Action.GOAL_READ,
    ("PUT", "/v1/goals/{goal_id}"): Action.GOAL_REVISE,
    ("POST", "/v1/goals/{goal_id}/progress"): Action.GOAL_RECORD_PROGRESS,
    ("POST", "/v1/goals/{goal_id}/milestones/{milestone_id}/reached"): Action.GOAL_REACH_MILESTONE,
    ("POST", "/v1/goals/{goal_id}/completed"): Action.GOAL_COMPLETE,
    ("POST", "/v1/goals/{goal_id}/abandoned"): Action.GOAL_ABANDON,
    ("POST", "/v1/goals/{goal_id}/reopened"): Action.GOAL_REOPEN,
    ("POST", "/v1/goals/{goal_id}/entered-in-error"): Action.GOAL_MARK_ENTERED_IN_ERROR,
    ("POST", "/v1/clients/{client_id}/risk-flags"): Action.RISK_FLAG_RAISE,
    ("GET", "/v1/clients/{client_id}/risk-flags"): Action.RISK_FLAG_READ,
    ("GET", "/v1/risk-flags/{flag_id}"): Action.RISK_FLAG_READ,
    ("POST", "/v1/risk-flags/{flag_id}/acknowledged"): Action.RISK_FLAG_ACKNOWLEDGE,
    ("POST", "/v1/risk-flags/{flag_id}/escalated"): Action.RISK_FLAG_ESCALATE,
    ("POST", "/v1/risk-flags/{flag_id}/resolved"): Action.RISK_FLAG_RESOLVE,
    ("POST", "/v1/risk-flags/{flag_id}/entered-in-error"): Action.RISK_FLAG_MARK_ENTERED_IN_ERROR,
    ("GET", "/v1/clients/{client_id}/progress"): Action.PROGRESS_READ,
    ("GET", "/v1/clients/{client_id}/progress/pictures/{picture}"): Action.PROGRESS_READ,
    ("GET", "/v1/clients/{client_id}/events/{position}"): Action.EVENT_READ,
    ("POST", "/v1/clients/{client_id}/context"): Action.CONTEXT_READ,
    ("GET", "/v1/caseload"): Action.PROGRESS_CASELOAD,
    ("GET", "/v1/drafts"): Action.DRAFT_LIST,
    ("PUT", "/v1/drafts/{draft_id}"): Action.DRAFT_SAVE,
    ("GET", "/v1/drafts/{draft_id}"): Action.DRAFT_READ,
    ("DELETE", "/v1/drafts/{draft_id}"): Action.DRAFT_DISCARD,
    ("GET", "/v1/audit/mine"): Action.AUDIT_READ_OWN,
    ("GET", "/v1/audit"): Action.AUDIT_SEARCH,
}
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


def may(role, action):
    """`action` None is for everybody; of several, one is enough."""
    actions = set(action if isinstance(action, tuple) else (action,))
    return action is None or any(role in rule.roles and actions & rule.actions for rule in RULES)


def call(house, method, path, operation, headers):
    """A call that is right in form: sample body, sample ids, If-Match."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", SAMPLES.get(parameter["name"], str(uuid4())))
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return house.request(method, path, json=content.get("example"), headers=headers | {"If-Match": '"1"'})


def test_every_route_has_its_action_here(house):
    assert {(method, path) for method, path, _ in operations(house)} == set(ACTIONS) | PUBLIC


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
        if (method, path) in PUBLIC or may(role, ACTIONS[method, path]):
            continue
        answer = call(house, method, path, operation, signed_in[role].headers())
        assert (answer.status_code, answer.json()["code"]) == (403, "role_not_permitted"), (method, path)


@pytest.mark.parametrize("role", PEOPLE)
def test_no_route_refuses_a_role_that_the_table_allows(house, signed_in, role):
    own = house.account(role)
    for method, path, operation in operations(house):
        if (method, path) in PUBLIC or not may(role, ACTIONS[method, path]) or path.endswith("/current"):
            continue
        answer = call(house, method, path, operation, own.headers())
        code = answer.json().get("code") if answer.content else None
        assert code != "role_not_permitted", (method, path)
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
        wanted = ACTIONS.get((method, path))
        if (method, path) in PUBLIC or wanted is None:
            continue
        answer = call(house, method, path, operation, service)
        refused = answer.status_code == 403 and answer.json()["code"] in {"role_not_permitted", "scope_not_permitted"}
        assert refused is not bool(scoped & set(wanted if isinstance(wanted, tuple) else (wanted,))), (method, path)


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
