"""Accounts of other programs: what their scopes leave of the table, how they sign in, and how that ends."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import Invalid, Unauthenticated
from domain.model.account import AccountDisabled, AccountNotFound, SecretNotFound, SecretsMost
from domain.model.client import AlreadyInCareTeam
from domain.ports.access import Relation
from domain.ports.call import Actor, Role, Scope
from domain.ports.feed import PositionAhead
from domain.services.access import OutsideCareTeam, RelationNotPermitted, RoleNotPermitted, ScopeNotPermitted
from domain.services.drafts import microseconds
from domain.services.service_accounts import TOKEN_S, InvalidClient, InvalidScope
from domain.services.sign_in import NOBODY, SignedOut, SignInRefused
from tests.domain.conftest import HOST, PASSWORD


@pytest.fixture
def operator(house):
    return house.person(Role.OPERATOR)


def program(house, operator, *scopes):
    """A service account's id and a secret of it."""
    account_id = uuid4()
    accounts = house.services.service_accounts
    accounts.create(house.call(operator), account_id, display_name="Platform", scopes=scopes or (Scope.CHANGES_READ,))
    return account_id, accounts.add_secret(house.call(operator), account_id)


def token(house, account_id, secret, scopes=None, call=None):
    return house.services.service_accounts.token(call or house.call(NOBODY), account_id, secret, scopes)


def authenticated(house, given):
    return house.services.sign_in.authenticate(given.access_token, house.clock.now())


def signed_in(house, operator, *scopes):
    """The actor that the gate makes of its token."""
    account_id, issued = program(house, operator, *scopes)
    return authenticated(house, token(house, account_id, issued.secret))


def test_the_right_secret_gives_a_short_token_that_says_what_for(house, operator):
    account_id, issued = program(house, operator, Scope.JOURNEY_READ, Scope.CHANGES_READ)
    call = house.call(NOBODY)
    given = token(house, account_id, issued.secret, call=call)
    actor = authenticated(house, given)
    assert (actor.id, actor.role) == (account_id, Role.SERVICE)
    assert actor.scopes == {Scope.JOURNEY_READ, Scope.CHANGES_READ}
    assert given.expires_in_s == TOKEN_S
    assert house.reasons(call) == [("sign_in.open", "allowed", "")]
    house.clock.forward(TOKEN_S)
    with pytest.raises(Unauthenticated):
        authenticated(house, given)


def test_a_secret_is_of_256_random_bits_and_kept_as_a_digest(house, operator):
    account_id, issued = program(house, operator)
    account = house.services.accounts.read(house.call(operator), account_id)
    (held,) = account.secrets.values()
    assert len(issued.secret) == len("anamnesis_") + 43
    assert issued.secret.encode() not in held.digest
    assert issued.secret not in repr(issued)
    assert repr(held.digest) not in repr(held)


def test_a_token_may_be_asked_for_with_fewer_scopes_and_not_with_more(house, operator):
    account_id, issued = program(house, operator, Scope.CHANGES_READ, Scope.MEASURES_READ)
    narrow = authenticated(house, token(house, account_id, issued.secret, {Scope.CHANGES_READ}))
    assert narrow.scopes == {Scope.CHANGES_READ}
    for asked in ({Scope.CHANGES_READ, Scope.JOURNEY_READ}, set()):
        with pytest.raises(InvalidScope):
            token(house, account_id, issued.secret, asked)


def test_every_refusal_is_told_alike_and_put_on_record_as_what_it_is(house, operator):
    account_id, issued = program(house, operator)
    person = house.person()
    gone, gone_issued = program(house, operator)
    house.services.accounts.disable(house.call(operator), gone)
    attempts = [
        (uuid4(), issued.secret, "unknown_client"),
        (person.id, PASSWORD, "unknown_client"),
        (account_id, issued.secret + "x", "wrong_secret"),
        (account_id, "", "wrong_secret"),
        (gone, gone_issued.secret, "account_disabled"),
    ]
    told = set()
    for who, secret, reason in attempts:
        call = house.call(NOBODY)
        with pytest.raises(InvalidClient) as refused:
            token(house, who, secret, call=call)
        told.add((str(refused.value), refused.value.hint))
        assert house.reasons(call) == [("sign_in.open", "denied", reason)]
    assert len(told) == 1


