"""What every Ledger, AggregateStore, DraftStore and AccessState must do, whatever they are built on.

Subclass `LedgerContract` in a test module and give the fixture `world`.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.errors import Erased, IdempotencyKeyReused, NotFound, StaleVersion
from domain.instruments import instrument
from domain.model.account import Account, AccountNotFound, LoginTaken, normalised_login
from domain.model.appointment import Appointment
from domain.model.audit import AuditEvent
from domain.model.client import Client, ClientNotFound
from domain.model.goal import Goal, GoalContent, GoalMetric, Milestone
from domain.model.identity import Identity
from domain.model.measure import CompletedBy, Measure, MeasureNotFound
from domain.model.risk_flag import RiskFlag
from domain.model.session import Session, SessionNotFound, SessionStatus
from domain.model.sign_in import SignIn
from domain.model.values import Modality, MomentInZone, NameUse, PersonName
from domain.ports.access import AccessState, Relation
from domain.ports.audit import Outcome
from domain.ports.call import Purpose, Role
from domain.ports.ledger import Draft, DraftStore, Ledger
from domain.ports.stores import AggregateStore
from domain.services.drafts import microseconds
from domain.services.measures import flag_of
from tests.contracts.samples import NOW, YESTERDAY, actor, call_by, command, content, entry, identity, new_session


@dataclass(kw_only=True)
class World:
    """The adapters under test, over one store."""

    ledger: Ledger
    state: AccessState
    drafts: DraftStore
    store: Callable[[type[Any]], AggregateStore[Any]]
    entries: Callable[[UUID], Sequence[AuditEvent]]
    """The audit entries of a request, in order."""
    fence: Callable[[UUID], None]
    """Put a client under erasure."""
    last_position: Callable[[], int]

    def save(self, *aggregates: Any) -> Any:
        return self.ledger.save(call_by(actor()), entry(), *aggregates)


def new_account(login: str = "ada@example.org", minutes: int = 0, **more: Any) -> Account:
    facts = {"display_name": "Ada Okafor", "role": Role.CLINICIAN, "password_hash": "hash-1"} | more
    return Account.create(uuid4(), at=NOW + timedelta(minutes=minutes), by=uuid4(), login=login, **facts)


def new_sign_in(account_id: UUID) -> SignIn:
    expires_at = NOW + timedelta(hours=12)
    return SignIn.open(uuid4(), at=NOW, account_id=account_id, refresh_hash=b"h" * 32, expires_at=expires_at)


def new_draft(client_id: UUID, author_id: UUID, minutes: int = 0) -> Draft:
    saved_at_us = microseconds(NOW + timedelta(minutes=minutes))
    return Draft(id=uuid4(), client_id=client_id, author_id=author_id, saved_at_us=saved_at_us, content='{"a": 1}')


def new_measure(client_id: UUID, flag_id: UUID | None = None) -> tuple[Measure, RiskFlag]:
    """A questionnaire that tells of danger, and the flag it raises."""
    used = instrument("phq-9")
    measure = Measure.record(
        uuid4(),
        at=NOW,
        by=uuid4(),
        client_id=client_id,
        instrument=used,
        taken_at=YESTERDAY,
        answers=(1, None, 2, 3, 0, 1, 2, 0, 2),
        completed_by=CompletedBy.CLIENT,
        flag_id=flag_id or uuid4(),
    )
    flag = flag_of(measure, used)
    assert flag is not None
    return measure, flag


def new_goal(client_id: UUID) -> Goal:
    content = GoalContent(
        statement="Take the train alone.",
        metric=GoalMetric.PERCENTAGE,
        baseline=0.0,
        target=80.0,
        due_on=date(2026, 9, 30),
        milestones=(Milestone(id=uuid4(), text="One stop.", due_on=date(2026, 4, 1)),),
    )
    goal = Goal.set_goal(uuid4(), at=NOW, by=uuid4(), client_id=client_id, content=content)
    goal.record_progress(at=NOW, by=uuid4(), value=12.5, took_place=YESTERDAY)
    return goal


class LedgerContract:
    @pytest.fixture
    def world(self) -> World:
        raise NotImplementedError

    # Saving and reading back

    def test_every_kind_of_aggregate_is_read_back_as_it_was_saved(self, world):
        client = Client.register(uuid4(), at=NOW, by=uuid4())
        start = MomentInZone.of("2026-10-25T02:30:00+01:00", "Europe/Berlin")
        appointment = Appointment.plan(
            uuid4(),
            at=NOW,
            by=uuid4(),
            client_id=client.id,
            clinician_id=uuid4(),
            start=start,
            duration_min=50,
            modality=Modality.VIDEO,
        )
        account = new_account()
        aggregates = [
            client,
            Identity.record(client.id, at=NOW, by=uuid4(), content=identity()),
            new_session(client.id),
            appointment,
            account,
            new_sign_in(account.id),
            *new_measure(client.id),
            new_goal(client.id),
        ]
        world.save(*aggregates)
        for aggregate in aggregates:
            assert world.store(type(aggregate)).get(aggregate.id) == aggregate

    def test_a_measure_and_the_flag_it_raises_are_one_append_under_keys_of_their_own(self, world):
        client_id = uuid4()
        measure, flag = new_measure(client_id)
        before = world.last_position()
        receipt = world.save(measure, flag)
        assert (receipt.position - before, receipt.resource_id) == (3, measure.id)
        assert world.store(RiskFlag).get(measure.flag_id) == flag
        assert world.store(Measure).get(flag.measure_id) == measure

    def test_of_a_measure_and_its_flag_neither_is_kept_without_the_other(self, world):
        client_id = uuid4()
        measure, flag = new_measure(client_id)
        world.save(flag)
        _, again = new_measure(client_id, flag.id)
        with pytest.raises(StaleVersion):
            world.save(measure, again)
        with pytest.raises(MeasureNotFound):
            world.store(Measure).get(measure.id)

    def test_text_in_any_script_comes_back_unchanged(self, world):
        author = actor()
        session = new_session(author=author)
        text = "naïve ß 漢字 عربي 👩‍👩‍👧 \u200b tab\tnewline\nÅ vs Å"
        session.amend(at=NOW, by=author.id, content=content(text))
        world.save(session)
        assert world.store(Session).get(session.id).content.summary == text

    def test_the_receipt_is_of_the_first_aggregate(self, world):
        client = Client.register(uuid4(), at=NOW, by=uuid4())
        receipt = world.save(client, Identity.record(client.id, at=NOW, by=uuid4(), content=identity()))
        assert (receipt.resource_id, receipt.version) == (client.id, 2)
        assert not receipt.replayed

    def test_positions_grow_and_count_the_audit_entries(self, world):
        before = world.last_position()
        first, second = world.save(new_session()), world.save(new_session())
        assert (first.position, second.position) == (before + 2, before + 4)

    def test_an_unknown_id_is_told_by_the_kind_that_was_asked_for(self, world):
        for kind, error in ((Session, SessionNotFound), (Client, ClientNotFound), (Account, AccountNotFound)):
            with pytest.raises(error):
                world.store(kind).get(uuid4())

    def test_an_id_of_another_kind_is_not_found(self, world):
        session = new_session()
        world.save(session)
        with pytest.raises(NotFound):
            world.store(Appointment).get(session.id)

    def test_a_request_is_no_aggregate(self, world):
        call = call_by(actor())
        world.ledger.note(call, entry())
        with pytest.raises(SessionNotFound):
            world.store(Session).get(call.request_id)

    # Audit

    def test_the_entry_tells_who_did_what_to_whom_and_why(self, world):
        call = call_by(actor(Role.SUPERVISOR))
        session = new_session()
        world.ledger.save(call, entry("session.sign", session.client_id, session.id), session)
        (told,) = world.entries(call.request_id)
        assert (told.action, told.client_id, told.resources) == ("session.sign", session.client_id, (session.id,))
        assert (told.actor_id, told.actor_role, told.origin) == (call.actor.id, "supervisor", "test")
        assert (told.outcome, told.reason, told.purpose) == ("allowed", "", "treatment")
        assert told.timestamp == call.at

    def test_entries_of_one_request_follow_one_another(self, world):
        call = call_by(actor())
        world.ledger.note(call, entry("a.one"), entry("a.two"))
        world.ledger.save(call, entry("a.three"), new_session())
        position = world.ledger.note(call, replace(entry("a.four"), outcome=Outcome.DENIED, reason="role"))
        told = world.entries(call.request_id)
        assert [event.action for event in told] == ["a.one", "a.two", "a.three", "a.four"]
        assert [event.originator_version for event in told] == [1, 2, 3, 4]
        assert told[-1].reason == "role"
        assert position == world.last_position()

    def test_a_save_for_several_clients_is_one_append_with_an_entry_for_each(self, world):
        call, sessions = call_by(actor()), [new_session(), new_session()]
        told = [entry(client_id=session.client_id) for session in sessions]
        world.ledger.save(call, told[0], *sessions, more=told[1:])
        assert [event.client_id for event in world.entries(call.request_id)] == [each.client_id for each in sessions]
        assert all(world.store(Session).get(session.id).version == 1 for session in sessions)

    def test_a_save_without_changes_writes_the_entry_alone(self, world):
        before = world.last_position()
        session = new_session()
        world.save(session)
        receipt = world.save(world.store(Session).get(session.id))
        assert receipt.position == before + 3
        assert receipt.version == 1

    # Atomic, and one after the other

    def test_a_stale_aggregate_undoes_the_whole_save(self, world):
        author = actor()
        session = new_session(author=author)
        world.save(session)
        mine, theirs = (world.store(Session).get(session.id) for _ in range(2))
        theirs.amend(at=NOW, by=author.id, content=content("Theirs."))
        world.save(theirs)
        mine.amend(at=NOW, by=author.id, content=content("Mine."))
        client = Client.register(uuid4(), at=NOW, by=uuid4())
        call, before = call_by(actor()), world.last_position()
        with pytest.raises(StaleVersion):
            world.ledger.save(call, entry(), client, mine)
        assert world.last_position() == before
        assert world.entries(call.request_id) == []
        assert not world.state.client_exists(client.id)
        assert world.store(Session).get(session.id).content.summary == "Theirs."

    def test_an_id_is_used_once(self, world):
        session = new_session()
        world.save(session)
        again = Session.record(session.id, at=NOW, client_id=uuid4(), author_id=uuid4(), content=content())
        with pytest.raises(StaleVersion):
            world.save(again)

    def test_of_many_writers_on_one_version_exactly_one_wins(self, world):
        author = actor()
        session = new_session(author=author)
        world.save(session)

        def amend(number: int) -> bool:
            loaded = world.store(Session).get(session.id)
            loaded.amend(at=NOW, by=author.id, content=content(f"Writer {number}."))
            try:
                world.save(loaded)
            except StaleVersion:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            won = list(threads.map(amend, range(24)))
        assert world.store(Session).get(session.id).version == 1 + won.count(True)
        assert True in won

    def test_nothing_that_was_acknowledged_to_many_writers_is_lost(self, world):
        sessions = [new_session() for _ in range(40)]
        with ThreadPoolExecutor(8) as threads:
            receipts = list(threads.map(world.save, sessions))
        assert len({receipt.position for receipt in receipts}) == 40
        assert all(world.store(Session).get(session.id) == session for session in sessions)

    # Commands

    def test_a_repeated_command_is_answered_as_before_and_writes_nothing(self, world):
        call = call_by(actor(), command=command(b"key"))
        session = new_session()
        first = world.ledger.save(call, entry(), session)
        before = world.last_position()
        repeated = replace(call, request_id=uuid4())
        again = world.ledger.save(repeated, entry(), new_session())
        assert (again.replayed, again.position, again.version) == (True, first.position, 1)
        assert (again.resource_id, again.status, again.location) == (session.id, 201, "/v1/somewhere")
        assert world.ledger.replay(repeated) == again
        assert world.last_position() == before

    def test_a_command_id_with_another_request_is_refused(self, world):
        call = call_by(actor(), command=command(b"key"))
        world.ledger.save(call, entry(), new_session())
        other = replace(call, command=replace(call.command, fingerprint=b"other".ljust(32, b"\0")))
        with pytest.raises(IdempotencyKeyReused):
            world.ledger.replay(other)
        with pytest.raises(IdempotencyKeyReused):
            world.ledger.save(other, entry(), new_session())

    def test_a_command_that_was_never_carried_out_has_no_receipt(self, world):
        assert world.ledger.replay(call_by(actor(), command=command(b"key"))) is None
        assert world.ledger.replay(call_by(actor())) is None

    def test_noting_a_denial_does_not_use_the_command_up(self, world):
        call = call_by(actor(), command=command(b"key"))
        world.ledger.note(call, replace(entry(), outcome=Outcome.DENIED, reason="outside_care_team"))
        assert world.ledger.replay(call) is None
        assert not world.ledger.save(call, entry(), new_session()).replayed

    def test_a_refused_save_does_not_use_the_command_up(self, world):
        session = new_session()
        world.save(session)
        stale = Session.record(session.id, at=NOW, client_id=uuid4(), author_id=uuid4(), content=content())
        call = call_by(actor(), command=command(b"key"))
        with pytest.raises(StaleVersion):
            world.ledger.save(call, entry(), stale)
        assert world.ledger.replay(call) is None

    # Erasure

    def test_a_client_under_erasure_is_not_written(self, world):
        session = new_session()
        world.save(session)
        world.fence(session.client_id)
        before = world.last_position()
        with pytest.raises(Erased):
            world.save(new_session(session.client_id))
        assert world.last_position() == before

    # Drafts

    def test_a_draft_is_replaced_and_read_back(self, world):
        author = actor()
        draft = new_draft(uuid4(), author.id)
        call = call_by(author)
        world.drafts.put(call, entry("draft.save", draft.client_id, draft.id), draft)
        assert [event.action for event in world.entries(call.request_id)] == ["draft.save"]
        longer = replace(draft, content='{"summary": "Ω"}', saved_at_us=draft.saved_at_us + 1)
        world.drafts.put(call_by(author), entry("draft.save"), longer)
        assert world.drafts.get(draft.id) == longer
        assert list(world.drafts.of_author(author.id)) == [longer]

    def test_an_unknown_draft_is_not_found(self, world):
        with pytest.raises(NotFound):
            world.drafts.get(uuid4())

    def test_drafts_are_listed_newest_first_and_to_their_author_alone(self, world):
        author, other = actor(), actor()
        drafts = [new_draft(uuid4(), author.id, minutes) for minutes in (5, 1, 9)]
        for draft in [*drafts, new_draft(uuid4(), other.id)]:
            world.drafts.put(call_by(author), entry("draft.save"), draft)
        assert [draft.saved_at_us for draft in world.drafts.of_author(author.id)] == sorted(
            (draft.saved_at_us for draft in drafts), reverse=True
        )

    def test_discarding_twice_is_no_error_and_on_record_twice(self, world):
        draft = new_draft(uuid4(), uuid4())
        world.drafts.put(call_by(actor()), entry("draft.save"), draft)
        for _ in range(2):
            call = call_by(actor())
            world.drafts.discard(call, entry("draft.discard"), draft.id)
            assert len(world.entries(call.request_id)) == 1
        with pytest.raises(NotFound):
            world.drafts.get(draft.id)

    def test_stale_drafts_go_each_with_an_entry(self, world):
        author = actor()
        old, older, fresh = (new_draft(uuid4(), author.id, minutes) for minutes in (-60, -90, 0))
        for draft in (old, older, fresh):
            world.drafts.put(call_by(author), entry("draft.save"), draft)
        call = call_by(actor(Role.SERVICE))
        assert world.drafts.discard_stale(call, microseconds(NOW - timedelta(minutes=30))) == 2
        assert list(world.drafts.of_author(author.id)) == [fresh]
        assert {event.client_id for event in world.entries(call.request_id)} == {old.client_id, older.client_id}
        assert world.drafts.discard_stale(call_by(actor(Role.SERVICE)), microseconds(NOW - timedelta(minutes=30))) == 0

    def test_recording_a_session_removes_its_draft_with_it(self, world):
        author = actor()
        draft = new_draft(uuid4(), author.id)
        world.drafts.put(call_by(author), entry("draft.save"), draft)
        world.save(new_session(draft.client_id, author, draft.id))
        with pytest.raises(NotFound):
            world.drafts.get(draft.id)

    def test_a_refused_recording_keeps_the_draft(self, world):
        author = actor()
        draft = new_draft(uuid4(), author.id)
        world.drafts.put(call_by(author), entry("draft.save"), draft)
        taken = new_session(draft.client_id, author)
        world.save(taken)
        again = Session.record(
            taken.id,
            at=NOW,
            client_id=draft.client_id,
            author_id=author.id,
            content=content(),
            draft_id=draft.id,
        )
        with pytest.raises(StaleVersion):
            world.save(again)
        assert world.drafts.get(draft.id) == draft

    def test_recording_never_removes_a_colleagues_draft(self, world):
        draft = new_draft(uuid4(), uuid4())
        world.drafts.put(call_by(actor()), entry("draft.save"), draft)
        world.save(new_session(draft.client_id, actor(), draft.id))
        assert world.drafts.get(draft.id) == draft

    # Access state follows in the same transaction

    def test_who_registers_a_client_stands_to_it_at_once(self, world):
        clinician, stranger = uuid4(), uuid4()
        client = Client.register(uuid4(), at=NOW, by=clinician)
        assert not world.state.standing(clinician, client.id).known
        world.save(client)
        standing = world.state.standing(clinician, client.id)
        assert (standing.relation, standing.known, standing.open) == (Relation.PRIMARY_CLINICIAN, True, True)
        assert world.state.relation(clinician, client.id) is Relation.PRIMARY_CLINICIAN
        assert world.state.standing(stranger, client.id).relation is Relation.NONE
        assert world.state.standing(stranger, client.id).known
        assert world.state.client_exists(client.id)
        assert not world.state.client_exists(uuid4())

    def test_a_chart_entered_in_error_is_known_but_closed(self, world):
        clinician = uuid4()
        client = Client.register(uuid4(), at=NOW, by=clinician)
        client.mark_entered_in_error(at=NOW, by=clinician, reason="Opened twice.")
        world.save(client)
        standing = world.state.standing(clinician, client.id)
        assert (standing.relation, standing.known, standing.open) == (Relation.PRIMARY_CLINICIAN, True, False)

    def test_the_care_team_changes_with_its_events(self, world):
        clinician, colleague = uuid4(), uuid4()
        clients = [Client.register(uuid4(), at=NOW + timedelta(minutes=n), by=clinician) for n in range(3)]
        world.save(*clients)
        first = clients[0]
        for relation in (Relation.CLINICIAN, Relation.PRIMARY_CLINICIAN):
            first.join_care_team(at=NOW, by=clinician, account_id=colleague, relation=relation)
            world.save(first)
            assert world.state.relation(colleague, first.id) is relation
        assert list(world.state.caseload(clinician)) == [client.id for client in clients]
        assert list(world.state.caseload(colleague)) == [first.id]
        first.leave_care_team(at=NOW, by=clinician, account_id=clinician)
        world.save(first)
        assert world.state.relation(clinician, first.id) is Relation.NONE
        assert list(world.state.caseload(clinician)) == [client.id for client in clients[1:]]

    def test_a_purpose_is_consented_to_while_any_consent_for_it_stands(self, world):
        clinician = uuid4()
        client = Client.register(uuid4(), at=NOW, by=clinician)
        first, second = uuid4(), uuid4()
        for consent_id in (first, second):
            client.give_consent(
                at=NOW,
                by=clinician,
                consent_id=consent_id,
                purpose=Purpose.RESEARCH,
                document="research/1",
                given_at=NOW,
            )
        world.save(client)
        for withdrawn, stands in ((first, True), (second, False)):
            client.withdraw_consent(at=NOW, by=clinician, consent_id=withdrawn)
            world.save(client)
            assert world.state.consented(client.id, Purpose.RESEARCH) is stands
        assert not world.state.consented(client.id, Purpose.MODEL_TRAINING)

    def test_clients_are_found_by_any_of_their_names_and_the_birth_date_exactly(self, world):
        client_id = uuid4()
        named = replace(
            identity("Müller-Lüdenscheidt"),
            names=(PersonName(family="Müller-Lüdenscheidt"), PersonName(family="Braun", use=NameUse.MAIDEN)),
        )
        who = Identity.record(client_id, at=NOW, by=uuid4(), content=named)
        world.save(Client.register(client_id, at=NOW, by=uuid4()), who)
        for name in ("Müller-Lüdenscheidt", "MULLER LUDENSCHEIDT", "braun"):
            assert list(world.state.find_by_identity(name, "1984-05-17")) == [client_id]
        assert not world.state.find_by_identity("Braun", "1984-05-18")
        assert not world.state.find_by_identity("Brau", "1984-05-17")
        who.correct(at=NOW, by=uuid4(), content=identity("Schmidt", birth_date="1985-05-17"))
        world.save(who)
        assert not world.state.find_by_identity("Braun", "1984-05-17")
        assert list(world.state.find_by_identity("Schmidt", "1985-05-17")) == [client_id]

    def test_people_with_one_name_are_found_and_without_birth_date_nobody(self, world):
        mononym, ageless = uuid4(), uuid4()
        for client_id, who in ((mononym, identity("", "Sukarno")), (ageless, identity("Doe", "J", ""))):
            world.save(
                Client.register(client_id, at=NOW, by=uuid4()),
                Identity.record(client_id, at=NOW, by=uuid4(), content=who),
            )
        assert list(world.state.find_by_identity("sukarno", "1984-05-17")) == [mononym]
        assert not world.state.find_by_identity("Doe", "")

    def test_accounts_are_found_by_the_login_as_it_is_normalised(self, world):
        account = new_account(login="ada@example.org", supervisor_id=uuid4())
        world.save(account)
        record = world.state.account_by_login(normalised_login(" Ada@Example.ORG"))
        assert record == world.state.account(account.id)
        assert (record.id, record.role, record.display_name) == (account.id, Role.CLINICIAN, "Ada Okafor")
        assert (record.password_hash, record.supervisor_id) == ("hash-1", account.supervisor_id)
        assert world.state.account_by_login("nobody@example.org") is None
        assert world.state.account(uuid4()) is None

    def test_accounts_are_listed_oldest_first_a_page_at_a_time(self, world):
        minutes = [5, 1, 9, 1, 1, 9, 0]
        made = [new_account(f"{n}@example.org", minute) for n, minute in enumerate(minutes)]
        for account in made:
            world.save(account)
        expected = [account.id for account in sorted(made, key=lambda account: (account.created_on, account.id))]
        for limit in (1, 2, 3, 7, 10):
            seen, after = [], None
            while page := world.state.list_accounts(after=after, limit=limit):
                assert len(page) <= limit
                seen += [account.id for account in page]
                after = page[-1].created_at_us, page[-1].id
            assert seen == expected

    def test_an_account_in_the_list_shows_its_state_as_of_now(self, world):
        account = new_account(supervisor_id=uuid4())
        world.save(account)
        (listed,) = world.state.list_accounts(limit=10)
        assert (listed.id, listed.version, listed.role) == (account.id, 1, Role.CLINICIAN)
        assert (listed.login, listed.display_name) == ("ada@example.org", "Ada Okafor")
        assert (listed.client_id, listed.supervisor_id) == (None, account.supervisor_id)
        assert (listed.disabled, listed.failed_attempts, listed.locked_until_us) == (False, 0, 0)
        assert listed.created_at_us == microseconds(NOW)
        assert not any(told in repr(listed) for told in (listed.login, listed.display_name))
        later, until = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
        account.fail_sign_in(at=later, lock_after=1, locked_until=until)
        account.change_supervision(at=later, by=uuid4(), supervisor_id=None)
        account.rehash_password(at=later, password_hash="hash-2")
        account.disable(at=later, by=uuid4())
        world.save(account)
        (listed,) = world.state.list_accounts(limit=10)
        assert (listed.version, listed.supervisor_id, listed.disabled) == (account.version, None, True)
        assert (listed.locked_until_us, listed.created_at_us) == (microseconds(until), microseconds(NOW))

    def test_filters_of_the_list_hold_together(self, world):
        clinician, gone = new_account("a@example.org", 1), new_account("b@example.org", 2)
        gone.disable(at=NOW, by=uuid4())
        operator = new_account("c@example.org", 3, role=Role.OPERATOR)
        client = new_account("d@example.org", 4, role=Role.CLIENT, client_id=uuid4())
        world.save(clinician, gone, operator, client)

        def found(**filters: Any) -> list[UUID]:
            return [account.id for account in world.state.list_accounts(**filters, limit=10)]

        clinicians = frozenset({Role.CLINICIAN})
        staff = clinicians | {Role.OPERATOR}
        assert found() == [clinician.id, gone.id, operator.id, client.id]
        assert found(roles=staff) == [clinician.id, gone.id, operator.id]
        assert found(roles=staff, disabled=False) == [clinician.id, operator.id]
        assert found(disabled=True) == [gone.id]
        assert found(roles=frozenset()) == []
        assert found(login="c@example.org") == [operator.id]
        assert found(login="C@example.org") == []
        assert found(login="c@example.org", roles=clinicians) == []
        assert found(roles=staff, after=(microseconds(NOW + timedelta(minutes=1)), clinician.id)) == [
            gone.id,
            operator.id,
        ]

    def test_a_login_is_taken_once_and_the_second_account_leaves_no_trace(self, world):
        world.save(new_account())
        second, before = new_account(), world.last_position()
        with pytest.raises(LoginTaken):
            world.save(second)
        assert world.last_position() == before
        assert world.state.account(second.id) is None

    def test_failed_sign_ins_are_counted_and_forgotten(self, world):
        account = new_account()
        world.save(account)
        until = NOW + timedelta(minutes=15)
        seen = []
        for _ in range(3):
            account.fail_sign_in(at=NOW, lock_after=3, locked_until=until)
            world.save(account)
            record = world.state.account(account.id)
            seen.append((record.failed_attempts, record.locked_until_us))
        assert seen == [(1, 0), (2, 0), (0, microseconds(until))]
        account.unlock(at=NOW, by=uuid4())
        world.save(account)
        assert world.state.account(account.id).locked_until_us == 0

    def test_a_sign_in_carries_the_account_as_it_is_now(self, world):
        account = new_account(role=Role.CLIENT, client_id=uuid4())
        sign_in = new_sign_in(account.id)
        world.save(account, sign_in)
        record = world.state.sign_in(sign_in.id)
        assert (record.actor.id, record.actor.role, record.actor.sign_in_id) == (account.id, Role.CLIENT, sign_in.id)
        assert record.actor.client_id == account.client_id
        assert (record.refresh_hash, record.revoked, record.account_usable) == (b"h" * 32, False, True)
        assert record.refreshed_at_us == microseconds(NOW)
        assert record.expires_at_us == microseconds(NOW + timedelta(hours=12))
        later = NOW + timedelta(minutes=4)
        sign_in.refresh(at=later, refresh_hash=b"i" * 32)
        world.save(sign_in)
        record = world.state.sign_in(sign_in.id)
        assert (record.refresh_hash, record.refreshed_at_us) == (b"i" * 32, microseconds(later))
        assert world.state.sign_in(uuid4()) is None

    def test_a_change_of_supervision_counts_for_sign_ins_that_are_open(self, world):
        account = new_account(supervisor_id=uuid4())
        sign_in = new_sign_in(account.id)
        world.save(account, sign_in)
        for supervisor_id in (uuid4(), None):
            account.change_supervision(at=NOW, by=uuid4(), supervisor_id=supervisor_id)
            world.save(account)
            assert world.state.sign_in(sign_in.id).actor.supervisor_id == supervisor_id

    def test_a_revoked_sign_in_is_revoked(self, world):
        account = new_account()
        sign_in = new_sign_in(account.id)
        world.save(account, sign_in)
        sign_in.revoke(at=NOW, reason="signed_out")
        world.save(sign_in)
        assert world.state.sign_in(sign_in.id).revoked

    def test_changing_the_password_ends_every_other_sign_in(self, world):
        account, other = new_account(), new_account("ben@example.org")
        kept, ended, foreign = new_sign_in(account.id), new_sign_in(account.id), new_sign_in(other.id)
        world.save(account, other, kept, ended, foreign)
        account.change_password(at=NOW, by=account.id, password_hash="hash-2", kept_sign_in_id=kept.id)
        world.save(account)
        assert world.state.account(account.id).password_hash == "hash-2"
        revoked = {sign_in.id: world.state.sign_in(sign_in.id).revoked for sign_in in (kept, ended, foreign)}
        assert revoked == {kept.id: False, ended.id: True, foreign.id: False}

    def test_a_disabled_account_has_no_sign_ins_even_after_it_is_enabled_again(self, world):
        account = new_account()
        sign_in = new_sign_in(account.id)
        world.save(account, sign_in)
        account.disable(at=NOW, by=uuid4())
        world.save(account)
        assert world.state.account(account.id).disabled
        assert not world.state.sign_in(sign_in.id).account_usable
        account.enable(at=NOW, by=uuid4())
        world.save(account)
        assert not world.state.account(account.id).disabled
        assert world.state.sign_in(sign_in.id).revoked

    def test_statuses_survive_the_store(self, world):
        supervisor = uuid4()
        author = actor(supervisor_id=supervisor)
        session = new_session(author=author)
        session.sign(at=NOW, by=author.id, supervisor_id=supervisor)
        world.save(session)
        loaded = world.store(Session).get(session.id)
        assert loaded.status is SessionStatus.AWAITING_COSIGNATURE
        loaded.return_to_author(at=NOW, by=supervisor, comment="Please say more about risk.")
        loaded.sign(at=NOW, by=author.id, supervisor_id=supervisor)
        loaded.cosign(at=NOW, by=supervisor)
        loaded.add_addendum(at=NOW, by=author.id, addendum_id=uuid4(), text="Added later.")
        loaded.mark_entered_in_error(at=NOW, by=supervisor, reason="Wrong chart.")
        world.save(loaded)
        assert world.store(Session).get(session.id) == loaded
