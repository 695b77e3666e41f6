"""Second factors, sign-ins and a provider over HTTP, and the token endpoint as OAuth has it."""

from base64 import b64encode
from uuid import uuid4

import pytest
from pyotp import TOTP

from domain.ports.call import Role

PASSWORD = "correct horse battery staple"


def sign_in(house, user, password=PASSWORD):
    return house.post("/v1/sign-ins", {"login": user.login, "password": password})


def bearer(answer):
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
def enrolled(house):
    """Somebody with an authenticator; `secret` and `recovery` beside."""
    user = house.account(Role.CLINICIAN)
    begun = user.post("/v1/me/second-factor", {"password": PASSWORD})
    assert begun.status_code == 201, begun.text
    user.secret = begun.json()["secret"]
    assert begun.json()["uri"].startswith("otpauth://totp/")
    confirmed = user.post("/v1/me/second-factor/confirmation", {"code": TOTP(user.secret).now()})
    assert confirmed.status_code == 200, confirmed.text
    user.recovery = confirmed.json()["recovery_codes"]
    return user


def test_a_sign_in_with_an_authenticator_takes_two_steps(house, enrolled):
    first = sign_in(house, enrolled)
    assert (first.status_code, first.json()["next"]) == (202, "second_factor")
    assert "access_token" not in first.json()
    wrong = house.post("/v1/sign-ins/second-factor", {"challenge": first.json()["challenge"], "code": "000000"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "second_factor_refused")
    shown = {"challenge": first.json()["challenge"], "recovery_code": enrolled.recovery[0]}
    second = house.post("/v1/sign-ins/second-factor", shown)
    assert second.status_code == 201
    account = house.request("GET", "/v1/me", headers=bearer(second)).json()
    assert (account["second_factor"], account["recovery_codes_left"]) == (True, 9)
    assert enrolled.secret not in str(account)
    assert house.post("/v1/sign-ins/second-factor", shown).status_code == 401
    assert house.request("GET", "/v1/me", headers={"Authorization": f"Bearer {shown['challenge']}"}).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"code": "123456", "recovery_code": "0f3k-9wq2-xh7m-4c1z"},
        {},
        {"code": 123456},
        {"code": "1"},
    ],
)
def test_a_second_step_shows_one_thing_in_its_form(house, body):
    answer = house.post("/v1/sign-ins/second-factor", {"challenge": "sample-challenge", **body})
    assert answer.status_code == 422


def test_a_role_that_needs_one_enrols_on_the_way_in(new_settings, another_house, tmp_path):
    settings = new_settings(tmp_path, ANAMNESIS_SECOND_FACTOR_ROLES="clinician")
    with another_house(settings) as own:
        user = own.account(Role.CLINICIAN)
        first = sign_in(own, user)
        assert (first.status_code, first.json()["next"]) == (202, "enrolment")
        challenge = first.json()["challenge"]
        secret = own.post("/v1/sign-ins/enrolment", {"challenge": challenge}).json()["secret"]
        done = own.post("/v1/sign-ins/second-factor", {"challenge": challenge, "code": TOTP(secret).now()})
        assert (done.status_code, len(done.json()["recovery_codes"])) == (201, 10)
        assert own.post("/v1/sign-ins/enrolment", {"challenge": challenge}).status_code == 401
        assert sign_in(own, user).json()["next"] == "second_factor"


def test_an_operator_resets_a_second_factor_and_it_is_on_record(house, operator, officer, enrolled):
    account = operator.get(f"/v1/accounts/{enrolled.id}")
    done = operator.post(f"/v1/accounts/{enrolled.id}/second-factor/reset", If_Match=account.headers["ETag"])
    assert done.status_code == 200, done.text
    assert sign_in(house, enrolled).status_code == 201
    seen = house.audit(officer, "&action=account.reset_second_factor")
    assert str(enrolled.id) in seen[0]["resources"]


def test_one_removes_ones_own_with_password_and_code(house, enrolled):
    body = {"password": PASSWORD, "recovery_code": enrolled.recovery[1]}
    assert enrolled.post("/v1/me/second-factor/removal", body | {"password": "wrong password"}).status_code == 403
    assert enrolled.post("/v1/me/second-factor/removal", body).status_code == 200
    assert sign_in(house, enrolled).status_code == 201


