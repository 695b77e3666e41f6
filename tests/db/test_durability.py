"""A process that could lose acknowledged writes does not start, and is told which setting is wrong."""

import pytest
from sqlalchemy import event, make_url, text

from adapters.db.checks import NotDurable, check_durable
from adapters.db.engines import open_database
from adapters.db.errors import DatabaseDown


@pytest.mark.parametrize(
    ("pragma", "sentence"),
    [
        ("PRAGMA synchronous = OFF", "synchronous is 0 and must be FULL or EXTRA"),
        ("PRAGMA synchronous = NORMAL", "synchronous is 1 and must be FULL or EXTRA"),
        ("PRAGMA journal_mode = DELETE", "journal_mode is delete and must be wal"),
        ("PRAGMA journal_mode = MEMORY", "journal_mode is memory and must be wal"),
    ],
)
def test_sqlite_settings_that_lose_writes_are_named(tmp_path, pragma, sentence):
    engine = open_database(f"sqlite:///{tmp_path / 'data' / 'events.db'}")
    event.listen(engine, "connect", lambda connection, _: connection.execute(pragma).close())
    with pytest.raises(NotDurable, match=sentence) as refused:
        check_durable(engine)
    assert (refused.value.code, refused.value.facts) == ("not_durable", {"setting": pragma.split()[1]})
    engine.dispose()


def test_sqlite_that_is_stricter_than_asked_passes(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'data' / 'events.db'}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = EXTRA").close())
    check_durable(engine)
    engine.dispose()


def with_setting(url: str, setting: str):
    address = make_url(url).update_query_dict({"options": f"-c {setting}"})
    return open_database(address.render_as_string(hide_password=False))


@pytest.mark.parametrize("value", ["off", "local"])
def test_sessions_that_do_not_wait_for_the_disk_are_refused(postgres_url, value):
    engine = with_setting(postgres_url, f"synchronous_commit={value}")
    with pytest.raises(NotDurable, match=f"synchronous_commit is {value} and must be on or remote_write"):
        check_durable(engine)
    engine.dispose()


@pytest.mark.parametrize("value", ["on", "remote_write", "remote_apply"])
def test_sessions_that_wait_for_the_disk_pass(postgres_url, value):
    engine = with_setting(postgres_url, f"synchronous_commit={value}")
    check_durable(engine)
    engine.dispose()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_may_lose_or_tear_pages_is_refused(own_postgres, wait_until, setting):
    engine = open_database(own_postgres.url())
    check_durable(engine)

    def switch(value: str) -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"ALTER SYSTEM SET {setting} = {value}"))
            connection.execute(text("SELECT pg_reload_conf()"))
            # Each process of the server reads its settings when it next waits for a statement.
            wait_until(lambda: connection.execute(text(f"SHOW {setting}")).scalar_one() == value, f"{setting} {value}")

    switch("off")
    with pytest.raises(NotDurable, match=f"{setting} is off and must be on"):
        check_durable(engine)
    switch("on")
    check_durable(engine)
    engine.dispose()


def test_a_database_that_can_not_be_asked_is_down_not_durable(tmp_path):
    engine = open_database(f"postgresql://postgres@/none?host={tmp_path}")
    with pytest.raises(DatabaseDown):
        check_durable(engine)
    engine.dispose()
