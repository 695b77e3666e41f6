"""Which index a search of the audit walks down, and how the newest positions come out of it."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Connection, String, Uuid, literal, select, text, tuple_

from adapters.views.tables import audit_clients, audit_entries
from domain.ports.audit import AuditFilters

# An origin with fewer entries than this within the bounds narrows more than anything else may.
_FEW: Final = 2_000
# So many of the newest rows are tried for codes before their index is asked number by number.
_TRIED: Final = 10


class Bounds(NamedTuple):
    """first ≤ position < end."""

    first: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """One way down. `rest` are the conditions it leaves to be looked at row by row."""

    rest: tuple[ColumnElement[bool], ...] = ()

    def positions(self, connection: Connection, bounds: Bounds, most: int) -> Sequence[int]:
        """The newest `most` positions within the bounds, newest first."""
        return connection.scalars(_down(audit_entries.c.position, (), (), bounds).limit(most)).all()


@dataclass(frozen=True, slots=True, kw_only=True)
class ByClient(Lead):
    client_id: UUID
    conditions: tuple[ColumnElement[bool], ...]

    def positions(self, connection: Connection, bounds: Bounds, most: int) -> Sequence[int]:
        links = audit_clients.c
        query = _down(links.position, (links.client_id,), (literal(self.client_id, Uuid()),), bounds)
        return connection.scalars(query.where(*self.conditions).limit(most)).all()


@dataclass(frozen=True, slots=True, kw_only=True)
class ByColumn(Lead):
    column: Any
    value: Any

    def positions(self, connection: Connection, bounds: Bounds, most: int) -> Sequence[int]:
        query = _down(audit_entries.c.position, (self.column,), (literal(self.value, self.column.type),), bounds)
        if self.column.nullable:  # the condition of a partial index, word for word: planners don't prove it
            query = query.where(self.column.is_not(None))
        return connection.scalars(query.limit(most)).all()


@dataclass(frozen=True, slots=True, kw_only=True)
class ByKinds(Lead):
    """The newest of several kinds, of one actor or of everybody."""

    kinds: tuple[int, ...]
    actor_id: UUID | None

    def positions(self, connection: Connection, bounds: Bounds, most: int) -> Sequence[int]:
        if self.actor_id is None:
            newest = self._among_the_newest(connection, bounds, most)
            if len(newest) == most:
                return newest
        if connection.dialect.name == "postgresql":
            return self._at_once(connection, bounds, most)
        return self._one_by_one(connection, bounds, most)

    def _among_the_newest(self, connection: Connection, bounds: Bounds, most: int) -> Sequence[int]:
        """What is done all the time is among the newest rows; fewer than `most` tell nothing."""
        recent = _down(audit_entries.c.position, (), (), bounds).add_columns(audit_entries.c.kind)
        rows = connection.execute(recent.limit(_TRIED * most)).all()
        kinds = frozenset(self.kinds)
        return [position for position, kind in rows if kind in kinds][:most]

    def _at_once(self, connection: Connection, bounds: Bounds, most: int) -> Sequence[int]:
        actor = "" if self.actor_id is None else "actor_id, "
        given = "" if self.actor_id is None else "CAST(:actor AS uuid), "
        newest = (
            f"SELECT position FROM audit_entries WHERE ({actor}kind, position) >= ({given}k.kind, :first)"  # noqa: S608 - our own words
            f" AND ({actor}kind, position) < ({given}k.kind, :end)"
            f" ORDER BY {actor.replace(',', ' DESC,')}kind DESC, position DESC LIMIT :most"
        )
        query = text(
            "SELECT e.position FROM unnest(CAST(:kinds AS int[])) AS k(kind)"  # noqa: S608 - as above
            f" CROSS JOIN LATERAL ({newest}) AS e ORDER BY e.position DESC LIMIT :most"
        )
        values: dict[str, Any] = {"kinds": list(self.kinds), "first": bounds.first, "end": bounds.end, "most": most}
        if self.actor_id is not None:
            values["actor"] = self.actor_id
        return connection.scalars(query, values).all()

    def _one_by_one(self, connection: Connection, bounds: Bounds, most: int) -> Sequence[int]:
        """SQLite is asked in this process: a question a kind, each only for what is newer than what was found."""
        index = "ix_audit_entries_kind" if self.actor_id is None else "ix_audit_entries_actor_kind"
        actor, given = ("", ()) if self.actor_id is None else ("actor_id = ? AND ", (self.actor_id.hex,))
        query = (
            f"SELECT position FROM audit_entries INDEXED BY {index}"  # noqa: S608 - our own words
            f" WHERE {actor}kind = ? AND position >= ? AND position < ? ORDER BY position DESC LIMIT ?"
        )
        first, found = bounds.first, list[int]()
        for kind in self.kinds:
            for (position,) in connection.exec_driver_sql(query, (*given, kind, first, bounds.end, most)):
                if len(found) < most:
                    heapq.heappush(found, position)
                else:
                    heapq.heappushpop(found, position)
            if len(found) == most:
                first = found[0]
        return sorted(found, reverse=True)


def lead_of(  # noqa: PLR0911 - a way down each
    connection: Connection, filters: AuditFilters, kinds: tuple[int, ...] | None, bounds: Bounds
) -> Lead:
    """The index that narrows most."""
    entries = audit_entries.c
    client_id, actor_id = filters.get("client_id"), filters.get("actor_id")
    origin, behalf, other_than = filters.get("origin"), filters.get("on_behalf_of"), filters.get("other_than")
    by_kind = () if kinds is None else (entries.kind.in_(kinds),)
    by_actor = () if actor_id is None else (entries.actor_id == actor_id,)
    by_other = () if other_than is None else (entries.actor_id != other_than,)
    by_origin = () if origin is None else (entries.origin == origin,)
    by_behalf = () if behalf is None else (entries.on_behalf_of == behalf,)
    if origin is not None and _few(connection, origin, bounds):
        named = select(audit_clients.c.position).where(
            audit_clients.c.client_id == client_id, audit_clients.c.position == entries.position
        )
        rest = (*(() if client_id is None else (named.exists(),)), *by_kind, *by_actor, *by_other, *by_behalf)
        return ByColumn(column=entries.origin, value=origin, rest=rest)
    if client_id is not None:
        links = audit_clients.c
        conditions = (
            *(() if kinds is None else (links.kind.in_(kinds),)),
            *(() if actor_id is None else (links.actor_id == actor_id,)),
            *(() if other_than is None else (links.actor_id != other_than,)),
        )
        return ByClient(client_id=client_id, conditions=conditions, rest=(*by_origin, *by_behalf))
    if behalf is not None:
        rest = (*by_kind, *by_actor, *by_other, *by_origin)
        return ByColumn(column=entries.on_behalf_of, value=behalf, rest=rest)
    if kinds is not None:
        return ByKinds(kinds=kinds, actor_id=actor_id, rest=(*by_other, *by_origin))
    if actor_id is not None:
        return ByColumn(column=entries.actor_id, value=actor_id, rest=(*by_other, *by_origin))
    if origin is not None:
        return ByColumn(column=entries.origin, value=origin, rest=by_other)
    return Lead(rest=by_other)


def _few(connection: Connection, origin: str, bounds: Bounds) -> bool:
    query = _down(audit_entries.c.position, (audit_entries.c.origin,), (literal(origin, String()),), bounds)
    return len(connection.scalars(query.limit(_FEW)).all()) < _FEW


def _down(
    position: ColumnElement[int], columns: Sequence[Any], values: Sequence[ColumnElement[Any]], bounds: Bounds
) -> Any:
    """Positions within the bounds down an index of `columns` and position.

    The range is one over the index's columns together, and so is the order. Were it an equality and an order by
    position, PostgreSQL would rather walk down the primary key and filter, which is quick for those who acted lately and
    reads millions of rows for those who left.
    """
    key = tuple_(*columns, position)
    low = tuple_(*values, literal(bounds.first, BigInteger))
    high = tuple_(*values, literal(bounds.end, BigInteger))
    order = [column.desc() for column in (*columns, position)]
    return select(position).where(key >= low, key < high).order_by(*order)
