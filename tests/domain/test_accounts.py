from uuid import uuid4

import pytest

from domain.errors import Invalid, StaleVersion, Unauthenticated
from domain.model.account import (
    AccountDisabled,
    AccountNotDisabled,
    AccountNotFound,
    AccountNotLocked,
    LoginTaken,
    SupervisionUnchanged,
    normalised_login,
)
from domain.model.passwords import PasswordBreached, check_password, prepared
from domain.ports.call import Role
from domain.services.access import RoleNotPermitted
from domain.services.accounts import CannotDisableOneself, WrongPassword
from domain.services.sign_in import NOBODY, SignedOut, SignInRefused
from tests.domain.conftest import HOST, PASSWORD

LOGIN = "ada@example.org"
NEW = "a quite different one"


@pytest.fixture
def operator(house):
    return house.person(Role.OPERATOR)


def create(house, who, **more):
    facts = {"login": LOGIN, "password": PASSWORD, "display_name": "Ada", "role": Role.CLINICIAN} | more
    account_id = uuid4()
    house.services.accounts.create(house.call(who), account_id, **facts)
    return account_id


def sign_in(house, login=LOGIN, password=PASSWORD):
    return house.services.sign_in.sign_in(house.call(NOBODY), login, password)


def test_the_first_account_is_made_on_the_host_and_makes_the_others(house):
    account_id = uuid4()
    call = house.call(HOST)
    house.services.accounts.bootstrap(call, account_id, login="op@example.org", password=PASSWORD, display_name="Op")
    assert house.reasons(call) == [("account.bootstrap", "allowed", "")]
    operator = sign_in(house, "op@example.org").actor
    assert operator.role is Role.OPERATOR
    assert create(house, operator)


def test_nobody_but_an_operator_makes_accounts_and_nobody_signed_in_bootstraps(house, operator):
    for role in (Role.CLINICIAN, Role.SUPERVISOR, Role.COMPLIANCE_OFFICER, Role.ML_ENGINEER):
        with pytest.raises(RoleNotPermitted):
            create(house, house.person(role))
    with pytest.raises(RoleNotPermitted):
        house.services.accounts.bootstrap(
            house.call(operator), uuid4(), login=LOGIN, password=PASSWORD, display_name="Op"
        )


def test_a_login_is_taken_once_whatever_its_case(house, operator):
    create(house, operator)
    with pytest.raises(LoginTaken):
        create(house, operator, login=" ADA@Example.ORG ")


@pytest.mark.parametrize(
    "wrong",
    [
        {"login": "ada"},
        {"login": "ada@"},
        {"login": "a da@example.org"},
        {"login": "ada@example..org"},
        {"login": "x" * 250 + "@example.org"},
        {"password": "elevenchars"},
        {"password": "x" * 129},
        {"password": "aaaabbbbaaaabbbb"},
        {"password": LOGIN},
        {"password": "twelve chars\ud800"},
        {"display_name": " "},
        {"display_name": "Ada\x1b[2J"},
        {"role": Role.SERVICE},
        {"client_id": uuid4()},
        {"role": Role.CLIENT, "client_id": uuid4()},
        {"supervisor_id": uuid4()},
    ],
)
def test_an_account_that_cannot_be_right_is_refused(house, operator, wrong):
    with pytest.raises(Invalid) as refused:
        create(house, operator, **wrong)
    typed = [value for value in wrong.values() if type(value) is str and value.strip()]
    assert not any(value in str(refused.value) for value in typed)


def test_a_supervisor_is_an_account_of_a_supervisor_and_only_clinicians_have_one(house, operator):
    supervisor, clinician = house.person(Role.SUPERVISOR), house.person()
    assert create(house, operator, supervisor_id=supervisor.id)
    with pytest.raises(Invalid):
        create(house, operator, login="b@example.org", supervisor_id=clinician.id)
    with pytest.raises(Invalid):
        create(house, operator, login="c@example.org", role=Role.SUPERVISOR, supervisor_id=supervisor.id)


