"""The Merkle log as use cases see it: what was published of it, proofs, and the key that signs for the deployment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import Conflict, Invalid, Misconfigured, NotFound, Unavailable


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


class CheckpointByHand(Conflict):
    """A restore opened a new incarnation: that it is the right one is for a person to say."""

    code = "checkpoint_by_hand"
    message = "This incarnation of the log was opened by a restore and has no checkpoint yet."
    hint = "Look at what `anamnesis verify` says of the restore, then run `anamnesis checkpoint` once on the host."


class WitnessesMissing(Unavailable):
    code = "witnesses_missing"
    message = "Too few witnesses cosigned the checkpoint; it was not published."
    hint = "See that the witnesses run and can be reached, or lower ANAMNESIS_WITNESSES_NEEDED."


class PublishingNotSetUp(Misconfigured):
    code = "publishing_not_set_up"
    message = "This process has no signing key to publish checkpoints with."
    hint = "Make one with `anamnesis checkpoint --init`; the worker loads it when it starts."


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What a try to publish came to. `fresh` is false when the newest checkpoint covers everything already; `silent` are
    names of witnesses that did not cosign.
    """

    checkpoint: PublishedCheckpoint
    fresh: bool
    cosignatures: int
    silent: Sequence[str] = ()


class LogProofs(Protocol):
    def inclusion(self, position: int, size: int | None = None) -> InclusionProof:
        """In the tree of `size` leaves, by default of all that is durable. Raises ProofOutOfRange, StoreUnavailable."""

    def consistency(self, first: int, second: int | None = None) -> ConsistencyProof:
        """Raises ProofOutOfRange, StoreUnavailable."""


class PublishedLog(Protocol):
    def latest(self) -> PublishedCheckpoint:
        """The newest checkpoint that was published of this incarnation. Raises CheckpointMissing, OffBoxUnavailable."""


class CheckpointPublisher(Protocol):
    """Never made in the API process: it holds the signing key."""

    def due(self, every_s: int = 0) -> bool:
        """Whether anything was stored since the last checkpoint, and the last try is `every_s` seconds ago. Raises
        StoreUnavailable, LogForked.
        """

    def publish(self, *, by_hand: bool = False) -> Publication:
        """Sign, have cosigned, and put off the box what is durable now, if it continues what was published before.

        The first checkpoint of an incarnation that a restore opened needs a person (`by_hand`). Raises LogForked,
        CheckpointByHand, WitnessesMissing, OffBoxUnavailable, StoreUnavailable.
        """

    def failed(self, code: str) -> None:
        """Remember, for metrics and the doctor, that a try failed and why. Raises StoreUnavailable."""


class Signer(Protocol):
    """The deployment's signing key. Never loaded by the API process."""

    @property
    def vkey(self) -> str:
        """The public half as text: what outsiders check with."""

    def sign(self, text: str) -> str:
        """The text as a signed note: text, empty line, signature. The text must end in a newline, and its first line says
        what kind of thing is signed, so that one kind can't pass for another.
        """