def test_a_service_signs_in_with_no_password_and_nobody_locks_it_out(house, operator):
    account_id, issued = program(house, operator)
    login = house.services.accounts.read(house.call(operator), account_id).login
    for password in ("", PASSWORD, issued.secret) * 3:
        with pytest.raises(SignInRefused):
            house.services.sign_in.sign_in(house.call(NOBODY), login, password)
    assert authenticated(house, token(house, account_id, issued.secret)).id == account_id


def test_two_secrets_are_good_until_one_is_revoked(house, operator):
    account_id, first = program(house, operator)
    accounts = house.services.service_accounts
    second = accounts.add_secret(house.call(operator), account_id)
    with pytest.raises(SecretsMost):
        accounts.add_secret(house.call(operator), account_id)
    before = [token(house, account_id, one.secret) for one in (first, second)]
    accounts.revoke_secret(house.call(operator), account_id, first.id)
    for given in before:
        with pytest.raises(SignedOut):
            authenticated(house, given)
    with pytest.raises(InvalidClient):
        token(house, account_id, first.secret)
    assert authenticated(house, token(house, account_id, second.secret)).id == account_id
    with pytest.raises(SecretNotFound):
        accounts.revoke_secret(house.call(operator), account_id, first.id)


def test_disabling_the_account_ends_its_tokens_at_once(house, operator):
    account_id, issued = program(house, operator)
    given = token(house, account_id, issued.secret)
    house.services.accounts.disable(house.call(operator), account_id)
    with pytest.raises(SignedOut):
        authenticated(house, given)
    with pytest.raises(AccountDisabled):
        house.services.service_accounts.add_secret(house.call(operator), account_id)


def test_a_secret_revoked_while_it_is_being_used_opens_nothing(house, operator, monkeypatch):
    account_id, issued = program(house, operator)
    accounts = house.services.service_accounts
    opened = []
    save = house.ledger.save

    def revoked_meanwhile(call, entry, *aggregates):
        receipt = save(call, entry, *aggregates)
        if entry.action == "sign_in.open" and not opened:
            opened.append(aggregates[0].id)
            accounts.revoke_secret(house.call(operator), account_id, issued.id)
            house.state._stays[opened[0]] = replace(house.state._stays[opened[0]], revoked=False)
        return receipt

    monkeypatch.setattr(house.ledger, "save", revoked_meanwhile)
    with pytest.raises(InvalidClient):
        token(house, account_id, issued.secret)
    assert house.state.sign_in(opened[0]).revoked


def test_a_service_is_given_no_password(house, operator):
    account_id, _ = program(house, operator)
    with pytest.raises(Invalid):
        house.services.accounts.reset_password(house.call(HOST), account_id, PASSWORD)


def test_only_operators_and_the_host_make_service_accounts_and_secrets(house, operator):
    account_id, _ = program(house, operator)
    accounts = house.services.service_accounts
    for role in (Role.CLINICIAN, Role.COMPLIANCE_OFFICER, Role.CLIENT, Role.ML_ENGINEER):
        caller = house.person(role)
        with pytest.raises(RoleNotPermitted):
            accounts.create(house.call(caller), uuid4(), display_name="X", scopes=(Scope.CHANGES_READ,))
        with pytest.raises(RoleNotPermitted):
            accounts.add_secret(house.call(caller), account_id)
        with pytest.raises(RoleNotPermitted):
            accounts.revoke_secret(house.call(caller), account_id, uuid4())
    issued = accounts.bootstrap(house.call(HOST), uuid4(), display_name="X", scopes=(Scope.CHANGES_READ,))
    assert issued.receipt.version == 2


