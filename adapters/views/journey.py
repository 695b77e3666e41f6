"""A client's journey, unsealed page by page, and the whole histories of many clients at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Connection, and_, or_, select, type_coerce
from sqlalchemy.types import NullType

from adapters.views.collecting import fewer_collections
from adapters.views.fences import fenced_among
from adapters.views.opening import DETAIL, Opens, clear_kinds, opened, opened_when_needed
from adapters.views.tables import JOURNEY, journey_items
from adapters.views.times import to_us
from adapters.views.tracking import ViewTracking
from domain.errors import Erased, Invalid
from domain.ports.views import JOURNEY_KINDS, JourneyItem, Page

_MOST: Final = 2000
_READ_LEAST: Final = 64
_READ_MOST: Final = 512
"""Rows that a filter is asked of are read so many at a time, however few of them are wanted."""
_KINDS: Final = frozenset(JOURNEY_KINDS)
_AT_ONCE: Final = 500  # SQLite counts variables
_ITEM: Final = journey_items.c
# Ids are made from what the driver gives, at a fraction of the time of a general conversion.
_OPENED: Final = (
    type_coerce(_ITEM.id, NullType()),
    _ITEM.kind,
    _ITEM.state,
    _ITEM.version,
    _ITEM.happened_at_us,
    _ITEM.recorded_at_us,
    _ITEM.positions,
    _ITEM.content,
)
_CLIENT: Final = type_coerce(_ITEM.client_id, NullType())
_PLACE: Final = (_ITEM.happened_at_us, _ITEM.first_position)
_PLACE_OF: Final = slice(8, 10)


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
        keep: Callable[[JourneyItem], bool] | None = None,
        whole: bool = False,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
    ) -> Page:
        """JourneyItems with since ≤ happened_at < until, by happened_at then first position.

        `after` is (happened_at in microseconds, first position). Rows that a filter leaves out are read over until the page
        is full. Raises ViewBehind, Erased, Invalid (limit, kind, cursor).
        """
        _check(kinds, after, limit)
        wanted = _wanted(kinds, keep)
        conditions = [_ITEM.client_id == client_id, *_conditions(since, until, kinds)]
        found: list[tuple[JourneyItem, tuple[int, int]]] = []
        with self._tracking.snapshot(JOURNEY, at_least) as connection:
            if fenced_among(connection, (client_id,)):
                raise Erased(client_id=client_id)
            at_once = limit + 1 if wanted is None else max(limit + 1, _READ_LEAST)
            for item, place in self._in_order(connection, client_id, conditions, after, at_once):
                if wanted is None or wanted(item):
                    found.append((item, place))
                    if len(found) > limit:
                        break
            items = [item for item, _ in found[:limit]]
            if whole:
                items = self._whole(connection, items)
        return Page(items=tuple(items), after=found[limit - 1][1] if len(found) > limit else None)

    def history(  # noqa: PLR0913 - the port's filters
        self,
        client_ids: Sequence[UUID],
        *,
        at_least: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        kinds: Sequence[str] = (),
        whole: bool = False,
    ) -> Mapping[UUID, Sequence[JourneyItem]]:
        """As the port says. Raises ViewBehind, Invalid (kind)."""
        _check(kinds, None, 1)
        conditions = _conditions(since, until, kinds)
        asked = list(dict.fromkeys(client_ids))
        found: dict[UUID, Sequence[JourneyItem]] = {}
        with fewer_collections(), self._tracking.snapshot(JOURNEY, at_least) as connection:
            for start in range(0, len(asked), _AT_ONCE):
                some = asked[start : start + _AT_ONCE]
                fenced = fenced_among(connection, some)
                rows = _rows_by_client(connection, [one for one in some if one not in fenced], conditions)
                for client_id, of_client in rows.items():
                    try:
                        items = self._opened(client_id, of_client, frozenset(kinds))
                        found[client_id] = self._whole(connection, items) if whole else items
                    except Erased:
                        continue
        return {client_id: found.get(client_id, ()) for client_id in asked}

    def _opened(self, client_id: UUID, rows: Sequence[Any], kinds: frozenset[str]) -> list[JourneyItem]:
        items = opened_when_needed(self._sealer.opener(client_id, journey_items.name), client_id, rows)
        return [item for item in items if item.kind in kinds] if kinds else items

    def _in_order(
        self,
        connection: Connection,
        client_id: UUID,
        conditions: Sequence[ColumnElement[bool]],
        after: tuple[int, ...] | None,
        at_once: int,
    ) -> Iterator[tuple[JourneyItem, tuple[int, int]]]:
        """Each item with its place, read `at_once` at a time, and more the further a filter makes it read."""
        open_row = self._sealer.opener(client_id, journey_items.name)
        while True:
            query = select(*_OPENED, *_PLACE).where(*conditions, *_after(after)).order_by(*_PLACE).limit(at_once)
            rows = connection.execute(query).all()
            for row in rows:
                yield opened(open_row, client_id, row[:8]), tuple(row[_PLACE_OF])
            if len(rows) < at_once:
                return
            after = tuple(rows[-1][_PLACE_OF])
            at_once = max(at_once, min(2 * at_once, _READ_MOST))

    def _whole(self, connection: Connection, items: Sequence[JourneyItem]) -> list[JourneyItem]:
        """The same items, their content completed by what is kept beside it (the utterances of transcripts)."""
        completed = {}
        partial = [item for item in items if item.kind in DETAIL]
        for item in partial:  # one at a time: each may be megabytes
            query = select(_ITEM.detail).where(_ITEM.id == item.id, _ITEM.client_id == item.client_id)
            sealed = connection.execute(query).scalar_one()
            if sealed is not None:
                rest = self._sealer.open_row(item.client_id, DETAIL[item.kind], item.id, sealed)
                completed[item.id] = replace(item, content={**item.content, **orjson.loads(rest)})
        return [completed.get(item.id, item) for item in items] if completed else list(items)


def _rows_by_client(
    connection: Connection, client_ids: Sequence[UUID], conditions: Sequence[ColumnElement[bool]]
) -> dict[UUID, list[Any]]:
    """Rows of each client in order, by one walk of the index."""
    if not client_ids:
        return {}
    query = select(*_OPENED, _CLIENT).where(_ITEM.client_id.in_(client_ids), *conditions)
    found: dict[Any, list[Any]] = {}
    for client, rows in groupby(
        connection.execute(query.order_by(_ITEM.client_id, *_PLACE)).all(), itemgetter(len(_OPENED))
    ):
        found[client if isinstance(client, UUID) else UUID(client)] = list(rows)
    return found


def _wanted(kinds: Sequence[str], keep: Callable[[JourneyItem], bool] | None) -> Callable[[JourneyItem], bool] | None:
    """What an opened item must be; None when the query has seen to it."""
    asked = frozenset(kinds)
    if not asked:
        return keep
    return lambda item: item.kind in asked and (keep is None or keep(item))


def _check(kinds: Sequence[str], after: tuple[int, ...] | None, limit: int) -> None:
    if not 1 <= limit <= _MOST:
        raise Invalid(f"limit must be between 1 and {_MOST}.", field="limit")
    if not _KINDS.issuperset(kinds):
        raise Invalid(f"Kinds are {', '.join(sorted(_KINDS))}.", field="kinds")
    if after is not None and len(after) != 2:
        raise Invalid("This cursor is not one of a journey.", field="after")


def _conditions(since: datetime | None, until: datetime | None, kinds: Sequence[str]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(_ITEM.happened_at_us >= to_us(since))
    if until is not None:
        conditions.append(_ITEM.happened_at_us < to_us(until))
    if kinds:
        conditions.append(_ITEM.kind.in_(sorted(clear_kinds(kinds))))
    return conditions


def _after(after: tuple[int, ...] | None) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    happened_at_us, position = after
    later = _ITEM.happened_at_us > happened_at_us
    # The first condition lets the index begin there; a row comparison is not one on every database.
    return [
        _ITEM.happened_at_us >= happened_at_us,
        or_(later, and_(_ITEM.happened_at_us == happened_at_us, _ITEM.first_position > position)),
    ]
