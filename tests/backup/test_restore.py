"""A restored deployment: the record as it was, on a log of the next incarnation, with every erasure carried out again."""

import json
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from adapters.access.tables import sign_ins
from adapters.erasure.purge import rows_left
from adapters.event_store.incarnations import RestoreUnfinished, Stage
from adapters.event_store.tables import deployment, events
from adapters.event_store.unsealed import SystemRecord, Tombstone
from adapters.identity.jose import JoseTokenSigner
from adapters.keys.tables import keys
from adapters.keys.token_sealer import TokenSealer
from adapters.log.removals import removed_positions
from adapters.log.restores import announced_restore
from adapters.offbox.folder import FolderOffBox
from adapters.views.tracking import ViewNeedsRebuild
from domain.errors import Erased, Invalid, Misconfigured, Unauthenticated
from domain.ports.call import Actor, Role
from ops.backup.errors import (
    AnotherRestore,
    BackupDamaged,
    BackupForeign,
    BackupMissing,
    BackupUnfit,
    NotEmpty,
    RegisterUnreadable,
    StillInUse,
)
from ops.backup.places import place_at
from ops.backup.taking import take
from ops.bootstrap import Part, build
from ops.checks.databases import databases
from ops.hosting import call_of_host
from tests.backup.kit import Vault, elsewhere, restored, running
from tests.conftest import DatabaseUrls
from tests.contracts.samples import content
from tests.erasure.kit import CANARY, CLINICIAN, OFFICER, found

ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"])
"""For what does not depend on the kind of database."""


def first_record(practice, kept) -> SystemRecord:
    return practice.system.mapper.to_event(practice.system.recorder.read_log(kept, 1)[0])


def test_what_was_backed_up_reads_as_before_and_the_log_goes_on_as_the_next_incarnation(practice, vault, new_settings):
    client_id = practice.new_client()
    taken, _ = vault.take(practice)
    before = practice.system.recorder.read_log(0, taken.manifest.position)
    done = restored(new_settings, vault.wish())
    assert (done.incarnation, done.kept, done.erased) == (2, taken.manifest.position, 0)
    with running(new_settings) as again:
        recorder = again.system.recorder
        assert recorder.incarnation == 2
        assert recorder.read_log(0, done.kept) == before
        record = first_record(again, done.kept)
        assert record.kind == "system.restored"
        assert record.facts["kept"] == done.kept
        assert record.facts["root"] == taken.manifest.root
        assert again.system.services.clients.identity(again.by(CLINICIAN), client_id)
        receipt = again.system.services.sessions.record(
            again.by(CLINICIAN), again.system.ids.ordered(), client_id, content(CANARY)
        )
        again.system.runner().catch_up()
        page = again.system.services.journey.read(again.by(CLINICIAN), client_id, at_least=receipt.position)
        assert len(page.items) >= 3
        rows = recorder.read_log(done.kept, 100)
        assert {row.incarnation for row in rows} == {2}


def test_a_client_erased_after_the_back_up_stays_erased(practice, vault, new_settings, publish):
    client_id, other = practice.new_client(sessions=3, account=True), practice.new_client()
    publish(practice)
    vault.take(practice)
    erasure = practice.erase(client_id)
    last = publish(practice)
    done = restored(new_settings, vault.wish())
    assert done.erased == 1
    assert done.lost == (done.kept + 1, last.size)
    with running(new_settings) as again:
        system = again.system
        with pytest.raises(Erased):
            system.services.clients.identity(again.by(CLINICIAN), client_id)
        with pytest.raises(Erased):
            again.system.services.sessions.record(again.by(CLINICIAN), uuid4(), client_id, content(CANARY))
        assert system.services.clients.identity(again.by(CLINICIAN), other)
        about = [row for row in system.recorder.read_log(0, done.kept) if row.subject == client_id]
        assert len(about) > 3
        assert all(isinstance(system.mapper.to_event(row), Tombstone) for row in about)
        system.runner().catch_up()
        assert rows_left(system.databases.events, system.tracking, client_id) == 0
        with system.databases.keys.connect() as connection:
            left = connection.execute(select(keys).where(keys.c.owner == client_id)).all()
        assert left
        assert all(row.wrapped is None and row.destroyed_at_us for row in left)
        record = first_record(again, done.kept)
        assert [one["erasure"] for one in record.facts["erasures"]] == [str(erasure.id)]
        assert again.system.services.erasures.of_client(again.by(OFFICER), client_id)


