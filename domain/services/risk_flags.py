"""Risk flags: raise one by hand, take it on, pass it up, say what became of it; overdue ones are passed up by the worker."""

from typing import Final
from uuid import UUID

from domain.errors import Invalid
from domain.model.client import Client
from domain.model.measure import Measure, MeasureEnteredInError, MeasureNotFound
from domain.model.risk_flag import FlagLevel, FlagSource, RiskFlag, RiskFlagNotFound
from domain.model.session import Session
from domain.ports.access import Relation
from domain.ports.call import Call
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.ports.views import JourneyView, Page
from domain.services.access import Access, Action
from domain.services.care_records import CareRecords
from domain.services.links import check_sessions
from domain.services.record_lists import RecordLists

_CARERS: Final = (Relation.SUPERVISOR, Relation.PRIMARY_CLINICIAN, Relation.CLINICIAN)
"""Who a flag may be passed to, in the order in which it is where nobody is named."""


class RiskFlagService:
    """Clients never see flags. What is open in a chart entered in error is still taken on and resolved: the person may be in
    danger, whatever became of the chart.
    """

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        *,
        ledger: Ledger,
        access: Access,
        risk_flags: AggregateStore[RiskFlag],
        measures: AggregateStore[Measure],
        sessions: AggregateStore[Session],
        clients: AggregateStore[Client],
        journey: JourneyView,
    ) -> None:
        self._measures = measures
        self._sessions = sessions
        self._clients = clients
        self._records = CareRecords(ledger=ledger, access=access, store=risk_flags, not_found=RiskFlagNotFound)
        self._lists = RecordLists(ledger=ledger, access=access, journey=journey)

    def raise_flag(  # noqa: PLR0913 - one argument a fact of the flag
        self,
        call: Call,
        flag_id: UUID,
        client_id: UUID,
        *,
        level: FlagLevel,
        reason: str,
        measure_id: UUID | None = None,
        session_id: UUID | None = None,
    ) -> Receipt:
        """By hand, over a measure or a session or without either. Raises Denied, ClientNotFound, ClientEnteredInError,
        MeasureNotFound, MeasureEnteredInError, SessionNotFound, SessionEnteredInError, Invalid.
        """
        self._records.to_add(call, Action.RISK_FLAG_RAISE, client_id, flag_id)
        if measure_id is not None:
            self._check_measure(client_id, measure_id)
        if session_id is not None:
            check_sessions(self._sessions, client_id, session_id)
        flag = RiskFlag.raise_flag(
            flag_id,
            at=call.at,
            by=call.actor.id,
            client_id=client_id,
            level=level,
            source=FlagSource.CLINICIAN,
            reason=reason,
            measure_id=measure_id,
            session_id=session_id,
        )
        return self._records.save(call, Action.RISK_FLAG_RAISE, flag)

    def read(self, call: Call, flag_id: UUID) -> RiskFlag:
        """Raises RiskFlagNotFound, Denied, Erased."""
        flag = self._records.load(call, Action.RISK_FLAG_READ, flag_id)
        return self._records.tell(call, Action.RISK_FLAG_READ, flag)

    def of_client(
        self,
        call: Call,
        client_id: UUID,
        *,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
        at_least: int = 0,
    ) -> Page:
        """JourneyItems of flags, in the order they were raised. Raises ClientNotFound, Denied, ViewBehind, Erased, Invalid."""
        return self._lists.page(
            call, Action.RISK_FLAG_READ, client_id, RiskFlag, after=after, limit=limit, at_least=at_least
        )

    def acknowledge(self, call: Call, flag_id: UUID, note: str = "") -> Receipt:
        """Take it on. Raises RiskFlagNotFound, Denied, StaleVersion, RiskFlagAlreadyAcknowledged, RiskFlagResolved,
        RiskFlagEnteredInError, Invalid.
        """
        flag = self._records.for_mark(call, Action.RISK_FLAG_ACKNOWLEDGE, flag_id)
        flag.acknowledge(at=call.at, by=call.actor.id, note=note)
        return self._records.save(call, Action.RISK_FLAG_ACKNOWLEDGE, flag)

    def escalate(self, call: Call, flag_id: UUID, to: UUID | None = None) -> Receipt:
        """Pass it up to a member of the care team; to the supervisor, or else the primary clinician, where nobody is named.

        Raises RiskFlagNotFound, Denied, StaleVersion, RiskFlagResolved, RiskFlagEnteredInError, Invalid.
        """
        flag = self._records.for_mark(call, Action.RISK_FLAG_ESCALATE, flag_id)
        flag.escalate(at=call.at, by=call.actor.id, to=self._colleague(flag.client_id, to))
        return self._records.save(call, Action.RISK_FLAG_ESCALATE, flag)

    def escalate_overdue(self, call: Call, flag_id: UUID) -> Receipt:
        """For the worker: nobody took it on in time. It goes to the supervisor, or else the primary clinician.

        Raises RiskFlagNotFound, Denied, RiskFlagNotOverdue, RiskFlagResolved, RiskFlagEnteredInError.
        """
        flag = self._records.load(call, Action.RISK_FLAG_ESCALATE_OVERDUE, flag_id)
        flag.escalate_overdue(at=call.at, to=self._colleague(flag.client_id, None))
        return self._records.save(call, Action.RISK_FLAG_ESCALATE_OVERDUE, flag)

    def resolve(self, call: Call, flag_id: UUID, outcome: str) -> Receipt:
        """Say what became of it. Raises RiskFlagNotFound, Denied, StaleVersion, RiskFlagResolved,
        RiskFlagEnteredInError, Invalid.
        """
        flag = self._records.for_mark(call, Action.RISK_FLAG_RESOLVE, flag_id)
        flag.resolve(at=call.at, by=call.actor.id, outcome=outcome)
        return self._records.save(call, Action.RISK_FLAG_RESOLVE, flag)

    def mark_entered_in_error(self, call: Call, flag_id: UUID, reason: str) -> Receipt:
        """By who leads the treatment. Raises RiskFlagNotFound, Denied, StaleVersion, RiskFlagEnteredInError, Invalid."""
        flag = self._records.for_mark(call, Action.RISK_FLAG_MARK_ENTERED_IN_ERROR, flag_id)
        flag.mark_entered_in_error(at=call.at, by=call.actor.id, reason=reason)
        return self._records.save(call, Action.RISK_FLAG_MARK_ENTERED_IN_ERROR, flag)

    def _check_measure(self, client_id: UUID, measure_id: UUID) -> None:
        measure = self._measures.get(measure_id)
        if measure.client_id != client_id:
            raise MeasureNotFound(measure_id=measure_id)
        if measure.in_error:
            raise MeasureEnteredInError(measure_id=measure_id)

    def _colleague(self, client_id: UUID, to: UUID | None) -> UUID | None:
        """Who it is passed to. Raises Invalid for somebody who doesn't care for the client."""
        team = self._clients.get(client_id).care_team
        if to is None:
            return next((who for relation in _CARERS for who, held in team.items() if held is relation), None)
        if team.get(to) not in _CARERS:
            raise Invalid("to must be in the client's care team.", field="to")
        return to
