from uuid import uuid4

import pytest

from domain.errors import Invalid, StaleVersion
from domain.model.account import AccountDisabled, AccountNotFound
from domain.model.client import ClientEnteredInError, ClientNotFound, ClientStatus, LastPrimaryClinician
from domain.model.identity import Identity
from domain.ports.access import Relation
from domain.ports.call import Actor, Purpose, Role
from domain.services.access import OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.clients import Found
from tests.contracts.samples import identity


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def client_id(house, clinician):
    return house.chart(clinician)


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.CLINICIAN, Role.SUPERVISOR)])
def test_only_who_treats_opens_charts(house, role):
    call, client_id = house.call(Actor(id=uuid4(), role=role)), uuid4()
    with pytest.raises(RoleNotPermitted):
        house.services.clients.register(call, client_id, identity())
    assert house.reasons(call) == [("client.register", "denied", "role_not_permitted")]
    assert not house.state.client_exists(client_id)


def test_an_identity_that_cannot_be_right_opens_no_chart(house, clinician):
    client_id = uuid4()
    with pytest.raises(Invalid):
        house.services.clients.register(house.call(clinician), client_id, identity("", ""))
    assert not house.state.client_exists(client_id)


def test_the_primary_clinician_reads_the_chart_and_who_it_is_about(house, clinician, client_id):
    calls = [house.call(clinician), house.call(clinician)]
    assert house.services.clients.read(calls[0], client_id).care_team == {clinician.id: Relation.PRIMARY_CLINICIAN}
    assert house.services.clients.identity(calls[1], client_id).content == identity()
    assert house.reasons(calls[0]) == [("client.read", "allowed", "")]
    assert house.reasons(calls[1]) == [("identity.read", "allowed", "")]


def test_outside_the_team_neither_chart_nor_identity_is_read(house, client_id):
    stranger = house.person()
    for method in (house.services.clients.read, house.services.clients.identity):
        with pytest.raises(OutsideCareTeam):
            method(house.call(stranger), client_id)
        with pytest.raises(ClientNotFound):
            method(house.call(stranger), uuid4())


def test_an_identity_is_corrected_on_the_version_that_was_read(house, clinician, client_id):
    correct = house.services.clients.correct_identity
    receipt = correct(house.call(clinician, expected_version=1), client_id, identity("Okafor-Weiß"))
    assert (receipt.version, receipt.resource_id) == (2, Identity.stream_of(client_id))
    with pytest.raises(StaleVersion):
        correct(house.call(clinician, expected_version=1), client_id, identity("Weiß"))
    assert house.state.find_by_identity("okafor weiss", "1984-05-17") == (client_id,)


def test_a_client_sees_their_identity_and_corrects_it_through_their_clinician(house, client_id):
    person = house.person(Role.CLIENT, client_id=client_id)
    assert house.services.clients.identity(house.call(person), client_id).content == identity()
    with pytest.raises(RoleNotPermitted):
        house.services.clients.correct_identity(house.call(person), client_id, identity("Other"))


def test_before_a_chart_is_opened_twice_it_is_found_by_exact_name_and_birth_date(house, clinician, client_id):
    other = house.person()
    find = house.services.clients.find
    assert find(house.call(clinician), "OKAFOR", "1984-05-17") == (
        Found(client_id=client_id, in_care_team=True, status=ClientStatus.ACTIVE),
    )
    call = house.call(other)
    assert find(call, "Okafor", "1984-05-17") == (
        Found(client_id=client_id, in_care_team=False, status=ClientStatus.ACTIVE),
    )
    assert house.entries(call)[0].clients == (client_id,)
    assert find(house.call(other), "Okafor", "1984-05-18") == ()


def test_a_look_up_tells_a_chart_entered_in_error_from_the_right_one(house, clinician, client_id):
    right = house.chart(clinician)
    house.services.clients.mark_entered_in_error(house.call(clinician), client_id, "Opened twice.")
    found = house.services.clients.find(house.call(house.person()), "Okafor", "1984-05-17")
    assert {each.client_id: each.status for each in found} == {
        client_id: ClientStatus.ENTERED_IN_ERROR,
        right: ClientStatus.ACTIVE,
    }


def test_an_identity_in_a_chart_entered_in_error_is_not_corrected(house, clinician, client_id):
    house.services.clients.mark_entered_in_error(house.call(clinician), client_id, "Opened twice.")
    with pytest.raises(ClientEnteredInError):
        house.services.clients.correct_identity(house.call(clinician), client_id, identity("Weiß"))
    assert house.services.clients.identity(house.call(clinician), client_id).version == 1


@pytest.mark.parametrize(("name", "birth_date"), [("", "1984"), ("Okafor", ""), ("Okafor", "spring"), ("\x00", "1984")])
def test_a_look_up_needs_a_name_and_a_birth_date(house, clinician, name, birth_date):
    with pytest.raises(Invalid):
        house.services.clients.find(house.call(clinician), name, birth_date)


def test_a_compliance_officer_finds_the_id_and_reads_no_identity(house, client_id):
    officer = house.person(Role.COMPLIANCE_OFFICER)
    assert house.services.clients.find(house.call(officer), "Okafor", "1984-05-17")[0].client_id == client_id
    with pytest.raises(RoleNotPermitted):
        house.services.clients.identity(house.call(officer), client_id)


