"""A client's record is erased: what stands before it, what is left, and what the receipt says."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import resources
from threading import Barrier
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from adapters.access.tables import accounts, erasures
from adapters.erasure.notes import RECEIPT, REGISTER_PREFIX, body_of, receipt_body, register_note
from adapters.erasure.purge import rows_left
from adapters.erasure.writes import packed
from adapters.event_store.tables import events
from adapters.event_store.unsealed import SystemRecord, Tombstone
from adapters.keys.tables import keys
from adapters.log.notes import NoteInvalid, NoteSigner
from adapters.log.removals import removed_positions
from adapters.offbox.folder import FolderOffBox
from domain.errors import Erased
from domain.model.client import ClientNotFound
from domain.model.erasure import ErasureBasis, ErasureBegun, ErasureState, ErasureUnderWay
from domain.model.legal_hold import HoldBasis
from domain.ports.erasure import OffBoxMissing, UnderLegalHold
from domain.ports.keys import RecordClass
from domain.services.access import RoleNotPermitted
from domain.services.erasures import RetentionRunsStill
from domain.services.exports import FORMAT, export_as_json
from domain.services.imports import ImportedRecord
from ops.bootstrap import Part, build
from ops.hosting import call_of_host
from ops.imports.histories import Replaying, chronicle
from ops.verifying.reader import snapshot
from ops.verifying.verify import verify_log
from tests.contracts.samples import content
from tests.erasure.kit import CANARY, CLINICIAN, HOST, OFFICER, OPERATOR, Practice, found


def state_of(practice, position):
    return practice.system.mapper.to_event(practice.system.recorder.read_log(position - 1, 1)[0])


def test_an_erased_client_leaves_tombstones_and_a_receipt_that_the_log_bears_out(practice):
    client_id, other = practice.new_client(sessions=3, account=True), practice.new_client()
    erasure = practice.erase(client_id)
    assert erasure.state is ErasureState.COMPLETED
    assert erasure.leases_acknowledged >= 1
    body = receipt_body(erasure.receipt, practice.key)
    assert body["client"] == str(client_id)
    assert body["keys"] == erasure.keys_destroyed > 2
    record = state_of(practice, body["position"])
    assert isinstance(record, SystemRecord)
    assert record.kind == "system.erased"
    row = practice.system.recorder.read_log(body["position"] - 1, 1)[0]
    assert row.leaf.hex() == body["leaf"]
    log = practice.system.recorder.read_log(0, 10_000)
    about = [row for row in log if row.subject == client_id]
    assert all(isinstance(practice.system.mapper.to_event(row), Tombstone) for row in about)
    assert len(about) == erasure.events
    assert any(row.subject == other for row in log)
    practice.system.services.clients.identity(practice.by(CLINICIAN), other)


def test_nothing_of_the_client_lies_beside_the_log_afterwards(practice):
    client_id = practice.new_client(account=True)
    system = practice.system
    assert rows_left(system.databases.events, system.tracking, client_id) > 4
    practice.erase(client_id)
    assert rows_left(system.databases.events, system.tracking, client_id) == 0
    with system.databases.events.connect() as connection:
        assert not connection.execute(select(accounts).where(accounts.c.client_id == client_id)).all()
    with system.databases.keys.connect() as connection:
        left = connection.execute(select(keys).where(keys.c.owner == client_id)).all()
    assert left
    assert all(row.wrapped is None and row.destroyed_at_us for row in left)


def test_the_clients_own_login_goes_from_the_log_and_a_signed_record_says_so(practice):
    client_id = practice.new_client(account=True)
    erasure = practice.erase(client_id)
    assert erasure.redacted
    body = body_of(RECEIPT, erasure.receipt, practice.key)
    record = state_of(practice, body["position"])
    log = practice.system.recorder.log.name
    assert removed_positions(record.facts, log, [practice.key]) == set(erasure.redacted)
    with practice.system.databases.events.connect() as connection:
        rows = connection.execute(select(events.c.state).where(events.c.position.in_(erasure.redacted))).all()
    assert all(row.state is None for row in rows)


def test_no_state_of_a_record_goes_under_the_signature_of_somebody_elses_erasure(practice):
    other, client_id = practice.new_client(), practice.new_client(account=True)
    erasure_id = practice.ask(client_id)
    engine = practice.system.databases.events
    with engine.begin() as connection:  # as somebody who rules the database would
        theirs = connection.execute(select(events.c.position).where(events.c.subject == other)).scalars().all()
        planted = update(erasures).where(erasures.c.id == erasure_id).values(redacted=packed(theirs))
        connection.execute(planted)
    erasure = practice.carry_out(erasure_id)
    assert erasure.redacted
    assert not set(erasure.redacted) & set(theirs)
    with engine.connect() as connection:
        states = connection.execute(select(events.c.state).where(events.c.position.in_(theirs))).scalars().all()
    assert None not in states


def test_the_register_off_the_box_tells_a_restore_what_to_destroy_again(practice):
    client_id = practice.new_client()
    erasure = practice.erase(client_id)
    place = FolderOffBox(practice.elsewhere)
    (name,) = place.names(REGISTER_PREFIX)
    note = register_note(place.get(name), practice.key)
    assert (note.client_id, note.erasure_id, note.name) == (client_id, erasure.id, name)
    assert note.fence_position == erasure.fence_position
    assert place.get(f"receipts/{erasure.id}").decode() == erasure.receipt


def test_whoever_asks_for_an_erased_client_is_told_so_or_nothing(practice):
    client_id = practice.new_client()
    practice.erase(client_id)
    services = practice.system.services
    with pytest.raises(Erased):
        services.clients.read(practice.by(CLINICIAN), client_id)
    with pytest.raises(Erased):
        services.sessions.record(practice.by(CLINICIAN), uuid4(), client_id, content())
    with pytest.raises(Erased):
        services.erasures.plan(practice.by(OFFICER), client_id)
    with pytest.raises(Erased):
        practice.ask(client_id)
    with pytest.raises(Erased):
        services.holds.place(practice.by(OFFICER), uuid4(), client_id, HoldBasis.AUDIT, "")
    with pytest.raises(ClientNotFound):
        services.erasures.plan(practice.by(OFFICER), uuid4())
    assert client_id not in {item.client_id for item in services.clients.caseload(practice.by(CLINICIAN))}


def test_readers_of_the_log_and_of_views_go_on_past_an_erased_client(practice):
    erased, kept = practice.new_client(), practice.new_client()
    practice.erase(erased)
    system = practice.system
    system.runner().rebuild()
    assert rows_left(system.databases.events, system.tracking, erased) == 0
    assert system.services.journey.read(practice.by(CLINICIAN), kept).items
    for health in system.runner().health():
        assert not health.parked


def test_the_access_tables_made_anew_do_not_bring_an_erased_client_back(practice):
    from adapters.access.rebuild import rebuild_access_state
    from adapters.access.vault import AccessVault
    from adapters.access.writes import AccessWrites

    client_id, other = practice.new_client(account=True), practice.new_client()
    erasure = practice.erase(client_id)
    system = practice.system
    writes = AccessWrites(AccessVault(system.keys, system.recorder.deployment_id))
    rebuild_access_state(system.databases.events, system.recorder, system.mapper, writes)
    assert rows_left(system.databases.events, system.tracking, client_id) == 0
    assert rows_left(system.databases.events, system.tracking, other) > 0
    rows = system.services.erasures.of_client(practice.by(OFFICER), client_id)
    assert [(row.id, row.state) for row in rows] == [(erasure.id, "completed")]


def test_a_hold_keeps_the_record_until_it_is_lifted(practice):
    client_id = practice.new_client()
    waiting = practice.ask(client_id)
    hold_id = uuid4()
    services = practice.system.services
    services.holds.place(practice.by(OFFICER), hold_id, client_id, HoldBasis.LITIGATION, "4:26-cv-00311")
    with pytest.raises(UnderLegalHold):
        practice.carry_out(waiting)
    services.clients.read(practice.by(CLINICIAN), client_id)
    services.holds.lift(practice.by(OFFICER), hold_id)
    assert practice.carry_out(waiting).state is ErasureState.COMPLETED


def test_under_a_hold_nobody_may_even_ask(practice):
    client_id = practice.new_client()
    services = practice.system.services
    services.holds.place(practice.by(OFFICER), uuid4(), client_id, HoldBasis.INVESTIGATION, "")
    with pytest.raises(UnderLegalHold):
        practice.ask(client_id)
    plan = services.erasures.plan(practice.by(OFFICER), client_id)
    assert (plan.outcome, len(plan.holds)) == ("under_legal_hold", 1)


def test_before_the_minimum_is_over_a_wish_is_refused_with_the_day(on_sqlite):
    client_id = on_sqlite.new_client()
    with pytest.raises(RetentionRunsStill) as refused:
        on_sqlite.ask(client_id, ErasureBasis.CLIENT_REQUEST)
    this_year = on_sqlite.system.clock.now().year
    assert refused.value.facts["kept_until"].startswith(str(this_year + 7))
    assert refused.value.facts["basis"] == "professional_guideline"
    plan = on_sqlite.system.services.erasures.plan(on_sqlite.by(OFFICER), client_id)
    assert plan.outcome == "retention_runs_still"
    assert {holding.record_class for holding in plan.holdings} >= {RecordClass.JOURNAL, RecordClass.IDENTITY}


def test_a_command_and_the_worker_at_it_together_end_it_once_and_both_are_told(practice):
    erasure_id = practice.ask(practice.new_client())
    together = Barrier(3)

    def carry_out(_number):
        together.wait(30)
        return practice.carry_out(erasure_id)

    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(carry_out, range(3)))
    assert {each.state for each in ended} == {ErasureState.COMPLETED}
    assert len({each.receipt for each in ended}) == 1
    rows = practice.system.recorder.read_log(0, 10_000)
    records = [each for each in map(practice.system.mapper.to_event, rows) if isinstance(each, SystemRecord)]
    assert [each.kind for each in records].count("system.erased") == 1


def test_one_erasure_at_a_time_and_none_is_withdrawn_once_it_began(on_sqlite):
    client_id = on_sqlite.new_client()
    first = on_sqlite.ask(client_id)
    with pytest.raises(ErasureUnderWay):
        on_sqlite.ask(client_id)
    services = on_sqlite.system.services
    services.erasures.withdraw(on_sqlite.by(OFFICER), first)
    services.erasures.withdraw(on_sqlite.by(OFFICER), first)
    assert on_sqlite.carry_out(first).state is ErasureState.WITHDRAWN
    second = on_sqlite.ask(client_id)
    on_sqlite.carry_out(second)
    with pytest.raises(ErasureBegun):
        services.erasures.withdraw(on_sqlite.by(OFFICER), second)


def test_nobody_but_compliance_and_the_host_may_erase(on_sqlite):
    client_id = on_sqlite.new_client()
    erasures_ = on_sqlite.system.services.erasures
    for who in (CLINICIAN, OPERATOR):
        with pytest.raises(RoleNotPermitted):
            erasures_.request(on_sqlite.by(who), uuid4(), client_id, ErasureBasis.COURT_ORDER)
        with pytest.raises(RoleNotPermitted):
            erasures_.read(on_sqlite.by(who), uuid4())
    waiting = on_sqlite.ask(client_id)
    with pytest.raises(RoleNotPermitted):
        on_sqlite.erasing().carry_out(on_sqlite.by(OFFICER), waiting)


def test_without_the_key_that_signs_nothing_is_destroyed(on_sqlite):
    client_id = on_sqlite.new_client()
    waiting = on_sqlite.ask(client_id)
    on_sqlite.settings.log_key_file.unlink()
    with pytest.raises(OffBoxMissing):
        on_sqlite.carry_out(waiting)
    on_sqlite.system.services.clients.read(on_sqlite.by(CLINICIAN), client_id)


def test_one_class_goes_and_the_rest_stays(practice):
    client_id = practice.new_client()
    services = practice.system.services
    erasure = practice.carry_out(practice.ask(client_id, classes=(RecordClass.IDENTITY,)))
    assert erasure.state is ErasureState.COMPLETED
    with pytest.raises(Erased):
        services.clients.identity(practice.by(CLINICIAN), client_id)
    assert services.clients.read(practice.by(CLINICIAN), client_id).id == client_id
    whole = practice.erase(client_id)
    assert whole.state is ErasureState.COMPLETED
    with practice.system.databases.events.connect() as connection:
        assert len(connection.execute(select(erasures)).all()) == 2


def test_keys_of_an_erased_client_are_never_made_again(practice):
    client_id = practice.new_client()
    practice.erase(client_id)
    ring = practice.system.keys
    for record_class in RecordClass:
        if not record_class.of_organisation:
            with pytest.raises(Erased):
                ring.key_id(client_id, record_class)


def test_a_destroyed_key_can_be_neither_filled_again_nor_removed(practice):
    from sqlalchemy.exc import DBAPIError

    client_id = practice.new_client()
    practice.erase(client_id)
    engine = practice.system.databases.keys
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(keys.update().where(keys.c.owner == client_id).values(wrapped=b"x" * 60))
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(keys.delete().where(keys.c.owner == client_id))


def test_audit_entries_about_an_erased_client_stay_readable(practice):
    client_id = practice.new_client()
    practice.erase(client_id)
    practice.system.runner().catch_up()
    found = [
        event
        for row in practice.system.recorder.read_log(0, 10_000)
        if row.topic.startswith("audit") and (event := practice.system.mapper.to_event(row)).client_id == client_id
    ]
    assert {"client.register", "erasure.request", "erasure.carry_out"} <= {event.action for event in found}


def test_no_trace_of_what_was_written_is_left_in_any_file(on_sqlite):
    on_sqlite.new_client(account=True)
    client_id = on_sqlite.new_client(account=True)
    folder = on_sqlite.settings.data_dir
    on_sqlite.erase(client_id)
    for file in folder.rglob("*"):
        if file.is_file():
            assert CANARY.encode() not in file.read_bytes(), file
    for file in on_sqlite.elsewhere.rglob("*"):
        if file.is_file():
            assert CANARY.encode() not in file.read_bytes(), file


def test_a_fresh_ring_opens_no_row_of_an_erased_client(practice):
    from adapters.keys.ring import KeyRing
    from adapters.keys.root_file import FileRootKey

    client_id = practice.new_client()
    practice.erase(client_id)
    settings, system = practice.settings, practice.system
    ring = KeyRing(
        system.databases.keys,
        deployment=system.recorder.deployment_id,
        root=FileRootKey.load(settings.root_key_file),
        notes_root=FileRootKey.load(settings.notes_root_key_file),
    )
    for row in system.recorder.read_log(0, 10_000):
        if row.subject == client_id:
            with pytest.raises(Erased):
                ring.open(row.state, b"")


def test_a_deferred_erasure_waits_for_its_day(tmp_path):
    from domain.retention.policies import default_policies

    policy = tmp_path / "policy.json"
    policy.write_text(
        resources.files("domain.retention")
        .joinpath("policies.json")
        .read_text()
        .replace('"early": "refuse"', '"early": "defer"')
    )
    assert default_policies().early == "refuse"
    settings = found(tmp_path / "deployment", ANAMNESIS_RETENTION_POLICY=str(policy))
    with build(settings, parts=Part.API) as system:
        practice = Practice(settings, system)
        client_id = practice.new_client()
        waiting = practice.ask(client_id, ErasureBasis.CLIENT_REQUEST)
        erasure = practice.carry_out(waiting)
        assert erasure.state is ErasureState.REQUESTED
        assert erasure.due_at.year == datetime.now(UTC).year + 7
        assert waiting not in practice.erasing().due(practice.by(HOST))


def test_a_receipt_that_was_altered_or_made_up_proves_nothing(on_sqlite):
    erasure = on_sqlite.erase(on_sqlite.new_client())
    key = on_sqlite.key
    forger = NoteSigner(key.name, seed=bytes(range(32)))
    text = erasure.receipt.partition("\n\n")[0] + "\n"
    for forged in (
        erasure.receipt.replace('"events":', '"events":1'),
        forger.sign(text),
        erasure.receipt.partition("\n\n")[0],
        "",
    ):
        with pytest.raises(NoteInvalid):
            receipt_body(forged, key)
    assert receipt_body(forger.sign(text), forger.verifier)["erasure"] == str(erasure.id)
    with pytest.raises(NoteInvalid, match="does not lead"):
        receipt_body(forger.sign(text.replace('"position":', '"position":1')), forger.verifier)


def test_a_worker_without_the_notes_root_destroys_notes_that_it_could_never_read(practice):
    client_id = practice.new_client()
    ring = practice.system.keys
    sealed = ring.seal(ring.key_id(client_id, RecordClass.NOTES), b"a note of the therapist's own", b"")
    erasure_id = practice.ask(client_id)
    with build(practice.settings, parts=Part.WORKER) as worker:
        erasure = Practice(practice.settings, worker).carry_out(erasure_id)
    assert erasure.state is ErasureState.COMPLETED
    with pytest.raises(Erased):
        ring.open(sealed, b"")
    with practice.system.databases.keys.connect() as connection:
        rows = connection.execute(select(keys).where(keys.c.owner == client_id)).all()
    assert {"client", "client-notes", "notes"} <= {row.key_class for row in rows}
    assert not any(row.wrapped for row in rows)


def test_the_log_still_verifies_after_an_erasure_and_only_the_signed_record_excuses_what_is_gone(practice):
    practice.erase(practice.new_client(account=True))
    with snapshot(practice.system.databases.events) as reader:
        assert verify_log(reader, keys=[practice.key]).sound()
        stranger = NoteSigner(practice.key.name, seed=bytes(range(32))).verifier
        assert not verify_log(reader, keys=[stranger]).sound()


def test_an_export_from_before_does_not_bring_an_erased_client_back(on_sqlite):
    practice = on_sqlite
    client_id = practice.new_client()
    system = practice.system
    call = call_of_host(system)
    told = json.loads(json.dumps(export_as_json(system.services.exports.make(call, client_id))))
    practice.erase(client_id)

    replaying = Replaying(names=system.imports().names(FORMAT), accounts=lambda person: person.id, default=None)
    record = replaying.record(chronicle(told))
    assert isinstance(record, ImportedRecord)
    before = len(list(system.recorder.select_notifications(1, 100_000)))
    with pytest.raises(Erased):
        system.imports().take(call_of_host(system), record)
    after = list(system.recorder.select_notifications(1, 100_000))
    assert client_id not in {each.originator_id for each in after[before:]}
