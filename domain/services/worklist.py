"""What waits to be done: read by those it waits for, kept up by a sweep, which passes overdue flags up."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from domain.errors import Erased, Invalid, KeyMissing, SealBroken, StaleVersion, Unavailable
from domain.model import checks
from domain.model.moment import zone_named
from domain.model.risk_flag import RiskFlagEnteredInError, RiskFlagNotFound, RiskFlagNotOverdue, RiskFlagResolved
from domain.ports.access import AccessState
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.exceptional import ExceptionalItem, ExceptionalList
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.ports.views import JourneyView, Page
from domain.ports.worklist import ClientFacts, FactsStore, Severity, WorkItem, WorkKind
from domain.services.access import Access, Action
from domain.services.drafts import microseconds
from domain.services.risk_flags import RiskFlagService
from domain.services.sight import without_substance_use
from domain.services.worklist_facts import KINDS, Facts, Thresholds, accounts_of, facts_of, flags_to_escalate, work_of

LIMIT_MOST: Final = 1_000
_DERIVED_AT_ONCE: Final = 25
"""Clients whose journeys are in memory together: 25 of ten years are some hundred megabytes."""
_LOOKED_AT_ONCE: Final = 500
_SEVERITIES: Final = tuple(Severity)
_WORK_KINDS: Final = tuple(WorkKind)
_SIGNATURES: Final = frozenset((WorkKind.SESSION_UNSIGNED, WorkKind.SESSION_AWAITING_COSIGNATURE))
"""What waits for an account wherever it stands to the client; of all else who left the care team learns no more."""
_SETTLED: Final = (
    RiskFlagNotOverdue,
    RiskFlagResolved,
    RiskFlagEnteredInError,
    RiskFlagNotFound,
    StaleVersion,
    Erased,
)
"""Somebody, or another sweep, was first."""
_KEY: Final = 7
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HALF: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep did: whose facts it derived anew, how many clients it looked at, flags it passed up, work it saw, and how
    many charts or flags it could not read.
    """

    derived: int
    clients: int
    escalated: int
    unread: int
    waiting: Mapping[WorkKind, int]


