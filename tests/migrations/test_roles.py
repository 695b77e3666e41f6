"""What the application and the retention job may do on PostgreSQL, and how roles come about."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import Engine, insert, make_url, text

from adapters.db.engines import Databases, open_database, open_databases, write_transaction
from adapters.db.errors import DatabaseRefused, HistoryRefusesChange, RoleMissing, translated
from adapters.event_store.tables import events
from migrations.errors import MigrationRefused
from migrations.run import CHAINS, current, head, upgrade


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


@pytest.fixture
def application(database_urls) -> Iterator[Databases]:
    with open_databases(*database_urls, application_role="anamnesis_app") as opened:
        yield opened


@pytest.fixture
def retention(database_urls) -> Iterator[Engine]:
    engine = open_database(database_urls.events, application_role="anamnesis_retention")
    yield engine
    engine.dispose()


def run(engine: Engine, statement: str) -> None:
    with translated("events"), write_transaction(engine) as connection:
        connection.execute(text(statement))


ADD = {
    "events": "INSERT INTO events SELECT 1, gen_random_uuid(), 1, 'client.1', NULL, 'journal', NULL, 1, 1, "
    "sha256('a'), sha256('b'), 'state'",
    "tiles": "INSERT INTO tiles VALUES (0, 0, 'hashes')",
    "deployment": "INSERT INTO deployment VALUES (1, gen_random_uuid(), 1, 1)",
    "commands": "INSERT INTO commands VALUES (gen_random_uuid(), 1, 1, 1, 'f', 201, '', 1, NULL)",
    "fences": "INSERT INTO fences VALUES (gen_random_uuid(), 1, 'erasure')",
}


def column_of(table: str) -> str:
    return {"events": "state", "tiles": "hashes", "deployment": "opened_at_us", "commands": "status"}.get(
        table, "reason"
    )


@pytest.mark.parametrize("table", ADD)
def test_the_application_adds_to_the_log_and_changes_nothing_in_it(application, table):
    run(application.events, ADD[table])
    column = column_of(table)
    for statement in (
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        f"CREATE INDEX ON {table} ({column})",
    ):
        with pytest.raises(DatabaseRefused):
            run(application.events, statement)
    with application.events.connect() as connection:
        assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 1


def test_the_application_does_not_remove_states_either(application):
    run(application.events, ADD["events"])
    with pytest.raises(DatabaseRefused) as refused:
        run(application.events, "UPDATE events SET state = NULL")
    assert refused.value.code == "database_permission"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE own (id int)",
        "CREATE FUNCTION own() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "UPDATE alembic_events SET version_num = '0001'",
        "CREATE ROLE other",
        "SET session_replication_role = replica",
    ],
)
def test_the_application_changes_no_definitions(application, statement):
    with pytest.raises(DatabaseRefused):
        run(application.events, statement)


FREE = {
    "events": (
        "accounts",
        "sign_ins",
        "clients",
        "care_team",
        "consents",
        "identity_lookup",
        "drafts",
        "snapshots",
        "tracking",
    ),
    "keys": ("keys",),
    "views": (
        "view_tracking",
        "parked_events",
        "view_fences",
        "journey_items",
        "caseload",
        "audit_kinds",
        "audit_entries",
        "audit_clients",
    ),
}


@pytest.mark.parametrize(("chain", "table"), [(chain, table) for chain in CHAINS for table in FREE[chain]])
def test_the_application_may_change_what_follows_from_the_log(application, chain, table):
    with getattr(application, chain).connect() as connection:
        allowed = connection.execute(
            text(
                "SELECT right_name FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', "
                "'REFERENCES']) AS r(right_name) WHERE has_table_privilege(current_user, :table, right_name)"
            ),
            {"table": table},
        )
        assert set(allowed.scalars()) == {"SELECT", "INSERT", "UPDATE", "DELETE"}


def test_every_table_is_granted_to_the_application(databases, application):
    query = text(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' "
        "AND n.nspname = 'public' AND NOT has_table_privilege('anamnesis_app', c.oid, 'SELECT')"
    )
    with databases.events.connect() as connection:
        assert connection.execute(query).scalars().all() == []


def test_the_application_can_tell_the_revision(application):
    for chain in CHAINS:
        assert current(getattr(application, chain), chain) == head(chain)


def test_retention_removes_states_and_does_nothing_else(application, retention):
    run(application.events, ADD["events"])
    run(application.events, ADD["commands"])
    with pytest.raises(HistoryRefusesChange):
        run(retention, "UPDATE events SET state = 'other'")
    for statement in (
        "UPDATE events SET topic = topic, state = NULL",
        "DELETE FROM events",
        "TRUNCATE events",
        ADD["events"],
        "UPDATE commands SET status = 500",
        "DELETE FROM tiles",
        "SELECT * FROM accounts",
        "SELECT * FROM drafts",
        "CREATE TABLE own (id int)",
    ):
        with pytest.raises(DatabaseRefused):
            run(retention, statement)
    run(retention, "UPDATE events SET state = NULL WHERE position = 1")
    run(retention, "DELETE FROM commands WHERE recorded_at_us < 2")
    with application.events.connect() as connection:
        stored = connection.execute(text("SELECT state FROM events UNION ALL SELECT fingerprint FROM commands"))
        assert stored.scalars().all() == [None]


def test_states_removed_by_retention_do_not_come_back(application, retention):
    run(application.events, ADD["events"])
    run(retention, "UPDATE events SET state = NULL")
    with pytest.raises(HistoryRefusesChange):
        run(retention, "UPDATE events SET state = 'state'")


def test_a_role_that_does_not_exist_is_named(database_urls):
    engine = open_database(database_urls.events, application_role='nobody "here"')
    with pytest.raises(RoleMissing, match=r"role=nobody \"here\"") as missing, translated("events"), engine.connect():
        pass
    assert missing.value.code == "database_role_missing"
    engine.dispose()


# A server without the roles yet ---------------------------------------------------------------------------------------


@contextmanager
def account(server, name: str, rights: str = "") -> Iterator[str]:
    """URL of a new database that belongs to a new account."""
    administrator = open_database(server.url()).execution_options(isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        for role in ("anamnesis_app", "anamnesis_retention"):
            connection.execute(text(f"DROP ROLE IF EXISTS {role}"))
        connection.execute(text(f'CREATE ROLE "{name}" LOGIN {rights}'))
        connection.execute(text(f'CREATE DATABASE "{name}" OWNER "{name}"'))
        yield make_url(server.url(name)).set(username=name).render_as_string(hide_password=False)
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        connection.execute(text(f'DROP OWNED BY "{name}"'))
        for role in ("anamnesis_app", "anamnesis_retention"):
            connection.execute(text(f"DROP ROLE IF EXISTS {role}"))
        connection.execute(text(f'DROP ROLE "{name}"'))
    administrator.dispose()


def test_an_account_that_may_not_create_roles_is_told_what_an_administrator_runs(own_postgres):
    with account(own_postgres, "plain Owner") as url:
        engine = open_database(url)
        with pytest.raises(MigrationRefused, match="may not create roles") as refused:
            upgrade(engine, "events")
        assert refused.value.code == "roles_missing"
        assert current(engine, "events") is None
        commands = refused.value.hint.removeprefix("Have an administrator run: ").removesuffix(" Then migrate again.")
        administrator = open_database(own_postgres.url())
        with administrator.begin() as connection:
            connection.exec_driver_sql(commands)
        administrator.dispose()
        for chain in CHAINS:
            assert upgrade(engine, chain).after == head(chain)
        engine.dispose()
        works_as_application(url)


def test_an_account_that_may_create_roles_makes_them(own_postgres):
    with account(own_postgres, "creator", "CREATEROLE") as url:
        engine = open_database(url)
        for chain in CHAINS:
            upgrade(engine, chain)
        engine.dispose()
        works_as_application(url)


def test_databases_of_one_server_migrated_at_the_same_time_share_the_roles(own_postgres):
    with account(own_postgres, "first", "CREATEROLE"), ExitStack() as stack:
        urls = [stack.enter_context(database(own_postgres, f"clinic{number}")) for number in range(4)]
        engines = [open_database(url) for url in urls]
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda engine: upgrade(engine, "events"), engines))
        assert {each.after for each in done} == {head("events")}
        for engine, url in zip(engines, urls, strict=True):
            engine.dispose()
            works_as_application(url)


@contextmanager
def database(server, name: str) -> Iterator[str]:
    administrator = open_database(server.url()).execution_options(isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield server.url(name)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    administrator.dispose()


def works_as_application(url: str) -> None:
    """The owner's account can put its own rights aside."""
    engine = open_database(url, application_role="anamnesis_app")
    run(engine, ADD["events"])
    with pytest.raises(DatabaseRefused):
        run(engine, "DELETE FROM events")
    engine.dispose()
    owner = open_database(url)
    with pytest.raises(HistoryRefusesChange):
        run(owner, "DELETE FROM events")
    with owner.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM events")).scalar_one() == 1
    owner.dispose()


def test_an_insert_of_the_code_needs_no_more_than_the_application_has(application):
    with write_transaction(application.events) as connection:
        connection.execute(
            insert(events).values(
                position=1,
                stream="00000000-0000-0000-0000-000000000001",
                version=1,
                topic="audit.1",
                record_class="audit",
                incarnation=1,
                recorded_at_us=1,
                state_hash=bytes(32),
                leaf=bytes(32),
                state=b"state",
            )
        )