def test_accounts_of_people_have_no_scopes_and_no_secrets(house, operator):
    person = house.person()
    with pytest.raises(Invalid):
        house.services.service_accounts.add_secret(house.call(operator), person.id)
    with pytest.raises(Invalid):
        house.services.service_accounts.create(house.call(operator), uuid4(), display_name="X", scopes=())
    with pytest.raises(AccountNotFound):
        house.services.service_accounts.add_secret(house.call(operator), uuid4())


def test_a_service_that_signed_in_may_do_nothing_that_only_the_worker_and_the_host_may(house, operator):
    actor = signed_in(house, operator, *Scope)
    call = house.call(actor)
    with pytest.raises(ScopeNotPermitted):
        house.services.accounts.bootstrap(call, uuid4(), login="eve@example.org", password=PASSWORD, display_name="Eve")
    assert house.reasons(call) == [("account.bootstrap", "denied", "scope_not_permitted")]
    with pytest.raises(ScopeNotPermitted):
        house.services.drafts.discard_stale(house.call(actor), house.clock.now())
    assert house.services.drafts.discard_stale(house.call(HOST), house.clock.now()) == 0


def test_the_feed_needs_its_scope_and_shows_ids_of_all_records(house, operator):
    clinician = house.person()
    client_id = house.chart(clinician)
    call = house.call(signed_in(house, operator, Scope.CHANGES_READ))
    changes = house.services.changes.changes(call, 0, 100)
    assert {change.client_id for change in changes.items} == {client_id}
    assert {change.kind for change in changes.items} == {"client", "identity"}
    assert house.reasons(call) == [("changes.read", "allowed", "")]
    with pytest.raises(ScopeNotPermitted):
        house.services.changes.changes(house.call(signed_in(house, operator, Scope.JOURNEY_READ)), 0, 100)
    for role in (Role.CLINICIAN, Role.OPERATOR, Role.COMPLIANCE_OFFICER):
        with pytest.raises(RoleNotPermitted):
            house.services.changes.changes(house.call(house.person(role)), 0, 100)


@pytest.mark.parametrize(("after", "limit"), [(-1, 10), (0, 0), (0, 1001), (2**63, 10)])
def test_a_feed_is_asked_for_in_numbers_that_can_be(house, operator, after, limit):
    with pytest.raises(Invalid):
        house.services.changes.changes(house.call(signed_in(house, operator)), after, limit)


def test_a_feed_says_that_the_log_is_shorter_than_the_reader_thinks(house, operator):
    with pytest.raises(PositionAhead):
        house.services.changes.changes(house.call(signed_in(house, operator)), 10_000, 10)


def test_a_service_reads_no_chart_until_a_lead_lets_it_in_and_then_that_one_alone(house, operator):
    clinician = house.person()
    client_id, other_id = house.chart(clinician), house.chart(clinician)
    actor = signed_in(house, operator, Scope.JOURNEY_READ)
    clients, journey = house.services.clients, house.services.journey
    with pytest.raises(OutsideCareTeam):
        journey.read(house.call(actor), client_id)
    clients.join_care_team(house.call(clinician), client_id, actor.id, Relation.SYSTEM)
    assert journey.read(house.call(actor), client_id).items
    assert clients.read(house.call(actor), client_id).care_team[actor.id] is Relation.SYSTEM
    with pytest.raises(OutsideCareTeam):
        journey.read(house.call(actor), other_id)
    with pytest.raises(RoleNotPermitted):
        clients.identity(house.call(actor), client_id)
    clients.leave_care_team(house.call(clinician), client_id, actor.id)
    with pytest.raises(OutsideCareTeam):
        journey.read(house.call(actor), client_id)


def test_being_let_in_gives_no_more_than_the_scopes_do(house, operator):
    clinician = house.person()
    client_id = house.chart(clinician)
    actor = signed_in(house, operator, Scope.MEASURES_WRITE)
    house.services.clients.join_care_team(house.call(clinician), client_id, actor.id, Relation.SYSTEM)
    call = house.call(actor)
    with pytest.raises(ScopeNotPermitted):
        house.services.journey.read(call, client_id)
    assert house.reasons(call) == [("journey.read", "denied", "scope_not_permitted")]