class WorklistService:
    """`zone` is the clinic's IANA zone: a review is due from the beginning of its day there."""

    def __init__(  # noqa: PLR0913 - what it reads from
        self,
        *,
        ledger: Ledger,
        access: Access,
        state: AccessState,
        journey: JourneyView,
        facts: FactsStore,
        risk_flags: RiskFlagService,
        exceptional: ExceptionalList,
        thresholds: Thresholds | None = None,
        zone: str = "UTC",
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._state = state
        self._journey = without_substance_use(journey)
        self._facts = facts
        self._risk_flags = risk_flags
        self._exceptional = exceptional
        self._thresholds = thresholds or Thresholds()
        self._zone = zone_named(zone)

    def read(self, call: Call, *, after: tuple[int, ...] | None = None, limit: int = 100, at_least: int = 0) -> Page:
        """WorkItems of the caller's caseload and what waits for the caller elsewhere, worst first, then what waits longest.

        Never older than `at_least`: clients whose journey has moved on from their facts are looked through at once.
        Raises Denied, ViewBehind, Invalid.
        """
        self._access.require(call, Action.WORKLIST_READ, RecordClass.JOURNAL)
        checks.integer("limit", limit, 1, LIMIT_MOST)
        if after is not None and len(after) != _KEY:
            raise Invalid("This cursor is not one of a work list.", field="after")
        caseload = frozenset(self._state.caseload(call.actor.id))
        elsewhere = self._facts.waiting_for(call.actor.id, at_least=at_least)
        ids = tuple(sorted({*caseload, *elsewhere}))
        items = [
            item
            for client_id, facts in self._facts_of(ids, call.at, at_least)
            for item in work_of(client_id, facts, call.at, self._thresholds, self._zone)
            if (client_id in caseload and item.kind is not WorkKind.SESSION_AWAITING_COSIGNATURE)
            or (item.kind in _SIGNATURES and item.account_id == call.actor.id)
        ]
        items += map(_past_the_team, self._exceptional.of_clients(tuple(caseload), waiting=True))
        ordered = sorted(
            (key, item) for key, item in ((_key(item), item) for item in items) if after is None or key > after
        )
        self._ledger.note(call, AuditEntry(action=Action.WORKLIST_READ, clients=ids))
        page = ordered[:limit]
        return Page(items=tuple(item for _, item in page), after=page[-1][0] if len(ordered) > limit else None)

    def sweep(self, call: Call) -> Swept:
        """Derive the facts of clients whose journey has moved on, and pass overdue flags up. For the worker.

        Ended in the middle, the next one goes on; two at once do no harm. A chart that does not open is counted, and keeps
        nobody else's flags from being passed up. Raises Denied, ViewBehind, StoreUnavailable.
        """
        self._access.require(call, Action.WORKLIST_SWEEP, RecordClass.JOURNAL)
        derived, unread = self._derive_outdated(call)
        self._ledger.note(call, AuditEntry(action=Action.WORKLIST_SWEEP))
        waiting: Counter[WorkKind] = Counter()
        clients, escalated = 0, 0
        for kept in self._all():
            clients += 1
            work = work_of(kept.client_id, kept.facts, call.at, self._thresholds, self._zone)
            waiting.update(item.kind for item in work)
            for flag_id in flags_to_escalate(kept.facts, call.at):
                became = self._escalated(call, flag_id)
                escalated, unread = escalated + (became is True), unread + (became is None)
        return Swept(derived=derived, clients=clients, escalated=escalated, unread=unread, waiting=dict(waiting))

    def _derive_outdated(self, call: Call) -> tuple[int, int]:
        """Of how many clients facts were derived, and of how many they could not be."""
        after, count, derived = None, 0, 0
        while found := self._facts.outdated(after=after, limit=_LOOKED_AT_ONCE):
            for start in range(0, len(found), _DERIVED_AT_ONCE):
                derived += self._derive(call, found[start : start + _DERIVED_AT_ONCE])
            after, count = found[-1][0], count + len(found)
        return derived, count - derived

    def _derive(self, call: Call, outdated: Sequence[tuple[UUID, int]]) -> int:
        """A portion is on record, client by client, before anything is kept of it."""
        ids = tuple(client_id for client_id, _ in outdated)
        self._ledger.note(call, AuditEntry(action=Action.WORKLIST_SWEEP, clients=ids))
        derived = self._readable(ids, call.at)
        self._facts.keep(
            [
                ClientFacts(
                    client_id=client_id,
                    as_of=position,
                    facts=derived[client_id],
                    accounts=accounts_of(derived[client_id]),
                )
                for client_id, position in outdated
                if client_id in derived
            ]
        )
        return len(derived)

    def _readable(self, ids: Sequence[UUID], now: datetime) -> dict[UUID, Facts]:
        """As `_derived`, of those whose journey opens and makes sense: the others are looked for by halves."""
        try:
            return self._derived(ids, now)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - whatever is wrong with one chart, the others' flags must not wait for it
            if len(ids) == 1:
                return {}
        middle = len(ids) // 2
        return self._readable(ids[:middle], now) | self._readable(ids[middle:], now)

    def _derived(self, ids: Sequence[UUID], now: datetime, at_least: int = 0) -> dict[UUID, Facts]:
        items = self._journey.history(ids, at_least=at_least, kinds=KINDS)
        ahead = self._journey.history(ids, at_least=at_least, since=now, kinds=("appointment",))
        return {client_id: facts_of(items[client_id], ahead[client_id]) for client_id in ids}

    def _facts_of(self, ids: Sequence[UUID], now: datetime, at_least: int) -> Iterator[tuple[UUID, Facts]]:
        """As they are kept, or derived where the journey has moved on."""
        kept = self._facts.of_clients(ids, at_least=at_least)
        missing = [client_id for client_id in ids if client_id not in kept]
        for start in range(0, len(missing), _DERIVED_AT_ONCE):
            yield from self._derived(missing[start : start + _DERIVED_AT_ONCE], now, at_least).items()
        for client_id, known in kept.items():
            yield client_id, known.facts

    def _all(self) -> Iterator[ClientFacts]:
        after: UUID | None = None
        while some := self._facts.page(after=after, limit=_LOOKED_AT_ONCE):
            yield from some
            after = some[-1].client_id

    def _escalated(self, call: Call, flag_id: UUID) -> bool | None:
        """Whether it was passed up now: its own stream decides, not what was kept of it. None when it can't be read."""
        try:
            self._risk_flags.escalate_overdue(call, flag_id)
        except _SETTLED:
            return False
        except (SealBroken, KeyMissing):
            return None
        return True


def _past_the_team(found: ExceptionalItem) -> WorkItem:
    """The team learns who got into its client's chart past it; whether that was right is said by compliance."""
    return WorkItem(
        kind=WorkKind.EXCEPTIONAL_ACCESS,
        client_id=found.client_id,
        resource_id=found.id,
        since=_EPOCH + timedelta(microseconds=found.opened_at_us),
        severity=Severity.HIGH,
        account_id=found.account_id,
    )


def _key(item: WorkItem) -> tuple[int, ...]:
    """Its place in a list: worst first, then what has waited longest; ids make it unique, and the instrument where two
    measures of a client are overdue alike.
    """
    about = item.resource_id or uuid5(item.client_id, item.instrument or "")
    return (
        _SEVERITIES.index(item.severity),
        microseconds(item.since),
        _WORK_KINDS.index(item.kind),
        item.client_id.int >> 64,
        item.client_id.int & _HALF,
        about.int >> 64,
        about.int & _HALF,
    )
