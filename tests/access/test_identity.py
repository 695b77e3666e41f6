"""Passwords, access tokens, ids and the clock."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from argon2 import PasswordHasher
from argon2.low_level import Type
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy import update

from adapters.access.instants import microseconds
from adapters.clock.system import SystemClock, UuidSource
from adapters.db.engines import open_database
from adapters.event_store.envelope import log_id
from adapters.identity.argon2 import Argon2Hasher
from adapters.identity.jose import JoseTokenSigner
from adapters.identity.secrets import OsSecrets
from adapters.keys.tables import keys, metadata
from domain.errors import KeysUnavailable, Unauthenticated
from domain.ports.call import Actor, Role
from domain.ports.keys import RecordClass
from tests.seal.kit import DEPLOYMENT, ring_on

LOG = log_id(DEPLOYMENT, 1)
NOW_US = 1_772_000_000_000_000
LATER_US = NOW_US + 300_000_000
ACTOR = Actor(id=uuid4(), role=Role.CLINICIAN, sign_in_id=uuid4(), supervisor_id=uuid4())


@pytest.fixture(scope="module")
def hasher():
    return Argon2Hasher(memory_kib=64, passes=1)


def test_passwords_are_hashed_as_owasp_asks():
    text = Argon2Hasher().hash("correct horse battery staple")
    assert text.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_password_verifies_and_another_does_not(hasher):
    text = hasher.hash("correct horse battery staple")
    assert hasher.verify(text, "correct horse battery staple")
    for other in ("", "correct horse battery stapl", "Correct horse battery staple", "\x00", "x" * 10_000):
        assert not hasher.verify(text, other)
    assert text != hasher.hash("correct horse battery staple")


@pytest.mark.parametrize(
    "broken", ["", "x", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=8,t=1,p=1$!$!"]
)
def test_a_hash_that_cannot_be_read_costs_a_verification_and_is_false(hasher, broken, monkeypatch):
    seen = []
    verify = hasher._argon2.verify

    def counted(text, password):
        seen.append(text)
        return verify(text, password)

    monkeypatch.setattr(hasher, "_argon2", type("Counting", (), {"verify": staticmethod(counted)}))
    assert not hasher.verify(broken, "anything")
    assert hasher._nobodys in seen


def test_weaker_and_foreign_hashes_ask_for_a_new_one(hasher):
    assert not hasher.needs_rehash(hasher.hash("x"))
    weaker = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=Type.ID).hash("x")
    assert hasher.needs_rehash(weaker)
    assert hasher.needs_rehash("no hash at all")


def test_many_sign_ins_at_once_hash_a_few_at_a_time():
    hasher = Argon2Hasher(at_once=2, memory_kib=64, passes=1)
    text = hasher.hash("x")
    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(lambda _: hasher.verify(text, "x"), range(60)))
    assert hasher._turns._value == 2


# Tokens


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('keys') / 'keys.db'}")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def ring(engine):
    return ring_on(engine)


@pytest.fixture
def signer(ring):
    return JoseTokenSigner(ring, LOG)


@pytest.mark.parametrize(
    "actor",
    [
        ACTOR,
        Actor(id=uuid4(), role=Role.CLIENT, sign_in_id=uuid4(), client_id=uuid4()),
        *[Actor(id=uuid4(), role=role, sign_in_id=uuid4()) for role in Role],
    ],
    ids=lambda actor: actor.role.value,
)
def test_a_token_vouches_for_the_whole_actor(signer, ring, actor):
    token = signer.issue(actor, LATER_US)
    for each in (signer, JoseTokenSigner(ring, LOG)):
        claims = each.verify(token, NOW_US)
        assert claims.actor == actor
        assert claims.expires_at_us == LATER_US


def test_a_token_is_over_when_it_says_so_also_when_it_was_seen_before(signer):
    token = signer.issue(ACTOR, LATER_US)
    signer.verify(token, LATER_US - 1)
    for now_us in (LATER_US, LATER_US + 1, LATER_US * 2):
        with pytest.raises(Unauthenticated):
            signer.verify(token, now_us)


def test_expiry_is_cut_to_whole_seconds(signer):
    assert signer.verify(signer.issue(ACTOR, LATER_US + 999_999), NOW_US).expires_at_us == LATER_US


def test_a_token_belongs_to_a_sign_in(signer):
    with pytest.raises(ValueError, match="sign-in"):
        signer.issue(replace(ACTOR, sign_in_id=None), LATER_US)


def test_no_altered_character_of_a_token_is_taken(signer):
    token = signer.issue(ACTOR, LATER_US)
    for place in range(len(token)):
        altered = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        if place == len(token) - 1:
            continue  # its last two bits are padding; what they say is told below
        with pytest.raises(Unauthenticated):
            signer.verify(altered, NOW_US)


def test_spare_bits_of_a_signature_vouch_for_the_same_actor_or_nobody(signer):
    token = signer.issue(ACTOR, LATER_US)
    for char in "ABCDEFGHabcdefgh0123-_":
        try:
            assert signer.verify(token[:-1] + char, NOW_US).actor == ACTOR
        except Unauthenticated:
            continue


@pytest.mark.parametrize(
    "garbage", ["", ".", "..", "a.b.c", "é", "\ud800", "x" * 100_000, "e30.e30.", "null.null.null"]
)
def test_garbage_is_nobodys_token(signer, garbage):
    with pytest.raises(Unauthenticated):
        signer.verify(garbage, NOW_US)


def test_tokens_of_another_incarnation_or_deployment_are_refused(ring, signer):
    token = signer.issue(ACTOR, LATER_US)
    for log in (log_id(DEPLOYMENT, 2), log_id(uuid4(), 1)):
        with pytest.raises(Unauthenticated):
            JoseTokenSigner(ring, log).verify(token, NOW_US)


def encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_a_token_without_a_signature_is_refused_whatever_its_header_says(signer):
    _, claims, signature = signer.issue(ACTOR, LATER_US).split(".")
    kid = signer._keys.key_id(None, RecordClass.TOKEN).hex
    for alg in ("none", "None", "HS384", "HS512", "RS256", ""):
        header = encoded({"alg": alg, "typ": "at+jwt", "kid": kid})
        for last in ("", signature):
            with pytest.raises(Unauthenticated):
                signer.verify(f"{header}.{claims}.{last}", NOW_US)


@pytest.mark.parametrize(
    "header",
    [{"kid": "5f0e4c1d9a8b4c7e8f6a1b2c3d4e5f60"}, {"kid": "../key"}, {}, {"typ": "JWT"}],
    ids=str,
)
def test_a_token_under_another_key_or_of_another_type_is_refused(signer, ring, header):
    key_id = ring.key_id(None, RecordClass.TOKEN)
    secret = OctKey.import_key(ring.derive(key_id, "access-token"))
    claims = jwt.decode(signer.issue(ACTOR, LATER_US), secret, algorithms=["HS256"]).claims
    base = {"alg": "HS256", "typ": "at+jwt"} | ({"kid": key_id.hex} if "typ" in header else {})
    token = jwt.encode(base | header, claims, secret, algorithms=["HS256"])
    with pytest.raises(Unauthenticated):
        signer.verify(token, NOW_US)


def test_a_key_of_another_class_signs_nothing(signer, ring):
    mac = ring.key_id(None, RecordClass.MAC)
    header = {"alg": "HS256", "typ": "at+jwt", "kid": mac.hex}
    token = jwt.encode(header, {"sub": "x"}, OctKey.import_key(b"k" * 32), algorithms=["HS256"])
    with pytest.raises(Unauthenticated):
        signer.verify(token, NOW_US)


@pytest.mark.parametrize("claim", ["iss", "sub", "sid", "role", "exp"])
def test_a_signed_token_with_a_claim_missing_is_refused(signer, ring, claim):
    key_id = ring.key_id(None, RecordClass.TOKEN)
    secret = OctKey.import_key(ring.derive(key_id, "access-token"))
    claims = dict(jwt.decode(signer.issue(ACTOR, LATER_US), secret, algorithms=["HS256"]).claims)
    del claims[claim]
    header = {"alg": "HS256", "typ": "at+jwt", "kid": key_id.hex}
    with pytest.raises(Unauthenticated):
        signer.verify(jwt.encode(header, claims, secret, algorithms=["HS256"]), NOW_US)


def test_tokens_end_with_their_key(engine, ring):
    token = JoseTokenSigner(ring, LOG).issue(ACTOR, LATER_US)
    key_id = ring.key_id(None, RecordClass.TOKEN)
    with engine.begin() as connection:
        connection.execute(update(keys).where(keys.c.id == key_id).values(wrapped=None, destroyed_at_us=1))
    fresh = ring_on(engine)
    with pytest.raises(Unauthenticated):
        JoseTokenSigner(fresh, LOG).verify(token, NOW_US)
    assert fresh.key_id(None, RecordClass.TOKEN) != key_id


def test_a_key_store_that_is_down_is_not_the_callers_fault(ring, signer, monkeypatch):
    token = signer.issue(ACTOR, LATER_US)
    ring.forget(None)

    def down(*_):
        raise KeysUnavailable

    monkeypatch.setattr(ring.book, "get", down)
    with pytest.raises(KeysUnavailable):
        signer.verify(token, NOW_US)


# Clock and ids


def test_the_clock_is_utc_and_its_instants_are_exact():
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert microseconds(datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)) == 1
    assert microseconds(datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == 7_258_118_399_999_999
    with pytest.raises(TypeError):
        microseconds(now.replace(tzinfo=None))


def test_ids_are_plain_uuids_opaque_or_in_order():
    ids = UuidSource()
    opaque = {ids.opaque() for _ in range(1000)}
    assert len(opaque) == 1000
    assert {(type(each), each.version) for each in opaque} == {(UUID, 4)}
    ordered = [ids.ordered() for _ in range(1000)]
    assert {(type(each), each.version) for each in ordered} == {(UUID, 7)}
    assert all(one < two for one, two in pairwise(ordered))


def test_secrets_are_32_bytes_and_never_the_same():
    assert {len(OsSecrets().secret()) for _ in range(10)} == {32}
    assert len({OsSecrets().secret() for _ in range(100)}) == 100
