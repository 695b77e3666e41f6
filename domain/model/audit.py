"""An audit entry as an event: ids and codes, in the stream of the request it belongs to."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from eventsourcing.domain import DomainEvent

from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.keys import RecordClass


@dataclass(frozen=True)
class AuditEvent(DomainEvent):
    """`originator_id` is the request id, `originator_version` counts the request's entries from 1."""

    KIND: ClassVar[str] = "audit.entry"
    TOPIC_KIND: ClassVar[str] = "audit"
    RECORD_CLASS: ClassVar[RecordClass] = RecordClass.AUDIT

    action: str
    actor_id: UUID
    actor_role: str
    client_id: UUID | None
    resources: tuple[UUID, ...]
    outcome: str
    reason: str
    purpose: str
    origin: str
    on_behalf_of: UUID | None
    clients: tuple[UUID, ...]

    @staticmethod
    def of(call: Call, entry: AuditEntry, number: int) -> "AuditEvent":
        """The event for the `number`-th entry of this request."""
        return AuditEvent(
            originator_id=call.request_id,
            originator_version=number,
            timestamp=call.at,
            action=entry.action,
            actor_id=call.actor.id,
            actor_role=call.actor.role.value,
            client_id=entry.client_id,
            resources=entry.resources,
            outcome=entry.outcome.value,
            reason=entry.reason,
            purpose=call.purpose.value,
            origin=call.origin,
            on_behalf_of=call.on_behalf_of,
            clients=entry.clients,
        )
