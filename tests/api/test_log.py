"""The newest checkpoint and proofs, for everybody who is signed in and for programs with the scope; hashes alone."""

from base64 import b64decode

import pytest

from adapters.log.checkpoints import SignedCheckpoint, key_name
from adapters.log.merkle import verify_consistency, verify_inclusion
from adapters.log.notes import NoteSigner
from adapters.log.publisher import Publisher
from domain.ports.call import Role


@pytest.fixture(scope="module")
def publisher(house):
    """Beside the API process, which has no key."""
    system = house.system
    signer = NoteSigner(key_name(system.recorder.deployment_id), seed=bytes(range(32)))
    return Publisher(system.databases.events, signer, None, clock_us=lambda: 1_790_000_000_000_000), signer


def test_before_the_first_checkpoint_there_is_none(house, clinician):
    answer = clinician.get("/v1/log/checkpoint")
    assert (answer.status_code, answer.json()["code"]) == (404, "checkpoint_missing")
    assert clinician.get("/v1/log/proofs/inclusion?position=1").json()["code"] == "checkpoint_missing"


def test_anybody_reads_the_checkpoint_and_proves_positions_with_it(house, clinician, publisher):
    publishes, signer = publisher
    first = publishes.publish().checkpoint.size
    clinician.new_client()
    second = publishes.publish().checkpoint.size
    for role in (Role.CLINICIAN, Role.OPERATOR, Role.COMPLIANCE_OFFICER, Role.ML_ENGINEER):
        user = house.account(role)
        answer = user.get("/v1/log/checkpoint", Accept="text/plain")
        checkpoint = SignedCheckpoint.opened(answer.text, signer.verifier).checkpoint
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert checkpoint.size == second
        assert user.get("/v1/log/checkpoint").json()["size"] == second
        proof = user.get("/v1/log/proofs/inclusion?position=3").json()
        hashes = [b64decode(each) for each in proof["hashes"]]
        verify_inclusion(b64decode(proof["leaf"]), 2, second, hashes, checkpoint.root)
        proof = user.get(f"/v1/log/proofs/consistency?first={first}").json()
        hashes = [b64decode(each) for each in proof["hashes"]]
        roots = (b64decode(proof["first_root"]), b64decode(proof["second_root"]))
        verify_consistency(first, second, *roots, hashes)
        assert roots[1] == checkpoint.root


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("inclusion?position=0", "fields_invalid"),
        ("inclusion", "fields_invalid"),
        ("inclusion?position=999999999", "proof_out_of_range"),
        ("inclusion?position=5&size=4", "proof_out_of_range"),
        ("inclusion?position=5&size=999999999", "proof_out_of_range"),
        ("consistency?first=9&second=8", "proof_out_of_range"),
        ("consistency?first=-1", "fields_invalid"),
    ],
)
def test_what_is_not_there_is_refused(clinician, publisher, query, code):
    publisher[0].publish()
    answer = clinician.get(f"/v1/log/proofs/{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_who_is_not_signed_in_gets_nothing(house):
    assert house.request("GET", "/v1/log/checkpoint").status_code == 401


def test_a_picture_of_the_log_is_not_acceptable(clinician, publisher):
    publisher[0].publish()
    assert clinician.get("/v1/log/checkpoint", Accept="image/png").status_code == 406


def test_the_api_process_cannot_publish(house):
    assert house.system.services.log._publisher is None
