"""Breaking the glass: what it gives, for how long, who hears of it, and who looks at it afterwards."""

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import Invalid, TooMany
from domain.model.client import ClientNotFound
from domain.model.exceptional_access import (
    AccessAlreadyReviewed,
    BreakGlassEnded,
    BreakGlassNotNeeded,
    BreakGlassOpen,
    ExceptionalAccess,
    ExceptionalAccessNotFound,
    ReviewOfOwnAccess,
)
from domain.model.safety_plan import SafetyPlanNotFound
from domain.model.session import NotTheAuthor
from domain.ports.access import Relation
from domain.ports.alerts import AlertCode
from domain.ports.call import Purpose, Role
from domain.ports.exceptional import AccessWay, Verdict
from domain.ports.worklist import WorkKind
from domain.services.access import (
    OutsideCareTeam,
    PurposeNotPermitted,
    RelationNotPermitted,
    RoleNotPermitted,
)
from domain.services.context import Wanted
from tests.contracts.samples import content
from tests.domain.conftest import HOST

WHY = "Called the crisis line and hung up."


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def stranger(house):
    return house.person()


@pytest.fixture
def officer(house):
    return house.person(Role.COMPLIANCE_OFFICER)


@pytest.fixture
def client_id(house, clinician):
    return house.chart(clinician)


def emergency(house, who):
    return house.call(who, purpose=Purpose.EMERGENCY)


def broken(house, who, client_id, **more):
    access_id = uuid4()
    house.services.exceptional_access.break_glass(emergency(house, who), access_id, client_id, WHY, **more)
    return access_id


def test_a_broken_glass_opens_one_chart_under_the_purpose_emergency_alone(house, clinician, stranger, client_id):
    other = house.chart(clinician, family="Adeyemi")
    broken(house, stranger, client_id)
    assert house.services.clients.read(emergency(house, stranger), client_id).open
    assert house.services.clients.identity(emergency(house, stranger), client_id).content.names
    with pytest.raises(OutsideCareTeam):
        house.services.clients.read(house.call(stranger), client_id)
    with pytest.raises(OutsideCareTeam):
        house.services.clients.read(emergency(house, stranger), other)
    with pytest.raises(OutsideCareTeam):
        house.services.clients.read(emergency(house, house.person()), client_id)


def test_it_ends_by_itself_to_the_microsecond(house, stranger, client_id):
    broken(house, stranger, client_id, minutes=10)
    house.clock.at += timedelta(minutes=10) - timedelta(microseconds=1)
    assert house.services.clients.read(emergency(house, stranger), client_id)
    house.clock.at += timedelta(microseconds=1)
    with pytest.raises(OutsideCareTeam):
        house.services.clients.read(emergency(house, stranger), client_id)


def test_it_gives_no_more_than_the_emergency_needs(house, stranger, client_id):
    broken(house, stranger, client_id)
    services = house.services
    with pytest.raises(RelationNotPermitted):
        services.clients.mark_entered_in_error(emergency(house, stranger), client_id, "No.")
    with pytest.raises(RelationNotPermitted):
        services.clients.join_care_team(emergency(house, stranger), client_id, stranger.id, Relation.CLINICIAN)
    with pytest.raises(RelationNotPermitted):
        services.context.select(emergency(house, stranger), client_id, Wanted(budget_tokens=1_000))


def test_who_acts_in_it_writes_it_down_and_signs_it_afterwards_as_its_author(house, stranger, client_id):
    broken(house, stranger, client_id)
    session_id = uuid4()
    house.services.sessions.record(emergency(house, stranger), session_id, client_id, content())
    house.clock.forward(3600)
    house.services.sessions.sign(house.call(stranger), session_id)
    with pytest.raises(OutsideCareTeam):
        house.services.safety_plans.read(house.call(stranger), client_id)


def test_it_needs_the_purpose_said(house, stranger, client_id):
    call = house.call(stranger)
    with pytest.raises(PurposeNotPermitted):
        house.services.exceptional_access.break_glass(call, uuid4(), client_id, WHY)
    assert house.reasons(call) == [("break_glass.open", "denied", "purpose_not_permitted")]


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.COMPLIANCE_OFFICER, Role.ML_ENGINEER, Role.CLIENT, Role.SERVICE])
def test_only_carers_break_the_glass(house, client_id, role):
    with pytest.raises(RoleNotPermitted):
        broken(house, house.person(role) if role is not Role.SERVICE else HOST, client_id)


@pytest.mark.parametrize("relation", [Relation.CLINICIAN, Relation.PRIMARY_CLINICIAN])
def test_the_team_is_told_that_nothing_needs_to_be_broken(house, clinician, relation):
    member = house.person()
    client_id = house.chart(clinician, (member, relation))
    with pytest.raises(BreakGlassNotNeeded):
        broken(house, member, client_id)
    assert house.services.clients.read(house.call(member), client_id)
    with pytest.raises(PurposeNotPermitted):
        house.services.clients.read(emergency(house, member), client_id)


