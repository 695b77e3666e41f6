"""The client's side of OpenID Connect against a real provider in a process of its own."""

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from adapters.identity.oidc import OidcProvider, _readable
from domain.ports.identity import ProviderRefused, ProviderUnavailable, Started
from tests.identity.provider import CLIENT, RETURN, SECRET
from tests.identity.running import segment, walk

STARTED = Started(state="s" * 43, nonce="n" * 43, verifier="v" * 43)


class Time:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def client_of(running, **changed):
    given = {
        "issuer": running.issuer,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uri": RETURN,
    }
    return OidcProvider(**{**given, **changed})


def refusal(attempt):
    with pytest.raises(ProviderRefused) as refused:
        attempt()
    return refused.value.facts["reason"]


def trouble(attempt):
    with pytest.raises(ProviderUnavailable) as failed:
        attempt()
    return failed.value.facts["reason"]


def at():
    return datetime.now(UTC)


def test_the_provider_vouches_for_who_signed_in_there(running):
    client = client_of(running)
    back = walk(client.address(STARTED))
    assert back["state"] == STARTED.state
    vouched = client.vouched(STARTED, back["code"], at())
    assert (vouched.issuer, vouched.subject) == (running.issuer, "1")
    assert (vouched.email, vouched.email_verified) == ("ada@example.org", True)
    assert "ada@" not in repr(vouched)


def test_the_address_asks_for_pkce_with_a_hash_and_holds_no_secret(running):
    asked = parse_qs(urlsplit(client_of(running).address(STARTED)).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert STARTED.verifier not in str(asked)
    assert SECRET not in str(asked)


def test_a_code_is_good_once(running):
    client = client_of(running)
    code = walk(client.address(STARTED))["code"]
    client.vouched(STARTED, code, at())
    assert refusal(lambda: client.vouched(STARTED, code, at())) == "code_refused"


@pytest.mark.parametrize("code", ["", "made-up", "\udcff", "x" * 2000])
def test_a_code_that_the_provider_never_gave_is_refused(running, code):
    with pytest.raises((ProviderRefused, ProviderUnavailable, UnicodeError)):
        client_of(running).vouched(STARTED, code, at())


def test_a_code_that_somebody_else_set_out_for_is_refused_for_want_of_the_verifier(running):
    client = client_of(running)
    code = walk(client.address(STARTED))["code"]
    other = Started(state=STARTED.state, nonce=STARTED.nonce, verifier="w" * 43)
    assert refusal(lambda: client.vouched(other, code, at())) == "code_refused"


def test_a_token_for_another_nonce_is_refused(running):
    client = client_of(running)
    code = walk(client.address(STARTED))["code"]
    other = Started(state=STARTED.state, nonce="m" * 43, verifier=STARTED.verifier)
    assert refusal(lambda: client.vouched(other, code, at())) == "nonce_mismatch"


@pytest.mark.parametrize(
    ("hours", "reason"), [(24 * 30, "id_token_expired"), (-1, "id_token_not_of_now"), (1, "id_token_not_of_now")]
)
def test_a_token_of_another_time_is_refused(running, hours, reason):
    client = client_of(running)
    code = walk(client.address(STARTED))["code"]
    assert refusal(lambda: client.vouched(STARTED, code, at() + timedelta(hours=hours))) == reason


def test_a_code_for_another_program_is_refused(running):
    code = walk(client_of(running, client_id="another").address(STARTED))["code"]
    assert refusal(lambda: client_of(running).vouched(STARTED, code, at())) == "code_refused"


def test_a_wrong_secret_of_ours_is_our_trouble_and_not_the_persons(running):
    client = client_of(running, client_secret="wrong")
    code = walk(client.address(STARTED))["code"]
    assert trouble(lambda: client.vouched(STARTED, code, at())) == "token_endpoint"


def test_another_issuer_than_the_one_set_up_is_not_believed(running):
    assert trouble(lambda: client_of(running, issuer=f"{running.issuer}/").address(STARTED)) == "discovery"
    assert trouble(lambda: client_of(running, issuer=f"{running.issuer}/x").address(STARTED)) == "JSONDecodeError"


def test_calls_leave_for_the_issuers_own_origin_alone(running):
    client = client_of(running)
    for url in ("http://127.0.0.2/keys", f"https://127.0.0.1:{running.port}/o", "file:///etc/passwd", "http://[::1"):
        assert trouble(lambda url=url: client._call("GET", url)) == "address_not_of_the_issuer"


# What a token may say, signed by the provider's own key


@pytest.fixture(scope="module")
def signer(running, keys):
    """Makes ID tokens as the provider would, with anything in them."""
    key = RSAKey.import_key(keys[0].read_text())
    [shown] = httpx.get(f"{running.issuer}/.well-known/jwks.json").json()["keys"]

    def made(header=None, **claims):
        now = int(at().timestamp())
        said = {"iss": running.issuer, "aud": CLIENT, "sub": "1", "nonce": STARTED.nonce, "iat": now, "exp": now + 60}
        payload = json.dumps({name: value for name, value in {**said, **claims}.items() if value is not None})
        head = {"alg": "RS256", "kid": shown["kid"], **(header or {})}
        return jws.serialize_compact(head, payload.encode(), key, algorithms=[head["alg"]])

    return made


def judged(client, token):
    algorithm, claims = client._verified(token)
    client._check(claims, STARTED.nonce, int(at().timestamp()))
    return algorithm, claims


def test_a_token_in_order_is_believed(running, signer):
    assert judged(client_of(running), signer())[1]["sub"] == "1"
    assert judged(client_of(running), signer(aud=[CLIENT], azp=CLIENT))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://elsewhere.example"}, "issuer_mismatch"),
        ({"iss": None}, "issuer_mismatch"),
        ({"aud": "another"}, "audience_mismatch"),
        ({"aud": None}, "audience_mismatch"),
        ({"aud": {"anamnesis": 1}}, "audience_mismatch"),
        ({"aud": [CLIENT, "another"]}, "authorized_party_mismatch"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "authorized_party_mismatch"),
        ({"azp": "another"}, "authorized_party_mismatch"),
        ({"exp": 1}, "id_token_expired"),
        ({"exp": None}, "id_token_expired"),
        ({"exp": "2099"}, "id_token_expired"),
        ({"exp": True}, "id_token_expired"),
        ({"iat": None}, "id_token_not_of_now"),
        ({"iat": 2**39}, "id_token_not_of_now"),
        ({"nonce": None}, "nonce_mismatch"),
        ({"nonce": ["n"]}, "nonce_mismatch"),
    ],
)
def test_a_token_that_says_something_else_is_refused(running, signer, claims, reason):
    assert refusal(lambda: judged(client_of(running), signer(**claims))) == reason


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS1", "", None, 7, ["RS256"]])
def test_signatures_of_no_worth_are_refused_before_a_key_is_looked_for(running, algorithm):
    token = f"{segment({'alg': algorithm})}.{segment({'sub': '1'})}."
    assert refusal(lambda: client_of(running)._verified(token)) in {"algorithm_refused", "id_token_malformed"}


