"""Records of states that were removed from the log by right: which positions, why, signed with the log's key.

A missing state alone could be anybody's deed, and a record that explains it too: whoever writes into the database could
make one. So the record carries a note that only the holder of the signing key can write, bound to this log's incarnation.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from adapters.log.notes import Note, NoteInvalid, VerifierKey
from domain.ports.log import Signer

HEAD: Final = "anamnesis-removal/1"
_TEXT: Final = re.compile(
    rf"{HEAD}\nlog (?P<log>[a-z0-9/-]+)\nreason (?P<reason>[a-z0-9_.-]+)\npositions (?P<positions>[0-9,-]+)\n"
)


def removal_facts(signer: Signer, log: bytes, positions: Iterable[int], reason: str) -> dict[str, Any]:
    """Facts of the unsealed record that names `positions`, whose states are then removed. `log` is the log id of the
    incarnation that the record is written in; `reason` a code. Raises NoteInvalid for a reason that is none.
    """
    listed = sorted(set(positions))
    text = f"{HEAD}\nlog {log.decode()}\nreason {reason}\npositions {ranges_text(listed)}\n"
    if not _TEXT.fullmatch(text):
        raise NoteInvalid("A removal needs positions and a reason that is a code.")
    return {"positions": listed, "reason": reason, "note": signer.sign(text)}


def removed_positions(facts: Mapping[str, Any], log: bytes, keys: Sequence[VerifierKey]) -> frozenset[int]:
    """The positions that such a record names by right. Raises NoteInvalid."""
    note = Note.parse(str(facts.get("note", "")))
    note.verified(keys)
    match = _TEXT.fullmatch(note.text)
    if match is None or match["log"].encode() != log:
        raise NoteInvalid("The note of a removal is about something else, or about another log.")
    positions = facts.get("positions")
    if not isinstance(positions, list) or ranges_text(positions) != match["positions"]:
        raise NoteInvalid("The note of a removal names other positions than the record.")
    return frozenset(positions)


def ranges_text(positions: Sequence[int]) -> str:
    """Sorted positions as `3-5,9`."""
    parts: list[list[int]] = []
    for position in positions:
        if parts and position == parts[-1][1] + 1:
            parts[-1][1] = position
        else:
            parts.append([position, position])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
