"""Exceptional access: breaking the glass, ending it, and the review of every way past a care team."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from domain.errors import TooMany
from domain.model import checks
from domain.model.exceptional_access import (
    BreakGlassNotNeeded,
    BreakGlassOpen,
    ExceptionalAccess,
    ExceptionalAccessNotFound,
)
from domain.ports.access import Relation
from domain.ports.alerts import Alert, AlertCode, Alerts
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.exceptional import AccessWay, ExceptionalItem, ExceptionalList, Verdict
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.ports.worklist import Severity
from domain.services.access import Access, Action
from domain.services.versions import check_version

LIST_MOST: Final = 1_000
_DAY_US: Final = 24 * 3_600 * 1_000_000
_LOOKED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyPolicy:
    """How long a broken glass stands open, how often an account may break one in 24 hours, and by when it is reviewed."""

    minutes: int = 60
    per_day: int = 5
    review_within: timedelta = timedelta(hours=72)


class ExceptionalAccessService:
    def __init__(  # noqa: PLR0913 - one argument a port
        self,
        *,
        ledger: Ledger,
        access: Access,
        accesses: AggregateStore[ExceptionalAccess],
        listed: ExceptionalList,
        alerts: Alerts,
        policy: EmergencyPolicy | None = None,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._accesses = accesses
        self._listed = listed
        self._alerts = alerts
        self._policy = policy or EmergencyPolicy()

    def break_glass(
        self, call: Call, access_id: UUID, client_id: UUID, reason: str, minutes: int | None = None
    ) -> Receipt:
        """Open one client's chart to the caller, under the purpose emergency, for `minutes` or as long as the policy says,
        never longer. The reason is sealed under the client's key; those who must look at it are told by ids.

        Raises ClientNotFound, Denied, BreakGlassNotNeeded, BreakGlassOpen, TooMany, Erased, Invalid.
        """
        standing = self._access.require(
            call, Action.BREAK_GLASS_OPEN, RecordClass.JOURNAL, client_id, (client_id, access_id)
        )
        if standing.relation is Relation.BREAK_GLASS:
            raise BreakGlassOpen(client_id=client_id)
        if standing.relation is not Relation.NONE:
            raise BreakGlassNotNeeded(client_id=client_id)
        if minutes is not None:
            checks.integer("minutes", minutes, 1, self._policy.minutes)
        if self._listed.broken_since(call.actor.id, call.at_us - _DAY_US) >= self._policy.per_day:
            self._access.note_denial(call, Action.BREAK_GLASS_OPEN, client_id, (client_id,), "break_glass_too_often")
            raise TooMany(retry_after_s=3_600, limit="break_glass", per_day=self._policy.per_day)
        opened = ExceptionalAccess.break_glass(
            access_id,
            at=call.at,
            by=call.actor.id,
            client_id=client_id,
            reason=reason,
            minutes=self._policy.minutes if minutes is None else minutes,
            review_within=self._policy.review_within,
        )
        receipt = self._ledger.save(call, _entry(Action.BREAK_GLASS_OPEN, opened), opened)
        if not receipt.replayed:
            self._alerts.tell(_alert(AlertCode.GLASS_BROKEN, Severity.HIGH, opened))
        return receipt

    def end(self, call: Call, access_id: UUID) -> Receipt:
        """Before its time: by who broke the glass, or by compliance. Raises ExceptionalAccessNotFound, Denied,
        BreakGlassEnded, Erased.
        """
        found = self._load(call, Action.BREAK_GLASS_END, access_id)
        check_version(call, found)
        found.end(at=call.at, by=call.actor.id)
        return self._ledger.save(call, _entry(Action.BREAK_GLASS_END, found), found)

    def read(self, call: Call, access_id: UUID) -> ExceptionalAccess:
        """With its reason. Raises ExceptionalAccessNotFound, Denied, Erased."""
        found = self._load(call, Action.BREAK_GLASS_READ, access_id)
        self._ledger.note(call, _entry(Action.BREAK_GLASS_READ, found))
        return found

    def page(
        self, call: Call, *, waiting: bool | None = None, after: tuple[int, UUID] | None = None, limit: int = 100
    ) -> Sequence[ExceptionalItem]:
        """For compliance: every way past a care team, oldest first, by ids and codes; `waiting` ones alone if asked.
        One more than `limit` come back where there are more. Raises Denied, Invalid.
        """
        self._access.require(call, Action.BREAK_GLASS_REVIEW, RecordClass.JOURNAL)
        checks.integer("limit", limit, 1, LIST_MOST)
        items = self._listed.page(waiting=waiting, after=after, limit=limit + 1)
        shown = items[:limit]
        self._ledger.note(
            call,
            AuditEntry(
                # Not `review`: who looks for reviews that were made must not find lists.
                action=Action.BREAK_GLASS_READ,
                resources=tuple(item.id for item in shown),
                clients=tuple({item.client_id: None for item in shown}),
            ),
        )
        return items

    def review(self, call: Call, access_id: UUID, verdict: Verdict, remark: str = "") -> Receipt:
        """Say whether it was right; one that needs follow-up stays on the list. Raises ExceptionalAccessNotFound, Denied,
        StaleVersion, AccessAlreadyReviewed, ReviewOfOwnAccess, Erased, Invalid.
        """
        found = self._load(call, Action.BREAK_GLASS_REVIEW, access_id)
        check_version(call, found)
        found.review(at=call.at, by=call.actor.id, verdict=verdict, remark=remark)
        return self._ledger.save(call, _entry(Action.BREAK_GLASS_REVIEW, found), found)

    def sweep(self, call: Call) -> int:
        """For the worker: alert again to each review that is overdue; how many are. Raises Denied."""
        self._access.require(call, Action.BREAK_GLASS_SWEEP, RecordClass.JOURNAL)
        after: tuple[int, UUID] | None = None
        overdue: list[ExceptionalItem] = []
        while some := self._listed.page(waiting=True, after=after, limit=_LOOKED_AT_ONCE):
            overdue += [item for item in some if item.review_due_us <= call.at_us]
            after = (some[-1].opened_at_us, some[-1].id)
        self._ledger.note(
            call, AuditEntry(action=Action.BREAK_GLASS_SWEEP, resources=tuple(item.id for item in overdue[:LIST_MOST]))
        )
        for item in overdue:
            self._alerts.tell(_alert(AlertCode.REVIEW_OVERDUE, Severity.URGENT, item))
        return len(overdue)

    def _load(self, call: Call, action: Action, access_id: UUID) -> ExceptionalAccess:
        self._access.require_role(call, action, (access_id,))
        found = self._accesses.get(access_id)
        self._access.require(
            call,
            action,
            RecordClass.JOURNAL,
            found.client_id,
            (access_id,),
            author_id=found.opened_by if found.way is AccessWay.BREAK_GLASS else None,
            hidden=ExceptionalAccessNotFound,
        )
        return found


def _entry(action: Action, found: ExceptionalAccess) -> AuditEntry:
    return AuditEntry(action=action, client_id=found.client_id, resources=(found.id, found.account_id))


def _alert(code: AlertCode, severity: Severity, found: ExceptionalAccess | ExceptionalItem) -> Alert:
    return Alert(
        code=code,
        severity=severity,
        resource_id=found.id,
        account_id=found.account_id,
        client_id=found.client_id,
    )
