"""A client's whole record: all of their events, opened and replayed."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import orjson
from eventsourcing.domain import OriginatorIDError, OriginatorVersionError
from sqlalchemy import Engine, select

from adapters.event_store import reads
from adapters.event_store.codec import Codec, todays_codec
from adapters.event_store.feed import instant
from adapters.event_store.mapper import Mapper, stream_of
from adapters.event_store.reading import reading
from adapters.event_store.rows import StoredRow
from adapters.event_store.tables import events, fences
from domain.errors import Erased, KeyMissing, SealBroken
from domain.ports.exports import HistoryEvent, WholeRecord
from domain.ports.keys import RecordClass


class SqlWholeRecords:
    """Satisfies domain.ports.exports.WholeRecords."""

    def __init__(self, engine: Engine, mapper: Mapper, codec: Codec | None = None) -> None:
        self._engine = engine
        self._mapper = mapper
        self._codec = codec or todays_codec()

    def of_client(self, client_id: UUID, classes: Collection[RecordClass]) -> WholeRecord:
        opened: list[HistoryEvent] = []
        streams: dict[UUID, Any] = {}
        for row in self._rows(client_id, classes):
            told, event = self._opened(row)
            stream = stream_of(row)
            try:
                streams[stream] = event.mutate(streams.get(stream))
            except (OriginatorIDError, OriginatorVersionError, AssertionError, AttributeError) as exc:
                raise SealBroken(
                    "A stream has a gap or an event that does not belong to it.", stream=stream, position=row.position
                ) from exc
            opened.append(told)
        return WholeRecord(events=tuple(opened), aggregates=tuple(streams.values()))

    def _rows(self, client_id: UUID, classes: Collection[RecordClass]) -> Sequence[StoredRow]:
        wanted = [str(each) for each in classes]
        statement = reads.ROWS.where(events.c.subject == client_id, events.c.record_class.in_(wanted)).order_by(
            events.c.position
        )
        with reading(self._engine) as connection:
            fenced = connection.execute(select(fences.c.subject).where(fences.c.subject == client_id)).first()
            if fenced is not None:
                raise Erased(client=client_id)
            return reads.rows_of(connection, statement)

    def _opened(self, row: StoredRow) -> tuple[HistoryEvent, Any]:
        """The event as stored and as an object. Raises Erased, SealBroken, KeyMissing."""
        if row.redacted:
            raise Erased(client=row.subject)
        try:
            plaintext = self._mapper.opened(row)
        except (SealBroken, KeyMissing) as exc:
            raise type(exc)(position=row.position, topic=row.topic, key_id=row.key_id) from exc
        stream = stream_of(row)
        event: Any = self._codec.decode(row.topic, plaintext, stream, row.originator_version)
        # As today's release would write it, whichever wrote it.
        data = orjson.loads(self._codec.encode(event))
        told = HistoryEvent(
            position=row.position,
            stream=stream,
            version=row.originator_version,
            record_class=row.record_class,
            recorded_at=instant(row.recorded_at_us),
            data=data,
        )
        return told, event