def test_the_providers_public_key_is_no_shared_secret(running, keys):
    public = RSAKey.import_key(keys[0].read_text()).as_pem(private=False)
    signed = f"{segment({'alg': 'HS256'})}.{segment({'sub': '1'})}"
    mac = urlsafe_b64encode(hmac.digest(public, signed.encode(), "sha256")).rstrip(b"=").decode()
    assert refusal(lambda: client_of(running)._verified(f"{signed}.{mac}")) == "algorithm_refused"


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", RSAKey.generate_key(2048)),
        ("PS256", RSAKey.generate_key(2048)),
        ("ES256", ECKey.generate_key("P-256")),
        ("EdDSA", OKPKey.generate_key("Ed25519")),
    ],
)
def test_each_signature_is_believed_with_keys_of_its_own_kind_alone(running, algorithm, key):
    key.ensure_kid()
    header = {"alg": algorithm, "kid": key.kid}
    if algorithm == "EdDSA":
        signed = f"{segment(header)}.{segment({'sub': '1'})}"
        signature = urlsafe_b64encode(key.private_key.sign(signed.encode())).rstrip(b"=").decode()
        token = f"{signed}.{signature}"
    else:
        token = jws.serialize_compact(header, b'{"sub":"1"}', key, algorithms=[algorithm])
    client = client_of(running)
    client._keys, client._keys_at = KeySet([_readable(key.as_dict(private=False))]), client._monotonic()
    assert client._verified(token) == (algorithm, {"sub": "1"})
    altered = f"{token.partition('.')[0]}.{segment({'sub': '2'})}.{token.rpartition('.')[2]}"
    assert refusal(lambda: client._verified(altered)) == "signature_refused"
    other = "ES256" if algorithm in {"RS256", "PS256", "EdDSA"} else "RS256"
    signed = f"{segment({'alg': other, 'kid': key.kid})}.{token.partition('.')[2]}"
    assert refusal(lambda: client._verified(signed)) == "key_unknown"


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "RSA"},
        {"kty": ["RSA"]},
        {"kty": "RSA", "n": "AQAB" * 42, "e": "AQAB"},
        {**RSAKey.generate_key(2048).as_dict(private=False), "use": "enc"},
    ],
)
def test_keys_that_are_short_shared_or_for_something_else_are_passed_over(document):
    assert _readable(document) is None