def test_a_trainee_gets_another_supervisor_and_one_day_needs_none(house, operator):
    first, second = house.person(Role.SUPERVISOR), house.person(Role.SUPERVISOR)
    account_id = create(house, operator, supervisor_id=first.id)
    tokens = sign_in(house)
    change = house.services.accounts.change_supervision
    service = house.services.sign_in
    for supervisor_id in (second.id, None):
        change(house.call(operator), account_id, supervisor_id)
        with pytest.raises(Unauthenticated):  # it names the supervisor of before
            service.authenticate(tokens.access_token, house.clock.now())
        tokens = service.refresh(house.call(NOBODY), tokens.refresh_token)
        assert service.authenticate(tokens.access_token, house.clock.now()).supervisor_id == supervisor_id
    with pytest.raises(SupervisionUnchanged):
        change(house.call(operator), account_id, None)
    with pytest.raises(Invalid):
        change(house.call(operator), account_id, operator.id)
    with pytest.raises(Invalid):
        change(house.call(operator), second.id, first.id)


def test_a_clients_account_is_tied_to_the_chart(house, operator):
    client_id = house.chart(house.person())
    create(house, operator, role=Role.CLIENT, client_id=client_id)
    assert sign_in(house).actor.client_id == client_id


def test_everybody_reads_their_own_account_operators_any_and_others_none(house, operator):
    account_id = create(house, operator)
    own = sign_in(house).actor
    assert house.services.accounts.read(house.call(own), account_id).display_name == "Ada"
    assert house.services.accounts.read(house.call(operator), account_id).login == LOGIN
    with pytest.raises(RoleNotPermitted):
        house.services.accounts.read(house.call(own), operator.id)
    with pytest.raises(AccountNotFound):
        house.services.accounts.read(house.call(operator), uuid4())


def every_page(browse, call, **asked):
    """All items of a list, and the sizes of its pages."""
    items, sizes, after = [], [], None
    while True:
        page = browse(call, after=after, **asked)
        items += page.items
        sizes.append(len(page.items))
        if page.after is None:
            return items, sizes
        assert all(-(2**63) <= part < 2**64 for part in page.after), "cursors hold 64 bits"
        after = page.after


@pytest.fixture
def practice(house, operator):
    """One enabled account of each role and a disabled clinician's, beside the operator's, by role."""
    client_id = house.chart(house.person())
    people = {role: house.person(role) for role in Role if role not in {Role.SERVICE, Role.CLIENT, Role.OPERATOR}}
    people[Role.CLIENT] = house.person(Role.CLIENT, client_id=client_id)
    people[Role.OPERATOR] = operator
    gone = house.person()
    house.services.accounts.disable(house.call(operator), gone.id)
    return people | {"gone": gone}


def test_operators_list_every_account_with_its_state_in_pages(house, operator, practice):
    browse = house.services.accounts.browse
    whole = browse(house.call(operator)).items
    assert {person.id for person in practice.values()} <= {one.id for one in whole}
    keys = [(one.created_at_us, one.id) for one in whole]
    assert keys == sorted(keys)
    assert [one.id for one in whole if one.disabled] == [practice["gone"].id]
    for limit in (1, 3, len(whole), len(whole) + 1):
        items, sizes = every_page(browse, house.call(operator), limit=limit)
        assert items == list(whole)
        assert all(size == limit for size in sizes[:-1])
        assert sizes[-1] > 0


