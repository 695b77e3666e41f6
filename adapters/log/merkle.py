"""Merkle tree hashes, inclusion and consistency proofs, and their verification (RFC 6962 §2.1, RFC 9162 §2.1).

A tree over n leaves is written by its leaf hashes. `Node` answers for a *perfect* subtree: `node(level, index)` is the
hash over leaves [index·2^level, (index+1)·2^level). Proof builders ask for those alone, so storage decides how it has
them at hand (see tiles.py).
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final

NODE_PREFIX: Final = b"\x01"  # RFC 6962 §2.1: leaves are hashed with 0x00, nodes with 0x01
EMPTY_ROOT: Final = sha256(b"").digest()
HASH_BYTES: Final = 32

Node = Callable[[int, int], bytes]


class ProofInvalid(ValueError):
    """A proof doesn't show what it claims to: wrong length, wrong hash, or sizes that can't be."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(NODE_PREFIX + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Merkle tree hash over leaf (or subtree) hashes; SHA-256 of nothing for none.

    Works level by level, an odd last hash moving up unchanged, which gives RFC 6962's split at the largest power of two
    below n without recursion.
    """
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        paired = [
            sha256(NODE_PREFIX + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]


def perfect_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """(level, index) of the perfect subtrees that make up leaves [start, end), left to right, largest first.

    `start` must be a multiple of the largest one, as it is wherever RFC 6962 splits a tree.
    """
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def subtree_hash(start: int, end: int, node: Node) -> bytes:
    """Merkle tree hash of leaves [start, end), folded from the right."""
    hashes = [node(level, index) for level, index in perfect_subtrees(start, end)]
    if not hashes:
        return EMPTY_ROOT
    folded = hashes.pop()
    while hashes:
        folded = node_hash(hashes.pop(), folded)
    return folded


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (RFC 6962's k)."""
    return int(1 << ((size - 1).bit_length() - 1))


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """PATH(index, D[size]): the hashes that lead from the leaf to the root, lowest first. Raises ValueError."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(subtree_hash(middle, end, node))
            end = middle
        else:
            proof.append(subtree_hash(start, middle, node))
            start = middle
    return proof[::-1]


def consistency_proof(first: int, second: int, node: Node) -> list[bytes]:
    """PROOF(first, D[second]): shows that the tree of `first` leaves is a prefix of that of `second`.

    Empty when first is 0 or equals second. Raises ValueError.
    """
    if not 0 <= first <= second:
        raise ValueError(f"no tree of {first} leaves comes before one of {second}")
    if first in (0, second):
        return []
    proof: list[bytes] = []
    start, end, known = 0, second, True
    size = first
    while size != end:
        middle = start + _split(end - start)
        if size <= middle:
            proof.append(subtree_hash(middle, end, node))
            end = middle
        else:
            proof.append(subtree_hash(start, middle, node))
            start, known = middle, False
    if not known:
        proof.append(subtree_hash(start, end, node))
    return proof[::-1]


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that `proof` leads to from `leaf` (RFC 9162 §2.1.3.2). Raises ProofInvalid."""
    if not 0 <= index < size:
        raise ProofInvalid(f"leaf {index} is not in a tree of {size}")
    _check_lengths((leaf, *proof))
    node, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofInvalid("the inclusion proof is too long")
        if node & 1 or node == last:
            root = node_hash(sibling, root)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            root = node_hash(root, sibling)
        node >>= 1
        last >>= 1
    if last:
        raise ProofInvalid("the inclusion proof is too short")
    return root


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises ProofInvalid unless `leaf` is number `index` of the tree of `size` leaves with that root."""
    if root_from_inclusion(leaf, index, size, proof) != root:
        raise ProofInvalid("the inclusion proof leads to another root")


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> None:
    """Raises ProofInvalid unless the first tree is a prefix of the second (RFC 9162 §2.1.4.2)."""
    if not 0 <= first <= second:
        raise ProofInvalid(f"no tree of {first} leaves comes before one of {second}")
    _check_lengths(proof)
    if first in (0, second):
        expected = EMPTY_ROOT if first == 0 else second_root
        if proof or first_root != expected:
            raise ProofInvalid("an empty tree or the same tree needs no proof, and its own root")
        return
    rest = list(proof)
    if first & (first - 1) == 0:
        rest.insert(0, first_root)
    if not rest:
        raise ProofInvalid("the consistency proof is too short")
    if _fold_consistency(first, second, rest) != (first_root, second_root):
        raise ProofInvalid("the consistency proof leads to other roots")


def _check_lengths(hashes: Sequence[bytes]) -> None:
    """A node joins two hashes without a mark between them: only their length says where one ends."""
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ProofInvalid(f"each hash of a proof has {HASH_BYTES} bytes")


def _fold_consistency(first: int, second: int, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Both roots as the proof has them."""
    node, last = first - 1, second - 1
    while node & 1:
        node >>= 1
        last >>= 1
    old = new = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            raise ProofInvalid("the consistency proof is too long")
        if node & 1 or node == last:
            old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        node >>= 1
        last >>= 1
    if last:
        raise ProofInvalid("the consistency proof is too short")
    return old, new
