"""Checkpoints: what the log was at a size, as a signed text (C2SP tlog-checkpoint).

    anamnesis/<deployment>/<incarnation>
    <size in decimal>
    <root in base64>

The key signs under the name `anamnesis/<deployment>`, which outlives a restore: the next incarnation is another log, and
the same key.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from adapters.log.merkle import HASH_BYTES
from adapters.log.notes import Note, NoteInvalid, Signature, VerifierKey

_ORIGIN: Final = re.compile(r"(?P<name>anamnesis/(?P<deployment>[0-9a-f-]{36}))/(?P<incarnation>[1-9]\d{0,5})")
_SIZE: Final = re.compile(r"0|[1-9]\d{0,18}")
FOLDER: Final = "checkpoints/"


def key_name(deployment: UUID) -> str:
    """The name that a deployment's key signs under."""
    return f"anamnesis/{deployment}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is signed."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of a note's text, whatever its origin. Raises NoteInvalid."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise NoteInvalid("A checkpoint is an origin, a size and a root, each on a line of its own.")
        origin, size, encoded, *extensions = lines
        root = _root(encoded)
        if root is None or not _SIZE.fullmatch(size):
            raise NoteInvalid("A checkpoint's size is decimal and its root 32 bytes in base64.")
        return cls(origin=origin, size=int(size), root=root, extensions=tuple(extensions))

    @property
    def incarnation(self) -> int:
        """Raises NoteInvalid for the origin of another product."""
        return int(self._parts()["incarnation"])

    @property
    def deployment(self) -> UUID:
        """Raises NoteInvalid for the origin of another product."""
        return UUID(self._parts()["deployment"])

    @property
    def key_name(self) -> str:
        """Raises NoteInvalid for the origin of another product."""
        return self._parts()["name"]

    @property
    def name(self) -> str:
        """Under which it lies off the box, so that text order is the order of the log."""
        return f"{FOLDER}{self.incarnation:06d}/{self.size:020d}"

    def _parts(self) -> re.Match[str]:
        match = _ORIGIN.fullmatch(self.origin)
        if match is None:
            raise NoteInvalid("This checkpoint is of no log of this product.")
        return match


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that a key of its log signed, with the note it came in."""

    checkpoint: Checkpoint
    note: Note

    @classmethod
    def opened(cls, content: bytes | str, key: VerifierKey) -> Self:
        """Raises NoteInvalid unless `key` signed it and the name of the key is that of the log."""
        note = Note.parse(content)
        note.verified((key,))
        checkpoint = Checkpoint.parse(note.text)
        if checkpoint.key_name != key.name:
            raise NoteInvalid("The checkpoint is of another log than the key.", key=key.name)
        return cls(checkpoint, note)

    def cosignatures(self, witnesses: Sequence[VerifierKey]) -> tuple[Signature, ...]:
        """Those of these witnesses; a wrong one counts for nothing."""
        return tuple(one for key in witnesses if self.note.signed_by(key) for one in self.note.verified((key,)))


def _root(encoded: str) -> bytes | None:
    try:
        root = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return root if len(root) == HASH_BYTES and base64.b64encode(root).decode() == encoded else None
