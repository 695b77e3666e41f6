"""Sealed view rows and cursors: open where they belong, and nowhere else."""

import base64
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.db.engines import open_database
from adapters.event_store.envelope import log_id
from adapters.keys.errors import TokenInvalid
from adapters.keys.row_sealer import RowSealer
from adapters.keys.tables import metadata
from adapters.keys.token_sealer import TokenSealer
from domain.errors import Invalid, KeysUnavailable, SealBroken
from domain.ports.keys import RecordClass
from tests.seal.kit import DEPLOYMENT, ring_on

LOG = log_id(DEPLOYMENT, 1)
CLIENT = UUID("7b6b1e0a-55a3-4ad6-8f4d-7c9a3f6f0c11")


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('keys') / 'keys.db'}")
    metadata.create_all(engine)
    yield ring_on(engine)
    engine.dispose()


@given(plaintext=st.binary(max_size=500), table=st.text(max_size=20), row=st.text(max_size=20))
def test_a_view_value_opens_in_its_row(ring, plaintext, table, row):
    rows = RowSealer(ring, LOG)
    assert rows.open_row(CLIENT, table, row, rows.seal_row(CLIENT, table, row, plaintext)) == plaintext


def test_a_view_value_opens_nowhere_else(ring):
    rows, row, other = RowSealer(ring, LOG), uuid4(), uuid4()
    sealed = rows.seal_row(CLIENT, "journey", row, b"private")
    for place in ((other, "journey", row), (CLIENT, "caseload", row), (CLIENT, "journey", other)):
        with pytest.raises(SealBroken):
            rows.open_row(*place, sealed)
    for log in (log_id(DEPLOYMENT, 2), log_id(uuid4(), 1)):
        with pytest.raises(SealBroken):
            RowSealer(ring, log).open_row(CLIENT, "journey", row, sealed)


@given(
    place=st.tuples(st.text(max_size=6), st.text(max_size=6)), other=st.tuples(st.text(max_size=6), st.text(max_size=6))
)
def test_where_the_table_ends_and_the_row_begins_is_never_in_doubt(ring, place, other):
    rows = RowSealer(ring, LOG)
    sealed = rows.seal_row(CLIENT, *place, b"private")
    if place != other:
        with pytest.raises(SealBroken):
            rows.open_row(CLIENT, *other, sealed)


@given(plaintext=st.binary(max_size=300), purpose=st.text(max_size=20))
def test_a_cursor_comes_back_for_its_purpose_as_url_safe_text(ring, plaintext, purpose):
    tokens = TokenSealer(ring, LOG)
    token = tokens.seal_token(purpose, plaintext)
    assert token.replace("-", "").replace("_", "").isalnum()
    assert tokens.open_token(purpose, token) == plaintext
    with pytest.raises(Invalid):
        tokens.open_token(purpose + "x", token)


def test_no_altered_character_of_a_cursor_is_taken(ring):
    tokens = TokenSealer(ring, LOG)
    token = tokens.seal_token("journey", b"12345")
    for place in range(len(token)):
        for char in "Aa0-_=é\x00":
            altered = token[:place] + char + token[place + 1 :]
            if altered != token:
                with pytest.raises(TokenInvalid):
                    tokens.open_token("journey", altered)


@pytest.mark.parametrize("garbage", ["", "=", "====", "A", "\ud800", "AAAA" * 2000, "%00", "../../etc"])
def test_garbage_is_no_cursor(ring, garbage):
    with pytest.raises(TokenInvalid):
        TokenSealer(ring, LOG).open_token("journey", garbage)


def test_a_cursor_of_another_incarnation_is_refused(ring):
    token = TokenSealer(ring, LOG).seal_token("journey", b"1")
    with pytest.raises(TokenInvalid):
        TokenSealer(ring, log_id(DEPLOYMENT, 2)).open_token("journey", token)


def test_sealed_values_of_other_kinds_are_no_cursors(ring):
    sealed = ring.seal(ring.key_id(None, RecordClass.AUDIT), b"x", b"")
    token = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
    with pytest.raises(TokenInvalid):
        TokenSealer(ring, LOG).open_token("journey", token)


def test_a_key_store_that_is_down_is_not_the_callers_fault(ring, monkeypatch):
    token = TokenSealer(ring, LOG).seal_token("journey", b"1")
    ring.forget(None)

    def down(*_):
        raise KeysUnavailable

    monkeypatch.setattr(ring.book, "get", down)
    with pytest.raises(KeysUnavailable):
        TokenSealer(ring, LOG).open_token("journey", token)
