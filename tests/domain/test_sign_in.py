from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from uuid import uuid4

import pytest

from domain.errors import Invalid, StaleVersion, Unauthenticated
from domain.model.account import Account
from domain.model.sign_in import SignIn
from domain.ports.call import Role
from domain.services.sign_in import NOBODY, RefreshAlreadyUsed, SignedOut, SignInRefused
from tests.domain.conftest import HOST, PASSWORD

LOGIN = "ada@example.org"


@pytest.fixture
def ada(house):
    return house.person(login=LOGIN)


def sign_in(house, login=LOGIN, password=PASSWORD, call=None):
    return house.services.sign_in.sign_in(call or house.call(NOBODY), login, password)


def refresh(house, token):
    return house.services.sign_in.refresh(house.call(NOBODY), token)


def authenticate(house, tokens):
    return house.services.sign_in.authenticate(tokens.access_token, house.clock.now())


def fail(house, times=1):
    for _ in range(times):
        with pytest.raises(SignInRefused):
            sign_in(house, password="wrong password")


def test_the_right_password_opens_a_sign_in_that_says_who_it_is(house, ada):
    call = house.call(NOBODY)
    tokens = sign_in(house, " Ada@EXAMPLE.org", call=call)
    assert authenticate(house, tokens) == tokens.actor
    assert (tokens.actor.id, tokens.actor.role) == (ada.id, Role.CLINICIAN)
    (entry,) = house.entries(call)
    assert (entry.action, entry.actor_id, entry.outcome) == ("sign_in.open", ada.id, "allowed")
    assert entry.resources == (tokens.actor.sign_in_id,)


def test_a_trainees_sign_in_carries_the_supervisor(house):
    supervisor = house.person(Role.SUPERVISOR)
    house.person(login=LOGIN, supervisor_id=supervisor.id)
    assert authenticate(house, sign_in(house)).supervisor_id == supervisor.id


def test_unknown_wrong_locked_and_disabled_are_told_alike_and_each_verifies_one_hash(house, ada):
    disabled = house.person(login="ben@example.org")
    house.services.accounts.disable(house.call(house.person(Role.OPERATOR)), disabled.id)
    told = set()
    attempts = [("nobody@example.org", PASSWORD), ("not a login", PASSWORD), (LOGIN, "wrong password")]
    attempts += [("ben@example.org", PASSWORD)]
    for login, password in attempts:
        before = house.hasher.verified
        with pytest.raises(SignInRefused) as refused:
            sign_in(house, login, password)
        assert house.hasher.verified == before + 1
        told.add(str(refused.value))
    assert len(told) == 1


@pytest.mark.parametrize(
    ("login", "password", "reason"),
    [("nobody@example.org", PASSWORD, "unknown_login"), (LOGIN, "wrong password", "wrong_password")],
)
def test_each_refusal_is_on_record_with_its_reason_and_without_what_was_typed(house, ada, login, password, reason):
    call = house.call(NOBODY)
    with pytest.raises(SignInRefused):
        sign_in(house, login, password, call)
    assert house.reasons(call) == [("sign_in.open", "denied", reason)]
    assert login not in repr(house.entries(call))


def test_five_wrong_passwords_lock_the_account_for_a_quarter_of_an_hour(house, ada):
    fail(house, 5)
    call = house.call(NOBODY)
    with pytest.raises(SignInRefused):
        sign_in(house, call=call)
    assert house.reasons(call) == [("sign_in.open", "denied", "account_locked")]
    house.clock.forward(899)
    fail(house)
    house.clock.forward(1)
    assert sign_in(house)


def test_a_success_forgets_earlier_failures(house, ada):
    fail(house, 4)
    assert sign_in(house)
    fail(house, 4)
    assert sign_in(house)


def test_a_failure_that_loses_a_race_is_counted_all_the_same(house, ada, monkeypatch):
    saved, lost = house.ledger.save, []

    def racing(call, entry, *aggregates):
        if aggregates and isinstance(aggregates[0], Account) and len(lost) < 3:
            lost.append(1)
            raise StaleVersion
        return saved(call, entry, *aggregates)

    monkeypatch.setattr(house.ledger, "save", racing)
    fail(house)
    assert (len(lost), house.state.account(ada.id).failed_attempts) == (3, 1)


