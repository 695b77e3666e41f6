"""The event database is down, full, read-only, locked or of a newer release: each gets its own clear error, nothing is
lost or half-written, and work resumes by itself once the fault is gone.
"""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from threading import Event
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event, insert, make_url, select, text

from adapters.access.tables import drafts
from adapters.db.checks import DatabaseNewer, check_durable, check_revision
from adapters.db.engines import open_database, write_transaction
from adapters.db.errors import DatabaseBusy, DatabaseDown, DatabaseFull, DatabaseReadOnly
from adapters.event_store.inserts.postgresql import LOCK
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, Appended, CommandRow, NewRow, StateWrite
from adapters.event_store.tables import commands, events
from domain.errors import StoreUnavailable
from migrations.run import MigrationRefused, current, upgrade

DEPLOYMENT = UUID("0c9d7c52-6cf3-4f0e-9a4b-5f1f7d8c2a10")


def change(size_bytes: int = 100) -> Append:
    """An event, its audit entry and a draft that is written beside them."""
    states = bytes(size_bytes), b"audit"
    rows = [
        NewRow(stream=uuid4(), version=1, topic="record.1", state=state, state_hash=sha256(state).digest())
        for state in states
    ]
    command = CommandRow(id=uuid4())
    draft = {"id": command.id, "client_id": uuid4(), "author_id": uuid4(), "saved_at_us": 1, "state": b"draft"}
    return Append(rows=rows, command=command, writes=[StateWrite(statement=insert(drafts), parameters=draft)])


