"""The audit trail as compliance officers and clients search it: clear columns, newest first."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Connection, Select, func, literal, literal_column, select, tuple_

from adapters.views.tables import AUDIT, audit_entries
from adapters.views.times import from_us, to_us
from adapters.views.tracking import ViewTracking
from domain.errors import Invalid
from domain.ports.audit import Outcome
from domain.ports.views import AuditRecord, Page

_MOST: Final = 1000
_BEYOND: Final = 2**62
# Indexes of the table, those that narrow most first, and the order of columns in them.
_INDEXED: Final = tuple(
    frozenset(names) for names in (("client_id",), ("actor_id", "action"), ("outcome",), ("actor_id",), ("action",))
)
_ORDER: Final = ("client_id", "outcome", "actor_id", "action")


class SqlAuditView:
    """Implements domain.ports.views.AuditView."""

    def __init__(self, tracking: ViewTracking) -> None:
        self._tracking = tracking

    def search(  # noqa: PLR0913 - the port's filters
        self,
        *,
        at_least: int = 0,
        actor_id: UUID | None = None,
        client_id: UUID | None = None,
        action: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
    ) -> Page:
        """AuditRecords with since ≤ recorded_at < until, newest first. Raises ViewBehind, Invalid (a limit, a cursor)."""
        if not 1 <= limit <= _MOST:
            raise Invalid(f"limit must be between 1 and {_MOST}.", field="limit")
        if after is not None and len(after) != 1:
            raise Invalid("This cursor is not one of the audit trail.", field="after")
        given = {"client_id": client_id, "actor_id": actor_id, "action": action, "outcome": outcome}
        filters = {name: value for name, value in given.items() if value is not None}
        with self._tracking.snapshot(AUDIT, at_least) as connection:
            bounds = _bounds(connection, since, until, after)
            if bounds is None:
                return Page()
            rows = connection.execute(_newest_first(filters, *bounds).limit(limit + 1)).all()
        items = tuple([_record(row) for row in rows[:limit]])
        return Page(items=items, after=(items[-1].position,) if len(rows) > limit else None)


def _newest_first(filters: Mapping[str, object], first: int, end: int) -> Select[Any]:
    """Entries with first ≤ position < end that match, down the index that narrows most.

    The range is one over the index's columns together, and so is the order. Were it an equality and an order by
    position, PostgreSQL would rather walk down the primary key and filter, which is quick for those who acted lately and
    reads millions of rows for those who left.
    """
    lead = next((names for names in _INDEXED if names <= filters.keys() and _narrows(names, filters)), frozenset())
    columns = [audit_entries.c[name] for name in _ORDER if name in lead]
    key = tuple_(*columns, audit_entries.c.position)
    values = [literal(filters[column.name], column.type) for column in columns]
    query = select(*audit_entries.c).where(
        key >= tuple_(*values, literal(first, BigInteger)), key < tuple_(*values, literal(end, BigInteger))
    )
    # The conditions of partial indexes, word for word: planners prove neither from parameters.
    if "client_id" in lead:
        query = query.where(audit_entries.c.client_id.is_not(None))
    if "outcome" in lead:
        query = query.where(audit_entries.c.outcome != literal_column("'allowed'"))
    rest = [audit_entries.c[name] == value for name, value in filters.items() if name not in lead]
    return query.where(*rest).order_by(*[column.desc() for column in (*columns, audit_entries.c.position)])


def _narrows(names: frozenset[str], filters: Mapping[str, object]) -> bool:
    """Nearly all entries have the outcome "allowed", for which there is no index."""
    return "outcome" not in names or filters["outcome"] != Outcome.ALLOWED.value


def _bounds(
    connection: Connection, since: datetime | None, until: datetime | None, after: tuple[int, ...] | None
) -> tuple[int, int] | None:
    """Times as positions, which order the search: recorded_at never decreases along the log. None: nothing in between."""
    first, end = 0, _BEYOND if after is None else after[0]
    if since is not None:
        position = _first_at_or_after(connection, since)
        if position is None:
            return None
        first = position
    if until is not None:
        position = _first_at_or_after(connection, until)
        end = end if position is None else min(end, position)
    return first, end


def _first_at_or_after(connection: Connection, instant: datetime) -> int | None:
    # The lowest position among the entries of the first instant: several may share one.
    table = audit_entries.c
    us = select(func.min(table.recorded_at_us)).where(table.recorded_at_us >= to_us(instant)).scalar_subquery()
    position: int | None = connection.scalar(select(func.min(table.position)).where(table.recorded_at_us == us))
    return position


def _record(row: Any) -> AuditRecord:
    return AuditRecord(
        position=row.position,
        leaf=row.leaf,
        recorded_at=from_us(row.recorded_at_us),
        request_id=row.request_id,
        actor_id=row.actor_id,
        actor_role=row.actor_role,
        action=row.action,
        client_id=row.client_id,
        resources=_resources(row.resources),
        outcome=row.outcome,
        reason=row.reason,
        purpose=row.purpose,
        origin=row.origin,
    )


def _resources(packed: bytes) -> tuple[UUID, ...]:
    return tuple([UUID(bytes=packed[start : start + 16]) for start in range(0, len(packed), 16)])
