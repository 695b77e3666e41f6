"""The audit trail as compliance officers and clients search it: clear columns, newest first."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select

from adapters.views.tables import AUDIT, audit_entries
from adapters.views.times import from_us, to_us
from adapters.views.tracking import ViewTracking
from domain.errors import Invalid
from domain.ports.views import AuditRecord, Page

_MOST: Final = 1000
_COLUMNS: Final = tuple(audit_entries.c)


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
        conditions = _conditions(actor_id, client_id, action, outcome)
        if after is not None:
            conditions.append(audit_entries.c.position < after[0])
        query = select(*_COLUMNS).order_by(audit_entries.c.position.desc()).limit(limit + 1)
        with self._tracking.snapshot(AUDIT, at_least) as connection:
            bounds = _bounds(connection, since, until)
            if bounds is None:
                return Page()
            rows = connection.execute(query.where(*conditions, *bounds)).all()
        items = tuple([_record(row) for row in rows[:limit]])
        return Page(items=items, after=(items[-1].position,) if len(rows) > limit else None)


def _conditions(
    actor_id: UUID | None, client_id: UUID | None, action: str | None, outcome: str | None
) -> list[ColumnElement[bool]]:
    table = audit_entries.c
    given = ((table.actor_id, actor_id), (table.client_id, client_id), (table.action, action), (table.outcome, outcome))
    conditions = [column == value for column, value in given if value is not None]
    if outcome not in (None, "allowed"):
        # As the small index says it, word for word: planners prove nothing about parameters.
        conditions.append(table.outcome != literal_column("'allowed'"))
    return conditions


def _bounds(connection: Connection, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]] | None:
    """Times as positions, which order the search: recorded_at never decreases along the log. None: nothing in between."""
    bounds = []
    if since is not None:
        first = connection.scalar(_first_at_or_after(since))
        if first is None:
            return None
        bounds.append(audit_entries.c.position >= first)
    if until is not None:
        end = connection.scalar(_first_at_or_after(until))
        if end is not None:
            bounds.append(audit_entries.c.position < end)
    return bounds


def _first_at_or_after(instant: datetime) -> Select[tuple[int]]:
    # The lowest position among the entries of the first instant: several may share one.
    table = audit_entries.c
    us = select(func.min(table.recorded_at_us)).where(table.recorded_at_us >= to_us(instant)).scalar_subquery()
    return select(func.min(table.position)).where(table.recorded_at_us == us)


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
