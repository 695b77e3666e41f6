"""Every way a database can fail has one error of ours, and none repeats what a person wrote."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, event, make_url, text
from sqlalchemy.exc import InvalidRequestError

from adapters.db import errors
from adapters.db.engines import open_database, write_transaction
from adapters.db.errors import translate, translated
from domain.errors import (
    AnamnesisError,
    Conflict,
    Invalid,
    KeysUnavailable,
    Misconfigured,
    StaleVersion,
    StoreUnavailable,
)

SECRET = "Ms Fielding said that"


@contextmanager
def opened(url: str, *settings: str) -> Iterator[Engine]:
    engine = open_database(url)
    for setting in settings:
        event.listen(engine, "connect", lambda connection, _, setting=setting: connection.execute(setting) and None)
    try:
        yield engine
    finally:
        engine.dispose()


def run(engine: Engine, *statements: str, **values: object) -> None:
    with write_transaction(engine) as connection:
        for statement in statements:
            connection.execute(text(statement), values)


def failure(engine: Engine, *statements: str, **values: object) -> AnamnesisError:
    with pytest.raises(AnamnesisError) as failed, translated("events"):
        run(engine, *statements, **values)
    assert SECRET not in str(failed.value)
    assert SECRET not in repr(failed.value.facts)
    assert failed.value.facts.get("database") == "events"
    assert failed.value.__cause__ is not None
    return failed.value


TABLE = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT UNIQUE NOT NULL)"
INSERT = "INSERT INTO notes VALUES (:id, :body)"


# SQLite -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "notes.db"
    with opened(f"sqlite:///{path}") as engine:
        run(engine, TABLE)
        run(engine, INSERT, id=1, body=SECRET)
    return path


def test_sqlite_full(path):
    with opened(f"sqlite:///{path}", "PRAGMA max_page_count = 4") as engine:
        error = failure(engine, INSERT, id=2, body=SECRET * 10_000)
        assert (type(error), error.code) == (errors.DatabaseFull, "database_full")


@pytest.mark.parametrize("how", ["file:{}?mode=ro&uri=true", "{}"])
def test_sqlite_read_only(path, how):
    with opened("sqlite:///" + how.format(path), "PRAGMA query_only = ON") as engine:
        error = failure(engine, INSERT, id=2, body=SECRET)
        assert (type(error), error.code) == (errors.DatabaseReadOnly, "database_read_only")


def test_sqlite_locked(path):
    with opened(f"sqlite:///{path}", "PRAGMA busy_timeout = 0") as engine, write_transaction(engine):
        error = failure(engine, INSERT, id=2, body=SECRET)
        assert (type(error), error.code) == (errors.DatabaseBusy, "database_busy")


def test_sqlite_that_can_not_be_opened(path):
    with opened(f"sqlite:///{path}") as engine:
        path.unlink()
        path.mkdir()
        error = failure(engine, INSERT, id=2, body=SECRET)
        assert (type(error), error.code) == (errors.DatabaseDown, "database_down")


def test_sqlite_that_is_no_database(tmp_path):
    path = tmp_path / "data" / "notes.db"
    with opened(f"sqlite:///{path}") as engine:
        path.write_bytes(b"a letter, not a database" * 100)
        error = failure(engine, "SELECT 1")
        assert (type(error), error.code) == (errors.DatabaseDamaged, "database_damaged")


def test_sqlite_with_a_torn_page(path):
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    with opened(f"sqlite:///{path}") as engine:
        assert type(failure(engine, INSERT, id=2, body="b")) is errors.DatabaseDamaged


def test_sqlite_without_tables(path):
    with opened(f"sqlite:///{path}") as engine:
        assert type(failure(engine, "SELECT * FROM goals")) is errors.DatabaseMissing


def test_sqlite_refuses_what_contradicts_a_row(path):
    with opened(f"sqlite:///{path}") as engine:
        error = failure(engine, INSERT, id=2, body=SECRET)
        assert (type(error), error.code) == (errors.ConstraintViolated, "constraint_violated")


@pytest.mark.parametrize("value", [2**63, "not a number"])
def test_sqlite_refuses_a_value_it_can_not_hold(path, value):
    with opened(f"sqlite:///{path}") as engine:
        assert type(failure(engine, INSERT, id=value, body="other")) is errors.ValueRefused


# PostgreSQL ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def url(empty_postgres_url) -> str:
    with opened(empty_postgres_url) as engine:
        run(engine, TABLE)
        run(engine, INSERT, id=1, body=SECRET)
    return empty_postgres_url


@pytest.mark.parametrize(
    ("statements", "values", "kind"),
    [
        (["SET TRANSACTION READ ONLY", INSERT], {"id": 2, "body": SECRET}, errors.DatabaseReadOnly),
        ([INSERT], {"id": 2, "body": SECRET}, errors.ConstraintViolated),
        ([INSERT], {"id": 2, "body": None}, errors.ConstraintViolated),
        ([INSERT], {"id": 2, "body": SECRET + "\0"}, errors.ValueRefused),
        ([INSERT], {"id": 2**40, "body": "b"}, errors.ValueRefused),
        (["SELECT CAST(:body AS integer)"], {"body": SECRET}, errors.ValueRefused),
        (["SELECT * FROM goals"], {}, errors.DatabaseMissing),
        (["SET LOCAL ROLE pg_monitor", "SELECT * FROM notes"], {}, errors.DatabaseRefused),
        (["SET LOCAL statement_timeout = 1", "SELECT pg_sleep(60)"], {}, errors.DatabaseBusy),
        (["SELECT pg_terminate_backend(pg_backend_pid())"], {}, errors.DatabaseDown),
        (
            ["DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'disk'; END $$"],
            {},
            errors.DatabaseFull,
        ),
        (
            ["DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'data_corrupted', MESSAGE = 'page'; END $$"],
            {},
            errors.DatabaseDamaged,
        ),
    ],
)
def test_postgresql_failures_in_a_statement(url, statements, values, kind):
    with opened(url) as engine:
        assert type(failure(engine, *statements, **values)) is kind
        run(engine, "UPDATE notes SET id = id")  # the connection, or a new one, works on


def test_postgresql_lock_held_by_another(url):
    with opened(url) as engine, write_transaction(engine) as holder:
        holder.execute(text("SELECT pg_advisory_xact_lock(1)"))
        error = failure(engine, "SET LOCAL lock_timeout = '10ms'", "SELECT pg_advisory_xact_lock(1)")
        assert type(error) is errors.DatabaseBusy


def test_postgresql_that_is_not_there(tmp_path):
    with opened(f"postgresql://postgres@/none?host={tmp_path}") as engine:
        error = failure(engine, "SELECT 1")
        assert (type(error), error.code) == (errors.DatabaseDown, "database_down")


def test_postgresql_without_that_database(postgres_url):
    with opened(make_url(postgres_url).set(database="none").render_as_string(hide_password=False)) as engine:
        error = failure(engine, "SELECT 1")
        assert (type(error), error.code) == (errors.DatabaseMissing, "database_missing")


def as_role(url: str, role: str) -> str:
    return make_url(url).set(username=role).render_as_string(hide_password=False)


def test_postgresql_that_does_not_know_the_account(own_postgres):
    with opened(as_role(own_postgres.url(), "stranger")) as engine:
        error = failure(engine, "SELECT 1")
        assert (type(error), error.code) == (errors.DatabaseRefused, "database_permission")


def test_postgresql_out_of_connections(own_postgres):
    with opened(own_postgres.url()) as administrator:
        run(administrator, "CREATE ROLE single LOGIN CONNECTION LIMIT 1")
        url = as_role(own_postgres.url(), "single")
        with opened(url) as first, opened(url) as second, first.connect():
            error = failure(second, "SELECT 1")
            assert (type(error), error.code) == (errors.DatabaseCrowded, "database_connections_exhausted")
        run(administrator, "DROP ROLE single")


# The file system -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EACCES, errors.DatabaseRefused),
        (errno.EPERM, errors.DatabaseRefused),
        (errno.EROFS, errors.DatabaseReadOnly),
        (errno.ENOSPC, errors.DatabaseFull),
        (errno.ENOTDIR, errors.DatabaseDown),
    ],
)
def test_a_file_system_that_gives_no_file(number, kind):
    error = translate(OSError(number, SECRET), "views")
    assert type(error) is kind
    assert SECRET not in str(error)


# All of them --------------------------------------------------------------------------------------------------------

STATES = sorted(
    {
        kind
        for kind in vars(psycopg.errors).values()
        if isinstance(kind, type) and issubclass(kind, psycopg.Error) and kind.sqlstate
    },
    key=lambda kind: kind.sqlstate,
)


def test_each_state_that_postgresql_knows_has_an_error_without_the_drivers_words():
    assert len(STATES) > 200
    for kind in STATES:
        error = translate(kind(SECRET), "events")
        assert isinstance(error, StoreUnavailable | Misconfigured | Conflict | Invalid | errors.HistoryRefusesChange), (
            kind
        )
        assert SECRET not in str(error)
        if type(error) is StoreUnavailable:
            assert error.facts == {"database": "events", "driver": kind.__name__, "state": kind.sqlstate}


def test_codes_are_told_apart_and_say_what_to_do():
    ours = [kind for kind in vars(errors).values() if getattr(kind, "__module__", "") == errors.__name__]
    ours = [kind for kind in ours if isinstance(kind, type) and issubclass(kind, AnamnesisError)]
    assert len({kind.code for kind in ours}) == len(ours)
    for kind in ours:
        assert kind.message
        if issubclass(kind, StoreUnavailable | Misconfigured):
            assert kind.hint, kind


def test_trouble_of_the_key_database_is_named_as_such():
    error = translate(psycopg.errors.DiskFull(SECRET), "keys")
    assert type(error) is KeysUnavailable
    assert error.facts == {"fault": "database_full", "database": "keys"}
    assert type(translate(psycopg.errors.UniqueViolation(SECRET), "keys")) is errors.ConstraintViolated


def test_errors_of_ours_pass_as_they_are():
    error = StaleVersion()
    assert translate(error) is error
    with pytest.raises(StaleVersion), translated():
        raise error


def test_errors_that_no_driver_raised_pass_as_they_are():
    with pytest.raises(InvalidRequestError), translated():
        raise InvalidRequestError
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError


def test_unknown_errors_of_a_driver_name_its_class_alone():
    error = translate(sqlite3.ProgrammingError(SECRET), "views")
    assert (type(error), error.facts) == (StoreUnavailable, {"database": "views", "driver": "ProgrammingError"})
