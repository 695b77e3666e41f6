"""The witness over the wire: each answer of the protocol, and that it never vouches for two histories."""

import os
import signal
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from adapters.log.checkpoints import Checkpoint
from adapters.log.merkle import consistency_proof, root_of
from adapters.log.notes import COSIGNATURE, Note, NoteSigner, VerifierKey, parse_signature
from adapters.log.witness import LogWitness, WitnessStateUnusable
from tests.log.conftest import SIGNER

ROOT = Path(__file__).parents[2]
LEAVES = [sha256(bytes([number])).digest() for number in range(40)]
ORIGIN = f"{SIGNER.name}/1"


def node(leaves):
    return lambda level, index: root_of(leaves[index << level : (index + 1) << level])


def request(old, size, leaves=LEAVES, *, signer=SIGNER, origin=ORIGIN, proof=None):
    checkpoint = Checkpoint(origin=origin, size=size, root=root_of(leaves[:size]))
    if proof is None:
        proof = consistency_proof(old, size, node(leaves)) if 0 < old <= size else []
    lines = "".join(b64encode(each).decode() + "\n" for each in proof)
    return f"old {old}\n{lines}\n{signer.sign(checkpoint.text)}"


@pytest.fixture
def witness(witnesses):
    return witnesses()


def ask(witness, body):
    return httpx.post(f"{witness.url}/add-checkpoint", content=body)


def test_it_cosigns_a_log_that_only_grows(witness):
    for old, size in ((0, 5), (5, 5), (5, 17), (17, 40)):
        answer = ask(witness, request(old, size))
        assert answer.status_code == HTTPStatus.OK
        note = Note(Checkpoint(origin=ORIGIN, size=size, root=root_of(LEAVES[:size])).text)
        cosigned = note.with_signatures([parse_signature(answer.text.removesuffix("\n"))])
        assert cosigned.signed_by(witness.key)


def test_it_says_what_it_knows_to_who_does_not(witness):
    ask(witness, request(0, 5))
    for old in (0, 3):
        answer = ask(witness, request(old, 17))
        assert (answer.status_code, answer.text) == (HTTPStatus.CONFLICT, "5\n")
        assert answer.headers["Content-Type"] == "text/x.tlog.size"


def test_it_does_not_cosign_another_history(witness):
    ask(witness, request(0, 5))
    other = [sha256(b"other" + leaf).digest() for leaf in LEAVES]
    assert ask(witness, request(5, 5, other)).status_code == HTTPStatus.CONFLICT
    assert ask(witness, request(5, 17, other)).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert ask(witness, request(5, 17, proof=[])).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert ask(witness, request(5, 17)).status_code == HTTPStatus.OK


def test_it_knows_only_its_logs_and_their_keys(witness):
    stranger = NoteSigner(SIGNER.name, seed=bytes(range(1, 33)))
    assert ask(witness, request(0, 5, origin="other.example/log")).status_code == HTTPStatus.NOT_FOUND
    assert ask(witness, request(0, 5, signer=stranger)).status_code == HTTPStatus.FORBIDDEN
    assert ask(witness, request(9, 5)).status_code == HTTPStatus.BAD_REQUEST
    assert ask(witness, request(0, 5, proof=[LEAVES[0]])).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_each_incarnation_is_a_log_of_its_own(witness):
    assert ask(witness, request(0, 17)).status_code == HTTPStatus.OK
    assert ask(witness, request(0, 5, origin=f"{SIGNER.name}/2")).status_code == HTTPStatus.OK


@pytest.mark.parametrize(
    "body",
    ["", "old", "old 5", "old 05\n\nx", "old -1\n\n", "new 0\n\n" + "x\n", "old 0\nnot base64\n\nx\n", "old 0\nAAAA\n\nx\n",
     "old 0\n" + "A" * 44 + "\n" * 2, "old 0\n" + ("A" * 43 + "=\n") * 64 + "\n" + SIGNER.sign("x\n"), "old 0\n\nx\n"],
)  # fmt: skip
def test_what_is_no_request_is_refused(witness, body):
    assert ask(witness, body).status_code == HTTPStatus.BAD_REQUEST


def test_there_is_one_address_and_a_limit(witness):
    assert httpx.get(witness.url).status_code == HTTPStatus.NOT_IMPLEMENTED
    assert httpx.post(f"{witness.url}/other", content="x").status_code == HTTPStatus.NOT_FOUND
    assert ask(witness, "x" * 70_000).status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_what_it_cannot_remember_it_does_not_cosign(tmp_path):
    signer = NoteSigner("w.example", COSIGNATURE, bytes(range(32)))
    keeper = LogWitness(tmp_path / "state", signer, [SIGNER.verifier], lambda: 5)
    (tmp_path / "state" / f"{sha256(ORIGIN.encode()).hexdigest()}.checkpoint").write_text("damaged")
    with pytest.raises(WitnessStateUnusable):
        keeper.add_checkpoint(request(0, 5).encode())
    keeper.close()


def test_two_processes_do_not_share_a_folder(tmp_path):
    signer = NoteSigner("w.example", COSIGNATURE, bytes(range(32)))
    keeper = LogWitness(tmp_path, signer, [SIGNER.verifier], lambda: 5)
    with pytest.raises(WitnessStateUnusable):
        LogWitness(tmp_path, signer, [SIGNER.verifier], lambda: 5)
    keeper.close()


def test_what_was_cosigned_outlives_the_process(tmp_path):
    import json

    command = [sys.executable, "-m", "ops.cli", "witness", "--name", "w.example", "--key", str(tmp_path / "w.key")]
    command += ["--state", str(tmp_path / "state"), "--log", SIGNER.vkey, "--listen", "127.0.0.1:0", "--json"]
    known = 0
    for size in (5, 17, 40):
        with subprocess.Popen(
            command + ["--init"] * (known == 0), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            key = VerifierKey.parse(json.loads(process.stdout.readline())["key"])
            ready = json.loads(process.stdout.readline())
            url = f"http://{ready['host']}:{ready['port']}/add-checkpoint"
            if known:
                assert httpx.post(url, content=request(0, size)).text == f"{known}\n"
            answer = httpx.post(url, content=request(known, size))
            assert answer.status_code == HTTPStatus.OK
            assert parse_signature(answer.text.strip()).key_id == key.key_id
            process.send_signal(signal.SIGKILL if size < 40 else signal.SIGTERM)
        known = size
    assert process.returncode == 0


def test_the_witness_imports_nothing_of_the_store():
    code = (
        "import sys, ops.commands.witness, ops.witnessing, ops.verifying.fetching, adapters.log.key_file\n"
        "print([name for name in sys.modules if name.startswith(('sqlalchemy', 'eventsourcing', 'adapters.event_store', "
        "'adapters.keys', 'adapters.db'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "[]"
