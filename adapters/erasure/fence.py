"""The fence: from it on the recorder refuses whatever concerns the client. Set under the lock of the log, as holds are."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, exists, func, insert, select, update

from adapters.access.tables import erasures, legal_holds, process_leases
from adapters.db.errors import translated
from adapters.event_store.tables import events, fences
from adapters.event_store.writer import exclusive_transaction
from domain.ports.erasure import Classes, Fence, FencedByAnother, UnderLegalHold

_REASON: Final = "erasure:"


def fence_reason(erasure_id: UUID) -> str:
    """What a fence's row says of the erasure that set it; a restore that replays the register writes the same."""
    return _REASON + erasure_id.hex


def set_fence(engine: Engine, erasure_id: UUID, client_id: UUID, classes: Classes) -> Fence:
    """Raises UnderLegalHold, FencedByAnother, StoreUnavailable. Repeatable: the fence that stands is the answer."""
    with translated("events"), exclusive_transaction(engine) as connection:
        row: Any = connection.execute(select(erasures).where(erasures.c.id == erasure_id)).one()
        standing: Any = connection.execute(select(fences).where(fences.c.subject == client_id)).one_or_none()
        mine = fence_reason(erasure_id)
        if standing is not None and standing.reason != mine:
            raise FencedByAnother(client_id=client_id, erasure_id=erasure_id)
        if standing is None and not row.number and _held(connection, client_id):
            raise UnderLegalHold(client_id=client_id)
        position = standing.position if standing else _last(connection)
        if standing is None and not classes:
            connection.execute(insert(fences).values(subject=client_id, position=position, reason=mine))
        number = row.number or _next_number(connection)
        connection.execute(update(erasures).where(erasures.c.id == erasure_id).values(number=number))
        return Fence(position=position, number=number)


def _held(connection: Connection, client_id: UUID) -> bool:
    held = exists().where(legal_holds.c.client_id == client_id, legal_holds.c.lifted.is_(False))
    return bool(connection.execute(select(held)).scalar_one())


def _last(connection: Connection) -> int:
    return int(connection.execute(select(func.max(events.c.position))).scalar_one() or 0)


def _next_number(connection: Connection) -> int:
    """One more than any that was given out, or acknowledged: processes acknowledge all up to a number."""
    given = connection.execute(select(func.max(erasures.c.number))).scalar_one() or 0
    acknowledged = connection.execute(select(func.max(process_leases.c.acknowledged))).scalar_one() or 0
    return int(max(given, acknowledged)) + 1
