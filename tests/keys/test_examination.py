"""What the examination of keys finds, by breaking the thing itself; and what the inventory counts."""

import time
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, update

from adapters.keys.book import ORGANISATION
from adapters.keys.examination import FAULTS, Examination, Named
from adapters.keys.inventory import take_inventory
from adapters.keys.ring import KeyLimits, hierarchy_on
from adapters.keys.tables import keys
from domain.ports.keys import RecordClass
from tests.keys.test_rotation import CLIENT, NEXT, now_us, rotate_root, rotation_on, rows, sealed_by
from tests.seal.kit import DEPLOYMENT, NOTES_ROOT, ROOT, ring_on

LIMIT = KeyLimits().messages


def examination_on(engine, root=ROOT, notes_root=NOTES_ROOT):
    from adapters.keys.book import KeyBook

    hierarchy = hierarchy_on(KeyBook(engine), DEPLOYMENT, root, notes_root, now_us)
    hierarchy.enrol_roots()
    return Examination(hierarchy, now_us, LIMIT)


def faults_on(engine, **options):
    found = list(examination_on(engine, **options).faults())
    assert {fault.code for fault in found} <= set(FAULTS)
    return {(fault.code, fault.key_id) for fault in found}


def codes_on(engine, **options):
    return {code for code, _ in faults_on(engine, **options)}


def change(engine, key_class, /, **values):
    """The id of the key that was changed."""
    (row,) = rows(engine, owner=CLIENT, key_class=key_class)
    with engine.begin() as connection:
        connection.execute(update(keys).where(keys.c.id == row.id).values(**values))
    return row.id


@pytest.fixture
def used(keys_engine):
    sealed_by(ring_on(keys_engine), [CLIENT, uuid4()])
    assert faults_on(keys_engine) == set()
    return keys_engine


def test_keys_that_are_well_have_no_fault_and_are_all_counted(used):
    examined, seen = examination_on(used), []
    assert list(examined.faults(seen.append)) == []
    assert sum(seen) == examined.total() == 3 + 2 * 9
    assert examined.passed_over == 0


@pytest.mark.parametrize(
    ("key_class", "values", "code"),
    [
        ("journal", {"wrapped": bytes(61)}, "does_not_open"),
        ("journal", {"created_at_us": 5}, "does_not_open"),
        ("journal", {"epoch": 7}, "does_not_open"),
        ("client", {"wrapped": bytes(61)}, "does_not_open"),
        ("client-notes", {"wrapped_by": ROOT.generation}, "does_not_open"),
        ("journal", {"wrapped_by": "nothing"}, "parent_missing"),
        ("journal", {"wrapped_by": uuid4().hex}, "parent_missing"),
        ("client", {"wrapped": None, "destroyed_at_us": 1}, "owner_destroyed"),
        ("client", {"wrapped": None, "destroyed_at_us": 1}, "parent_destroyed"),
        ("client-notes", {"wrapped": None, "destroyed_at_us": 1}, "parent_destroyed"),
        ("view", {"wrapped": None}, "half_destroyed"),
        ("view", {"destroyed_at_us": 1}, "half_destroyed"),
        ("view", {"reserved": -1}, "reserved_impossible"),
        ("view", {"reserved": LIMIT + 1}, "reserved_impossible"),
        ("view", {"created_at_us": int((time.time() + 10**6) * 1e6)}, "made_in_the_future"),
        ("view", {"key_class": "diary"}, "class_unknown"),
        ("view", {"key_class": "audit"}, "class_unknown"),
        ("view", {"epoch": 0}, "class_unknown"),
    ],
)
def test_each_fault_is_found(used, key_class, values, code):
    change(used, key_class, **values)
    assert code in codes_on(used)


def test_a_fault_names_the_key_and_no_other(used):
    damaged = change(used, "measures", wrapped=bytes(61))
    assert faults_on(used) == {("does_not_open", damaged)}


def test_a_key_swapped_with_that_of_another_client_is_found(used):
    other = next(row.owner for row in rows(used, key_class="journal") if row.owner != CLIENT)
    theirs = rows(used, owner=other, key_class="journal")[0]
    moved = change(used, "journal", wrapped=theirs.wrapped, wrapped_by=theirs.wrapped_by)
    assert ("parent_missing", moved) in faults_on(used)


