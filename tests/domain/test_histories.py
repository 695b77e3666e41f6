"""Random commands, then what must always hold: history replays to what it made, and what was signed stays."""

import re
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.domain import Aggregate
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adapters.memory.ledger import replayed
from domain.errors import AnamnesisError
from domain.model.account import Account
from domain.model.appointment import Appointment, CancellationReason, CancelledBy, MissReason
from domain.model.catalogue import AGGREGATES, EVENTS, event_classes
from domain.model.client import Client
from domain.model.session import Session, SessionStatus
from domain.model.sign_in import SignIn
from domain.model.values import Modality, MomentInZone
from domain.ports.access import Relation
from domain.ports.call import Purpose, Role
from tests.contracts.samples import NOW, content

PEOPLE = [UUID(int=n) for n in range(1, 5)]
people = st.sampled_from(PEOPLE)
texts = st.text(max_size=40)
passing = st.integers(0, 4 * 24 * 3600)
START = MomentInZone.of(NOW + timedelta(days=2), "Europe/Berlin")


class History(RuleBasedStateMachine):
    """Base: time goes on, commands may be refused, and a refused one leaves no trace."""

    aggregate: Any

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.stored: list[Any] = []

    def attempt(self, command: str, **arguments: Any) -> bool:
        before = (self.aggregate.version, len(self.aggregate.pending_events))
        try:
            getattr(self.aggregate, command)(at=self.now, **arguments)
        except AnamnesisError:
            assert (self.aggregate.version, len(self.aggregate.pending_events)) == before
            return False
        return True

    @rule(seconds=passing)
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def it_is_saved(self) -> None:
        self.stored += self.aggregate.collect_events()

    @invariant()
    def replay_gives_the_same(self) -> None:
        events = [*self.stored, *self.aggregate.pending_events]
        again = replayed(events)
        again.pending_events.extend(self.aggregate.pending_events)
        assert again == self.aggregate
        assert [event.originator_version for event in events] == list(range(1, len(events) + 1))

    @invariant()
    def its_events_are_all_in_the_catalogue(self) -> None:
        assert all(EVENTS[event.KIND] is type(event) for event in self.aggregate.pending_events)


class SessionHistory(History):
    def __init__(self) -> None:
        super().__init__()
        self.author = PEOPLE[0]
        self.aggregate = Session.record(
            uuid4(), at=NOW, client_id=uuid4(), author_id=self.author, content=content(), supervisor_id=PEOPLE[1]
        )
        self.signed: Any = None

    @rule(by=people, summary=texts)
    def amend(self, by: UUID, summary: str) -> None:
        if self.attempt("amend", by=by, content=content(summary)):
            assert by == self.author

    @rule(by=people, supervisor_id=st.none() | st.just(PEOPLE[1]))
    def sign(self, by: UUID, supervisor_id: UUID | None) -> None:
        if self.attempt("sign", by=by, supervisor_id=supervisor_id):
            assert by == self.author

    @rule(by=people, standing_in=st.booleans())
    def cosign(self, by: UUID, standing_in: bool) -> None:  # noqa: FBT001 - drawn
        if self.attempt("cosign", by=by, standing_in=standing_in):
            assert by != self.author

    @rule(by=people, comment=texts)
    def return_to_author(self, by: UUID, comment: str) -> None:
        self.attempt("return_to_author", by=by, comment=comment)

    @rule(by=people, text=texts)
    def add_addendum(self, by: UUID, text: str) -> None:
        self.attempt("add_addendum", by=by, addendum_id=uuid4(), text=text)

    @precondition(lambda self: self.aggregate.version > 6)
    @rule(by=people, reason=texts)
    def mark(self, by: UUID, reason: str) -> None:
        self.attempt("mark_entered_in_error", by=by, reason=reason)

    @invariant()
    def what_was_signed_never_changes(self) -> None:
        session = self.aggregate
        if self.signed is None and session.status is SessionStatus.SIGNED:
            self.signed = (session.content, session.signed_by, session.signed_at, session.cosigned_by)
        if self.signed is not None:
            assert self.signed == (session.content, session.signed_by, session.signed_at, session.cosigned_by)
            assert session.status in (SessionStatus.SIGNED, SessionStatus.ENTERED_IN_ERROR)

    @invariant()
    def only_a_signed_session_has_addenda(self) -> None:
        assert not self.aggregate.addenda or self.signed is not None


