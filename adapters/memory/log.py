"""Proofs and checkpoints of a log in memory, for tests of the domain: leaves are all there is."""

from collections.abc import Callable, Sequence

from adapters.log.merkle import consistency_proof, inclusion_proof, root_of, subtree_hash
from domain.ports.log import CheckpointMissing, ConsistencyProof, InclusionProof, ProofOutOfRange, PublishedCheckpoint


class InMemoryLogProofs:
    """Satisfies domain.ports.log.LogProofs and PublishedLog. `leaves` gives those of the log now."""

    def __init__(self, leaves: Callable[[], Sequence[bytes]]) -> None:
        self._leaves = leaves
        self.published: PublishedCheckpoint | None = None

    def inclusion(self, position: int, size: int | None = None) -> InclusionProof:
        leaves = self._tree(size)
        if not 1 <= position <= len(leaves):
            raise ProofOutOfRange(position=position, size=len(leaves))
        return InclusionProof(
            position=position,
            size=len(leaves),
            leaf=leaves[position - 1],
            hashes=inclusion_proof(position - 1, len(leaves), self._node(leaves)),
            root=root_of(leaves),
        )

    def consistency(self, first: int, second: int | None = None) -> ConsistencyProof:
        leaves = self._tree(second)
        if not 0 <= first <= len(leaves):
            raise ProofOutOfRange(first=first, second=len(leaves))
        node = self._node(leaves)
        return ConsistencyProof(
            first=first,
            second=len(leaves),
            first_root=subtree_hash(0, first, node),
            second_root=root_of(leaves),
            hashes=consistency_proof(first, len(leaves), node),
        )

    def latest(self) -> PublishedCheckpoint:
        if self.published is None:
            raise CheckpointMissing
        return self.published

    def _tree(self, size: int | None) -> Sequence[bytes]:
        leaves = self._leaves()
        end = len(leaves) if size is None else size
        if not 0 <= end <= len(leaves):
            raise ProofOutOfRange(size=end, last=len(leaves))
        return leaves[:end]

    @staticmethod
    def _node(leaves: Sequence[bytes]) -> Callable[[int, int], bytes]:
        return lambda level, index: root_of(leaves[index << level : (index + 1) << level])
