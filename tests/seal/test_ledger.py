"""Saving: everything or nothing, with its audit entry, once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from sqlalchemy import text

from adapters.event_store.rows import Append, CommandRow
from adapters.event_store.unsealed import Loss, SystemRecord, Tombstone
from domain.errors import Erased, IdempotencyKeyReused, KeysUnavailable, SealBroken, StaleVersion
from domain.model.account import Account, LoginTaken
from domain.model.appointment import Appointment, AppointmentNotFound
from domain.model.client import Client, ClientNotFound
from domain.model.session import Session, SessionNotFound
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Command
from tests.seal.kit import AT, a_call, a_client, a_content, a_session, an_account, an_identity


def test_an_aggregate_reads_back_as_it_was_saved(kit):
    session = a_session()
    session.sign(at=AT, by=session.author_id)
    receipt = kit.save(session)
    assert receipt.version == 2
    assert receipt.resource_id == session.id
    assert receipt.position == kit.recorder.last_position() == 3
    assert kit.store(Session).get(session.id) == session


def test_every_row_but_system_records_is_sealed_and_names_its_key(kit):
    client = a_client()
    kit.save(client, an_identity(client.id), an_account())
    rows = kit.rows()
    assert {row.record_class for row in rows} == {"journal", "identity", "access", "audit"}
    for row in rows:
        assert row.state[:1] == b"\x01"
        assert row.state[1:17] == row.key_id.bytes
        assert row.subject == (client.id if row.record_class in {"journal", "identity"} else None)
    assert {row.topic for row in rows} == {"client.1", "identity.1", "access.2", "audit.2"}


def test_the_audit_entry_lies_in_the_stream_of_the_request(kit):
    call = a_call()
    session = a_session()
    entry = AuditEntry(action="session.record", client_id=session.client_id, resources=(session.id,))
    kit.ledger.save(call, entry, session)
    (audit,) = kit.audit()
    assert (audit.originator_id, audit.originator_version) == (call.request_id, 1)
    assert audit.actor_id == call.actor.id
    assert (audit.action, audit.client_id, audit.resources) == ("session.record", session.client_id, (session.id,))
    assert audit.outcome == Outcome.ALLOWED


def test_entries_of_one_request_are_numbered_on(kit):
    call = a_call()
    kit.ledger.note(call, AuditEntry(action="a"), AuditEntry(action="b"))
    kit.ledger.save(call, AuditEntry(action="c"), a_session())
    kit.ledger.note(call, AuditEntry(action="d"))
    assert [(event.action, event.originator_version) for event in kit.audit()] == [
        ("a", 1),
        ("b", 2),
        ("c", 3),
        ("d", 4),
    ]


def test_entries_are_numbered_on_by_another_process_of_the_same_request(kit):
    call = a_call()
    kit.ledger.note(call, AuditEntry(action="first"))
    other = type(kit).on(kit.databases)
    other.ledger.note(call, AuditEntry(action="second"))
    kit.ledger.note(call, AuditEntry(action="third"))
    other.recorder.close()
    assert [(event.action, event.originator_version) for event in kit.audit()] == [
        ("first", 1),
        ("second", 2),
        ("third", 3),
    ]


def test_threads_of_one_request_lose_no_entry(kit):
    call, together = a_call(), Barrier(6)

    def note(number):
        together.wait()
        kit.ledger.note(call, AuditEntry(action=f"n{number}"))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(note, range(6)))
    assert sorted(event.originator_version for event in kit.audit()) == [1, 2, 3, 4, 5, 6]
    assert {event.action for event in kit.audit()} == {f"n{number}" for number in range(6)}


def test_a_note_of_nothing_is_refused(kit):
    with pytest.raises(ValueError, match="nothing to note"):
        kit.ledger.note(a_call())


def test_the_loser_of_a_race_is_told_and_writes_nothing(kit):
    session = a_session()
    kit.save(session)
    mine, theirs = (kit.store(Session).get(session.id) for _ in range(2))
    mine.amend(at=AT, by=session.author_id, content=a_content(summary="mine"))
    theirs.amend(at=AT, by=session.author_id, content=a_content(summary="theirs"))
    kit.save(mine)
    before = kit.recorder.last_position()
    with pytest.raises(StaleVersion):
        kit.save(theirs)
    assert kit.recorder.last_position() == before
    assert kit.store(Session).get(session.id).content.summary == "mine"


def test_pending_events_stay_with_the_aggregate_until_they_are_stored(kit):
    session = a_session()
    kit.databases.keys.dispose()
    with kit.databases.keys.begin() as connection:
        connection.execute(text("ALTER TABLE keys RENAME TO keys_away"))
    with pytest.raises(Exception, match="database"):
        kit.save(session)
    assert len(session.pending_events) == 1
    with kit.databases.keys.begin() as connection:
        connection.execute(text("ALTER TABLE keys_away RENAME TO keys"))
    kit.save(session)
    assert not session.pending_events
    assert kit.store(Session).get(session.id) == session


def test_several_aggregates_are_stored_together_or_not_at_all(kit):
    session = a_session()
    kit.save(session)
    stale = kit.store(Session).get(session.id)
    session.sign(at=AT, by=session.author_id)
    kit.save(session)
    stale.sign(at=AT, by=session.author_id)
    fresh = a_client()
    with pytest.raises(StaleVersion):
        kit.save(fresh, stale)
    with pytest.raises(ClientNotFound):
        kit.store(Client).get(fresh.id)
    assert not kit.state.client_exists(fresh.id)


def test_a_repeated_command_is_answered_and_not_carried_out_again(kit):
    command = Command(id=uuid4(), fingerprint=b"f" * 32, status=201, location="/v1/sessions/1")
    first = a_session()
    receipt = kit.save(first, call=a_call(command=command))
    assert not receipt.replayed
    again = a_session()
    repeated = kit.save(again, call=a_call(command=command))
    assert repeated.replayed
    assert (repeated.position, repeated.version, repeated.resource_id) == (receipt.position, 1, first.id)
    assert (repeated.status, repeated.location) == (201, "/v1/sessions/1")
    assert kit.ledger.replay(a_call(command=command)) == repeated
    with pytest.raises(SessionNotFound):
        kit.store(Session).get(again.id)


def test_a_command_id_with_another_request_behind_it_is_refused(kit):
    kit.save(a_session(), call=a_call(command=Command(id=(key := uuid4()), fingerprint=b"a" * 32)))
    other = a_call(command=Command(id=key, fingerprint=b"b" * 32))
    with pytest.raises(IdempotencyKeyReused):
        kit.save(a_session(), call=other)
    with pytest.raises(IdempotencyKeyReused):
        kit.ledger.replay(other)


def test_what_was_not_carried_out_has_no_receipt(kit):
    assert kit.ledger.replay(a_call()) is None
    assert kit.ledger.replay(a_call(command=Command(id=uuid4()))) is None


def test_notes_are_written_beside_the_command_of_their_call(kit):
    call = a_call(command=Command(id=uuid4(), fingerprint=b"f" * 32))
    kit.ledger.note(call, AuditEntry(action="denied"))
    assert not kit.save(a_session(), call=call).replayed
    kit.ledger.note(call, AuditEntry(action="read"))
    assert [event.action for event in kit.audit()] == ["denied", "test.save", "read"]


def test_two_accounts_with_one_login_are_never_both_created(kit):
    together = Barrier(4)

    def create(_):
        account = an_account()
        together.wait()
        try:
            kit.save(account)
        except LoginTaken:
            return None
        return account.id

    with ThreadPoolExecutor(4) as pool:
        created = [each for each in pool.map(create, range(4)) if each]
    assert len(created) == 1
    assert kit.state.account_by_login("ida@clinic.example").id == created[0]
    assert len(kit.audit()) == 1


def fence(kit, client_id):
    with kit.databases.events.begin() as connection:
        statement = text("INSERT INTO fences (subject, position, reason) VALUES (:subject, 1, 'erasure')")
        subject = client_id.hex if kit.databases.events.dialect.name == "sqlite" else client_id
        connection.execute(statement, {"subject": subject})


def test_a_fenced_client_is_neither_written_nor_read(kit):
    session = a_session()
    kit.save(session)
    fence(kit, session.client_id)
    with pytest.raises(Erased):
        kit.store(Session).get(session.id)
    session.sign(at=AT, by=session.author_id)
    with pytest.raises(Erased):
        kit.save(session)
    with pytest.raises(Erased):
        kit.save(a_session(session.client_id))


def test_what_happened_to_a_fenced_client_can_still_be_audited(kit):
    session = a_session()
    kit.save(session)
    fence(kit, session.client_id)
    kit.ledger.note(a_call(), AuditEntry(action="client.read", client_id=session.client_id, outcome=Outcome.DENIED))
    assert kit.audit()[-1].client_id == session.client_id


def destroy_keys(kit, owner):
    with kit.databases.keys.begin() as connection:
        statement = text("UPDATE keys SET wrapped = NULL, destroyed_at_us = 1 WHERE owner = :owner")
        connection.execute(statement, {"owner": owner.hex if kit.databases.keys.dialect.name == "sqlite" else owner})
    kit.ring.forget(owner)


def test_events_of_an_erased_client_become_tombstones_and_readers_go_on(kit):
    gone, stays = a_session(), a_session()
    kit.save(gone)
    kit.save(stays)
    destroy_keys(kit, gone.client_id)
    events = kit.events()
    assert isinstance(events[0], Tombstone)
    assert (events[0].loss, events[0].subject, events[0].position) == (Loss.ERASED, gone.client_id, 1)
    assert [getattr(event, "KIND", "") for event in events[1:]] == ["audit.entry", "session.recorded", "audit.entry"]
    with pytest.raises(Erased):
        kit.store(Session).get(gone.id)
    with pytest.raises(Erased):
        kit.save(a_session(gone.client_id))
    assert kit.store(Session).get(stays.id) == stays


def test_a_stream_is_only_what_its_own_store_finds(kit):
    session, account = a_session(), an_account()
    kit.save(session, account)
    with pytest.raises(SessionNotFound):
        kit.store(Session).get(account.id)
    with pytest.raises(ClientNotFound):
        kit.store(Client).get(session.id)
    with pytest.raises(SessionNotFound):
        kit.store(Session).get(uuid4())


def test_a_long_stream_is_only_what_its_own_store_finds_snapshots_included(kit):
    session = a_session()
    for number in range(8):
        session.amend(at=AT, by=session.author_id, content=a_content(summary=f"draft {number}"))
    kit.save(session)
    kit.store(Session, snapshot_after=3).get(session.id)
    with pytest.raises(AppointmentNotFound):
        kit.store(Appointment, snapshot_after=3).get(session.id)
    assert type(kit.store(Session, snapshot_after=3).get(session.id)) is Session


def test_a_record_without_a_seal_is_never_taken_for_an_event_of_a_stream(kit):
    """Who can write rows can write unsealed ones under any stream; nobody may be shown a state that they made."""
    session = a_session()
    kit.save(session)
    for stream, version in ((session.id, 2), (uuid4(), 1)):
        record = SystemRecord(
            originator_id=stream, originator_version=version, timestamp=AT, kind="session.amended", facts={}
        )
        kit.recorder.append(Append(rows=[kit.mapper.to_row(record)], command=CommandRow(id=uuid4())))
        with pytest.raises(SealBroken):
            kit.store(Session).get(stream)


def test_a_long_stream_is_read_from_a_snapshot_that_is_sealed(kit):
    account = an_account()
    kit.save(account)
    for number in range(7):
        account.fail_sign_in(at=AT, lock_after=3, locked_until=AT + timedelta(minutes=number))
        kit.save(account)
    store = kit.store(Account, snapshot_after=5)
    assert store.get(account.id) == account
    with kit.databases.events.connect() as connection:
        (row,) = connection.execute(text("SELECT version, state, topic FROM snapshots")).all()
    assert row.version == account.version
    assert b"ida@clinic" not in bytes(row.state)
    account.unlock(at=AT, by=uuid4())
    kit.save(account)
    again = store.get(account.id)
    assert again == account
    assert type(again.role) is type(account.role)


def test_an_altered_snapshot_is_passed_over(kit):
    session = a_session()
    for number in range(8):
        session.amend(at=AT, by=session.author_id, content=a_content(summary=f"draft {number}"))
    kit.save(session)
    store = kit.store(Session, snapshot_after=3)
    store.get(session.id)
    with kit.databases.events.begin() as connection:
        state = bytearray(connection.execute(text("SELECT state FROM snapshots")).scalar_one())
        state[-1] ^= 1
        connection.execute(text("UPDATE snapshots SET state = :state"), {"state": bytes(state)})
    assert store.get(session.id) == session


def test_keys_that_cannot_be_reached_stop_the_write_before_anything_is_stored(kit, monkeypatch):
    def down(*_):
        raise KeysUnavailable

    monkeypatch.setattr(kit.ring.book, "newest", down)
    with pytest.raises(KeysUnavailable):
        kit.save(a_session())
    assert kit.recorder.last_position() == 0
