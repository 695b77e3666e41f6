"""The ledger: one atomic, durable append of events, audit entry, access state and command."""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from uuid_utils.compat import uuid4  # keeps the interpreter, where uuid's own hands it to another thread

from adapters.db.errors import ConstraintViolated
from adapters.event_store.journal import AuditedAppends
from adapters.event_store.mapper import Mapper
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, Appended, CommandRow, NewRow, StateWrite
from domain.errors import IdempotencyKeyReused
from domain.model.account import Account, IdentityTaken, LoginTaken
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.ledger import Receipt, Recordable


class Writes(Protocol):
    """What access state follows from an event."""

    def writes_for(self, event: Any, aggregate: Any) -> Sequence[StateWrite]: ...


class EventLedger:
    """Satisfies domain.ports.ledger.Ledger. Safe for threads.

    Pending events stay with their aggregate until they are stored: after any error the aggregate is as it was, and may
    be saved again or thrown away. One `save` a call: the command id stands for all that the call changes.
    """

    def __init__(self, recorder: Recorder, mapper: Mapper, access_writes: Writes) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._access_writes = access_writes
        self._audited = AuditedAppends(recorder, mapper)

    def save(self, call: Call, entry: AuditEntry, *aggregates: Recordable, more: Sequence[AuditEntry] = ()) -> Receipt:
        """As the port says. Raises LoginTaken when another account with the same login was created meanwhile, IdentityTaken
        when another was linked to the same identity.
        """
        pending: list[tuple[Any, Any]] = [(each, event) for each in aggregates for event in _pending(each)]
        rows = [self._mapper.to_row(event, aggregate) for aggregate, event in pending]
        writes = [write for owner, event in pending for write in self._access_writes.writes_for(event, owner)]
        command = _command(call, aggregates[0] if aggregates else None)

        def whole(audit: Sequence[NewRow]) -> Append:
            return Append(rows=[*rows, *audit], command=command, writes=writes)

        try:
            appended = self._audited.append(call, [entry, *more], whole)
        except ConstraintViolated as exc:
            if any(isinstance(event, Account.Created) for _, event in pending):
                raise LoginTaken from exc
            if any(isinstance(event, Account.IdentityLinked) for _, event in pending):
                raise IdentityTaken from exc
            raise
        for aggregate in aggregates:
            _settle(aggregate)
        return _receipt(appended)

    def note(self, call: Call, *entries: AuditEntry) -> int:
        """As the port says. A note has a command id of its own: a request may note often and change once."""
        if not entries:
            raise ValueError("there is nothing to note")
        command = CommandRow(id=uuid4())
        return self._audited.append(call, entries, lambda audit: Append(rows=audit, command=command)).last

    def replay(self, call: Call) -> Receipt | None:
        if call.command is None:
            return None
        stored = self._recorder.command(call.command.id)
        if stored is None:
            return None
        if stored.command.fingerprint != call.command.fingerprint:
            raise IdempotencyKeyReused(command=call.command.id)
        return _receipt(stored)


def command_row(call: Call, *, version: int = 0, resource_id: UUID | None = None) -> CommandRow:
    """How a call's command is stored; calls without one get an id that nobody can repeat."""
    if call.command is None:
        return CommandRow(id=uuid4(), version=version, resource_id=resource_id)
    return CommandRow(
        id=call.command.id,
        fingerprint=call.command.fingerprint,
        status=call.command.status,
        location=call.command.location,
        version=version,
        resource_id=resource_id,
    )


def _command(call: Call, first: Recordable | None) -> CommandRow:
    if first is None:
        return command_row(call)
    return command_row(call, version=first.version, resource_id=first.id)


def _receipt(appended: Appended) -> Receipt:
    command = appended.command
    return Receipt(
        position=appended.last,
        version=command.version,
        resource_id=command.resource_id,
        replayed=appended.replayed,
        status=command.status if appended.replayed else 0,
        location=command.location if appended.replayed else "",
    )


def _pending(aggregate: Any) -> Sequence[Any]:
    """Looked at, not taken: `collect_events` would lose them if the append fails."""
    return tuple(aggregate.pending_events)


def _settle(aggregate: Any) -> None:
    aggregate.collect_events()
