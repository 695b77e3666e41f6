"""The audit trail as it is searched: any of its filters together, newest first, a page at a time.

A search has a *lead*: the one index that it walks down. Codes (role, action, outcome, purpose) are numbers by the time the
rows are asked (see audit_kinds); each number's rows lie together in the index, newest last, and the newest of several are
merged. What no index orders (the origin beside others, whom a job acted for) is looked at row by row, a bounded number a
page: such a page may hold fewer entries than asked for and still not be the last.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Unpack, cast
from uuid import UUID

from sqlalchemy import Connection, func, select, text

from adapters.views.audit_kinds import AuditKinds, Codes
from adapters.views.audit_leads import Bounds, Lead, lead_of
from adapters.views.tables import AUDIT, audit_entries
from adapters.views.times import from_us, to_us
from adapters.views.tracking import ViewTracking
from domain.errors import Invalid, SealBroken
from domain.ports.audit import AuditFilters
from domain.ports.views import AuditRecord, Page

_MOST: Final = 1000
_BEYOND: Final = 2**62
# Rows looked at one by one for a page, where no index answers the whole question.
_CANDIDATES: Final = 2_000
_ROUNDS: Final = 10


@dataclass(frozen=True, slots=True)
class _Found:
    rows: Sequence[Any]
    end: int
    """Nothing at or beyond this position is left to look at; 0 when the search came to its end."""


class SqlAuditView:
    """Implements domain.ports.views.AuditView."""

    def __init__(self, tracking: ViewTracking, kinds: AuditKinds) -> None:
        self._tracking = tracking
        self._kinds = kinds

    def search(
        self,
        *,
        at_least: int = 0,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
        **filters: Unpack[AuditFilters],
    ) -> Page:
        """AuditRecords with since ≤ recorded_at < until, newest first. Raises ViewBehind, Invalid (a limit, a cursor),
        SealBroken for codes that were tampered with.
        """
        if not 1 <= limit <= _MOST:
            raise Invalid(f"limit must be between 1 and {_MOST}.", field="limit")
        if after is not None and len(after) != 1:
            raise Invalid("This cursor is not one of the audit trail.", field="after")
        with self._tracking.snapshot(AUDIT, at_least) as connection:
            bounds = _bounds(connection, filters.get("since"), filters.get("until"), after)
            kinds = self._matching(connection, filters)
            if bounds is None or kinds == ():
                return Page()
            found = _found(connection, lead_of(connection, filters, kinds, bounds), bounds, limit + 1)
            shown = found.rows[:limit]
            codes = self._kinds.of(connection, {row.kind for row in shown})
        items = tuple([_record(row, codes) for row in shown])
        if len(found.rows) > limit:
            return Page(items=items, after=(items[-1].position,))
        return Page(items=items, after=(found.end,) if found.end else None)

    def _matching(self, connection: Connection, filters: AuditFilters) -> tuple[int, ...] | None:
        """The numbers of the codes that are asked for; None when none are."""
        asked = {name: filters.get(name) for name in Codes._fields}
        asked = {name: value for name, value in asked.items() if value is not None}
        without = frozenset(filters.get("without", ()))
        if not asked and not without:
            return None
        return tuple(
            kind
            for kind, codes in self._kinds.all(connection).items()
            if codes.action not in without and all(getattr(codes, name) == value for name, value in asked.items())
        )


def _found(connection: Connection, lead: Lead, bounds: Bounds, wanted: int) -> _Found:
    """The newest `wanted` rows that match, and how far the search has come."""
    if not lead.rest:
        return _Found(_rows(connection, lead.positions(connection, bounds, wanted), ()), 0)
    rows: list[Any] = []
    for _ in range(_ROUNDS):
        candidates = lead.positions(connection, bounds, _CANDIDATES)
        rows.extend(_rows(connection, candidates, lead.rest))
        if len(candidates) < _CANDIDATES:
            return _Found(rows, 0)
        bounds = Bounds(bounds.first, candidates[-1])
        if len(rows) >= wanted:
            break
    return _Found(rows, bounds.end)


def _rows(connection: Connection, positions: Sequence[int], rest: Sequence[Any]) -> Sequence[Any]:
    if not positions:
        return ()
    # One parameter however many positions: lists of thousands take longer to bind than to look up.
    if connection.dialect.name == "postgresql":
        among = text("audit_entries.position = ANY(CAST(:positions AS bigint[]))").bindparams(positions=list(positions))
    else:
        listed = json.dumps(list(positions))
        among = text("audit_entries.position IN (SELECT value FROM json_each(:positions))").bindparams(positions=listed)
    query = select(*audit_entries.c).where(among, *rest)
    return connection.execute(query.order_by(audit_entries.c.position.desc())).all()


def _bounds(
    connection: Connection, since: datetime | None, until: datetime | None, after: tuple[int, ...] | None
) -> Bounds | None:
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
    return Bounds(first, end)


def _first_at_or_after(connection: Connection, instant: datetime) -> int | None:
    table = audit_entries.c
    us = select(func.min(table.recorded_at_us)).where(table.recorded_at_us >= to_us(instant)).scalar_subquery()
    # The lowest position among the entries of the first instant: several may share one. They are found before they are
    # compared (the OFFSET keeps planners from merging the two): asked for the least at once, PostgreSQL rather walks up
    # the primary key until it meets the instant, as long as it has no statistics of a view that was just built.
    at_once = select(table.position).where(table.recorded_at_us == us).offset(0).subquery()
    position: int | None = connection.scalar(select(func.min(at_once.c.position)))
    return position


def _record(row: Any, kinds: Any) -> AuditRecord:
    codes = cast("Codes | None", kinds.get(row.kind))
    if codes is None:
        raise SealBroken("An entry of the audit view says what no code stands for.")
    return AuditRecord(
        position=row.position,
        leaf=row.leaf,
        recorded_at=from_us(row.recorded_at_us),
        request_id=row.request_id,
        actor_id=row.actor_id,
        actor_role=codes.role,
        action=codes.action,
        client_id=row.client_id,
        resources=_ids(row.resources),
        outcome=codes.outcome,
        reason=codes.reason,
        purpose=codes.purpose,
        origin=row.origin,
        on_behalf_of=row.on_behalf_of,
        clients=_ids(row.clients),
    )


def _ids(packed: bytes) -> tuple[UUID, ...]:
    return tuple([UUID(bytes=packed[start : start + 16]) for start in range(0, len(packed), 16)])