def test_only_who_leads_the_treatment_lets_a_program_in(house, operator):
    lead, colleague = house.person(), house.person()
    client_id = house.chart(lead, (colleague, Relation.CLINICIAN))
    account_id, _ = program(house, operator, Scope.JOURNEY_READ)
    for caller in (operator, colleague):
        with pytest.raises(RelationNotPermitted):
            house.services.clients.join_care_team(house.call(caller), client_id, account_id, Relation.SYSTEM)
    house.services.clients.join_care_team(house.call(lead), client_id, account_id, Relation.SYSTEM)
    with pytest.raises(AlreadyInCareTeam):
        house.services.clients.join_care_team(house.call(lead), client_id, account_id, Relation.SYSTEM)


def test_programs_stand_to_clients_as_programs_and_people_as_people(house, operator):
    lead, person = house.person(), house.person()
    client_id = house.chart(lead)
    account_id, _ = program(house, operator, Scope.JOURNEY_READ)
    for member, relation in ((account_id, Relation.CLINICIAN), (person.id, Relation.SYSTEM)):
        with pytest.raises(Invalid):
            house.services.clients.join_care_team(house.call(lead), client_id, member, relation)


def test_a_token_of_scopes_the_account_never_had_is_refused(house, operator):
    account_id, issued = program(house, operator, Scope.CHANGES_READ)
    actor = token(house, account_id, issued.secret).actor
    forged = Actor(id=actor.id, role=actor.role, sign_in_id=actor.sign_in_id, scopes=frozenset(Scope))
    expires_at_us = int(house.clock.now().timestamp() * 1_000_000) + 60_000_000
    with pytest.raises(Unauthenticated):
        house.services.sign_in.authenticate(house.tokens.issue(forged, expires_at_us), house.clock.now())


# Secrets end, and are replaced without anything standing still


def test_a_secret_ends_after_a_year_and_says_so_with_every_token(house, operator):
    account_id, issued = program(house, operator)
    assert issued.expires_at == house.clock.now() + timedelta(days=365)
    assert token(house, account_id, issued.secret).secret_expires_at == issued.expires_at
    house.clock.forward(365 * 86_400)
    call = house.call(NOBODY)
    with pytest.raises(InvalidClient):
        house.services.service_accounts.token(call, account_id, issued.secret)
    assert house.reasons(call) == [("sign_in.open", "denied", "secret_expired")]


def test_a_rotation_leaves_the_old_secret_a_day_and_then_the_new_one_alone(house, operator):
    account_id, old = program(house, operator)
    new = house.services.service_accounts.rotate_secret(house.call(HOST), account_id)
    assert token(house, account_id, old.secret)
    assert token(house, account_id, new.secret)
    house.clock.forward(86_400)
    with pytest.raises(InvalidClient):
        token(house, account_id, old.secret)
    newer = house.services.service_accounts.rotate_secret(house.call(operator), account_id, overlap_hours=0)
    with pytest.raises(InvalidClient):
        token(house, account_id, new.secret)
    assert token(house, account_id, newer.secret)


def test_a_third_secret_waits_until_one_of_two_has_ended(house, operator):
    account_id, _ = program(house, operator)
    rotate = house.services.service_accounts.rotate_secret
    rotate(house.call(operator), account_id)
    with pytest.raises(SecretsMost):
        rotate(house.call(operator), account_id)
    house.clock.forward(86_400)
    assert rotate(house.call(operator), account_id)


def test_when_a_secret_was_last_used_is_known(house, operator):
    account_id, issued = program(house, operator)
    account = house.services.accounts.read(house.call(operator), account_id)
    assert house.services.accounts.secrets_used(account) == {}
    house.clock.forward(60)
    token(house, account_id, issued.secret)
    assert house.services.accounts.secrets_used(account) == {issued.id: microseconds(house.clock.now())}
