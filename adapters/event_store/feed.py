"""The log as others follow it: which records changed, in the order they did; and single events, opened."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine, select

from adapters.event_store.mapper import Mapper, set_apart, stream_of
from adapters.event_store.reading import reading
from adapters.event_store.recorder import Recorder
from adapters.event_store.registry import SYSTEM, TOPICS
from adapters.event_store.rows import StoredRow
from adapters.event_store.tables import fences
from adapters.event_store.unsealed import SystemRecord
from domain.errors import KeyMissing, SealBroken
from domain.ports.feed import Change, Changes, PositionAhead, StoredEvent

SCAN_MOST: Final = 10_000
"""Positions that one call passes over at most: a feed of a quiet client in a busy log still answers at once."""
BYTES_MOST: Final = 32 * 1024 * 1024
"""Of states, from which on a page ends short: kinds are sealed with them, and a thousand transcripts would fill the memory."""
TOLD: Final = ("client", "identity", "record")
"""Coarse kinds whose events concern a client's record."""

_TOPICS: Final = tuple(f"{coarse}.{number}" for coarse in TOLD for number in range(1, TOPICS[coarse] + 1))
_FIRST_ROWS: Final = 16  # then twice as many each time: states reach megabytes, and most are small
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SqlChangeFeed:
    """Satisfies domain.ports.feed.ChangeFeed. Positions have no gaps, so a range of them bounds the rows that are read."""

    def __init__(self, engine: Engine, recorder: Recorder, mapper: Mapper) -> None:
        self._engine = engine
        self._recorder = recorder
        self._mapper = mapper

    def changes(self, after: int, limit: int) -> Changes:
        # First how far, then what: all rows up to a position that was read are committed.
        last = self._recorder.last_position()
        if after > last:
            raise PositionAhead(after=after, last=last)
        stop = min(after + SCAN_MOST, last)
        items: list[Change] = []
        scanned, taken_bytes, portion = after, 0, _FIRST_ROWS
        while scanned < stop and len(items) < limit and taken_bytes < BYTES_MOST:
            wanted = min(portion, limit - len(items))
            rows = self._recorder.select_notifications(scanned, wanted, stop, _TOPICS, inclusive_of_start=False)
            items += self._changes(rows)
            scanned = rows[-1].position if len(rows) == wanted else stop
            taken_bytes += sum(len(row.state) for row in rows)
            portion *= 2
        return Changes(items=tuple(items), scanned=scanned, more=scanned < last)

    def last_position(self) -> int:
        return self._recorder.last_position()

    def _changes(self, rows: Sequence[StoredRow]) -> list[Change]:
        closed = _fenced(self._engine, {row.subject for row in rows if row.subject})
        return [self._change(row, closed) for row in rows]

    def _change(self, row: StoredRow, closed: AbstractSet[UUID]) -> Change:
        if set_apart(row):
            return self._told(row, None if row.subject in closed else {"kind": row.topic.partition(".")[0]})
        try:
            fields = None if row.subject in closed else self._mapper.to_fields(row)
        except (SealBroken, KeyMissing):
            # One damaged state must not silence the log for all programs: it is told as its row tells it in clear, and
            # no more. The views park it, with an alert.
            fields = {"kind": row.topic.partition(".")[0]}
        return self._told(row, fields)

    @staticmethod
    def _told(row: StoredRow, fields: dict[str, Any] | None) -> Change:
        return Change(
            position=row.position,
            kind=None if fields is None else fields["kind"],
            resource_id=stream_of(row),
            version=row.originator_version,
            client_id=row.subject,
            recorded_at=instant(row.recorded_at_us),
            record_class=row.record_class,
            incarnation=row.incarnation,
        )


class SqlEventReader:
    """Satisfies domain.ports.feed.EventReader. What belongs to a client under erasure is told of, and not opened."""

    def __init__(self, engine: Engine, recorder: Recorder, mapper: Mapper) -> None:
        self._engine = engine
        self._recorder = recorder
        self._mapper = mapper

    def event(self, position: int) -> StoredEvent | None:
        rows = self._recorder.read_log(position - 1, 1, stop=position) if position > 0 else []
        if not rows:
            return None
        row = rows[0]
        fields = self._fields(row)
        happened_at = None if fields is None else datetime.fromisoformat(fields.pop("at"))
        return StoredEvent(
            position=row.position,
            kind=None if fields is None else fields.pop("kind"),
            resource_id=stream_of(row),
            version=row.originator_version,
            client_id=row.subject,
            record_class=row.record_class,
            recorded_at=instant(row.recorded_at_us),
            happened_at=happened_at,
            leaf=row.leaf,
            data=fields,
        )

    def _fields(self, row: StoredRow) -> dict[str, Any] | None:
        if set_apart(row) or (row.subject is not None and _fenced(self._engine, {row.subject})):
            return None
        if row.topic.partition(".")[0] != SYSTEM:
            return self._mapper.to_fields(row)
        record = self._mapper.to_event(row)
        if not isinstance(record, SystemRecord):
            return None
        return {"kind": record.kind, "at": record.timestamp.isoformat(), **record.facts}


def _fenced(engine: Engine, clients: AbstractSet[UUID]) -> AbstractSet[UUID]:
    """Those of them that are under erasure; their keys may still be there."""
    if not clients:
        return frozenset()
    with reading(engine) as connection:
        return set(connection.execute(select(fences.c.subject).where(fences.c.subject.in_(clients))).scalars())


def instant(microseconds: int) -> datetime:
    """Exact: floating point would lose the last digit."""
    return _EPOCH + timedelta(microseconds=microseconds)
