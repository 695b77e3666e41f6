"""The change feed: what happened in the log, in its order, by ids alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.errors import Conflict


class PositionAhead(Conflict):
    """The caller followed a log that went further than this one: it was restored, or is another deployment's."""

    code = "position_ahead"
    message = "The log does not reach the position to go on from; it was restored since, or is another one."
    hint = "Read anew what you keep of the record, then follow the feed from 0 or from its present end."


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`kind` is the precise kind (`measure.recorded`), the coarse one where the event is damaged, None where it can't be
    opened any more (erased); `resource_id` names the stream: the id the resource is read by.
    """

    position: int
    kind: str | None
    resource_id: UUID
    version: int
    client_id: UUID | None
    recorded_at: datetime
    record_class: str
    """Of the stream, as its row tells it in clear; also of what can't be opened any more."""
    incarnation: int = 1
    """Of the log: a restore gives positions that it lost out again."""

    @property
    def coarse(self) -> str | None:
        """`client`, `identity` or `record`, as the log shows it in clear: it does not tell that a pseudonym has a risk flag."""
        if self.kind is None:
            return None
        first = self.kind.partition(".")[0]
        return first if first in {"client", "identity"} else "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """`scanned` is the position to go on from, also when nothing in between was worth telling."""

    items: Sequence[Change]
    scanned: int
    more: bool


class ChangeFeed(Protocol):
    def changes(self, after: int, limit: int) -> Changes:
        """Changes of clients' records after that position, oldest first; audit entries, accounts and records of the log
        itself are passed over. Reads a bounded number of rows, and goes on past what is damaged. Raises PositionAhead,
        StoreUnavailable, KeysUnavailable.
        """

    def last_position(self) -> int:
        """Where the log ends now, 0 when it is empty. Raises StoreUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One event as it lies in the log, opened. `leaf` leads to its proof; `data` are its fields as stored."""

    position: int
    kind: str | None
    resource_id: UUID
    version: int
    client_id: UUID | None
    record_class: str
    recorded_at: datetime
    happened_at: datetime | None
    leaf: bytes
    data: dict[str, object] | None


class EventReader(Protocol):
    def event(self, position: int) -> StoredEvent | None:
        """None when nothing lies at that position. Raises SealBroken, StoreUnavailable, KeysUnavailable."""
