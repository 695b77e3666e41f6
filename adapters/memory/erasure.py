"""Holds and erasures, derived from the events of a log in memory."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from adapters.access.instants import microseconds
from adapters.event_store.registry import REGISTRY
from adapters.memory.ledger import InMemoryLog
from domain.model.erasure import Erasure
from domain.model.legal_hold import LegalHold
from domain.ports.erasure import ErasureRow, Holding
from domain.ports.keys import RecordClass


class InMemoryLegalHolds:
    def __init__(self, log: InMemoryLog) -> None:
        self._log = log

    def standing(self, client_id: UUID) -> Sequence[UUID]:
        lifted = {event.originator_id for event in self._log.events if isinstance(event, LegalHold.Lifted)}
        return tuple(hold for hold in self.of_client(client_id) if hold not in lifted)

    def of_client(self, client_id: UUID) -> Sequence[UUID]:
        return tuple(event.originator_id for event in self._placed() if event.client_id == client_id)

    def held(self) -> frozenset[UUID]:
        return frozenset(event.client_id for event in self._placed() if self.standing(event.client_id))

    def _placed(self) -> Sequence[LegalHold.Placed]:
        return [event for event in self._log.events if isinstance(event, LegalHold.Placed)]


class InMemoryErasureRegister:
    def __init__(self, log: InMemoryLog) -> None:
        self._log = log

    def of_client(self, client_id: UUID) -> Sequence[ErasureRow]:
        return tuple(_row(each) for each in self._erasures() if each.client_id == client_id)

    def due(self, now_us: int) -> Sequence[UUID]:
        return tuple(
            each.id
            for each in self._erasures()
            if not each.over and (each.number or microseconds(each.due_at) <= now_us)
        )

    def holdings(self, client_id: UUID) -> Sequence[Holding]:
        found: dict[RecordClass, list[int]] = {}
        for event in self._log.events:
            if self._log.subjects.get(event.originator_id) != client_id:
                continue
            aggregate: Any = _aggregate_of(self._log.streams[event.originator_id][0])
            if aggregate is not None and not aggregate.RECORD_CLASS.of_organisation:
                found.setdefault(aggregate.RECORD_CLASS, []).append(microseconds(event.timestamp))
        return tuple(
            Holding(record_class=name, events=len(times), first_at_us=min(times), last_at_us=max(times))
            for name, times in sorted(found.items())
        )

    def quiet_since(self, before_us: int, after: UUID | None, limit: int) -> Sequence[tuple[UUID, int]]:
        clients = sorted({subject for subject in self._log.subjects.values() if subject is not None})
        newest = {each: max((one.last_at_us for one in self.holdings(each)), default=before_us) for each in clients}
        quiet = [
            (each, at_us)
            for each, at_us in newest.items()
            if at_us < before_us and each not in self._log.fences and (after is None or each > after)
        ]
        return quiet[:limit]

    def _erasures(self) -> Sequence[Erasure]:
        begun = [event.originator_id for event in self._log.events if isinstance(event, Erasure.Requested)]
        return [self._replayed(each) for each in begun]

    def _replayed(self, erasure_id: UUID) -> Erasure:
        erasure: Any = None
        for event in self._log.streams[erasure_id]:
            erasure = event.mutate(erasure)
        found: Erasure = erasure
        return found


def _row(erasure: Erasure) -> ErasureRow:
    return ErasureRow(
        id=erasure.id,
        client_id=erasure.client_id,
        classes=erasure.classes,
        state=erasure.state.value,
        requested_at_us=microseconds(erasure.requested_at),
        due_at_us=microseconds(erasure.due_at),
    )


def _aggregate_of(first: Any) -> Any:
    return REGISTRY.of_class(type(first)).aggregate
