"""An export that is checked by somebody who has nothing but the file and the verifier key."""

from base64 import b64encode
from hashlib import sha256
from uuid import UUID

from adapters.log.checkpoints import Checkpoint, key_name
from adapters.log.exports import check_lines
from adapters.log.merkle import root_of
from adapters.log.notes import NoteSigner

DEPLOYMENT = UUID("5f0c8f3e-6a55-4a0e-9d0b-0b8d7d5a1c11")
SIGNER = NoteSigner(key_name(DEPLOYMENT), seed=bytes(range(32)))
LEAVES = [sha256(b"one").digest(), sha256(b"two").digest()]
NOTE = SIGNER.sign(Checkpoint(origin=f"anamnesis/{DEPLOYMENT}/1", size=2, root=root_of(LEAVES)).text)
HEADER = {"format": "anamnesis-export/1", "size": 2, "checkpoint": NOTE}
ENTRY = {"position": 1, "leaf": LEAVES[0].hex(), "proof": [b64encode(LEAVES[1]).decode()]}


def checked(*lines):
    report = check_lines(lines, SIGNER.verifier)
    return report.entries, report.proven, report.wrong


def test_entries_whose_leaves_lead_to_the_checkpoint_are_proven():
    assert checked(HEADER, ENTRY) == (1, 1, [])


def test_a_line_that_nothing_proves_does_not_pass_among_those_that_are():
    made_up = {"action": "client.read", "actor_role": "operator"}
    assert checked(HEADER, ENTRY, made_up) == (2, 1, [(3, "it has no position")])


def test_the_leaf_of_another_position_is_wrong():
    assert checked(HEADER, ENTRY | {"position": 2})[1:] == (
        0,
        [(2, "its leaf is not the one at that position of the log")],
    )