def test_a_private_part_that_a_provider_shows_by_mistake_is_not_kept():
    assert not _readable(RSAKey.generate_key(2048).as_dict(private=True)).is_private


def test_a_token_signed_by_another_key_under_a_known_name_or_altered_is_refused(running, signer, keys):
    token = signer()
    header = jws.extract_compact(token.encode()).headers()
    other = RSAKey.import_key(keys[1].read_text())
    forged = jws.serialize_compact(dict(header), b'{"sub":"1"}', other, algorithms=["RS256"])
    head, _, signature = token.split(".")
    altered = f"{head}.{segment({'sub': '2'})}.{signature}"
    for one in (forged, altered):
        assert refusal(lambda one=one: client_of(running)._verified(one)) == "signature_refused"


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "....", "é", "x" * 100_000])
def test_what_is_no_token_is_refused(running, token):
    with pytest.raises(ProviderRefused):
        client_of(running)._verified(token)


def test_an_access_token_other_than_the_named_one_is_refused(running, monkeypatch):
    client = client_of(running)
    exchange = client._exchange
    monkeypatch.setattr(client, "_exchange", lambda *given: exchange(*given) | {"access_token": "another"})
    code = walk(client.address(STARTED))["code"]
    assert refusal(lambda: client.vouched(STARTED, code, at())) == "at_hash_mismatch"


# Keys that change, and a provider that is away


def test_a_new_key_is_fetched_when_a_token_names_it_and_the_old_one_is_good_no_more(running, keys, signer):
    clock = Time()
    client = client_of(running, monotonic=clock)
    old = signer()
    assert judged(client, old)
    running.restart(keys[1], keys[0], email="ada@example.org", email_verified=True)
    clock.now += 31
    code = walk(client.address(STARTED))["code"]
    assert client.vouched(STARTED, code, at())
    assert judged(client, old), "still shown beside the new one"
    running.restart(keys[1], email="ada@example.org", email_verified=True)
    clock.now += 3600
    assert refusal(lambda: judged(client, old)) == "key_unknown"
    running.restart(keys[0], email="ada@example.org", email_verified=True)


def test_unknown_keys_make_us_ask_again_twice_a_minute_at_most(running, signer):
    clock, asked = Time(), []
    client = client_of(running, monotonic=clock)
    call = client._call
    client._call = lambda method, url, **more: asked.append(url) or call(method, url, **more)
    for _ in range(20):
        assert refusal(lambda: client._verified(signer({"kid": "made up"}))) == "key_unknown"
        clock.now += 1
    assert len([url for url in asked if "jwks" in url]) == 1
    clock.now += 30
    refusal(lambda: client._verified(signer({"kid": "made up"})))
    assert len([url for url in asked if "jwks" in url]) == 2


def test_a_provider_that_is_away_is_said_to_be_and_comes_back(running, keys):
    client = client_of(running)
    running.stop()
    try:
        assert trouble(lambda: client.address(STARTED)) == "ConnectError"
    finally:
        running.start(keys[0], email="ada@example.org", email_verified=True)
    assert client.address(STARTED)


def test_a_provider_that_goes_away_between_the_steps_is_said_to_be_away(running, keys):
    client = client_of(running)
    code = walk(client.address(STARTED))["code"]
    running.stop()
    try:
        assert trouble(lambda: client.vouched(STARTED, code, at())) == "ConnectError"
    finally:
        running.start(keys[0], email="ada@example.org", email_verified=True)
    assert client.vouched(STARTED, code, at())
