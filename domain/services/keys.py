"""Work on keys, for whoever runs commands on the host: allowed by the table, and on record before and after."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.keys import KeyRecords, RecordClass
from domain.ports.ledger import Ledger
from domain.services.access import Access, Action


class KeyService:
    """The keys themselves are moved by an adapter; this decides, and tells the log."""

    def __init__(self, *, ledger: Ledger, access: Access, records: KeyRecords) -> None:
        self._ledger = ledger
        self._access = access
        self._records = records

    def begin(self, call: Call, action: Action, clients: Sequence[UUID] = ()) -> int:
        """Durably on record before anything is done: whoever is killed half-way has said what they were at.

        Raises Denied, StoreUnavailable.
        """
        self._access.require(call, action, RecordClass.ACCESS)
        return self._ledger.note(call, _entry(action, clients))

    def rotated(self, call: Call, facts: Mapping[str, Any], command: UUID | None = None) -> int:
        """What became of it: generations and counts, readable by anybody who holds the log. Returns the position.

        With the same `command` it is told once, however often it is said. Raises Denied, StoreUnavailable.
        """
        self._access.require(call, Action.KEYS_ROTATE, RecordClass.ACCESS)
        return self._records.rotated(call, _entry(Action.KEYS_ROTATE), facts, command)


def _entry(action: Action, clients: Sequence[UUID] = ()) -> AuditEntry:
    if len(clients) == 1:
        return AuditEntry(action=action, client_id=clients[0])
    return AuditEntry(action=action, clients=tuple(clients))
