"""Loading one aggregate: its stream, opened and replayed, from a snapshot on when the stream is long."""

from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar, cast
from uuid import UUID

from eventsourcing.domain import Aggregate, OriginatorIDError, OriginatorVersionError
from eventsourcing.persistence import IntegrityError
from sqlalchemy import Engine, Integer, bindparam, exists, select

from adapters.event_store import reads
from adapters.event_store.frozen import code_version, freeze, thaw
from adapters.event_store.mapper import Mapper
from adapters.event_store.questions import Question
from adapters.event_store.registry import REGISTRY
from adapters.event_store.rows import StoredRow
from adapters.event_store.snapshots import SnapshotRecorder
from adapters.event_store.tables import events, fences
from adapters.event_store.unsealed import SystemRecord, Tombstone
from domain.errors import AnamnesisError, Erased, KeyMissing, SealBroken
from domain.model.clinical import record_class_of

A = TypeVar("A", bound=Aggregate)

SNAPSHOT_AFTER: Final = 500
"""Events beyond which replay is helped by a snapshot."""

_FENCED: Final = exists(select(fences.c.subject).where(fences.c.subject == events.c.subject)).label("fenced")
# Made once: to build such a statement costs more than to execute it.
_STREAM: Final = Question(
    reads.ROWS.add_columns(_FENCED)
    .where(events.c.stream == bindparam("stream"), events.c.version > bindparam("after"))
    .order_by(events.c.version)
    .limit(bindparam("most", type_=Integer))
)
_ALL: Final = 2**31 - 1


class AggregateStore(Generic[A]):
    """Satisfies domain.ports.stores.AggregateStore. Without `snapshots` long streams are replayed whole."""

    def __init__(
        self,
        engine: Engine,
        mapper: Mapper,
        aggregate_class: type[A],
        snapshots: SnapshotRecorder | None = None,
        *,
        snapshot_after: int = SNAPSHOT_AFTER,
    ) -> None:
        self._engine = engine
        self._mapper = mapper
        self._class: Any = aggregate_class
        self._snapshots = snapshots
        self._snapshot_after = snapshot_after
        # Names the class as well: an id of something else must not be taken for one of these.
        self._topic = f"snapshot.{aggregate_class.__name__}.{code_version()}"

    def get(self, aggregate_id: UUID, /) -> A:
        """Also raises SealBroken, KeyMissing for a stream that was tampered with or whose keys were lost."""
        rows = self._rows(aggregate_id, 0, self._snapshot_after + 1)
        if not rows:
            raise self._class.NOT_FOUND(id=aggregate_id)
        if len(rows) <= self._snapshot_after:
            return self._replayed(None, rows)
        known = self._snapshot(rows[0])
        rest = (
            self._rows(aggregate_id, known.version, None)
            if known
            else [*rows, *self._rows(aggregate_id, rows[-1].originator_version, None)]
        )
        aggregate = self._replayed(known, rest)
        if len(rest) > self._snapshot_after:
            self._take(aggregate)
        return aggregate

    def _rows(self, stream: UUID, after_version: int, limit: int | None) -> list[StoredRow]:
        """Raises Erased when the client is fenced, though its keys may still be there."""
        found = _STREAM.ask(self._engine, stream=stream, after=after_version, most=limit or _ALL)
        rows = [reads.stored_row(row[:-1]) for row in found]
        if found and found[0][-1]:
            raise Erased(client=rows[0].subject)
        return rows

    def _replayed(self, aggregate: A | None, rows: Sequence[StoredRow]) -> A:
        try:
            for row in rows:
                event: Any = self._mapper.to_event(row)
                if isinstance(event, Tombstone):
                    raise Erased(client=row.subject, loss=event.loss)
                if isinstance(event, SystemRecord):
                    raise SealBroken("An unsealed record lies in the stream of a record.", position=row.position)
                if aggregate is None and REGISTRY.of_class(type(event)).aggregate is not self._class:
                    raise self._class.NOT_FOUND(id=row.originator_id)
                aggregate = event.mutate(aggregate)
        except (OriginatorIDError, OriginatorVersionError, AssertionError) as exc:
            raise SealBroken(
                "A stream has a gap or an event that does not belong to it.", stream=row.originator_id
            ) from exc
        return cast("A", aggregate)

    def _snapshot(self, first: StoredRow) -> A | None:
        """The newest one that this code wrote; None sends the reader back to the events."""
        if self._snapshots is None:
            return None
        row = self._snapshots.latest(cast("UUID", first.originator_id))
        if row is None or row.topic != self._topic:
            return None
        if (row.subject, row.record_class) != (first.subject, first.record_class):
            return None
        try:
            return cast("A", thaw(self._class, self._mapper.opened(row)))
        except (SealBroken, KeyMissing, Erased, ValueError, TypeError, KeyError):
            return None

    def _take(self, aggregate: A) -> None:
        """A help, not a duty: a reader is answered whether or not it could be stored."""
        if self._snapshots is None:
            return
        state: Any = aggregate
        try:
            row = self._mapper.sealed(
                state.id, state.version, self._topic, record_class_of(state), state.subject, freeze(aggregate)
            )
            self._snapshots.put([row], self._mapper.incarnation)
        except (AnamnesisError, IntegrityError):
            return
