"""A client's journey, unsealed page by page."""

from collections.abc import Sequence
from datetime import datetime
from struct import unpack
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, and_, or_, select, type_coerce
from sqlalchemy.types import NullType

from adapters.views.fences import fenced_among
from adapters.views.tables import JOURNEY, journey_items
from adapters.views.times import from_us, to_us
from adapters.views.tracking import ViewTracking
from domain.errors import Erased, Invalid
from domain.ports.views import JourneyItem, Page

_MOST: Final = 2000
_KINDS: Final = frozenset(("session", "appointment", "consent", "care_team", "client"))
# The client is known; ids are made from what the driver gives, at a fraction of the time of a general conversion.
_COLUMNS: Final = (type_coerce(journey_items.c.id, NullType()), *list(journey_items.c)[2:])


class Opens(Protocol):
    """What the readers need of the row sealer."""

    def open_row(self, client_id: UUID, table: str, row_id: UUID, sealed: bytes) -> bytes: ...


class SqlJourneyView:
    """Implements domain.ports.views.JourneyView."""

    def __init__(self, tracking: ViewTracking, sealer: Opens) -> None:
        self._tracking = tracking
        self._sealer = sealer

    def of_client(  # noqa: PLR0913 - the port's filters
        self,
        client_id: UUID,
        *,
        at_least: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        kinds: Sequence[str] = (),
        after: tuple[int, ...] | None = None,
        limit: int = 100,
    ) -> Page:
        """JourneyItems with since ≤ happened_at < until, by happened_at then first position.

        `after` is (happened_at in microseconds, first position). Raises ViewBehind, Erased, Invalid (limit, kind, cursor).
        """
        _check(kinds, after, limit)
        conditions = _conditions(client_id, since, until, kinds, after)
        table = journey_items.c
        query = select(*_COLUMNS).where(*conditions).order_by(table.happened_at_us, table.first_position)
        with self._tracking.snapshot(JOURNEY, at_least) as connection:
            if fenced_among(connection, (client_id,)):
                raise Erased(client_id=client_id)
            rows = connection.execute(query.limit(limit + 1)).all()
        more = len(rows) > limit
        rows = rows[:limit]
        items = tuple([self._item(client_id, row) for row in rows])
        return Page(items=items, after=(rows[-1].happened_at_us, rows[-1].first_position) if more else None)

    def _item(self, client_id: UUID, row: Any) -> JourneyItem:
        raw_id, kind, state, version, happened_at_us, recorded_at_us, _, positions, sealed = row
        item_id = raw_id if isinstance(raw_id, UUID) else UUID(raw_id)
        return JourneyItem(
            kind=kind,
            id=item_id,
            client_id=client_id,
            state=state,
            version=version,
            happened_at=from_us(happened_at_us),
            recorded_at=from_us(recorded_at_us),
            positions=unpack(f">{len(positions) // 8}Q", positions),
            content=orjson.loads(self._sealer.open_row(client_id, journey_items.name, item_id, sealed)),
        )


def _check(kinds: Sequence[str], after: tuple[int, ...] | None, limit: int) -> None:
    if not 1 <= limit <= _MOST:
        raise Invalid(f"limit must be between 1 and {_MOST}.", field="limit")
    if not _KINDS.issuperset(kinds):
        raise Invalid(f"Kinds are {', '.join(sorted(_KINDS))}.", field="kinds")
    if after is not None and len(after) != 2:
        raise Invalid("This cursor is not one of a journey.", field="after")


def _conditions(
    client_id: UUID,
    since: datetime | None,
    until: datetime | None,
    kinds: Sequence[str],
    after: tuple[int, ...] | None,
) -> list[ColumnElement[bool]]:
    table = journey_items.c
    conditions: list[ColumnElement[bool]] = [table.client_id == client_id]
    if since is not None:
        conditions.append(table.happened_at_us >= to_us(since))
    if until is not None:
        conditions.append(table.happened_at_us < to_us(until))
    if kinds:
        conditions.append(table.kind.in_(sorted(set(kinds))))
    if after is not None:
        happened_at_us, position = after
        # The first condition lets the index begin there; a row comparison is not one on every database.
        conditions.append(table.happened_at_us >= happened_at_us)
        later = table.happened_at_us > happened_at_us
        conditions.append(or_(later, and_(table.happened_at_us == happened_at_us, table.first_position > position)))
    return conditions
