"""The change feed and single events over the log in memory."""

from typing import Any

from adapters.event_store.codec import todays_codec
from adapters.event_store.feed import SCAN_MOST, TOLD
from adapters.event_store.registry import REGISTRY
from adapters.memory.ledger import InMemoryLog, replayed
from domain.model.clinical import record_class_of
from domain.model.note import Note
from domain.ports.feed import Change, Changes, PositionAhead, StoredEvent


class InMemoryFeed:
    """A ChangeFeed and an EventReader. What was recorded when it happened: there is one clock."""

    def __init__(self, log: InMemoryLog) -> None:
        self._log = log
        self._codec = todays_codec()

    def changes(self, after: int, limit: int) -> Changes:
        last = len(self._log.events)
        if after > last:
            raise PositionAhead(after=after, last=last)
        items: list[Change] = []
        scanned = min(after + SCAN_MOST, last)
        for position in range(after + 1, scanned + 1):
            event = self._log.events[position - 1]
            if REGISTRY.of_class(type(event)).coarse in TOLD:
                items.append(self._change(position, event))
            if len(items) == limit:
                scanned = position
                break
        return Changes(items=tuple(items), scanned=scanned, more=scanned < last)

    def last_position(self) -> int:
        return len(self._log.events)

    def event(self, position: int) -> StoredEvent | None:
        if not 0 < position <= len(self._log.events):
            return None
        event = self._log.events[position - 1]
        kind = REGISTRY.of_class(type(event))
        client_id = self._log.subjects.get(event.originator_id)
        owner: Any = event if kind.coarse == "audit" else replayed(self._log.streams[event.originator_id])
        record_class = record_class_of(owner)
        unopened = client_id in self._log.fences or record_class.of_notes_root
        data = self._codec.fields(REGISTRY.topic_of(kind.coarse), self._codec.encode(event))
        return StoredEvent(
            position=position,
            kind=None if unopened else kind.kind,
            resource_id=event.originator_id,
            version=event.originator_version,
            client_id=client_id,
            record_class=str(record_class),
            recorded_at=event.timestamp,
            happened_at=None if unopened else event.timestamp,
            leaf=b"",
            data=None if unopened else {name: value for name, value in data.items() if name not in {"kind", "at"}},
        )

    def _change(self, position: int, event: Any) -> Change:
        client_id = self._log.subjects.get(event.originator_id)
        return Change(
            position=position,
            kind=None if client_id in self._log.fences else self._told(event),
            resource_id=event.originator_id,
            version=event.originator_version,
            client_id=client_id,
            recorded_at=event.timestamp,
            record_class=str(record_class_of(replayed(self._log.streams[event.originator_id]))),
        )

    def _told(self, event: Any) -> str:
        """Of psychotherapy notes the coarse kind alone."""
        known = REGISTRY.of_class(type(event))
        return known.coarse if issubclass(known.event_class, Note.Event) else known.kind
