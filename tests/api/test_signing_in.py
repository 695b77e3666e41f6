"""Signing in and out, and what strangers can do: little, and counted."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.ports.call import Role
from domain.ports.limits import Limit

PASSWORD = "correct horse battery staple"


class ShiftedClock:
    """The system's clock, moved."""

    def __init__(self, clock):
        self._clock = clock
        self.ahead = timedelta()

    def now(self):
        return self._clock.now() + self.ahead


def sign_in(house, user, password=PASSWORD):
    return house.post("/v1/sign-ins", {"login": user.login, "password": password})


def bearer(answer):
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_signed_in_caller_is_told_who_they_are(house, clinician):
    account = clinician.get("/v1/me").json()
    assert (account["id"], account["role"], account["login"]) == (str(clinician.id), "clinician", clinician.login)
    assert "password" not in str(account)


def test_login_is_read_without_regard_to_case(house, clinician):
    answer = house.post("/v1/sign-ins", {"login": f"  {clinician.login.upper()} ", "password": PASSWORD})
    assert answer.status_code == 201


def test_wrong_password_and_unknown_login_are_answered_alike(house):
    user = house.account(Role.CLINICIAN)
    wrong = sign_in(house, user, "not the password at all")
    unknown = house.post("/v1/sign-ins", {"login": "nobody@practice.example", "password": PASSWORD})
    for answer in (wrong, unknown):
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_refused")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert wrong.json()["detail"] == unknown.json()["detail"]


def test_account_is_locked_after_several_wrong_passwords_and_can_be_unlocked(house, operator):
    user = house.account(Role.CLINICIAN)
    for _ in range(5):
        sign_in(house, user, "not the password at all")
    assert sign_in(house, user).status_code == 401
    account = operator.get(f"/v1/accounts/{user.id}")
    assert account.json()["locked_until"] is not None
    assert operator.post(f"/v1/accounts/{user.id}/unlocked", If_Match=account.headers["ETag"]).status_code == 200
    assert sign_in(house, user).status_code == 201


def test_refresh_answers_a_new_pair(house):
    user = house.account(Role.CLINICIAN)
    first = sign_in(house, user)
    second = house.post("/v1/sign-ins/refresh", {"refresh_token": first.json()["refresh_token"]})
    assert second.status_code == 200
    assert second.json()["refresh_token"] != first.json()["refresh_token"]
    assert house.request("GET", "/v1/me", headers=bearer(second)).status_code == 200


def test_refresh_token_that_comes_back_later_ends_the_sign_in(settings, another_house, house):
    user, clock = house.account(Role.CLINICIAN), ShiftedClock(house.system.clock)
    with another_house(settings, ports={"clock": clock}) as own:
        first = sign_in(own, user)
        second = own.post("/v1/sign-ins/refresh", {"refresh_token": first.json()["refresh_token"]})
        clock.ahead = timedelta(seconds=60)
        stolen = own.post("/v1/sign-ins/refresh", {"refresh_token": first.json()["refresh_token"]})
        assert (stolen.status_code, stolen.json()["code"]) == (401, "signed_out")
        assert own.request("GET", "/v1/me", headers=bearer(second)).json()["code"] == "signed_out"


def test_two_tabs_that_refresh_at_once_end_nothing(house):
    user = house.account(Role.CLINICIAN)
    first = sign_in(house, user)
    body = {"refresh_token": first.json()["refresh_token"]}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: house.post("/v1/sign-ins/refresh", body), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    fresh = next(answer for answer in answers if answer.status_code == 200)
    assert house.request("GET", "/v1/me", headers=bearer(fresh)).status_code == 200


@pytest.mark.parametrize("token", ["x" * 20, "A" * 64, "!" * 64])
def test_refresh_token_that_is_none_is_refused(house, token):
    assert house.post("/v1/sign-ins/refresh", {"refresh_token": token}).status_code == 401


