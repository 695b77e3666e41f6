"""What lies beside the log of a client: rows of access state, drafts, reports, snapshots, views. Ciphertext goes as well."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, Table, bindparam, delete, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from adapters.access.tables import accounts, clients, erasures, legal_holds
from adapters.db.errors import translated
from adapters.db.transactions import BEGIN, NOT_AT_ALL, write_transaction
from adapters.erasure.writes import packed, unpacked
from adapters.event_store.tables import events, metadata, snapshots
from adapters.event_store.writer import exclusive_transaction
from adapters.views.fences import fence
from adapters.views.tables import (
    AUDIT,
    JOURNEY,
    VIEWS,
    audit_clients,
    audit_entries,
    caseload,
    journey_items,
    worklist,
    worklist_accounts,
)
from adapters.views.tracking import ViewTracking
from domain.ports.erasure import Classes, Purged
from domain.ports.keys import RecordClass

KEPT: Final = frozenset((legal_holds.name, erasures.name))
"""Tables that name a client and outlive it: ids, codes and times. A table says so of itself with info={"outlives": True}."""
_OF_ALL_CLASSES: Final = frozenset(("reports",))
"""Made from all that a client's record holds: gone with any class of it."""
_OF_JOURNAL: Final = frozenset(("drafts",))
_REDACTABLE: Final = events.c.record_class == RecordClass.ACCESS.value
_AT_ONCE: Final = 500  # SQLite counts variables
_TRIES: Final = 20


def purge_events(engine: Engine, erasure_id: UUID, client_id: UUID, classes: Classes) -> Purged:
    """Of the event database. Under the lock of the log, so that nothing of a group half-way comes after. Repeatable: what
    was found in earlier runs is counted among the positions. Raises StoreUnavailable.
    """
    with translated("events"), exclusive_transaction(engine) as connection:
        if classes:
            return Purged(rows=_purge_classes(connection, client_id, classes), redacted=())
        redacted = _account_events(connection, erasure_id, client_id)
        rows = _delete(connection, snapshots, snapshots.c.subject == client_id)
        of_client = select(accounts.c.id).where(accounts.c.client_id == client_id)
        for table in metadata.sorted_tables:
            if "account_id" in table.c:  # sign-ins, secrets, links, places in care teams
                rows += _delete(connection, table, table.c.account_id.in_(of_client))
        for table in _tables_of_clients():
            rows += _delete(connection, table, table.c.client_id == client_id)
        rows += _delete(connection, clients, clients.c.id == client_id)
        return Purged(rows=rows, redacted=redacted)


def purge_views(tracking: ViewTracking, client_id: UUID, classes: Classes, position: int, engine: Engine) -> None:
    """Of the view database; `engine` is the event database's, which tells what lay in which class. Raises
    StoreUnavailable.
    """
    if not classes:
        fence(tracking, client_id, position)
        return
    streams = _streams(engine, client_id, classes)
    with translated("views"), write_transaction(tracking.engine) as connection:
        tracking.lock(connection, VIEWS)
        for start in range(0, len(streams), _AT_ONCE):
            some = streams[start : start + _AT_ONCE]
            chosen = (journey_items.c.client_id == client_id, journey_items.c.id.in_(some))
            connection.execute(delete(journey_items).where(*chosen))
        if RecordClass.IDENTITY in classes:
            connection.execute(update(caseload).where(caseload.c.client_id == client_id).values(identity=None))
        # Derived from all of it, and derived anew by the next sweep from what is left.
        for table in (worklist, worklist_accounts):
            connection.execute(delete(table).where(table.c.client_id == client_id))


def purge_audit_view(tracking: ViewTracking, before_us: int) -> int:
    """Entries of the audit trail recorded earlier, microseconds since 1970; how many went. In steps, so that nobody waits
    long for the view. Repeatable. Raises StoreUnavailable.
    """
    purged = 0
    while gone := _purge_audit_step(tracking, before_us):
        purged += gone
    return purged


def _purge_audit_step(tracking: ViewTracking, before_us: int) -> int:
    entries, named = audit_entries.c, audit_clients.c
    oldest = select(entries.position, entries.client_id, entries.clients, entries.resources)
    oldest = oldest.where(entries.recorded_at_us < before_us).order_by(entries.recorded_at_us).limit(_AT_ONCE)
    with translated("views"), write_transaction(tracking.engine) as connection:
        tracking.lock(connection, (AUDIT,))
        rows = connection.execute(oldest).all()
        links = [{"at": row.position, "client": client} for row in rows for client in _ids_of(row)]
        if links:  # by the front of the key: that table has no index by position
            one = (named.client_id == bindparam("client"), named.position == bindparam("at"))
            connection.execute(delete(audit_clients).where(*one), links)
        _delete(connection, audit_entries, entries.position.in_([row.position for row in rows]))
    return len(rows)


