"""Each finding, by breaking the thing itself."""

import os
import resource
import shutil
import socket
import subprocess
import sys
import zoneinfo
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from adapters.cache.redis import connect
from adapters.db.engines import open_database
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, CommandRow, NewRow
from adapters.keys.root_file import FileRootKey
from adapters.queue.format import HEALTH_KEY
from adapters.views.tables import VIEWS
from ops.bootstrap import Part, build
from ops.checks import databases, host, keys, services
from ops.checks.finding import Finding, State
from ops.doctor import CHECKS, Check, examine, healthy
from ops.hosting import HOST
from ops.settings import Settings
from tests.conftest import DatabaseUrls, execute_on
from tests.ops.conftest import ROOT, StoppableRedis, lines, plain_environment, run


def found(settings: Settings, *checks: Check) -> dict[str, Finding]:
    """Findings by code, without those that are well."""
    findings = list(examine(settings, checks or CHECKS))
    assert findings
    return {finding.code: finding for finding in findings if finding.state is not State.OK}


def use(settings: Settings) -> None:
    """Something sealed, so that keys and events exist."""
    with build(settings, parts=Part.API) as system:
        make_account(system)


def make_account(system: object) -> None:
    from domain.ports.call import Call, Purpose

    call = Call(
        actor=HOST,
        request_id=system.ids.ordered(),
        at=system.clock.now(),
        origin="test",
        purpose=Purpose.OPERATIONS,
    )
    system.services.accounts.bootstrap(
        call, uuid4(), login=f"{uuid4()}@practice.example", password="a-long-enough-phrase", display_name="Noor"
    )


def change(url: str, statement: str) -> None:
    engine = open_database(url, pool_size=1)
    try:
        with engine.begin() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


def append_unreadable(settings: Settings, clock: Callable[[], int] | None = None) -> None:
    """An event whose state nobody can open, recorded when `clock` says."""
    engine: Engine = open_database(settings.events_url, pool_size=2)
    recorder = Recorder(engine, clock=clock) if clock else Recorder(engine)
    row = NewRow(
        stream=uuid4(),
        version=1,
        topic="record.1",
        state=b"\x01" + bytes(60),
        state_hash=sha256(b"").digest(),
        subject=uuid4(),
        record_class="journal",
    )
    recorder.append(Append(rows=[row], command=CommandRow(id=uuid4())))
    engine.dispose()


def wall_clock(ahead_s: float) -> Callable[[], int]:
    import time

    return lambda: time.time_ns() + int(ahead_s * 1e9)


# What is well ----------------------------------------------------------------------------------------------------


def test_a_whole_set_up_has_nothing_to_mend(founded: Settings, stoppable_redis: StoppableRedis) -> None:
    use(founded)
    with build(founded, parts=Part.PROJECTIONS) as system:
        system.runner().catch_up()
    client = connect(stoppable_redis.url)
    client.set(HEALTH_KEY, "here")
    client.close()

    # Where nothing is signed yet there is nothing to look at, and nothing wrong either.
    assert set(found(replace(founded, redis_url=stoppable_redis.url))) == {"skipped"}


def test_a_machine_that_was_not_set_up_is_told_how_to(tmp_path: Path) -> None:
    settings = Settings.load({"ANAMNESIS_DATA_DIR": str(tmp_path / "data")})

    findings = found(settings)

    assert {"data_folder_missing", "root_key_missing", "database_missing", "skipped"} <= set(findings)
    assert "anamnesis migrate" in findings["database_missing"].mend
    assert "anamnesis keys create" in findings["root_key_missing"].mend
    assert not (tmp_path / "data").exists()


def test_warnings_are_not_broken(founded: Settings) -> None:
    assert healthy([finding for finding in examine(founded) if finding.state is not State.BROKEN])
    assert not healthy([Finding(part="x", text="", state=State.BROKEN)])


# The machine -----------------------------------------------------------------------------------------------------