def test_operators_narrow_the_list_by_role_and_state_and_find_a_login_exactly(house, operator, practice):
    accounts = house.services.accounts
    disabled = accounts.browse(house.call(operator), role=Role.CLINICIAN, disabled=True).items
    assert [one.id for one in disabled] == [practice["gone"].id]
    clients = accounts.browse(house.call(operator), role=Role.CLIENT).items
    assert [one.id for one in clients] == [practice[Role.CLIENT].id]
    assert not accounts.browse(house.call(operator), role=Role.SUPERVISOR, disabled=True).items
    account_id = create(house, operator)
    assert [one.id for one in accounts.find(house.call(operator), " ADA@Example.ORG ")] == [account_id]
    assert not accounts.find(house.call(operator), "nobody@example.org")
    with pytest.raises(Invalid):
        accounts.find(house.call(operator), "ada")


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.SUPERVISOR])
def test_carers_see_staff_by_name_and_role_and_nothing_else_of_accounts(house, practice, role):
    browse = house.services.accounts.browse
    call = house.call(practice[role])
    items, _ = every_page(browse, call, limit=2)
    seen = {one.id: one for one in items}
    staff = {Role.CLINICIAN, Role.SUPERVISOR, Role.COMPLIANCE_OFFICER, Role.OPERATOR}
    assert {one.role for one in items} == staff
    assert {practice[one].id for one in staff} <= set(seen)
    for hidden in ("gone", Role.CLIENT, Role.ML_ENGINEER):
        assert practice[hidden].id not in seen
    assert {name for one in items for name in one.__slots__} == {"id", "display_name", "role"}
    supervisors = browse(house.call(practice[role]), role=Role.SUPERVISOR).items
    assert [one.id for one in supervisors] == [practice[Role.SUPERVISOR].id]


def test_carers_ask_for_nothing_that_the_directory_hides(house, practice):
    accounts, clinician = house.services.accounts, practice[Role.CLINICIAN]
    for asked in ({"role": Role.CLIENT}, {"role": Role.ML_ENGINEER}, {"disabled": True}, {"disabled": False}):
        call = house.call(clinician)
        with pytest.raises(RoleNotPermitted):
            accounts.browse(call, **asked)
        assert house.reasons(call) == [("account.list", "denied", "role_not_permitted")]
    with pytest.raises(RoleNotPermitted):
        accounts.find(house.call(clinician), LOGIN)


@pytest.mark.parametrize("role", [Role.CLIENT, Role.COMPLIANCE_OFFICER, Role.ML_ENGINEER])
def test_other_roles_list_nobody(house, practice, role):
    call = house.call(practice[role])
    with pytest.raises(RoleNotPermitted):
        house.services.accounts.browse(call)
    assert house.reasons(call) == [("account.directory", "denied", "role_not_permitted")]


def test_who_was_listed_is_on_record_before_the_answer(house, operator, practice):
    accounts = house.services.accounts
    clinician = practice[Role.CLINICIAN]
    for who, action in ((operator, "account.list"), (clinician, "account.directory")):
        call = house.call(who)
        page = accounts.browse(call, limit=2)
        (entry,) = house.entries(call)
        assert (entry.action, entry.resources) == (action, tuple(one.id for one in page.items))
    account_id = create(house, operator)
    call = house.call(operator)
    accounts.find(call, LOGIN)
    assert [entry.resources for entry in house.entries(call)] == [(account_id,)]


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 501}, {"after": (1, 2)}])
def test_a_list_that_cannot_be_is_refused(house, operator, wrong):
    with pytest.raises(Invalid):
        house.services.accounts.browse(house.call(operator), **wrong)


def test_a_disabled_account_is_out_at_once_and_comes_back_only_by_signing_in(house, operator):
    account_id = create(house, operator)
    tokens = sign_in(house)
    house.services.accounts.disable(house.call(operator), account_id)
    authenticate = house.services.sign_in.authenticate
    with pytest.raises(SignedOut):
        authenticate(tokens.access_token, house.clock.now())
    with pytest.raises(SignInRefused):
        sign_in(house)
    with pytest.raises(AccountDisabled):
        house.services.accounts.disable(house.call(operator), account_id)
    house.services.accounts.enable(house.call(operator), account_id)
    with pytest.raises(AccountNotDisabled):
        house.services.accounts.enable(house.call(operator), account_id)
    with pytest.raises(SignedOut):
        authenticate(tokens.access_token, house.clock.now())
    assert sign_in(house)


def test_an_operator_does_not_lock_themselves_out(house, operator):
    with pytest.raises(CannotDisableOneself):
        house.services.accounts.disable(house.call(operator), operator.id)


