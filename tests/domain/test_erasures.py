"""Erasure and holds over plain objects: who may ask, what is refused with which reason, and what is on record of it."""

from uuid import uuid4

import pytest

from domain.errors import Erased, Invalid
from domain.model.client import ClientNotFound
from domain.model.erasure import Erasure, ErasureBasis, ErasureBegun, ErasureState, ErasureUnderWay
from domain.model.legal_hold import HoldBasis, HoldLifted
from domain.ports.call import Purpose, Role
from domain.ports.erasure import UnderLegalHold
from domain.ports.keys import RecordClass
from domain.services.access import RoleNotPermitted
from domain.services.erasures import RetentionRunsStill
from tests.contracts.samples import NOW

COURT = ErasureBasis.COURT_ORDER


@pytest.fixture
def officer(house):
    return house.person(Role.COMPLIANCE_OFFICER)


@pytest.fixture
def chart(house):
    return house.chart(house.person(Role.CLINICIAN))


def ask(house, officer, client_id, basis=COURT, classes=()):
    erasure_id = uuid4()
    house.services.erasures.request(compliance(house, officer), erasure_id, client_id, basis, classes)
    return erasure_id


def compliance(house, officer):
    return house.call(officer, purpose=Purpose.COMPLIANCE)


def test_what_is_asked_for_goes_to_the_worker_by_id_alone(house, officer, chart):
    erasure_id = ask(house, officer, chart)
    erasure = house.services.erasures.read(compliance(house, officer), erasure_id)
    assert (erasure.client_id, erasure.basis, erasure.state) == (chart, COURT, ErasureState.REQUESTED)
    assert not erasure.over
    assert erasure.whole


def test_an_early_wish_is_refused_and_the_refusal_is_on_record(house, officer, chart):
    call = compliance(house, officer)
    with pytest.raises(RetentionRunsStill):
        house.services.erasures.request(call, uuid4(), chart, ErasureBasis.CLIENT_REQUEST)
    assert house.reasons(call) == [("erasure.request", "denied", "retention_runs_still")]


def test_a_hold_refuses_until_it_is_lifted(house, officer, chart):
    hold_id = uuid4()
    house.services.holds.place(compliance(house, officer), hold_id, chart, HoldBasis.CLIENT_CLAIM, "")
    assert house.services.erasures.plan(compliance(house, officer), chart).outcome == "under_legal_hold"
    with pytest.raises(UnderLegalHold):
        ask(house, officer, chart)
    house.services.holds.lift(compliance(house, officer), hold_id)
    with pytest.raises(HoldLifted):
        house.services.holds.lift(compliance(house, officer), hold_id)
    (hold,) = house.services.holds.of_client(compliance(house, officer), chart)
    assert hold.lifted_at is not None
    ask(house, officer, chart)


def test_one_at_a_time_and_withdrawn_is_withdrawn(house, officer, chart):
    first = ask(house, officer, chart)
    with pytest.raises(ErasureUnderWay):
        ask(house, officer, chart)
    house.services.erasures.withdraw(compliance(house, officer), first)
    ask(house, officer, chart)
    rows = house.services.erasures.of_client(compliance(house, officer), chart)
    assert [row.state for row in rows] == ["withdrawn", "requested"]


def test_nobody_in_a_care_team_and_no_operator_may_ask(house, chart):
    for role in (Role.CLINICIAN, Role.OPERATOR, Role.ML_ENGINEER):
        with pytest.raises(RoleNotPermitted):
            ask(house, house.person(role), chart)


def test_what_there_is_not_or_is_no_more_can_not_be_erased(house, officer, chart):
    with pytest.raises(ClientNotFound):
        ask(house, officer, uuid4())
    with pytest.raises(Invalid):
        ask(house, officer, chart, classes=(RecordClass.AUDIT,))
    gone = uuid4()
    house.log.fences.add(gone)
    with pytest.raises(Erased):
        ask(house, officer, gone)


def test_the_steps_come_in_their_order_and_each_once():
    erasure = Erasure.request(uuid4(), at=NOW, by=uuid4(), client_id=uuid4(), basis=COURT, due_at=NOW)
    erasure.destroy_keys(at=NOW, keys=1)  # before the fence: nothing
    assert erasure.state is ErasureState.REQUESTED
    for _ in range(2):
        erasure.fence(at=NOW, position=5, number=1, events=3)
    with pytest.raises(ErasureBegun):
        erasure.withdraw(at=NOW, by=uuid4())
    for _ in range(2):
        erasure.destroy_keys(at=NOW, keys=4)
        erasure.purge(at=NOW, rows=2)
        erasure.record(at=NOW, acknowledged=1, expired=0, redacted=(2, 3))
        erasure.complete(at=NOW, receipt="signed")
    assert erasure.over
    kinds = [event.KIND.partition(".")[2] for event in erasure.collect_events()]
    assert kinds == ["requested", "fenced", "keys_destroyed", "purged", "recorded", "completed"]