def test_nobody_breaks_it_twice_at_once_nor_for_a_client_who_is_none(house, stranger, client_id):
    broken(house, stranger, client_id)
    with pytest.raises(BreakGlassOpen):
        broken(house, stranger, client_id)
    with pytest.raises(ClientNotFound):
        broken(house, stranger, uuid4())


def test_it_can_be_broken_a_few_times_a_day_and_again_the_day_after(house, clinician, stranger):
    clients = [house.chart(clinician, family=f"Number {number}") for number in range(6)]
    for client_id in clients[:5]:
        broken(house, stranger, client_id)
    with pytest.raises(TooMany):
        broken(house, stranger, clients[5])
    broken(house, house.person(), clients[5])
    house.clock.forward(24 * 3600 + 1)
    broken(house, stranger, clients[5])


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 2_001, "nul\0"])
def test_a_reason_that_says_nothing_opens_nothing(house, stranger, client_id, reason):
    with pytest.raises(Invalid):
        house.services.exceptional_access.break_glass(emergency(house, stranger), uuid4(), client_id, reason)
    with pytest.raises(OutsideCareTeam):
        house.services.clients.read(emergency(house, stranger), client_id)


@pytest.mark.parametrize("minutes", [0, -5, 61])
def test_nobody_gets_more_time_than_the_policy_gives(house, stranger, client_id, minutes):
    with pytest.raises(Invalid):
        broken(house, stranger, client_id, minutes=minutes)


def test_an_alert_says_who_where_and_nothing_else(house, stranger, client_id):
    access_id = broken(house, stranger, client_id)
    (alert,) = house.alerts.told
    assert (alert.code, alert.resource_id) == (AlertCode.GLASS_BROKEN, access_id)
    assert (alert.account_id, alert.client_id) == (stranger.id, client_id)
    assert WHY not in repr(alert)


def test_the_reason_is_in_the_record_and_not_in_the_audit(house, stranger, officer, client_id):
    access_id = broken(house, stranger, client_id)
    found = house.services.exceptional_access.read(house.call(officer), access_id)
    assert found.reason == WHY
    entries = [event for event in house.log.events if getattr(event, "KIND", "") == "audit.entry"]
    assert entries
    assert WHY not in repr(entries)
    assert {entry.purpose for entry in entries if entry.action == "break_glass.open"} == {"emergency"}


def test_all_that_is_read_under_it_says_emergency(house, stranger, client_id):
    broken(house, stranger, client_id)
    call = emergency(house, stranger)
    house.services.clients.read(call, client_id)
    (entry,) = [event for event in house.log.events if event.originator_id == call.request_id]
    assert (entry.action, entry.purpose, entry.actor_id) == ("client.read", "emergency", stranger.id)


def test_it_waits_in_the_work_list_of_the_team_until_it_is_reviewed(house, clinician, stranger, officer, client_id):
    access_id = broken(house, stranger, client_id)

    def waiting():
        items = house.services.worklist.read(house.call(clinician)).items
        return [item.resource_id for item in items if item.kind is WorkKind.EXCEPTIONAL_ACCESS]

    assert waiting() == [access_id]
    assert house.services.exceptional_access.read(house.call(clinician), access_id).reason == WHY
    review = house.services.exceptional_access.review
    review(house.call(officer), access_id, Verdict.NEEDS_FOLLOW_UP, "Ask the crisis line.")
    assert waiting() == [access_id]
    review(house.call(officer), access_id, Verdict.JUSTIFIED)
    assert waiting() == []
    with pytest.raises(AccessAlreadyReviewed):
        review(house.call(officer), access_id, Verdict.NOT_JUSTIFIED)


def test_others_learn_nothing_of_it(house, stranger, client_id):
    access_id = broken(house, stranger, client_id)
    read = house.services.exceptional_access.read
    with pytest.raises(OutsideCareTeam):
        read(house.call(house.person()), access_id)
    with pytest.raises(RoleNotPermitted):
        read(house.call(house.person(Role.CLIENT, client_id=client_id)), access_id)
    with pytest.raises(ExceptionalAccessNotFound):
        read(house.call(stranger), uuid4())
    assert read(house.call(stranger), access_id).reason == WHY


