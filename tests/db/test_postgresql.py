"""PostgreSQL as we open it."""

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError

from adapters.db.engines import DatabaseAddressWrong, open_database, open_databases, write_transaction
from domain.errors import AnamnesisError


def shown(engine, *settings: str) -> dict[str, str]:
    with engine.connect() as connection:
        return {name: str(connection.execute(text(f"SHOW {name}")).scalar_one()) for name in settings}


def test_sessions_are_read_committed_named_and_bounded(postgres_url):
    engine = open_database(postgres_url)
    assert shown(
        engine, "transaction_isolation", "application_name", "lock_timeout", "idle_in_transaction_session_timeout"
    ) == {
        "transaction_isolation": "read committed",
        "application_name": "anamnesis",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "5min",
    }
    engine.dispose()


def test_settings_outlive_a_transaction_that_was_rolled_back(postgres_url):
    engine = open_database(postgres_url, pool_size=1, application_role="pg_monitor")
    with pytest.raises(ProgrammingError), write_transaction(engine) as connection:
        connection.execute(text("SELECT nothing"))
    assert shown(engine, "lock_timeout", "role") == {"lock_timeout": "10s", "role": "pg_monitor"}
    engine.dispose()


def test_what_the_address_says_comes_first(postgres_url):
    address = make_url(postgres_url).update_query_dict({"application_name": "other", "connect_timeout": "9"})
    engine = open_database(address.render_as_string(hide_password=False))
    assert shown(engine, "application_name") == {"application_name": "other"}
    with engine.connect() as connection:
        assert connection.connection.dbapi_connection.info.get_parameters()["connect_timeout"] == "9"
    engine.dispose()


def test_dead_peers_are_noticed(postgres_url):
    engine = open_database(postgres_url)
    with engine.connect() as connection:
        used = connection.connection.dbapi_connection.info.get_parameters()
    assert {key: used[key] for key in ("connect_timeout", "keepalives_idle", "tcp_user_timeout")} == {
        "connect_timeout": "5",
        "keepalives_idle": "30",
        "tcp_user_timeout": "30000",
    }
    engine.dispose()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_each_usual_spelling_of_the_scheme_works(postgres_url, scheme):
    rest = postgres_url.split("://", 1)[1]
    engine = open_database(f"{scheme}://{rest}")
    assert shown(engine, "application_name") == {"application_name": "anamnesis"}
    engine.dispose()


def test_as_many_connections_as_threads_and_no_more(postgres_url):
    engine = open_database(postgres_url, pool_size=5)
    connections = [engine.connect() for _ in range(5)]
    assert engine.pool.checkedout() == 5
    assert engine.pool._max_overflow == 0
    for connection in connections:
        connection.close()
    engine.dispose()


@pytest.mark.parametrize(
    "address",
    ["", "events.db", "mysql://clinic:hunter2@host/db", "sqlite+aiosqlite:///x", "postgresql+asyncpg://a:hunter2@b/c"],
)
def test_an_address_of_another_kind_is_refused_and_not_repeated(address):
    with pytest.raises(DatabaseAddressWrong) as refused:
        open_database(address)
    assert refused.value.code == "database_address"
    assert "hunter2" not in str(refused.value)


def test_a_password_is_in_no_error(tmp_path):
    databases = open_databases(*[f"postgresql://clinic:hunter2@/none?host={tmp_path}"] * 3)
    with pytest.raises(Exception, match="connection") as failed, databases.events.connect():
        pass
    assert "hunter2" not in str(failed.value)
    assert not isinstance(failed.value, AnamnesisError)
    databases.dispose()
