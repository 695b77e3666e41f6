"""From the browser to a pair of tokens, with a real OpenID provider in between."""

import socket

import httpx
import pytest

from domain.ports.call import Role
from tests.identity.provider import CLIENT, RETURN, SECRET
from tests.identity.running import RunningProvider, new_key, walk

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("provider")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    provider = RunningProvider(folder, port)
    provider.start(new_key(folder, "key"), amr=["pwd", "mfa"])
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def house(running, new_settings, another_house, tmp_path_factory):
    folder = tmp_path_factory.mktemp("practice")
    (folder / "secret.txt").write_text(SECRET + "\n")
    settings = new_settings(
        folder / "data",
        ANAMNESIS_OIDC_ISSUER=running.issuer,
        ANAMNESIS_OIDC_CLIENT_ID=CLIENT,
        ANAMNESIS_OIDC_CLIENT_SECRET_FILE=str(folder / "secret.txt"),
        ANAMNESIS_OIDC_REDIRECT_URI=RETURN,
        ANAMNESIS_OIDC_TRUST_MFA="yes",
        ANAMNESIS_SECOND_FACTOR_ROLES="supervisor",
    )
    with another_house(settings) as opened:
        yield opened


def way(house):
    answer = house.get("/v1/oidc/authorization")
    assert answer.status_code == 200, answer.text
    back = walk(answer.json()["address"])
    return {"transaction": answer.json()["transaction"], "state": back["state"], "code": back["code"]}


def test_whom_the_provider_knows_gets_in_once_linked_and_each_way_counts_once(house):
    stranger = house.post("/v1/oidc/callback", way(house))
    assert (stranger.status_code, stranger.json()["code"]) == (401, "identity_unknown")
    user = house.account(Role.CLINICIAN)
    begun = user.post("/v1/me/identities/authorization", {"password": PASSWORD}).json()
    back = walk(begun["address"])
    linked = user.post("/v1/me/identities", {"transaction": begun["transaction"], **only(back)})
    assert linked.status_code == 201, linked.text
    taken = way(house)
    opened = house.post("/v1/oidc/callback", taken)
    assert opened.status_code == 201, opened.text
    assert opened.json()["account_id"] == str(user.id)
    assert house.post("/v1/oidc/callback", taken).json()["code"] == "provider_refused"
    swapped = way(house) | {"state": "another"}
    assert house.post("/v1/oidc/callback", swapped).status_code == 401
    assert user.delete(linked.headers["Location"]).status_code == 200
    assert house.post("/v1/oidc/callback", way(house)).json()["code"] == "identity_unknown"


def only(back):
    return {name: back[name] for name in ("state", "code")}


def test_a_second_factor_that_the_provider_saw_stands_for_ours_where_it_is_trusted(house, running):
    operator = house.operator
    user = house.account(Role.SUPERVISOR)
    path = f"/v1/accounts/{user.id}/identities"
    tag = operator.get(path).headers["ETag"]
    linked = operator.post(path, {"issuer": running.issuer, "subject": "1"}, If_Match=tag)
    assert linked.status_code == 201, linked.text
    first = house.post("/v1/sign-ins", {"login": user.login, "password": PASSWORD})
    assert (first.status_code, first.json()["next"]) == (202, "enrolment")
    assert house.post("/v1/oidc/callback", way(house)).status_code == 201


def test_while_the_provider_is_away_passwords_still_open(house, running):
    taken = way(house)
    running.stop()
    answer = house.post("/v1/oidc/callback", taken)
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    assert answer.headers["retry-after"]
    user = house.account(Role.CLINICIAN)
    assert house.post("/v1/sign-ins", {"login": user.login, "password": PASSWORD}).status_code == 201
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.issuer)
