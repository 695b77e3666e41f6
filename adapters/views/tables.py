"""Tables of the view database. All of it can be rebuilt from the log; Alembic creates it.

Clear: ids, times, counters and codes. Whatever a person said or wrote is sealed under the client's view key, bound to
client, table and row. Names differ from those of the event database, so that both may live in one PostgreSQL database.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Uuid

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)


def _id(name: str, **kwargs: Any) -> Column[Any]:
    """A UUID: native on PostgreSQL, 32 hexadecimal characters on SQLite."""
    return Column(name, Uuid(as_uuid=True), **kwargs)


view_tracking = Table(
    "view_tracking",
    metadata,
    Column("projection", String(100), primary_key=True),
    # The last position scanned, whether or not anything in the batch concerned the projection.
    Column("position", BigInteger, nullable=False),
    # While position is below it the rows are not whole yet (first build, rebuild): readers are told to come back.
    Column("rebuild_until", BigInteger, nullable=False),
    # Which log, which fork of it, and which shape of rows this was built for; another one means: rebuild.
    _id("deployment_id", nullable=False),
    Column("incarnation", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("moved_at_us", BigInteger, nullable=False),
)

parked_events = Table(
    "parked_events",
    metadata,
    # Events that a projection could not apply. No text: the position leads to the event.
    Column("projection", String(100), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("code", String(64), nullable=False),
    Column("parked_at_us", BigInteger, nullable=False),
)

view_fences = Table(
    "view_fences",
    metadata,
    # A client under erasure: writers of views refuse it, under their lock, and readers leave it out.
    _id("subject", primary_key=True),
    Column("position", BigInteger, nullable=False),
)

journey_items = Table(
    "journey_items",
    metadata,
    _id("id", primary_key=True),
    # Part of the key because the id of a consent comes from its caller and is unique within a client only.
    _id("client_id", primary_key=True),
    # `entry`, without state or version, where what it is would be a clinical fact: that is sealed with the content.
    Column("kind", String(16), nullable=False),
    Column("state", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("happened_at_us", BigInteger, nullable=False),
    Column("recorded_at_us", BigInteger, nullable=False),
    Column("first_position", BigInteger, nullable=False),
    # Positions of its events, oldest first, eight bytes each, big-endian.
    Column("positions", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),  # sealed JSON
    # Sealed JSON: what few readers need and may be megabytes (utterances). Last, so that others never read over it.
    Column("detail", LargeBinary),
)
Index(
    "ix_journey_items_order",
    journey_items.c.client_id,
    journey_items.c.happened_at_us,
    journey_items.c.first_position,
)

caseload = Table(
    "caseload",
    metadata,
    _id("client_id", primary_key=True),
    Column("status", String(32), nullable=False),
    Column("sessions", Integer, nullable=False),
    Column("unsigned_sessions", Integer, nullable=False),
    Column("last_session_at_us", BigInteger),
    Column("identity", LargeBinary),  # sealed JSON; NULL until the identity was recorded
    # Of the newest event in the client's journey: what was derived from it up to there still holds.
    Column("last_position", BigInteger),
)

worklist = Table(
    "worklist",
    metadata,
    # What the work list follows from, derived from a client's journey up to a position, for every client alike.
    _id("client_id", primary_key=True),
    Column("as_of", BigInteger, nullable=False),
    Column("facts", LargeBinary, nullable=False),  # sealed JSON
)

worklist_accounts = Table(
    "worklist_accounts",
    metadata,
    # Whom something waits for, beside or instead of the care team. Not what.
    _id("account_id", primary_key=True),
    _id("client_id", primary_key=True),
)
Index("ix_worklist_accounts_client_id", worklist_accounts.c.client_id)

audit_kinds = Table(
    "audit_kinds",
    metadata,
    # A combination of role, action, outcome, reason and purpose that entries have, and the number that stands for it in
    # them. Numbers are drawn at random; what they stand for is sealed under a key of the organisation.
    Column("kind", Integer, primary_key=True, autoincrement=False),
    Column("sealed", String(1024), nullable=False),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("recorded_at_us", BigInteger, nullable=False),
    _id("request_id", nullable=False),
    _id("actor_id", nullable=False),
    Column("kind", Integer, nullable=False),
    _id("client_id"),
    Column("resources", LargeBinary, nullable=False),  # sixteen bytes an id
    Column("clients", LargeBinary, nullable=False),  # as above: all that are named beside client_id
    _id("on_behalf_of"),
    Column("origin", String(200), nullable=False),
    Column("leaf", LargeBinary(32), nullable=False),
)
# Every search runs newest first, that is down the position, which orders time as well (recorded_at never decreases);
# the index on time only turns instants into positions.
Index("ix_audit_entries_recorded_at_us", audit_entries.c.recorded_at_us)
Index("ix_audit_entries_kind", audit_entries.c.kind, audit_entries.c.position)
Index("ix_audit_entries_actor", audit_entries.c.actor_id, audit_entries.c.position)
Index("ix_audit_entries_actor_kind", audit_entries.c.actor_id, audit_entries.c.kind, audit_entries.c.position)
Index("ix_audit_entries_origin", audit_entries.c.origin, audit_entries.c.position)
Index(
    "ix_audit_entries_on_behalf_of",
    audit_entries.c.on_behalf_of,
    audit_entries.c.position,
    sqlite_where=audit_entries.c.on_behalf_of.is_not(None),
    postgresql_where=audit_entries.c.on_behalf_of.is_not(None),
)

audit_clients = Table(
    "audit_clients",
    metadata,
    # Every client that an entry names, alone or among several. All columns are the key: a search never leaves its index.
    _id("client_id", primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Integer, primary_key=True, autoincrement=False),
    _id("actor_id", primary_key=True),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True, slots=True)
class View:
    """A set of tables that one projection fills. A new `version` means that rows have another shape: rebuild."""

    name: str
    version: int
    tables: tuple[Table, ...]


JOURNEY: Final = View("journey", 2, (journey_items, caseload, worklist, worklist_accounts))
AUDIT: Final = View("audit", 2, (audit_kinds, audit_entries, audit_clients))
VIEWS: Final = (JOURNEY, AUDIT)
