"""Cursors and the like: what we hand out and take back, unreadable and unforgeable in between."""

import base64
import binascii
from typing import Final

from adapters.event_store.envelope import length_prefixed
from adapters.keys.errors import TokenInvalid
from domain.errors import Erased, KeyMissing, SealBroken
from domain.ports.keys import RecordClass, Sealer

MAX_TOKEN_CHARS: Final = 4096


class TokenSealer:
    """Seals short values as URL-safe text. Tokens of another deployment, incarnation or purpose are refused."""

    def __init__(self, sealer: Sealer, log: bytes) -> None:
        self._sealer = sealer
        self._log = log

    def seal_token(self, purpose: str, plaintext: bytes) -> str:
        """Raises KeysUnavailable."""
        key_id = self._sealer.key_id(None, RecordClass.CURSOR)
        sealed = self._sealer.seal(key_id, plaintext, self._context(purpose))
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open_token(self, purpose: str, token: str) -> bytes:
        """Raises TokenInvalid (an Invalid) whatever is wrong with it, KeysUnavailable."""
        try:
            return self._sealer.open(_decoded(token), self._context(purpose))
        except (SealBroken, KeyMissing, Erased, binascii.Error, ValueError) as exc:
            raise TokenInvalid from exc

    def _context(self, purpose: str) -> bytes:
        return length_prefixed(b"anamnesis/cursor/1", self._log, purpose.encode())


def _decoded(token: str) -> bytes:
    """Only the one spelling that `seal_token` gives: no padding, no strangers, no spare bits."""
    if len(token) > MAX_TOKEN_CHARS:
        raise ValueError("too long")
    text = token.encode("ascii")
    sealed = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(sealed).rstrip(b"=") != text:
        raise ValueError("not canonical")
    return sealed
