"""Proofs as documents that leave: made from the event database, checked without it."""

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any, Final

import typer
from sqlalchemy import Engine, select

from adapters.db.engines import read_transaction
from adapters.db.errors import translated
from adapters.event_store.tables import checkpoints
from adapters.log.checkpoints import Checkpoint, SignedCheckpoint
from adapters.log.merkle import ProofInvalid, verify_consistency, verify_inclusion
from adapters.log.notes import VerifierKey
from adapters.log.proofs import SqlLogProofs
from domain.errors import Invalid
from ops.demo import seen_from_inside
from ops.settings import Settings
from ops.verifying.database import events_database
from ops.verifying.fetching import fetched, verifier_key

_HEAD: Final = "c2sp.org/tlog-proof@v1"


class ProofUnreadable(Invalid):
    code = "proof_unreadable"
    message = "This is no proof that can be checked."
    hint = "Give a file that `anamnesis proof inclusion` or `proof consistency` wrote, or what /v1/log/proofs answered."


class ProofWrong(Invalid):
    code = "proof_wrong"
    message = "The proof does not hold."
    hint = "Either it is for another checkpoint, or the log isn't what was published. Run `anamnesis verify`."


def inclusion_document(position: int, size: int | None) -> dict[str, Any]:
    """Raises NoLog, CheckpointMissing, ProofOutOfRange, StoreUnavailable."""
    with events_database(seen_from_inside(Settings.load())) as engine:
        proofs = SqlLogProofs(engine)
        end = proofs.latest().size if size is None else size
        found = proofs.inclusion(position, end)
        return {
            "position": position,
            "size": found.size,
            "leaf": _text(found.leaf),
            "hashes": [_text(each) for each in found.hashes],
            "root": _text(found.root),
            "checkpoint": _note(engine, end),
        }


def consistency_document(first: int, second: int | None) -> dict[str, Any]:
    """Raises NoLog, CheckpointMissing, ProofOutOfRange, StoreUnavailable."""
    with events_database(seen_from_inside(Settings.load())) as engine:
        proofs = SqlLogProofs(engine)
        found = proofs.consistency(first, proofs.latest().size if second is None else second)
        return {
            "first": found.first,
            "second": found.second,
            "first_root": _text(found.first_root),
            "second_root": _text(found.second_root),
            "hashes": [_text(each) for each in found.hashes],
            "first_checkpoint": _note(engine, found.first),
            "second_checkpoint": _note(engine, found.second),
        }


def _note(engine: Engine, size: int) -> str:
    """The newest published checkpoint of this size, "" when there is none."""
    query = select(checkpoints.c.note).where(checkpoints.c.size == size).order_by(checkpoints.c.incarnation.desc())
    with translated("events"), read_transaction(engine) as connection:
        note: str | None = connection.execute(query.limit(1)).scalar_one_or_none()
    return note or ""


def written(document: dict[str, Any], out: str | None, *, as_json: bool) -> None:
    """Printed, or into a file. Raises Invalid."""
    text = json.dumps(document, indent=1) + "\n" if as_json or not document["checkpoint"] else _as_text(document)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        Path(out).write_text(text, encoding="utf-8")
    except OSError as exc:
        raise Invalid("The file can't be written.", path=out, reason=exc.strerror) from exc


def _as_text(document: dict[str, Any]) -> str:
    """C2SP tlog-proof; the leaf goes along as extra data."""
    lines = [_HEAD, f"extra {document['leaf']}", f"index {document['position'] - 1}", *document["hashes"], ""]
    return "\n".join(lines) + "\n" + str(document["checkpoint"])


def checked(path: str, key: str, places: list[str], leaf: str | None) -> tuple[str, dict[str, Any]]:
    """What holds, as a sentence and as facts. Raises ProofUnreadable, ProofWrong, NoteInvalid, CheckpointUnreadable."""
    document = _read(fetched(path))
    verifier = verifier_key(key)
    given = [SignedCheckpoint.opened(fetched(place), verifier).checkpoint for place in places]
    try:
        if "position" in document:
            return _inclusion_holds(document, verifier, given, leaf)
        return _consistency_holds(document, verifier, given)
    except ProofInvalid as exc:
        raise ProofWrong(str(exc)) from exc
    except (KeyError, TypeError, ValueError) as exc:
        raise ProofUnreadable(reason=type(exc).__name__) from exc


def _inclusion_holds(
    document: dict[str, Any], key: VerifierKey, given: list[Checkpoint], leaf: str | None
) -> tuple[str, dict[str, Any]]:
    position, size, said = int(document["position"]), int(document["size"]), b64decode(document["leaf"], validate=True)
    if leaf is not None and said.hex() != leaf.lower():
        raise ProofWrong("The proof is about another leaf.", leaf=said.hex())
    held = _held(size, document.get("checkpoint"), key, given)
    verify_inclusion(said, position - 1, size, _hashes(document), held.root)
    text = (
        f"Position {position:,} holds the leaf {said.hex()} in the log of {size:,} positions that the checkpoint signs."
    )
    return text, {"position": position, "size": size, "leaf": said.hex(), "origin": held.origin}


def _consistency_holds(
    document: dict[str, Any], key: VerifierKey, given: list[Checkpoint]
) -> tuple[str, dict[str, Any]]:
    first, second = int(document["first"]), int(document["second"])
    early = _held(first, document.get("first_checkpoint"), key, given)
    late = _held(second, document.get("second_checkpoint"), key, given)
    if early.origin != late.origin:
        raise ProofWrong("The two checkpoints are of different logs, or of different incarnations of one.")
    verify_consistency(first, second, early.root, late.root, _hashes(document))
    text = f"Nothing of the first {first:,} positions was changed or taken out up to position {second:,}."
    return text, {"first": first, "second": second, "origin": early.origin}


def _held(size: int, note: object, key: VerifierKey, given: list[Checkpoint]) -> Checkpoint:
    """The signed checkpoint of this size: a given one before the proof's own. Raises NoteInvalid, ProofWrong."""
    for checkpoint in given:
        if checkpoint.size == size:
            return checkpoint
    if not note:
        raise ProofWrong("There is no checkpoint of this size: name it with --checkpoint.", size=size)
    checkpoint = SignedCheckpoint.opened(str(note), key).checkpoint
    if checkpoint.size != size:
        raise ProofWrong("The checkpoint has another size than the proof.", size=size)
    return checkpoint


def _read(content: bytes) -> dict[str, Any]:
    try:
        text = content.decode()
        document = _from_text(text) if text.startswith(_HEAD + "\n") else json.loads(text)
    except ValueError as exc:
        raise ProofUnreadable from exc
    if not isinstance(document, dict) or not {"position", "first"} & document.keys():
        raise ProofUnreadable
    return document


def _from_text(text: str) -> dict[str, Any]:
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")[1:]
    leaf = lines.pop(0).removeprefix("extra ") if lines[0].startswith("extra ") else ""
    index = lines.pop(0).removeprefix("index ") if lines else ""
    size = note.split("\n")[1] if note.count("\n") > 2 else ""
    if not leaf or not index.isdigit() or not size.isdigit():
        raise ProofUnreadable
    return {"position": int(index) + 1, "size": int(size), "leaf": leaf, "hashes": lines, "checkpoint": note}


def _hashes(document: dict[str, Any]) -> list[bytes]:
    return [b64decode(each, validate=True) for each in document["hashes"]]


def _text(content: bytes) -> str:
    return b64encode(content).decode()
