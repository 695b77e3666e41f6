"""Expiring grants: what a job may do for somebody who has gone, and when it may not do it any more."""

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.ports.access import Relation
from domain.ports.call import Purpose, Role
from domain.ports.keys import RecordClass
from domain.services.access import Action, OutsideCareTeam, RequesterGone, RoleNotPermitted
from domain.services.grants import Grant, GrantExpired, Grants
from tests.domain.conftest import HOST


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def member(house):
    return house.person()


@pytest.fixture
def client_id(house, clinician, member):
    return house.chart(clinician, (member, Relation.CLINICIAN))


@pytest.fixture
def grants(house):
    return Grants(house.access, timedelta(hours=2))


def granted(house, grants, who, client_id):
    return grants.issue(house.call(who), Action.JOURNEY_READ, RecordClass.JOURNAL, client_id)


def test_a_grant_survives_being_written_down(house, grants, member, client_id):
    grant = granted(house, grants, member, client_id)
    assert Grant.of_text(grant.as_text()) == grant
    assert (grant.account_id, grant.client_id, grant.purpose) == (member.id, client_id, Purpose.TREATMENT)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"account_id": "x"}', "7", '{"account_id": null}'])
def test_what_is_no_grant_grants_nothing(text):
    with pytest.raises(GrantExpired):
        Grant.of_text(text)


def test_nobody_gets_a_grant_for_what_they_may_not_do(house, grants, client_id):
    with pytest.raises(OutsideCareTeam):
        granted(house, grants, house.person(), client_id)
    with pytest.raises(RoleNotPermitted):
        granted(house, grants, house.person(Role.OPERATOR), client_id)


def test_both_principals_stand_in_the_audit(house, grants, member, client_id):
    acting = grants.acting(house.call(HOST), granted(house, grants, member, client_id))
    house.services.clients.read(acting, client_id)
    (entry,) = [event for event in house.log.events if event.originator_id == acting.request_id]
    assert (entry.action, entry.actor_id, entry.actor_role) == ("client.read", HOST.id, "service")
    assert (entry.on_behalf_of, entry.purpose) == (member.id, "treatment")


def test_it_ends_at_its_time_and_the_denial_names_both(house, grants, member, client_id):
    grant = granted(house, grants, member, client_id)
    house.clock.forward(2 * 3600 - 1)
    grants.acting(house.call(HOST), grant)
    house.clock.forward(1)
    call = house.call(HOST)
    with pytest.raises(GrantExpired):
        grants.acting(call, grant)
    assert house.reasons(call) == [("journey.read", "denied", "grant_expired")]


def test_it_is_worth_nothing_once_its_account_may_not_itself(house, grants, clinician, member, client_id):
    grant = granted(house, grants, member, client_id)
    acting = grants.acting(house.call(HOST), grant)
    house.services.clients.leave_care_team(house.call(clinician), client_id, member.id)
    with pytest.raises(OutsideCareTeam):
        grants.acting(house.call(HOST), grant)
    with pytest.raises(OutsideCareTeam):
        house.services.clients.read(acting, client_id)


def test_a_disabled_account_acts_through_nobody(house, grants, member, client_id):
    grant = granted(house, grants, member, client_id)
    house.services.accounts.disable(house.call(house.person(Role.OPERATOR)), member.id)
    with pytest.raises(RequesterGone):
        grants.acting(house.call(HOST), grant)


def test_only_the_house_itself_acts_for_somebody(house, clinician, client_id):
    for who in (house.person(), house.person(Role.OPERATOR)):
        with pytest.raises(RequesterGone):
            house.services.clients.read(house.call(who, on_behalf_of=clinician.id), client_id)
    with pytest.raises(RequesterGone):
        house.services.clients.read(house.call(HOST, on_behalf_of=uuid4()), client_id)