def test_the_erased_clients_login_goes_from_the_restored_log_too_and_a_signed_record_names_it(
    practice, vault, new_settings
):
    client_id = practice.new_client(account=True)
    vault.take(practice)
    practice.erase(client_id)
    done = restored(new_settings, vault.wish())
    with running(new_settings) as again:
        system = again.system
        rows = system.recorder.read_log(done.kept, 10)
        records = [system.mapper.to_event(row) for row in rows if row.topic.startswith("system.")]
        assert [record.kind for record in records] == ["system.restored", "system.redacted"]
        named = removed_positions(records[1].facts, system.recorder.log.name, [again.key])
        assert named
        redacted = {row.position for row in system.recorder.read_log(0, done.kept) if row.redacted}
        assert redacted == named


@ON_SQLITE
def test_an_erasure_that_had_begun_before_the_back_up_is_ended_by_the_worker_after_it(practice, vault, new_settings):
    client_id = practice.new_client()
    erasure_id = practice.ask(client_id)
    vault.take(practice)
    practice.carry_out(erasure_id)
    restored(new_settings, vault.wish())
    with running(new_settings) as again:
        with pytest.raises(Erased):
            again.system.services.clients.identity(again.by(CLINICIAN), client_id)
        erasure = again.carry_out(erasure_id)
        assert erasure.over


@ON_SQLITE
def test_what_the_log_lost_is_named_from_the_newest_checkpoint(practice, vault, new_settings, publish):
    client_id = practice.new_client()
    covered = publish(practice)
    vault.take(practice)
    practice.system.services.sessions.record(practice.by(CLINICIAN), uuid4(), client_id, content(CANARY))
    newest = publish(practice)
    done = restored(new_settings, vault.wish())
    assert done.covered == covered.size
    assert done.lost == (done.kept + 1, newest.size)
    with running(new_settings) as again:
        facts = first_record(again, done.kept).facts
        assert facts["checkpoint"] == newest.text
        assert facts["lost"] == [done.kept + 1, newest.size]


@ON_SQLITE
def test_a_back_up_that_contradicts_a_checkpoint_is_refused(practice, vault, new_settings, publish):
    practice.new_client()
    publish(practice, root=bytes(32))
    vault.take(practice)
    with pytest.raises(BackupForeign):
        restored(new_settings, vault.wish())
    with pytest.raises(Misconfigured):
        build(new_settings, parts=Part.API)


@ON_SQLITE
def test_each_restore_opens_an_incarnation_that_was_never_there_before(practice, vault, new_settings, tmp_path):
    vault.take(practice)
    numbers = []
    for number in range(3):
        (tmp_path / f"n{number}").mkdir(mode=0o700)
        settings = elsewhere(practice.settings, DatabaseUrls.in_folder(tmp_path / f"n{number}"))
        numbers.append(restored(settings, vault.wish()).incarnation)
    assert numbers == [2, 3, 4]


