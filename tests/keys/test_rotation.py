"""Roots, client keys and data keys are replaced: what was sealed stays readable, and the old key opens nothing more."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from adapters.db.engines import open_database
from adapters.keys.book import ORGANISATION, KeyBook
from adapters.keys.destruction import KeyDestruction
from adapters.keys.errors import (
    KeyKindRefused,
    NotesRootNotLoaded,
    RootKeyDestroyed,
    RootKeyNotHeld,
    RootKeySucceeded,
    RootKeyWrong,
    RootRotationRefused,
)
from adapters.keys.ring import KeyLimits, hierarchy_on
from adapters.keys.root_book import RootBook, RootState
from adapters.keys.root_file import FileRootKey
from adapters.keys.rotation import Rotation
from adapters.keys.tables import keys, metadata
from domain.errors import Erased, SealBroken
from domain.ports.keys import RecordClass
from tests.seal.kit import DEPLOYMENT, NOTES_ROOT, ROOT, ring_on

NEXT = FileRootKey(bytes(range(64, 96)))
NEXT_NOTES = FileRootKey(bytes(range(96, 128)))
CLIENT = UUID("7b6b1e0a-55a3-4ad6-8f4d-7c9a3f6f0c11")
OF_CLIENTS = [each for each in RecordClass if not each.of_organisation]
SEALING = [each for each in RecordClass if each not in (RecordClass.MAC, RecordClass.TOKEN)]
BOTH, BOTH_NOTES = (ROOT, NEXT), (NOTES_ROOT, NEXT_NOTES)


def now_us():
    return time.time_ns() // 1000


def rotation_on(engine, root=BOTH, notes_root=BOTH_NOTES):
    hierarchy = hierarchy_on(KeyBook(engine), DEPLOYMENT, root, notes_root, now_us)
    hierarchy.enrol_roots()
    return Rotation(hierarchy, now_us)


def both_ring(engine, **options):
    return ring_on(engine, root=BOTH, notes_root=BOTH_NOTES, **options)


def sealed_by(ring, owners=(CLIENT,)):
    """Something under every class: (sealed, plaintext) pairs."""
    pairs = []
    for owner in owners:
        for each in SEALING:
            text = f"{owner} {each}".encode()
            key_id = ring.key_id(None if each.of_organisation else owner, each)
            pairs.append((ring.seal(key_id, text, b"context"), text))
    return pairs


def assert_opens(ring, pairs):
    assert [ring.open(sealed, b"context") for sealed, _ in pairs] == [text for _, text in pairs]


def rotate_root(rotation, purpose="main", successor=NEXT):
    rotation.begin_root(purpose, successor)
    for old in rotation.succeeded(purpose):
        moved = rotation.move(old)
        assert moved.broken == []
        assert rotation.retire(old)


def living_under(engine, wrapped_by):
    query = select(func.count()).where(keys.c.wrapped_by == wrapped_by, keys.c.wrapped.is_not(None))
    with engine.connect() as connection:
        return connection.execute(query).scalar_one()


def rows(engine, **where):
    query = select(keys).order_by(keys.c.epoch)
    for name, value in where.items():
        query = query.where(keys.c[name] == value)
    with engine.connect() as connection:
        return connection.execute(query).all()


def state_of(engine, root):
    return next(row.state for row in RootBook(engine).all() if row.generation == root.generation)


# Roots


def test_after_a_root_rotation_everything_opens_under_the_new_roots_alone(keys_engine):
    pairs = sealed_by(ring_on(keys_engine), [CLIENT, uuid4()])
    named = ring_on(keys_engine).mac("name", b"Larsson")
    rotation = rotation_on(keys_engine)
    rotate_root(rotation)
    rotate_root(rotation, "notes", NEXT_NOTES)
    assert living_under(keys_engine, ROOT.generation) == living_under(keys_engine, NOTES_ROOT.generation) == 0
    alone = ring_on(keys_engine, root=NEXT, notes_root=NEXT_NOTES)
    assert_opens(alone, pairs)
    assert alone.mac("name", b"Larsson") == named
    assert_opens(alone, sealed_by(alone, [uuid4()]))


def test_what_the_old_root_alone_may_do_ends_with_the_rotation(keys_engine):
    pairs = sealed_by(ring_on(keys_engine))
    rotate_root(rotation_on(keys_engine))
    with pytest.raises(RootKeySucceeded):
        ring_on(keys_engine)
    # A copy of the key database from before still opens, until nobody holds the old root.
    assert state_of(keys_engine, ROOT) is RootState.RETIRED
    assert_opens(both_ring(keys_engine), pairs)
    assert RootBook(keys_engine).destroy(ROOT.generation, 1)
    with pytest.raises(RootKeyDestroyed):
        both_ring(keys_engine)
    assert_opens(ring_on(keys_engine, root=NEXT), pairs)


def test_a_process_that_began_before_the_rotation_goes_on_when_it_holds_both_roots(keys_engine):
    old = both_ring(keys_engine, limits=KeyLimits(cached_s=0))
    pairs = sealed_by(old)
    rotation = rotation_on(keys_engine)
    rotation.begin_root("main", NEXT)
    # Succeeded, nothing moved yet: both open, new keys hang from the new one.
    assert_opens(old, pairs)
    stranger = uuid4()
    more = sealed_by(old, [stranger])
    assert {row.wrapped_by for row in rows(keys_engine, owner=stranger, key_class="client")} == {NEXT.generation}
    for each in rotation.succeeded("main"):
        rotation.move(each)
        assert rotation.retire(each)
    assert_opens(old, pairs + more)


def test_a_process_without_the_new_root_says_so_and_loses_nothing(keys_engine):
    old = ring_on(keys_engine, limits=KeyLimits(cached_s=0))
    pairs = sealed_by(old)
    rotate_root(rotation_on(keys_engine))
    with pytest.raises(RootKeyNotHeld):
        old.open(pairs[0][0], b"context")
    with pytest.raises(RootKeyNotHeld):
        old.key_id(uuid4(), RecordClass.JOURNAL)
    assert_opens(both_ring(keys_engine), pairs)


def test_a_waiting_successor_changes_nothing_until_it_is_asked_to_take_over(keys_engine):
    sealed_by(both_ring(keys_engine))
    assert living_under(keys_engine, NEXT.generation) == 0
    assert [row.generation for row in RootBook(keys_engine).all("main")] == [ROOT.generation]


def test_an_interrupted_rotation_goes_on_where_it_stopped(keys_engine, monkeypatch):
    monkeypatch.setattr("adapters.keys.rotation.BATCH", 2)
    pairs = sealed_by(ring_on(keys_engine), [uuid4() for _ in range(6)])
    rotation = rotation_on(keys_engine)
    rotation.begin_root("main", NEXT)

    class Interrupted(Exception):
        pass

    def stop(_count):
        raise Interrupted

    (old,) = rotation.succeeded("main")
    for left in (9, 7):
        assert rotation.hanging(old) == left
        with pytest.raises(Interrupted):
            rotation.move(old, stop)
        assert not rotation.retire(old)
        assert_opens(both_ring(keys_engine), pairs)
    again = rotation_on(keys_engine)
    rotate_root(again)
    assert_opens(ring_on(keys_engine, root=NEXT), pairs)


def test_a_root_that_served_before_does_not_come_back(keys_engine):
    ring_on(keys_engine)
    rotation = rotation_on(keys_engine)
    rotate_root(rotation)
    with pytest.raises(RootRotationRefused):
        rotation.begin_root("main", ROOT)
    rotation.begin_root("main", NEXT)  # is current already: nothing to do
    assert rotation.succeeded("main") == []


def test_a_root_cannot_be_replaced_by_who_does_not_hold_it(keys_engine):
    ring_on(keys_engine)
    with pytest.raises(RootKeyWrong):
        rotation_on(keys_engine, root=NEXT)
    assert state_of(keys_engine, ROOT) is RootState.CURRENT


def test_a_root_is_not_declared_destroyed_while_keys_hang_from_it(keys_engine):
    sealed_by(ring_on(keys_engine))
    book = RootBook(keys_engine)
    assert not book.destroy(ROOT.generation, 1)
    rotation = rotation_on(keys_engine)
    rotation.begin_root("main", NEXT)
    assert not book.retire(ROOT.generation, 1)
    assert not book.destroy(ROOT.generation, 1)


def test_two_rotations_at_once_agree_on_one_successor(keys_engine):
    pairs = sealed_by(ring_on(keys_engine), [uuid4() for _ in range(10)])
    another = FileRootKey(bytes(range(128, 160)))
    rotations = [rotation_on(keys_engine, root=(ROOT, NEXT, another)) for _ in range(4)]

    def rotate(rotation, successor):
        rotation.begin_root("main", successor)
        return [rotation.move(old).broken for old in rotation.succeeded("main")]

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(rotate, *job) for job in zip(rotations, (NEXT, another, NEXT, another), strict=True)]
        outcomes = [future.exception() for future in done]
    # One after the other they may replace each other's successor; nobody's may be lost or come back.
    assert all(error is None or isinstance(error, RootRotationRefused) for error in outcomes)
    assert sum(row.state is RootState.CURRENT for row in RootBook(keys_engine).all("main")) == 1
    assert_opens(ring_on(keys_engine, root=(ROOT, NEXT, another)), pairs)


def test_a_damaged_key_stays_where_it_is_is_named_and_keeps_the_old_root(keys_engine):
    pairs = sealed_by(ring_on(keys_engine))
    (damaged,) = rows(keys_engine, key_class="cursor")
    with keys_engine.begin() as connection:
        connection.execute(update(keys).where(keys.c.id == damaged.id).values(wrapped=bytes(61)))
    rotation = rotation_on(keys_engine)
    rotation.begin_root("main", NEXT)
    (old,) = rotation.succeeded("main")
    assert rotation.move(old).broken == [damaged.id]
    assert not rotation.retire(old)
    assert_opens(both_ring(keys_engine), [pair for pair in pairs if pair[0][1:17] != damaged.id.bytes])


def test_a_key_destroyed_while_the_root_is_replaced_stays_destroyed(keys_engine):
    sealed_by(ring_on(keys_engine))
    rotation = rotation_on(keys_engine)
    rotation.begin_root("main", NEXT)
    (old,) = rotation.succeeded("main")
    again = rotation._again

    def destroyed_meanwhile(row, *rest):
        wrapped = again(row, *rest)
        with keys_engine.begin() as connection:
            connection.execute(update(keys).where(keys.c.id == row.id).values(wrapped=None, destroyed_at_us=1))
        return wrapped

    rotation._again = destroyed_meanwhile
    rotation.move(old)
    assert living_under(keys_engine, NEXT.generation) == 0


def test_writers_go_on_while_both_roots_and_all_client_keys_are_replaced(keys_engine, monkeypatch):
    monkeypatch.setattr("adapters.keys.rotation.BATCH", 5)
    owners = [uuid4() for _ in range(8)]
    ring = both_ring(keys_engine, limits=KeyLimits(cached_s=0.001))
    before = sealed_by(ring, owners)
    written, going = [], [True]

    def write(number):
        while going[0]:
            pairs = sealed_by(ring, [owners[number], uuid4()])
            assert_opens(ring, pairs)
            written.extend(pairs)

    with ThreadPoolExecutor(3) as pool:
        writing = [pool.submit(write, number) for number in range(3)]
        try:
            rotation = rotation_on(keys_engine)
            rotate_root(rotation)
            rotate_root(rotation, "notes", NEXT_NOTES)
            for owner in owners:
                rotation.client(owner)
        finally:
            going[0] = False
        for each in writing:
            each.result()
    assert living_under(keys_engine, ROOT.generation) == living_under(keys_engine, NOTES_ROOT.generation) == 0
    assert_opens(ring_on(keys_engine, root=NEXT, notes_root=NEXT_NOTES), before + written)


# Clients


def test_a_client_key_is_replaced_and_its_history_reads_on(keys_engine):
    ring = ring_on(keys_engine)
    stranger = uuid4()
    pairs = sealed_by(ring, [CLIENT, stranger])
    before = {row.id: row for row in rows(keys_engine, owner=CLIENT)}
    assert rotation_on(keys_engine).client(CLIENT) == len(OF_CLIENTS)
    for name in ("client", "client-notes"):
        old, new = rows(keys_engine, owner=CLIENT, key_class=name)
        assert old.wrapped is None
        assert old.destroyed_at_us is not None
        assert (new.epoch, new.destroyed_at_us) == (2, None)
        assert living_under(keys_engine, old.id.hex) == 0
    for row in rows(keys_engine, owner=CLIENT):
        if row.key_class not in ("client", "client-notes"):  # the same key in the same place, under another wrapping
            was = before[row.id]
            assert (row.epoch, row.created_at_us, row.reserved) == (was.epoch, was.created_at_us, was.reserved)
            assert row.wrapped != was.wrapped
    assert_opens(ring_on(keys_engine), pairs)
    assert_opens(ring, sealed_by(ring, [CLIENT]))


def test_an_old_copy_of_a_data_key_does_not_open_after_its_client_key_was_replaced(keys_engine):
    ring = ring_on(keys_engine)
    sealed = ring.seal(ring.key_id(CLIENT, RecordClass.JOURNAL), b"private", b"context")
    (copy,) = rows(keys_engine, owner=CLIENT, key_class="journal")
    rotation_on(keys_engine).client(CLIENT)
    with keys_engine.begin() as connection:
        restored = update(keys).where(keys.c.id == copy.id)
        connection.execute(restored.values(wrapped=copy.wrapped, wrapped_by=copy.wrapped_by))
    with pytest.raises(Erased):
        ring_on(keys_engine).open(sealed, b"context")


def test_an_erased_client_gets_no_new_key_by_rotation(keys_engine):
    sealed_by(ring_on(keys_engine))
    with keys_engine.begin() as connection:
        connection.execute(update(keys).where(keys.c.owner == CLIENT).values(wrapped=None, destroyed_at_us=1))
    rotation = rotation_on(keys_engine)
    for gone in (CLIENT, uuid4()):
        with pytest.raises(Erased):
            rotation.client(gone)
    assert CLIENT not in rotation.clients()
    assert all(row.wrapped is None for row in rows(keys_engine, owner=CLIENT))


def test_without_the_notes_root_a_client_with_notes_stays_as_they_are(keys_engine):
    pairs = sealed_by(ring_on(keys_engine))
    before = rows(keys_engine, owner=CLIENT)
    with pytest.raises(NotesRootNotLoaded):
        rotation_on(keys_engine, notes_root=None).client(CLIENT)
    assert rows(keys_engine, owner=CLIENT) == before
    assert_opens(ring_on(keys_engine), pairs)


def test_a_damaged_data_key_stops_the_rotation_of_its_client_whole(keys_engine):
    sealed_by(ring_on(keys_engine))
    with keys_engine.begin() as connection:
        damaged = (keys.c.owner == CLIENT, keys.c.key_class == "measures")
        connection.execute(update(keys).where(*damaged).values(wrapped=bytes(61)))
    before = rows(keys_engine, owner=CLIENT)
    with pytest.raises(SealBroken):
        rotation_on(keys_engine).client(CLIENT)
    assert rows(keys_engine, owner=CLIENT) == before


def test_only_clients_whose_key_is_old_enough_are_named(keys_engine):
    ring_on(keys_engine, now_us=lambda: 1_000).key_id(CLIENT, RecordClass.JOURNAL)
    young = uuid4()
    ring_on(keys_engine, now_us=lambda: 2_000).key_id(young, RecordClass.JOURNAL)
    rotation = rotation_on(keys_engine)
    assert rotation.clients(1_500) == [CLIENT]
    assert set(rotation.clients()) == {CLIENT, young}
    assert ORGANISATION not in rotation.clients()
    rotation.client(CLIENT)
    assert rotation.clients(1_500) == []


def test_one_client_rotated_by_many_at_once_loses_nothing(keys_engine):
    pairs = sealed_by(ring_on(keys_engine))
    rotations = [rotation_on(keys_engine) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda rotation: rotation.client(CLIENT), rotations))
    assert_opens(ring_on(keys_engine), pairs)
    for name in ("client", "client-notes"):
        assert sum(row.wrapped is not None for row in rows(keys_engine, owner=CLIENT, key_class=name)) == 1


# Epochs


def test_a_new_epoch_is_taken_to_and_the_old_one_stays_readable(keys_engine):
    ring = ring_on(keys_engine)
    first = ring.key_id(CLIENT, RecordClass.JOURNAL)
    sealed = ring.seal(first, b"private", b"context")
    assert rotation_on(keys_engine).epoch(CLIENT, RecordClass.JOURNAL)
    assert ring.key_id(CLIENT, RecordClass.JOURNAL) == first  # for as long as keys are cached
    ring.forget(CLIENT)
    assert ring.key_id(CLIENT, RecordClass.JOURNAL) != first
    assert ring.open(sealed, b"context") == b"private"
    ring.forget(CLIENT)
    assert ring.seal(first, b"late", b"context")  # by who was given it just before


def test_a_running_process_takes_to_the_new_epoch_when_its_cache_is_over(keys_engine):
    ring = ring_on(keys_engine, limits=KeyLimits(cached_s=0))
    first = ring.key_id(CLIENT, RecordClass.JOURNAL)
    rotation_on(keys_engine).epoch(CLIENT, RecordClass.JOURNAL)
    assert ring.key_id(CLIENT, RecordClass.JOURNAL) != first


def test_there_is_no_new_epoch_of_a_class_that_was_destroyed(keys_engine):
    ring_on(keys_engine).key_id(CLIENT, RecordClass.JOURNAL)
    KeyDestruction(keys_engine).destroy_classes(CLIENT, [RecordClass.JOURNAL], 1)
    with pytest.raises(Erased):
        rotation_on(keys_engine).epoch(CLIENT, RecordClass.JOURNAL)
    assert len(rows(keys_engine, key_class="journal")) == 1


def test_there_is_no_new_epoch_of_nothing_nor_of_the_key_that_names(keys_engine):
    ring = ring_on(keys_engine)
    ring.mac("name", b"Larsson")
    rotation = rotation_on(keys_engine)
    assert not rotation.epoch(CLIENT, RecordClass.JOURNAL)
    with pytest.raises(KeyKindRefused):
        rotation.epoch(None, RecordClass.MAC)
    assert len(rows(keys_engine, key_class="mac")) == 1
    assert rows(keys_engine, key_class="journal") == []


def test_a_data_key_of_a_certain_age_is_followed_by_another(keys_engine):
    clock = [1_000]
    limits = KeyLimits(epoch_us=500)
    ring = ring_on(keys_engine, limits=limits, now_us=lambda: clock[0])
    first = ring.key_id(CLIENT, RecordClass.JOURNAL)
    named = ring.mac("name", b"Larsson")
    clock[0] = 1_499
    assert ring.key_id(CLIENT, RecordClass.JOURNAL) == first
    clock[0] = 1_500
    second = ring.key_id(CLIENT, RecordClass.JOURNAL)
    assert second != first
    assert ring.mac("name", b"Larsson") == named


def test_no_epoch_follows_a_class_that_was_destroyed_at_this_moment(keys_engine, monkeypatch):
    rotation = rotation_on(keys_engine)
    ring_on(keys_engine).key_id(CLIENT, RecordClass.JOURNAL)
    book = rotation._hierarchy.book
    create = book.create

    def destroyed_just_before(row, parent=None):
        with keys_engine.begin() as connection:
            journal = (keys.c.owner == CLIENT, keys.c.key_class == "journal")
            connection.execute(update(keys).where(*journal).values(wrapped=None, destroyed_at_us=1))
        return create(row, parent)

    monkeypatch.setattr(book, "create", destroyed_just_before)
    with pytest.raises(Erased):
        rotation.epoch(CLIENT, RecordClass.JOURNAL)
    assert len(rows(keys_engine, key_class="journal")) == 1


# Whatever the order


@settings(max_examples=30)
@given(steps=st.lists(st.sampled_from(("root", "notes", "client", "epoch", "write")), max_size=12))
def test_in_any_order_of_rotations_everything_sealed_opens(steps, tmp_path_factory):
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('order') / 'keys.db'}")
    metadata.create_all(engine)
    roots, pairs = {"main": [ROOT], "notes": [NOTES_ROOT]}, []
    pairs += sealed_by(ring_on(engine))
    for step in steps:
        if step in ("root", "notes"):
            purpose = "main" if step == "root" else "notes"
            roots[purpose].append(FileRootKey(uuid4().bytes + uuid4().bytes))
        rotation = rotation_on(engine, roots["main"], roots["notes"])
        match step:
            case "root" | "notes":
                rotate_root(rotation, purpose, roots[purpose][-1])
                del roots[purpose][0]
            case "client":
                rotation.client(CLIENT)
            case "epoch":
                rotation.epoch(CLIENT, RecordClass.JOURNAL)
            case _:
                pairs += sealed_by(ring_on(engine, root=roots["main"], notes_root=roots["notes"]))
    assert_opens(ring_on(engine, root=roots["main"], notes_root=roots["notes"]), pairs)
    engine.dispose()
