"""What start-up finds out about the key database, and what is tidied."""

from uuid import uuid4

import pytest
from sqlalchemy import delete, select

from adapters.event_store.rows import StoredRow
from adapters.keys.checks import ORPHAN_AGE_US, check_keys, sweep_orphans
from adapters.keys.errors import KeysOlderThanEvents
from adapters.keys.tables import keys
from domain.ports.keys import RecordClass
from tests.seal.kit import Kit, a_session, an_account, ring_on

NOW_US = 1_772_000_000_000_000


def row_of(position, key_id):
    return StoredRow(
        id=position, originator_id=uuid4(), originator_version=1, topic="record.1", state=b"", key_id=key_id
    )


@pytest.fixture
def kit(databases):
    made = Kit.on(databases)
    yield made
    made.recorder.close()


def test_keys_that_are_as_new_as_the_events_pass(kit):
    check_keys(kit.ring.book, kit.recorder)
    for _ in range(3):
        kit.save(a_session())
    check_keys(kit.ring.book, kit.recorder)


def test_an_older_key_database_is_refused_with_how_much_is_missing(kit):
    kit.save(a_session())
    kit.save(lost := a_session())
    kit.save(a_session(lost.client_id))
    with kit.databases.keys.begin() as connection:
        connection.execute(delete(keys).where(keys.c.owner == lost.client_id))
    with pytest.raises(KeysOlderThanEvents) as caught:
        check_keys(kit.ring.book, kit.recorder)
    assert caught.value.facts["missing_keys"] == "1"
    assert caught.value.facts["events_under_them"] == "2"
    assert "back-up of the key database" in caught.value.hint


def test_an_empty_key_database_beside_events_is_refused(kit):
    kit.save(a_session())
    with kit.databases.keys.begin() as connection:
        connection.execute(delete(keys))
    with pytest.raises(KeysOlderThanEvents):
        check_keys(kit.ring.book, kit.recorder)


def test_a_key_database_without_its_mac_key_is_refused_because_a_new_one_would_find_nobody(kit):
    kit.save(an_account())
    with kit.databases.keys.begin() as connection:
        connection.execute(delete(keys).where(keys.c.key_class == RecordClass.MAC))
    with pytest.raises(KeysOlderThanEvents):
        check_keys(kit.ring.book, kit.recorder)


def test_destroyed_keys_are_not_missing_ones(kit):
    kit.save(gone := a_session())
    with kit.databases.keys.begin() as connection:
        connection.execute(keys.update().where(keys.c.owner == gone.client_id).values(wrapped=None, destroyed_at_us=1))
    check_keys(kit.ring.book, kit.recorder)


def test_only_the_newest_events_are_looked_at(kit):
    kit.save(old := a_session())
    for _ in range(3):
        kit.save(a_session())
    with kit.databases.keys.begin() as connection:
        connection.execute(delete(keys).where(keys.c.owner == old.client_id))
    check_keys(kit.ring.book, kit.recorder, newest=6)
    with pytest.raises(KeysOlderThanEvents):
        check_keys(kit.ring.book, kit.recorder, newest=8)


# Orphans


def owners(engine):
    with engine.connect() as connection:
        return set(connection.execute(select(keys.c.owner)).scalars())


def test_keys_of_clients_without_events_go_once_they_are_old(keys_engine):
    clock = {"us": NOW_US}
    ring = ring_on(keys_engine, now_us=lambda: clock["us"])
    orphan, known, young = uuid4(), uuid4(), uuid4()
    ring.key_id(None, RecordClass.AUDIT)
    for client in (orphan, known):
        for each in (RecordClass.JOURNAL, RecordClass.NOTES):
            ring.key_id(client, each)
    clock["us"] += ORPHAN_AGE_US + 1
    ring.key_id(young, RecordClass.JOURNAL)
    before = owners(keys_engine)
    removed = sweep_orphans(ring.book, lambda client: client == known, now_us=clock["us"])
    assert removed == 4
    assert owners(keys_engine) == before - {orphan}


def test_a_client_that_gets_a_newer_key_is_not_swept(keys_engine):
    clock = {"us": NOW_US}
    ring = ring_on(keys_engine, now_us=lambda: clock["us"])
    client = uuid4()
    ring.key_id(client, RecordClass.JOURNAL)
    clock["us"] += ORPHAN_AGE_US + 1
    ring.key_id(client, RecordClass.MEASURES)
    assert sweep_orphans(ring.book, lambda _: False, now_us=clock["us"]) == 0


@pytest.mark.parametrize("record_class", [RecordClass.JOURNAL, RecordClass.MEASURES])
def test_a_process_that_begins_to_use_the_keys_during_the_sweep_keeps_them(keys_engine, record_class):
    clock = {"us": NOW_US}
    ring = ring_on(keys_engine, now_us=lambda: clock["us"])
    client = uuid4()
    ring.key_id(client, RecordClass.JOURNAL)
    clock["us"] += ORPHAN_AGE_US + 1
    other = ring_on(keys_engine, now_us=lambda: clock["us"])

    def registered_just_now(_):
        other.key_id(client, record_class)
        return False

    assert sweep_orphans(ring.book, registered_just_now, now_us=clock["us"]) == 0
    assert client in owners(keys_engine)


def test_young_keys_are_nobodys_orphans(keys_engine):
    ring = ring_on(keys_engine)
    with pytest.raises(ValueError, match="two hours"):
        sweep_orphans(ring.book, lambda _: False, now_us=NOW_US, older_than_us=60_000_000)