def test_a_restored_deployment_is_backed_up_and_restored_again(on_sqlite, vault, tmp_path, publish):
    client_id = on_sqlite.new_client()
    vault.take(on_sqlite)
    publish(on_sqlite)
    settings = _new(on_sqlite, tmp_path / "second")
    restored(settings, vault.wish())
    with running(settings) as second:
        second.system.services.sessions.record(second.by(CLINICIAN), uuid4(), client_id, content(CANARY))
        publish(second)
        vault.take(second)
    third_settings = _new(on_sqlite, tmp_path / "third")
    done = restored(third_settings, vault.wish())
    assert done.incarnation == 3
    assert done.covered
    with running(third_settings) as third:
        assert {row.incarnation for row in third.system.recorder.read_log(0, 1000)} == {1, 2, 3}
        assert third.system.services.clients.identity(third.by(CLINICIAN), client_id)


def _new(practice, folder):
    folder.mkdir(mode=0o700)
    return elsewhere(practice.settings, DatabaseUrls.in_folder(folder))


# What is refused


def test_nothing_is_written_over(practice, vault, empty_urls):
    vault.take(practice)
    with pytest.raises(NotEmpty):
        restored(practice.settings, vault.wish())


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_on_postgresql_nothing_is_moved_aside(practice, vault):
    vault.take(practice)
    with pytest.raises(NotEmpty):
        restored(practice.settings, vault.wish(replace=True))


def test_files_in_use_are_not_moved_aside(on_sqlite, vault):
    on_sqlite.new_client()
    vault.take(on_sqlite)
    with pytest.raises(StillInUse):
        restored(on_sqlite.settings, vault.wish(replace=True))
    assert on_sqlite.new_client()


def test_sqlite_files_are_moved_aside_when_asked(on_sqlite, vault):
    client_id = on_sqlite.new_client()
    vault.take(on_sqlite)
    on_sqlite.system.close()
    done = restored(on_sqlite.settings, vault.wish(replace=True))
    assert {file.name for file in done.aside.iterdir()} == {"events.db", "keys.db"}
    with running(on_sqlite.settings) as again:
        assert again.system.services.clients.identity(again.by(CLINICIAN), client_id)


