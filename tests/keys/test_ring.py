"""The key ring: who can open what, how often a key is used, and what is told when it can't be."""

import os
import subprocess
import sys
import textwrap
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from adapters.db.engines import open_database
from adapters.keys.book import ORGANISATION
from adapters.keys.errors import NotesRootNotLoaded, RootKeysAlike, RootKeyWrong
from adapters.keys.hierarchy import DAY_US
from adapters.keys.ring import OVERHEAD_BYTES, KeyLimits
from adapters.keys.root_file import FileRootKey
from adapters.keys.tables import keys, metadata, roots
from domain.errors import Erased, KeyMissing, KeysUnavailable, SealBroken
from domain.ports.keys import RecordClass
from tests.seal.kit import DEPLOYMENT, NOTES_ROOT, ROOT, ring_on

SEALING = [each for each in RecordClass if each not in (RecordClass.MAC, RecordClass.TOKEN)]
OF_CLIENTS = [each for each in RecordClass if not each.of_organisation]
CLIENT = UUID("7b6b1e0a-55a3-4ad6-8f4d-7c9a3f6f0c11")


def owner_of(record_class, client=CLIENT):
    return None if record_class.of_organisation else client


@pytest.fixture
def ring(keys_engine):
    return ring_on(keys_engine)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A ring on SQLite that many examples share."""
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('keys') / 'keys.db'}")
    metadata.create_all(engine)
    yield ring_on(engine)
    engine.dispose()


def stored(engine, **where):
    query = select(keys)
    for name, value in where.items():
        query = query.where(keys.c[name] == value)
    with engine.connect() as connection:
        return connection.execute(query.order_by(keys.c.epoch)).all()


def change(engine, key_id, **values):
    with engine.begin() as connection:
        assert connection.execute(update(keys).where(keys.c.id == key_id).values(**values)).rowcount == 1


# Sealing and opening


@given(plaintext=st.binary(max_size=2000), context=st.binary(max_size=200), record_class=st.sampled_from(SEALING))
def test_what_is_sealed_opens_with_its_context(quick, plaintext, context, record_class):
    key_id = quick.key_id(owner_of(record_class), record_class)
    sealed = quick.seal(key_id, plaintext, context)
    assert quick.open(sealed, context) == plaintext
    assert sealed[:17] == b"\x01" + key_id.bytes
    assert len(sealed) == len(plaintext) + OVERHEAD_BYTES
    assert len(plaintext) < 8 or plaintext not in sealed


@given(context=st.binary(max_size=60), other=st.binary(max_size=60))
def test_another_context_does_not_open(quick, context, other):
    sealed = quick.seal(quick.key_id(CLIENT, RecordClass.JOURNAL), b"private", context)
    if context != other:
        with pytest.raises(SealBroken):
            quick.open(sealed, other)


def test_no_altered_bit_and_no_other_length_opens(quick):
    sealed = quick.seal(quick.key_id(CLIENT, RecordClass.JOURNAL), b"private", b"context")
    for bit in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        # A key id that nobody has is reported as such; the mapper, which knows the id, calls it broken.
        with pytest.raises((SealBroken, KeyMissing)):
            quick.open(bytes(altered), b"context")
    for cut in range(len(sealed)):
        with pytest.raises(SealBroken):
            quick.open(sealed[:cut], b"context")
    for longer in (sealed + b"\x00", b"\x01" + sealed):
        with pytest.raises((SealBroken, KeyMissing)):
            quick.open(longer, b"context")


@given(noise=st.binary(max_size=200))
def test_noise_never_opens(quick, noise):
    with pytest.raises((SealBroken, KeyMissing)):
        quick.open(noise, b"")


def test_no_two_seals_of_one_message_are_alike(quick):
    key_id = quick.key_id(CLIENT, RecordClass.JOURNAL)
    sealed = [quick.seal(key_id, b"the same", b"") for _ in range(5000)]
    assert len({each[17:29] for each in sealed}) == 5000
    assert len({each[29:] for each in sealed}) == 5000


def test_each_client_class_and_organisation_class_has_a_key_of_its_own(ring):
    clients = [uuid4(), uuid4()]
    ids = {ring.key_id(owner_of(each, client), each) for client in clients for each in RecordClass}
    assert len(ids) == 2 * len(OF_CLIENTS) + 5


def test_a_value_of_one_class_does_not_open_as_another_even_with_the_key_id_swapped(ring):
    journal, notes = (ring.key_id(CLIENT, each) for each in (RecordClass.JOURNAL, RecordClass.NOTES))
    sealed = ring.seal(journal, b"private", b"context")
    with pytest.raises(SealBroken):
        ring.open(sealed[:1] + notes.bytes + sealed[17:], b"context")


@pytest.mark.parametrize("record_class", list(RecordClass))
def test_a_class_belongs_to_a_client_or_to_the_organisation_never_both(ring, record_class):
    with pytest.raises(ValueError, match="owner"):
        ring.key_id(CLIENT if record_class.of_organisation else None, record_class)


def test_threads_seal_and_open_side_by_side(quick):
    key_id = quick.key_id(CLIENT, RecordClass.JOURNAL)

    def work(number):
        for turn in range(300):
            text, context = f"{number}-{turn}".encode() * 20, f"{turn}".encode()
            assert quick.open(quick.seal(key_id, text, context), context) == text

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_keys_that_derive_never_seal_and_sealing_keys_never_derive(ring):
    token, mac = (ring.key_id(None, each) for each in (RecordClass.TOKEN, RecordClass.MAC))
    cursor = ring.key_id(None, RecordClass.CURSOR)
    for key_id in (token, mac):
        with pytest.raises(ValueError, match="derive"):
            ring.seal(key_id, b"x", b"")
        with pytest.raises(SealBroken):
            ring.open(b"\x01" + key_id.bytes + bytes(40), b"")
    assert len(ring.derive(token, "access-token")) == 32
    assert ring.derive(token, "access-token") != ring.derive(token, "other")
    for key_id in (mac, cursor):
        with pytest.raises(SealBroken):
            ring.derive(key_id, "access-token")


# Macs


@given(parts=st.lists(st.binary(max_size=8), max_size=4), other=st.lists(st.binary(max_size=8), max_size=4))
def test_macs_tell_apart_labels_and_where_parts_end(quick, parts, other):
    assert quick.mac("a", *parts) == quick.mac("a", *parts)
    assert quick.mac("a", *parts) != quick.mac("b", *parts)
    assert (quick.mac("a", *parts) == quick.mac("a", *other)) == (parts == other)


def test_macs_stay_the_same_for_every_process_and_differ_between_deployments(keys_engine, ring, tmp_path):
    assert ring_on(keys_engine).mac("login", b"ida") == ring.mac("login", b"ida")
    elsewhere = open_database(f"sqlite:///{tmp_path / 'elsewhere' / 'keys.db'}")
    metadata.create_all(elsewhere)
    assert ring_on(elsewhere).mac("login", b"ida") != ring.mac("login", b"ida")
    elsewhere.dispose()


def test_a_destroyed_mac_key_is_not_replaced_behind_everyones_back(keys_engine, ring):
    ring.mac("login", b"ida")
    change(keys_engine, ring.key_id(None, RecordClass.MAC), wrapped=None, destroyed_at_us=1)
    with pytest.raises(Erased):
        ring_on(keys_engine).mac("login", b"ida")


# Roots


def test_another_root_key_is_refused_at_the_start(keys_engine, ring):
    with pytest.raises(RootKeyWrong):
        ring_on(keys_engine, root=FileRootKey(os.urandom(32)))
    with pytest.raises(RootKeyWrong):
        ring_on(keys_engine, notes_root=FileRootKey(os.urandom(32)))


def test_the_root_keys_in_each_others_place_are_refused(keys_engine, ring):
    with pytest.raises(RootKeyWrong):
        ring_on(keys_engine, root=NOTES_ROOT, notes_root=ROOT)


def test_the_key_database_of_another_deployment_is_refused(keys_engine, ring):
    with pytest.raises(RootKeyWrong):
        ring_on(keys_engine, deployment=uuid4())


def test_an_altered_check_value_is_refused(keys_engine, ring):
    with keys_engine.begin() as connection:
        connection.execute(update(roots).values(check_value=os.urandom(61)))
    with pytest.raises(RootKeyWrong):
        ring_on(keys_engine)


def test_one_key_cannot_be_both_roots(keys_engine):
    with pytest.raises(RootKeysAlike):
        ring_on(keys_engine, notes_root=ROOT)


def test_of_two_root_keys_that_come_first_at_once_one_stays(keys_engine):
    together = Barrier(4)

    def begin(_):
        root = FileRootKey(os.urandom(32))
        together.wait()
        with suppress(RootKeyWrong):
            return ring_on(keys_engine, root=root, notes_root=None)

    with ThreadPoolExecutor(4) as pool:
        rings = [each for each in pool.map(begin, range(4)) if each]
    assert len(rings) == 1


def test_a_process_without_the_notes_root_handles_everything_but_notes(keys_engine, ring):
    sealed = ring.seal(ring.key_id(CLIENT, RecordClass.NOTES), b"a note", b"")
    plain = ring.seal(ring.key_id(CLIENT, RecordClass.JOURNAL), b"an entry", b"")
    runner = ring_on(keys_engine, notes_root=None)
    assert runner.open(plain, b"") == b"an entry"
    for attempt in (
        lambda: runner.open(sealed, b""),
        lambda: runner.key_id(CLIENT, RecordClass.NOTES),
        lambda: runner.key_id(uuid4(), RecordClass.SUD_NOTES),
    ):
        with pytest.raises(NotesRootNotLoaded):
            attempt()


def test_notes_keys_hang_from_the_notes_root_alone(keys_engine, ring):
    for each in OF_CLIENTS:
        ring.key_id(CLIENT, each)
    (notes_key,) = stored(keys_engine, owner=CLIENT, key_class="client-notes")
    (client_key,) = stored(keys_engine, owner=CLIENT, key_class="client")
    assert notes_key.wrapped_by == NOTES_ROOT.generation
    assert client_key.wrapped_by == ROOT.generation
    for each in OF_CLIENTS:
        (row,) = stored(keys_engine, owner=CLIENT, key_class=each.value)
        assert row.wrapped_by == (notes_key if each.of_notes_root else client_key).id.hex


def test_no_key_lies_in_clear_in_the_database(keys_engine, ring):
    for each in RecordClass:
        ring.key_id(owner_of(each), each)
    secret = next(key.secret for key in ring._opened._entries.values() if key.secret)
    for row in stored(keys_engine):
        assert len(row.wrapped) == 61
        assert secret not in bytes(row.wrapped)


# Rows that someone altered


@pytest.mark.parametrize(
    "altered",
    [
        {"owner": UUID("11111111-1111-4111-8111-111111111111")},
        {"key_class": "identity"},
        {"key_class": "audit"},
        {"key_class": "client", "epoch": 2},
        {"key_class": "nothing"},
        {"epoch": 7},
        {"epoch": -1},
        {"created_at_us": 2**50},
        {"wrapped_by": "0" * 32},
        {"wrapped_by": "no key id"},
        {"wrapped_by": ROOT.generation},
        {"wrapped": bytes(61)},
        {"wrapped": b"\x01"},
        {"wrapped": b""},
    ],
)
def test_a_key_row_with_any_field_altered_unwraps_nothing(keys_engine, ring, altered):
    key_id = ring.key_id(CLIENT, RecordClass.JOURNAL)
    sealed = ring.seal(key_id, b"private", b"")
    change(keys_engine, key_id, **altered)
    with pytest.raises((SealBroken, KeyMissing)):
        ring_on(keys_engine).open(sealed, b"")


def test_wrapped_keys_swapped_between_two_clients_unwrap_nothing(keys_engine, ring):
    ids = [ring.key_id(client, RecordClass.JOURNAL) for client in (uuid4(), uuid4())]
    sealed = [ring.seal(key_id, b"private", b"") for key_id in ids]
    wrapped = [stored(keys_engine, id=key_id)[0].wrapped for key_id in ids]
    change(keys_engine, ids[0], wrapped=wrapped[1])
    change(keys_engine, ids[1], wrapped=wrapped[0])
    for each in sealed:
        with pytest.raises(SealBroken):
            ring_on(keys_engine).open(each, b"")


def test_a_wrapping_key_named_in_a_sealed_value_is_refused(keys_engine, ring):
    ring.key_id(CLIENT, RecordClass.JOURNAL)
    (client_key,) = stored(keys_engine, owner=CLIENT, key_class="client")
    with pytest.raises(SealBroken):
        ring.open(b"\x01" + client_key.id.bytes + bytes(60), b"")


# Destroyed, missing, out of reach


def test_a_destroyed_data_key_reads_as_erased(keys_engine, ring):
    key_id = ring.key_id(CLIENT, RecordClass.JOURNAL)
    sealed = ring.seal(key_id, b"private", b"")
    change(keys_engine, key_id, wrapped=None, destroyed_at_us=1)
    ring.forget(CLIENT)
    with pytest.raises(Erased):
        ring.open(sealed, b"")
    with pytest.raises(Erased):
        ring.key_id(CLIENT, RecordClass.JOURNAL)


def test_a_destroyed_client_key_erases_all_the_keys_under_it(keys_engine, ring):
    sealed = {each: ring.seal(ring.key_id(CLIENT, each), b"private", b"") for each in OF_CLIENTS}
    (client_key,) = stored(keys_engine, owner=CLIENT, key_class="client")
    change(keys_engine, client_key.id, wrapped=None, destroyed_at_us=1)
    ring.forget(CLIENT)
    for each, value in sealed.items():
        if each.of_notes_root:
            assert ring.open(value, b"") == b"private"
            continue
        with pytest.raises(Erased):
            ring.open(value, b"")
        with pytest.raises(Erased):
            ring.key_id(CLIENT, each)


def test_a_client_whose_key_was_destroyed_gets_no_key_of_a_new_class(keys_engine, ring):
    ring.key_id(CLIENT, RecordClass.JOURNAL)
    (client_key,) = stored(keys_engine, owner=CLIENT, key_class="client")
    change(keys_engine, client_key.id, wrapped=None, destroyed_at_us=1)
    with pytest.raises(Erased):
        ring.key_id(CLIENT, RecordClass.MEASURES)


def test_a_key_made_while_its_client_is_being_erased_is_not_stored(keys_engine, ring, monkeypatch):
    ring.key_id(CLIENT, RecordClass.JOURNAL)
    (client_key,) = stored(keys_engine, owner=CLIENT, key_class="client")
    create = ring.book.create

    def destroyed_just_before(row, parent=None):
        change(keys_engine, client_key.id, wrapped=None, destroyed_at_us=1)
        return create(row, parent)

    monkeypatch.setattr(ring.book, "create", destroyed_just_before)
    with pytest.raises(Erased):
        ring.key_id(CLIENT, RecordClass.MEASURES)
    assert not stored(keys_engine, key_class="measures")


def test_the_organisation_goes_on_under_a_new_key_when_an_old_one_is_destroyed(keys_engine, ring):
    old = ring.key_id(None, RecordClass.AUDIT)
    sealed = ring.seal(old, b"entry", b"")
    change(keys_engine, old, wrapped=None, destroyed_at_us=1)
    ring.forget(None)
    assert ring.key_id(None, RecordClass.AUDIT) != old
    with pytest.raises(Erased):
        ring.open(sealed, b"")


def test_a_key_that_was_never_there_is_missing_and_not_erased(keys_engine, ring):
    sealed = ring.seal(ring.key_id(CLIENT, RecordClass.JOURNAL), b"private", b"")
    with keys_engine.begin() as connection:
        connection.execute(keys.delete().where(keys.c.key_class == "journal"))
    with pytest.raises(KeyMissing):
        ring_on(keys_engine).open(sealed, b"")


def test_a_key_under_a_missing_client_key_is_missing(keys_engine, ring):
    sealed = ring.seal(ring.key_id(CLIENT, RecordClass.JOURNAL), b"private", b"")
    with keys_engine.begin() as connection:
        connection.execute(keys.delete().where(keys.c.key_class == "client"))
    with pytest.raises(KeyMissing):
        ring_on(keys_engine).open(sealed, b"")


def test_a_key_database_that_is_down_says_so():
    engine = open_database("postgresql://nobody@127.0.0.1:1/keys?connect_timeout=2")
    with pytest.raises(KeysUnavailable):
        ring_on(engine)


def test_forgetting_reaches_keys_that_are_in_memory(keys_engine, ring):
    key_id = ring.key_id(CLIENT, RecordClass.JOURNAL)
    sealed = ring.seal(key_id, b"private", b"")
    change(keys_engine, key_id, wrapped=None, destroyed_at_us=1)
    assert ring.open(sealed, b"") == b"private"  # what a cache is
    ring.forget(CLIENT)
    with pytest.raises(Erased):
        ring.open(sealed, b"")


def test_keys_leave_the_memory_after_their_time(keys_engine):
    ring = ring_on(keys_engine, limits=KeyLimits(cached_s=0.0))
    key_id = ring.key_id(CLIENT, RecordClass.JOURNAL)
    sealed = ring.seal(key_id, b"private", b"")
    change(keys_engine, key_id, wrapped=None, destroyed_at_us=1)
    for attempt in (lambda: ring.open(sealed, b""), lambda: ring.seal(key_id, b"more", b"")):
        with pytest.raises(Erased):
            attempt()
    ring.forget_expired()
    assert len(ring._opened) == 0
    assert len(ring._current) == 0


def test_a_key_read_while_its_owner_is_forgotten_is_not_kept(keys_engine, ring, monkeypatch):
    key_id = ring.key_id(CLIENT, RecordClass.JOURNAL)
    sealed = ring.seal(key_id, b"private", b"")
    ring.forget(CLIENT)
    read = ring.book.get

    def read_then_forget(wanted):
        row = read(wanted)
        ring.forget(CLIENT)
        return row

    monkeypatch.setattr(ring.book, "get", read_then_forget)
    assert ring.open(sealed, b"") == b"private"
    assert len(ring._opened) == 0


def test_the_memory_holds_no_more_keys_than_it_may(keys_engine):
    ring = ring_on(keys_engine, limits=KeyLimits(cached_keys=3, budgets=3))
    sealed = [ring.seal(ring.key_id(uuid4(), RecordClass.JOURNAL), b"%d" % number, b"") for number in range(8)]
    assert len(ring._opened) == len(ring._current) == len(ring._budgets) == 3
    assert [ring.open(each, b"") for each in sealed] == [b"%d" % number for number in range(8)]


# Epochs and how often a key may be used


def test_audit_keys_serve_one_day(keys_engine):
    now = {"us": 20_000 * DAY_US + 5}
    ring = ring_on(keys_engine, now_us=lambda: now["us"])
    first = ring.key_id(None, RecordClass.AUDIT)
    journal = ring.key_id(CLIENT, RecordClass.JOURNAL)
    sealed = ring.seal(first, b"entry", b"")
    now["us"] += DAY_US - 10
    assert ring.key_id(None, RecordClass.AUDIT) == first
    now["us"] += 10
    second = ring.key_id(None, RecordClass.AUDIT)
    assert second != first
    assert ring.key_id(CLIENT, RecordClass.JOURNAL) == journal
    assert ring.open(sealed, b"") == b"entry"
    assert [row.epoch for row in stored(keys_engine, key_class="audit")] == [1, 2]


def test_a_clock_that_is_behind_does_not_open_an_epoch_of_its_own(keys_engine):
    ahead = ring_on(keys_engine, now_us=lambda: 20_001 * DAY_US)
    behind = ring_on(keys_engine, now_us=lambda: 20_000 * DAY_US)
    assert behind.key_id(None, RecordClass.AUDIT) == behind.key_id(None, RecordClass.AUDIT)
    newest = ahead.key_id(None, RecordClass.AUDIT)
    behind.forget(None)
    assert behind.key_id(None, RecordClass.AUDIT) == newest


@pytest.mark.parametrize(("messages", "block"), [(10, 3), (10, 10), (1, 1), (7, 2), (64, 8)])
def test_a_key_that_is_used_up_is_followed_by_another(keys_engine, messages, block):
    limits = KeyLimits(messages=messages, client_block=block)
    ring = ring_on(keys_engine, limits=limits)
    sealed = [
        ring.seal(ring.key_id(CLIENT, RecordClass.JOURNAL), b"%d" % number, b"") for number in range(4 * messages)
    ]
    used = Counter(each[1:17] for each in sealed)
    assert len(used) >= 4
    assert max(used.values()) <= messages
    rows = stored(keys_engine, key_class="journal")
    assert all(row.reserved <= messages for row in rows)
    assert [row.epoch for row in rows] == list(range(1, len(rows) + 1))
    assert [ring.open(each, b"") for each in sealed] == [b"%d" % number for number in range(4 * messages)]


def test_no_key_is_overused_by_many_threads_of_several_processes(keys_engine):
    limits = KeyLimits(messages=60, client_block=7)
    rings = [ring_on(keys_engine, limits=limits) for _ in range(3)]
    together = Barrier(9)

    def work(number):
        ring = rings[number % 3]
        together.wait()
        used = []
        while len(used) < 40:
            with suppress(KeysUnavailable):  # "used up; take the current one"
                used.append(ring.seal(ring.key_id(CLIENT, RecordClass.JOURNAL), b"x", b"")[1:17])
        return used

    with ThreadPoolExecutor(9) as pool:
        used = Counter(key_id for each in pool.map(work, range(9)) for key_id in each)
    assert used.total() == 360
    assert max(used.values()) <= 60
    assert all(row.reserved <= 60 for row in stored(keys_engine, key_class="journal"))


def test_sealing_on_and_on_under_one_key_stops_at_its_limit(keys_engine):
    ring = ring_on(keys_engine, limits=KeyLimits(messages=20, client_block=5))
    key_id = ring.key_id(CLIENT, RecordClass.JOURNAL)
    for _ in range(20):
        ring.seal(key_id, b"x", b"")
    with pytest.raises(KeysUnavailable):
        ring.seal(key_id, b"x", b"")
    assert stored(keys_engine, id=key_id)[0].reserved == 20
    assert ring.key_id(CLIENT, RecordClass.JOURNAL) != key_id


def test_a_reservation_is_durable_before_its_first_message(keys_engine):
    ring = ring_on(keys_engine, limits=KeyLimits(messages=100, client_block=10))
    for sealed in range(1, 36):
        key_id = ring.key_id(CLIENT, RecordClass.JOURNAL)
        ring.seal(key_id, b"x", b"")
        assert stored(keys_engine, id=key_id)[0].reserved >= sealed


def test_a_key_is_stored_before_it_is_used(keys_engine, ring):
    key_id = ring.key_id(CLIENT, RecordClass.JOURNAL)
    with keys_engine.connect() as connection:
        assert connection.execute(select(keys.c.id).where(keys.c.id == key_id)).scalar_one() == key_id


# Several processes

RACE = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from uuid import UUID
    from adapters.db.engines import open_database
    from adapters.keys.ring import KeyRing
    from adapters.keys.root_file import FileRootKey
    from domain.ports.keys import RecordClass
    url, deployment, client, flag = sys.argv[1:]
    ring = KeyRing(open_database(url, pool_size=2), deployment=UUID(deployment), root=FileRootKey(bytes(range(32))))
    print("ready", flush=True)
    while not Path(flag).exists():
        time.sleep(0.001)
    key_id = ring.key_id(UUID(client), RecordClass.JOURNAL)
    print(ring.key_id(None, RecordClass.AUDIT), ring.seal(key_id, b"from a process", b"").hex(), flush=True)
    """
)