def test_the_caseload_is_ones_own(house, clinician, client_id):
    second = house.chart(clinician, family="Adeyemi")
    house.chart(house.person(), family="Elsewhere")
    call = house.call(clinician)
    items = house.services.clients.caseload(call)
    assert [(item.client_id, item.name) for item in items] == [(client_id, "Ada Okafor"), (second, "Ada Adeyemi")]
    assert house.entries(call)[0].clients == (client_id, second)


@pytest.mark.parametrize(
    ("role", "relation", "fits"),
    [
        (Role.CLINICIAN, Relation.CLINICIAN, True),
        (Role.CLINICIAN, Relation.PRIMARY_CLINICIAN, True),
        (Role.CLINICIAN, Relation.SUPERVISOR, False),
        (Role.CLINICIAN, Relation.REPRESENTATIVE, False),
        (Role.SUPERVISOR, Relation.SUPERVISOR, True),
        (Role.SUPERVISOR, Relation.CLINICIAN, True),
        (Role.CLIENT, Relation.REPRESENTATIVE, False),  # without an authority and an end
        (Role.CLIENT, Relation.CLINICIAN, False),
        (Role.OPERATOR, Relation.CLINICIAN, False),
        (Role.ML_ENGINEER, Relation.REPRESENTATIVE, False),
        (Role.COMPLIANCE_OFFICER, Relation.SUPERVISOR, False),
    ],
)
def test_a_place_in_the_team_must_fit_the_account(house, clinician, client_id, *, role, relation, fits):
    member = house.person(role)
    join = house.services.clients.join_care_team
    if fits:
        join(house.call(clinician), client_id, member.id, relation)
        assert house.state.relation(member.id, client_id) is relation
    else:
        with pytest.raises(Invalid):
            join(house.call(clinician), client_id, member.id, relation)


def test_only_accounts_that_can_sign_in_join(house, clinician, client_id):
    join = house.services.clients.join_care_team
    with pytest.raises(AccountNotFound):
        join(house.call(clinician), client_id, uuid4(), Relation.CLINICIAN)
    gone = house.person()
    house.services.accounts.disable(house.call(house.person(Role.OPERATOR)), gone.id)
    with pytest.raises(AccountDisabled):
        join(house.call(clinician), client_id, gone.id, Relation.CLINICIAN)


def test_a_plain_member_steps_down_but_puts_nobody_in_or_out(house, clinician):
    member, other = house.person(), house.person()
    client_id = house.chart(clinician, (member, Relation.CLINICIAN), (other, Relation.CLINICIAN))
    leave = house.services.clients.leave_care_team
    with pytest.raises(RelationNotPermitted):
        leave(house.call(member), client_id, other.id)
    with pytest.raises(RelationNotPermitted):
        house.services.clients.join_care_team(house.call(member), client_id, other.id, Relation.PRIMARY_CLINICIAN)
    call = house.call(member)
    leave(call, client_id, member.id)
    assert house.reasons(call) == [("client.step_down", "allowed", "")]
    assert house.state.relation(member.id, client_id) is Relation.NONE


def test_when_the_only_clinician_has_gone_an_operator_hands_the_chart_over_unread(house, clinician, client_id):
    operator, successor = house.person(Role.OPERATOR), house.person()
    leave = house.services.clients.leave_care_team
    with pytest.raises(LastPrimaryClinician):
        leave(house.call(operator), client_id, clinician.id)
    house.services.clients.join_care_team(house.call(operator), client_id, successor.id, Relation.PRIMARY_CLINICIAN)
    leave(house.call(operator), client_id, clinician.id)
    assert house.services.clients.read(house.call(successor), client_id).care_team == {
        successor.id: Relation.PRIMARY_CLINICIAN
    }
    with pytest.raises(RoleNotPermitted):
        house.services.clients.read(house.call(operator), client_id)


def test_a_client_gives_and_withdraws_their_own_consent_and_nobody_elses(house, clinician, client_id):
    person = house.person(Role.CLIENT, client_id=client_id)
    other = house.chart(clinician, family="Adeyemi")
    consent_id = uuid4()
    facts = (consent_id, Purpose.RESEARCH, "research/2026-03", house.clock.now())
    house.services.clients.give_consent(house.call(person), client_id, *facts)
    assert house.state.consented(client_id, Purpose.RESEARCH)
    house.services.clients.withdraw_consent(house.call(person), client_id, consent_id)
    assert not house.state.consented(client_id, Purpose.RESEARCH)
    call = house.call(person)
    with pytest.raises(ClientNotFound):
        house.services.clients.give_consent(call, other, *facts)
    assert house.reasons(call) == [("client.give_consent", "denied", "outside_care_team")]


def test_a_representative_acts_for_the_client_they_represent(house, clinician, client_id):
    guardian = house.person(Role.CLIENT)
    with pytest.raises(ClientNotFound):
        house.services.clients.read(house.call(guardian), client_id)
    house.represent(clinician, client_id, guardian)
    assert house.services.clients.read(house.call(guardian), client_id).open
    facts = (uuid4(), Purpose.RESEARCH, "research/2026-03", house.clock.now())
    house.services.clients.give_consent(house.call(guardian), client_id, *facts)
    with pytest.raises(RoleNotPermitted):
        house.services.clients.mark_entered_in_error(house.call(guardian), client_id, "No.")


def test_changes_on_a_version_that_is_gone_are_refused(house, clinician, client_id):
    member = house.person()
    with pytest.raises(StaleVersion):
        house.services.clients.join_care_team(
            house.call(clinician, expected_version=1), client_id, member.id, Relation.CLINICIAN
        )
