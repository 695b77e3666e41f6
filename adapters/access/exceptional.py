"""Exceptional access as limits count it and lists show it, from its table."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Engine, Select, Uuid, func, literal, select, tuple_

from adapters.access.tables import exceptional_access as rows
from adapters.event_store.reading import reading
from domain.ports.exceptional import AccessWay, ExceptionalItem, Verdict

_WAITING = ("", Verdict.NEEDS_FOLLOW_UP.value)
_OLDEST_FIRST = (rows.c.opened_at_us, rows.c.id)


class SqlExceptionalList:
    """Satisfies domain.ports.exceptional.ExceptionalList on the event database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self, *, waiting: bool | None = None, after: tuple[int, UUID] | None = None, limit: int
    ) -> Sequence[ExceptionalItem]:
        statement = _chosen(waiting).limit(limit)
        if after is not None:
            opened_at_us, last = after
            key = tuple_(literal(opened_at_us, BigInteger), literal(last, Uuid(as_uuid=True)))
            statement = statement.where(tuple_(*_OLDEST_FIRST) > key)
        return self._items(statement)

    def of_clients(self, client_ids: Sequence[UUID], *, waiting: bool | None = None) -> Sequence[ExceptionalItem]:
        if not client_ids:
            return ()
        # Few wait for a review at a time: those of a long caseload are picked from them here, not by a long query.
        wanted = frozenset(client_ids)
        return tuple(item for item in self._items(_chosen(waiting)) if item.client_id in wanted)

    def broken_since(self, account_id: UUID, since_us: int) -> int:
        statement = select(func.count()).where(
            rows.c.account_id == account_id,
            rows.c.opened_at_us > since_us,
            rows.c.way == AccessWay.BREAK_GLASS.value,
        )
        with reading(self._engine) as connection:
            return int(connection.execute(statement).scalar_one())

    def counted(self, now_us: int) -> tuple[int, int, int]:
        open_now = select(func.count()).where(rows.c.until_us > now_us, rows.c.way == AccessWay.BREAK_GLASS.value)
        waiting = select(func.count()).where(rows.c.verdict.in_(_WAITING))
        overdue = waiting.where(rows.c.review_due_us <= now_us)
        with reading(self._engine) as connection:
            first, second, third = (connection.execute(one).scalar_one() for one in (open_now, waiting, overdue))
        return int(first), int(second), int(third)

    def _items(self, statement: Select[Any]) -> Sequence[ExceptionalItem]:
        with reading(self._engine) as connection:
            return tuple(_item(row) for row in connection.execute(statement))


def _chosen(waiting: bool | None) -> Select[Any]:  # noqa: FBT001 - as the port has it
    statement = select(rows).order_by(*_OLDEST_FIRST)
    if waiting is None:
        return statement
    return statement.where(rows.c.verdict.in_(_WAITING) if waiting else rows.c.verdict.not_in(_WAITING))


def _item(row: Any) -> ExceptionalItem:
    return ExceptionalItem(
        id=row.id,
        client_id=row.client_id,
        account_id=row.account_id,
        way=AccessWay(row.way),
        opened_by=row.opened_by,
        opened_at_us=row.opened_at_us,
        until_us=row.until_us,
        review_due_us=row.review_due_us,
        verdict=Verdict(row.verdict) if row.verdict else None,
    )
