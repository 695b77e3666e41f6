"""Signed notes, the text form in which checkpoints and receipts leave (C2SP signed-note, tlog-cosignature).

A note is a text that ends in a newline, an empty line, and signature lines `— name base64(key id ‖ signature)`. Two kinds
of signature are known: plain Ed25519 over the text (1), and a witness's cosignature, which binds the time it was made (4).
One key signs texts of several kinds here: each begins with a line that names its kind or, for checkpoints, the log.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.errors import Invalid

PLAIN: Final = 1
COSIGNATURE: Final = 4
KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = {PLAIN: 64, COSIGNATURE: 72}
_ID_BYTES: Final = 4
_MOST_SIGNATURES: Final = 100
_MOST_BYTES: Final = 1_000_000
_DASH: Final = "— "


class NoteInvalid(Invalid):
    """Not a signed note, or not signed by a key that was asked for."""

    code = "note_invalid"
    message = "This is not a signed note that can be trusted."
    hint = "Fetch it again from where it was published, and compare the verifier key with the one you were given."


class VerifierKeyInvalid(Invalid):
    code = "verifier_key_invalid"
    message = "This is not a verifier key: name+8 hexadecimal digits+base64."
    hint = "`anamnesis checkpoint --key` prints that of the log, `anamnesis witness --show-key` that of a witness."


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half, as `name+id+base64(kind ‖ key)`."""

    name: str
    kind: int
    public: bytes

    def __post_init__(self) -> None:
        if not _name_fits(self.name) or self.kind not in _SIGNATURE_BYTES or len(self.public) != KEY_BYTES:
            raise VerifierKeyInvalid

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises VerifierKeyInvalid."""
        name, _, rest = text.strip().partition("+")
        digits, _, encoded = rest.partition("+")
        material = _decoded(encoded)
        if not material or len(digits) != 2 * _ID_BYTES:
            raise VerifierKeyInvalid
        key = cls(name, material[0], material[1:])
        if key.key_id.hex() != digits:
            raise VerifierKeyInvalid("The key's digits don't belong to its name and bytes: it was cut short or edited.")
        return key

    @property
    def key_id(self) -> bytes:
        """What names the key in signature lines: the first four bytes of SHA-256(name ‖ newline ‖ kind ‖ key)."""
        return sha256(self.name.encode() + b"\n" + bytes((self.kind,)) + self.public).digest()[:_ID_BYTES]

    def verify(self, text: str, signature: bytes) -> None:
        """Raises NoteInvalid."""
        signed = text.encode()
        if len(signature) != _SIGNATURE_BYTES[self.kind]:
            raise NoteInvalid("A signature hasn't the length of its kind.", key=self.name)
        if self.kind == COSIGNATURE:
            signed = cosigned(text, int.from_bytes(signature[:8], "big"))
            signature = signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, signed)
        except (InvalidSignature, ValueError) as exc:
            raise NoteInvalid("A signature does not belong to this text.", key=self.name) from exc

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_encoded(bytes((self.kind,)) + self.public)}"


@dataclass(frozen=True, slots=True)
class Signature:
    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """With its newline."""
        return f"{_DASH}{self.name} {_encoded(self.key_id + self.signature)}\n"

    @property
    def cosigned_at_s(self) -> int:
        """Seconds since 1970 that a cosignature gives; meaningless for a plain signature."""
        return int.from_bytes(self.signature[:8], "big")


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    """Ends in a newline; what is signed."""
    signatures: tuple[Signature, ...] = ()

    @classmethod
    def parse(cls, content: bytes | str) -> Self:
        """Shape alone: nothing is trusted before `verified`. Raises NoteInvalid."""
        text = _clean(content)
        split = text.rfind("\n\n")
        if split < 0 or not text.endswith("\n"):
            raise NoteInvalid("A signed note is a text, an empty line, and lines of signatures.")
        lines = text[split + 2 :].split("\n")[:-1]
        if not lines or len(lines) > _MOST_SIGNATURES:
            raise NoteInvalid(f"A signed note has 1 to {_MOST_SIGNATURES} signatures.")
        return cls(text[: split + 1], tuple(parse_signature(line) for line in lines))

    def verified(self, keys: Iterable[VerifierKey]) -> tuple[Signature, ...]:
        """Those signatures that come from `keys`, each checked; signatures of other keys count for nothing.

        Raises NoteInvalid when one of them is wrong, or when there is none.
        """
        known: Mapping[tuple[str, bytes], VerifierKey] = {(key.name, key.key_id): key for key in keys}
        found: dict[tuple[str, bytes], Signature] = {}
        for signature in self.signatures:
            name = (signature.name, signature.key_id)
            if name in known and name not in found:
                known[name].verify(self.text, signature.signature)
                found[name] = signature
        if not found:
            raise NoteInvalid("The note is signed by none of the keys that were asked for.")
        return tuple(found.values())

    def signed_by(self, key: VerifierKey) -> bool:
        """Whether a signature of this key is on it, and right."""
        try:
            self.verified((key,))
        except NoteInvalid:
            return False
        return True

    def with_signatures(self, more: Iterable[Signature]) -> "Note":
        """The same text with these beside its own."""
        return Note(self.text, (*self.signatures, *more))

    def __str__(self) -> str:
        return self.text + "\n" + "".join(one.line for one in self.signatures)

    def __bytes__(self) -> bytes:
        return str(self).encode()


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """Signs under a name: plainly for a log, with the time for a witness. Satisfies domain.ports.log.Signer."""

    name: str
    kind: int = PLAIN
    seed: bytes = field(default=b"", repr=False)

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self.kind, self._private().public_key().public_bytes_raw())

    @property
    def vkey(self) -> str:
        """The verifier key as text."""
        return str(self.verifier)

    def sign(self, text: str) -> str:
        """The signed note. Raises NoteInvalid for a text that can't be one."""
        return str(Note(text, (self.signature(text),)))

    def signature(self, text: str, at_s: int = 0) -> Signature:
        """`at_s` is the time of a cosignature, seconds since 1970. Raises NoteInvalid."""
        if not text.endswith("\n") or text == "\n" or _clean(text) != text:
            raise NoteInvalid("A text to sign ends in a newline and holds no control characters.")
        private = self._private()
        if self.kind == COSIGNATURE:
            signed = at_s.to_bytes(8, "big") + private.sign(cosigned(text, at_s))
        else:
            signed = private.sign(text.encode())
        return Signature(self.name, self.verifier.key_id, signed)

    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def cosigned(text: str, at_s: int) -> bytes:
    """What a witness signs: a head of its own, the time, and the text."""
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def parse_signature(line: str) -> Signature:
    """One line, without its newline. Raises NoteInvalid."""
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    material = _decoded(encoded)
    if not line.startswith(_DASH) or not _name_fits(name) or material is None or len(material) <= _ID_BYTES:
        raise NoteInvalid("A line of signatures is not: dash, name, base64.")
    return Signature(name, material[:_ID_BYTES], material[_ID_BYTES:])


def _clean(content: bytes | str) -> str:
    try:
        text = content if isinstance(content, str) else content.decode()
        if len(text.encode()) > _MOST_BYTES:
            raise NoteInvalid("The note is too long.")
    except UnicodeError as exc:
        raise NoteInvalid("A signed note is UTF-8 text.") from exc
    if any(ord(char) < 0x20 and char != "\n" for char in text):
        raise NoteInvalid("A signed note holds no control characters; its lines end in a bare newline.")
    return text


def _name_fits(name: str) -> bool:
    return bool(name) and "+" not in name and not any(char.isspace() for char in name) and name.isprintable()


def _encoded(material: bytes) -> str:
    return base64.b64encode(material).decode()


def _decoded(text: str) -> bytes | None:
    """None for what isn't base64 in the one form that encoding gives: else two texts would be one signature."""
    try:
        material = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return material if _encoded(material) == text else None
