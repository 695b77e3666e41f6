"""The change feed: what happened to records, by ids alone, for programs that keep something in step with them."""

from typing import Final

from domain.model import checks
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.feed import ChangeFeed, Changes
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.services.access import Access, Action

LIST_MOST: Final = 1_000
_POSITION_MOST: Final = 2**63 - 1


class ChangeService:
    def __init__(self, *, ledger: Ledger, access: Access, feed: ChangeFeed) -> None:
        self._ledger = ledger
        self._access = access
        self._feed = feed

    def changes(self, call: Call, after: int, limit: int = 100) -> Changes:
        """What was recorded after that position, oldest first; `scanned` is where to go on. Each call leaves one entry in
        the log, which the next one passes over.

        Raises Denied, PositionAhead, Invalid, StoreUnavailable, KeysUnavailable.
        """
        self._access.require(call, Action.CHANGES_READ, RecordClass.ACCESS)
        checks.integer("after", after, 0, _POSITION_MOST)
        checks.integer("limit", limit, 1, LIST_MOST)
        changes = self._feed.changes(after, limit)
        self._ledger.note(call, AuditEntry(action=Action.CHANGES_READ))
        return changes
