"""SQLite as we open it: durable, private, readers beside a writer, transactions that begin when we say so."""

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from adapters.db.engines import check_durable, open_database, read_transaction, write_transaction
from adapters.db.errors import DatabaseBusy, DatabaseCrowded, DatabaseDown, DatabaseRefused, translated
from adapters.db.sqlite import DataExposed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "events.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{path}")
    with write_transaction(engine) as connection:
        connection.execute(text("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)"))
    yield engine
    engine.dispose()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def bodies(connection) -> list[str]:
    return list(connection.execute(text("SELECT body FROM notes ORDER BY id")).scalars())


def add(connection, body: str) -> None:
    connection.execute(text("INSERT INTO notes (body) VALUES (:body)"), {"body": body})


def impatient(engine: Engine) -> None:
    """Fail at once instead of after the busy time-out."""
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 0").close())


def test_files_are_for_us_alone_whatever_the_umask(path):
    before = os.umask(0)
    try:
        engine = open_database(f"sqlite:///{path}")
        with write_transaction(engine) as connection:
            connection.execute(text("CREATE TABLE notes (id INTEGER PRIMARY KEY)"))
            assert {file.name: mode(file) for file in path.parent.iterdir()} == {
                "events.db": 0o600,
                "events.db-wal": 0o600,
                "events.db-shm": 0o600,
            }
        engine.dispose()
    finally:
        os.umask(before)
    assert mode(path.parent) == 0o700


def test_wider_permissions_of_ours_are_tightened(path):
    path.parent.mkdir()
    path.parent.chmod(0o755)
    for name in ("events.db", "events.db-wal", "events.db-shm"):
        (path.parent / name).touch()
        (path.parent / name).chmod(0o644)
    open_database(f"sqlite:///{path}").dispose()
    assert {mode(file) for file in path.parent.iterdir()} == {0o600}
    assert mode(path.parent) == 0o700


@pytest.mark.parametrize("wide", [0o777, 0o770, 0o1777, 0o702])
def test_a_folder_that_others_may_write_is_refused_with_the_remedy(path, wide):
    path.parent.mkdir()
    path.parent.chmod(wide)
    with pytest.raises(DataExposed, match=f"chmod 700 {path.parent}") as refused:
        open_database(f"sqlite:///{path}")
    assert refused.value.code == "data_exposed"
    assert not path.exists()
    path.parent.chmod(0o700)
    open_database(f"sqlite:///{path}").dispose()
    assert path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_an_open_file_of_another_user_is_refused_with_the_remedy(path):
    path.parent.mkdir(mode=0o700)
    path.touch()
    path.chmod(0o644)
    os.chown(path, 12345, 12345)
    with pytest.raises(DataExposed, match=f"chmod 600 {path}"):
        open_database(f"sqlite:///{path}")


def test_the_folder_one_works_in_is_not_closed_to_others(path, monkeypatch):
    path.parent.mkdir()
    path.parent.chmod(0o755)
    monkeypatch.chdir(path.parent)
    open_database("sqlite:///events.db").dispose()
    assert (mode(path.parent), mode(path)) == (0o755, 0o600)


def test_a_place_where_no_file_can_be_made_is_named(tmp_path):
    (tmp_path / "letter").write_text("not a folder")
    with pytest.raises(DatabaseDown) as down:
        open_database(f"sqlite:///{tmp_path / 'letter' / 'events.db'}")
    assert down.value.facts == {"database": "events"}
    with pytest.raises(DatabaseDown):
        open_database(f"sqlite:///{tmp_path / 'letter' / 'deeper' / 'events.db'}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_we_may_not_write_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DatabaseRefused):
        open_database(f"sqlite:///{tmp_path / 'data' / 'events.db'}")


def test_every_connection_is_durable_and_private(engine):
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "recursive_triggers": 1,
        "busy_timeout": 10_000,
        "temp_store": 2,
    }
    connections = [engine.connect() for _ in range(3)]
    for connection in connections:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}
        assert found == wanted
        connection.close()
    check_durable(engine)