def test_a_damaged_file_can_be_replaced(on_sqlite, vault):
    on_sqlite.new_client()
    vault.take(on_sqlite)
    on_sqlite.system.close()
    on_sqlite.settings.data_dir.joinpath("events.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 9000)
    done = restored(on_sqlite.settings, vault.wish(replace=True))
    assert done.kept


def test_the_key_database_that_stands_may_stay(on_sqlite, vault, tmp_path):
    client_id = on_sqlite.new_client()
    vault.take(on_sqlite)
    on_sqlite.erase(other := on_sqlite.new_client())
    on_sqlite.system.close()
    events_url = DatabaseUrls.in_folder(_folder(tmp_path / "new")).events
    settings = replace(on_sqlite.settings, events_url=events_url)
    restored(settings, vault.wish(keys=""))
    with running(settings) as again:
        assert again.system.services.clients.identity(again.by(CLINICIAN), client_id)
        assert other


def _folder(folder):
    folder.mkdir(mode=0o700)
    return folder


@ON_SQLITE
def test_without_keys_at_all_nothing_is_restored(practice, vault, new_settings):
    vault.take(practice)
    with pytest.raises(BackupMissing):
        restored(new_settings, vault.wish(keys=""))


@ON_SQLITE
def test_keys_copied_before_the_events_are_refused(practice, vault, new_settings):
    call = call_of_host(practice.system)
    take(practice.system, call, "keys", place_at(vault.keys)[0])
    practice.new_client()
    take(practice.system, call, "events", place_at(vault.events)[0])
    with pytest.raises(BackupUnfit):
        restored(new_settings, vault.wish())


def test_keys_of_another_deployment_are_refused(on_sqlite, vault, tmp_path):
    vault.take(on_sqlite)
    strangers = Vault(tmp_path / "strangers")
    with running(found(tmp_path / "other")) as other:
        strangers.take(other)
    settings = elsewhere(on_sqlite.settings, DatabaseUrls.in_folder(_folder(tmp_path / "new")))
    with pytest.raises(BackupUnfit):
        restored(settings, vault.wish(keys=strangers.keys))


def test_events_are_not_taken_for_keys(on_sqlite, vault, tmp_path):
    vault.take(on_sqlite)
    settings = _new(on_sqlite, tmp_path / "new")
    with pytest.raises(BackupUnfit):
        restored(settings, vault.wish(keys=str(vault.newest("events")[0])))
    with pytest.raises(BackupMissing):
        restored(settings, vault.wish(keys=vault.events))


def test_a_back_up_of_the_other_kind_of_database_is_refused(on_sqlite, vault, empty_postgres_url):
    vault.take(on_sqlite)
    settings = elsewhere(on_sqlite.settings, DatabaseUrls(*[empty_postgres_url] * 3))
    with pytest.raises(BackupUnfit):
        restored(settings, vault.wish())


@ON_SQLITE
def test_a_damaged_back_up_changes_nothing(practice, vault, new_settings):
    practice.new_client()
    vault.take(practice)
    folder, manifest = vault.newest("keys")
    (folder / manifest.files[0].name).write_bytes(b"")
    with pytest.raises(BackupDamaged):
        restored(new_settings, vault.wish())
    with pytest.raises(Misconfigured):
        build(new_settings, parts=Part.API)


@ON_SQLITE
def test_without_the_register_nothing_is_restored_unless_somebody_says_so(practice, vault, new_settings):
    client_id = practice.new_client()
    vault.take(practice)
    blind = replace(new_settings, off_box=None)
    with pytest.raises(RegisterUnreadable):
        restored(blind, vault.wish())
    with pytest.raises(RegisterUnreadable):
        restored(replace(new_settings, log_key_file=new_settings.data_dir / "gone.key"), vault.wish())
    done = restored(blind, vault.wish(without_register=True))
    with running(new_settings) as again:
        assert first_record(again, done.kept).facts["register"] is False
        assert again.system.services.clients.identity(again.by(CLINICIAN), client_id)


@ON_SQLITE
def test_a_register_entry_that_the_logs_key_did_not_sign_is_no_register(practice, vault, new_settings):
    practice.erase(practice.new_client())
    vault.take(practice)
    place = FolderOffBox(practice.elsewhere)
    (name,) = place.names("erasures/")
    forged = (place.get(name) or b"").replace(b'"classes":[]', b'"classes":["sud"]')
    place.put(f"erasures/{99:020d}-{uuid4()}", forged)
    with pytest.raises(RegisterUnreadable):
        restored(new_settings, vault.wish())


# What of the incarnation before is over


def test_tokens_and_cursors_and_sign_ins_of_before_are_over(on_sqlite, vault, tmp_path):
    system = on_sqlite.system
    actor = Actor(id=uuid4(), role=Role.CLINICIAN, sign_in_id=uuid4())
    token = JoseTokenSigner(system.keys, system.mapper.log).issue(actor, 4_000_000_000_000_000)
    cursor = TokenSealer(system.keys, system.mapper.log).seal_token("journey", b"somewhere")
    vault.take(on_sqlite)
    settings = _new(on_sqlite, tmp_path / "new")
    restored(settings, vault.wish())
    with running(settings) as again:
        with pytest.raises(Unauthenticated):
            JoseTokenSigner(again.system.keys, again.system.mapper.log).verify(token, 0)
        with pytest.raises(Invalid):
            TokenSealer(again.system.keys, again.system.mapper.log).open_token("journey", cursor)
        with again.system.databases.events.connect() as connection:
            assert connection.execute(select(func.count()).select_from(sign_ins)).scalar_one() == 0


@pytest.mark.parametrize("behind", [0, 3])
def test_views_built_for_the_incarnation_before_are_not_read(on_sqlite, vault, tmp_path, behind):
    """Whether they are as long as the restored log, or longer, or had begun again after it."""
    client_id = on_sqlite.new_client()
    vault.take(on_sqlite)
    for _ in range(behind):
        on_sqlite.system.services.sessions.record(on_sqlite.by(CLINICIAN), uuid4(), client_id, content(CANARY))
    on_sqlite.system.runner().catch_up()
    views = on_sqlite.settings.views_url
    on_sqlite.system.close()
    new = elsewhere(on_sqlite.settings, DatabaseUrls.in_folder(_folder(tmp_path / "new")))
    restored(new, vault.wish())
    with running(replace(new, views_url=views)) as again, pytest.raises(ViewNeedsRebuild):
        again.system.services.journey.read(again.by(CLINICIAN), client_id)
    with running(new) as again:
        again.system.runner().catch_up()
        assert again.system.services.journey.read(again.by(CLINICIAN), client_id).items


# Going on


@pytest.mark.parametrize("stage", [Stage.LOADED, Stage.KEYED, Stage.REPLAYED, Stage.OPENED])
def test_a_restore_that_stopped_at_any_stage_starts_nothing_and_goes_on(practice, vault, new_settings, stage):
    client_id = practice.new_client(account=True)
    vault.take(practice)
    practice.erase(client_id)

    class Killed(BaseException):
        pass

    def stop(reached: Stage) -> None:
        if reached is stage:
            raise Killed

    with pytest.raises(Killed):
        restored(new_settings, vault.wish(), stop)
    with pytest.raises(RestoreUnfinished):
        build(new_settings, parts=Part.API)
    if stage is Stage.OPENED:
        assert "restore_unfinished" in {finding.code for finding in databases(new_settings)}
    done = restored(new_settings, vault.wish())
    assert done.incarnation == 2
    with running(new_settings) as again:
        kinds = [row.topic for row in again.system.recorder.read_log(done.kept, 100) if row.topic == "system.1"]
        assert len(kinds) == 2
        with again.system.databases.events.connect() as connection:
            openings = connection.execute(select(deployment.c.incarnation)).scalars().all()
            count, last = connection.execute(select(func.count(), func.max(events.c.position))).one()
        assert (sorted(openings), count) == ([1, 2], last)
        with pytest.raises(Erased):
            again.system.services.clients.identity(again.by(CLINICIAN), client_id)


@ON_SQLITE
def test_an_unfinished_restore_is_not_mixed_with_another_back_up(practice, vault, new_settings):
    vault.take(practice)
    first = str(vault.newest("events")[0])

    class Killed(BaseException):
        pass

    def stop(_reached: Stage) -> None:
        raise Killed

    with pytest.raises(Killed):
        restored(new_settings, vault.wish(), stop)
    vault.take(practice)
    with pytest.raises(AnotherRestore):
        restored(new_settings, vault.wish())
    assert restored(new_settings, vault.wish(events=first)).incarnation == 2


@ON_SQLITE
def test_a_back_up_that_was_restored_already_is_left_alone(practice, vault, new_settings):
    vault.take(practice)
    done = restored(new_settings, vault.wish())
    again = restored(new_settings, vault.wish())
    assert again.already
    assert again.incarnation == done.incarnation


@ON_SQLITE
def test_the_announcement_off_the_box_is_signed_and_says_what_the_first_record_says(practice, vault, new_settings):
    vault.take(practice)
    done = restored(new_settings, vault.wish())
    stored = FolderOffBox(practice.elsewhere).get("restores/000002")
    text = stored.decode().split("\n")
    told = json.loads(text[1])
    with running(new_settings) as again:
        facts = dict(first_record(again, done.kept).facts)
    told.pop("begun_at_us")
    assert told == {name: facts[name] for name in facts.keys() - {"announcement", "positions"}} | {"erasures": 0}
    log = facts["log"].encode()
    announced = announced_restore(facts, log, [practice.key])
    assert (announced.kept, announced.root.hex()) == (facts["kept"], facts["root"])
    assert UUID(told["log"].split("/")[1]) == practice.system.recorder.deployment_id
