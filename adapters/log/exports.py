"""Exports that carry their own proof, so that an outsider can check them with nothing but the verifier key.

JSON lines. Each entry holds `position`, `leaf` (hexadecimal) and `proof` (base64, lowest hash first); one line holds
`checkpoint`, the signed note over the tree that the proofs lead to. Entries past the checkpoint have no proof.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.log.checkpoints import SignedCheckpoint
from adapters.log.merkle import ProofInvalid, verify_inclusion
from adapters.log.notes import NoteInvalid, VerifierKey
from adapters.log.proofs import SqlLogProofs
from domain.ports.log import CheckpointMissing


class ExportProver:
    """Makes the proving parts of an export's lines. Without a published checkpoint it proves nothing."""

    def __init__(self, proofs: SqlLogProofs) -> None:
        self._proofs = proofs
        try:
            latest = proofs.latest()
            self._note, self._size = latest.note, latest.size
        except CheckpointMissing:
            self._note, self._size = "", 0

    def header(self) -> dict[str, Any]:
        """The line that goes before the entries."""
        return {"format": "anamnesis-export/1", "size": self._size, "checkpoint": self._note}

    def proof(self, position: int) -> list[str] | None:
        """For the field `proof` of an entry; None past the checkpoint. Raises StoreUnavailable."""
        if position > self._size:
            return None
        return [b64encode(each).decode() for each in self._proofs.inclusion(position, self._size).hashes]


@dataclass(slots=True)
class ExportReport:
    """`wrong` names lines, from 1, and why."""

    size: int = 0
    entries: int = 0
    proven: int = 0
    unprotected: int = 0
    wrong: list[tuple[int, str]] = field(default_factory=list)


def check_lines(
    lines: Iterable[Mapping[str, Any] | None],
    key: VerifierKey,
    witnesses: Sequence[VerifierKey] = (),
    others: Sequence[SignedCheckpoint] = (),
) -> ExportReport:
    """Lines are parsed JSON objects, None for what is none. `others` are checkpoints that the export's own must not
    contradict: one of the same size must have the same root.
    """
    report = ExportReport()
    held: SignedCheckpoint | None = None
    seen: set[int] = set()
    for number, line in enumerate(lines, 1):
        if line is None:
            report.wrong.append((number, "not a JSON object"))
        elif "checkpoint" in line and "position" not in line:
            held, why = _checkpoint(line, key, witnesses, others)
            report.size = held.checkpoint.size if held else 0
            if why:
                report.wrong.append((number, why))
        else:  # whatever it is: a line that nothing proves must not pass among those that are
            report.entries += 1
            _count(report, number, _entry(line, held, seen))
    return report


def _count(report: ExportReport, number: int, why: str) -> None:
    if why == "unprotected":
        report.unprotected += 1
    elif why:
        report.wrong.append((number, why))
    else:
        report.proven += 1


def _checkpoint(
    line: Mapping[str, Any], key: VerifierKey, witnesses: Sequence[VerifierKey], others: Sequence[SignedCheckpoint]
) -> tuple[SignedCheckpoint | None, str]:
    if not line["checkpoint"]:
        return None, ""
    try:
        found = SignedCheckpoint.opened(str(line["checkpoint"]), key)
    except NoteInvalid:
        return None, "the checkpoint is not signed by this key"
    if len(found.cosignatures(witnesses)) < len(witnesses):
        return None, "the checkpoint lacks a cosignature that was asked for"
    same = [one.checkpoint for one in others if one.checkpoint.origin == found.checkpoint.origin]
    if any(one.size == found.checkpoint.size and one.root != found.checkpoint.root for one in same):
        return None, "the checkpoint contradicts one that was given"
    return found, ""


def _entry(line: Mapping[str, Any], held: SignedCheckpoint | None, seen: set[int]) -> str:
    """Why it is wrong, "unprotected", or "" for proven."""
    position = line.get("position")
    if type(position) is not int or position < 1:
        return "it has no position"
    if position in seen:
        return "its position is there twice"
    seen.add(position)
    if held is None or position > held.checkpoint.size:
        return "unprotected"
    try:
        leaf = bytes.fromhex(str(line["leaf"]))
        hashes = [b64decode(str(each), validate=True) for each in line["proof"]]
        verify_inclusion(leaf, position - 1, held.checkpoint.size, hashes, held.checkpoint.root)
    except ProofInvalid:
        return "its leaf is not the one at that position of the log"
    except (KeyError, TypeError, ValueError):
        return "it has no leaf or no proof"
    return ""
