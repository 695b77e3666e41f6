"""Which agreements there are: rows that follow from their events. What they allow is read from the sealed events alone, so
that a row that was altered or put in allows nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine, insert, select

from adapters.access.instants import microseconds
from adapters.access.tables import agreements
from adapters.event_store.reading import reading
from adapters.event_store.rows import StateWrite
from domain.model.agreement import Agreement

_ADD: Final = insert(agreements)


class SqlAgreements:
    """Satisfies domain.ports.egress.AgreementList."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listed(self) -> Sequence[UUID]:
        query = select(agreements.c.id).order_by(agreements.c.recorded_at_us, agreements.c.id)
        with reading(self._engine) as connection:
            return tuple(connection.execute(query).scalars())


def _recorded(event: Agreement.Recorded, _: Any) -> Sequence[StateWrite]:
    row = {"id": event.originator_id, "recorded_at_us": microseconds(event.timestamp)}
    return (StateWrite(statement=_ADD, parameters=row),)


RULES: Final[Mapping[type[Any], Callable[[Any, Any], Sequence[StateWrite]]]] = {Agreement.Recorded: _recorded}
"""Which rows follow from which event."""