def test_a_data_folder_that_others_look_into(founded: Settings) -> None:
    founded.data_dir.chmod(0o755)

    assert f"chmod 700 {founded.data_dir}" in found(founded, host.data_folder)["data_folder_open"].mend


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    settings = Settings.load({"ANAMNESIS_DATA_DIR": str(tmp_path / "data")})

    assert "data_folder_missing" in found(settings, host.data_folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_data_folder_of_somebody_else(founded: Settings) -> None:
    os.chown(founded.data_dir, 12345, -1)

    assert "data_folder_not_ours" in found(founded, host.data_folder)


def test_a_file_that_others_can_read(founded: Settings) -> None:
    (founded.data_dir / "events.db").chmod(0o644)

    assert "events.db" in found(founded, host.data_folder)["file_open"].mend


@pytest.mark.parametrize(("free", "code"), [(10 << 20, "disk_full"), (500 << 20, "disk_low")])
def test_a_disk_that_runs_out(founded: Settings, monkeypatch: pytest.MonkeyPatch, free: int, code: str) -> None:
    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 1 << 39, free))

    assert code in found(founded, host.data_folder)


def test_a_misspelt_setting(founded: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANAMNESIS_CLINIC_ZON", "x")

    assert "ANAMNESIS_CLINIC_ZONE" in found(founded, host.names)["setting_unknown"].mend


def test_a_clock_that_is_moved_while_it_is_watched(founded: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    times: Iterator[float] = iter([1_800_000_000.0, 1_800_000_060.0, 1_800_000_060.0])
    monkeypatch.setattr(host.time, "time", lambda: next(times, 1_800_000_060.0))

    assert "clock_jumps" in found(founded, host.clock)


def test_a_clock_that_stands_before_the_release(founded: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.time, "time", lambda: 0.0)

    assert "clock_wrong" in found(founded, host.clock)


def test_a_machine_without_time_zones(founded: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    known = zoneinfo.TZPATH
    # Its parts too: whoever looked for a zone of Europe before has `tzdata.zoneinfo.Europe` imported.
    for name in {"tzdata", *(name for name in sys.modules if name.startswith("tzdata."))}:
        monkeypatch.setitem(sys.modules, name, None)
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    try:
        assert "zones_missing" in found(founded, host.clock)
    finally:
        zoneinfo.reset_tzpath(to=known)
        zoneinfo.ZoneInfo.clear_cache()


def test_a_port_that_another_program_has(founded: Settings) -> None:
    with closing(socket.socket()) as other:
        other.bind((founded.host, founded.port))
        other.listen()

        assert "--port" in found(founded, host.port)["port_in_use"].mend


def test_an_address_of_another_machine(founded: Settings) -> None:
    assert "address_unusable" in found(replace(founded, host="192.0.2.1"), host.port)


# Keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["root_key_file", "notes_root_key_file"])
class TestEitherRootKey:
    def test_missing(self, founded: Settings, name: str) -> None:
        getattr(founded, name).unlink()

        assert "root_key_missing" in found(founded, keys.root_keys)

    def test_world_readable(self, founded: Settings, name: str) -> None:
        getattr(founded, name).chmod(0o644)

        finding = found(founded, keys.root_keys)["root_key_too_open"]

        assert "chmod 600" in finding.text + finding.mend

    def test_cut_short(self, founded: Settings, name: str) -> None:
        getattr(founded, name).write_text("c2hvcnQ=\n")

        assert "root_key_malformed" in found(founded, keys.root_keys)

    def test_of_another_deployment(self, founded: Settings, name: str) -> None:
        use(founded)
        getattr(founded, name).unlink()
        FileRootKey.create(getattr(founded, name))

        assert "root_key_wrong" in found(founded, keys.root_keys)


def test_one_key_in_both_files(founded: Settings) -> None:
    shutil.copy(founded.root_key_file, founded.notes_root_key_file)

    assert "root_keys_alike" in found(founded, keys.root_keys)


def test_a_key_database_older_than_the_events(founded: Settings, tmp_path: Path) -> None:
    shutil.copy(founded.data_dir / "keys.db", tmp_path / "keys.db")
    use(founded)
    for suffix in ("", "-wal", "-shm"):
        (founded.data_dir / f"keys.db{suffix}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "keys.db", founded.data_dir / "keys.db")

    assert "newest back-up of the key database" in found(founded, keys.keys_and_events)["keys_older_than_events"].mend


# Databases -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chain", ["events", "keys", "views"])
class TestAnyDatabase:
    def url(self, settings: Settings, chain: str) -> str:
        return databases.url_of(settings, chain)

    def file(self, settings: Settings, chain: str) -> Path:
        return settings.data_dir / f"{chain}.db"

    def test_missing(self, founded: Settings, chain: str) -> None:
        self.file(founded, chain).unlink()

        finding = found(founded, databases.databases)["database_missing"]

        assert finding.part == f"{chain} database"
        assert not self.file(founded, chain).exists()

    def test_without_tables(self, founded: Settings, chain: str) -> None:
        for path in founded.data_dir.glob(f"{chain}.db*"):
            path.unlink()
        self.file(founded, chain).touch(0o600)

        assert "anamnesis migrate" in found(founded, databases.databases)["database_empty"].mend

    def test_of_a_newer_release(self, founded: Settings, chain: str) -> None:
        change(self.url(founded, chain), f"UPDATE alembic_{chain} SET version_num = '9999'")

        assert "database_newer" in found(founded, databases.databases)

    def test_of_an_older_release(self, founded: Settings, chain: str) -> None:
        change(self.url(founded, chain), f"UPDATE alembic_{chain} SET version_num = '0001'")

        assert "anamnesis migrate" in found(founded, databases.databases)["database_older"].mend

    def test_that_is_no_database(self, founded: Settings, chain: str) -> None:
        for path in founded.data_dir.glob(f"{chain}.db*"):
            path.unlink()
        self.file(founded, chain).write_bytes(b"not a database, not at all" * 100)

        assert "database_damaged" in found(founded, databases.databases)

    def test_that_takes_no_more(self, founded: Settings, chain: str) -> None:
        told = subprocess.run(
            [sys.executable, "-m", "ops.cli", "doctor", "--json"],
            cwd=ROOT,
            env=plain_environment(founded.data_dir),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
            capture_output=True,
            text=True,
            check=False,
        )

        assert told.returncode == 1
        states = {line["part"]: line["state"] for line in lines(told.stdout)}
        assert states[f"{chain} database"] == "broken"


@pytest.fixture
def on_postgresql(founded: Settings, request: pytest.FixtureRequest) -> Settings:
    from tests.conftest import migrate as migrate_urls
    from tests.conftest import postgres_database

    with postgres_database(request.getfixturevalue("postgres_url")) as url:
        migrate_urls(DatabaseUrls(url, url, url))
        yield replace(founded, events_url=url, keys_url=url, views_url=url)


def test_postgresql_in_order(on_postgresql: Settings) -> None:
    assert set(found(on_postgresql, databases.databases)) == {"log_not_opened"}


def name_of(settings: Settings) -> str:
    return settings.events_url.partition("@/")[2].partition("?")[0]


def test_a_postgresql_that_does_not_wait_for_the_disk(on_postgresql: Settings) -> None:
    execute_on(on_postgresql.events_url, f'ALTER DATABASE "{name_of(on_postgresql)}" SET synchronous_commit = off')

    assert "synchronous_commit" in found(on_postgresql, databases.databases)["not_durable"].text


def test_a_postgresql_that_can_only_be_read(on_postgresql: Settings) -> None:
    execute_on(
        on_postgresql.events_url, f'ALTER DATABASE "{name_of(on_postgresql)}" SET default_transaction_read_only = on'
    )

    assert "database_read_only" in found(on_postgresql, databases.databases)


def test_a_postgresql_that_is_down(founded: Settings, tmp_path: Path) -> None:
    url = f"postgresql+psycopg://postgres@/x?host={tmp_path}"

    findings = found(replace(founded, events_url=url, keys_url=url, views_url=url), databases.databases)

    assert set(findings) == {"database_down", "skipped"}


def test_a_log_that_was_not_opened(founded: Settings) -> None:
    change(founded.events_url, "DROP TRIGGER IF EXISTS deployment_no_delete")
    engine = open_database(founded.events_url, pool_size=1)
    with engine.connect() as connection:
        triggers = connection.execute(
            text("SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='deployment'")
        )
        names = [row[0] for row in triggers]
    engine.dispose()
    for name in names:
        change(founded.events_url, f"DROP TRIGGER {name}")
    change(founded.events_url, "DELETE FROM deployment")

    assert "anamnesis migrate" in found(founded, databases.databases)["log_not_opened"].mend


def test_a_clock_that_went_back_behind_the_newest_event(founded: Settings) -> None:
    append_unreadable(founded, wall_clock(ahead_s=3600))

    assert "in the future" in found(founded, databases.databases)["clock_behind_log"].text


# Views, Redis, worker ----------------------------------------------------------------------------------------------


def test_views_that_are_behind(founded: Settings) -> None:
    with build(founded, parts=Part.PROJECTIONS) as system:
        system.runner().catch_up()
    append_unreadable(founded, wall_clock(ahead_s=-60))

    assert "anamnesis project" in found(founded, services.projections)["view_behind"].mend


def test_events_that_could_not_be_applied(founded: Settings) -> None:
    append_unreadable(founded)
    with build(founded, parts=Part.PROJECTIONS) as system:
        system.runner().catch_up()

    assert "rebuild-views" in found(founded, services.projections)["events_parked"].mend


def test_views_of_another_release(founded: Settings) -> None:
    with build(founded, parts=Part.PROJECTIONS) as system:
        system.runner().catch_up()
    change(founded.views_url, "UPDATE view_tracking SET version = version + 1")

    assert "rebuild-views" in found(founded, services.projections)["view_needs_rebuild"].mend


def test_views_of_an_earlier_release_wait_for_projections_to_start(founded: Settings) -> None:
    with build(founded, parts=Part.PROJECTIONS) as system:
        system.runner().catch_up()
    change(founded.views_url, "UPDATE view_tracking SET version = version - 1 WHERE projection = 'journey'")

    finding = found(founded, services.projections)["view_of_earlier_release"]
    assert (finding.state, finding.part) == (State.WARNING, "view journey")
    assert "anamnesis project" in finding.mend
    with build(founded, parts=Part.PROJECTIONS) as system:
        system.runner().catch_up()
    assert not found(founded, services.projections)


def test_views_that_are_being_rebuilt(founded: Settings) -> None:
    append_unreadable(founded)
    with build(founded, parts=Part.PROJECTIONS) as system:
        system.tracking.reset(VIEWS, system.recorder.last_position())

    assert "view_rebuilding" in found(founded, services.projections)


def test_a_redis_that_is_down_is_a_warning(founded: Settings, tmp_path: Path) -> None:
    findings = found(replace(founded, redis_url=f"unix://{tmp_path}/nobody.sock"), services.background)

    assert findings["redis_down"].state is State.WARNING
    assert findings["skipped"].part == "worker"


def test_a_redis_that_drops_jobs_for_room(founded: Settings, stoppable_redis: StoppableRedis) -> None:
    client = connect(stoppable_redis.url)
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.close()

    assert "redis_evicts" in found(replace(founded, redis_url=stoppable_redis.url), services.background)


def test_no_worker(founded: Settings, stoppable_redis: StoppableRedis) -> None:
    findings = found(replace(founded, redis_url=stoppable_redis.url), services.background)

    assert "anamnesis worker" in findings["worker_absent"].mend


# The command -------------------------------------------------------------------------------------------------------


def test_a_check_that_fails_by_itself_does_not_end_the_examination(founded: Settings) -> None:
    def broken(_settings: Settings) -> Iterator[Finding]:
        raise ZeroDivisionError
        yield

    checks: Sequence[Check] = (broken, host.python)

    assert [finding.code for finding in examine(founded, checks)] == ["check_failed", "ok"]


def test_the_command_ends_with_1_when_something_is_broken_and_0_otherwise(founded: Settings) -> None:
    environment = plain_environment(founded.data_dir, port=founded.port)

    whole = run(environment, "doctor")
    founded.root_key_file.chmod(0o644)
    hurt = run(environment, "doctor")

    assert whole.returncode == 0, whole.stdout
    assert hurt.returncode == 1
    assert "root_key_too_open" in {line["event"] for line in lines(hurt.stdout)}
