"""Clients under erasure: from the fence on no runner writes rows of theirs, and those that stand are removed."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, select

from adapters.db.errors import translated
from adapters.db.transactions import write_transaction
from adapters.views.tables import JOURNEY, VIEWS, view_fences
from adapters.views.tracking import ViewTracking

_AT_ONCE: Final = 500  # SQLite counts variables
_AMONG: Final = select(view_fences.c.subject).where(view_fences.c.subject.in_(bindparam("clients", expanding=True)))


def fenced_among(connection: Connection, clients: Collection[UUID]) -> set[UUID]:
    """Which of these clients are fenced."""
    found: set[UUID] = set()
    wanted = list(clients)
    for start in range(0, len(wanted), _AT_ONCE):
        found.update(connection.scalars(_AMONG, {"clients": wanted[start : start + _AT_ONCE]}))
    return found


def fence(tracking: ViewTracking, client_id: UUID, position: int) -> None:
    """Fence a client and remove the rows sealed for them, under the lock of the view writers; repeatable.

    Audit entries stay: they hold opaque ids and codes, and are kept for their own retention.
    """
    with translated("views"), write_transaction(tracking.engine) as connection:
        tracking.lock(connection, VIEWS)
        if not fenced_among(connection, (client_id,)):
            connection.execute(view_fences.insert().values(subject=client_id, position=position))
        for table in JOURNEY.tables:
            connection.execute(delete(table).where(table.c.client_id == client_id))
