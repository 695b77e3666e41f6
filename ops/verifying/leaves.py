"""A row's leaf, computed anew from what stands in the row: the format of the log, written a second time.

The recorder has its own words for the same format (adapters/event_store/envelope.py). Here nothing is shared with it, so
that a mistake in one shows against the other.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import Any, Final
from uuid import UUID

from ops.verifying.reader import Row

_LENGTH: Final = Struct(">I")
_PLACE: Final = Struct(">IQI16sIQ")
_END: Final = Struct(">IQI32s")
_SIXTEEN: Final = _LENGTH.pack(16)
_NONE: Final = _LENGTH.pack(0)


def log_name(deployment: UUID, incarnation: int) -> bytes:
    """What a leaf names its log by."""
    return f"anamnesis/{deployment}/{incarnation}".encode()


def leaf_head(log: bytes) -> bytes:
    """What all leaves of an incarnation begin with."""
    return b"\x00" + _field(b"\x01") + _field(log)


def leaf_of(row: Row, head: bytes, id_bytes: Callable[[Any], bytes], position: int | None = None) -> bytes:
    """As if the row stood at `position`, by default where it says. Raises TypeError, ValueError, AttributeError or
    struct.error when what stands in it can't be what was stored.
    """
    here, stream, version, topic, subject, record_class, key_id, _, recorded_at_us, state_hash, _, _ = row
    if type(state_hash) is not bytes or len(state_hash) != 32:
        raise ValueError("a state's hash has 32 bytes")
    return sha256(
        b"".join(
            (
                head,
                _PLACE.pack(8, here if position is None else position, 16, id_bytes(stream), 8, version),
                _text(topic),
                _NONE if subject is None else _SIXTEEN + id_bytes(subject),
                _text(record_class),
                _NONE if key_id is None else _SIXTEEN + id_bytes(key_id),
                _END.pack(8, recorded_at_us, 32, state_hash),
            )
        )
    ).digest()


@lru_cache(maxsize=1024)
def _text(text: str) -> bytes:
    return _field(text.encode())


def _field(content: bytes) -> bytes:
    return _LENGTH.pack(len(content)) + content
