"""Fills the audit trail's view: one row an entry, in position order, and one for each client that it names."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import Connection

from adapters.event_store.mapper import stream_of
from adapters.event_store.rows import StoredRow
from adapters.views.audit_kinds import AuditKinds, Codes
from adapters.views.bulk import id_bytes, insert_rows
from adapters.views.projection import Refusal
from adapters.views.tables import AUDIT, View, audit_clients, audit_entries

CLIENTS_AS_RESOURCES: Final = frozenset(
    ("client.find", "client.caseload", "progress.caseload", "worklist.read", "worklist.sweep")
)
"""Actions whose entries named the clients of a list as resources before entries could name clients."""


class FieldsMapper(Protocol):
    """What it needs of the mapper: an event's fields as stored, None for a row whose key was destroyed.

    Half of all events are audit entries; making objects of them first would double the time of a rebuild.
    """

    def to_fields(self, row: StoredRow) -> Mapping[str, Any] | None: ...


class _Entry(NamedTuple):
    codes: Codes
    before: tuple[Any, ...]
    """Values of the columns that come before the kind."""
    after: tuple[Any, ...]
    named: frozenset[bytes]


class AuditProjection:
    """Implements Projection for the tables of the audit view."""

    view: View = AUDIT
    kinds: Collection[str] = ("audit",)

    def __init__(self, mapper: FieldsMapper, kinds: AuditKinds) -> None:
        self._mapper = mapper
        self._kinds = kinds

    def begin(self) -> "AuditBatch":
        return AuditBatch(self._mapper, self._kinds)

    def forget(self) -> None:
        """Nothing is kept between batches but the numbers of codes, which hold nothing about anybody."""


class AuditBatch:
    """Implements Batch."""

    def __init__(self, mapper: FieldsMapper, kinds: AuditKinds) -> None:
        self._mapper = mapper
        self._kinds = kinds
        self._entries: list[_Entry] = []

    def apply(self, row: StoredRow) -> None:
        fields = self._mapper.to_fields(row)
        if fields is not None:
            self._entries.append(_entry(row, fields))

    def finish(self) -> Sequence[Refusal]:
        return ()

    def drop(self, clients: Collection[UUID]) -> None:
        """Entries outlive the record: they hold opaque ids and codes, for which other rules of retention hold."""

    def clients(self) -> Collection[UUID]:
        return ()

    def write(self, connection: Connection) -> None:
        if not self._entries:
            return
        numbers = self._kinds.numbered(connection, {entry.codes for entry in self._entries})
        insert_rows(
            connection,
            audit_entries,
            [(*entry.before, numbers[entry.codes], *entry.after) for entry in self._entries],
        )
        links = [
            (client, entry.before[0], numbers[entry.codes], entry.before[3])
            for entry in self._entries
            for client in entry.named
        ]
        insert_rows(connection, audit_clients, links)


def _entry(row: StoredRow, fields: Mapping[str, Any]) -> _Entry:
    """An entry as the columns hold it, and every client that it names."""
    client_id, behalf = fields["client_id"], fields["on_behalf_of"]
    client = None if client_id is None else id_bytes(client_id)
    resources = [id_bytes(each) for each in fields["resources"]]
    clients = [id_bytes(each) for each in fields["clients"]]
    if not clients and fields["action"] in CLIENTS_AS_RESOURCES:
        clients = resources
    return _Entry(
        codes=Codes(fields["actor_role"], fields["action"], fields["outcome"], fields["reason"], fields["purpose"]),
        before=(row.position, row.recorded_at_us, stream_of(row).bytes, id_bytes(fields["actor_id"])),
        after=(
            client,
            b"".join(resources),
            b"".join(clients),
            None if behalf is None else id_bytes(behalf),
            fields["origin"],
            row.leaf,
        ),
        named=frozenset(clients if client is None else (*clients, client)),
    )
