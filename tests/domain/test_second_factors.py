"""Second factors: enrolled, demanded, used once, lost and reset; and what guessing gets anybody."""

from base64 import b32decode
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp import TOTP

from domain.model.second_factor import (
    NoSecondFactor,
    NothingToConfirm,
    SecondFactorActive,
    recovery_code,
    recovery_digest,
)
from domain.ports.call import Role
from domain.services.access import RoleNotPermitted
from domain.services.accounts import WrongPassword
from domain.services.door import Challenge
from domain.services.second_factors import NotOnesOwn, WrongCode
from domain.services.sign_in import NOBODY, ChallengeInvalid, SecondFactorRefused, SignedOut, SignInRefused
from tests.domain.conftest import HOST, PASSWORD

LOGIN = "ada@example.org"


def code_of(house, secret):
    return TOTP(secret).at(house.clock.now())


def sign_in(house, login=LOGIN):
    return house.services.sign_in.sign_in(house.call(NOBODY), login, PASSWORD)


def complete(house, challenge, **shown):
    return house.services.sign_in.complete(house.call(NOBODY), challenge.token, **shown)


def next_code(house, secret):
    """Codes are good once: wait for the next."""
    house.clock.forward(30)
    return code_of(house, secret)


class Person:
    def __init__(self, house, role=Role.CLINICIAN):
        self.house = house
        self.actor = house.person(role, login=LOGIN)
        self.tokens = sign_in(house)
        enrolment = house.services.second_factors.enrol(house.call(self.tokens.actor), PASSWORD)
        self.secret, self.uri = enrolment.secret, enrolment.uri
        confirmed = house.services.second_factors.confirm(house.call(self.tokens.actor), code_of(house, self.secret))
        self.recovery = confirmed.codes


@pytest.fixture
def ada(house):
    return Person(house)


def test_an_authenticator_that_was_confirmed_is_asked_for_at_every_sign_in(house, ada):
    challenge = sign_in(house)
    assert isinstance(challenge, Challenge)
    assert challenge.next.value == "second_factor"
    opened = complete(house, challenge, code=next_code(house, ada.secret))
    assert opened.tokens.actor.id == ada.actor.id
    assert opened.recovery_codes == ()
    assert house.services.sign_in.authenticate(opened.tokens.access_token, house.clock.now())


def test_confirming_ends_the_sign_ins_that_were_opened_without_it_but_the_one_at_hand(house):
    house.person(login=LOGIN)
    here, elsewhere = sign_in(house), sign_in(house)
    factors = house.services.second_factors
    secret = factors.enrol(house.call(here.actor), PASSWORD).secret
    house.clock.forward(1)
    factors.confirm(house.call(here.actor), code_of(house, secret))
    assert house.services.sign_in.authenticate(here.access_token, house.clock.now())
    with pytest.raises(SignedOut):
        house.services.sign_in.authenticate(elsewhere.access_token, house.clock.now())


def test_what_was_only_offered_is_not_asked_for(house):
    house.person(login=LOGIN)
    tokens = sign_in(house)
    house.services.second_factors.enrol(house.call(tokens.actor), PASSWORD)
    assert sign_in(house).access_token


def test_a_code_is_good_once_also_at_the_same_moment_in_another_sign_in(house, ada):
    first, second = sign_in(house), sign_in(house)
    code = next_code(house, ada.secret)
    assert complete(house, first, code=code)
    for challenge in (first, second):
        with pytest.raises(SecondFactorRefused):
            complete(house, challenge, code=code)


def test_the_code_that_confirmed_an_authenticator_opens_nothing(house, ada):
    with pytest.raises(SecondFactorRefused):
        complete(house, sign_in(house), code=code_of(house, ada.secret))


def test_an_older_code_is_worth_nothing_once_a_newer_one_was_used(house, ada):
    earlier = next_code(house, ada.secret)
    later = next_code(house, ada.secret)
    assert complete(house, sign_in(house), code=later)
    with pytest.raises(SecondFactorRefused):
        complete(house, sign_in(house), code=earlier)


