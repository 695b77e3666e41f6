"""The log for those who check it: the newest checkpoint, proofs for single positions, and publishing."""

from typing import Final

from domain.errors import AnamnesisError
from domain.model import checks
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Call
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.ports.log import (
    CheckpointPublisher,
    ConsistencyProof,
    InclusionProof,
    LogProofs,
    Publication,
    PublishedCheckpoint,
    PublishedLog,
    PublishingNotSetUp,
)
from domain.services.access import Access, Action

_MOST: Final = 2**63 - 1


class LogService:
    """Proofs hold hashes alone: nobody learns from them what stands at a position, only that it still does."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        access: Access,
        proofs: LogProofs,
        published: PublishedLog,
        publisher: CheckpointPublisher | None = None,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._proofs = proofs
        self._published = published
        self._publisher = publisher

    def checkpoint(self, call: Call) -> PublishedCheckpoint:
        """The newest that was published. Raises Denied, CheckpointMissing, StoreUnavailable."""
        self._access.require(call, Action.LOG_READ, RecordClass.AUDIT)
        latest = self._published.latest()
        self._ledger.note(call, AuditEntry(action=Action.LOG_READ))
        return latest

    def inclusion(self, call: Call, position: int, size: int | None = None) -> InclusionProof:
        """In the tree of `size` leaves, by default that of the newest checkpoint. Raises Denied, ProofOutOfRange,
        CheckpointMissing, Invalid, StoreUnavailable.
        """
        self._access.require(call, Action.LOG_READ, RecordClass.AUDIT)
        checks.integer("position", position, 1, _MOST)
        proof = self._proofs.inclusion(position, self._published.latest().size if size is None else size)
        self._ledger.note(call, AuditEntry(action=Action.LOG_READ))
        return proof

    def consistency(self, call: Call, first: int, second: int | None = None) -> ConsistencyProof:
        """As `inclusion`, for two sizes."""
        self._access.require(call, Action.LOG_READ, RecordClass.AUDIT)
        checks.integer("first", first, 0, _MOST)
        proof = self._proofs.consistency(first, self._published.latest().size if second is None else second)
        self._ledger.note(call, AuditEntry(action=Action.LOG_READ))
        return proof

    def publish(self, call: Call, *, by_hand: bool = False, every_s: int = 0) -> Publication | None:
        """Publish a checkpoint that covers this try's own audit entry too; None when there is nothing new, or when the last
        try is less than `every_s` seconds ago.

        Raises Denied, PublishingNotSetUp, LogForked, CheckpointByHand, WitnessesMissing, OffBoxUnavailable,
        StoreUnavailable. A failure is on record, and remembered for metrics and the doctor.
        """
        self._access.require(call, Action.LOG_CHECKPOINT, RecordClass.AUDIT)
        if self._publisher is None:
            raise PublishingNotSetUp
        if not self._publisher.due(every_s):
            return None
        self._ledger.note(call, AuditEntry(action=Action.LOG_CHECKPOINT))
        try:
            return self._publisher.publish(by_hand=by_hand)
        except AnamnesisError as error:
            self._publisher.failed(error.code)
            self._ledger.note(call, AuditEntry(action=Action.LOG_CHECKPOINT, outcome=Outcome.FAILED, reason=error.code))
            raise
