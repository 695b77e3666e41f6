"""How keys are wrapped and what the wrapping is bound to. Released format 1: never edit, add a format 2."""

import hmac
import os
from hashlib import sha256
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.event_store.envelope import length_prefixed
from domain.errors import SealBroken

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
WRAP_FORMAT: Final = b"\x01"
_WRAPPED_BYTES: Final = 1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES


def wrap_context(  # noqa: PLR0913, PLR0917 - the wrapping binds all of them
    deployment: UUID, owner: UUID, key_class: str, epoch: int, key_id: UUID, wrapped_by: str, created_at_us: int
) -> bytes:
    """What a wrapped key is bound to: it unwraps in its own row of its own deployment and nowhere else."""
    return length_prefixed(
        b"anamnesis/wrap/1",
        deployment.bytes,
        owner.bytes,
        key_class.encode(),
        epoch.to_bytes(4, "big"),
        key_id.bytes,
        wrapped_by.encode(),
        # When a day's key is over, and when retention destroys it, goes by this time.
        created_at_us.to_bytes(8, "big", signed=True),
    )


def check_context(deployment: UUID, purpose: str, generation: str) -> bytes:
    """What the check value of a root is bound to."""
    return length_prefixed(b"anamnesis/root-check/1", deployment.bytes, purpose.encode(), generation.encode())


CHECK_VALUE: Final = sha256(b"anamnesis/root-check-value/1").digest()
"""What a root wraps to be recognised by; not a secret."""


def wrap(wrapping_key: AESGCM, key: bytes, context: bytes) -> bytes:
    """Format byte, nonce (12), ciphertext with tag (48). Raises ValueError unless `key` has 32 bytes."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    nonce = os.urandom(NONCE_BYTES)
    return WRAP_FORMAT + nonce + wrapping_key.encrypt(nonce, key, context)


def unwrap(wrapping_key: AESGCM, wrapped: bytes, context: bytes) -> bytes:
    """Raises SealBroken for anything that `wrap` did not make with this key for this context."""
    if len(wrapped) != _WRAPPED_BYTES or wrapped[:1] != WRAP_FORMAT:
        raise SealBroken
    try:
        return wrapping_key.decrypt(wrapped[1 : 1 + NONCE_BYTES], wrapped[1 + NONCE_BYTES :], context)
    except InvalidTag as exc:
        raise SealBroken from exc


def derived(secret: bytes, label: str) -> bytes:
    """A 32-byte key for one use only: HMAC-SHA-256 of a label (HKDF's expand step with one block, RFC 5869 §2.3)."""
    return hmac.digest(secret, label.encode() + b"\x01", "sha256")
