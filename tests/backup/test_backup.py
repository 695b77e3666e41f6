"""Back-ups are whole, hold nothing in clear, and are found out when somebody touches them."""

import random
import shutil
from pathlib import Path
from threading import Event, Thread

import pytest

from adapters.event_store.tables import deployment, events
from domain.ports.audit import Outcome
from ops.backup.checking import check_files, checked, examine
from ops.backup.errors import BackupDamaged, BackupMissing, BackupUnfit, PlaceUnusable
from ops.backup.manifest import NAME, Manifest
from ops.backup.places import place_at
from ops.backup.reading import rows_of
from ops.backup.taking import listed, take
from ops.hosting import call_of_host
from tests.contracts.samples import content
from tests.erasure.kit import CANARY, CLINICIAN


def test_a_back_up_gives_the_root_of_the_log_it_was_taken_from(practice, vault):
    practice.new_client()
    events_taken, keys_taken = vault.take(practice)
    manifest = checked(place_at(vault.events)[0], events_taken.name)
    checked(place_at(vault.keys)[0], keys_taken.name)
    rows = practice.system.recorder.read_log(0, manifest.position)
    folder, _ = vault.newest("events")
    copied = list(rows_of(folder, manifest, events))
    assert [(row.position, row.leaf, row.state) for row in rows] == [(row[0], row[10], row[11]) for row in copied]
    assert keys_taken.manifest.position > manifest.position
    assert next(rows_of(folder, manifest, deployment))[1] == practice.system.recorder.deployment_id


