"""Restores that were announced by right: where the log goes on from, signed with the log's key.

A record that says a back-up was restored could be anybody's who writes into the database, and would excuse whatever
is missing behind it. So it carries a note that only the holder of the signing key can write, bound to the
incarnation that it opens, the last position that was kept, and the root there.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.log.notes import Note, NoteInvalid, VerifierKey
from domain.ports.log import Signer

HEAD: Final = "anamnesis-restore/1"
FIELD: Final = "announcement"
"""Of the record's facts, where the note stands."""
_TEXT: Final = re.compile(
    rf"{HEAD}\nlog (?P<log>[a-z0-9/-]+)\nkept (?P<kept>\d{{1,19}})\nroot (?P<root>[0-9a-f]{{64}})\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """`kept` is the last position that came from the back-up, `root` that of the log up to there."""

    kept: int
    root: bytes


def restore_facts(signer: Signer, log: bytes, announced: Announced) -> dict[str, Any]:
    """What the record that opens the incarnation named `log` holds beside its own facts."""
    text = f"{HEAD}\nlog {log.decode()}\nkept {announced.kept}\nroot {announced.root.hex()}\n"
    return {FIELD: signer.sign(text)}


def announced_restore(facts: Mapping[str, Any], log: bytes, keys: Sequence[VerifierKey]) -> Announced:
    """What such a record says by right. Raises NoteInvalid."""
    note = Note.parse(str(facts.get(FIELD, "")))
    note.verified(keys)
    match = _TEXT.fullmatch(note.text)
    if match is None or match["log"].encode() != log:
        raise NoteInvalid("The note of a restore is about something else, or about another log.")
    return Announced(kept=int(match["kept"]), root=bytes.fromhex(match["root"]))