def _ids_of(row: Any) -> set[UUID]:
    """All that an entry may be linked to: older ones named clients as resources."""
    packed_ids = bytes(row.clients) + bytes(row.resources)
    found = {UUID(bytes=packed_ids[start : start + 16]) for start in range(0, len(packed_ids), 16)}
    return found if row.client_id is None else found | {row.client_id}


def redact(engine: Engine, positions: Sequence[int]) -> None:
    """Remove states; `engine` works with the rights of the retention role. Raises StoreUnavailable."""
    with translated("events"), write_transaction(engine) as connection:
        for start in range(0, len(positions), _AT_ONCE):
            some = list(positions[start : start + _AT_ONCE])
            connection.execute(
                update(events)
                .where(events.c.position.in_(some), _REDACTABLE, events.c.state.is_not(None))
                .values(state=None)
            )


def empty_write_ahead_log(engine: Engine) -> bool:
    """Of a SQLite file: what was overwritten in the file must not lie on beside it. False when readers kept it from being
    emptied; True on PostgreSQL, which sees to its own.
    """
    if engine.dialect.name != "sqlite":
        return True
    for _ in range(_TRIES):
        with suppress(SQLAlchemyError), engine.connect() as connection:
            connection.execution_options(**{BEGIN: NOT_AT_ALL})
            row = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            if not row[0]:
                return True
    return False


def _purge_classes(connection: Connection, client_id: UUID, classes: Classes) -> int:
    names = [each.value for each in classes]
    chosen = (snapshots.c.subject == client_id, snapshots.c.record_class.in_(names))
    rows = _delete(connection, snapshots, *chosen)
    tables = _OF_ALL_CLASSES | (_OF_JOURNAL if RecordClass.JOURNAL in classes else frozenset())
    if RecordClass.IDENTITY in classes:
        tables |= {"identity_lookup"}
    for table in _tables_of_clients():
        if table.name in tables:
            rows += _delete(connection, table, table.c.client_id == client_id)
    return rows


def _account_events(connection: Connection, erasure_id: UUID, client_id: UUID) -> tuple[int, ...]:
    """Positions of the events of the client's own accounts, remembered before the rows that lead to them are gone.

    Of no other class, whatever the rows say: they are no part of the log, and what is named here is removed under the
    log's signature. Who rules the database could else have a session's state taken out as if by right.
    """
    stored = connection.execute(select(erasures.c.redacted).where(erasures.c.id == erasure_id)).scalar_one()
    streams = select(accounts.c.id).where(accounts.c.client_id == client_id)
    theirs = or_(events.c.stream.in_(streams), events.c.position.in_(unpacked(bytes(stored))))
    found = connection.execute(select(events.c.position).where(theirs, _REDACTABLE)).scalars()
    positions = tuple(sorted(found))
    connection.execute(update(erasures).where(erasures.c.id == erasure_id).values(redacted=packed(positions)))
    return positions


def _streams(engine: Engine, client_id: UUID, classes: Classes) -> Sequence[UUID]:
    names = [each.value for each in classes]
    query = select(events.c.stream).where(events.c.subject == client_id, events.c.record_class.in_(names)).distinct()
    with translated("events"), engine.connect() as connection:
        return connection.execute(query).scalars().all()


def _tables_of_clients() -> list[Table]:
    """Every table of the event database with a column `client_id`, later ones included: what is to stay must say so."""
    return [
        table
        for table in metadata.sorted_tables
        if "client_id" in table.c and table.name not in KEPT and not table.info.get("outlives")
    ]


def _delete(connection: Connection, table: Table, *conditions: Any) -> int:
    return connection.execute(delete(table).where(*conditions)).rowcount


def rows_left(events_engine: Engine, tracking: ViewTracking, client_id: UUID) -> int:
    """Rows of the client that a purge should have removed; for whoever checks."""
    left = 0
    with translated("events"), events_engine.connect() as connection:
        columns = [table.c.client_id for table in _tables_of_clients()]
        for column in (*columns, snapshots.c.subject, clients.c.id):
            left += connection.execute(select(func.count()).where(column == client_id)).scalar_one()
    with translated("views"), tracking.engine.connect() as connection:
        for table in JOURNEY.tables:
            chosen = or_(table.c.client_id == client_id)
            left += connection.execute(select(func.count()).select_from(table).where(chosen)).scalar_one()
    return left
