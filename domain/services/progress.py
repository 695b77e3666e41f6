"""How a client fares, and how a caseload does: the journey's items counted by `domain.progress`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.model.client import ClientStatus
from domain.model.moment import zone_named
from domain.ports.access import AccessState
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Role
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.ports.views import CaseloadView, JourneyItem, JourneyView
from domain.ports.worklist import FactsStore
from domain.progress.build import report
from domain.progress.caseload import Case, caseload
from domain.progress.period import Period, PeriodNotPossible, day_of, day_start, look_back, period
from domain.progress.report import By, CaseloadEntry, Report
from domain.services.access import Access, Action
from domain.services.observations import KINDS, record_of, released, scales_of
from domain.services.sight import without_substance_use
from domain.services.worklist_facts import may_be_flagged

USUAL_LOOK_BACK: Final = "6m"
CASELOAD_WINDOW: Final = timedelta(weeks=52)


class ProgressService:
    """`zone` is the clinic's IANA zone, whose calendar reports are cut by."""

    def __init__(  # noqa: PLR0913 - what it reads from
        self,
        *,
        ledger: Ledger,
        access: Access,
        state: AccessState,
        journey: JourneyView,
        caseload: CaseloadView,
        facts: FactsStore,
        zone: str,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._state = state
        self._journey = without_substance_use(journey)
        self._caseload = caseload
        self._facts = facts
        self._zone = zone_named(zone)

    def period(
        self, call: Call, since: datetime | None = None, until: datetime | None = None, back: str | None = None
    ) -> Period:
        """The period meant: `since` to `until`, or so far `back` (`90d`, `12w`, `6m`, `2y`) from `until`. Without an end,
        or with one beyond now, it ends with the current day of the clinic's zone, so that a report of the same data stays
        the same within a day. Without a beginning: six months.

        Raises PeriodNotPossible, LookBackNotUnderstood.
        """
        if since is not None and back is not None:
            raise PeriodNotPossible("Give since or a look-back, not both.", field="since")
        if since is not None and since.tzinfo is not None and since >= call.at:
            raise PeriodNotPossible("since must lie in the past.", field="since")
        open_end = until is None or (until.tzinfo is not None and until > call.at)
        asked = call.at if until is None or open_end else until
        found = look_back(back or USUAL_LOOK_BACK, asked, self._zone) if since is None else period(since, asked)
        if not open_end:
            return found
        tomorrow = day_of(call.at, self._zone) + timedelta(days=1)
        return period(found.since, day_start(tomorrow, self._zone))

    def report(  # noqa: PLR0913 - which period, how cut
        self,
        call: Call,
        client_id: UUID,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        by: By | None = None,
        at_least: int = 0,
        back: str | None = None,
    ) -> Report:
        """Progress over a period (see `period`), cut by `by`. Accounts of clients see it without unsigned sessions and
        without risk flags.

        Raises ClientNotFound, Denied, ViewBehind, Erased, PeriodNotPossible, LookBackNotUnderstood, TooManyBuckets.
        """
        self._access.require(call, Action.PROGRESS_READ, RecordClass.JOURNAL, client_id, (client_id,))
        within = self.period(call, since, until, back)
        # All of it, not the period alone: goals were set before, and their last value may be older.
        items = self._journey.history((client_id,), at_least=at_least, kinds=KINDS).get(client_id, ())
        if not items:
            # Many histories at once pass over erased clients in silence; whoever asked for this one is told.
            self._journey.of_client(client_id, at_least=at_least, limit=1)
        theirs = call.actor.role is Role.CLIENT
        record = record_of(client_id, released(items) if theirs else items)
        made = replace(report(record, within, self._zone, by, scales_of((record,))), released=theirs)
        self._ledger.note(call, AuditEntry(action=Action.PROGRESS_READ, client_id=client_id, resources=(client_id,)))
        return made

    def caseload(self, call: Call, *, at_least: int = 0) -> Sequence[CaseloadEntry]:
        """The clients whose care team the caller is in, worst standing first, by their last 52 weeks and all open flags.

        Raises Denied, ViewBehind.
        """
        self._access.require(call, Action.PROGRESS_CASELOAD, RecordClass.JOURNAL)
        ids = tuple(self._state.caseload(call.actor.id))
        since = call.at - CASELOAD_WINDOW
        known = self._caseload.of_clients(ids, at_least=at_least)
        history = self._journey.history(ids, at_least=at_least, since=since, kinds=("measure", "risk_flag"))
        older = self._older_flags(ids, since, at_least)
        cases = [
            Case(
                record=record_of(item.client_id, (*older.get(item.client_id, ()), *history.get(item.client_id, ()))),
                last_session_at=item.last_session_at,
                next_appointment_at=item.next_appointment_at,
            )
            for item in known
            if item.status != ClientStatus.ENTERED_IN_ERROR
        ]
        entries = caseload(cases, since, call.at, scales_of(case.record for case in cases))
        self._ledger.note(call, AuditEntry(action=Action.PROGRESS_CASELOAD, clients=ids))
        return entries

    def _older_flags(
        self, client_ids: Sequence[UUID], since: datetime, at_least: int
    ) -> Mapping[UUID, Sequence[JourneyItem]]:
        """A danger that nobody has settled doesn't pass with the year. Looked for only where the work list's facts, as of
        the client's newest event, don't rule it out: it means opening all older entries.
        """
        known = self._facts.of_clients(client_ids, at_least=at_least)
        unsure = [each for each in client_ids if each not in known or may_be_flagged(known[each].facts)]
        return self._journey.history(unsure, at_least=at_least, until=since, kinds=("risk_flag",)) if unsure else {}