def test_it_is_ended_by_who_broke_it_or_by_compliance_and_by_no_other_carer(house, stranger, officer, client_id):
    other = house.person()
    first, second = broken(house, stranger, client_id), broken(house, other, client_id)
    end = house.services.exceptional_access.end
    with pytest.raises(NotTheAuthor):
        end(emergency(house, other), first)
    with pytest.raises(OutsideCareTeam):
        end(house.call(other), first)
    house.clock.forward(60)
    end(house.call(stranger), first)
    with pytest.raises(OutsideCareTeam):
        house.services.clients.read(emergency(house, stranger), client_id)
    with pytest.raises(BreakGlassEnded):
        end(house.call(stranger), first)
    assert house.services.clients.read(emergency(house, other), client_id)
    end(house.call(officer), second)
    with pytest.raises(OutsideCareTeam):
        house.services.clients.read(emergency(house, other), client_id)


def test_compliance_lists_what_waits_oldest_first_in_pages(house, clinician, officer):
    ids = []
    for number in range(3):
        ids.append(broken(house, house.person(), house.chart(clinician, family=f"Number {number}")))
        house.clock.forward(1)
    page = house.services.exceptional_access.page
    first = page(house.call(officer), waiting=True, limit=2)
    assert [item.id for item in first] == ids
    rest = page(house.call(officer), waiting=True, after=(first[1].opened_at_us, first[1].id), limit=2)
    assert [item.id for item in rest] == ids[2:]
    assert list(page(house.call(officer), waiting=False)) == []
    with pytest.raises(RoleNotPermitted):
        page(house.call(clinician))


def test_reviews_that_are_overdue_are_alerted_again(house, stranger, officer, client_id):
    access_id = broken(house, stranger, client_id)
    sweep = house.services.exceptional_access.sweep
    assert sweep(house.call(HOST)) == 0
    house.clock.forward(72 * 3600)
    assert sweep(house.call(HOST)) == 1
    assert [(one.code, one.resource_id) for one in house.alerts.told[1:]] == [(AlertCode.REVIEW_OVERDUE, access_id)]
    house.services.exceptional_access.review(house.call(officer), access_id, Verdict.JUSTIFIED)
    assert sweep(house.call(HOST)) == 0
    with pytest.raises(RoleNotPermitted):
        sweep(house.call(officer))


def test_a_chart_that_an_operator_hands_over_is_alerted_and_reviewed(house, clinician, officer, client_id):
    operator, successor = house.person(Role.OPERATOR), house.person()
    house.services.clients.join_care_team(house.call(operator), client_id, successor.id, Relation.PRIMARY_CLINICIAN)
    (alert,) = house.alerts.told
    assert (alert.code, alert.account_id, alert.client_id) == (AlertCode.CHART_HANDED_OVER, successor.id, client_id)
    (item,) = house.services.exceptional_access.page(house.call(officer), waiting=True)
    assert (item.way, item.opened_by, item.account_id) == (AccessWay.HANDOVER, operator.id, successor.id)
    assert item.id in [one.resource_id for one in house.services.worklist.read(house.call(clinician)).items]
    house.services.exceptional_access.review(house.call(officer), item.id, Verdict.NOT_JUSTIFIED, "Nobody left.")
    assert not house.services.exceptional_access.page(house.call(officer), waiting=True)
    with pytest.raises(OutsideCareTeam):
        house.services.clients.read(emergency(house, house.person()), client_id)


def test_a_colleague_let_in_by_who_leads_is_nobodys_exception(house, clinician, officer, client_id):
    house.services.clients.join_care_team(house.call(clinician), client_id, house.person().id, Relation.CLINICIAN)
    assert house.alerts.told == []
    assert not house.services.exceptional_access.page(house.call(officer))


def test_nobody_reviews_what_they_opened_or_were_given(house, client_id):
    at, by = house.clock.now(), uuid4()
    within = timedelta(hours=72)
    glass = ExceptionalAccess.break_glass(
        uuid4(), at=at, by=by, client_id=client_id, reason=WHY, minutes=5, review_within=within
    )
    with pytest.raises(ReviewOfOwnAccess):
        glass.review(at=at, by=by, verdict=Verdict.JUSTIFIED, remark="")
    given = uuid4()
    handed = ExceptionalAccess.hand_over(
        at=at, by=by, client_id=client_id, version=3, account_id=given, review_within=within
    )
    for own in (by, given):
        with pytest.raises(ReviewOfOwnAccess):
            handed.review(at=at, by=own, verdict=Verdict.JUSTIFIED, remark="")


def test_a_member_who_left_gets_in_again_only_by_breaking_the_glass(house, clinician):
    member = house.person()
    client_id = house.chart(clinician, (member, Relation.CLINICIAN))
    house.services.clients.leave_care_team(house.call(member), client_id, member.id)
    with pytest.raises(OutsideCareTeam):
        house.services.clients.read(emergency(house, member), client_id)
    broken(house, member, client_id)
    with pytest.raises(SafetyPlanNotFound):
        house.services.safety_plans.read(emergency(house, member), client_id)