def test_a_guess_that_was_under_way_when_the_account_locked_neither_counts_nor_prolongs_the_lock(
    house, ada, monkeypatch
):
    before = house.state.account(ada.id)
    fail(house, 5)
    locked = house.state.account(ada.id)
    monkeypatch.setattr(house.state, "account_by_login", lambda login: before)
    call = house.call(NOBODY)
    with pytest.raises(SignInRefused):
        sign_in(house, password="wrong password", call=call)
    assert house.reasons(call) == [("sign_in.open", "denied", "account_locked")]
    assert house.state.account(ada.id) == locked


def test_a_sign_in_that_slipped_in_while_the_account_was_disabled_is_worth_nothing(house, ada, monkeypatch):
    before = house.state.account(ada.id)
    house.services.accounts.disable(house.call(house.person(Role.OPERATOR)), ada.id)
    monkeypatch.setattr(house.state, "account_by_login", lambda login: before)
    with pytest.raises(SignInRefused):
        sign_in(house)


@pytest.mark.parametrize("moment", ["while the old one was verified", "just before the sign-in was stored"])
def test_a_sign_in_with_a_password_that_changed_meanwhile_is_refused_and_stays_refused(house, ada, monkeypatch, moment):
    port, name = (house.hasher, "verify") if "verified" in moment else (house.ledger, "save")
    real, opened = getattr(port, name), []
    monkeypatch.setattr(house.tokens, "issue", lambda actor, until: opened.append(actor) or "token")

    def changed_meanwhile(*given):
        monkeypatch.setattr(port, name, real)
        house.services.accounts.reset_password(house.call(HOST), ada.id, "quite another sentence")
        return real(*given) if name == "save" else True

    monkeypatch.setattr(port, name, changed_meanwhile)
    with pytest.raises(SignInRefused):
        sign_in(house)
    assert not opened
    begun = [event.originator_id for event in house.log.events if isinstance(event, SignIn.Begun)]
    assert all(house.state.sign_in(each).revoked for each in begun)


def test_a_sign_in_that_loses_a_race_looks_again_and_is_refused_when_the_account_was_disabled(house, ada, monkeypatch):
    operator, saved = house.person(Role.OPERATOR), house.ledger.save

    def disabled_meanwhile(call, entry, *aggregates):
        monkeypatch.setattr(house.ledger, "save", saved)
        house.services.accounts.disable(house.call(operator), ada.id)
        raise StaleVersion

    monkeypatch.setattr(house.ledger, "save", disabled_meanwhile)
    with pytest.raises(SignInRefused):
        sign_in(house)


def test_an_old_hash_is_renewed_when_the_password_is_at_hand(house, ada):
    before = house.state.account(ada.id).password_hash
    house.hasher.generation = 2
    tokens = sign_in(house)
    assert house.state.account(ada.id).password_hash != before
    assert sign_in(house)
    assert authenticate(house, tokens)


@pytest.mark.parametrize("password", ["x" * 200_000, "half \ud800"])
def test_what_cannot_be_a_password_is_refused_before_anything_is_hashed(house, ada, password):
    before = house.hasher.verified
    with pytest.raises(Invalid):
        sign_in(house, password=password)
    assert house.hasher.verified == before


def test_one_password_typed_on_two_keyboards_is_one_password(house):
    account = house.person(login=LOGIN)
    house.services.accounts.change_password(house.call(account), PASSWORD, "Zw\u00f6lf Boxk\u00e4mpfer")
    assert sign_in(house, password="Zwo\u0308lf Boxka\u0308mpfer")


def test_an_access_token_lasts_minutes_and_is_renewed_with_the_refresh_token(house, ada):
    tokens = sign_in(house)
    house.clock.forward(301)
    with pytest.raises(Unauthenticated):
        authenticate(house, tokens)
    renewed = refresh(house, tokens.refresh_token)
    assert authenticate(house, renewed).sign_in_id == tokens.actor.sign_in_id
    assert renewed.refresh_token != tokens.refresh_token


