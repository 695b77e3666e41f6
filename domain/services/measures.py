"""Measures: record a questionnaire, which may raise a risk flag, and take back one that went into the wrong chart."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid5

from domain.errors import Invalid
from domain.instruments import (
    Instrument,
    InstrumentNotFound,
    Instruments,
    InstrumentUnknown,
    InstrumentVersionUnknown,
)
from domain.model.measure import CompletedBy, Measure, MeasureNotFound
from domain.model.risk_flag import FlagLevel, FlagSource, RiskFlag
from domain.model.session import Session
from domain.model.values import MomentInZone
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Role
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.ports.views import JourneyView, Page
from domain.services.access import Access, Action
from domain.services.care_records import CareRecords
from domain.services.links import check_sessions
from domain.services.record_lists import RecordLists

_MEASURE_IN_ERROR: Final = "The measure that raised it was marked as entered in error."


def flag_of(measure: Measure, instrument: Instrument) -> RiskFlag | None:
    """The flag that a measure raises, still to be saved in the same append; its id is `measure.flag_id`."""
    told = instrument.flag_level(measure.answers)
    if told is None or measure.flag_id is None:
        return None
    number, level = told
    about = next(item.about for item in instrument.items if item.number == number)
    answer = measure.answers[number - 1]
    said = "was left unanswered: ask about it" if answer is None else f"was answered with {answer}"
    return RiskFlag.raise_flag(
        measure.flag_id,
        at=measure.created_on,
        by=None,
        client_id=measure.client_id,
        level=FlagLevel(level),
        source=FlagSource.ITEM,
        reason=f"{instrument.title}, item {number} ({about}) {said}.",
        measure_id=measure.id,
        session_id=measure.session_id,
    )


def flag_id_of(measure_id: UUID, instrument: Instrument, answers: Sequence[int | None]) -> UUID | None:
    """The id of the flag that these answers raise: derived, so that a repeated import raises it once. None for none.

    Raises AnswersIncomplete, AnswerOutOfRange.
    """
    instrument.check(answers)
    return uuid5(measure_id, "risk_flag") if instrument.flag_level(answers) else None


class MeasureService:
    def __init__(  # noqa: PLR0913 - what it works with
        self,
        *,
        ledger: Ledger,
        access: Access,
        measures: AggregateStore[Measure],
        risk_flags: AggregateStore[RiskFlag],
        sessions: AggregateStore[Session],
        journey: JourneyView,
        instruments: Instruments,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._risk_flags = risk_flags
        self._sessions = sessions
        self._instruments = instruments
        self._records = CareRecords(
            ledger=ledger,
            access=access,
            store=measures,
            not_found=MeasureNotFound,
            record_class=RecordClass.MEASURES,
        )
        self._lists = RecordLists(ledger=ledger, access=access, journey=journey)

    def instruments(self, call: Call) -> tuple[Instrument, ...]:
        """The current version of each. Raises Denied."""
        self._read_instruments(call)
        return self._instruments.current()

    def instrument(self, call: Call, key: str, version: str | None = None) -> Instrument:
        """A version, also a retired one; the current one where none is named. Raises InstrumentNotFound, Denied."""
        self._read_instruments(call)
        try:
            return self._instruments.get(key, version)
        except (InstrumentUnknown, InstrumentVersionUnknown) as exc:
            raise InstrumentNotFound(exc.detail) from None

    def record(  # noqa: PLR0913 - one argument a fact of the measure
        self,
        call: Call,
        measure_id: UUID,
        client_id: UUID,
        *,
        instrument: str,
        version: str | None = None,
        taken_at: MomentInZone,
        answers: Sequence[int | None],
        completed_by: CompletedBy = CompletedBy.CLIENT,
        session_id: UUID | None = None,
        substance_use: bool = False,
    ) -> Receipt:
        """Score a questionnaire and keep it; a critical item raises a risk flag in the same append. Clients record their
        own answers, and link them to no session.

        Raises Denied, ClientNotFound, ClientEnteredInError, InstrumentUnknown, InstrumentVersionUnknown,
        InstrumentRetired, AnswersIncomplete, AnswerOutOfRange, SessionNotFound, SessionEnteredInError, Invalid.
        """
        self._records.to_add(call, Action.MEASURE_RECORD, client_id, measure_id, substance_use=substance_use)
        self._check_self_report(call, client_id, completed_by, session_id)
        if session_id is not None:
            check_sessions(self._sessions, client_id, session_id)
            substance_use = substance_use or self._sessions.get(session_id).substance_use
        used = self._instruments.get(instrument, version)
        measure = Measure.record(
            measure_id,
            at=call.at,
            by=call.actor.id,
            client_id=client_id,
            instrument=used,
            taken_at=taken_at,
            answers=tuple(answers),
            completed_by=completed_by,
            session_id=session_id,
            flag_id=flag_id_of(measure_id, used, answers),
            substance_use=substance_use,
        )
        return self._save(call, Action.MEASURE_RECORD, measure, flag_of(measure, used))

    def read(self, call: Call, measure_id: UUID) -> Measure:
        """Clients read their own; `flag_id` is not for them. Raises MeasureNotFound, Denied, Erased."""
        measure = self._records.load(call, Action.MEASURE_READ, measure_id)
        return self._records.tell(call, Action.MEASURE_READ, measure)

    def of_client(
        self,
        call: Call,
        client_id: UUID,
        *,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
        at_least: int = 0,
    ) -> Page:
        """JourneyItems of measures, in the order they were taken. Raises ClientNotFound, Denied, ViewBehind, Erased,
        Invalid.
        """
        return self._lists.page(
            call, Action.MEASURE_READ, client_id, Measure, after=after, limit=limit, at_least=at_least
        )

    def mark_entered_in_error(self, call: Call, measure_id: UUID, reason: str) -> Receipt:
        """A wrong chart. What becomes of the flag that the measure raised: as long as no person has made it their own, it
        is marked as entered in error in the same append, for a wrong chart must not leave a false alarm; once somebody
        took it on or passed it up it stays, and says that its measure was withdrawn, for no danger that a person knows of
        may vanish by a correction elsewhere.

        Raises MeasureNotFound, Denied, StaleVersion, MeasureEnteredInError, Invalid.
        """
        measure = self._records.for_mark(call, Action.MEASURE_MARK_ENTERED_IN_ERROR, measure_id)
        measure.mark_entered_in_error(at=call.at, by=call.actor.id, reason=reason)
        return self._save(call, Action.MEASURE_MARK_ENTERED_IN_ERROR, measure, self._flag_withdrawn(call, measure))

    def _read_instruments(self, call: Call) -> None:
        self._access.require(call, Action.INSTRUMENT_READ, RecordClass.MEASURES)
        self._ledger.note(call, AuditEntry(action=Action.INSTRUMENT_READ))

    def _flag_withdrawn(self, call: Call, measure: Measure) -> RiskFlag | None:
        if measure.flag_id is None:
            return None
        flag = self._risk_flags.get(measure.flag_id)
        if flag.in_error:
            return None
        if flag.open and not flag.vouched_for:
            flag.mark_entered_in_error(at=call.at, by=call.actor.id, reason=_MEASURE_IN_ERROR)
        else:
            flag.withdraw_measure(at=call.at, by=call.actor.id)
        return flag

    def _save(self, call: Call, action: Action, measure: Measure, flag: RiskFlag | None) -> Receipt:
        entry = AuditEntry(
            action=action,
            client_id=measure.client_id,
            resources=(measure.id, flag.id) if flag else (measure.id,),
        )
        return self._ledger.save(call, entry, measure, *((flag,) if flag else ()))

    def _check_self_report(
        self, call: Call, client_id: UUID, completed_by: CompletedBy, session_id: UUID | None
    ) -> None:
        if call.actor.role is not Role.CLIENT:
            return
        if completed_by is not CompletedBy.CLIENT:
            raise Invalid("Clients answer for themselves.", field="completed_by")
        if session_id is not None:
            raise Invalid("Clients link their answers to no session.", field="session_id")
        self._access.require_open(client_id)
