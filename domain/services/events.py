"""Single events, opened: where the figures of a report lead."""

from typing import Final
from uuid import UUID

from domain.errors import Erased, NotFound
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.feed import EventReader, StoredEvent
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.services.access import Access, Action

OPENED: Final = frozenset((RecordClass.JOURNAL.value, RecordClass.MEASURES.value))
"""Classes whose events are shown: what figures come from. Who a client is, is read by a permission of its own;
psychotherapy notes, substance-use records, audit entries and accounts are never read this way.
"""


class EventNotFound(NotFound):
    code = "event_not_found"
    message = "There is no event of this client's record at that position."


class EventService:
    def __init__(self, *, ledger: Ledger, access: Access, reader: EventReader) -> None:
        self._ledger = ledger
        self._access = access
        self._reader = reader

    def read(self, call: Call, client_id: UUID, position: int) -> StoredEvent:
        """As it was stored, whatever became of the record since. What lies at the position but is not of this client's
        journal or measures is not there; that it was asked for is on record.

        Raises ClientNotFound, Denied, EventNotFound, Erased, SealBroken, StoreUnavailable, KeysUnavailable.
        """
        self._access.require(call, Action.EVENT_READ, RecordClass.JOURNAL, client_id, (client_id,))
        event = self._reader.event(position)
        if event is None:
            raise EventNotFound
        if event.client_id != client_id or event.record_class not in OPENED:
            self._access.note_denial(call, Action.EVENT_READ, client_id, (client_id,), EventNotFound.code)
            raise EventNotFound
        if event.data is None:
            raise Erased(client_id=client_id)
        resources = (client_id, event.resource_id)
        self._ledger.note(call, AuditEntry(action=Action.EVENT_READ, client_id=client_id, resources=resources))
        return event
