"""The log's arithmetic against RFC 6962 as written."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.log.merkle import (
    EMPTY_ROOT,
    ProofInvalid,
    consistency_proof,
    inclusion_proof,
    perfect_subtrees,
    root_of,
    subtree_hash,
    verify_consistency,
    verify_inclusion,
)
from tests.log import naive

LEAVES = [naive.leaf(number) for number in range(600)]
ROOTS = [naive.mth(LEAVES[:size]) for size in range(len(LEAVES) + 1)]
sizes = st.integers(1, len(LEAVES))


def node(level, index):
    return root_of(LEAVES[index << level : (index + 1) << level])


def test_roots_of_all_sizes_are_those_of_the_rfc():
    assert [root_of(LEAVES[:size]) for size in range(len(LEAVES) + 1)] == ROOTS


def test_the_empty_tree_hashes_nothing():
    assert root_of([]) == EMPTY_ROOT == sha256().digest()


def test_known_vector_of_certificate_transparency():
    # The eight leaves and the root that Google's certificate-transparency test data has used since 2013.
    data = [
        b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57", bytes(range(0x60, 0x70)),
    ]  # fmt: skip
    leaves = [sha256(b"\x00" + entry).digest() for entry in data]
    assert root_of(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@given(sizes)
def test_perfect_subtrees_tile_a_tree_exactly(size):
    covered = [
        leaf for level, index in perfect_subtrees(0, size) for leaf in range(index << level, (index + 1) << level)
    ]
    assert covered == list(range(size))


def test_inclusion_proofs_of_every_leaf_are_those_of_the_rfc():
    for size in (*range(1, 70), 255, 256, 257, 600):
        for index in {*range(min(size, 40)), size // 2, size - 1}:
            proof = inclusion_proof(index, size, node)
            assert proof == naive.path(index, LEAVES[:size])
            verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


def test_consistency_proofs_of_all_small_pairs_are_those_of_the_rfc():
    for second in (*range(1, 48), 255, 256, 257, 600):
        for first in {*range(1, min(second, 40) + 1), second // 2 or 1, second - 1 or 1, second}:
            proof = consistency_proof(first, second, node)
            assert proof == naive.proof(first, LEAVES[:second])
            verify_consistency(first, second, ROOTS[first], ROOTS[second], proof)


@given(st.data())
def test_proofs_of_random_sizes_verify(data):
    second = data.draw(sizes)
    first = data.draw(st.integers(0, second))
    proof = consistency_proof(first, second, node)
    verify_consistency(first, second, ROOTS[first], ROOTS[second], proof)
    index = data.draw(st.integers(0, second - 1))
    verify_inclusion(LEAVES[index], index, second, inclusion_proof(index, second, node), ROOTS[second])


@given(st.data())
def test_an_altered_inclusion_proof_is_refused(data):
    size = data.draw(st.integers(2, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, node)
    spoiled = data.draw(st.sampled_from(["hash", "short", "long", "leaf", "root"]))
    leaf, root = LEAVES[index], ROOTS[size]
    if spoiled == "hash":
        at = data.draw(st.integers(0, len(proof) - 1))
        proof[at] = sha256(proof[at]).digest()
    elif spoiled == "short":
        proof.pop()
    elif spoiled == "long":
        proof.append(proof[-1])
    elif spoiled == "leaf":
        leaf = sha256(leaf).digest()
    else:
        root = sha256(root).digest()
    with pytest.raises(ProofInvalid):
        verify_inclusion(leaf, index, size, proof, root)


@given(st.data())
def test_an_altered_consistency_proof_is_refused(data):
    second = data.draw(st.integers(2, len(LEAVES)))
    first = data.draw(st.integers(1, second - 1))
    proof = consistency_proof(first, second, node)
    first_root, second_root = ROOTS[first], ROOTS[second]
    spoiled = data.draw(st.sampled_from(["hash", "short", "long", "first", "second"]))
    if spoiled == "hash":
        at = data.draw(st.integers(0, len(proof) - 1))
        proof[at] = sha256(proof[at]).digest()
    elif spoiled == "short":
        proof.pop()
    elif spoiled == "long":
        proof.append(proof[-1])
    elif spoiled == "first":
        first_root = sha256(first_root).digest()
    else:
        second_root = sha256(second_root).digest()
    with pytest.raises(ProofInvalid):
        verify_consistency(first, second, first_root, second_root, proof)


def test_a_rewritten_history_has_no_consistency_proof():
    rewritten = [*LEAVES[:3], naive.leaf("other"), *LEAVES[4:100]]
    proof = naive.proof(50, rewritten)
    with pytest.raises(ProofInvalid):
        verify_consistency(50, 100, ROOTS[50], naive.mth(rewritten), proof)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_leaf_outside_the_tree_is_refused(index, size):
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_proof(index, size, node)
    with pytest.raises(ProofInvalid):
        verify_inclusion(LEAVES[0], index, size, [], ROOTS[1])


def test_hashes_of_another_length_prove_nothing():
    """Node hashes join two hashes without a mark between them: 33 + 31 bytes would read like 32 + 32."""
    left, right = LEAVES[0] + LEAVES[1][:1], LEAVES[1][1:]
    for leaf, index, proof in ((left, 0, [right]), (right, 1, [left])):
        with pytest.raises(ProofInvalid):
            verify_inclusion(leaf, index, 2, proof, ROOTS[2])
    proof = consistency_proof(3, 4, node)
    assert len(proof) == 3
    moved = [proof[0], proof[1][:-1], proof[2] + b"x"]
    with pytest.raises(ProofInvalid, match="32 bytes"):
        verify_consistency(3, 4, ROOTS[3], ROOTS[4], moved)


def test_a_tree_that_shrank_is_refused():
    with pytest.raises(ValueError, match="comes before"):
        consistency_proof(5, 4, node)
    with pytest.raises(ProofInvalid):
        verify_consistency(5, 4, ROOTS[5], ROOTS[4], [])


def test_the_same_or_an_empty_tree_takes_no_proof_and_no_other_root():
    verify_consistency(0, 7, EMPTY_ROOT, ROOTS[7], [])
    verify_consistency(7, 7, ROOTS[7], ROOTS[7], [])
    with pytest.raises(ProofInvalid):
        verify_consistency(0, 7, ROOTS[1], ROOTS[7], [])
    with pytest.raises(ProofInvalid):
        verify_consistency(7, 7, ROOTS[6], ROOTS[7], [])
    with pytest.raises(ProofInvalid):
        verify_consistency(7, 7, ROOTS[7], ROOTS[7], [ROOTS[1]])


def test_subtree_hash_of_nothing_is_the_empty_root():
    assert subtree_hash(4, 4, node) == EMPTY_ROOT
