"""What lies off the box about the log: checkpoints, announcements of restores, and the register of erasures.

All of it is signed by the log's key, so that whoever can write to that place can add nothing. What was taken away from it
is not noticed: it must be a place that keeps things.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from adapters.erasure.notes import REGISTER_PREFIX, register_note
from adapters.log.checkpoints import FOLDER, Checkpoint, SignedCheckpoint, key_name
from adapters.log.key_file import LogKeyMissing, load_signer
from adapters.log.notes import NoteInvalid, NoteSigner, VerifierKey
from adapters.offbox.places import off_box
from domain.errors import AnamnesisError
from domain.ports.erasure import ErasureNote
from domain.ports.offbox import OffBox
from ops.backup.checking import LogFacts, Opening
from ops.backup.errors import BackupForeign
from ops.settings import Settings

_CHECKPOINT: Final = re.compile(rf"{FOLDER}(\d{{6}})/(\d{{20}})")
_ANNOUNCED: Final = re.compile(r"restores/(\d{6})")


class EvidenceForged(AnamnesisError):
    """Something off the box is not signed by the log's key, or speaks of another log."""

    code = "evidence_forged"
    message = "Something off the box is not what the log's key signed."
    hint = "Compare ANAMNESIS_LOG_KEY_FILE with the key that signed it, and look at who can write there."


def signer_of(settings: Settings, deployment_id: UUID) -> NoteSigner | None:
    """The log's key, where it lies on this machine. Raises LogKeyUnusable."""
    with suppress(LogKeyMissing):
        return load_signer(settings.log_key_file, key_name(deployment_id))
    return None


class Evidence:
    """Reads one deployment's part of the place. Every method raises OffBoxUnavailable and EvidenceForged."""

    def __init__(self, place: OffBox, key: VerifierKey, deployment_id: UUID) -> None:
        self._place = place
        self._key = key
        self._deployment_id = deployment_id

    @staticmethod
    def of(settings: Settings, deployment_id: UUID, vkey: str = "") -> "Evidence | None":
        """Checked by the verifier key that was handed in, else by that of the key file. None where no place or no key is
        configured. Raises VerifierKeyInvalid, LogKeyUnusable, OffBoxAddressInvalid.
        """
        signer = None if vkey else signer_of(settings, deployment_id)
        key = VerifierKey.parse(vkey) if vkey else signer.verifier if signer else None
        if settings.off_box is None or key is None:
            return None
        return Evidence(off_box(settings.off_box, s3_endpoint=settings.s3_endpoint), key, deployment_id)

    def sizes(self) -> list[tuple[int, int]]:
        """(incarnation, size) of every checkpoint, oldest first."""
        found = (_CHECKPOINT.fullmatch(name) for name in self._place.names(FOLDER))
        return sorted((int(one[1]), int(one[2])) for one in found if one)

    def incarnations(self) -> Iterable[int]:
        """Those that are taken, by checkpoints or by restores that were announced."""
        announced = (_ANNOUNCED.fullmatch(name) for name in self._place.names("restores/"))
        return [incarnation for incarnation, _ in self.sizes()] + [int(one[1]) for one in announced if one]

    def checkpoint(self, incarnation: int, size: int) -> Checkpoint:
        name = f"{FOLDER}{incarnation:06d}/{size:020d}"
        try:
            found = SignedCheckpoint.opened(self._place.get(name) or b"", self._key).checkpoint
            if found.deployment == self._deployment_id and found.name == name:
                return found
        except NoteInvalid as exc:
            raise EvidenceForged(name=name) from exc
        raise EvidenceForged(name=name)

    def register(self) -> Sequence[ErasureNote]:
        """Every erasure that was begun, in the order of their fences."""
        return [self._erasure(name) for name in self._place.names(REGISTER_PREFIX)]

    def _erasure(self, name: str) -> ErasureNote:
        try:
            note = register_note(self._place.get(name) or b"", self._key)
        except NoteInvalid as exc:
            raise EvidenceForged(name=name) from exc
        if note.name != name:
            raise EvidenceForged(name=name)
        return note

    def announce(self, incarnation: int, text: str, signer: NoteSigner | None) -> None:
        """Take an incarnation's number, once. Raises OffBoxConflict when another restore took it."""
        self._place.put(f"restores/{incarnation:06d}", (signer.sign(text) if signer else text).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How a back-up stands to what was published. `covered` is the size of the checkpoint whose root its log was found to
    give, 0 where none was old enough; `last` the newest one there is; `next_incarnation` the first that nobody took.
    """

    covered: int
    last: Checkpoint | None
    next_incarnation: int


def wanted_sizes(evidence: Evidence, openings: Sequence[Opening], position: int) -> list[tuple[int, int]]:
    """The newest checkpoint of each incarnation in a back-up that its log of `position` events should give: later ones
    speak of what was lost, or of a fork that it has no part of.
    """
    ends = [one.first_position - 1 for one in openings[1:]] + [position]
    reach = {one.incarnation: end for one, end in zip(openings, ends, strict=True)}
    newest = {incarnation: size for incarnation, size in evidence.sizes() if size <= reach.get(incarnation, -1)}
    return sorted(newest.items())


def compare(evidence: Evidence, facts: LogFacts, standing: int = 0) -> Compared:
    """`facts` with the roots at `wanted_sizes`; `standing` is the incarnation of the database that is to be replaced. Raises BackupForeign, and what Evidence raises."""
    covered = 0
    for incarnation, size in wanted_sizes(evidence, facts.openings, facts.position):
        if evidence.checkpoint(incarnation, size).root != facts.roots[size]:
            raise BackupForeign(incarnation=incarnation, size=size)
        covered = max(covered, size)
    sizes = evidence.sizes()
    return Compared(
        covered=covered,
        last=evidence.checkpoint(*sizes[-1]) if sizes else None,
        next_incarnation=max([standing, facts.newest.incarnation, *evidence.incarnations()]) + 1,
    )
