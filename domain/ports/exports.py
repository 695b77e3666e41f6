"""Everything about one client at once: for exports, and for whoever takes a record over."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain.ports.keys import RecordClass


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """One event as it lies in the log, opened. `data` are its stored fields: `kind`, `at`, and what it tells."""

    position: int
    stream: UUID
    version: int
    record_class: str
    recorded_at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRecord:
    """`events` in the order of the log, `aggregates` what they make, in the order in which each began."""

    events: Sequence[HistoryEvent]
    aggregates: Sequence[Any]


class WholeRecords(Protocol):
    def of_client(self, client_id: UUID, classes: Collection[RecordClass]) -> WholeRecord:
        """Only events of these classes are read and opened: others may lie under keys that this process doesn't have.

        Raises Erased, SealBroken, StoreUnavailable, KeysUnavailable.
        """
