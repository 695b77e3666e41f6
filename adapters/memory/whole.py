"""A client's whole record over the log in memory."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import orjson

from adapters.event_store.codec import todays_codec
from adapters.memory.ledger import InMemoryLog, replayed
from domain.model.clinical import record_class_of
from domain.ports.exports import HistoryEvent, WholeRecord
from domain.ports.keys import RecordClass


class InMemoryWholeRecords:
    """What was recorded when it happened: there is one clock."""

    def __init__(self, log: InMemoryLog) -> None:
        self._log = log
        self._codec = todays_codec()

    def of_client(self, client_id: UUID, classes: Collection[RecordClass]) -> WholeRecord:
        self._log.refuse_fenced(client_id)
        aggregates: dict[UUID, Any] = {}
        told: list[HistoryEvent] = []
        for position, event in enumerate(self._log.events, 1):
            stream = event.originator_id
            if self._log.subjects.get(stream) != client_id:
                continue
            owner = replayed(self._log.streams[stream])
            if record_class_of(owner) not in classes:
                continue
            aggregates[stream] = owner
            told.append(
                HistoryEvent(
                    position=position,
                    stream=stream,
                    version=event.originator_version,
                    record_class=str(record_class_of(owner)),
                    recorded_at=event.timestamp,
                    data=orjson.loads(self._codec.encode(event)),
                )
            )
        return WholeRecord(events=tuple(told), aggregates=tuple(aggregates.values()))