@pytest.mark.parametrize(("off_s", "good"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_one_step_off(house, ada, off_s, good):
    house.clock.forward(300)
    challenge = sign_in(house)
    code = TOTP(ada.secret).at(int(house.clock.now().timestamp()) + off_s)
    if good:
        assert complete(house, challenge, code=code)
    else:
        with pytest.raises(SecondFactorRefused):
            complete(house, challenge, code=code)


def test_guessing_codes_locks_the_account_and_the_right_code_is_refused_then(house, ada):
    challenge = sign_in(house)
    for number in range(5):
        call = house.call(NOBODY)
        with pytest.raises(SecondFactorRefused):
            house.services.sign_in.complete(call, challenge.token, code=f"{number:06d}")
        assert house.reasons(call) == [("sign_in.open", "denied", "wrong_code")]
    call = house.call(NOBODY)
    with pytest.raises(SignInRefused):
        house.services.sign_in.complete(call, challenge.token, code=next_code(house, ada.secret))
    assert house.reasons(call) == [("sign_in.open", "denied", "account_locked")]
    with pytest.raises(SignInRefused):
        sign_in(house)


def test_the_right_password_does_not_forget_wrong_codes(house, ada):
    for _ in range(4):
        with pytest.raises(SecondFactorRefused):
            complete(house, sign_in(house), code="000000")
    assert isinstance(sign_in(house), Challenge)
    with pytest.raises(SecondFactorRefused):
        complete(house, sign_in(house), code="000000")
    with pytest.raises(SignInRefused):
        sign_in(house)


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12 34", "-12345", "1e5000"])
def test_what_is_no_code_is_a_wrong_one(house, ada, typed):
    with pytest.raises(SecondFactorRefused):
        complete(house, sign_in(house), code=typed)


def test_a_recovery_code_is_good_once_however_it_is_typed(house, ada):
    typed = ada.recovery[3].upper().replace("-", " ").replace("0", "O").replace("1", "l")
    opened = complete(house, sign_in(house), recovery_code=typed)
    assert opened.tokens.actor.id == ada.actor.id
    with pytest.raises(SecondFactorRefused):
        complete(house, sign_in(house), recovery_code=ada.recovery[3])
    assert complete(house, sign_in(house), recovery_code=ada.recovery[4])


def test_of_two_uses_of_a_recovery_code_at_once_one_wins(house, ada, monkeypatch):
    challenge, saved = sign_in(house), house.ledger.save
    winners = []

    def used_meanwhile(call, entry, *aggregates, **more):
        monkeypatch.setattr(house.ledger, "save", saved)
        winners.append(complete(house, challenge, recovery_code=ada.recovery[0]))
        return saved(call, entry, *aggregates, **more)

    monkeypatch.setattr(house.ledger, "save", used_meanwhile)
    with pytest.raises(SecondFactorRefused):
        complete(house, challenge, recovery_code=ada.recovery[0])
    assert len(winners) == 1


def test_a_stolen_challenge_is_worth_nothing_without_a_code_and_nothing_after_five_minutes(house, ada):
    challenge = sign_in(house)
    with pytest.raises(SecondFactorRefused):
        complete(house, challenge, code="")
    house.clock.forward(300)
    with pytest.raises(ChallengeInvalid):
        complete(house, challenge, code=code_of(house, ada.secret))


def test_a_challenge_is_worth_nothing_after_a_change_of_password(house, ada):
    challenge = sign_in(house)
    house.services.accounts.reset_password(house.call(HOST), ada.actor.id, "quite another sentence")
    with pytest.raises(ChallengeInvalid):
        complete(house, challenge, code=next_code(house, ada.secret))


def test_a_challenge_of_a_disabled_account_is_refused(house, ada):
    challenge = sign_in(house)
    house.services.accounts.disable(house.call(house.person(Role.OPERATOR)), ada.actor.id)
    with pytest.raises(SignInRefused):
        complete(house, challenge, code=next_code(house, ada.secret))


@pytest.mark.parametrize("token", ["", "sealed-99", "x" * 5000])
def test_what_is_no_challenge_of_ours_is_refused_and_on_record(house, ada, token):
    call = house.call(NOBODY)
    with pytest.raises(ChallengeInvalid):
        house.services.sign_in.complete(call, token, code="123456")
    assert house.reasons(call) == [("sign_in.open", "denied", "challenge_invalid")]


# Roles that need one


def test_a_role_that_needs_a_second_factor_sets_one_up_on_the_way_in(house):
    house.demand(second_factor_roles=frozenset({Role.CLINICIAN}))
    ada = house.person(login=LOGIN)
    challenge = sign_in(house)
    assert challenge.next.value == "enrolment"
    with pytest.raises(NothingToConfirm):
        complete(house, challenge, code="123456")
    secret = house.services.sign_in.offer(house.call(NOBODY), challenge.token).secret
    with pytest.raises(SecondFactorRefused):
        complete(house, challenge, code="000000")
    opened = complete(house, challenge, code=code_of(house, secret))
    assert len(set(opened.recovery_codes)) == 10
    assert house.services.sign_in.authenticate(opened.tokens.access_token, house.clock.now()).id == ada.id
    assert house.services.sign_in.refresh(house.call(NOBODY), opened.tokens.refresh_token)
    assert sign_in(house).next.value == "second_factor"


def test_nobody_replaces_an_authenticator_through_the_way_in(house, ada):
    house.demand(second_factor_roles=frozenset({Role.CLINICIAN}))
    with pytest.raises(ChallengeInvalid):
        house.services.sign_in.offer(house.call(NOBODY), sign_in(house).token)


def test_an_enrolment_begun_before_another_was_finished_asks_for_the_finished_one(house):
    house.demand(second_factor_roles=frozenset({Role.CLINICIAN}))
    house.person(login=LOGIN)
    stale, used = sign_in(house), sign_in(house)
    secret = house.services.sign_in.offer(house.call(NOBODY), used.token).secret
    complete(house, used, code=code_of(house, secret))
    with pytest.raises(ChallengeInvalid):
        house.services.sign_in.offer(house.call(NOBODY), stale.token)
    assert complete(house, stale, code=next_code(house, secret))


def test_roles_that_need_none_get_in_without(house):
    house.demand(second_factor_roles=frozenset({Role.OPERATOR}))
    house.person(login=LOGIN)
    assert sign_in(house).access_token


# One's own


def test_enrolling_needs_the_password_and_no_second_factor_yet(house, ada):
    factors = house.services.second_factors
    with pytest.raises(WrongPassword):
        factors.enrol(house.call(ada.tokens.actor), "wrong password")
    with pytest.raises(SecondFactorActive):
        factors.enrol(house.call(ada.tokens.actor), PASSWORD)


def test_new_recovery_codes_end_the_old_ones_and_need_password_and_code(house, ada):
    factors = house.services.second_factors
    with pytest.raises(WrongCode):
        factors.renew_recovery_codes(house.call(ada.tokens.actor), PASSWORD, "000000")
    renewed = factors.renew_recovery_codes(house.call(ada.tokens.actor), PASSWORD, next_code(house, ada.secret))
    with pytest.raises(SecondFactorRefused):
        complete(house, sign_in(house), recovery_code=ada.recovery[0])
    assert complete(house, sign_in(house), recovery_code=renewed.codes[0])


@pytest.mark.parametrize("shown", ["code", "recovery_code"])
def test_removing_needs_password_and_code_and_ends_other_sign_ins(house, ada, shown):
    elsewhere = complete(house, sign_in(house), code=next_code(house, ada.secret)).tokens
    factors = house.services.second_factors
    with pytest.raises(WrongPassword):
        factors.remove(house.call(ada.tokens.actor), "wrong password", code=next_code(house, ada.secret))
    proof = {"code": next_code(house, ada.secret)} if shown == "code" else {"recovery_code": ada.recovery[0]}
    factors.remove(house.call(ada.tokens.actor), PASSWORD, **proof)
    assert sign_in(house).access_token
    assert house.services.sign_in.authenticate(ada.tokens.access_token, house.clock.now())
    with pytest.raises(SignedOut):
        house.services.sign_in.authenticate(elsewhere.access_token, house.clock.now())
    with pytest.raises(NoSecondFactor):
        factors.remove(house.call(ada.tokens.actor), PASSWORD, code="123456")


def test_trying_codes_with_a_stolen_access_token_locks_the_account(house, ada):
    for _ in range(5):
        with pytest.raises(WrongCode):
            house.services.second_factors.remove(house.call(ada.tokens.actor), PASSWORD, code="000000")
    with pytest.raises(SignInRefused):
        sign_in(house)


def test_an_operator_and_the_host_reset_it_and_every_sign_in_ends(house, ada):
    operator = house.person(Role.OPERATOR)
    with pytest.raises(NotOnesOwn):
        house.services.second_factors.reset(house.call(operator), operator.id)
    call = house.call(operator)
    house.services.second_factors.reset(call, ada.actor.id)
    assert house.reasons(call) == [("account.reset_second_factor", "allowed", "")]
    with pytest.raises(SignedOut):
        house.services.sign_in.authenticate(ada.tokens.access_token, house.clock.now())
    assert sign_in(house).access_token
    with pytest.raises(NoSecondFactor):
        house.services.second_factors.reset(house.call(HOST), ada.actor.id)


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.SUPERVISOR, Role.COMPLIANCE_OFFICER, Role.CLIENT])
def test_nobody_else_resets_a_second_factor(house, ada, role):
    with pytest.raises(RoleNotPermitted):
        house.services.second_factors.reset(house.call(house.person(role)), ada.actor.id)


