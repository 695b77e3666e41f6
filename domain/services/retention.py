"""The end of retention: which classes of which clients must go, and seeing to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final
from uuid import UUID

from domain.model.erasure import Erasure, ErasureBasis, ErasureState
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.erasure import Classes, Eraser, ErasureRegister, Holding, LegalHolds
from domain.ports.ids import IdSource
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.retention.policies import KEPT
from domain.services.access import Access, Action
from domain.services.erasures import Judge

_PAGE: Final = 200
_WITHOUT_END: Final = frozenset((ErasureState.WITHDRAWN.value, ErasureState.REFUSED.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What must go of a client; no classes: everything. `held`: a hold keeps it."""

    client_id: UUID
    classes: Classes
    events: int
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPlan:
    """`audit_keys` are day keys of the audit trail past their time; `audit_held`: a hold, of whomever, keeps them all."""

    endings: Sequence[Ending]
    audit_keys: Sequence[UUID]
    audit_held: bool


class RetentionService:
    def __init__(  # noqa: PLR0913 - wiring
        self,
        *,
        ledger: Ledger,
        access: Access,
        register: ErasureRegister,
        holds: LegalHolds,
        judge: Judge,
        eraser: Eraser,
        ids: IdSource,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._register = register
        self._holds = holds
        self._judge = judge
        self._eraser = eraser
        self._ids = ids

    def plan(self, call: Call) -> RetentionPlan:
        """Changes nothing. Raises Denied, StoreUnavailable, KeysUnavailable."""
        self._access.require(call, Action.RETENTION_SWEEP, RecordClass.ACCESS)
        plan = self._plan(call)
        clients = tuple(ending.client_id for ending in plan.endings)
        self._ledger.note(call, AuditEntry(action=Action.RETENTION_SWEEP, reason="dry_run", clients=clients))
        return plan

    def sweep(self, call: Call) -> Sequence[UUID]:
        """Asks for the erasure of all that must go and isn't held, and destroys the audit's oldest keys; ids of what was
        asked for. Raises Denied, StoreUnavailable, KeysUnavailable, OffBoxMissing.
        """
        self._access.require(call, Action.RETENTION_SWEEP, RecordClass.ACCESS)
        self._eraser.check()
        plan = self._plan(call)
        asked = [self._ask(call, ending) for ending in plan.endings if not ending.held]
        if plan.audit_keys and not plan.audit_held:
            entry = AuditEntry(action=Action.RETENTION_SWEEP, reason="audit_keys_destroyed")
            self._eraser.destroy_audit_keys(call, entry, plan.audit_keys, call.at)
        return asked

    def _ask(self, call: Call, ending: Ending) -> UUID:
        erasure = Erasure.request(
            self._ids.ordered(),
            at=call.at,
            by=call.actor.id,
            client_id=ending.client_id,
            basis=ErasureBasis.RETENTION_ENDED,
            due_at=call.at,
            classes=ending.classes,
        )
        entry = AuditEntry(
            action=Action.RETENTION_SWEEP,
            client_id=ending.client_id,
            resources=(erasure.id,),
            reason=ErasureBasis.RETENTION_ENDED.value,
        )
        self._ledger.save(call, entry, erasure)
        return erasure.id

    def _plan(self, call: Call) -> RetentionPlan:
        held = self._holds.held()
        audit = self._judge.policies.classes[RecordClass.AUDIT].maximum_years
        keys: Sequence[UUID] = ()
        if audit is not None:
            keys = self._eraser.audit_keys_before(_years_before(call.at, audit))
        return RetentionPlan(endings=list(self._endings(call, held)), audit_keys=keys, audit_held=bool(held))

    def _endings(self, call: Call, held: frozenset[UUID]) -> Iterator[Ending]:
        for client_id in self._candidates(call):
            holdings = self._register.holdings(client_id)
            classes = self._past(call, client_id, holdings)
            rows = self._register.of_client(client_id)
            gone = {each for row in rows if row.state not in _WITHOUT_END for each in (row.classes or tuple(KEPT))}
            if left := classes - gone:
                clinical = {holding.record_class for holding in holdings} & KEPT
                chosen = () if clinical <= classes | gone else tuple(sorted(left))
                events = sum(each.events for each in holdings if not chosen or each.record_class in chosen)
                yield Ending(client_id=client_id, classes=chosen, events=events, held=client_id in held)

    def _past(self, call: Call, client_id: UUID, holdings: Sequence[Holding]) -> set[RecordClass]:
        today = call.at.date()
        verdicts = self._judge.verdicts(client_id, holdings)
        return {each.record_class for each in verdicts if each.gone_from is not None and each.gone_from <= today}

    def _candidates(self, call: Call) -> Iterator[UUID]:
        """Clients so long quiet that the shortest maximum may be over."""
        years = self._judge.policies.shortest_maximum()
        if years is None:
            return
        before_us = int(_years_before(call.at, years).timestamp() * 1_000_000)
        after: UUID | None = None
        while page := self._register.quiet_since(before_us, after, _PAGE):
            for client_id, _ in page:
                yield client_id
            after = page[-1][0]


def _years_before(at: datetime, years: int) -> datetime:
    """Midnight of the day that lies so many years back."""
    day = at.date()
    if (day.month, day.day) == (2, 29):
        day = day.replace(day=28)
    return datetime.combine(day.replace(year=max(1, day.year - years)), time(), UTC)