class ClientHistory(History):
    def __init__(self) -> None:
        super().__init__()
        self.aggregate = Client.register(uuid4(), at=NOW, by=PEOPLE[0])

    @rule(account_id=people, relation=st.sampled_from(Relation))
    def join(self, account_id: UUID, relation: Relation) -> None:
        self.attempt("join_care_team", by=PEOPLE[0], account_id=account_id, relation=relation)

    @rule(account_id=people)
    def leave(self, account_id: UUID) -> None:
        self.attempt("leave_care_team", by=PEOPLE[0], account_id=account_id)

    @rule(consent_id=people, purpose=st.sampled_from(Purpose), document=texts, ago=passing)
    def consent(self, consent_id: UUID, purpose: Purpose, document: str, ago: int) -> None:
        given_at = self.now - timedelta(seconds=ago)
        self.attempt(
            "give_consent",
            by=PEOPLE[0],
            consent_id=consent_id,
            purpose=purpose,
            document=document,
            given_at=given_at,
        )

    @rule(consent_id=people)
    def withdraw(self, consent_id: UUID) -> None:
        self.attempt("withdraw_consent", by=PEOPLE[0], consent_id=consent_id)

    @precondition(lambda self: self.aggregate.version > 8)
    @rule(reason=texts)
    def mark(self, reason: str) -> None:
        self.attempt("mark_entered_in_error", by=PEOPLE[0], reason=reason)

    @invariant()
    def an_open_chart_has_a_primary_clinician(self) -> None:
        client = self.aggregate
        assert not client.open or Relation.PRIMARY_CLINICIAN in client.care_team.values()

    @invariant()
    def no_consent_is_withdrawn_before_it_was_given(self) -> None:
        for consent in self.aggregate.consents.values():
            assert consent.withdrawn_at is None or consent.withdrawn_at >= consent.given_at - timedelta(minutes=5)


class AppointmentHistory(History):
    def __init__(self) -> None:
        super().__init__()
        self.aggregate = Appointment.plan(
            uuid4(),
            at=NOW,
            by=PEOPLE[0],
            client_id=uuid4(),
            clinician_id=PEOPLE[0],
            start=START,
            duration_min=50,
            modality=Modality.VIDEO,
        )
        self.outcome: Any = None
        self.linked: UUID | None = None

    @rule(days=st.integers(-500, 500), duration_min=st.integers(-1, 1500))
    def reschedule(self, days: int, duration_min: int) -> None:
        start = MomentInZone.of(self.now + timedelta(days=days), "America/New_York")
        self.attempt("reschedule", by=PEOPLE[0], start=start, duration_min=duration_min, modality=Modality.IN_PERSON)

    @rule(session_id=st.none() | people)
    def hold(self, session_id: UUID | None) -> None:
        self.attempt("hold", by=PEOPLE[0], session_id=session_id)

    @rule(reason=st.sampled_from(MissReason))
    def miss(self, reason: MissReason) -> None:
        self.attempt("miss", by=PEOPLE[0], reason=reason)

    @rule(by=st.sampled_from(CancelledBy), reason=st.sampled_from(CancellationReason), ago=st.none() | passing)
    def cancel(self, by: CancelledBy, reason: CancellationReason, ago: int | None) -> None:
        notified_at = None if ago is None else self.now - timedelta(seconds=ago)
        self.attempt("cancel", by=PEOPLE[0], cancelled_by=by, reason=reason, notified_at=notified_at)

    @rule(reason=texts)
    def mark(self, reason: str) -> None:
        self.attempt("mark_entered_in_error", by=PEOPLE[0], reason=reason)

    @invariant()
    def there_is_one_outcome_at_most(self) -> None:
        appointment = self.aggregate
        outcome = (appointment.notice_s, appointment.miss_reason)
        if self.outcome is None and appointment.status not in ("planned", "entered_in_error"):
            self.outcome = outcome
        assert self.outcome is None or self.outcome == outcome

    @invariant()
    def a_linked_session_stays_linked_to_what_was_held(self) -> None:
        appointment = self.aggregate
        assert self.linked in (None, appointment.session_id)
        self.linked = appointment.session_id
        assert self.linked is None or appointment.status in ("held", "entered_in_error")


