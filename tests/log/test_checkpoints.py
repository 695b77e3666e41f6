"""Checkpoints and records of removals: whose log, which size, signed by whom."""

from uuid import UUID

import pytest

from adapters.event_store.envelope import log_id
from adapters.log.checkpoints import Checkpoint, SignedCheckpoint, key_name
from adapters.log.notes import COSIGNATURE, NoteInvalid, NoteSigner
from adapters.log.removals import removal_facts, removed_positions

DEPLOYMENT = UUID("5f0c8f3e-6a55-4a0e-9d0b-0b8d7d5a1c11")
SIGNER = NoteSigner(key_name(DEPLOYMENT), seed=bytes(range(32)))
WITNESS = NoteSigner("witness.example", COSIGNATURE, bytes(range(2, 34)))
LOG = log_id(DEPLOYMENT, 1)
CHECKPOINT = Checkpoint(origin=LOG.decode(), size=7, root=bytes(32))


def test_a_checkpoint_names_the_log_its_size_and_its_root():
    assert CHECKPOINT.text == f"anamnesis/{DEPLOYMENT}/1\n7\n{'A' * 43}=\n"
    assert Checkpoint.parse(CHECKPOINT.text) == CHECKPOINT
    assert CHECKPOINT.name == "checkpoints/000001/00000000000000000007"
    assert (CHECKPOINT.deployment, CHECKPOINT.incarnation) == (DEPLOYMENT, 1)


def test_a_signed_checkpoint_opens_with_the_key_of_its_log_alone():
    signed = SIGNER.sign(CHECKPOINT.text)
    assert SignedCheckpoint.opened(signed, SIGNER.verifier).checkpoint == CHECKPOINT
    stranger = NoteSigner(key_name(UUID(int=1)), seed=bytes(range(32)))
    with pytest.raises(NoteInvalid, match="another log"):
        SignedCheckpoint.opened(stranger.sign(CHECKPOINT.text), stranger.verifier)
    with pytest.raises(NoteInvalid, match="none of the keys"):
        SignedCheckpoint.opened(signed, NoteSigner(SIGNER.name, seed=bytes(range(1, 33))).verifier)


def test_only_right_cosignatures_count():
    opened = SignedCheckpoint.opened(SIGNER.sign(CHECKPOINT.text), SIGNER.verifier)
    assert opened.cosignatures([WITNESS.verifier]) == ()
    right, wrong = (WITNESS.signature(text, at_s=5) for text in (CHECKPOINT.text, "something else\n"))
    for signature, expected in ((right, (right,)), (wrong, ())):
        note = opened.note.with_signatures([signature])
        assert SignedCheckpoint(CHECKPOINT, note).cosignatures([WITNESS.verifier]) == expected


@pytest.mark.parametrize(
    "text",
    ["", "a\n", "a\n1\n", "a\n1\nAAAA\n", f"a\n01\n{'A' * 43}=\n", f"a\n-1\n{'A' * 43}=\n", f"a\n1\n{'A' * 43}=\n\n",
     f"a\n1\n{'A' * 42}B=\n", f"\n1\n{'A' * 43}=\n", f"a\n1\n{'A' * 43}="],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(NoteInvalid):
        Checkpoint.parse(text)


def test_a_removal_names_its_positions_under_the_signature():
    facts = removal_facts(SIGNER, LOG, [9, 3, 4, 5], "retention")
    assert facts["positions"] == [3, 4, 5, 9]
    assert "positions 3-5,9\n" in facts["note"]
    assert removed_positions(facts, LOG, [SIGNER.verifier]) == {3, 4, 5, 9}


@pytest.mark.parametrize(
    "change",
    [
        {"positions": [3, 4, 5, 9, 10]},
        {"positions": [3]},
        {"positions": None},
        {"note": ""},
        {"note": SIGNER.sign(CHECKPOINT.text)},
        {"note": NoteSigner(SIGNER.name, seed=bytes(range(1, 33))).sign("x\n")},
    ],
)
def test_a_removal_that_was_made_up_explains_nothing(change):
    facts = removal_facts(SIGNER, LOG, [3, 4, 5, 9], "retention") | change
    with pytest.raises(NoteInvalid):
        removed_positions(facts, LOG, [SIGNER.verifier])


def test_a_removal_of_another_incarnation_explains_nothing():
    facts = removal_facts(SIGNER, LOG, [3], "retention")
    with pytest.raises(NoteInvalid, match="another log"):
        removed_positions(facts, log_id(DEPLOYMENT, 2), [SIGNER.verifier])


@pytest.mark.parametrize("reason", ["", "two words", "line\nbreak"])
def test_a_reason_is_a_code(reason):
    with pytest.raises(NoteInvalid):
        removal_facts(SIGNER, LOG, [3], reason)
