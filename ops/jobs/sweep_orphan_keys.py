"""Keys are stored before their first use; those whose append failed are never used and are removed a day later."""

from typing import Final
from uuid import UUID

from sqlalchemy import exists, select

from adapters.db.errors import translated
from adapters.event_store.tables import events
from adapters.keys.checks import sweep_orphans
from domain.ports.audit import AuditEntry
from domain.ports.keys import RecordClass
from domain.services.policy import Action
from ops.bootstrap import System
from ops.jobs.caller import call_of_job
from ops.jobs.job import Job


def sweep_orphan_keys(system: System) -> int:
    """Returns how many keys went. Raises StoreUnavailable, KeysUnavailable."""

    def has_events(client_id: UUID) -> bool:
        query = select(exists().where(events.c.subject == client_id))
        with translated("events"), system.databases.events.connect() as connection:
            return bool(connection.execute(query).scalar_one())

    call = call_of_job(system)
    system.access().require(call, Action.KEYS_SWEEP, RecordClass.ACCESS)
    system.ledger.note(call, AuditEntry(action=Action.KEYS_SWEEP))
    now_us = int(system.clock.now().timestamp() * 1_000_000)
    return sweep_orphans(system.keys.book, has_events, now_us=now_us)


SWEEP_ORPHAN_KEYS: Final = Job(
    name="sweep_orphan_keys",
    run=sweep_orphan_keys,
    hours=frozenset({3}),
    minutes=frozenset({41}),
    actions=(Action.KEYS_SWEEP,),
)
