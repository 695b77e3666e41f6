"""Signing in with a provider: whose account it is, what is still to be shown, and what is not believed."""

import pytest
from pyotp import TOTP

from domain.model.account import IdentitiesMost, IdentityNotLinked, IdentityTaken
from domain.ports.call import Role
from domain.ports.identity import ProviderMissing, ProviderRefused, Vouched
from domain.services.access import RoleNotPermitted
from domain.services.accounts import WrongPassword
from domain.services.door import Challenge, SignInRefused
from domain.services.federation import IdentityUnknown
from domain.services.sign_in import NOBODY
from tests.domain.conftest import PASSWORD

LOGIN = "ada@example.org"
ISSUER = "https://id.practice.example"


class Vouching:
    """A provider that says what it is told to."""

    issuer = ISSUER

    def __init__(self, **said):
        self.said = said
        self.started = None

    def address(self, started):
        self.started = started
        return f"{ISSUER}/authorize?state={started.state}"

    def vouched(self, started, code, at):
        if code != "good" or started != self.started:
            raise ProviderRefused(reason="code_refused")
        return Vouched(**{"issuer": ISSUER, "subject": "24400320", **self.said})


@pytest.fixture
def provider():
    return Vouching()


@pytest.fixture
def ada(house):
    return house.person(login=LOGIN)


def link(house, account, subject="24400320"):
    operator = house.person(Role.OPERATOR)
    house.services.federation.link(house.call(operator), account.id, house.door.ids.ordered(), ISSUER, subject)


def go(house, provider, call=None, **policy):
    entry = house.federation(provider, **policy)
    way = entry.begin(house.call(NOBODY))
    return entry.finish(call or house.call(NOBODY), way.transaction, provider.started.state, "good")


def test_a_linked_identity_signs_its_account_in(house, ada, provider):
    link(house, ada)
    call = house.call(NOBODY)
    tokens = go(house, provider, call)
    assert house.services.sign_in.authenticate(tokens.access_token, house.clock.now()).id == ada.id
    assert house.reasons(call) == [("sign_in.open", "allowed", "")]
    (shown,) = house.services.stays.browse_own(house.call(tokens.actor))
    assert shown.method.value == "provider"


def test_nobody_gets_in_or_gets_an_account_by_being_known_to_the_provider(house, ada):
    call = house.call(NOBODY)
    before = len(house.state.list_accounts(limit=100))
    with pytest.raises(IdentityUnknown):
        go(house, Vouching(email=LOGIN, email_verified=True), call)
    assert house.reasons(call) == [("sign_in.open", "denied", "identity_unknown")]
    assert len(house.state.list_accounts(limit=100)) == before


def test_a_verified_address_links_itself_where_that_is_set(house, ada):
    tokens = go(house, Vouching(email="ADA@example.org", email_verified=True), match_email=True)
    assert tokens.actor.id == ada.id
    assert go(house, Vouching()).actor.id == ada.id, "linked from now on"


@pytest.mark.parametrize("said", [{"email": LOGIN}, {"email_verified": True}, {"email": "x", "email_verified": True}])
def test_an_address_that_is_not_verified_or_nobodys_links_nothing(house, ada, said):
    with pytest.raises(IdentityUnknown):
        go(house, Vouching(**said), match_email=True)


@pytest.mark.parametrize("how", ["disabled", "locked"])
def test_a_disabled_or_locked_account_opens_to_no_provider(house, ada, provider, how):
    link(house, ada)
    if how == "disabled":
        house.services.accounts.disable(house.call(house.person(Role.OPERATOR)), ada.id)
    else:
        for _ in range(5):
            with pytest.raises(SignInRefused):
                house.services.sign_in.sign_in(house.call(NOBODY), LOGIN, "wrong password")
    with pytest.raises(SignInRefused):
        go(house, provider)


def test_our_second_factor_is_asked_for_unless_the_providers_is_trusted(house, ada):
    link(house, ada)
    tokens = go(house, Vouching())
    factors = house.services.second_factors
    secret = factors.enrol(house.call(tokens.actor), PASSWORD).secret
    factors.confirm(house.call(tokens.actor), TOTP(secret).at(house.clock.now()))
    with_mfa = Vouching(methods=frozenset({"pwd", "mfa"}))
    assert isinstance(go(house, with_mfa), Challenge)
    assert isinstance(go(house, Vouching(methods=frozenset({"pwd"})), trust_mfa=True), Challenge)
    assert go(house, with_mfa, trust_mfa=True).actor.id == ada.id
    house.clock.forward(30)
    challenge = go(house, Vouching())
    code = TOTP(secret).at(house.clock.now())
    opened = house.services.sign_in.complete(house.call(NOBODY), challenge.token, code=code)
    shown = house.services.stays.browse_own(house.call(opened.tokens.actor))
    assert "provider_and_code" in {one.method.value for one in shown}


