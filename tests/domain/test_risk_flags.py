"""Risk flags: raised, taken on, passed up, resolved; none is lost, and none goes unseen in time."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from domain.errors import Invalid, StaleVersion
from domain.model.checks import TextNotAllowed
from domain.model.client import ClientEnteredInError
from domain.model.measure import MeasureEnteredInError, MeasureNotFound
from domain.model.risk_flag import (
    WITHIN,
    EscalationReason,
    FlagLevel,
    FlagSource,
    FlagStatus,
    RiskFlag,
    RiskFlagAlreadyAcknowledged,
    RiskFlagEnteredInError,
    RiskFlagNotFound,
    RiskFlagNotOverdue,
    RiskFlagResolved,
)
from domain.model.session import SessionNotFound
from domain.ports.access import Relation
from domain.ports.call import Role
from domain.services.access import OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering_outcomes import risk_flag_as_json
from tests.contracts.samples import NOW, YESTERDAY, content
from tests.domain.conftest import HOST
from tests.domain.test_histories import PEOPLE, History, people, texts


def a_flag(level=FlagLevel.HIGH, by=None):
    return RiskFlag.raise_flag(
        uuid4(), at=NOW, by=by, client_id=uuid4(), level=level, source=FlagSource.ITEM, reason="Item 9."
    )


@pytest.mark.parametrize(("level", "hours"), [("imminent", 1), ("high", 24), ("moderate", 72), ("low", 168)])
def test_the_more_urgent_the_sooner_it_must_be_taken_on(level, hours):
    flag = a_flag(FlagLevel(level))
    assert flag.due_at == NOW + timedelta(hours=hours)
    assert (flag.status, flag.raised_at, flag.open, flag.waiting) == (FlagStatus.RAISED, NOW, True, True)


def test_a_flag_says_why():
    with pytest.raises(TextNotAllowed):
        RiskFlag.raise_flag(
            uuid4(),
            at=NOW,
            by=PEOPLE[0],
            client_id=uuid4(),
            level=FlagLevel.LOW,
            source=FlagSource.CLINICIAN,
            reason=" ",
        )


def test_one_person_takes_it_on_once():
    flag = a_flag()
    flag.acknowledge(at=NOW, by=PEOPLE[0], note="Called.")
    assert (flag.acknowledged_by, flag.acknowledged_at, flag.note, flag.waiting) == (PEOPLE[0], NOW, "Called.", False)
    with pytest.raises(RiskFlagAlreadyAcknowledged):
        flag.acknowledge(at=NOW, by=PEOPLE[1])


def test_it_is_overdue_exactly_from_its_time_on_and_waits_anew_when_passed_up():
    flag, due = a_flag(), NOW + WITHIN[FlagLevel.HIGH]
    with pytest.raises(RiskFlagNotOverdue):
        flag.escalate_overdue(at=due - timedelta(microseconds=1))
    flag.escalate_overdue(at=due, to=PEOPLE[1])
    assert (flag.status, flag.escalated_to, flag.escalated_at) == (FlagStatus.ESCALATED, PEOPLE[1], due)
    assert (flag.escalation_reason, flag.escalated_by) == (EscalationReason.OVERDUE, None)
    assert flag.due_at == due + WITHIN[FlagLevel.HIGH]
    with pytest.raises(RiskFlagNotOverdue):
        flag.escalate_overdue(at=due + timedelta(minutes=1))
    flag.escalate_overdue(at=flag.due_at, to=PEOPLE[1])


def test_one_that_was_taken_on_is_never_overdue():
    flag = a_flag()
    flag.acknowledge(at=NOW, by=PEOPLE[0])
    with pytest.raises(RiskFlagNotOverdue):
        flag.escalate_overdue(at=NOW + timedelta(days=400))


def test_passing_it_up_after_taking_it_on_makes_it_wait_anew():
    flag = a_flag()
    flag.acknowledge(at=NOW, by=PEOPLE[0])
    later = NOW + timedelta(days=2)
    flag.escalate(at=later, by=PEOPLE[0], to=PEOPLE[1])
    assert (flag.status, flag.waiting, flag.due_at) == (FlagStatus.ESCALATED, True, later + timedelta(hours=24))
    flag.acknowledge(at=later, by=PEOPLE[1])
    assert flag.acknowledged_by == PEOPLE[1]


def test_what_was_resolved_takes_no_more_changes():
    flag = a_flag()
    flag.resolve(at=NOW, by=PEOPLE[0], outcome="Seen at once; safe at home.")
    assert (flag.status, flag.outcome, flag.resolved_by, flag.open) == (
        FlagStatus.RESOLVED,
        "Seen at once; safe at home.",
        PEOPLE[0],
        False,
    )
    for attempt in (
        lambda: flag.acknowledge(at=NOW, by=PEOPLE[0]),
        lambda: flag.escalate(at=NOW, by=PEOPLE[0]),
        lambda: flag.escalate_overdue(at=NOW + timedelta(days=9)),
        lambda: flag.resolve(at=NOW, by=PEOPLE[0], outcome="Again."),
    ):
        with pytest.raises(RiskFlagResolved):
            attempt()


def test_one_entered_in_error_takes_nothing():
    flag = a_flag()
    flag.mark_entered_in_error(at=NOW, by=PEOPLE[0], reason="Raised twice.")
    for attempt in (
        lambda: flag.resolve(at=NOW, by=PEOPLE[0], outcome="x"),
        lambda: flag.withdraw_measure(at=NOW, by=PEOPLE[0]),
        lambda: flag.mark_entered_in_error(at=NOW, by=PEOPLE[0], reason="Again."),
    ):
        with pytest.raises(RiskFlagEnteredInError) as refused:
            attempt()
        assert refused.value.facts == {"risk_flag_id": str(flag.id)}


class FlagHistory(History):
    def __init__(self) -> None:
        super().__init__()
        self.aggregate: Any = a_flag()
        self.ended = False

    @rule(by=people, note=texts)
    def acknowledge(self, by: UUID, note: str) -> None:
        self.attempt("acknowledge", by=by, note=note)

    @rule(by=people, to=st.none() | people)
    def escalate(self, by: UUID, to: UUID | None) -> None:
        self.attempt("escalate", by=by, to=to)

    @rule(to=st.none() | people)
    def escalate_overdue(self, to: UUID | None) -> None:
        flag = self.aggregate
        was_due = flag.waiting and self.now >= flag.due_at
        assert self.attempt("escalate_overdue", to=to) is was_due

    @precondition(lambda self: self.aggregate.version > 4)
    @rule(by=people, outcome=texts)
    def resolve(self, by: UUID, outcome: str) -> None:
        self.attempt("resolve", by=by, outcome=outcome)

    @rule()
    def withdraw(self) -> None:
        self.attempt("withdraw_measure", by=PEOPLE[0])

    @precondition(lambda self: self.aggregate.version > 6)
    @rule(reason=texts)
    def mark(self, reason: str) -> None:
        self.attempt("mark_entered_in_error", by=PEOPLE[0], reason=reason)

    @invariant()
    def what_waits_has_a_time_after_what_happened_last(self) -> None:
        flag = self.aggregate
        assert not flag.waiting or flag.due_at >= (flag.escalated_at or flag.raised_at) + WITHIN[flag.level]

    @invariant()
    def an_end_is_an_end(self) -> None:
        assert not (self.ended and self.aggregate.open)
        self.ended = self.ended or not self.aggregate.open


TestFlagHistory = FlagHistory.TestCase


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def supervisor(house):
    return house.person(Role.SUPERVISOR)


@pytest.fixture
def client_id(house, clinician, supervisor):
    return house.chart(clinician, (supervisor, Relation.SUPERVISOR))


def raise_flag(house, who, client_id, **more):
    flag_id, facts = uuid4(), {"level": FlagLevel.HIGH, "reason": "Spoke of a plan."}
    house.services.risk_flags.raise_flag(house.call(who), flag_id, client_id, **facts | more)
    return flag_id


def read(house, who, flag_id):
    return house.services.risk_flags.read(house.call(who), flag_id)


def test_any_member_of_the_team_raises_takes_on_passes_up_and_resolves(house, clinician, supervisor, client_id):
    flags = house.services.risk_flags
    flag_id = raise_flag(house, supervisor, client_id)
    for action, step in (
        ("risk_flag.acknowledge", lambda call: flags.acknowledge(call, flag_id, "Called her.")),
        ("risk_flag.escalate", lambda call: flags.escalate(call, flag_id)),
        ("risk_flag.resolve", lambda call: flags.resolve(call, flag_id, "Safety plan made together.")),
    ):
        call = house.call(clinician)
        step(call)
        assert house.reasons(call) == [(action, "allowed", "")]
    flag = read(house, clinician, flag_id)
    assert (flag.raised_by, flag.source, flag.status) == (supervisor.id, FlagSource.CLINICIAN, FlagStatus.RESOLVED)
    assert flag.escalated_to == supervisor.id


def test_only_who_leads_says_that_a_flag_was_never_due(house, clinician, client_id):
    colleague = house.person()
    house.services.clients.join_care_team(house.call(clinician), client_id, colleague.id, Relation.CLINICIAN)
    flag_id = raise_flag(house, colleague, client_id)
    with pytest.raises(RelationNotPermitted):
        house.services.risk_flags.mark_entered_in_error(house.call(colleague), flag_id, "Wrong chart.")
    house.services.risk_flags.mark_entered_in_error(house.call(clinician), flag_id, "Wrong chart.")
    assert read(house, clinician, flag_id).in_error


def test_clients_and_strangers_see_no_flags(house, clinician, client_id):
    flag_id = raise_flag(house, clinician, client_id)
    own = house.person(Role.CLIENT, client_id=client_id)
    with pytest.raises(RoleNotPermitted):
        read(house, own, flag_id)
    with pytest.raises(RoleNotPermitted):
        house.services.risk_flags.of_client(house.call(own), client_id)
    with pytest.raises(OutsideCareTeam):
        read(house, house.person(), flag_id)
    with pytest.raises(RiskFlagNotFound):
        read(house, clinician, uuid4())


def test_the_worker_passes_up_what_nobody_took_on_to_the_supervisor(house, clinician, supervisor, client_id):
    flag_id = raise_flag(house, clinician, client_id)
    worker = house.call(HOST)
    with pytest.raises(RiskFlagNotOverdue):
        house.services.risk_flags.escalate_overdue(worker, flag_id)
    house.clock.forward(24 * 3600)
    call = house.call(HOST)
    house.services.risk_flags.escalate_overdue(call, flag_id)
    (entry,) = house.entries(call)
    assert (entry.action, entry.actor_role, entry.client_id) == ("risk_flag.escalate_overdue", "service", client_id)
    flag = read(house, clinician, flag_id)
    assert (flag.escalated_to, flag.escalation_reason) == (supervisor.id, EscalationReason.OVERDUE)


def test_without_a_supervisor_it_goes_to_the_primary_clinician(house, clinician):
    flag_id = raise_flag(house, clinician, house.chart(clinician))
    house.clock.forward(25 * 3600)
    house.services.risk_flags.escalate_overdue(house.call(HOST), flag_id)
    assert read(house, clinician, flag_id).escalated_to == clinician.id


def test_people_do_not_act_as_the_worker_and_the_worker_reads_no_flag(house, clinician, client_id):
    flag_id = raise_flag(house, clinician, client_id)
    with pytest.raises(RoleNotPermitted):
        house.services.risk_flags.escalate_overdue(house.call(clinician), flag_id)
    with pytest.raises(OutsideCareTeam):
        read(house, HOST, flag_id)


def test_it_is_passed_to_members_of_the_care_team_only(house, clinician, client_id):
    flag_id, representative = (
        raise_flag(house, clinician, client_id),
        house.person(Role.CLIENT, client_id=house.chart(clinician)),
    )
    house.represent(clinician, client_id, representative)
    for stranger in (house.person().id, representative.id, uuid4()):
        with pytest.raises(Invalid) as refused:
            house.services.risk_flags.escalate(house.call(clinician), flag_id, stranger)
        assert refused.value.facts["field"] == "to"


def test_what_is_open_in_a_chart_entered_in_error_is_still_answered(house, clinician, client_id):
    flag_id = raise_flag(house, clinician, client_id)
    house.services.clients.mark_entered_in_error(house.call(clinician), client_id, "Opened twice.")
    with pytest.raises(ClientEnteredInError):
        raise_flag(house, clinician, client_id)
    house.services.risk_flags.acknowledge(house.call(clinician), flag_id)
    house.services.risk_flags.resolve(house.call(clinician), flag_id, "Went on in the right chart.")


def test_a_flag_names_only_what_is_the_clients_and_stands(house, clinician, client_id):
    elsewhere = house.chart(clinician)
    measures, session_id = house.services.measures, uuid4()
    house.services.sessions.record(house.call(clinician), session_id, elsewhere, content())
    ids = [uuid4(), uuid4()]
    for measure_id, whose in zip(ids, (elsewhere, client_id), strict=True):
        measures.record(
            house.call(clinician), measure_id, whose, instrument="gad-7", taken_at=YESTERDAY, answers=(1,) * 7
        )
    foreign, own = ids
    for unknown in (foreign, uuid4()):
        with pytest.raises(MeasureNotFound):
            raise_flag(house, clinician, client_id, measure_id=unknown)
    with pytest.raises(SessionNotFound):
        raise_flag(house, clinician, client_id, session_id=session_id)
    assert read(house, clinician, raise_flag(house, clinician, client_id, measure_id=own)).measure_id == own
    measures.mark_entered_in_error(house.call(clinician), own, "Wrong chart.")
    with pytest.raises(MeasureEnteredInError):
        raise_flag(house, clinician, client_id, measure_id=own)


def test_of_two_who_answer_the_same_version_one_is_late(house, clinician, supervisor, client_id):
    flag_id = raise_flag(house, clinician, client_id)
    house.services.risk_flags.acknowledge(house.call(supervisor, expected_version=1), flag_id)
    with pytest.raises(StaleVersion):
        house.services.risk_flags.resolve(house.call(clinician, expected_version=1), flag_id, "All is well.")


def test_it_reads_with_all_that_was_done_about_it(house, clinician, supervisor, client_id):
    flag_id = raise_flag(house, clinician, client_id)
    house.services.risk_flags.escalate(house.call(clinician), flag_id, supervisor.id)
    shown = risk_flag_as_json(read(house, clinician, flag_id))
    assert (shown["status"], shown["level"], shown["source"]) == ("escalated", "high", "clinician")
    assert (shown["escalated_to"], shown["escalation_reason"]) == (str(supervisor.id), "clinician")
    assert shown["acknowledged_at"] is None
    listed = house.services.risk_flags.of_client(house.call(clinician), client_id).items
    assert [item.content for item in listed] == [shown]