class Store:
    """A recorder on an event database, and what was acknowledged and refused."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.recorder = Recorder(engine)
        self.recorder.open_log(DEPLOYMENT, time.time_ns() // 1000)
        self.acknowledged: dict[UUID, Appended] = {}
        self.refused: set[UUID] = set()

    def write(self, size_bytes: int = 100) -> None:
        append = change(size_bytes)
        try:
            self.acknowledged[append.command.id] = self.recorder.append(append)
        except StoreUnavailable:
            self.refused.add(append.command.id)
            raise

    def refuses(self, kind: type[StoreUnavailable], size_bytes: int = 100) -> None:
        with pytest.raises(kind) as refused:
            self.write(size_bytes)
        assert type(refused.value) is kind
        assert refused.value.code == kind.code
        assert refused.value.hint

    def check(self) -> None:
        """All that was acknowledged is there, whole; what was refused is not; positions have no gap."""
        with self.engine.connect() as connection:
            stored = {row.id: (row.first_position, row.last_position) for row in connection.execute(select(commands))}
            drafted = set(connection.execute(select(drafts.c.id)).scalars())
            rows = connection.execute(select(events.c.position, events.c.leaf).order_by(events.c.position)).all()
        assert {id_: (done.first, done.last) for id_, done in self.acknowledged.items()} == stored
        assert drafted == set(stored)
        assert not self.refused & set(stored)
        assert [row.position for row in rows] == list(range(1, len(rows) + 1))
        taken = sorted(stored.values())
        assert all(before[1] + 1 == after[0] for before, after in pairwise(taken))
        assert len(rows) == 2 * len(stored)

    def close(self) -> None:
        self.recorder.close()
        self.engine.dispose()


@pytest.fixture
def store(database_urls) -> Iterator[Store]:
    with closing(Store(open_database(database_urls.events))) as store:
        yield store


@pytest.fixture
def own_database(own_postgres) -> Iterator[str]:
    """A migrated database on a server that the test may stop."""
    own_postgres.start()
    name = f"faults_{uuid4().hex}"
    administer(own_postgres.url(), f"CREATE DATABASE {name}")
    with closing_engine(own_postgres.url(name)) as engine:
        upgrade(engine, "events")
    yield own_postgres.url(name)
    own_postgres.start()
    administer(own_postgres.url(), f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def closing_engine(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    try:
        yield engine
    finally:
        engine.dispose()


def administer(url: str, *statements: str) -> None:
    with closing_engine(url) as engine, engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


def each_connection(engine: Engine, *statements: str) -> None:
    """Run statements on connections made from now on."""

    def run(connection, _record) -> None:
        for statement in statements:
            connection.execute(statement).close()
        connection.commit()

    event.listen(engine, "connect", run)


# Down ---------------------------------------------------------------------------------------------------------------


def test_a_server_that_is_stopped_refuses_writes_and_reads_and_work_resumes(own_postgres, own_database):
    with closing(Store(open_database(own_database))) as store:
        store.write()
        own_postgres.stop()
        for _ in range(3):
            store.refuses(DatabaseDown)
            with pytest.raises(DatabaseDown):
                store.recorder.read_log(0, 10)
        own_postgres.start()
        store.write()
        assert len(store.recorder.read_log(0, 10)) == 4
        store.check()


def test_a_server_that_crashes_under_load_loses_no_acknowledged_write(own_postgres, own_database):
    with closing(Store(open_database(own_database))) as store, ThreadPoolExecutor(8) as pool:
        over = Event()

        def go_on() -> None:
            while not over.is_set():
                try:
                    store.write()
                except StoreUnavailable as error:
                    # A commit that was cut off is neither stored nor refused as far as its writer knows.
                    if error.code == "outcome_unknown":
                        raise
                    over.wait(0.01)

        writers = [pool.submit(go_on) for _ in range(8)]
        try:
            for _ in range(3):
                grows(store)
                own_postgres.kill()
                own_postgres.start()
            grows(store)
        finally:
            over.set()
        for writer in writers:
            writer.result()
        assert store.refused
        store.check()


def grows(store: Store) -> None:
    """Wait until more writes were acknowledged."""
    enough, deadline = len(store.acknowledged) + 50, time.monotonic() + 60
    while len(store.acknowledged) < enough:
        assert time.monotonic() < deadline, "writing did not resume"
        time.sleep(0.01)


def test_connections_that_an_administrator_ends_are_made_anew(own_database):
    with closing(Store(open_database(own_database))) as store:
        for _ in range(3):
            store.write()
            administer(
                own_database,
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
        store.write()  # written again on a new connection: nothing had been sent
        assert len(store.recorder.read_log(0, 10)) == 8
        store.check()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_file_that_can_not_be_opened_refuses_writes_and_work_resumes(store):
    store.write()
    path = Path(str(store.engine.url.database))
    store.engine.dispose()
    away = path.rename(path.with_suffix(".away"))
    path.mkdir()
    store.refuses(DatabaseDown)
    with pytest.raises(DatabaseDown):
        store.recorder.read_log(0, 10)
    path.rmdir()
    away.rename(path)
    store.write()
    store.check()


# Full ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_file_at_its_limit_refuses_writes_and_work_resumes(store):
    store.write()
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    limit = {"pages": pages + 10}
    event.listen(
        store.engine,
        "connect",
        lambda connection, _: connection.execute(f"PRAGMA max_page_count = {limit['pages']}").close(),
    )
    store.engine.dispose()
    store.refuses(DatabaseFull, size_bytes=200_000)
    store.write()  # what still fits is taken
    store.refuses(DatabaseFull, size_bytes=200_000)
    limit["pages"] = 2**31
    store.engine.dispose()
    store.write(size_bytes=200_000)
    store.check()


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, int], Path]]:
    """`small_disk(folder, mib)` mounts a disk of that size on a new folder."""
    mounted: list[Path] = []

    def mount(folder: Path, mib: int) -> Path:
        folder.mkdir(mode=0o700)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"needs the right to mount a small disk: {done.stderr.strip().splitlines()[0]}")
        mounted.append(folder)
        return folder

    if shutil.which("mount") is None:
        pytest.skip("needs the command mount")
    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_fills_refuses_writes_and_work_resumes_on_sqlite(small_disk, migrated_sqlite, tmp_path):
    disk = small_disk(tmp_path / "disk", 8)
    shutil.copy(migrated_sqlite / "events.db", disk)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(4 * 2**20))
    with closing(Store(open_database(f"sqlite:///{disk / 'events.db'}"))) as store:
        store.write()
        store.refuses(DatabaseFull, size_bytes=5 * 2**20)
        store.check()
        ballast.unlink()
        store.write(size_bytes=2 * 2**20)
        store.check()


def test_a_disk_that_fills_refuses_writes_and_work_resumes_on_postgresql(small_disk, own_postgres):
    own_postgres.start()
    disk = small_disk(own_postgres.folder / f"disk{uuid4().hex[:8]}", 48)
    if own_postgres.user:
        shutil.chown(disk, own_postgres.user)
    administer(own_postgres.url(), f"CREATE TABLESPACE small LOCATION '{disk}'")
    administer(own_postgres.url(), "CREATE DATABASE small TABLESPACE small")
    with closing_engine(own_postgres.url("small")) as engine:
        upgrade(engine, "events")
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(24 * 2**20))
    with closing(Store(open_database(own_postgres.url("small")))) as store:
        store.write()
        with pytest.raises(DatabaseFull) as full:
            store.recorder.append(incompressible(20 * 2**20))
        assert full.value.code == "database_full"
        store.write()
        store.check()
        ballast.unlink()
        store.recorder.append(incompressible(12 * 2**20))
        assert len(store.recorder.read_log(0, 10)) == 6
    administer(own_postgres.url(), "DROP DATABASE small WITH (FORCE)")
    administer(own_postgres.url(), "DROP TABLESPACE small")


def incompressible(size_bytes: int) -> Append:
    """PostgreSQL would store zeroes in next to nothing."""
    block = b"".join(sha256(number.to_bytes(4)).digest() for number in range(size_bytes // 32))
    rows = [
        NewRow(stream=uuid4(), version=1, topic="record.1", state=state, state_hash=sha256(state).digest())
        for state in (block, b"audit")
    ]
    return Append(rows=rows, command=CommandRow(id=uuid4()))


# Read-only ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("how", ["file:{}?mode=ro&uri=true", "{}"], ids=["opened read-only", "query_only"])
def test_a_read_only_file_is_read_and_not_written(store, how):
    store.write()
    engine = open_database("sqlite:///" + how.format(store.engine.url.database))
    each_connection(engine, "PRAGMA query_only = ON")
    with closing(Recorder(engine)) as reader:
        assert len(reader.read_log(0, 10)) == 2
        with pytest.raises(DatabaseReadOnly) as refused:
            reader.append(change())
        assert refused.value.code == "database_read_only"
    engine.dispose()
    store.write()
    store.check()


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_read_only_server_is_read_and_not_written(store):
    store.write()
    name, url = make_url(str(store.engine.url)).database, store.engine.url.render_as_string(hide_password=False)
    administer(url, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    store.engine.dispose()
    for _ in range(2):
        store.refuses(DatabaseReadOnly)
        assert len(store.recorder.read_log(0, 10)) == 2
    administer(url, "SET default_transaction_read_only = off", f'ALTER DATABASE "{name}" RESET ALL')
    store.engine.dispose()
    store.write()
    store.check()


# Locked -------------------------------------------------------------------------------------------------------------


HOLDS = {
    "the lock of the log": f"SELECT pg_advisory_xact_lock({LOCK})",
    "a table": "LOCK TABLE events IN ACCESS EXCLUSIVE MODE",
}


@pytest.mark.parametrize(
    ("database_kind", "hold"), [("sqlite", None), *(("postgresql", hold) for hold in HOLDS)], indirect=["database_kind"]
)
def test_a_lock_that_is_not_given_up_is_named_and_work_resumes(store, hold):
    store.write()
    each_connection(store.engine, "SET lock_timeout = '20ms'" if hold else "PRAGMA busy_timeout = 20")
    store.engine.dispose()
    with closing_engine(store.engine.url.render_as_string(hide_password=False)) as other:
        with write_transaction(other) as connection:
            if hold:
                connection.execute(text(HOLDS[hold]))
            store.refuses(DatabaseBusy)
            store.refuses(DatabaseBusy)
        store.write()
    store.check()


# Of a newer release -------------------------------------------------------------------------------------------------


def test_a_database_of_a_newer_release_is_refused_before_anything_is_written(store):
    store.write()
    with write_transaction(store.engine) as connection:
        connection.execute(text("UPDATE alembic_events SET version_num = '9001'"))
    check_durable(store.engine)
    with pytest.raises(DatabaseNewer, match="written by a newer release") as newer:
        check_revision(store.engine, "events")
    assert newer.value.code == "database_newer"
    with pytest.raises(MigrationRefused, match="written by a newer release"):
        upgrade(store.engine, "events")
    assert current(store.engine, "events") == "9001"
    store.check()


# Large --------------------------------------------------------------------------------------------------------------


def test_an_event_of_20_mb_passes(store):
    append = incompressible(20_000_000)
    done = store.recorder.append(append)
    assert (done.first, done.last) == (1, 2)
    stored, entry = store.recorder.read_log(0, 10)
    assert len(stored.state) == 20_000_000
    assert sha256(stored.state).digest() == append.rows[0].state_hash == stored.state_hash
    assert entry.state == b"audit"
    assert store.recorder.append(change()).first == 3
