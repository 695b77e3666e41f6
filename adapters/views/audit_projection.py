"""Fills the audit trail's view: one clear row an entry, in position order."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection

from adapters.event_store.rows import StoredRow
from adapters.views.audit import pack_resources
from adapters.views.bulk import insert_rows
from adapters.views.projection import Refusal
from adapters.views.tables import AUDIT, View, audit_entries
from domain.model.audit import AuditEvent


class EventMapper(Protocol):
    """What it needs of the mapper: an AuditEvent, or something else for a row whose key was destroyed."""

    def to_event(self, row: StoredRow) -> Any: ...


class AuditProjection:
    """Implements Projection for the table `audit_entries`."""

    view: View = AUDIT
    kinds: Collection[str] = ("audit",)

    def __init__(self, mapper: EventMapper) -> None:
        self._mapper = mapper

    def begin(self) -> "AuditBatch":
        return AuditBatch(self._mapper)

    def forget(self) -> None:
        """Nothing is kept between batches."""


class AuditBatch:
    """Implements Batch."""

    def __init__(self, mapper: EventMapper) -> None:
        self._mapper = mapper
        self._rows: list[tuple[Any, ...]] = []

    def apply(self, row: StoredRow) -> None:
        event = self._mapper.to_event(row)
        if not isinstance(event, AuditEvent):
            return
        self._rows.append(
            (
                row.position,
                row.recorded_at_us,
                row.originator_id,
                event.actor_id,
                event.actor_role,
                event.action,
                event.client_id,
                pack_resources(event.resources),
                event.outcome,
                event.reason,
                event.purpose,
                event.origin,
                row.leaf,
            )
        )

    def finish(self) -> Sequence[Refusal]:
        return ()

    def drop(self, clients: Collection[UUID]) -> None:
        """Entries outlive the record: they hold opaque ids and codes, for which other rules of retention hold."""

    def clients(self) -> Collection[UUID]:
        return ()

    def write(self, connection: Connection) -> None:
        insert_rows(connection, audit_entries, self._rows)
