"""Erasure under hostile conditions: kills, races, processes with warm caches, processes that stand still."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

import pytest
from real_servers import until
from sqlalchemy import event

from adapters.erasure.fence import set_fence
from adapters.erasure.leases import ProcessLease, released
from adapters.erasure.notes import RECEIPT, REGISTER_PREFIX, body_of
from adapters.erasure.purge import rows_left
from adapters.event_store.unsealed import Tombstone
from adapters.keys.ring import KeyRing
from adapters.keys.root_file import FileRootKey
from adapters.offbox.folder import FolderOffBox
from domain.errors import Erased, KeysUnavailable
from domain.model.erasure import ErasureState
from domain.model.legal_hold import HoldBasis
from domain.ports.erasure import UnderLegalHold
from domain.ports.keys import RecordClass
from ops.bootstrap import Part, build
from tests.contracts.samples import content
from tests.erasure.kit import CLINICIAN, HOST, OFFICER, Practice

ROOT = Path(__file__).parents[2]
QUICK, LONG = 6, 200


def state_of(practice: Practice, erasure_id) -> ErasureState:
    return practice.system.services.erasures.read(practice.by(OFFICER), erasure_id).state


def check_gone(practice: Practice, client_id, erasure) -> None:
    """Whatever happened on the way, this is how it must end."""
    system = practice.system
    assert erasure.state is ErasureState.COMPLETED
    assert rows_left(system.databases.events, system.tracking, client_id) == 0
    rows = [row for row in system.recorder.read_log(0, 100_000) if row.subject == client_id]
    assert rows
    assert all(isinstance(system.mapper.to_event(row), Tombstone) for row in rows)
    body = body_of(RECEIPT, erasure.receipt, practice.key)
    records = [row for row in system.recorder.read_log(0, 100_000) if row.topic.startswith("system")]
    mine = [row for row in records if system.mapper.to_event(row).facts.get("erasure") == str(erasure.id)]
    assert [row.position for row in mine] == [body["position"]]
    place = FolderOffBox(practice.elsewhere)
    assert [name for name in place.names(REGISTER_PREFIX) if str(erasure.id) in name]


def killed_after(practice: Practice, erasure_id, delay_s: float) -> bool:
    """Whether the process was killed before it was done."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANAMNESIS_")}
    environment |= {
        name: text for name, text in practice.settings.environment().items() if name.startswith("ANAMNESIS")
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.erasure.eraser_process", str(erasure_id)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    return "done" not in rest


def kill_and_resume(practice: Practice, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    killed = 0
    for _ in range(rounds):
        client_id = practice.new_client(account=True)
        erasure_id = practice.ask(client_id)
        killed += killed_after(practice, erasure_id, chance.uniform(0.0, 1.5))
        erasure = practice.carry_out(erasure_id)
        check_gone(practice, client_id, erasure)
    assert killed or rounds < QUICK


def test_killed_at_any_moment_an_erasure_goes_on_to_its_end(practice):
    kill_and_resume(practice, 2, seed=11)


@pytest.mark.faults
def test_killed_at_many_moments_an_erasure_goes_on_to_its_end(practice):
    kill_and_resume(practice, LONG, seed=12)


def race(practice: Practice, rounds: int) -> set[str]:
    """A hold and an erasure at the same moment, over and over: which was first each time."""
    winners: set[str] = set()
    for _ in range(rounds):
        client_id = practice.new_client(sessions=1)
        erasure_id = practice.ask(client_id)
        start, told = threading.Barrier(2), {}

        def hold(client_id=client_id, start=start, told=told) -> None:
            start.wait()
            try:
                practice.system.services.holds.place(practice.by(OFFICER), uuid4(), client_id, HoldBasis.LITIGATION, "")
                told["hold"] = True
            except Erased:
                told["hold"] = False

        thread = threading.Thread(target=hold)
        thread.start()
        start.wait()
        try:
            erasure = practice.carry_out(erasure_id)
            check_gone(practice, client_id, erasure)
            told["erasure"] = True
        except UnderLegalHold:
            told["erasure"] = False
            practice.system.services.clients.read(practice.by(CLINICIAN), client_id)
        thread.join()
        assert told["hold"] is not told["erasure"]
        winners.add("hold" if told["hold"] else "erasure")
    return winners


def test_of_a_hold_and_an_erasure_at_once_exactly_one_wins(practice):
    race(practice, 3)


@pytest.mark.faults
def test_of_many_holds_and_erasures_at_once_each_wins_sometimes(practice):
    assert race(practice, 100) == {"hold", "erasure"}


def test_two_workers_that_erase_the_same_client_do_it_once(practice):
    from domain.services.erasing import carried_out

    client_id = practice.new_client()
    erasure_id = practice.ask(client_id)
    errors = []

    def work() -> None:
        errors.append(carried_out(practice.erasing(), practice.by(HOST), erasure_id)[1])

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(errors)
    check_gone(practice, client_id, practice.carry_out(erasure_id))


def test_processes_with_warm_caches_neither_seal_nor_open_once_the_receipt_is_there(practice):
    client_id = practice.new_client(sessions=2)
    with build(practice.settings, parts=Part.API) as second, build(practice.settings, parts=Part.WORKER) as third:
        others = [Practice(practice.settings, each) for each in (second, third)]
        rows = [row for row in second.recorder.read_log(0, 10_000) if row.subject == client_id]
        for other in others:
            for row in rows:
                other.system.mapper.to_event(row)
        erasure = practice.erase(client_id)
        assert erasure.leases_acknowledged >= 3
        for other in others:
            for row in rows:
                assert isinstance(other.system.mapper.to_event(row), Tombstone)
            with pytest.raises(Erased):
                other.system.services.sessions.record(other.by(CLINICIAN), uuid4(), client_id, content())
            for record_class in (RecordClass.JOURNAL, RecordClass.IDENTITY, RecordClass.VIEW):
                with pytest.raises(Erased):
                    other.system.keys.key_id(client_id, record_class)
        check_gone(practice, client_id, erasure)


def ring_of(practice: Practice) -> KeyRing:
    settings, system = practice.settings, practice.system
    return KeyRing(
        system.databases.keys,
        deployment=system.recorder.deployment_id,
        root=FileRootKey.load(settings.root_key_file),
        notes_root=FileRootKey.load(settings.notes_root_key_file),
    )


def test_a_process_that_stood_still_finds_its_keys_closed_and_then_gone(practice):
    client_id = practice.new_client()
    row = next(row for row in practice.system.recorder.read_log(0, 10_000) if row.subject == client_id)
    from adapters.event_store.mapper import Mapper

    ring = ring_of(practice)
    recorder = practice.system.recorder
    mapper = Mapper(ring, recorder.deployment_id, recorder.incarnation)
    lease = ProcessLease(practice.system.databases.events, ring, part="stopped", length_s=1.0)
    lease.renew()  # and never again by itself: as if the process had been stopped
    assert not isinstance(mapper.to_event(row), Tombstone)
    erasure = practice.erase(client_id)
    assert erasure.leases_expired >= 1
    with pytest.raises(KeysUnavailable):
        mapper.to_event(row)
    lease.renew()
    assert isinstance(mapper.to_event(row), Tombstone)


def test_a_receipt_waits_for_a_process_that_holds_its_lease(practice):
    """And is given as soon as that one has let go."""
    client_id = practice.new_client()
    ring = ring_of(practice)
    lease = ProcessLease(practice.system.databases.events, ring, part="slow", length_s=30.0)
    lease.renew()
    erasure_id = practice.ask(client_id)
    done = threading.Event()

    def work() -> None:
        practice.carry_out(erasure_id)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: state_of(practice, erasure_id) is ErasureState.PURGED, "the rows are purged")
    assert not done.is_set()
    lease.renew()
    thread.join(60)
    assert done.is_set()
    assert released(practice.system.databases.events, 1).expired == 0


@pytest.mark.parametrize("had_a_lease", [False, True])
def test_a_lease_taken_while_a_fence_is_set_opens_no_key_behind_it(practice, had_a_lease):
    """Neither the first lease of a process that starts, nor one taken again after it was over: an erasure that looks for
    leases just then waits for nobody.
    """
    client_id = practice.new_client()
    ring = ring_of(practice)
    engine = practice.system.databases.events
    lease = ProcessLease(engine, ring, part="late", length_s=0.001 if had_a_lease else 30.0)
    if had_a_lease:
        lease.renew()
        lease._length_s = 30.0
    erasure_id = practice.ask(client_id)
    this, found = threading.get_ident(), []

    def fence_behind(_connection, _cursor, statement, *_):
        if threading.get_ident() == this and "FROM erasures" in statement and not found:
            found.append(None)
            found[0] = released(engine, set_fence(engine, erasure_id, client_id, ()).number)

    event.listen(engine, "after_cursor_execute", fence_behind)
    lease.renew()
    event.remove(engine, "after_cursor_execute", fence_behind)
    assert found[0].expired == had_a_lease
    with pytest.raises(Erased):
        ring.key_id(client_id, RecordClass.JOURNAL)


def test_a_closed_lease_keeps_the_organisations_keys_open(on_sqlite):
    """Denials must still be put on record."""
    client_id = on_sqlite.new_client()
    ring = ring_of(on_sqlite)
    ring.leased_until_s = 0.0
    assert ring.key_id(None, RecordClass.AUDIT)
    assert ring.mac("label", b"x")
    with pytest.raises(KeysUnavailable):
        ring.key_id(client_id, RecordClass.JOURNAL)


def test_what_is_written_beside_the_log_during_an_erasure_is_gone_at_its_end(practice):
    """Drafts are no events: one that slips in between fence and receipt is removed by the second purge."""
    from adapters.access.tables import drafts

    client_id = practice.new_client()
    ring = ring_of(practice)
    lease = ProcessLease(practice.system.databases.events, ring, part="slow", length_s=30.0)
    lease.renew()
    erasure_id = practice.ask(client_id)
    thread = threading.Thread(target=practice.carry_out, args=(erasure_id,))
    thread.start()
    until(lambda: state_of(practice, erasure_id) is ErasureState.PURGED, "the rows are purged")
    late = {"id": uuid4(), "client_id": client_id, "author_id": CLINICIAN.id, "saved_at_us": 1, "state": b"sealed"}
    with practice.system.databases.events.begin() as connection:
        connection.execute(drafts.insert().values(late))
    lease.renew()
    thread.join(60)
    erasure = practice.system.services.erasures.read(practice.by(OFFICER), erasure_id)
    check_gone(practice, client_id, erasure)
