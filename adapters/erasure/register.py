"""Holds and erasures as decisions read them, and what the log holds of a client by class."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine, and_, exists, func, or_, select

from adapters.access.tables import erasures, legal_holds
from adapters.event_store.reading import reading
from adapters.event_store.tables import events, fences
from domain.model.erasure import ErasureState
from domain.ports.erasure import ErasureRow, Holding
from domain.ports.keys import RecordClass

_OVER: Final = [ErasureState.COMPLETED.value, ErasureState.WITHDRAWN.value, ErasureState.REFUSED.value]


class SqlLegalHolds:
    """Satisfies domain.ports.erasure.LegalHolds. Every method raises StoreUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def standing(self, client_id: UUID) -> Sequence[UUID]:
        return self._ids(legal_holds.c.client_id == client_id, legal_holds.c.lifted.is_(False))

    def of_client(self, client_id: UUID) -> Sequence[UUID]:
        return self._ids(legal_holds.c.client_id == client_id)

    def held(self) -> frozenset[UUID]:
        query = select(legal_holds.c.client_id).where(legal_holds.c.lifted.is_(False))
        with reading(self._engine) as connection:
            return frozenset(connection.execute(query).scalars())

    def _ids(self, *conditions: Any) -> Sequence[UUID]:
        query = select(legal_holds.c.id).where(*conditions).order_by(legal_holds.c.placed_at_us, legal_holds.c.id)
        with reading(self._engine) as connection:
            return tuple(connection.execute(query).scalars())


class SqlErasureRegister:
    """Satisfies domain.ports.erasure.ErasureRegister. Every method raises StoreUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_client(self, client_id: UUID) -> Sequence[ErasureRow]:
        query = select(erasures).where(erasures.c.client_id == client_id)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(erasures.c.requested_at_us, erasures.c.id)).all()
        return tuple(
            ErasureRow(
                id=row.id,
                client_id=row.client_id,
                classes=tuple(map(RecordClass, row.classes.split())),
                state=row.state,
                requested_at_us=row.requested_at_us,
                due_at_us=row.due_at_us,
            )
            for row in rows
        )

    def due(self, now_us: int) -> Sequence[UUID]:
        waits = erasures.c.state == ErasureState.REQUESTED.value
        wanted = or_(
            and_(waits, erasures.c.due_at_us <= now_us),
            and_(~waits, erasures.c.state.not_in(_OVER)),
        )
        query = select(erasures.c.id).where(wanted).order_by(erasures.c.requested_at_us, erasures.c.id)
        with reading(self._engine) as connection:
            return tuple(connection.execute(query).scalars())

    def holdings(self, client_id: UUID) -> Sequence[Holding]:
        at = events.c.recorded_at_us
        query = (
            select(events.c.record_class, func.count(), func.min(at), func.max(at))
            .where(events.c.subject == client_id)
            .group_by(events.c.record_class)
            .order_by(events.c.record_class)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        # A hold's events concern the client and lie under the organisation's key: they are no part of the record.
        return tuple(
            Holding(record_class=RecordClass(name), events=int(count), first_at_us=first, last_at_us=last)
            for name, count, first, last in rows
            if not RecordClass(name).of_organisation
        )

    def quiet_since(self, before_us: int, after: UUID | None, limit: int) -> Sequence[tuple[UUID, int]]:
        newest = func.max(events.c.recorded_at_us)
        query = (
            select(events.c.subject, newest)
            .where(events.c.subject.is_not(None), ~exists().where(fences.c.subject == events.c.subject))
            .group_by(events.c.subject)
            .having(newest < before_us)
            .order_by(events.c.subject)
            .limit(limit)
        )
        if after is not None:
            query = query.where(events.c.subject > after)
        with reading(self._engine) as connection:
            return [(row[0], int(row[1])) for row in connection.execute(query)]