def test_an_erased_client_has_no_fault(used):
    with used.begin() as connection:
        connection.execute(update(keys).where(keys.c.owner == CLIENT).values(wrapped=None, destroyed_at_us=1))
    assert faults_on(used) == set()


def test_without_the_notes_root_its_keys_are_passed_over_and_counted(used):
    examined = examination_on(used, notes_root=None)
    assert list(examined.faults()) == []
    assert examined.passed_over == 2 * 3


def test_what_hangs_from_a_root_that_the_settings_lack_is_said(used):
    rotation_on(used).begin_root("main", NEXT)
    assert codes_on(used, root=NEXT) == {"root_not_held"}


def test_after_rotations_there_is_no_fault(used):
    rotation = rotation_on(used)
    rotate_root(rotation)
    rotation.client(CLIENT)
    rotation.epoch(CLIENT, RecordClass.JOURNAL)
    assert faults_on(used, root=NEXT) == set()


def test_many_owners_and_many_keys_of_one_are_all_looked_at(keys_engine, monkeypatch):
    monkeypatch.setattr("adapters.keys.examination.PAGE", 4)
    ring = ring_on(keys_engine)
    sealed_by(ring, [uuid4() for _ in range(5)])
    examined, seen = examination_on(keys_engine), []
    assert list(examined.faults(seen.append)) == []
    assert sum(seen) == examined.total()


def test_events_name_keys_that_are_there_and_theirs(used):
    (journal,) = rows(used, owner=CLIENT, key_class="journal")
    (audit,) = rows(used, owner=ORGANISATION, key_class="audit")
    lost = uuid4()
    named = [
        Named(key_id=journal.id, subject=CLIENT, record_class="journal"),
        Named(key_id=audit.id, subject=None, record_class="audit"),
        Named(key_id=lost, subject=CLIENT, record_class="journal"),
        Named(key_id=journal.id, subject=uuid4(), record_class="journal"),
        Named(key_id=journal.id, subject=CLIENT, record_class="measures"),
    ]
    found = [(fault.code, fault.key_id) for fault in examination_on(used).of_events(named)]
    assert found == [("not_there", lost), ("of_another", journal.id), ("of_another", journal.id)]


# Counting


def counts(engine, known=set):
    return take_inventory(engine, LIMIT, known)


def test_the_inventory_counts_by_class_epoch_and_root(used):
    rotation_on(used).epoch(CLIENT, RecordClass.JOURNAL)
    change(used, "measures", wrapped=None, destroyed_at_us=1)
    change(used, "view", reserved=LIMIT)
    found = counts(used)
    by_class = {each.key_class: each for each in (*found.wrapping, *found.sealing)}
    assert (by_class["client"].living, by_class["client-notes"].living) == (2, 2)
    assert by_class["journal"].epochs == {1: 2, 2: 1}
    assert (by_class["measures"].living, by_class["measures"].destroyed) == (1, 1)
    assert by_class["view"].nearly_used_up == 1
    assert {count.root.purpose: count.keys for count in found.roots} == {"main": 3 + 2, "notes": 2}
    assert (found.clients, found.orphans) == (2, 0)


def test_clients_without_an_event_count_as_orphans(used):
    assert counts(used, lambda owners: {CLIENT}).orphans == 1
    assert counts(used, lambda owners: set()).orphans == 2


def test_an_empty_key_database_is_counted_too(keys_engine):
    found = counts(keys_engine)
    assert (found.roots, found.wrapping, found.sealing, found.clients) == ([], [], [], 0)


def test_nothing_that_is_counted_shows_a_key(used):
    with used.connect() as connection:
        from sqlalchemy import select

        wrapped = [row.wrapped for row in connection.execute(select(keys))]
    shown = repr(counts(used).wrapping) + repr(counts(used).sealing)
    assert not any(repr(each)[2:-1][:12] in shown for each in wrapped)


def test_a_client_without_any_key_has_none_to_examine(used):
    with used.begin() as connection:
        connection.execute(delete(keys).where(keys.c.owner == CLIENT))
    assert faults_on(used) == set()
    assert UUID(int=0) == ORGANISATION
