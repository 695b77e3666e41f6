"""Lists of accounts for those who run them, the directory of staff for those who treat, and who supervises whom."""

from uuid import uuid4

import pytest

from domain.ports.call import Role

STAFF = {"clinician", "supervisor", "compliance_officer", "operator", "service"}


def pages(user, query=""):
    """All items of a list, following its cursors."""
    items, onward = [], ""
    while True:
        answer = user.get(f"/v1/accounts?limit=500{query}{onward}")
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if answer.json()["next"] is None:
            return items
        onward = f"&cursor={answer.json()['next']}"


def refused(answer, status, code):
    return (answer.status_code, answer.json()["code"]) == (status, code)


def test_operators_see_every_account_and_its_state(house, operator, engineer):
    gone = house.account(Role.CLINICIAN)
    assert operator.post(f"/v1/accounts/{gone.id}/disabled", If_Match='"1"').status_code == 200
    listed = {item["id"]: item for item in pages(operator)}
    assert {str(user.id) for user in (operator, engineer, gone)} <= set(listed)
    account = operator.get(f"/v1/accounts/{gone.id}").json()
    assert listed[str(gone.id)] == {name: account[name] for name in listed[str(gone.id)]}
    assert (account["disabled"], account["version"]) == (True, 2)
    assert str(gone.id) in {item["id"] for item in pages(operator, "&disabled=true&role=clinician")}
    assert str(gone.id) not in {item["id"] for item in pages(operator, "&disabled=false")}


def test_a_locked_account_shows_until_when(house, operator):
    user = house.account(Role.CLINICIAN)
    for _ in range(5):
        house.post("/v1/sign-ins", {"login": user.login, "password": "not this one, surely"})
    found = operator.post("/v1/accounts/lookup", {"login": user.login}).json()["items"]
    account = operator.get(f"/v1/accounts/{user.id}").json()
    assert [one["locked_until"] for one in found] == [account["locked_until"]]
    assert account["locked_until"] is not None


def test_pages_follow_one_another_in_the_order_of_creation_and_stay_put(house, operator):
    first = operator.get("/v1/accounts?limit=2").json()
    late = house.account(Role.CLINICIAN)
    second = operator.get(f"/v1/accounts?limit=2&cursor={first['next']}").json()
    whole = pages(operator)
    assert first["items"] + second["items"] == whole[:4]
    assert whole[-1]["id"] == str(late.id)
    assert [one["created_at"] for one in whole] == sorted(one["created_at"] for one in whole)


def test_a_cursor_is_good_for_its_caller_and_its_filters_alone(operator, clinician, supervisor):
    onward = clinician.get("/v1/accounts?limit=1").json()["next"]
    assert clinician.get(f"/v1/accounts?limit=1&cursor={onward}").status_code == 200
    for user, query in ((supervisor, ""), (operator, ""), (clinician, "&role=clinician")):
        assert refused(user.get(f"/v1/accounts?limit=1&cursor={onward}{query}"), 422, "cursor_invalid")


def test_carers_find_staff_by_name_and_role_and_no_more(house, operator, clinician, supervisor, officer):
    gone, client = house.account(Role.CLINICIAN), house.account(Role.CLIENT, client_id=clinician.new_client())
    engineer = house.account(Role.ML_ENGINEER)
    operator.post(f"/v1/accounts/{gone.id}/disabled", If_Match='"1"')
    for carer in (clinician, supervisor):
        found = {item["id"]: item for item in pages(carer)}
        assert {str(user.id) for user in (operator, clinician, supervisor, officer)} <= set(found)
        assert not {str(user.id) for user in (gone, client, engineer)} & set(found)
        assert all(set(item) == {"id", "display_name", "role"} and item["role"] in STAFF for item in found.values())
        assert {item["role"] for item in pages(carer, "&role=supervisor")} == {"supervisor"}


@pytest.mark.parametrize("query", ["role=client", "role=ml_engineer", "disabled=true", "disabled=false"])
def test_carers_cannot_ask_past_the_directory(clinician, query):
    assert refused(clinician.get(f"/v1/accounts?{query}"), 403, "role_not_permitted")


def test_whom_the_directory_names_can_join_a_care_team(clinician, colleague, client_id):
    (found,) = [item for item in pages(clinician, "&role=clinician") if item["id"] == str(colleague.id)]
    path = f"/v1/clients/{client_id}/care-team/{found['id']}"
    assert clinician.put(path, {"relation": "clinician"}).status_code == 200
    assert colleague.get(f"/v1/clients/{client_id}").status_code == 200


