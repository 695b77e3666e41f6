"""Records about the log itself, readable by anyone who holds the rows, and what readers get in place of lost events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import orjson
from eventsourcing.domain import DomainEvent

from domain.errors import SealBroken

UNSEALED_FORMAT: Final = b"\x00"


@dataclass(frozen=True)
class SystemRecord(DomainEvent):
    """Redaction, retention, erasure, restore, key rotation, the opening of a log.

    `kind` such as `system.redacted`; `facts` plain JSON values: positions, counts, opaque ids, codes, hashes. Nothing
    personal: this outlives the client.
    """

    kind: str
    facts: Mapping[str, Any]

    def encoded(self) -> bytes:
        """The unsealed state: a format byte, then JSON."""
        if self.timestamp.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return UNSEALED_FORMAT + orjson.dumps(
            {"kind": self.kind, "at": self.timestamp.astimezone(UTC), "facts": dict(self.facts)}
        )

    @staticmethod
    def decoded(state: bytes, stream: UUID, version: int) -> "SystemRecord":
        """Raises SealBroken for bytes that `encoded` never made."""
        if state[:1] != UNSEALED_FORMAT:
            raise SealBroken
        try:
            stored = orjson.loads(state[1:])
            return SystemRecord(
                originator_id=stream,
                originator_version=version,
                timestamp=datetime.fromisoformat(stored["at"]),
                kind=str(stored["kind"]),
                facts=dict(stored["facts"]),
            )
        except (ValueError, TypeError, KeyError) as exc:
            raise SealBroken from exc


class Loss(StrEnum):
    """Why an event can't be read any more."""

    REDACTED = "redacted"
    """Its state was removed; a later record in the log names it."""
    ERASED = "erased"
    """Its key was destroyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """Stands where an event was: readers go on past it."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    subject: UUID | None
    record_class: str
    recorded_at_us: int
    loss: Loss
