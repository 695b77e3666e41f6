"""Goals: agree on one, revise it, say how far it got, and what became of it."""

from contextlib import suppress
from datetime import date
from typing import Final
from uuid import UUID

from domain.errors import StaleVersion
from domain.instruments import Instrument, Instruments
from domain.model.goal import Goal, GoalContent, GoalNotFound
from domain.model.session import Session
from domain.model.values import MomentInZone
from domain.ports.call import Call
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.ports.views import JourneyView, Page
from domain.services.access import Access, Action
from domain.services.care_records import CareRecords
from domain.services.links import check_sessions
from domain.services.record_lists import RecordLists

_ATTEMPTS: Final = 20


class GoalService:
    """A goal counted by a measure takes its values from the client's measures of that instrument: reports read them there,
    nothing is copied.
    """

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        *,
        ledger: Ledger,
        access: Access,
        goals: AggregateStore[Goal],
        sessions: AggregateStore[Session],
        journey: JourneyView,
        instruments: Instruments,
    ) -> None:
        self._sessions = sessions
        self._instruments = instruments
        self._records = CareRecords(ledger=ledger, access=access, store=goals, not_found=GoalNotFound)
        self._lists = RecordLists(ledger=ledger, access=access, journey=journey)

    def set_goal(
        self, call: Call, goal_id: UUID, client_id: UUID, content: GoalContent, *, substance_use: bool = False
    ) -> Receipt:
        """Agree on a goal. Raises Denied, ClientNotFound, ClientEnteredInError, GoalWithoutTarget, MilestonesOutOfOrder,
        InstrumentUnknown, SessionNotFound, SessionEnteredInError, Invalid.
        """
        self._records.to_add(call, Action.GOAL_SET, client_id, goal_id, substance_use=substance_use)
        check_sessions(self._sessions, client_id, *content.session_ids)
        goal = Goal.set_goal(
            goal_id,
            at=call.at,
            by=call.actor.id,
            client_id=client_id,
            content=content,
            instrument=self._instrument(content),
            substance_use=substance_use,
        )
        return self._records.save(call, Action.GOAL_SET, goal)

    def read(self, call: Call, goal_id: UUID) -> Goal:
        """Raises GoalNotFound, Denied, Erased."""
        goal = self._records.load(call, Action.GOAL_READ, goal_id)
        return self._records.tell(call, Action.GOAL_READ, goal)

    def of_client(
        self,
        call: Call,
        client_id: UUID,
        *,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
        at_least: int = 0,
    ) -> Page:
        """JourneyItems of goals, in the order they were set. Raises ClientNotFound, Denied, ViewBehind, Erased, Invalid."""
        return self._lists.page(call, Action.GOAL_READ, client_id, Goal, after=after, limit=limit, at_least=at_least)

    def revise(self, call: Call, goal_id: UUID, content: GoalContent) -> Receipt:
        """Agree on something else. Sessions that were linked before are not looked at again.

        Raises as `set_goal`, and GoalNotFound, StaleVersion, GoalNotActive, GoalEnteredInError, MilestoneAlreadyReached.
        """
        goal = self._records.for_change(call, Action.GOAL_REVISE, goal_id)
        added = [each for each in content.session_ids if each not in goal.content.session_ids]
        check_sessions(self._sessions, goal.client_id, *added)
        goal.revise(at=call.at, by=call.actor.id, content=content, instrument=self._instrument(content))
        return self._records.save(call, Action.GOAL_REVISE, goal)

    def record_progress(
        self, call: Call, goal_id: UUID, value: float, took_place: MomentInZone, session_id: UUID | None = None
    ) -> Receipt:
        """Percent reached. Whoever names no version is never too late: of two at the same moment, one follows the other.

        Raises GoalNotFound, Denied, StaleVersion, ClientEnteredInError, GoalNotActive, GoalProgressNotByHand,
        GoalEnteredInError, SessionNotFound, SessionEnteredInError, Invalid.
        """
        for _ in range(_ATTEMPTS - 1 if call.expected_version is None else 0):
            with suppress(StaleVersion):
                return self._record_progress(call, goal_id, value, took_place, session_id)
        return self._record_progress(call, goal_id, value, took_place, session_id)

    def reach_milestone(self, call: Call, goal_id: UUID, milestone_id: UUID, reached_on: date | None = None) -> Receipt:
        """Raises GoalNotFound, Denied, StaleVersion, ClientEnteredInError, MilestoneNotFound, MilestoneAlreadyReached,
        GoalNotActive, GoalEnteredInError, Invalid.
        """
        goal = self._records.for_change(call, Action.GOAL_REACH_MILESTONE, goal_id)
        goal.reach_milestone(at=call.at, by=call.actor.id, milestone_id=milestone_id, reached_on=reached_on)
        return self._records.save(call, Action.GOAL_REACH_MILESTONE, goal)

    def complete(self, call: Call, goal_id: UUID, completed_on: date | None = None) -> Receipt:
        """It was reached; so it may be said in a chart entered in error too, which finishes what stands there.

        Raises GoalNotFound, Denied, StaleVersion, GoalNotActive, GoalEnteredInError, Invalid.
        """
        goal = self._records.for_mark(call, Action.GOAL_COMPLETE, goal_id)
        goal.complete(at=call.at, by=call.actor.id, completed_on=completed_on)
        return self._records.save(call, Action.GOAL_COMPLETE, goal)

    def abandon(self, call: Call, goal_id: UUID, reason: str, abandoned_on: date | None = None) -> Receipt:
        """It is pursued no longer, and why. Raises as `complete`."""
        goal = self._records.for_mark(call, Action.GOAL_ABANDON, goal_id)
        goal.abandon(at=call.at, by=call.actor.id, reason=reason, abandoned_on=abandoned_on)
        return self._records.save(call, Action.GOAL_ABANDON, goal)

    def reopen(self, call: Call, goal_id: UUID) -> Receipt:
        """Pursue it again. Raises GoalNotFound, Denied, StaleVersion, ClientEnteredInError, GoalAlreadyActive,
        GoalEnteredInError.
        """
        goal = self._records.for_change(call, Action.GOAL_REOPEN, goal_id)
        goal.reopen(at=call.at, by=call.actor.id)
        return self._records.save(call, Action.GOAL_REOPEN, goal)

    def mark_entered_in_error(self, call: Call, goal_id: UUID, reason: str) -> Receipt:
        """A wrong chart. Raises GoalNotFound, Denied, StaleVersion, GoalEnteredInError, Invalid."""
        goal = self._records.for_mark(call, Action.GOAL_MARK_ENTERED_IN_ERROR, goal_id)
        goal.mark_entered_in_error(at=call.at, by=call.actor.id, reason=reason)
        return self._records.save(call, Action.GOAL_MARK_ENTERED_IN_ERROR, goal)

    def _record_progress(
        self, call: Call, goal_id: UUID, value: float, took_place: MomentInZone, session_id: UUID | None
    ) -> Receipt:
        goal = self._records.for_change(call, Action.GOAL_RECORD_PROGRESS, goal_id)
        if session_id is not None:
            check_sessions(self._sessions, goal.client_id, session_id)
        goal.record_progress(at=call.at, by=call.actor.id, value=value, took_place=took_place, session_id=session_id)
        return self._records.save(call, Action.GOAL_RECORD_PROGRESS, goal)

    def _instrument(self, content: GoalContent) -> Instrument | None:
        return None if content.instrument is None else self._instruments.get(content.instrument)
