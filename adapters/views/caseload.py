"""The clients of a caseload, with name and birth date unsealed in memory."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Connection, func, select

from adapters.views.fences import fenced_among
from adapters.views.opening import Opens
from adapters.views.tables import JOURNEY, caseload, journey_items
from adapters.views.times import from_us, to_us
from adapters.views.tracking import ViewTracking
from domain.errors import Erased
from domain.model.appointment import AppointmentStatus
from domain.ports.ids import Clock
from domain.ports.views import CaseloadItem

_AT_ONCE: Final = 500  # SQLite counts variables


class SqlCaseloadView:
    """Implements domain.ports.views.CaseloadView. `clock` tells which planned appointments lie ahead."""

    def __init__(self, tracking: ViewTracking, sealer: Opens, clock: Clock) -> None:
        self._tracking = tracking
        self._sealer = sealer
        self._clock = clock

    def of_clients(self, client_ids: Sequence[UUID], *, at_least: int = 0) -> Sequence[CaseloadItem]:
        """In the order given; clients that the view doesn't know or that were erased are left out. Raises ViewBehind."""
        rows: dict[UUID, Any] = {}
        upcoming: dict[UUID, int] = {}
        now_us = to_us(self._clock.now())
        with self._tracking.snapshot(JOURNEY, at_least) as connection:
            for start in range(0, len(client_ids), _AT_ONCE):
                some = client_ids[start : start + _AT_ONCE]
                fenced = fenced_among(connection, some)
                found = connection.execute(select(*caseload.c).where(caseload.c.client_id.in_(some)))
                rows.update({row.client_id: row for row in found if row.client_id not in fenced})
                upcoming.update(_upcoming(connection, some, now_us))
        items = [self._item(rows[each], upcoming.get(each)) for each in dict.fromkeys(client_ids) if each in rows]
        return tuple([item for item in items if item is not None])

    def _item(self, row: Any, next_us: int | None) -> CaseloadItem | None:
        try:
            shown = self._shown(row)
        except Erased:
            return None
        return CaseloadItem(
            client_id=row.client_id,
            name=shown.get("name", ""),
            birth_date=shown.get("birth_date", ""),
            status=row.status,
            last_session_at=None if row.last_session_at_us is None else from_us(row.last_session_at_us),
            next_appointment_at=None if next_us is None else from_us(next_us),
            sessions=row.sessions,
            unsigned_sessions=row.unsigned_sessions,
        )

    def _shown(self, row: Any) -> dict[str, str]:
        if row.identity is None:
            return {}
        shown: dict[str, str] = orjson.loads(
            self._sealer.open_row(row.client_id, caseload.name, row.client_id, row.identity)
        )
        return shown


def _upcoming(connection: Connection, client_ids: Sequence[UUID], now_us: int) -> dict[UUID, int]:
    """The next planned appointment of each. Only what lies ahead is looked at: the index is by client and time."""
    table = journey_items.c
    query = (
        select(table.client_id, func.min(table.happened_at_us))
        .where(table.client_id.in_(client_ids), table.happened_at_us >= now_us)
        .where(table.kind == "appointment", table.state == AppointmentStatus.PLANNED.value)
        .group_by(table.client_id)
    )
    return dict(connection.execute(query).all())
