"""Asking for a record to be erased: what would go, whether it may go yet, and how far it has come."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final
from uuid import UUID

from domain.errors import Conflict, Erased, Invalid, KeyMissing, NotFound, QueueUnavailable
from domain.model.client import ClientNotFound
from domain.model.erasure import Erasure, ErasureBasis, ErasureState, ErasureUnderWay
from domain.model.identity import Identity
from domain.ports.access import AccessState
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Call
from domain.ports.erasure import Classes, ErasureRegister, ErasureRow, Holding, LegalHolds, UnderLegalHold
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.queue import Queue
from domain.ports.stores import AggregateStore
from domain.retention.policies import KEPT, Early, Policies, Verdict, day_of, latest_birth, longest
from domain.services.access import Access, Action

ERASE_JOB: Final = "erase"
_CLOSED: Final = frozenset((ErasureState.WITHDRAWN, ErasureState.REFUSED))
_AT_ANY_TIME: Final = frozenset((ErasureBasis.UNLAWFUL, ErasureBasis.COURT_ORDER))
"""Grounds before which no minimum stands."""


class RetentionRunsStill(Conflict):
    """`kept_until` is the day from which it may go; `record_class` and `basis` say what keeps it so long."""

    code = "retention_runs_still"
    message = "The record must be kept longer before it may be erased."
    hint = "Ask again on that day, or have the policy defer such wishes until it comes."


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an erasure would do now. `kept_until` None: nothing keeps it."""

    client_id: UUID
    holdings: Sequence[Holding]
    verdicts: Sequence[Verdict]
    holds: Sequence[UUID]
    under_way: UUID | None
    kept_until: date | None
    kept_by: Verdict | None
    outcome: str
    """`erased_now`, `deferred`, or the code of what refuses it: under_legal_hold, retention_runs_still, erasure_under_way."""


class Judge:
    """What the policies say of one client."""

    def __init__(self, *, register: ErasureRegister, identities: AggregateStore[Identity], policies: Policies) -> None:
        self._register = register
        self._identities = identities
        self.policies = policies

    def verdicts(self, client_id: UUID, holdings: Sequence[Holding]) -> Sequence[Verdict]:
        """One for each class that the client has records of. Raises StoreUnavailable, KeysUnavailable."""
        kept = [holding for holding in holdings if holding.record_class in KEPT]
        if not kept:
            return ()
        last = day_of(max(holding.last_at_us for holding in kept))
        opened = day_of(min(holding.first_at_us for holding in kept))
        born = self._born(client_id) or opened
        return [self.policies.verdict(holding.record_class, last, born) for holding in kept]

    def _born(self, client_id: UUID) -> date | None:
        """None when it isn't known, or can't be known any more."""
        with suppress(NotFound, Erased, KeyMissing):
            return latest_birth(self._identities.get(Identity.stream_of(client_id)).content.birth_date)
        return None


