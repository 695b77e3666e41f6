"""Snapshots: an aggregate's state at a version, sealed as its events are, replaceable, outside the log."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, IntegrityError, StoredEvent
from sqlalchemy import Connection, Engine, delete, exc, exists, insert, select

from adapters.db.engines import write_transaction
from adapters.db.errors import translated
from adapters.event_store.rows import NewRow, StoredRow
from adapters.event_store.tables import fences, snapshots
from adapters.event_store.writer import exclusive_transaction
from domain.errors import Erased

_ROWS: Final = select(snapshots)


class SnapshotRecorder(AggregateRecorder):
    """Versions may have gaps; (stream, version) is unique. Erasure purges a client's snapshots with `purge`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, rows: Sequence[NewRow], incarnation: int) -> None:
        """Store all or none. `incarnation` is the one the states were sealed under. Raises Erased (the client is
        fenced), the library's IntegrityError (that version has a snapshot), StoreUnavailable.
        """
        values = [
            {
                "stream": row.stream,
                "version": row.version,
                "topic": row.topic,
                "subject": row.subject,
                "record_class": row.record_class,
                "key_id": row.key_id,
                "incarnation": incarnation,
                "state": row.state,
            }
            for row in rows
        ]
        try:
            # Under the lock of the log: no snapshot slips in behind the fence that precedes a purge.
            with translated("events"), exclusive_transaction(self._engine) as connection:
                _refuse_fenced(connection, rows)
                _store(connection, values)
        except _Taken:
            raise IntegrityError("this version has a snapshot already") from None

    def latest(self, stream: UUID, at_most: int | None = None) -> StoredRow | None:
        """The newest snapshot, of `at_most` that version; its `id` (position) is 0."""
        rows = self.select_events(stream, lte=at_most, desc=True, limit=1)
        return rows[0] if rows else None

    def purge(self, subject: UUID) -> int:
        """Remove a client's snapshots; how many there were."""
        with translated("events"), write_transaction(self._engine) as connection:
            return connection.execute(delete(snapshots).where(snapshots.c.subject == subject)).rowcount

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """The library's way in: plain, unsealed snapshots."""
        if stored_events:
            self.put([NewRow.of(stored) for stored in stored_events], incarnation=1)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredRow]:
        stream = originator_id if isinstance(originator_id, UUID) else UUID(originator_id)
        statement = _ROWS.where(snapshots.c.stream == stream)
        if gt is not None:
            statement = statement.where(snapshots.c.version > gt)
        if lte is not None:
            statement = statement.where(snapshots.c.version <= lte)
        statement = statement.order_by(snapshots.c.version.desc() if desc else snapshots.c.version).limit(limit)
        with translated("events"), self._engine.connect() as connection:
            return [_snapshot(row) for row in connection.execute(statement)]


class _Taken(Exception):
    pass


def _store(connection: Connection, values: Sequence[dict[str, Any]]) -> None:
    try:
        for value in values:
            connection.execute(insert(snapshots).values(value))
    except exc.IntegrityError:
        raise _Taken from None


def _refuse_fenced(connection: Connection, rows: Sequence[NewRow]) -> None:
    for subject in {row.subject for row in rows if row.subject}:
        if connection.execute(select(exists().where(fences.c.subject == subject))).scalar_one():
            raise Erased(client=subject)


def _snapshot(row: Any) -> StoredRow:
    return StoredRow(
        id=0,
        originator_id=row.stream,
        originator_version=row.version,
        topic=row.topic,
        state=row.state,
        subject=row.subject,
        record_class=row.record_class,
        key_id=row.key_id,
        incarnation=row.incarnation,
    )
