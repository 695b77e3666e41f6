"""The bytes that are hashed into the log and bound into every seal. Released format 1: never edit, add a format 2.

Envelope = everything about a row that stays when its state is removed. All integers are big-endian; every field is
prefixed with its length in four bytes, so that no two envelopes share an encoding.
"""

from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import Final
from uuid import UUID

ENVELOPE_FORMAT: Final = b"\x01"
LEAF_PREFIX: Final = b"\x00"  # RFC 6962 §2.1: leaves and nodes must not be confused
_LENGTH = Struct(">I")
_UINT64 = Struct(">Q")


def length_prefixed(*fields: bytes) -> bytes:
    """Each field behind its length (uint32)."""
    pack = _LENGTH.pack
    return b"".join([part for field in fields for part in (pack(len(field)), field)])


def log_id(deployment: UUID, incarnation: int) -> bytes:
    """The log's name: which deployment, and which fork of it (a restore opens a new incarnation)."""
    return b"anamnesis/%s/%d" % (str(deployment).encode(), incarnation)


def associated_data(  # noqa: PLR0913, PLR0917 - the seal binds all of them
    log: bytes, stream: UUID, version: int, topic: str, record_class: str, key_id: UUID, subject: UUID | None
) -> bytes:
    """What AES-GCM authenticates beside the state: a sealed state opens in its own row and nowhere else."""
    # length_prefixed(format, log, stream, version, topic, class, key id, subject), with what repeats kept.
    return b"".join(
        (
            _seal_head(log),
            _ROW.pack(16, stream.bytes, 8, version),
            _named(topic),
            _named(record_class),
            _SIXTEEN + key_id.bytes,
            _SIXTEEN + subject.bytes if subject else _NONE,
        )
    )


def leaf_hash(  # noqa: PLR0913, PLR0917 - one argument a field of the envelope
    log: bytes,
    position: int,
    stream: UUID,
    version: int,
    topic: str,
    subject: UUID | None,
    record_class: str,
    key_id: UUID | None,
    recorded_at_us: int,
    state_hash: bytes,
) -> bytes:
    """SHA-256(0x00 ‖ length-prefixed(format, log id, envelope)): the row's leaf in the Merkle tree (RFC 6962).

    `recorded_at_us` is microseconds since 1970, UTC; `state_hash` is SHA-256 of the stored (sealed) state.
    """
    # One pack a run of fields of fixed length: this runs under the lock, twice for every request.
    return sha256(
        b"".join(
            (
                _leaf_head(log),
                _PLACE.pack(8, position, 16, stream.bytes, 8, version),
                _named(topic),
                _SIXTEEN + subject.bytes if subject else _NONE,
                _named(record_class),
                _SIXTEEN + key_id.bytes if key_id else _NONE,
                _TIME.pack(8, recorded_at_us, len(state_hash)),
                state_hash,
            )
        )
    ).digest()


_ROW = Struct(">I16sIQ")
_PLACE = Struct(">IQI16sIQ")
_TIME = Struct(">IQI")
_SIXTEEN: Final = _LENGTH.pack(16)
_NONE: Final = _LENGTH.pack(0)


@lru_cache(maxsize=16)
def _seal_head(log: bytes) -> bytes:
    return length_prefixed(ENVELOPE_FORMAT, log)


@lru_cache(maxsize=16)
def _leaf_head(log: bytes) -> bytes:
    return LEAF_PREFIX + length_prefixed(ENVELOPE_FORMAT, log)


@lru_cache(maxsize=1024)
def _named(text: str) -> bytes:
    return length_prefixed(text.encode())
