"""The change feed: what happened to records, by ids alone, for programs that keep something in step with them."""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final
from uuid import UUID

from domain.model import checks
from domain.ports.access import AccessState
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.feed import Change, ChangeFeed, Changes
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.services.access import Access, Action

LIST_MOST: Final = 1_000
_POSITION_MOST: Final = 2**63 - 1


class ChangeService:
    def __init__(self, *, ledger: Ledger, access: Access, state: AccessState, feed: ChangeFeed) -> None:
        self._ledger = ledger
        self._access = access
        self._state = state
        self._feed = feed

    def changes(self, call: Call, after: int, limit: int = 100) -> Changes:
        """What was recorded after that position, oldest first; `scanned` is where to go on. Kinds are precise where the
        caller was let into the chart, and coarse elsewhere. Each call leaves one entry in the log, which the next one
        passes over.

        Raises Denied, PositionAhead, Invalid, StoreUnavailable, KeysUnavailable.
        """
        self._access.require(call, Action.CHANGES_READ, RecordClass.ACCESS)
        checks.integer("after", after, 0, _POSITION_MOST)
        checks.integer("limit", limit, 1, LIST_MOST)
        changes = self._feed.changes(after, limit)
        open_to = frozenset(self._state.caseload(call.actor.id))
        self._ledger.note(call, AuditEntry(action=Action.CHANGES_READ))
        return replace(changes, items=tuple(_seen(change, open_to) for change in changes.items))


def _seen(change: Change, open_to: AbstractSet[UUID]) -> Change:
    """A pseudonym's risk flag or diagnosis is nothing that a program learns of charts it may not read."""
    return change if change.client_id in open_to else replace(change, kind=change.coarse)
