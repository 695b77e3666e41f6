"""Migrations and code agree: what Alembic creates is what the table modules describe, on both databases."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, inspect
from sqlalchemy.schema import CreateSchema

import adapters.access.tables  # noqa: F401 - adds its tables to the metadata of the event database
from adapters.db.engines import open_database
from adapters.event_store.tables import metadata as events
from adapters.keys.tables import metadata as keys
from adapters.views.tables import metadata as views
from migrations.run import CHAINS, upgrade, version_table

METADATA: Mapping[str, MetaData] = {"events": events, "keys": keys, "views": views}


@pytest.fixture
def engine(empty_database_url) -> Iterator[Engine]:
    engine = open_database(empty_database_url)
    yield engine
    engine.dispose()


def differences(connection: Connection, chain: str) -> list[Any]:
    options = {"version_table": version_table(chain), "compare_type": True, "compare_server_default": True}
    return compare_metadata(MigrationContext.configure(connection, opts=options), METADATA[chain])


@pytest.mark.parametrize("chain", CHAINS)
def test_alembic_finds_nothing_to_change(engine, chain):
    upgrade(engine, chain)
    with engine.connect() as connection:
        assert differences(connection, chain) == []


@pytest.mark.parametrize("chain", CHAINS)
def test_a_table_that_only_the_database_has_would_be_found(engine, chain):
    upgrade(engine, chain)
    with engine.begin() as connection:
        Table("stray", MetaData(), Column("id", Integer, primary_key=True)).create(connection)
        assert [difference[0] for difference in differences(connection, chain)] == ["remove_table"]


def described(connection: Connection, chain: str) -> Mapping[str, Any]:
    """Everything the database says about each table, order of columns and names of constraints included."""
    look = inspect(connection)
    return {
        table: {
            "columns": [{**column, "type": repr(column["type"])} for column in look.get_columns(table)],
            "primary key": look.get_pk_constraint(table),
            "unique": sorted(look.get_unique_constraints(table), key=lambda found: str(found["name"])),
            "indexes": sorted(
                repr({**index, "dialect_options": {k: str(v) for k, v in index.get("dialect_options", {}).items()}})
                for index in look.get_indexes(table)
            ),
            "checks": look.get_check_constraints(table),
            "foreign keys": look.get_foreign_keys(table),
        }
        for table in look.get_table_names()
        if table != version_table(chain)
    }


@contextmanager
def created_by_code(engine: Engine, chain: str, tmp_path) -> Iterator[Connection]:
    """The tables as `create_all` makes them: in a schema beside, or a file beside."""
    if engine.dialect.name == "sqlite":
        beside = open_database(f"sqlite:///{tmp_path / 'beside.db'}")
        with beside.begin() as connection:
            METADATA[chain].create_all(connection)
            yield connection
        beside.dispose()
        return
    with engine.connect() as connection:
        connection.execute(CreateSchema("beside"))
        connection.exec_driver_sql("SET LOCAL search_path = beside")
        connection.dialect.default_schema_name = "beside"
        METADATA[chain].create_all(connection)
        yield connection
        connection.rollback()
        connection.dialect.default_schema_name = "public"


@pytest.mark.parametrize("chain", CHAINS)
def test_migrated_and_created_tables_are_the_same_to_the_letter(engine, chain, tmp_path):
    upgrade(engine, chain)
    with engine.connect() as connection:
        migrated = described(connection, chain)
    with created_by_code(engine, chain, tmp_path) as connection:
        created = described(connection, chain)
    assert migrated == created
    assert set(migrated) == set(METADATA[chain].tables)


def test_the_three_chains_share_one_postgresql_database(empty_postgres_url):
    names = [table for chain in CHAINS for table in METADATA[chain].tables]
    assert len(names) == len(set(names)), "two chains have a table of the same name"
    engine = open_database(empty_postgres_url)
    for chain in CHAINS:
        assert upgrade(engine, chain).applied
    with engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {*names, *map(version_table, CHAINS)}
    engine.dispose()
