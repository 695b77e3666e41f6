"""The access tables anew from the events, after a restore or when they are in doubt."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Engine, delete

from adapters.access.tables import (
    accounts,
    agreements,
    care_team,
    clients,
    consents,
    erasures,
    exceptional_access,
    identity_lookup,
    legal_holds,
    linked_identities,
    notes_folders,
    secret_uses,
    sign_ins,
)
from adapters.access.writes import AccessWrites
from adapters.db.engines import write_transaction
from adapters.db.errors import translated
from adapters.event_store.mapper import Mapper, stream_of
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import StoredRow
from adapters.event_store.unsealed import Tombstone
from adapters.event_store.writer import inserts_for
from domain.model.account import Account

_TABLES = (
    accounts,
    sign_ins,
    linked_identities,
    secret_uses,
    clients,
    care_team,
    exceptional_access,
    consents,
    identity_lookup,
    notes_folders,
    legal_holds,
    erasures,
    agreements,
)
_KINDS = frozenset({"access", "client", "identity"})
"""Coarse kinds of the topics that these tables follow from: half of the log, the audit entries, and every record of a
client need not be opened, nor does one that can't be opened stand in the way.
"""
_BATCH = 1000


class _Of(NamedTuple):
    """What the rules ask of aggregates other than accounts."""

    client_id: UUID | None


def rebuild_access_state(engine: Engine, recorder: Recorder, mapper: Mapper, writes: AccessWrites) -> int:
    """Empty the tables and write them again, in one transaction under the lock of the log; returns the events read.

    Writers wait meanwhile. What belonged to erased clients does not come back. Drafts are no events and stay as they
    are. Raises StoreUnavailable, KeysUnavailable, SealBroken, KeyMissing.
    """
    known: dict[UUID, Any] = {}
    after = 0
    with translated("events"), write_transaction(engine) as connection:
        inserts_for(engine).lock(connection)
        for table in _TABLES:
            connection.execute(delete(table))
        while rows := recorder.read_log(after, _BATCH):
            for row in rows:
                if row.topic.partition(".")[0] not in _KINDS:
                    continue
                event = mapper.to_event(row)
                if isinstance(event, Tombstone):
                    continue
                for write in writes.writes_for(event, _aggregate(known, row, event)):
                    connection.execute(write.statement, write.parameters)
            after = rows[-1].position
    return after


def _aggregate(known: dict[UUID, Any], row: StoredRow, event: Any) -> Any:
    """Accounts are replayed along, because their rows hold counters."""
    if not isinstance(event, Account.Event):
        return _Of(row.subject)
    stream = stream_of(row)
    known[stream] = event.mutate(known.get(stream))
    return known[stream]
