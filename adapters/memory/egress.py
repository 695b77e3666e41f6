"""Agreements of one world in memory, derived from its events."""

from collections.abc import Sequence
from uuid import UUID

from adapters.memory.ledger import InMemoryLog
from domain.model.agreement import Agreement


class InMemoryAgreements:
    """An AgreementList."""

    def __init__(self, log: InMemoryLog) -> None:
        self._log = log

    def listed(self) -> Sequence[UUID]:
        recorded = [event for event in self._log.events if isinstance(event, Agreement.Recorded)]
        ordered = sorted(recorded, key=lambda event: (event.timestamp, event.originator_id))
        return tuple(event.originator_id for event in ordered)
