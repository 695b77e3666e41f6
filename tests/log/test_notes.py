"""Signed notes: what the format asks for, and what is refused."""

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from adapters.log.notes import (
    COSIGNATURE,
    Note,
    NoteInvalid,
    NoteSigner,
    VerifierKey,
    VerifierKeyInvalid,
    parse_signature,
)

LOG = NoteSigner("log.example", seed=bytes(range(32)))
OTHER = NoteSigner("log.example", seed=bytes(range(1, 33)))
WITNESS = NoteSigner("witness.example", COSIGNATURE, bytes(range(2, 34)))
TEXT = "log.example/1\n7\nAAAA\n"


def test_a_note_is_the_text_an_empty_line_and_a_signature_line():
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = private.public_key().public_bytes_raw()
    key_id = sha256(b"log.example\n\x01" + public).digest()[:4]
    line = base64.b64encode(key_id + private.sign(TEXT.encode())).decode()
    assert LOG.sign(TEXT) == f"{TEXT}\n\u2014 log.example {line}\n"
    assert LOG.vkey == f"log.example+{key_id.hex()}+{base64.b64encode(bytes([1]) + public).decode()}"


def test_a_cosignature_binds_its_time():
    signature = WITNESS.signature(TEXT, at_s=1_700_000_000)
    assert signature.cosigned_at_s == 1_700_000_000
    note = Note.parse(LOG.sign(TEXT)).with_signatures([signature])
    assert note.verified([WITNESS.verifier]) == (signature,)
    later = type(signature)(
        signature.name, signature.key_id, (1_700_000_001).to_bytes(8, "big") + signature.signature[8:]
    )
    with pytest.raises(NoteInvalid):
        Note(note.text, (later,)).verified([WITNESS.verifier])


def test_signatures_of_strangers_count_for_nothing_and_hide_nothing():
    note = Note.parse(LOG.sign(TEXT)).with_signatures([OTHER.signature(TEXT)])
    assert note.signed_by(LOG.verifier)
    assert [one.key_id for one in note.verified([OTHER.verifier])] == [OTHER.verifier.key_id]
    with pytest.raises(NoteInvalid, match="none of the keys"):
        note.verified([WITNESS.verifier])


def test_a_wrong_signature_of_a_known_key_spoils_the_note_beside_a_right_one_of_another():
    wrong = OTHER.signature("another text\n")
    note = Note.parse(LOG.sign(TEXT)).with_signatures([wrong])
    with pytest.raises(NoteInvalid):
        note.verified([LOG.verifier, OTHER.verifier])


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60))
def test_every_text_comes_back_as_it_was_signed(text):
    signed = LOG.sign(text + "\n")
    note = Note.parse(signed.encode())
    assert note.text == text + "\n"
    assert note.signed_by(LOG.verifier)
    assert str(note) == signed


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_passes(place, change):
    signed = bytearray(LOG.sign(TEXT).encode())
    signed[place % len(signed)] ^= change
    try:
        note = Note.parse(bytes(signed))
    except NoteInvalid:
        return
    assert not note.signed_by(LOG.verifier)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\nno dash\n",
        "text\n\n— name notbase64!\n".encode(),
        "text\n\n— name AAAA\n".encode(),
        "text\n\n— two names AAAAAAAA\n".encode(),
        "text\r\n\n— name AAAAAAAA\n".encode(),
        "text\n\n— name AAAAAAAA".encode(),
        b"\xff\n\n",
        ("text\n\n" + "— name AAAAAAAA\n" * 101).encode(),
    ],
)
def test_what_is_no_note_is_refused(content):
    with pytest.raises(NoteInvalid):
        Note.parse(content)


@pytest.mark.parametrize("text", ["", "\n", "no newline", "tab\there\n", "half\ud800\n"])
def test_what_can_be_no_note_is_not_signed(text):
    with pytest.raises(NoteInvalid):
        LOG.sign(text)


def test_base64_has_one_form_so_that_a_signature_has_one_text():
    line = LOG.signature(TEXT).line.strip()
    body = line.rpartition(" ")[2]
    other = body.rstrip("=")[:-1] + "/=" if body.endswith("=") else body + "="
    with pytest.raises(NoteInvalid):
        parse_signature(line.replace(body, other))


@pytest.mark.parametrize("key", [LOG.verifier, WITNESS.verifier])
def test_a_verifier_key_comes_back_from_its_text(key):
    assert VerifierKey.parse(str(key)) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+",
        "na me+00000000+AQ==",
        LOG.vkey[:-4],
        LOG.vkey.replace("log", "lag"),
        "+" + LOG.vkey,
    ],
)
def test_a_verifier_key_that_was_cut_or_edited_is_refused(text):
    with pytest.raises(VerifierKeyInvalid):
        VerifierKey.parse(text)


def test_the_key_shows_in_no_repr():
    assert repr(bytes(range(32))) not in repr(LOG)
    assert "seed" not in repr(LOG)