def test_what_comes_back_must_belong_to_who_set_out(house, ada, provider):
    link(house, ada)
    entry = house.federation(provider)
    way = entry.begin(house.call(NOBODY))
    state = provider.started.state
    for transaction, given in ((way.transaction, "another"), (way.transaction, ""), ("sealed-99", state), ("", state)):
        call = house.call(NOBODY)
        with pytest.raises(ProviderRefused):
            entry.finish(call, transaction, given, "good")
        assert house.reasons(call) == [("sign_in.open", "denied", "transaction_invalid")]
    call = house.call(NOBODY)
    with pytest.raises(ProviderRefused):
        entry.finish(call, way.transaction, state, "used before")
    assert house.reasons(call) == [("sign_in.open", "denied", "code_refused")]
    house.clock.forward(600)
    with pytest.raises(ProviderRefused):
        entry.finish(house.call(NOBODY), way.transaction, state, "good")


def test_ones_own_identity_is_linked_with_the_password_and_the_providers_word(house, ada, provider):
    entry = house.federation(provider)
    with pytest.raises(WrongPassword):
        entry.begin_link(house.call(ada), "wrong password")
    way = entry.begin_link(house.call(ada), PASSWORD)
    call = house.call(ada)
    entry.finish_link(call, house.door.ids.ordered(), way.transaction, provider.started.state, "good")
    assert house.reasons(call) == [("account.link_own_identity", "allowed", "")]
    assert go(house, provider).actor.id == ada.id


def test_a_way_to_link_is_no_way_to_sign_in_nor_anybody_elses(house, ada, provider):
    entry = house.federation(provider)
    way = entry.begin_link(house.call(ada), PASSWORD)
    with pytest.raises(ProviderRefused):
        entry.finish(house.call(NOBODY), way.transaction, provider.started.state, "good")
    other = house.person()
    with pytest.raises(ProviderRefused):
        entry.finish_link(house.call(other), house.door.ids.ordered(), way.transaction, provider.started.state, "good")
    way = entry.begin(house.call(NOBODY))
    with pytest.raises(ProviderRefused):
        entry.finish_link(house.call(ada), house.door.ids.ordered(), way.transaction, provider.started.state, "good")


def test_one_identity_belongs_to_one_account(house, ada):
    link(house, ada)
    other = house.person()
    for account in (other, ada):
        with pytest.raises(IdentityTaken):
            link(house, account)
    for number in range(4):
        link(house, ada, f"more-{number}")
    with pytest.raises(IdentitiesMost):
        link(house, ada, "one too many")


def test_an_unlinked_identity_opens_nothing_and_can_be_linked_elsewhere(house, ada, provider):
    link(house, ada)
    (held,) = house.services.accounts.read(house.call(ada), ada.id).identities
    other = house.person()
    with pytest.raises(IdentityNotLinked):
        house.services.federation.unlink_own(house.call(other), held)
    house.services.federation.unlink_own(house.call(ada), held)
    with pytest.raises(IdentityUnknown):
        go(house, provider)
    link(house, other)
    assert go(house, provider).actor.id == other.id


def test_a_row_that_links_an_identity_without_an_event_opens_nothing(house, ada, provider, monkeypatch):
    monkeypatch.setattr(house.state, "account_of_identity", lambda issuer, subject: ada.id)
    with pytest.raises(IdentityUnknown):
        go(house, provider)


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.COMPLIANCE_OFFICER, Role.CLIENT])
def test_nobody_but_operators_links_for_others(house, ada, role):
    with pytest.raises(RoleNotPermitted):
        house.services.federation.link(
            house.call(house.person(role)), ada.id, house.door.ids.ordered(), ISSUER, "24400320"
        )


def test_without_a_provider_there_is_no_way(house, ada):
    with pytest.raises(ProviderMissing):
        house.services.federation.begin(house.call(NOBODY))
    with pytest.raises(ProviderMissing):
        house.services.federation.finish(house.call(NOBODY), "x", "x", "x")