def test_new_recovery_codes_replace_the_old(house, enrolled):
    wrong = enrolled.post("/v1/me/second-factor/recovery-codes", {"password": PASSWORD, "code": "000000"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_code")


def test_sign_ins_are_seen_and_ended(house, operator):
    user = house.account(Role.CLINICIAN)
    first, second, third = (sign_in(house, user) for _ in range(3))
    listed = house.request("GET", "/v1/me/sign-ins", headers=bearer(first)).json()["items"]
    assert len(listed) == 3
    assert {one["origin"] for one in listed} == {"127.0.0.0/24"}
    (current,) = [one for one in listed if one["current"]]
    other = next(one["id"] for one in listed if not one["current"])
    assert house.request("DELETE", f"/v1/me/sign-ins/{other}", headers=bearer(first)).status_code == 200
    left = house.request("GET", "/v1/me/sign-ins", headers=bearer(first)).json()["items"]
    assert len(left) == 2
    assert house.request("DELETE", "/v1/me/sign-ins", headers=bearer(first)).status_code == 200
    statuses = [house.request("GET", "/v1/me", headers=bearer(each)).status_code for each in (first, second, third)]
    assert statuses == [200, 401, 401]
    assert operator.get(f"/v1/accounts/{user.id}/sign-ins").json()["items"][0]["id"] == current["id"]
    assert operator.delete(f"/v1/accounts/{user.id}/sign-ins").status_code == 200
    assert house.request("GET", "/v1/me", headers=bearer(first)).status_code == 401


def test_an_ended_sign_in_is_refused_by_every_process_at_once(settings, house, another_house):
    user = house.account(Role.CLINICIAN)
    here = sign_in(house, user)
    with another_house(settings) as elsewhere:
        assert elsewhere.request("GET", "/v1/me", headers=bearer(here)).status_code == 200
        house.request("DELETE", "/v1/me/sign-ins", headers=bearer(sign_in(house, user)))
        assert elsewhere.request("GET", "/v1/me", headers=bearer(here)).status_code == 401
        refreshed = elsewhere.post("/v1/sign-ins/refresh", {"refresh_token": here.json()["refresh_token"]})
        assert refreshed.status_code == 401


def test_without_a_provider_the_way_to_one_is_missing(house, clinician):
    for answer in (
        house.get("/v1/oidc/authorization"),
        house.post("/v1/oidc/callback", {"transaction": "sample-only", "state": "s", "code": "c"}),
        clinician.post("/v1/me/identities/authorization", {"password": PASSWORD}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "provider_missing")


def test_an_operator_links_and_unlinks_an_identity(house, operator):
    user = house.account(Role.CLINICIAN)
    path = f"/v1/accounts/{user.id}/identities"
    tag = operator.get(path).headers["ETag"]
    identity = {"issuer": "https://id.practice.example", "subject": uuid4().hex}
    made = operator.post(path, identity, If_Match=tag)
    assert made.status_code == 201, made.text
    assert user.get("/v1/me/identities").json()["items"][0]["subject"] == identity["subject"]
    tag = operator.get(path).headers["ETag"]
    again = operator.post(path, identity, If_Match=tag)
    assert (again.status_code, again.json()["code"]) == (409, "identity_taken")
    assert user.delete(made.headers["Location"].replace(f"accounts/{user.id}", "me")).status_code == 200


# The token endpoint


@pytest.fixture(scope="module")
def program(house, operator):
    made = operator.post("/v1/service-accounts", {"display_name": "Platform", "scopes": ["changes:read"]})
    account_id = made.headers["Location"].rpartition("/")[2]
    secret = operator.post(f"/v1/accounts/{account_id}/secrets").json()["client_secret"]
    return account_id, secret


def form(house, fields, **headers):
    return house.request("POST", "/v1/token", data=fields, headers=headers)


def basic(client_id, secret):
    return "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()


def test_a_form_gets_a_token_with_basic_or_with_the_secret_in_it(house, program):
    account_id, secret = program
    grant = {"grant_type": "client_credentials"}
    for answer in (
        form(house, grant, Authorization=basic(account_id, secret)),
        form(house, {**grant, "client_id": account_id, "client_secret": secret, "scope": "changes:read", "more": "x"}),
    ):
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert (answer.json()["token_type"], answer.json()["scope"]) == ("Bearer", "changes:read")
        assert answer.json()["secret_expires_at"]
        assert house.request("GET", "/v1/changes", headers=bearer(answer)).status_code == 200


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"grant_type": "password", "username": "x"}, 400, "unsupported_grant_type"),
        ({"scope": "changes:read"}, 400, "invalid_request"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}, 401, "invalid_client"),
        ({"grant_type": ["client_credentials"] * 2}, 400, "invalid_request"),
        ({str(number): "x" for number in range(50)}, 400, "invalid_request"),
    ],
)
def test_a_form_is_refused_by_the_names_of_the_standard(house, fields, status, error):
    answer = form(house, fields)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["content-type"] == "application/json"


def test_a_form_names_its_client_one_way_and_asks_for_no_more_than_it_has(house, program):
    account_id, secret = program
    grant = {"grant_type": "client_credentials"}
    both = form(house, {**grant, "client_secret": secret}, Authorization=basic(account_id, secret))
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")
    more = form(house, {**grant, "scope": "journey:read"}, Authorization=basic(account_id, secret))
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")
    wrong = form(house, grant, Authorization=basic(account_id, "wrong"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert wrong.headers["www-authenticate"].startswith("Basic")
    for header in ("Basic ???", "Bearer x", "Basic " + b64encode(b"\xff:x").decode()):
        assert form(house, grant, Authorization=header).status_code == 401


def test_a_secret_is_rotated_and_its_end_and_use_are_shown(house, operator, program):
    account_id, old = program
    rotated = operator.post(f"/v1/accounts/{account_id}/secrets/rotation", {"overlap_hours": 1})
    assert rotated.status_code == 201, rotated.text
    for secret in (old, rotated.json()["client_secret"]):
        grant = {"grant_type": "client_credentials"}
        assert form(house, grant, Authorization=basic(account_id, secret)).status_code == 200
    held = operator.get(f"/v1/accounts/{account_id}").json()["secrets"]
    assert {one["expires_soon"] for one in held} == {True, False}
    assert all(one["last_used_at"] for one in held)
