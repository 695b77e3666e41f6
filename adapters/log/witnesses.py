"""Asking witnesses for cosignatures (C2SP tlog-witness): each is told what it knows already and how the log went on."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx

from adapters.log.notes import (
    COSIGNATURE,
    Note,
    NoteInvalid,
    Signature,
    VerifierKey,
    VerifierKeyInvalid,
    parse_signature,
)
from domain.errors import Unavailable

_TIMEOUT_S: Final = 10.0
_ANSWER_MOST: Final = 20_000

Proof = Callable[[int], Sequence[bytes]]
"""From a size to the proof that the tree of that size is a prefix of the one that is to be cosigned."""


class WitnessRefused(Unavailable):
    """A witness didn't answer, or won't cosign."""

    code = "witness_refused"
    message = "A witness did not cosign the checkpoint."


@dataclass(frozen=True, slots=True)
class Witness:
    url: str
    key: VerifierKey

    @classmethod
    def parse(cls, text: str) -> "Witness":
        """`address verifier-key`, as in ANAMNESIS_WITNESSES. Raises VerifierKeyInvalid."""
        url, _, key = text.partition(" ")
        parsed = VerifierKey.parse(key)
        if parsed.kind != COSIGNATURE:
            raise VerifierKeyInvalid("This key is no witness's: witnesses sign with the time.", name=parsed.name)
        return cls(url.rstrip("/"), parsed)

    def cosign(self, note: Note, size: int, known: int, proof: Proof) -> Signature:
        """`known` is the size that the witness is thought to know. Raises WitnessRefused."""
        answer = self._asked(note, known, proof)
        if answer.status_code == HTTPStatus.CONFLICT and (real := _size(answer)) is not None and real <= size:
            answer = self._asked(note, real, proof)
        if answer.status_code != HTTPStatus.OK:
            raise WitnessRefused(witness=self.key.name, status=answer.status_code)
        return self._signature(note, answer)

    def _asked(self, note: Note, known: int, proof: Proof) -> httpx.Response:
        lines = [f"old {known}", *(base64.b64encode(each).decode() for each in proof(known)), "", ""]
        try:
            return httpx.post(
                f"{self.url}/add-checkpoint",
                content="\n".join(lines).encode() + bytes(note),
                timeout=_TIMEOUT_S,
                follow_redirects=False,
                trust_env=False,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise WitnessRefused(witness=self.key.name, reason=type(exc).__name__) from exc

    def _signature(self, note: Note, answer: httpx.Response) -> Signature:
        """Only what its own key signed counts. Raises WitnessRefused."""
        try:
            lines = answer.content[:_ANSWER_MOST].decode().splitlines()
            found = tuple(parse_signature(line) for line in lines if line)
            return Note(note.text, found).verified((self.key,))[0]
        except (NoteInvalid, UnicodeError) as exc:
            raise WitnessRefused(witness=self.key.name, reason="another signature") from exc


def _size(answer: httpx.Response) -> int | None:
    text = answer.text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