def test_signing_out_ends_the_access_token_at_once(house):
    user = house.account(Role.CLINICIAN)
    headers = bearer(sign_in(house, user))
    assert house.request("DELETE", "/v1/sign-ins/current", headers=headers).status_code == 200
    answer = house.request("GET", "/v1/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "signed_out")


def test_access_token_expires(settings, another_house, house):
    user, clock = house.account(Role.CLINICIAN), ShiftedClock(house.system.clock)
    with another_house(settings, ports={"clock": clock}) as own:
        headers = bearer(sign_in(own, user))
        clock.ahead = timedelta(seconds=299)
        assert own.request("GET", "/v1/me", headers=headers).status_code == 200
        clock.ahead = timedelta(seconds=301)
        assert own.request("GET", "/v1/me", headers=headers).status_code == 401


def test_sign_in_that_nobody_refreshes_ends(settings, another_house, house):
    user, clock = house.account(Role.CLINICIAN), ShiftedClock(house.system.clock)
    with another_house(settings, ports={"clock": clock}) as own:
        tokens = sign_in(own, user).json()
        clock.ahead = timedelta(seconds=901)
        answer = own.post("/v1/sign-ins/refresh", {"refresh_token": tokens["refresh_token"]})
        assert (answer.status_code, answer.json()["code"]) == (401, "signed_out")


def test_disabled_account_is_out_at_once(house, operator):
    user = house.account(Role.CLINICIAN)
    headers = bearer(sign_in(house, user))
    assert operator.post(f"/v1/accounts/{user.id}/disabled", If_Match='"1"').status_code == 200
    assert house.request("GET", "/v1/me", headers=headers).status_code == 401
    assert sign_in(house, user).status_code == 401
    assert operator.post(f"/v1/accounts/{user.id}/enabled", If_Match='"2"').status_code == 200
    assert sign_in(house, user).status_code == 201


def test_operator_cannot_disable_their_own_account(house, operator):
    version = operator.get("/v1/me").headers["ETag"]
    answer = operator.post(f"/v1/accounts/{operator.id}/disabled", If_Match=version)
    assert answer.json()["code"] == "cannot_disable_oneself"


def test_changed_password_ends_other_sign_ins(house):
    user = house.account(Role.CLINICIAN)
    here, elsewhere = bearer(sign_in(house, user)), bearer(sign_in(house, user))
    body = {"current": PASSWORD, "new": "another sentence, as long"}
    assert house.request("PUT", "/v1/me/password", json=body, headers=here).status_code == 200
    assert house.request("GET", "/v1/me", headers=here).status_code == 200
    assert house.request("GET", "/v1/me", headers=elsewhere).status_code == 401
    assert sign_in(house, user).status_code == 401
    assert sign_in(house, user, "another sentence, as long").status_code == 201


def test_password_is_not_changed_without_the_present_one(house):
    user = house.account(Role.CLINICIAN)
    body = {"current": "not the password at all", "new": "another sentence, as long"}
    answer = user.put("/v1/me/password", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_password")


def test_login_is_given_once(house, operator, clinician):
    body = {"login": clinician.login, "display_name": "Somebody Else", "role": "clinician", "password": PASSWORD}
    answer = operator.post("/v1/accounts", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "login_taken")
    assert clinician.login not in answer.text


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer not.a.token", "Bearer a b", "Bearer " + "x" * 5000],
)
def test_whatever_is_no_token_is_refused(house, value):
    answer = house.request("GET", "/v1/me", headers={"Authorization": value})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_token_of_another_deployment_is_refused(house, new_settings, another_house, tmp_path):
    with another_house(new_settings(tmp_path / "other")) as other:
        foreign = other.account(Role.CLINICIAN)
        headers = foreign.headers()
    assert house.request("GET", "/v1/me", headers=headers).status_code == 401


def test_stranger_is_refused_before_anything_is_said_of_the_request(house):
    answer = house.request("POST", "/v1/clients", content=b"{", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 401
    answer = house.request("GET", "/v1/sessions/not-an-id?colour=red", headers={"Authorization": "Bearer x.y.z"})
    assert answer.status_code == 401


def test_refused_stranger_is_on_record_with_the_address(house, officer):
    answer = house.get("/v1/me")
    entry = next(one for one in house.audit(officer) if one["request_id"] == answer.headers["x-request-id"])
    assert (entry["action"], entry["outcome"], entry["reason"]) == ("api.refuse", "denied", "unauthenticated")
    assert entry["origin"] == "127.0.0.1"


def refusals(house, officer):
    return [entry for entry in house.audit(officer) if entry["action"] == "api.refuse"]


def test_strangers_cannot_fill_the_log(settings, another_house, house, officer):
    limit = Limit(name=f"test_{uuid4()}", amount=3, per_s=3600)
    with another_house(settings, anonymous_limit=limit) as own:
        before = len(refusals(house, officer))
        answers = [own.get("/v1/me") for _ in range(12)]
        assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 9
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers[3:])
        found = refusals(house, officer)
        assert len(found) - before == 4
        assert found[0]["reason"] == "further_refusals_are_counted_only"
        metrics = own.http.get("/metrics").text
        assert 'anamnesis_http_unauthenticated_total{treated="audited"} 3.0' in metrics
        assert 'anamnesis_http_unauthenticated_total{treated="counted"} 9.0' in metrics


def test_many_strangers_together_cannot_fill_the_log(settings, another_house, house, officer):
    total = Limit(name=f"test_{uuid4()}", amount=2, per_s=3600)
    with another_house(settings, anonymous_total=total) as own:
        before = len(refusals(house, officer))
        assert [own.get("/v1/me").status_code for _ in range(6)] == [401] * 6
        assert len(refusals(house, officer)) - before <= 3


def test_signing_in_is_limited_by_address(settings, another_house, house):
    user = house.account(Role.CLINICIAN)
    limit = Limit(name=f"test_{uuid4()}", amount=2, per_s=3600)
    with another_house(settings, sign_in_limit=limit) as own:
        answers = [sign_in(own, user) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        answer = answers[-1]
        assert int(answer.headers["Retry-After"]) > 0


def test_exchanging_tokens_is_limited_by_address(settings, another_house):
    limit = Limit(name=f"test_{uuid4()}", amount=2, per_s=3600)
    with another_house(settings, refresh_limit=limit) as own:
        body = {"refresh_token": "A" * 64}
        assert [own.post("/v1/sign-ins/refresh", body).status_code for _ in range(3)] == [401, 401, 429]


def test_guessing_ones_own_password_is_limited_by_account(settings, another_house, house):
    """A stolen access token lasts minutes; it must not do to find out, and change, the password behind it."""
    user = house.account(Role.CLINICIAN)
    limit = Limit(name=f"test_{uuid4()}", amount=2, per_s=3600)
    with another_house(settings, password_limit=limit) as own:
        body = {"current": "not the password at all", "new": "another sentence, as long"}
        answers = [
            own.request("PUT", "/v1/me/password", json=body, headers=user.headers()).status_code for _ in range(3)
        ]
        assert answers == [403, 403, 429]


def test_looking_up_is_limited_by_account(settings, another_house, clinician):
    limit = Limit(name=f"test_{uuid4()}", amount=2, per_s=3600)
    with another_house(settings, lookup_limit=limit) as own:
        body = {"family_name": "Nobody", "birth_date": "1990-01-01"}
        answers = [
            own.request("POST", "/v1/clients/lookup", json=body, headers=clinician.headers()).status_code
            for _ in range(2)
        ]
        assert answers == [200, 200]
        refused = own.request("POST", "/v1/clients/lookup", json=body, headers=clinician.headers())
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert "Retry-After" in refused.json()["hint"]