def test_processes_that_need_the_same_new_key_at_once_agree_on_one(database_urls, keys_engine, tmp_path):
    ring_on(keys_engine)
    flag = tmp_path / "go"
    command = [sys.executable, "-c", RACE, database_urls.keys, str(DEPLOYMENT), str(CLIENT), str(flag)]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    flag.touch()
    answers = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert all(racer.returncode == 0 for racer in racers)
    assert len({audit for audit, _ in answers}) == 1
    sealed = [bytes.fromhex(each) for _, each in answers]
    assert len({each[1:17] for each in sealed}) == 1
    ring = ring_on(keys_engine)
    assert [ring.open(each, b"") for each in sealed] == [b"from a process"] * 3
    for key_class in ("client", "journal", "audit"):
        assert len(stored(keys_engine, key_class=key_class)) == 1
    assert stored(keys_engine, key_class="journal")[0].reserved == 3 * KeyLimits().client_block


FORK = textwrap.dedent(
    """
    import os, sys
    from uuid import UUID
    from adapters.db.engines import open_database
    from adapters.keys.ring import KeyRing, KeyLimits
    from adapters.keys.root_file import FileRootKey
    from domain.ports.keys import RecordClass
    engine = open_database(sys.argv[1], pool_size=1)
    ring = KeyRing(engine, deployment=UUID(sys.argv[2]), root=FileRootKey(bytes(range(32))))
    key_id = ring.key_id(None, RecordClass.AUDIT)
    ring.seal(key_id, b"x", b"")
    with ring._locks.of(UUID(int=0)):
        child = os.fork()
    if child == 0:
        engine.dispose(close=False)
        ring.seal(key_id, b"x", b"")
        os._exit(0 if ring.book.get(key_id).reserved == 2 * KeyLimits().organisation_block else 3)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
)


def test_a_forked_child_reserves_for_itself_and_waits_for_no_lock_of_its_parent(tmp_path):
    url = f"sqlite:///{tmp_path / 'keys' / 'keys.db'}"
    engine = open_database(url)
    metadata.create_all(engine)
    engine.dispose()
    done = subprocess.run(
        [sys.executable, "-c", FORK, url, str(DEPLOYMENT)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "0\n"


def test_the_organisation_is_no_client(ring):
    with pytest.raises(ValueError, match="owner"):
        ring.key_id(ORGANISATION, RecordClass.JOURNAL)


# What a trace may show


@pytest.mark.parametrize("record_class", list(RecordClass))
def test_an_opened_key_never_shows_its_secret(ring, record_class):
    key_id = ring.key_id(owner_of(record_class), record_class)
    opened = ring._hierarchy.opened(ring._hierarchy.get(key_id))
    shown = repr(opened)
    assert str(key_id) in shown
    assert opened.secret is None or repr(opened.secret) not in shown
    assert "secret" not in shown
    assert "cipher" not in shown