class ErasureService:
    def __init__(  # noqa: PLR0913 - wiring
        self,
        *,
        ledger: Ledger,
        access: Access,
        state: AccessState,
        erasures: AggregateStore[Erasure],
        register: ErasureRegister,
        holds: LegalHolds,
        judge: Judge,
        queue: Queue,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._state = state
        self._erasures = erasures
        self._register = register
        self._holds = holds
        self._judge = judge
        self._queue = queue

    def plan(self, call: Call, client_id: UUID, basis: ErasureBasis = ErasureBasis.CLIENT_REQUEST) -> Plan:
        """Changes nothing. Raises ClientNotFound, Erased, Denied, StoreUnavailable, KeysUnavailable."""
        self._permit(call, client_id)
        plan = self._plan(call, client_id, basis, ())
        self._ledger.note(call, _entry(Action.ERASURE_READ, client_id, reason="dry_run"))
        return plan

    def request(
        self, call: Call, erasure_id: UUID, client_id: UUID, basis: ErasureBasis, classes: Classes = ()
    ) -> Receipt:
        """The worker carries it out, at once or on the day it is due.

        Raises UnderLegalHold, RetentionRunsStill (where the policy refuses early wishes), ErasureUnderWay, ClientNotFound,
        Erased, Denied, Invalid.
        """
        self._permit(call, client_id)
        if wrong := set(classes) - KEPT | (set(classes) & {RecordClass.AUDIT}):
            raise Invalid(f"Of a client's record there is no class {min(wrong)} to erase.", field="classes")
        plan = self._plan(call, client_id, basis, classes)
        self._refuse(call, plan)
        due = call.at if plan.kept_until is None else datetime.combine(plan.kept_until, time(), UTC)
        erasure = Erasure.request(
            erasure_id, at=call.at, by=call.actor.id, client_id=client_id, basis=basis, due_at=due, classes=classes
        )
        reason = "deferred" if plan.kept_until else basis.value
        receipt = self._ledger.save(call, _entry(Action.ERASURE_REQUEST, client_id, erasure_id, reason=reason), erasure)
        if not plan.kept_until:
            with suppress(QueueUnavailable):  # the worker looks for what is due by itself
                self._queue.put(ERASE_JOB, str(erasure_id), job_id=f"{ERASE_JOB}-{erasure_id}")
        return receipt

    def withdraw(self, call: Call, erasure_id: UUID) -> Receipt:
        """As long as it has not begun. Raises ErasureBegun, ErasureNotFound, Denied."""
        self._access.require(call, Action.ERASURE_REQUEST, RecordClass.ACCESS, resources=(erasure_id,))
        erasure = self._erasures.get(erasure_id)
        erasure.withdraw(at=call.at, by=call.actor.id)
        entry = _entry(Action.ERASURE_REQUEST, erasure.client_id, erasure_id, reason="withdrawn")
        return self._ledger.save(call, entry, erasure)

    def read(self, call: Call, erasure_id: UUID) -> Erasure:
        """How far it has come, with its receipt. Raises ErasureNotFound, Denied."""
        self._access.require(call, Action.ERASURE_READ, RecordClass.ACCESS, resources=(erasure_id,))
        erasure = self._erasures.get(erasure_id)
        self._ledger.note(call, _entry(Action.ERASURE_READ, erasure.client_id, erasure_id))
        return erasure

    def of_client(self, call: Call, client_id: UUID) -> Sequence[ErasureRow]:
        """All that were ever asked for, oldest first; also of erased clients. Raises Denied."""
        self._access.require(call, Action.ERASURE_READ, RecordClass.ACCESS, resources=(client_id,))
        rows = self._register.of_client(client_id)
        self._ledger.note(call, _entry(Action.ERASURE_READ, client_id, *[row.id for row in rows]))
        return rows

    def policies(self, call: Call) -> Policies:
        """How long each class is kept, and why. Raises Denied."""
        self._access.require(call, Action.RETENTION_READ, RecordClass.ACCESS)
        self._ledger.note(call, AuditEntry(action=Action.RETENTION_READ))
        return self._judge.policies

    def _permit(self, call: Call, client_id: UUID) -> None:
        self._access.require(call, Action.ERASURE_REQUEST, RecordClass.ACCESS, resources=(client_id,))
        rows = self._register.of_client(client_id)
        if any(row.state == ErasureState.COMPLETED and not row.classes for row in rows):
            raise Erased(client_id=client_id, erasure_id=rows[-1].id)
        if not rows and not self._state.client_exists(client_id):
            raise (Erased if self._state.erased(client_id) else ClientNotFound)(client_id=client_id)

    def _plan(self, call: Call, client_id: UUID, basis: ErasureBasis, classes: Classes) -> Plan:
        holdings = self._register.holdings(client_id)
        verdicts = self._judge.verdicts(client_id, holdings)
        keeps = [
            verdict
            for verdict in verdicts
            if verdict.kept_until > call.at.date() and (not classes or verdict.record_class in classes)
        ]
        kept_by = None if basis in _AT_ANY_TIME else longest(keeps)
        holds = self._holds.standing(client_id)
        under_way = _standing(self._register.of_client(client_id))
        return Plan(
            client_id=client_id,
            holdings=holdings,
            verdicts=verdicts,
            holds=holds,
            under_way=under_way,
            kept_until=kept_by.kept_until if kept_by else None,
            kept_by=kept_by,
            outcome=self._outcome(holds, under_way, kept_by),
        )

    def _outcome(self, holds: Sequence[UUID], under_way: UUID | None, kept_by: Verdict | None) -> str:
        if under_way:
            return ErasureUnderWay.code
        if holds:
            return UnderLegalHold.code
        if kept_by is None:
            return "erased_now"
        return "deferred" if self._judge.policies.early is Early.DEFER else RetentionRunsStill.code

    def _refuse(self, call: Call, plan: Plan) -> None:
        """What stands in the way is on record before it is told."""
        error: Conflict
        if plan.outcome == ErasureUnderWay.code:
            error = ErasureUnderWay(client_id=plan.client_id, erasure_id=plan.under_way)
        elif plan.outcome == UnderLegalHold.code:
            error = UnderLegalHold(client_id=plan.client_id, holds=len(plan.holds))
        elif plan.outcome == RetentionRunsStill.code and plan.kept_by is not None:
            error = RetentionRunsStill(
                client_id=plan.client_id,
                kept_until=plan.kept_by.kept_until.isoformat(),
                record_class=plan.kept_by.record_class.value,
                basis=plan.kept_by.basis,
            )
        else:
            return
        entry = _entry(Action.ERASURE_REQUEST, plan.client_id, outcome=Outcome.DENIED, reason=error.code)
        self._ledger.note(call, entry)
        raise error


def _standing(rows: Sequence[ErasureRow]) -> UUID | None:
    """Of an erasure that is still to come or under way; one of some classes that is done stands in nobody's way."""
    open_rows = [row for row in rows if row.state not in _CLOSED and row.state != ErasureState.COMPLETED]
    return open_rows[0].id if open_rows else None


def _entry(
    action: Action, client_id: UUID, *resources: UUID, outcome: Outcome = Outcome.ALLOWED, reason: str = ""
) -> AuditEntry:
    return AuditEntry(action=action, client_id=client_id, resources=resources, outcome=outcome, reason=reason)
