"""Reading the audit: one's own trail, and the whole for compliance officers. Reading it is on record too."""

from datetime import datetime
from typing import Final
from uuid import UUID

from domain.model import checks
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.ports.views import AuditView, Page
from domain.services.access import Access, Action
from domain.services.journey import check_period

LIMIT_MOST: Final = 1_000
CODE_MOST: Final = 64


class AuditService:
    def __init__(self, *, ledger: Ledger, access: Access, audit: AuditView) -> None:
        self._ledger = ledger
        self._access = access
        self._audit = audit

    def mine(  # noqa: PLR0913 - filters
        self,
        call: Call,
        *,
        client_id: UUID | None = None,
        action: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
        at_least: int = 0,
    ) -> Page:
        """AuditRecords of the caller's own doings, newest first. Raises Denied, ViewBehind, Invalid."""
        self._access.require(call, Action.AUDIT_READ_OWN, RecordClass.AUDIT)
        _check(action, outcome, since, until, limit)
        page = self._audit.search(
            at_least=at_least,
            actor_id=call.actor.id,
            client_id=client_id,
            action=action,
            outcome=outcome,
            since=since,
            until=until,
            after=after,
            limit=limit,
        )
        self._ledger.note(call, AuditEntry(action=Action.AUDIT_READ_OWN, resources=(call.actor.id,)))
        return page

    def search(  # noqa: PLR0913 - filters
        self,
        call: Call,
        *,
        actor_id: UUID | None = None,
        client_id: UUID | None = None,
        action: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
        at_least: int = 0,
    ) -> Page:
        """AuditRecords of everybody, newest first, for compliance officers. Raises Denied, ViewBehind, Invalid."""
        self._access.require(call, Action.AUDIT_SEARCH, RecordClass.AUDIT)
        _check(action, outcome, since, until, limit)
        page = self._audit.search(
            at_least=at_least,
            actor_id=actor_id,
            client_id=client_id,
            action=action,
            outcome=outcome,
            since=since,
            until=until,
            after=after,
            limit=limit,
        )
        sought = tuple(sought for sought in (actor_id,) if sought is not None)
        self._ledger.note(call, AuditEntry(action=Action.AUDIT_SEARCH, client_id=client_id, resources=sought))
        return page


def _check(action: str | None, outcome: str | None, since: datetime | None, until: datetime | None, limit: int) -> None:
    checks.text("action", action or "", CODE_MOST, one_line=True)
    checks.text("outcome", outcome or "", CODE_MOST, one_line=True)
    check_period(since, until)
    checks.integer("limit", limit, 1, LIMIT_MOST)
