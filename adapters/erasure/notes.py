"""The register of erasures and receipts as signed texts: first a line that names their kind, then one line of JSON."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from adapters.log.merkle import verify_inclusion
from adapters.log.notes import Note, NoteInvalid, VerifierKey
from domain.ports.erasure import ErasureNote
from domain.ports.keys import RecordClass

REGISTER: Final = "anamnesis/erasure/1"
RECEIPT: Final = "anamnesis/erasure-receipt/1"
RECORD: Final = "anamnesis/erasure-record/1"
REGISTER_PREFIX: Final = "erasures/"


def text_of(kind: str, body: Mapping[str, object]) -> str:
    """To be signed. The same body gives the same text, so that it may be put off the box twice."""
    return f"{kind}\n{json.dumps(body, sort_keys=True, separators=(',', ':'))}\n"


def body_of(kind: str, content: bytes | str, key: VerifierKey) -> dict[str, Any]:
    """Raises NoteInvalid for a text of another kind, or one that `key` did not sign."""
    note = Note.parse(content)
    note.verified((key,))
    first, _, rest = note.text.partition("\n")
    if first != kind:
        raise NoteInvalid("This is a signed text of another kind.", kind=kind)
    try:
        body = json.loads(rest)
    except ValueError as exc:
        raise NoteInvalid("What was signed is not one line of JSON.", kind=kind) from exc
    if not isinstance(body, dict):
        raise NoteInvalid("What was signed is not one line of JSON.", kind=kind)
    return body


def receipt_body(content: bytes | str, key: VerifierKey) -> dict[str, Any]:
    """What a receipt attests: that this key signed it, and that the record it names is a leaf of the log whose root it
    gives. Raises NoteInvalid.
    """
    body = body_of(RECEIPT, content, key)
    try:
        proof = body["proof"]
        hashes = [bytes.fromhex(each) for each in proof["hashes"]]
        leaf, root = bytes.fromhex(body["leaf"]), bytes.fromhex(proof["root"])
        verify_inclusion(leaf, int(body["position"]) - 1, int(proof["size"]), hashes, root)
    except (KeyError, ValueError, TypeError) as exc:
        raise NoteInvalid("The receipt's proof does not lead from its record to the log.") from exc
    return body


def register_text(note: ErasureNote) -> str:
    return text_of(
        REGISTER,
        {
            "erasure": str(note.erasure_id),
            "client": str(note.client_id),
            "classes": [each.value for each in note.classes],
            "fence_position": note.fence_position,
            "at": note.at.astimezone(UTC).isoformat(),
        },
    )


def register_note(content: bytes | str, key: VerifierKey) -> ErasureNote:
    """What a restore replays. Raises NoteInvalid."""
    body = body_of(REGISTER, content, key)
    try:
        return ErasureNote(
            erasure_id=UUID(body["erasure"]),
            client_id=UUID(body["client"]),
            classes=tuple(map(RecordClass, body["classes"])),
            fence_position=int(body["fence_position"]),
            at=datetime.fromisoformat(body["at"]),
        )
    except (KeyError, ValueError, TypeError) as exc:
        raise NoteInvalid("An entry of the register lacks what a restore needs.") from exc