def test_a_changed_password_ends_the_other_sign_ins_and_keeps_this_one(house, operator):
    create(house, operator)
    here, elsewhere = sign_in(house), sign_in(house)
    change = house.services.accounts.change_password
    call = house.call(here.actor)
    with pytest.raises(WrongPassword):
        change(call, "not my password", NEW)
    assert house.reasons(call) == [("account.change_password", "denied", "wrong_password")]
    with pytest.raises(Invalid):
        change(house.call(here.actor), PASSWORD, "short")
    change(house.call(here.actor), PASSWORD, NEW)
    authenticate = house.services.sign_in.authenticate
    assert authenticate(here.access_token, house.clock.now()) == here.actor
    with pytest.raises(SignedOut):
        authenticate(elsewhere.access_token, house.clock.now())
    with pytest.raises(SignInRefused):
        sign_in(house)
    assert sign_in(house, password=NEW)


def test_a_forgotten_password_is_reset_on_the_host_and_ends_every_sign_in(house, operator):
    account_id = create(house, operator)
    tokens = sign_in(house)
    house.services.accounts.reset_password(house.call(HOST), account_id, NEW)
    with pytest.raises(SignedOut):
        house.services.sign_in.authenticate(tokens.access_token, house.clock.now())
    assert sign_in(house, password=NEW)
    with pytest.raises(RoleNotPermitted):
        house.services.accounts.reset_password(house.call(operator), account_id, PASSWORD)


def test_unlocking_forgets_failures_and_needs_some(house, operator):
    account_id = create(house, operator)
    with pytest.raises(AccountNotLocked):
        house.services.accounts.unlock(house.call(operator), account_id)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            sign_in(house, password="wrong password")
    with pytest.raises(SignInRefused):
        sign_in(house)
    house.services.accounts.unlock(house.call(operator), account_id)
    assert sign_in(house)


def test_a_stale_version_is_refused(house, operator):
    account_id = create(house, operator)
    with pytest.raises(StaleVersion):
        house.services.accounts.disable(house.call(operator, expected_version=3), account_id)


@pytest.mark.parametrize(
    ("given", "stored"),
    [(" Ada@Example.ORG ", "ada@example.org"), ("STRASSE@example.org", "strasse@example.org"), ("root@localhost",) * 2],
)
def test_a_login_is_trimmed_and_case_folded(given, stored):
    assert normalised_login(given) == stored


def test_a_passphrase_in_any_language_is_a_password():
    check_password("zwölf Boxkämpfer jagen", LOGIN)
    check_password("密码要长一点才安全真的啊", LOGIN)


# What passwords must be


@pytest.mark.parametrize(
    "password",
    ["ada@example.org", "Ada.Example.Org", "somebodysomebody", "SOMEBODY-SOMEBODY", "aaaaaaaaaaaab", "abcabcabcabc"],
)
def test_the_login_the_name_and_few_characters_are_no_password(password):
    with pytest.raises(Invalid) as refused:
        check_password(password, LOGIN, "Somebody")
    assert password not in str(refused.value)


def test_a_password_that_was_stolen_elsewhere_is_refused_without_being_named(house):
    ada = house.person()
    house.breached.passwords.add("a sentence that was stolen")
    call = house.call(ada)
    with pytest.raises(PasswordBreached) as refused:
        house.services.accounts.change_password(call, PASSWORD, "a sentence that was stolen")
    assert "a sentence" not in str(refused.value)
    with pytest.raises(PasswordBreached):
        house.services.accounts.reset_password(house.call(HOST), ada.id, "a sentence that was stolen")
    with pytest.raises(PasswordBreached):
        house.services.accounts.bootstrap(
            house.call(HOST), uuid4(), login="x@example.org", password="a sentence that was stolen", display_name="X"
        )


def test_a_password_of_many_bytes_is_refused_before_it_is_hashed():
    with pytest.raises(Invalid):
        prepared("\ufdfa" * 128)


@pytest.mark.parametrize("password", ["correct horse battery", "zwölf Boxkämpfer", "p" * 9 + "qrs", "1234 5678 9012 x"])
def test_there_are_no_rules_about_kinds_of_characters(password):
    check_password(password, LOGIN, "Somebody")