def test_what_people_wrote_is_in_no_file_of_a_back_up_and_none_is_open_to_others(practice, vault):
    practice.new_client(account=True)
    vault.take(practice)
    files = [file for file in vault.folder.rglob("*") if file.is_file()]
    assert len(files) >= 4
    for file in files:
        assert CANARY.encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0
        assert CANARY not in file.name
    roots = [practice.settings.root_key_file, practice.settings.notes_root_key_file, practice.settings.log_key_file]
    for secret in [root.read_bytes().strip() for root in roots]:
        assert not any(secret in file.read_bytes() for file in files)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_that_a_back_up_is_taken_stands_in_the_audit_before_it_is_copied(practice, vault):
    taken, _ = vault.take(practice)
    entries = [
        event
        for row in practice.system.recorder.read_log(0, taken.manifest.position)
        if getattr(event := practice.system.mapper.to_event(row), "action", "") == "backup.take"
    ]
    assert [(one.outcome, one.reason) for one in entries] == [("allowed", "backup_events")]


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_back_up_that_fails_is_on_record_and_leaves_nothing_behind(practice, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    with pytest.raises(PlaceUnusable):
        take(practice.system, call_of_host(practice.system), "events", place_at(str(blocked))[0])
    newest = practice.system.recorder.read_log(practice.system.recorder.last_position() - 1, 1)[0]
    entry = practice.system.mapper.to_event(newest)
    assert (entry.action, entry.outcome) == ("backup.take", Outcome.FAILED)


def test_every_append_acknowledged_before_the_snapshot_is_in_it(practice, vault):
    client_id = practice.new_client()
    stopped, acknowledged = Event(), []

    def write() -> None:
        while not stopped.is_set():
            receipt = practice.system.services.sessions.record(
                practice.by(CLINICIAN), practice.system.ids.ordered(), client_id, content(CANARY)
            )
            acknowledged.append(receipt.position)

    writers = [Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(3):
            before = max(acknowledged, default=0)
            taken, keys = vault.take(practice)
            manifest = checked(place_at(vault.events)[0], taken.name)
            assert manifest.position >= before
            assert keys.manifest.position >= manifest.position
    finally:
        stopped.set()
        for writer in writers:
            writer.join()


def test_damage_anywhere_in_a_back_up_is_found(practice, vault, tmp_path):
    practice.new_client()
    vault.take(practice)
    chance = random.Random(7)
    for what in ("events", "keys"):
        whole, manifest = vault.newest(what)
        for number, file in enumerate(sorted(whole.iterdir())):
            if file.name == NAME or not file.stat().st_size:
                continue
            copy = tmp_path / f"{what}-{number}"
            shutil.copytree(whole, copy)
            _damage(copy / file.name, chance)
            with pytest.raises(BackupDamaged):
                check_files(copy, manifest)


def _damage(file: Path, chance: random.Random) -> None:
    stored = bytearray(file.read_bytes())
    match chance.randrange(3):
        case 0:
            stored[chance.randrange(len(stored))] ^= 1 << chance.randrange(8)
        case 1:
            del stored[chance.randrange(len(stored)) :]
        case _:
            file.unlink()
            return
    file.write_bytes(stored)


def test_a_log_whose_rows_were_altered_before_the_copy_is_no_back_up(on_sqlite, vault):
    on_sqlite.new_client()
    with on_sqlite.system.databases.events.connect() as connection:
        driver = connection.connection.dbapi_connection
        driver.execute("DROP TRIGGER events_refuse_update")
        driver.execute("UPDATE events SET recorded_at_us = recorded_at_us - 1 WHERE position = 4")
        driver.commit()
    with pytest.raises(BackupDamaged) as caught:
        vault.take(on_sqlite)
    assert caught.value.facts["position"] == "4"
    assert not list(listed(place_at(vault.events)[0]))


def test_altered_rows_with_a_manifest_made_to_fit_them_do_not_hold_together(practice, vault):
    practice.new_client()
    vault.take(practice)
    folder, manifest = vault.newest("events")
    log = next(folder / one.name for one in manifest.files if one.table in ("", "events"))
    stored = bytearray(log.read_bytes())
    leaf = practice.system.recorder.read_log(5, 1)[0].leaf
    stored[stored.index(leaf)] ^= 1
    log.write_bytes(stored)
    with pytest.raises(BackupDamaged):
        examine(folder, manifest)


def test_a_folder_without_a_manifest_is_no_back_up(on_sqlite, vault):
    vault.take(on_sqlite)
    folder, _ = vault.newest("events")
    (folder / NAME).unlink()
    place, name = place_at(str(folder))
    assert name == folder.name
    assert list(listed(place)) == []
    with pytest.raises(BackupMissing):
        checked(place, name)


@pytest.mark.parametrize("stored", [b"", b"{}", b"[]", b'{"format": 1}', b"\xff", b"null", b"1" * 9])
def test_what_is_no_manifest_is_told_apart(stored):
    with pytest.raises((BackupDamaged, BackupUnfit)):
        Manifest.decoded(stored)


def test_a_manifest_names_no_files_outside_of_its_folder(on_sqlite, vault):
    taken, _ = vault.take(on_sqlite)
    with pytest.raises(BackupDamaged):
        Manifest.decoded(taken.manifest.encoded().replace(b'"events.db"', b'"../keys.db"'))


def test_addresses_lead_to_places_and_to_single_back_ups(tmp_path, bucket):
    name = "anamnesis-events-20260302T101112000000Z-000000000001"
    assert place_at(str(tmp_path / name))[1] == name
    assert place_at(f"{tmp_path}/")[0].address == str(tmp_path)
    assert place_at(f"file://{tmp_path}")[0].address == str(tmp_path)
    assert place_at(f"s3://bucket/some/{name}", s3_endpoint=bucket.endpoint)[0].address == "s3://bucket/some/"
    assert place_at(name)[0].address == str(Path.cwd())
    for wrong in ("ftp://somewhere", "s3://"):
        with pytest.raises(PlaceUnusable):
            place_at(wrong)


def test_a_bucket_is_a_place_for_back_ups(on_sqlite, bucket):
    on_sqlite.new_client()
    place, _ = place_at(f"s3://{bucket.name}/copies", s3_endpoint=bucket.endpoint)
    taken = take(on_sqlite.system, call_of_host(on_sqlite.system), "events", place)
    assert [name for name, _ in listed(place)] == [taken.name]
    assert checked(place, taken.name) == taken.manifest
    bucket.client.delete_object(Bucket=bucket.name, Key=f"copies/{taken.name}/{NAME}")
    assert not list(listed(place))