def test_deleted_text_is_gone_from_the_files(engine, path):
    with write_transaction(engine) as connection:
        for number in range(200):
            add(connection, f"remove me {number} " * 20)
    with write_transaction(engine) as connection:
        connection.execute(text("DELETE FROM notes"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert all(b"remove me" not in file.read_bytes() for file in path.parent.iterdir())


def test_a_reader_keeps_its_snapshot_and_never_waits_for_a_writer(engine):
    impatient(engine)
    with write_transaction(engine) as connection:
        add(connection, "first")
    with read_transaction(engine) as reader:
        assert bodies(reader) == ["first"]
        with write_transaction(engine) as writer:
            add(writer, "second")
            assert bodies(reader) == ["first"]
            with read_transaction(engine) as another:
                assert bodies(another) == ["first"]
        assert bodies(reader) == ["first"]
    with read_transaction(engine) as later:
        assert bodies(later) == ["first", "second"]


def test_a_write_transaction_holds_the_lock_from_its_beginning(engine):
    impatient(engine)
    with (
        write_transaction(engine),
        pytest.raises(DatabaseBusy) as busy,
        translated("events"),
        write_transaction(engine),
    ):
        pytest.fail("two writers at once")
    assert busy.value.code == "database_busy"
    with write_transaction(engine) as connection:
        add(connection, "after")


def test_an_execution_option_of_one_use_does_not_stay_with_the_connection(engine):
    impatient(engine)
    with write_transaction(engine):
        pass
    with write_transaction(engine), engine.begin() as reader:  # would ask for the lock if the option had stayed
        assert bodies(reader) == []


def test_writers_that_read_first_lose_nothing(engine):
    with write_transaction(engine) as connection:
        connection.execute(text("INSERT INTO notes VALUES (1, '0')"))

    def increment(_: int) -> None:
        with write_transaction(engine) as connection:
            value = int(bodies(connection)[0])
            connection.execute(text("UPDATE notes SET body = :body"), {"body": str(value + 1)})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(80)))
    with read_transaction(engine) as connection:
        assert bodies(connection) == ["80"]


def half_of_a_change(engine: Engine) -> None:
    with write_transaction(engine) as connection:
        add(connection, "half")
        connection.execute(text("CREATE TABLE other (id INTEGER)"))
        raise RuntimeError("stop")


def test_a_transaction_that_raises_leaves_nothing_definitions_included(engine):
    with pytest.raises(RuntimeError, match="stop"):
        half_of_a_change(engine)
    with read_transaction(engine) as connection:
        assert bodies(connection) == []
        assert connection.execute(text("SELECT name FROM sqlite_master")).scalars().all() == ["notes"]


def test_savepoints_undo_a_part(engine):
    with write_transaction(engine) as connection:
        add(connection, "kept")
        inner = connection.begin_nested()
        add(connection, "dropped")
        inner.rollback()
    with read_transaction(engine) as connection:
        assert bodies(connection) == ["kept"]


def test_used_up_connections_are_named_so(path):
    engine = open_database(f"sqlite:///{path}", pool_size=1)
    engine.pool._timeout = 0.01
    with engine.connect(), pytest.raises(DatabaseCrowded) as crowded, translated("views"), engine.connect():
        pytest.fail("a second connection from a pool of one")
    assert (crowded.value.code, crowded.value.facts) == ("database_connections_exhausted", {"database": "views"})
    engine.dispose()


def test_a_file_address_is_taken_as_it_is(engine, path):
    with write_transaction(engine) as connection:
        add(connection, "there")
    reader = open_database(f"sqlite:///file:{path}?mode=ro&uri=true")
    with read_transaction(reader) as connection:
        assert bodies(connection) == ["there"]
    reader.dispose()