def test_a_reset_that_a_refresh_outruns_still_ends_the_sign_in(house, ada, monkeypatch):
    """The row of a sign-in may be set back by whoever writes the tables; the account's events stand."""
    before = house.state.sign_in(ada.tokens.actor.sign_in_id)
    house.clock.forward(5)
    house.services.second_factors.reset(house.call(HOST), ada.actor.id)
    monkeypatch.setattr(house.state, "sign_in", lambda sign_in_id: before)
    with pytest.raises(SignedOut):
        house.services.sign_in.refresh(house.call(NOBODY), ada.tokens.refresh_token)


def test_the_secret_and_the_codes_stand_in_no_repr_and_no_audit_entry(house, ada):
    challenge = sign_in(house)
    opened = complete(house, challenge, recovery_code=ada.recovery[0])
    shown = repr((challenge, opened, house.log.state, ada.uri.partition("?")[0]))
    assert ada.secret not in shown
    assert not any(code in repr(house.log.events) for code in ada.recovery)


@given(st.binary(min_size=10, max_size=40))
def test_every_recovery_code_is_read_back_as_what_was_kept(random):
    code = recovery_code(random)
    assert recovery_digest(code) == recovery_digest(code.upper().replace("-", ""))
    assert recovery_digest(code) is not None


@given(st.text(max_size=40))
def test_what_is_no_recovery_code_is_nothing(text):
    with suppress(UnicodeError):
        digest = recovery_digest(text)
        assert digest is None or len(digest) == 32


def test_uris_hold_secret_login_and_issuer(house, ada):
    assert ada.uri.startswith("otpauth://totp/Anamnesis:ada%40example.org?")
    assert len(b32decode(ada.secret)) == 20
    assert ada.secret in ada.uri


def test_a_code_used_at_the_same_moment_by_two_opens_one_sign_in(house, ada, monkeypatch):
    challenge, saved = sign_in(house), house.ledger.save
    code = next_code(house, ada.secret)

    def used_meanwhile(call, entry, *aggregates, **more):
        monkeypatch.setattr(house.ledger, "save", saved)
        complete(house, challenge, code=code)
        return saved(call, entry, *aggregates, **more)

    monkeypatch.setattr(house.ledger, "save", used_meanwhile)
    with pytest.raises(SecondFactorRefused):
        complete(house, challenge, code=code)
