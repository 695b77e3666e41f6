"""Facts for the work list, kept in a dictionary."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from adapters.memory.ledger import InMemoryLog
from domain.errors import ViewBehind
from domain.model.audit import AuditEvent
from domain.model.identity import Identity
from domain.ports.worklist import ClientFacts


class InMemoryFacts:
    """Implements domain.ports.worklist.FactsStore."""

    def __init__(self, log: InMemoryLog) -> None:
        self._log = log
        self._kept: dict[UUID, ClientFacts] = {}

    def outdated(self, *, after: UUID | None = None, limit: int) -> Sequence[tuple[UUID, int]]:
        moved = {
            client_id: position
            for client_id, position in self._moved().items()
            if client_id not in self._kept or self._kept[client_id].as_of < position
        }
        return [(each, moved[each]) for each in sorted(moved) if after is None or each > after][:limit]

    def keep(self, facts: Sequence[ClientFacts]) -> None:
        with self._log.lock:
            for each in facts:
                kept = self._kept.get(each.client_id)
                if each.client_id not in self._log.fences and (kept is None or kept.as_of <= each.as_of):
                    self._kept[each.client_id] = each

    def of_clients(self, client_ids: Sequence[UUID], *, at_least: int = 0) -> Mapping[UUID, ClientFacts]:
        self._require_position(at_least)
        moved = self._moved()
        return {
            each: kept
            for each in client_ids
            if (kept := self._standing(each)) is not None and kept.as_of >= moved.get(each, 0)
        }

    def waiting_for(self, account_id: UUID, *, at_least: int = 0) -> Sequence[UUID]:
        self._require_position(at_least)
        return [each for each in sorted(self._kept) if (kept := self._standing(each)) and account_id in kept.accounts]

    def page(self, *, after: UUID | None = None, limit: int) -> Sequence[ClientFacts]:
        found = [self._standing(each) for each in sorted(self._kept) if after is None or each > after]
        return [kept for kept in found if kept is not None][:limit]

    def _standing(self, client_id: UUID) -> ClientFacts | None:
        return None if client_id in self._log.fences else self._kept.get(client_id)

    def _moved(self) -> dict[UUID, int]:
        """The newest event in each client's journey: neither audit entries nor who the client is show there."""
        moved: dict[UUID, int] = {}
        for position, event in enumerate(self._log.events, start=1):
            subject = self._log.subjects.get(event.originator_id)
            if subject is not None and not isinstance(event, AuditEvent | Identity.Event):
                moved[subject] = position
        return {client_id: position for client_id, position in moved.items() if client_id not in self._log.fences}

    def _require_position(self, at_least: int) -> None:
        if at_least > len(self._log.events):
            raise ViewBehind(at_least=at_least)
