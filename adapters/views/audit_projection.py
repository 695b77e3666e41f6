"""Fills the audit trail's view: one clear row an entry, in position order."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection

from adapters.event_store.mapper import stream_of
from adapters.event_store.rows import StoredRow
from adapters.views.bulk import id_bytes, insert_rows
from adapters.views.projection import Refusal
from adapters.views.tables import AUDIT, View, audit_entries


class FieldsMapper(Protocol):
    """What it needs of the mapper: an event's fields as stored, None for a row whose key was destroyed.

    Half of all events are audit entries; making objects of them first would double the time of a rebuild.
    """

    def to_fields(self, row: StoredRow) -> Mapping[str, Any] | None: ...


class AuditProjection:
    """Implements Projection for the table `audit_entries`."""

    view: View = AUDIT
    kinds: Collection[str] = ("audit",)

    def __init__(self, mapper: FieldsMapper) -> None:
        self._mapper = mapper

    def begin(self) -> "AuditBatch":
        return AuditBatch(self._mapper)

    def forget(self) -> None:
        """Nothing is kept between batches."""


class AuditBatch:
    """Implements Batch."""

    def __init__(self, mapper: FieldsMapper) -> None:
        self._mapper = mapper
        self._rows: list[tuple[Any, ...]] = []

    def apply(self, row: StoredRow) -> None:
        fields = self._mapper.to_fields(row)
        if fields is None:
            return
        client_id = fields["client_id"]
        self._rows.append(
            (
                row.position,
                row.recorded_at_us,
                stream_of(row).bytes,
                id_bytes(fields["actor_id"]),
                fields["actor_role"],
                fields["action"],
                None if client_id is None else id_bytes(client_id),
                b"".join([id_bytes(each) for each in fields["resources"]]),
                fields["outcome"],
                fields["reason"],
                fields["purpose"],
                fields["origin"],
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
