"""A witness of logs (C2SP tlog-witness): cosigns a checkpoint only if it goes on from the last one it cosigned.

It knows nothing but checkpoints. What it has cosigned is on disk before the answer leaves, so that it never vouches for two
histories of one log, whatever happens to it.
"""

import base64
import binascii
import fcntl
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Final

import structlog

from adapters.files import make_folder, replace
from adapters.log.checkpoints import Checkpoint
from adapters.log.merkle import HASH_BYTES, ProofInvalid, verify_consistency
from adapters.log.notes import Note, NoteInvalid, NoteSigner, VerifierKey
from domain.errors import Misconfigured

BODY_MOST: Final = 64 * 1024
"""Bytes of a request: 63 hashes, a checkpoint and some signatures."""
_OLD: Final = re.compile(r"old (0|[1-9]\d{0,18})")
_PROOF_MOST: Final = 63
_log = structlog.get_logger("adapters.log.witness")


class WitnessStateUnusable(Misconfigured):
    code = "witness_state_unusable"
    message = "The witness's folder can't be used."
    hint = "It needs a folder that it alone writes into, and that outlives it: without it, start under a new key."


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, text: str = "", *, size: bool = False) -> None:
        super().__init__(text)
        self.answer = WitnessAnswer(status, text, "text/x.tlog.size" if size else "text/plain; charset=utf-8")


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    status: HTTPStatus
    text: str
    media_type: str = "text/plain; charset=utf-8"


class LogWitness:
    """Safe for threads; one process at a time holds the folder. `clock_s` gives seconds since 1970, UTC."""

    def __init__(
        self, folder: Path, signer: NoteSigner, logs: Sequence[VerifierKey], clock_s: Callable[[], int]
    ) -> None:
        """Raises WitnessStateUnusable."""
        self._folder = folder
        self._signer = signer
        self._logs = logs
        self._clock_s = clock_s
        self._lock = Lock()
        try:
            make_folder(folder)
            self._held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise WitnessStateUnusable(path=folder, reason=os.strerror(exc.errno or 0)) from exc

    def close(self) -> None:
        """Let another process have the folder."""
        os.close(self._held)

    def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """The answer to a request, as the protocol has it. Raises OSError when it can't be remembered."""
        try:
            old, proof, note = _parsed(body)
            checkpoint = self._trusted(note, old)
            with self._lock:
                self._check(old, proof, checkpoint)
                self._remember(checkpoint, note)
        except _Refused as refused:
            return refused.answer
        return WitnessAnswer(HTTPStatus.OK, self._signer.signature(note.text, self._clock_s()).line)

    def _trusted(self, note: Note, old: int) -> Checkpoint:
        try:
            checkpoint = Checkpoint.parse(note.text)
        except NoteInvalid:
            raise _Refused(HTTPStatus.BAD_REQUEST, "not a checkpoint\n") from None
        keys = [key for key in self._logs if _is_of(checkpoint.origin, key.name)]
        if not keys:
            raise _Refused(HTTPStatus.NOT_FOUND, "unknown origin\n")
        try:
            note.verified(keys)
        except NoteInvalid:
            raise _Refused(HTTPStatus.FORBIDDEN, "not signed by a known key\n") from None
        if old > checkpoint.size:
            raise _Refused(HTTPStatus.BAD_REQUEST, "old size above the checkpoint's\n")
        return checkpoint

    def _check(self, old: int, proof: Sequence[bytes], checkpoint: Checkpoint) -> None:
        known = self.known(checkpoint.origin)
        if old != (known.size if known else 0):
            raise _Refused(HTTPStatus.CONFLICT, f"{known.size if known else 0}\n", size=True)
        if known is None or known.size == 0:
            if proof:
                raise _Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "a first checkpoint needs no proof\n")
            return
        if known.size == checkpoint.size and known.root != checkpoint.root:
            _log.error("A log showed two histories", code="fork", position=checkpoint.size)
            raise _Refused(HTTPStatus.CONFLICT, f"{known.size}\n", size=True)
        try:
            verify_consistency(known.size, checkpoint.size, known.root, checkpoint.root, proof)
        except ProofInvalid:
            _log.error("A log does not go on from what was cosigned", code="inconsistent", position=checkpoint.size)
            raise _Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "the consistency proof does not hold\n") from None

    def known(self, origin: str) -> Checkpoint | None:
        """The last that was cosigned of this log. Raises WitnessStateUnusable when that can't be read."""
        try:
            content = self._file(origin).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise WitnessStateUnusable(path=self._folder, reason=os.strerror(exc.errno or 0)) from exc
        try:
            found = Checkpoint.parse(Note.parse(content).text)
        except NoteInvalid as exc:
            raise WitnessStateUnusable(path=self._folder, reason="damaged") from exc
        if found.origin != origin:
            raise WitnessStateUnusable(path=self._folder, reason="mixed up")
        return found

    def _remember(self, checkpoint: Checkpoint, note: Note) -> None:
        replace(self._file(checkpoint.origin), bytes(note))

    def _file(self, origin: str) -> Path:
        return self._folder / f"{sha256(origin.encode()).hexdigest()}.checkpoint"


def _is_of(origin: str, name: str) -> bool:
    """A key of this product signs for all incarnations of its log; others for the origin that is their name."""
    return origin == name or re.fullmatch(re.escape(name) + r"/[1-9]\d{0,5}", origin) is not None


def _parsed(body: bytes) -> tuple[int, list[bytes], Note]:
    try:
        head, empty, note = body.decode().partition("\n\n")
        old, *lines = head.split("\n")
        match = _OLD.fullmatch(old)
        if match is None or not empty or len(lines) > _PROOF_MOST or len(body) > BODY_MOST:
            raise _Refused(HTTPStatus.BAD_REQUEST, "not an add-checkpoint request\n")
        proof = [base64.b64decode(line, validate=True) for line in lines]
        if any(len(each) != HASH_BYTES for each in proof):
            raise _Refused(HTTPStatus.BAD_REQUEST, "a hash has 32 bytes\n")
        return int(match[1]), proof, Note.parse(note)
    except (UnicodeError, binascii.Error, ValueError, NoteInvalid):
        raise _Refused(HTTPStatus.BAD_REQUEST, "not an add-checkpoint request\n") from None