def test_an_account_is_looked_up_by_its_whole_login_and_by_operators(operator, clinician, officer):
    asked = {"login": f" {clinician.login.upper()}"}
    (found,) = operator.post("/v1/accounts/lookup", asked).json()["items"]
    assert (found["id"], found["login"]) == (str(clinician.id), clinician.login)
    assert operator.post("/v1/accounts/lookup", {"login": clinician.login[1:]}).json()["items"] == []
    assert operator.post("/v1/accounts/lookup", {"login": "nobody"}).status_code == 422
    for user in (clinician, officer):
        assert refused(user.post("/v1/accounts/lookup", {"login": clinician.login}), 403, "role_not_permitted")


@pytest.mark.parametrize("query", ["login=a@practice.example", "disabled=1", "disabled=yes", "role=boss", "limit=501"])
def test_filters_that_there_are_not_are_refused(operator, query):
    assert operator.get(f"/v1/accounts?{query}").status_code == 422


def test_who_was_listed_is_on_record(house, operator, clinician, officer):
    for user, action in ((operator, "account.list"), (clinician, "account.directory")):
        answer = user.get("/v1/accounts?limit=3")
        (entry,) = [one for one in house.audit(officer) if one["request_id"] == answer.headers["x-request-id"]]
        assert (entry["action"], entry["outcome"], entry["actor_id"]) == (action, "allowed", str(user.id))
        assert entry["resources"] == [item["id"] for item in answer.json()["items"]]


def test_a_trainee_gets_another_supervisor_and_is_licensed_one_day(house, operator, supervisor):
    trainee, other = house.account(Role.CLINICIAN, supervisor_id=str(supervisor.id)), house.account(Role.SUPERVISOR)
    path = f"/v1/accounts/{trainee.id}/supervision"
    moved = operator.put(path, {"supervisor_id": str(other.id)}, If_Match='"1"')
    assert (moved.status_code, moved.headers["ETag"]) == (200, '"2"')
    assert operator.get(f"/v1/accounts/{trainee.id}").json()["supervisor_id"] == str(other.id)
    session = trainee.new_session(trainee.new_client())
    trainee.post(f"{session}/signature", If_Match='"1"')
    assert trainee.get(session).json()["supervisor_id"] == str(other.id)
    assert refused(supervisor.post(f"{session}/cosignature", If_Match='"2"'), 403, "outside_care_team")
    assert other.post(f"{session}/cosignature", If_Match='"2"').status_code == 200
    assert operator.put(path, {"supervisor_id": None}, If_Match='"2"').headers["ETag"] == '"3"'
    trainee.sign_in()
    session = trainee.new_session(trainee.new_client())
    trainee.post(f"{session}/signature", If_Match='"1"')
    assert trainee.get(session).json()["status"] == "signed"


def test_an_access_token_ends_with_a_change_of_supervision_and_a_refresh_answers_one_that_counts(house, operator):
    trainee, supervisor = house.account(Role.CLINICIAN), house.account(Role.SUPERVISOR)
    trainee.sign_in()
    path = f"/v1/accounts/{trainee.id}/supervision"
    version = operator.get(f"/v1/accounts/{trainee.id}").headers["ETag"]
    operator.put(path, {"supervisor_id": str(supervisor.id)}, If_Match=version)
    assert trainee.get("/v1/me").status_code == 401
    tokens = house.post("/v1/sign-ins/refresh", {"refresh_token": trainee.refresh_token}).json()
    answer = house.get("/v1/me", Authorization=f"Bearer {tokens['access_token']}")
    assert answer.json()["supervisor_id"] == str(supervisor.id)


def test_a_change_of_supervision_that_cannot_be_is_refused(house, operator, supervisor, colleague):
    trainee = house.account(Role.CLINICIAN, supervisor_id=str(supervisor.id))
    path = f"/v1/accounts/{trainee.id}/supervision"
    same = {"supervisor_id": str(supervisor.id)}
    assert refused(operator.put(path, same), 428, "if_match_missing")
    assert refused(operator.put(path, {"supervisor_id": None}, If_Match='"9"'), 412, "stale_version")
    assert refused(operator.put(path, same, If_Match='"1"'), 409, "supervision_unchanged")
    assert operator.put(path, {}, If_Match='"1"').status_code == 422, "ending it is said, not left out"
    for nobody in (colleague.id, uuid4()):
        assert operator.put(path, {"supervisor_id": str(nobody)}, If_Match='"1"').status_code == 422
    assert operator.put(f"/v1/accounts/{supervisor.id}/supervision", same, If_Match='"1"').status_code == 422
    unknown = f"/v1/accounts/{uuid4()}/supervision"
    assert refused(operator.put(unknown, same, If_Match='"1"'), 404, "account_not_found")
    assert refused(supervisor.put(path, {"supervisor_id": None}, If_Match='"1"'), 403, "role_not_permitted")
