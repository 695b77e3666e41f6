"""The change feed and single events, in memory and on both databases."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert

from adapters.event_store.feed import SqlChangeFeed, SqlEventReader
from adapters.event_store.rows import Append, CommandRow, NewRow
from adapters.event_store.tables import fences
from adapters.memory.feed import InMemoryFeed
from adapters.memory.ledger import InMemoryLedger, InMemoryLog
from domain.model.client import Client
from domain.model.identity import Identity
from domain.model.note import Note
from domain.ports.feed import ChangeFeed, EventReader, PositionAhead
from domain.ports.ledger import Ledger
from tests.contracts.ledger_contract import new_account
from tests.contracts.samples import NOW, actor, call_by, entry, identity, new_session
from tests.seal.kit import Kit
from tests.seal.test_ledger import destroy_keys


@dataclass(kw_only=True)
class World:
    ledger: Ledger
    feed: ChangeFeed
    reader: EventReader
    fence: Callable[[UUID], None]

    def save(self, *aggregates: Any) -> int:
        return self.ledger.save(call_by(actor()), entry(), *aggregates).position


def on_memory() -> World:
    log = InMemoryLog()
    feed = InMemoryFeed(log)
    return World(ledger=InMemoryLedger(log), feed=feed, reader=feed, fence=log.fences.add)


def on_sql(kit: Kit) -> World:
    def fence(client_id):
        with kit.databases.events.begin() as connection:
            connection.execute(insert(fences).values(subject=client_id, position=0, reason="test"))

    engine = kit.databases.events
    return World(
        ledger=kit.ledger,
        feed=SqlChangeFeed(engine, kit.recorder, kit.mapper),
        reader=SqlEventReader(engine, kit.recorder, kit.mapper),
        fence=fence,
    )


@pytest.fixture
def kit(databases):
    kit = Kit.on(databases)
    yield kit
    kit.recorder.close()


class FeedContract:
    @pytest.fixture
    def world(self) -> World:
        raise NotImplementedError

    def test_changes_of_records_come_in_order_and_all_else_is_passed_over(self, world):
        world.save(new_account())
        client = Client.register(uuid4(), at=NOW, by=uuid4())
        session = new_session(client.id)
        world.save(client, Identity.record(client.id, at=NOW, by=uuid4(), content=identity()), session)
        end = world.ledger.note(call_by(actor()), entry("session.read"))

        changes = world.feed.changes(0, 100)

        assert [(one.kind, one.resource_id, one.version) for one in changes.items] == [
            ("client.registered", client.id, 1),
            ("client.care_team_joined", client.id, 2),
            ("identity.recorded", Identity.stream_of(client.id), 1),
            ("session.recorded", session.id, 1),
        ]
        assert {one.client_id for one in changes.items} == {client.id}
        assert [one.position for one in changes.items] == sorted(one.position for one in changes.items)
        assert (changes.scanned, changes.more) == (end, False)

    def test_a_reader_that_goes_on_from_where_it_was_misses_nothing_and_sees_nothing_twice(self, world):
        sessions = [new_session() for _ in range(7)]
        for session in sessions:
            world.save(session)
            world.ledger.note(call_by(actor()), entry("session.read"))
        seen, after = [], 0
        while True:
            page = world.feed.changes(after, 3)
            assert len(page.items) <= 3
            seen += [one.resource_id for one in page.items]
            after = page.scanned
            if not page.more:
                break
        assert seen == [session.id for session in sessions]
        assert world.feed.changes(after, 3).items == ()
        newest = new_session()
        world.save(newest)
        assert [one.resource_id for one in world.feed.changes(after, 3).items] == [newest.id]

    def test_a_psychotherapy_note_is_told_of_as_any_record_and_not_opened(self, world):
        note = Note.write(uuid4(), at=NOW, client_id=uuid4(), by=uuid4(), text="Mine alone.")
        position = world.save(note) - 1
        assert [(one.kind, one.resource_id) for one in world.feed.changes(0, 10).items] == [("record", note.id)]
        event = world.reader.event(position)
        assert (event.kind, event.data, event.record_class) == (None, None, "notes")

    def test_a_feed_without_news_moves_on_all_the_same(self, world):
        end = [world.ledger.note(call_by(actor()), entry("session.read")) for _ in range(5)][-1]
        changes = world.feed.changes(0, 1)
        assert (changes.items, changes.scanned, changes.more) == ((), end, False)

    def test_a_position_that_was_never_reached_is_refused(self, world):
        end = world.save(new_session())
        assert world.feed.changes(end, 10).items == ()
        with pytest.raises(PositionAhead) as refused:
            world.feed.changes(end + 1, 10)
        assert refused.value.facts == {"after": str(end + 1), "last": str(end)}

    def test_an_empty_log_has_no_changes(self, world):
        changes = world.feed.changes(0, 10)
        assert (changes.items, changes.scanned, changes.more) == ((), 0, False)

    def test_what_happened_to_a_client_under_erasure_keeps_its_place_and_loses_its_kind(self, world):
        gone, stays = new_session(), new_session()
        world.save(gone)
        world.save(stays)
        world.fence(gone.client_id)
        told = [(one.resource_id, one.kind) for one in world.feed.changes(0, 10).items]
        assert told == [(gone.id, None), (stays.id, "session.recorded")]

    def test_one_event_is_read_with_its_place_its_kind_and_its_fields(self, world):
        session = new_session()
        end = world.save(session)
        event = world.reader.event(end - 1)
        assert (event.position, event.kind, event.resource_id, event.version) == (
            end - 1,
            "session.recorded",
            session.id,
            1,
        )
        assert event.client_id == session.client_id
        assert event.happened_at == NOW
        assert event.data["content"]["summary"] == "Spoke about the week."
        assert not {"kind", "at"} & set(event.data)

    def test_an_event_of_a_client_under_erasure_is_told_of_and_not_opened(self, world):
        session = new_session()
        end = world.save(session)
        world.fence(session.client_id)
        event = world.reader.event(end - 1)
        assert (event.client_id, event.kind, event.data) == (session.client_id, None, None)

    @pytest.mark.parametrize("position", [-1, 0, 999])
    def test_where_nothing_lies_nothing_is_read(self, world, position):
        world.save(new_session())
        assert world.reader.event(position) is None


class TestInMemory(FeedContract):
    @pytest.fixture
    def world(self):
        return on_memory()


class TestSql(FeedContract):
    @pytest.fixture
    def world(self, kit):
        return on_sql(kit)


def test_a_page_ends_where_long_states_would_fill_the_memory_and_the_next_goes_on_there(kit, monkeypatch):
    world = on_sql(kit)
    sessions = [new_session() for _ in range(40)]
    for session in sessions:
        world.save(session)
    read = []
    rows_of = kit.recorder.select_notifications

    def counted(*args, **kwargs):
        read.append(rows := rows_of(*args, **kwargs))
        return rows

    monkeypatch.setattr(kit.recorder, "select_notifications", counted)
    whole = world.feed.changes(0, 1000)
    assert [one.resource_id for one in whole.items] == [session.id for session in sessions]
    assert max(map(len, read)) < 40

    monkeypatch.setattr("adapters.event_store.feed.BYTES_MOST", 1)
    seen, after, more = [], 0, True
    while more:
        page = world.feed.changes(after, 1000)
        assert len(page.items) < 40
        seen += page.items
        after, more = page.scanned, page.more
    assert seen == list(whole.items)
    assert after == whole.scanned


def test_events_whose_keys_were_destroyed_keep_their_place(kit):
    world = on_sql(kit)
    gone, stays = new_session(), new_session()
    end = world.save(gone)
    world.save(stays)
    destroy_keys(kit, gone.client_id)
    assert [one.kind for one in world.feed.changes(0, 10).items] == [None, "session.recorded"]
    event = world.reader.event(end - 1)
    assert (event.kind, event.data, len(event.leaf)) == (None, None, 32)


def test_one_state_that_cannot_be_opened_does_not_keep_all_others_from_being_told(kit):
    world = on_sql(kit)
    damaged = NewRow(
        stream=uuid4(), version=1, topic="record.1", state=bytes(100), state_hash=sha256(bytes(100)).digest()
    )
    kit.recorder.append(Append(rows=(damaged,), command=CommandRow(id=uuid4())))
    world.save(session := new_session())
    told = [(one.resource_id, one.kind) for one in world.feed.changes(0, 10).items]
    assert told == [(damaged.stream, "record"), (session.id, "session.recorded")]


def test_an_event_carries_its_leaf_and_its_class(kit):
    world = on_sql(kit)
    end = world.save(new_session())
    event = world.reader.event(end - 1)
    assert event.leaf == kit.rows()[end - 2].leaf
    assert event.record_class == "journal"
    audit = world.reader.event(end)
    assert (audit.kind, audit.record_class, audit.data["action"]) == ("audit.entry", "audit", "session.record")


def test_one_call_passes_over_a_bounded_part_of_the_log(kit, monkeypatch):
    monkeypatch.setattr("adapters.event_store.feed.SCAN_MOST", 4)
    world = on_sql(kit)
    for _ in range(6):
        world.ledger.note(call_by(actor()), entry("session.read"))
    end = world.save(session := new_session())
    first = world.feed.changes(0, 10)
    assert (first.items, first.scanned, first.more) == ((), 4, True)
    second = world.feed.changes(first.scanned, 10)
    assert [one.resource_id for one in second.items] == [session.id]
    assert (second.scanned, second.more) == (end, False)
