"""The log as a list: atomic saves, stale versions, fences, commands that are carried out once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from eventsourcing.domain import Aggregate

from adapters.memory.access import InMemoryAccessState
from domain.errors import Erased, IdempotencyKeyReused, NotFound, StaleVersion
from domain.model.audit import AuditEvent
from domain.model.session import Session
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Call
from domain.ports.ledger import Draft, Receipt, Recordable
from domain.services.policy import Action

A = TypeVar("A", bound=Aggregate)


@dataclass(kw_only=True)
class InMemoryLog:
    """What the ledger, the stores and the views of one world share."""

    events: list[Any] = field(default_factory=list)
    """Every event, audit entries included; the position of an event is its index plus one."""
    streams: dict[UUID, list[Any]] = field(default_factory=dict)
    subjects: dict[UUID, UUID | None] = field(default_factory=dict)
    commands: dict[UUID, tuple[bytes, Receipt]] = field(default_factory=dict)
    drafts: dict[UUID, Draft] = field(default_factory=dict)
    fences: set[UUID] = field(default_factory=set)
    state: InMemoryAccessState = field(default_factory=InMemoryAccessState)
    lock: RLock = field(default_factory=RLock)

    def __post_init__(self) -> None:
        self.state.fenced = self.fences

    def append(self, events: Sequence[Any]) -> None:
        for event in events:
            self.events.append(event)
            self.streams.setdefault(event.originator_id, []).append(event)

    def refuse_fenced(self, subject: UUID | None) -> None:
        if subject in self.fences:
            raise Erased(client_id=subject)


class InMemoryLedger:
    def __init__(self, log: InMemoryLog) -> None:
        self._log = log

    def save(self, call: Call, entry: AuditEntry, *aggregates: Recordable, more: Sequence[AuditEntry] = ()) -> Receipt:
        with self._log.lock:
            return self._save(call, (entry, *more), [cast(Any, aggregate) for aggregate in aggregates])

    def note(self, call: Call, *entries: AuditEntry) -> int:
        with self._log.lock:
            self._note(call, entries)
            return len(self._log.events)

    def replay(self, call: Call) -> Receipt | None:
        if call.command is None or call.command.id not in self._log.commands:
            return None
        fingerprint, receipt = self._log.commands[call.command.id]
        if fingerprint != call.command.fingerprint:
            raise IdempotencyKeyReused
        return replace(receipt, replayed=True)

    def _save(self, call: Call, entries: Sequence[AuditEntry], aggregates: list[Any]) -> Receipt:
        before = self.replay(call)
        if before is not None:
            return before
        events = [event for aggregate in aggregates for event in aggregate.collect_events()]
        self._check(aggregates, events)
        for aggregate in aggregates:
            self._log.subjects[aggregate.id] = aggregate.subject
        self._log.append(events)
        for event in events:
            self._log.state.apply(event)
            if isinstance(event, Session.Recorded):
                self._drop_draft(event)
        self._note(call, entries)
        return self._remember(call, aggregates)

    def _check(self, aggregates: list[Any], events: list[Any]) -> None:
        """All that can refuse, before anything is changed."""
        for aggregate in aggregates:
            self._log.refuse_fenced(aggregate.subject)
        heads: dict[UUID, int] = {}
        for event in events:
            stream = event.originator_id
            head = heads.get(stream, len(self._log.streams.get(stream, ())))
            if event.originator_version != head + 1:
                raise StaleVersion(id=stream)
            heads[stream] = head + 1
        self._log.state.check(events)

    def _drop_draft(self, event: Session.Recorded) -> None:
        draft = self._log.drafts.get(event.draft_id) if event.draft_id else None
        if draft and (draft.author_id, draft.client_id) == (event.author_id, event.client_id):
            del self._log.drafts[draft.id]

    def _note(self, call: Call, entries: Sequence[AuditEntry]) -> None:
        for entry in entries:
            number = len(self._log.streams.get(call.request_id, ())) + 1
            self._log.append([AuditEvent.of(call, entry, number)])

    def _remember(self, call: Call, aggregates: list[Any]) -> Receipt:
        receipt = Receipt(position=len(self._log.events))
        if aggregates:
            receipt = replace(receipt, version=aggregates[0].version, resource_id=aggregates[0].id)
        if call.command is not None:
            stored = replace(receipt, status=call.command.status, location=call.command.location)
            self._log.commands[call.command.id] = (call.command.fingerprint, stored)
        return receipt


class InMemoryAggregates(Generic[A]):
    """An AggregateStore: replays the stream at each `get`."""

    def __init__(self, log: InMemoryLog, aggregate: type[A]) -> None:
        self._log = log
        self._aggregate = aggregate

    def get(self, aggregate_id: UUID, /) -> A:
        events = list(self._log.streams.get(aggregate_id, ()))
        found = replayed(events)
        if not isinstance(found, self._aggregate):
            raise cast(Any, self._aggregate).NOT_FOUND(id=aggregate_id)
        self._log.refuse_fenced(cast(Any, found).subject)
        return found


class InMemoryDrafts:
    def __init__(self, log: InMemoryLog, ledger: InMemoryLedger) -> None:
        self._log = log
        self._ledger = ledger

    def put(self, call: Call, entry: AuditEntry, draft: Draft) -> int:
        with self._log.lock:
            if self._ledger.replay(call) is None:
                self._log.refuse_fenced(draft.client_id)
                self._log.drafts[draft.id] = draft
            return self._ledger.save(call, entry).position

    def get(self, draft_id: UUID) -> Draft:
        draft = self._log.drafts.get(draft_id)
        if draft is None:
            raise NotFound(draft_id=draft_id)
        self._log.refuse_fenced(draft.client_id)
        return draft

    def of_author(self, author_id: UUID) -> Sequence[Draft]:
        own = [draft for draft in self._log.drafts.values() if draft.author_id == author_id]
        standing = [draft for draft in own if draft.client_id not in self._log.fences]
        return sorted(standing, key=lambda draft: draft.saved_at_us, reverse=True)

    def discard(self, call: Call, entry: AuditEntry, draft_id: UUID) -> int:
        with self._log.lock:
            self._log.drafts.pop(draft_id, None)
            return self._ledger.save(call, entry).position

    def discard_stale(self, call: Call, older_than_us: int) -> int:
        with self._log.lock:
            stale = [draft for draft in self._log.drafts.values() if draft.saved_at_us < older_than_us]
            for draft in stale:
                del self._log.drafts[draft.id]
                entry = AuditEntry(
                    action=Action.DRAFT_DISCARD_STALE,
                    client_id=draft.client_id,
                    resources=(draft.id,),
                    outcome=Outcome.ALLOWED,
                )
                self._ledger.note(call, entry)
            return len(stale)


def replayed(events: Sequence[Any]) -> Any:
    """The aggregate that these events tell of; None for no events or events that make no aggregate."""
    aggregate: Any = None
    for event in events:
        if isinstance(event, AuditEvent):
            return None
        aggregate = event.mutate(aggregate)
    return aggregate