def test_a_refresh_token_used_again_later_ends_the_sign_in_for_both(house, ada):
    stolen = sign_in(house)
    house.clock.forward(60)
    owner = refresh(house, stolen.refresh_token)
    house.clock.forward(60)
    call = house.call(NOBODY)
    with pytest.raises(SignedOut):
        house.services.sign_in.refresh(call, stolen.refresh_token)
    assert house.reasons(call) == [("sign_in.refresh", "denied", "refresh_token_reused")]
    for attempt in (lambda: authenticate(house, owner), lambda: refresh(house, owner.refresh_token)):
        with pytest.raises(SignedOut):
            attempt()


def test_two_tabs_that_refresh_at_once_are_a_race_and_not_a_theft(house, ada):
    tokens = sign_in(house)
    house.clock.forward(60)
    first = refresh(house, tokens.refresh_token)
    house.clock.forward(2)
    with pytest.raises(RefreshAlreadyUsed):
        refresh(house, tokens.refresh_token)
    assert authenticate(house, first)
    assert refresh(house, first.refresh_token)


def test_only_the_last_token_can_be_a_race_an_older_one_was_copied(house, ada):
    first = sign_in(house)
    latest = refresh(house, refresh(house, first.refresh_token).refresh_token)
    with pytest.raises(SignedOut):
        refresh(house, first.refresh_token)
    with pytest.raises(SignedOut):
        authenticate(house, latest)


def test_a_guessed_token_ends_nobodys_sign_in(house, ada):
    tokens = sign_in(house)
    raw = urlsafe_b64decode(tokens.refresh_token)
    guessed = urlsafe_b64encode(raw[:16] + b"\0" * 32).decode()
    with pytest.raises(SignedOut):
        refresh(house, guessed)
    assert authenticate(house, tokens)


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 63, "A" * 64, "A" * 10_000, "\ud800", "%%%%"])
def test_what_is_no_refresh_token_is_refused_plainly(house, ada, token):
    with pytest.raises(SignedOut):
        refresh(house, token)


def test_a_refresh_token_that_names_no_sign_in_is_on_record(house):
    for token in ("A" * 64, urlsafe_b64encode(bytes(48)).decode()):
        call = house.call(NOBODY)
        with pytest.raises(SignedOut):
            house.services.sign_in.refresh(call, token)
        assert house.reasons(call) == [("sign_in.refresh", "denied", "unknown_sign_in")]


def test_a_sign_in_left_alone_ends_after_a_quarter_of_an_hour(house, ada):
    tokens = sign_in(house)
    house.clock.forward(900)
    call = house.call(NOBODY)
    with pytest.raises(SignedOut):
        house.services.sign_in.refresh(call, tokens.refresh_token)
    assert house.reasons(call) == [("sign_in.refresh", "denied", "timed_out")]
    assert house.state.sign_in(tokens.actor.sign_in_id).revoked


def test_a_sign_in_ends_after_twelve_hours_however_busy(house, ada):
    tokens = sign_in(house)
    for _ in range(12 * 6 - 1):
        house.clock.forward(600)
        tokens = refresh(house, tokens.refresh_token)
    assert authenticate(house, tokens)
    house.clock.forward(599)
    last = refresh(house, tokens.refresh_token)
    assert last.access_expires_at == last.sign_in_expires_at
    house.clock.forward(1)
    with pytest.raises(SignedOut):
        refresh(house, last.refresh_token)


def test_signing_out_ends_this_sign_in_at_once_and_no_other(house, ada):
    here, elsewhere = sign_in(house), sign_in(house)
    call = house.call(here.actor)
    house.services.sign_in.sign_out(call)
    assert house.reasons(call) == [("sign_in.sign_out", "allowed", "")]
    for attempt in (lambda: authenticate(house, here), lambda: refresh(house, here.refresh_token)):
        with pytest.raises(SignedOut):
            attempt()
    assert authenticate(house, elsewhere)


def test_signing_out_wins_over_a_refresh_at_the_same_moment(house, ada, monkeypatch):
    tokens, saved = sign_in(house), house.ledger.save

    def refreshed_meanwhile(call, entry, *aggregates):
        monkeypatch.setattr(house.ledger, "save", saved)
        refresh(house, tokens.refresh_token)
        return saved(call, entry, *aggregates)

    monkeypatch.setattr(house.ledger, "save", refreshed_meanwhile)
    house.services.sign_in.sign_out(house.call(tokens.actor))
    with pytest.raises(SignedOut):
        authenticate(house, tokens)