class AccountHistory(History):
    def __init__(self) -> None:
        super().__init__()
        self.aggregate = Account.create(
            uuid4(),
            at=NOW,
            by=PEOPLE[0],
            login="ada@example.org",
            display_name="Ada",
            role=Role.CLINICIAN,
            password_hash="hash",
        )

    @rule(lock_s=passing)
    def fail(self, lock_s: int) -> None:
        until = self.now + timedelta(seconds=lock_s)
        self.attempt("fail_sign_in", lock_after=3, locked_until=until)

    @rule()
    def succeed(self) -> None:
        self.attempt("succeed_sign_in")
        assert not self.aggregate.failed_attempts

    @rule(command=st.sampled_from(["unlock", "disable", "enable"]))
    def operate(self, command: str) -> None:
        self.attempt(command, by=PEOPLE[0])

    @rule(supervisor_id=st.none() | people)
    def change_supervision(self, supervisor_id: UUID | None) -> None:
        self.attempt("change_supervision", by=PEOPLE[0], supervisor_id=supervisor_id)

    @rule(password_hash=texts, kept=st.none() | people)
    def change_password(self, password_hash: str, kept: UUID | None) -> None:
        self.attempt("change_password", by=PEOPLE[0], password_hash=password_hash, kept_sign_in_id=kept)

    @invariant()
    def failures_lock_before_they_reach_the_limit(self) -> None:
        assert self.aggregate.failed_attempts < 3


class SignInHistory(History):
    def __init__(self) -> None:
        super().__init__()
        self.aggregate = SignIn.open(
            uuid4(), at=NOW, account_id=PEOPLE[0], refresh_hash=b"first", expires_at=NOW + timedelta(hours=12)
        )

    @rule(refresh_hash=st.binary(min_size=8, max_size=8))
    def refresh(self, refresh_hash: bytes) -> None:
        before = self.aggregate.refresh_hash
        self.attempt("refresh", refresh_hash=refresh_hash)
        assert self.aggregate.used_hashes[-1] == before

    @rule(reason=st.sampled_from(["signed_out", "refresh_token_reused"]))
    def revoke(self, reason: str) -> None:
        first = self.aggregate.revoked_reason or reason
        self.attempt("revoke", reason=reason)
        assert self.aggregate.revoked_reason == first


TestSessionHistory = SessionHistory.TestCase
TestClientHistory = ClientHistory.TestCase
TestAppointmentHistory = AppointmentHistory.TestCase
TestAccountHistory = AccountHistory.TestCase
TestSignInHistory = SignInHistory.TestCase


@given(st.text(), st.integers(), st.integers(-10, 10))
def test_stored_history_loads_whatever_rules_came_later(summary, duration_min, years):
    """What a command would refuse today, an old event may still say: applying it never checks."""
    session_id, author = uuid4(), uuid4()
    odd = replace(content(summary), duration_min=duration_min, took_place=MomentInZone(NOW, "Gone/Zone", years * 3600))
    recorded = Session.record(session_id, at=NOW, client_id=uuid4(), author_id=author, content=content())
    events = [replace(recorded.pending_events[0], content=odd)]
    facts = {"originator_id": session_id, "timestamp": NOW}
    events += [
        Session.Signed(originator_version=2, signed_by=uuid4(), supervisor_id=None, **facts),
        Session.Amended(originator_version=3, content=odd, **facts),
        Session.Returned(originator_version=4, returned_by=uuid4(), comment="", **facts),
        Session.Cosigned(originator_version=5, cosigned_by=author, **facts),
    ]
    assert replayed(events).content == odd


def every_event() -> Sequence[tuple[type[Aggregate], str, Any]]:
    return [(aggregate, kind, event) for aggregate in AGGREGATES for kind, event in event_classes(aggregate).items()]


@pytest.mark.parametrize(
    ("aggregate", "kind", "event"), every_event(), ids=lambda part: getattr(part, "__name__", part)
)
def test_every_event_is_named_after_its_aggregate_and_applies_itself(aggregate, kind, event):
    assert kind.partition(".")[0] == re.sub("(?<=[a-z])(?=[A-Z])", "_", aggregate.__name__).lower()
    assert event.apply is not Aggregate.Event.apply
    assert not hasattr(event, "TOPIC")


def test_kinds_are_used_once_and_each_aggregate_says_where_it_is_kept():
    assert len(EVENTS) == len(every_event()) + 1
    for aggregate in AGGREGATES:
        assert aggregate.TOPIC_KIND in ("client", "identity", "record", "access")
        assert aggregate.RECORD_CLASS
        assert issubclass(aggregate.NOT_FOUND, AnamnesisError)


def test_events_are_frozen():
    session = Session.record(uuid4(), at=NOW, client_id=uuid4(), author_id=uuid4(), content=content())
    with pytest.raises(FrozenInstanceError):
        session.pending_events[0].author_id = uuid4()
