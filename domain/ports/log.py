"""The Merkle log as use cases see it: what was published of it, proofs, and the key that signs for the deployment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import Conflict, Invalid, NotFound


class CheckpointMissing(NotFound):
    code = "checkpoint_missing"
    message = "No checkpoint of this log has been published yet."
    hint = "An operator publishes one with `anamnesis checkpoint`, or lets the worker do it on its schedule."


class ProofOutOfRange(Invalid):
    """The log is not that long, or the sizes are the wrong way round."""

    code = "proof_out_of_range"
    message = "The log has no such position or size."
    hint = "A proof needs a position from 1 to the size, and a size up to that of the log."


class LogForked(Conflict):
    """What lies off the box can't be a part of this log: rows were altered, rolled back, or another database was put here."""

    code = "log_forked"
    message = "The log does not continue what was published of it before."
    hint = (
        "Stop writing, keep the database as it is, and run `anamnesis verify`. After a restore, open a new incarnation."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCheckpoint:
    """`note` is the signed text, cosignatures included; the rest is what its first lines say."""

    origin: str
    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """Shows that `leaf` stands at `position` (index = position - 1) of the tree of `size` leaves with this root."""

    position: int
    size: int
    leaf: bytes
    hashes: Sequence[bytes]
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyProof:
    """Shows that the tree of `first` leaves is a prefix of that of `second`."""

    first: int
    second: int
    first_root: bytes
    second_root: bytes
    hashes: Sequence[bytes]


class LogProofs(Protocol):
    def inclusion(self, position: int, size: int | None = None) -> InclusionProof:
        """In the tree of `size` leaves, by default of all that is durable. Raises ProofOutOfRange, StoreUnavailable."""

    def consistency(self, first: int, second: int | None = None) -> ConsistencyProof:
        """Raises ProofOutOfRange, StoreUnavailable."""


class PublishedLog(Protocol):
    def latest(self) -> PublishedCheckpoint:
        """The newest checkpoint that was published of this incarnation. Raises CheckpointMissing, OffBoxUnavailable."""


class Signer(Protocol):
    """The deployment's signing key. Never loaded by the API process."""

    @property
    def vkey(self) -> str:
        """The public half as text: what outsiders check with."""

    def sign(self, text: str) -> str:
        """The text as a signed note: text, empty line, signature. The text must end in a newline, and its first line says
        what kind of thing is signed, so that one kind can't pass for another.
        """