def test_nobody_signs_out_who_is_not_signed_in(house):
    with pytest.raises(SignedOut):
        house.services.sign_in.sign_out(house.call(NOBODY))


def test_a_token_without_a_sign_in_or_of_an_unknown_one_is_worth_nothing(house, ada):
    in_an_hour = 2**60
    for actor in (ada, replace(ada, sign_in_id=uuid4())):
        token = house.tokens.issue(actor, in_an_hour)
        with pytest.raises(Unauthenticated):
            house.services.sign_in.authenticate(token, house.clock.now())


CHANGES = [
    {"role": Role.OPERATOR},
    {"id": uuid4()},
    {"client_id": uuid4()},
    {"supervisor_id": uuid4()},
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_token_that_says_something_else_than_the_tables_is_worth_nothing(house, ada, change):
    """Tokens are signed and events sealed, rows are neither: rows may end a sign-in and never widen it."""
    tokens = sign_in(house)
    token = house.tokens.issue(replace(tokens.actor, **change), 2**60)
    with pytest.raises(Unauthenticated):
        house.services.sign_in.authenticate(token, house.clock.now())


@pytest.mark.parametrize("change", CHANGES)
def test_a_row_that_someone_altered_gives_nobody_another_role_or_name(house, ada, monkeypatch, change):
    tokens = sign_in(house)
    real = house.state.sign_in

    def altered(sign_in_id):
        record = real(sign_in_id)
        return replace(record, actor=replace(record.actor, **change))

    monkeypatch.setattr(house.state, "sign_in", altered)
    with pytest.raises(Unauthenticated):
        authenticate(house, tokens)
    try:
        renewed = refresh(house, tokens.refresh_token)
    except SignedOut:
        return
    assert renewed.actor == tokens.actor


@pytest.mark.parametrize("change", [{"role": Role.OPERATOR}, {"client_id": uuid4()}, {"password_hash": "stolen"}])
def test_an_account_row_that_its_events_do_not_bear_out_opens_nothing(house, ada, monkeypatch, change):
    by_login, by_id = house.state.account_by_login, house.state.account
    monkeypatch.setattr(house.state, "account_by_login", lambda login: replace(by_login(login), **change))
    monkeypatch.setattr(house.state, "account", lambda account_id: replace(by_id(account_id), **change))
    monkeypatch.setattr(house.hasher, "verify", lambda *_: True)
    with pytest.raises(SignInRefused):
        sign_in(house)


def test_a_row_set_back_does_not_lift_a_lock(house, ada, monkeypatch):
    before = house.state.account(ada.id)
    fail(house, 5)
    monkeypatch.setattr(house.state, "account_by_login", lambda login: before)
    monkeypatch.setattr(house.state, "account", lambda account_id: before)
    for password in (PASSWORD, "wrong password"):
        with pytest.raises(SignInRefused):
            sign_in(house, password=password)
    house.clock.forward(900)
    assert sign_in(house)


def test_a_row_set_back_does_not_revive_a_sign_in_that_ended(house, ada, monkeypatch):
    tokens = sign_in(house)
    before = house.state.sign_in(tokens.actor.sign_in_id)
    house.services.sign_in.sign_out(house.call(tokens.actor))
    monkeypatch.setattr(house.state, "sign_in", lambda sign_in_id: before)
    with pytest.raises(SignedOut):
        refresh(house, tokens.refresh_token)


def test_a_row_set_back_does_not_revive_an_account_that_was_disabled(house, ada, monkeypatch):
    tokens = sign_in(house)
    before = house.state.sign_in(tokens.actor.sign_in_id)
    house.services.accounts.disable(house.call(house.person(Role.OPERATOR)), ada.id)
    monkeypatch.setattr(house.state, "sign_in", lambda sign_in_id: before)
    with pytest.raises(SignedOut):
        refresh(house, tokens.refresh_token)


def test_no_event_holds_a_password_or_a_token(house, ada):
    tokens = sign_in(house)
    kept = repr(house.log.events)
    assert PASSWORD not in kept
    assert tokens.refresh_token not in kept
    assert repr(urlsafe_b64decode(tokens.refresh_token)[16:]) not in kept
