"""Who is signed in where: seen and ended by oneself and by operators, and ended by time."""

from uuid import uuid4

import pytest

from domain.errors import Unauthenticated
from domain.model.account import AccountNotFound
from domain.model.sign_in import SignInNotFound
from domain.ports.call import Role
from domain.services.access import RoleNotPermitted
from domain.services.door import network_of
from domain.services.sign_in import NOBODY, SignedOut
from tests.domain.conftest import HOST, PASSWORD

LOGIN = "ada@example.org"


@pytest.fixture
def ada(house):
    return house.person(login=LOGIN)


def sign_in(house, login=LOGIN):
    return house.services.sign_in.sign_in(house.call(NOBODY), login, PASSWORD)


def stands(house, tokens):
    try:
        return bool(house.services.sign_in.authenticate(tokens.access_token, house.clock.now()))
    except Unauthenticated:
        return False


def test_ones_sign_ins_are_listed_with_when_how_and_from_where_the_last_used_first(house, ada):
    first = sign_in(house)
    house.clock.forward(60)
    second = sign_in(house)
    house.clock.forward(60)
    house.services.sign_in.refresh(house.call(NOBODY), first.refresh_token)
    call = house.call(second.actor)
    shown = house.services.stays.browse_own(call)
    assert [one.id for one in shown] == [first.actor.sign_in_id, second.actor.sign_in_id]
    assert [one.current for one in shown] == [False, True]
    assert {one.method.value for one in shown} == {"password"}
    assert (shown[0].last_used_at - shown[0].opened_at).total_seconds() == 120
    assert house.reasons(call) == [("sign_in.list_own", "allowed", "")]


def test_what_was_ended_left_alone_or_has_run_out_is_not_listed(house, ada):
    here, left_alone = sign_in(house), sign_in(house)
    for _ in range(3):
        house.clock.forward(299)
        here = house.services.sign_in.refresh(house.call(NOBODY), here.refresh_token)
    house.clock.forward(10)
    out = sign_in(house)
    house.services.sign_in.sign_out(house.call(out.actor))
    assert [one.id for one in house.services.stays.browse_own(house.call(here.actor))] == [here.actor.sign_in_id]
    assert not stands(house, left_alone)


def test_one_is_ended_and_the_others_go_on(house, ada):
    lost, here = sign_in(house), sign_in(house)
    call = house.call(here.actor)
    house.services.stays.end_own(call, lost.actor.sign_in_id)
    assert (stands(house, lost), stands(house, here)) == (False, True)
    assert house.reasons(call) == [("sign_in.revoke_own", "allowed", "")]
    with pytest.raises(SignedOut):
        house.services.sign_in.refresh(house.call(NOBODY), lost.refresh_token)


def test_all_others_are_ended_at_once(house, ada):
    others, here = [sign_in(house) for _ in range(3)], sign_in(house)
    house.clock.forward(1)
    house.services.stays.end_own_others(house.call(here.actor))
    assert [stands(house, each) for each in (*others, here)] == [False, False, False, True]
    assert house.services.sign_in.refresh(house.call(NOBODY), here.refresh_token)


def test_ending_all_holds_though_the_rows_are_set_back(house, ada, monkeypatch):
    lost, here = sign_in(house), sign_in(house)
    before = house.state.sign_in(lost.actor.sign_in_id)
    house.clock.forward(1)
    house.services.stays.end_own_others(house.call(here.actor))
    monkeypatch.setattr(house.state, "sign_in", lambda sign_in_id: before)
    with pytest.raises(SignedOut):
        house.services.sign_in.refresh(house.call(NOBODY), lost.refresh_token)


def test_nobody_ends_somebody_elses_by_knowing_its_id(house, ada):
    theirs = sign_in(house)
    other = house.person(login="ben@example.org")
    with pytest.raises(SignInNotFound):
        house.services.stays.end_own(house.call(other), theirs.actor.sign_in_id)
    with pytest.raises(SignInNotFound):
        house.services.stays.end_own(house.call(other), uuid4())
    assert stands(house, theirs)


def test_an_operator_sees_and_ends_anybodys(house, ada):
    operator = house.person(Role.OPERATOR)
    first, second, third = (sign_in(house) for _ in range(3))
    assert len(house.services.stays.browse(house.call(operator), ada.id)) == 3
    house.services.stays.end(house.call(operator), ada.id, first.actor.sign_in_id)
    assert [stands(house, each) for each in (first, second, third)] == [False, True, True]
    call = house.call(operator)
    house.services.stays.end_all(call, ada.id)
    assert not any(stands(house, each) for each in (first, second, third))
    assert house.reasons(call) == [("sign_in.revoke", "allowed", "")]
    with pytest.raises(SignInNotFound):
        house.services.stays.end(house.call(operator), operator.id, second.actor.sign_in_id)
    with pytest.raises(AccountNotFound):
        house.services.stays.end_all(house.call(operator), uuid4())


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.SUPERVISOR, Role.COMPLIANCE_OFFICER, Role.CLIENT])
def test_nobody_else_does(house, ada, role):
    who = house.person(role)
    for attempt in (
        lambda: house.services.stays.browse(house.call(who), ada.id),
        lambda: house.services.stays.end_all(house.call(who), ada.id),
    ):
        with pytest.raises(RoleNotPermitted):
            attempt()
    with pytest.raises(RoleNotPermitted):
        house.services.stays.browse_own(house.call(HOST))


def test_a_role_may_be_signed_out_sooner_and_never_later(house):
    house.demand(
        idle_timeout_s_of={Role.OPERATOR: 300, Role.CLINICIAN: 3600}, absolute_timeout_s_of={Role.OPERATOR: 3600}
    )
    operator, clinician = house.person(Role.OPERATOR, login="op@example.org"), house.person(login=LOGIN)
    tokens = {who.role: sign_in(house, login) for who, login in ((operator, "op@example.org"), (clinician, LOGIN))}
    assert (tokens[Role.OPERATOR].sign_in_expires_at - house.clock.now()).total_seconds() == 3600
    house.clock.forward(299)
    assert all(stands(house, each) for each in tokens.values())
    house.clock.forward(1)
    with pytest.raises(SignedOut):
        house.services.sign_in.refresh(house.call(NOBODY), tokens[Role.OPERATOR].refresh_token)
    renewed = house.services.sign_in.refresh(house.call(NOBODY), tokens[Role.CLINICIAN].refresh_token)
    house.clock.forward(900)
    with pytest.raises(SignedOut):
        house.services.sign_in.refresh(house.call(NOBODY), renewed.refresh_token)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("host", ""),
        ("", ""),
        ("fe80::1%eth0", "fe80::/48"),
    ],
)
def test_where_from_is_kept_as_a_network(address, network):
    assert network_of(address) == network
