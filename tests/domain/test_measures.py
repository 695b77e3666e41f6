"""Measures: scored once, as they were answered; danger in an answer is told in the same breath."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from adapters.memory.ledger import replayed
from domain.errors import Invalid, StaleVersion
from domain.instruments import (
    AnswerOutOfRange,
    AnswersIncomplete,
    InstrumentNotFound,
    InstrumentRetired,
    Instruments,
    InstrumentUnknown,
    InstrumentVersionUnknown,
    instrument,
    instruments,
)
from domain.model.audit import AuditEvent
from domain.model.checks import ImpossibleTime
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.model.measure import CompletedBy, Measure, MeasureEnteredInError, MeasureNotFound, MeasureStatus
from domain.model.risk_flag import WITHIN, FlagLevel, FlagSource, FlagStatus, RiskFlagNotFound
from domain.model.session import SessionEnteredInError, SessionNotFound
from domain.model.values import MomentInZone
from domain.ports.call import Role
from domain.services.access import OutsideCareTeam, RoleNotPermitted
from domain.services.rendering_outcomes import instrument_as_json, measure_as_json
from tests.contracts.samples import NOW, YESTERDAY, content
from tests.domain.conftest import HOST
from tests.domain.test_histories import PEOPLE, History, people, texts

CALM = (2, 1, 2, 1, 0, 2, 1, 0, 0)


def a_measure(answers: Any = CALM, key: str = "phq-9", **more: Any) -> Measure:
    facts = {
        "at": NOW,
        "by": PEOPLE[0],
        "client_id": uuid4(),
        "instrument": instrument(key),
        "taken_at": YESTERDAY,
        "answers": answers,
        "completed_by": CompletedBy.CLIENT,
    }
    return Measure.record(uuid4(), **facts | more)


def test_a_measure_is_scored_when_it_is_recorded():
    measure = a_measure()
    assert (measure.score, measure.severity, measure.prorated) == (9.0, "mild", False)
    assert (measure.instrument, measure.instrument_version, measure.answers) == ("phq-9", "1", CALM)


def test_an_estimated_score_says_so():
    measure = a_measure((2, 1, None, 1, 0, 2, 1, 0, 0))
    assert (measure.score, measure.prorated) == (7.88, True)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ((2, 1, None, None, None, 2, 1, 0, 0), AnswersIncomplete),
        ((2, 1, 2, 1, 0, 2, 1, 0), AnswersIncomplete),
        ((2, 1, 2, 1, 0, 2, 1, 0, 0, 0), AnswerOutOfRange),
        ((4, 1, 2, 1, 0, 2, 1, 0, 0), AnswerOutOfRange),
        ((-1, 1, 2, 1, 0, 2, 1, 0, 0), AnswerOutOfRange),
        ((True, 1, 2, 1, 0, 2, 1, 0, 0), AnswerOutOfRange),
    ],
)
def test_answers_that_give_no_score_are_refused(answers, error):
    with pytest.raises(error):
        a_measure(answers)


def test_a_questionnaire_is_filled_in_never_ahead():
    with pytest.raises(ImpossibleTime):
        a_measure(taken_at=MomentInZone.of(NOW + timedelta(hours=1), "Europe/Berlin"))


def test_a_retired_version_is_readable_and_takes_nothing_new():
    with pytest.raises(InstrumentRetired) as refused:
        a_measure(instrument=replace(instrument("phq-9"), retired=True))
    assert refused.value.facts == {"instrument": "phq-9", "version": "1"}


@given(st.floats(-1e6, 1e6), st.text(), st.lists(st.none() | st.integers(-9, 99), max_size=30).map(tuple))
def test_stored_measures_load_as_they_were_scored_whatever_the_instrument_says_today(score, severity, answers):
    told = replace(
        a_measure().pending_events[0],
        score=score,
        severity=severity,
        answers=answers,
        instrument="gone",
        instrument_version="0",
    )
    measure = replayed([told])
    assert (measure.score, measure.severity, measure.answers) == (score, severity, answers)
    assert measure_as_json(measure)["score"] == score


class MeasureHistory(History):
    def __init__(self) -> None:
        super().__init__()
        self.aggregate: Any = a_measure()
        self.scored = (self.aggregate.score, self.aggregate.severity)

    @rule(by=people, reason=texts)
    def mark(self, by: UUID, reason: str) -> None:
        self.attempt("mark_entered_in_error", by=by, reason=reason)

    @invariant()
    def its_score_never_changes(self) -> None:
        assert (self.aggregate.score, self.aggregate.severity) == self.scored


TestMeasureHistory = MeasureHistory.TestCase


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def client_id(house, clinician):
    return house.chart(clinician)


def record(house, who, client_id, answers=CALM, key="phq-9", **more):
    measure_id = uuid4()
    house.services.measures.record(
        house.call(who), measure_id, client_id, instrument=key, taken_at=YESTERDAY, answers=answers, **more
    )
    return measure_id


def read(house, who, measure_id):
    return house.services.measures.read(house.call(who), measure_id)


def flag_of(house, who, measure_id):
    return house.services.risk_flags.read(house.call(who), read(house, who, measure_id).flag_id)


def test_a_measure_is_recorded_and_read_each_on_record(house, clinician, client_id):
    measure_id, calls = uuid4(), [house.call(clinician), house.call(clinician)]
    receipt = house.services.measures.record(
        calls[0], measure_id, client_id, instrument="gad-7", taken_at=YESTERDAY, answers=(1,) * 7
    )
    assert (receipt.resource_id, receipt.version) == (measure_id, 1)
    measure = house.services.measures.read(calls[1], measure_id)
    assert (measure.score, measure.status, measure.flag_id) == (7.0, MeasureStatus.RECORDED, None)
    for call, action in zip(calls, ("measure.record", "measure.read"), strict=True):
        (entry,) = house.entries(call)
        assert (entry.action, entry.client_id, entry.resources) == (action, client_id, (measure_id,))


@pytest.mark.parametrize(
    ("answer", "level"),
    [(1, FlagLevel.MODERATE), (2, FlagLevel.HIGH), (3, FlagLevel.HIGH), (None, FlagLevel.MODERATE)],
)
def test_item_nine_raises_a_flag_in_the_same_append(house, clinician, client_id, answer, level):
    before = len(house.log.events)
    call, measure_id = house.call(clinician), uuid4()
    house.services.measures.record(
        call, measure_id, client_id, instrument="phq-9", taken_at=YESTERDAY, answers=(*CALM[:8], answer)
    )
    kinds = [event.KIND for event in house.log.events[before:]]
    assert kinds == ["measure.recorded", "risk_flag.raised", AuditEvent.KIND]
    flag = flag_of(house, clinician, measure_id)
    assert (flag.level, flag.source, flag.measure_id, flag.raised_by) == (level, FlagSource.ITEM, measure_id, None)
    assert flag.due_at == flag.raised_at + WITHIN[level]
    assert house.entries(call)[0].resources == (measure_id, flag.id)


def test_without_danger_there_is_no_flag(house, clinician, client_id):
    assert read(house, clinician, record(house, clinician, client_id)).flag_id is None
    assert not house.services.risk_flags.of_client(house.call(clinician), client_id).items


def test_what_is_refused_raises_no_flag(house, clinician, client_id):
    with pytest.raises(AnswersIncomplete):
        record(house, clinician, client_id, (3, None, None, None, 3, 3, 3, 3, 3))
    with pytest.raises(ClientNotFound):
        record(house, clinician, uuid4(), (3,) * 9)
    assert not house.services.risk_flags.of_client(house.call(clinician), client_id).items


@pytest.mark.parametrize("key", [one.key for one in instruments()])
def test_every_instrument_that_comes_with_the_product_can_be_recorded(house, clinician, client_id, key):
    which = instrument(key)
    measure_id = record(house, clinician, client_id, tuple(item.least for item in which.items), key)
    assert read(house, clinician, measure_id).score == which.least


def test_unknown_instruments_and_versions_are_refused(house, clinician, client_id):
    with pytest.raises(InstrumentUnknown):
        record(house, clinician, client_id, key="phq-10")
    with pytest.raises(InstrumentVersionUnknown):
        record(house, clinician, client_id, version="7")


def test_a_version_retired_since_is_refused_and_what_was_recorded_with_it_is_read(house, clinician, client_id):
    measure_id = record(house, clinician, client_id)
    old = instrument("phq-9")
    house.instruments = Instruments([replace(old, retired=True), replace(old, version="2")])
    house.services = house._services()
    with pytest.raises(InstrumentRetired):
        record(house, clinician, client_id, version="1")
    assert read(house, clinician, record(house, clinician, client_id)).instrument_version == "2"
    assert read(house, clinician, measure_id).instrument_version == "1"
    assert house.services.measures.instrument(house.call(clinician), "phq-9", "1").retired


def test_everybody_who_is_signed_in_reads_instruments(house, clinician):
    for role in (Role.OPERATOR, Role.ML_ENGINEER, Role.COMPLIANCE_OFFICER, Role.CLINICIAN):
        call = house.call(house.person(role))
        assert len(house.services.measures.instruments(call)) == 5
        assert house.reasons(call) == [("instrument.read", "allowed", "")]
    for key, version in (("phq-10", None), ("phq-9", "7")):
        with pytest.raises(InstrumentNotFound):
            house.services.measures.instrument(house.call(clinician), key, version)


@pytest.mark.parametrize("which", instruments(), ids=lambda one: one.key)
def test_an_instrument_reads_with_all_its_sources(which):
    shown = instrument_as_json(which)
    assert shown["reliable_change"]["threshold"] == which.reliable_change
    assert len(shown["items"]) == len(which.items)
    assert [one["key"] for one in shown["citations"]] == [one.key for one in which.citations]


def test_clients_answer_for_themselves_and_see_what_they_answered(house, clinician, client_id):
    own = house.person(Role.CLIENT, client_id=client_id)
    measure_id = record(house, own, client_id, (*CALM[:8], 2))
    measure = read(house, own, measure_id)
    assert (measure.recorded_by, measure.completed_by) == (own.id, CompletedBy.CLIENT)
    assert flag_of(house, clinician, measure_id).level is FlagLevel.HIGH
    shown = house.services.measures.of_client(house.call(own), client_id).items
    assert [item.id for item in shown] == [measure_id]
    assert "flag_id" not in shown[0].content
    with pytest.raises(RoleNotPermitted):
        house.services.measures.mark_entered_in_error(house.call(own), measure_id, "Changed my mind.")


def test_clients_answer_neither_for_others_nor_in_the_clinicians_name(house, clinician, client_id):
    own, session_id = house.person(Role.CLIENT, client_id=client_id), uuid4()
    house.services.sessions.record(house.call(clinician), session_id, client_id, content())
    with pytest.raises(ClientNotFound):
        record(house, own, house.chart(clinician))
    for field, more in (
        ("completed_by", {"completed_by": CompletedBy.CLINICIAN}),
        ("session_id", {"session_id": session_id}),
    ):
        with pytest.raises(Invalid) as refused:
            record(house, own, client_id, **more)
        assert refused.value.facts["field"] == field


def test_a_chart_entered_in_error_takes_no_measure_from_anybody(house, clinician, client_id):
    own = house.person(Role.CLIENT, client_id=client_id)
    house.services.clients.mark_entered_in_error(house.call(clinician), client_id, "Opened twice.")
    for who in (clinician, own):
        with pytest.raises(ClientEnteredInError):
            record(house, who, client_id)


def test_a_representative_answers_for_the_client(house, clinician, client_id):
    parent = house.person(Role.CLIENT, client_id=house.chart(clinician))
    house.represent(clinician, client_id, parent)
    assert read(house, parent, record(house, parent, client_id)).recorded_by == parent.id


def test_strangers_learn_nothing_of_measures(house, clinician, client_id):
    measure_id = record(house, clinician, client_id)
    with pytest.raises(OutsideCareTeam):
        read(house, house.person(), measure_id)
    with pytest.raises(RoleNotPermitted):
        read(house, house.person(Role.ML_ENGINEER), measure_id)
    with pytest.raises(MeasureNotFound):
        read(house, house.person(Role.CLIENT, client_id=house.chart(clinician)), measure_id)
    with pytest.raises(MeasureNotFound):
        read(house, clinician, uuid4())


def test_a_measure_names_a_session_of_its_client_that_stands(house, clinician, client_id):
    own, foreign = uuid4(), uuid4()
    house.services.sessions.record(house.call(clinician), own, client_id, content())
    house.services.sessions.record(house.call(clinician), foreign, house.chart(clinician), content())
    assert read(house, clinician, record(house, clinician, client_id, session_id=own)).session_id == own
    for unknown in (foreign, uuid4()):
        with pytest.raises(SessionNotFound):
            record(house, clinician, client_id, session_id=unknown)
    house.services.sessions.mark_entered_in_error(house.call(clinician), own, "Wrong chart.")
    with pytest.raises(SessionEnteredInError):
        record(house, clinician, client_id, session_id=own)


def test_a_measure_in_the_wrong_chart_takes_its_flag_along_while_nobody_took_it_on(house, clinician, client_id):
    measure_id = record(house, clinician, client_id, (3,) * 9)
    call = house.call(clinician)
    house.services.measures.mark_entered_in_error(call, measure_id, "Another person's.")
    flag = flag_of(house, clinician, measure_id)
    assert (flag.status, read(house, clinician, measure_id).in_error) == (FlagStatus.ENTERED_IN_ERROR, True)
    assert "measure" in flag.error_reason
    assert house.entries(call)[0].resources == (measure_id, flag.id)
    with pytest.raises(MeasureEnteredInError):
        house.services.measures.mark_entered_in_error(house.call(clinician), measure_id, "Again.")


@pytest.mark.parametrize("step", ["acknowledge", "escalate"])
def test_a_flag_that_a_person_made_their_own_outlives_its_measure_and_says_so(house, clinician, client_id, step):
    measure_id = record(house, clinician, client_id, (3,) * 9)
    flag_id = read(house, clinician, measure_id).flag_id
    getattr(house.services.risk_flags, step)(house.call(clinician), flag_id)
    house.services.measures.mark_entered_in_error(house.call(clinician), measure_id, "Another person's.")
    flag = house.services.risk_flags.read(house.call(clinician), flag_id)
    assert (flag.open, flag.measure_withdrawn) == (True, True)
    house.services.risk_flags.resolve(house.call(clinician), flag_id, "Asked; there is no danger.")


def test_a_flag_that_only_the_worker_passed_up_is_nobodys_yet_and_goes_with_its_measure(house, clinician, client_id):
    measure_id = record(house, clinician, client_id, (3,) * 9)
    flag_id = read(house, clinician, measure_id).flag_id
    house.clock.forward(2 * 24 * 3600)
    house.services.risk_flags.escalate_overdue(house.call(HOST), flag_id)
    house.services.measures.mark_entered_in_error(house.call(clinician), measure_id, "Another person's.")
    assert house.services.risk_flags.read(house.call(clinician), flag_id).in_error


def test_a_flag_marked_before_its_measure_is_left_as_it_is(house, clinician, client_id):
    measure_id = record(house, clinician, client_id, (3,) * 9)
    flag_id = read(house, clinician, measure_id).flag_id
    house.services.risk_flags.mark_entered_in_error(house.call(clinician), flag_id, "Misunderstood the question.")
    house.services.measures.mark_entered_in_error(house.call(clinician), measure_id, "Another person's.")
    assert house.services.risk_flags.read(house.call(clinician), flag_id).version == 2


def test_a_stale_version_is_refused_and_the_flag_stays(house, clinician, client_id):
    measure_id = record(house, clinician, client_id, (3,) * 9)
    with pytest.raises(StaleVersion):
        house.services.measures.mark_entered_in_error(
            house.call(clinician, expected_version=2), measure_id, "Another person's."
        )
    assert flag_of(house, clinician, measure_id).open


def test_lists_are_pages_in_the_order_measures_were_taken(house, clinician, client_id):
    ids = [
        house.services.measures.record(
            house.call(clinician),
            uuid4(),
            client_id,
            instrument="gad-7",
            taken_at=MomentInZone.of(NOW - timedelta(days=days), "Europe/Berlin"),
            answers=(1,) * 7,
        ).resource_id
        for days in (1, 3, 2)
    ]
    first = house.services.measures.of_client(house.call(clinician), client_id, limit=2)
    rest = house.services.measures.of_client(house.call(clinician), client_id, limit=2, after=first.after)
    assert [item.id for item in (*first.items, *rest.items)] == [ids[1], ids[2], ids[0]]
    assert rest.after is None
    for limit in (0, 501):
        with pytest.raises(Invalid):
            house.services.measures.of_client(house.call(clinician), client_id, limit=limit)


def test_there_is_no_flag_to_read_where_none_was_raised(house, clinician):
    with pytest.raises(RiskFlagNotFound):
        house.services.risk_flags.read(house.call(clinician), uuid4())
