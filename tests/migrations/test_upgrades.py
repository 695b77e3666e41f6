"""Upgrades: from nothing, from the previous revision with data in it, at the same time, and never half."""

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, LargeBinary, MetaData, Table, Uuid, inspect, make_url, select, text
from sqlalchemy.exc import DBAPIError

from adapters.db.checks import DatabaseEmpty, DatabaseNewer, DatabaseOlder, check_revision
from adapters.db.engines import open_database, write_transaction
from migrations.errors import MigrationRefused
from migrations.revisions import folder
from migrations.run import CHAINS, current, head, known, upgrade, version_table


@pytest.fixture
def engine(empty_database_url) -> Iterator[Engine]:
    engine = open_database(empty_database_url)
    yield engine
    engine.dispose()


MADE_ANEW = {("views", "audit_entries"): "0005"}
"""Tables that a revision empties because their rows take another shape: projections build them from the log."""
STEPS = [(chain, revision) for chain in CHAINS for revision in known(chain)[:-1]]


def tables(engine: Engine, *, beside: str = "") -> dict[str, Table]:
    metadata = MetaData()
    metadata.reflect(engine)
    return {name: table for name, table in metadata.tables.items() if name != beside}


def example(column: Any, number: int) -> Any:
    """A value for any column of any revision, other for each `number`."""
    if column.name == "position":
        return number
    if isinstance(column.type, Uuid):
        return UUID(int=number)
    kind = column.type.python_type
    if isinstance(column.type, LargeBinary):
        return bytes([number]) * 32
    if kind is str:
        return f"{number:032x}"[: column.type.length or 32]
    if kind is dt.datetime:
        return dt.datetime(2026, 1, number, tzinfo=dt.UTC)
    return kind(number % 2) if kind is bool else kind(number)


def contents(engine: Engine, described: dict[str, Table]) -> dict[str, list[tuple[Any, ...]]]:
    with engine.connect() as connection:
        return {
            name: sorted(map(tuple, connection.execute(select(table))), key=repr) for name, table in described.items()
        }


def test_an_empty_database_is_brought_to_the_newest_revision_and_says_so(engine):
    for chain in CHAINS if engine.dialect.name == "postgresql" else ("events",):
        assert current(engine, chain) is None
        done = upgrade(engine, chain)
        assert (done.before, done.after, done.applied) == (None, head(chain), known(chain))
        assert str(done) == f"{chain}: empty → {head(chain)} ({', '.join(known(chain))})"
        assert current(engine, chain) == head(chain)


def test_a_second_upgrade_finds_nothing_to_do(engine):
    upgrade(engine, "events")
    again = upgrade(engine, "events")
    assert again.applied == ()
    assert str(again) == f"events: at revision {head('events')} already"


@pytest.mark.parametrize(("chain", "revision"), STEPS)
def test_a_database_of_an_earlier_revision_keeps_its_data(engine, chain, revision):
    upgrade(engine, chain, revision)
    before = tables(engine, beside=version_table(chain))
    with write_transaction(engine) as connection:
        for table in before.values():
            rows = [{c.name: example(c, number) for c in table.columns} for number in (1, 2, 3)]
            connection.execute(table.insert(), rows)
    stored = contents(engine, before)
    assert all(len(rows) == 3 for rows in stored.values())
    done = upgrade(engine, chain)
    assert done.before == revision
    assert done.applied == known(chain)[known(chain).index(revision) + 1 :]
    emptied = {name for (of, name), at in MADE_ANEW.items() if of == chain and revision < at <= head(chain)}
    kept = {name: table for name, table in before.items() if name not in emptied}
    assert contents(engine, kept) == {name: stored[name] for name in kept}
    now = tables(engine)
    assert not any(contents(engine, {name: now[name]})[name] for name in emptied & before.keys())


def test_guards_hold_for_rows_written_before_there_were_guards(engine):
    upgrade(engine, "events", "0001")
    events = tables(engine)["events"]
    with write_transaction(engine) as connection:
        connection.execute(events.insert(), {c.name: example(c, 1) for c in events.columns})
    upgrade(engine, "events")
    with pytest.raises(DBAPIError, match="append-only"), write_transaction(engine) as connection:
        connection.execute(events.delete())
    assert len(contents(engine, {"events": events})["events"]) == 1


def test_upgrades_at_the_same_time_run_one_after_the_other(empty_database_url):
    engines = [open_database(empty_database_url) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda engine: upgrade(engine, "events"), engines))
    assert sorted(len(each.applied) for each in done) == [0] * 5 + [len(known("events"))]
    check_revision(engines[0], "events")
    for engine in engines:
        engine.dispose()


def test_an_upgrade_that_fails_leaves_nothing_behind(engine):
    # The last table that the first revision makes is in the way.
    with write_transaction(engine) as connection:
        connection.execute(text("CREATE TABLE drafts (id INTEGER)"))
    with pytest.raises(DBAPIError, match="exists"):
        upgrade(engine, "events")
    assert inspect(engine).get_table_names() == ["drafts"]
    with write_transaction(engine) as connection:
        connection.execute(text("DROP TABLE drafts"))
    assert upgrade(engine, "events").applied == known("events")


def test_going_back_is_refused_and_says_what_to_do(engine):
    upgrade(engine, "events")
    with pytest.raises(MigrationRefused, match="going back to 0001 is not offered") as refused:
        upgrade(engine, "events", "0001")
    assert refused.value.code == "downgrade_not_offered"
    assert "back-up" in refused.value.hint
    assert current(engine, "events") == head("events")


def test_a_revision_that_does_not_exist_is_named(engine):
    with pytest.raises(MigrationRefused, match=r"no revision 0099.*knows 0001, 0002") as refused:
        upgrade(engine, "events", "0099")
    assert refused.value.code == "revision_unknown"
    assert inspect(engine).get_table_names() == []


@pytest.mark.parametrize("chain", CHAINS)
def test_revisions_named_by_their_files_are_those_that_alembic_knows(chain):
    walked = ScriptDirectory(str(folder(chain)), version_locations=[str(folder(chain))]).walk_revisions()
    assert tuple(script.revision for script in walked)[::-1] == known(chain)


def test_asking_for_the_revision_does_not_load_alembic():
    program = "import sys, adapters.db.engines; assert not {'alembic', 'mako'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def stamp(engine: Engine, chain: str, revision: str) -> None:
    with write_transaction(engine) as connection:
        connection.execute(text(f"UPDATE {version_table(chain)} SET version_num = :revision"), {"revision": revision})


@pytest.mark.parametrize("chain", CHAINS)
def test_a_database_of_a_newer_release_is_left_alone(engine, chain):
    upgrade(engine, chain)
    stamp(engine, chain, "9001")
    sentence = f"written by a newer release.*revision 9001; this release knows up to {head(chain)}"
    with pytest.raises(DatabaseNewer, match=sentence) as newer:
        check_revision(engine, chain)
    assert newer.value.code == "database_newer"
    with pytest.raises(MigrationRefused, match=sentence) as refused:
        upgrade(engine, chain)
    assert refused.value.code == "database_newer"
    assert current(engine, chain) == "9001"


def test_an_empty_database_and_an_older_one_ask_for_a_migration(engine):
    with pytest.raises(DatabaseEmpty, match="no tables yet") as empty:
        check_revision(engine, "events")
    assert (empty.value.code, "anamnesis migrate" in empty.value.hint) == ("database_empty", True)
    upgrade(engine, "events", "0001")
    with pytest.raises(DatabaseOlder) as older:
        check_revision(engine, "events")
    assert (older.value.code, "anamnesis migrate" in older.value.hint) == ("database_older", True)
    assert older.value.facts == {"database": "events", "revision": "0001", "known": head("events")}


def test_a_schema_of_its_own_works_like_public(empty_postgres_url):
    plain = open_database(empty_postgres_url)
    with plain.begin() as connection:
        connection.execute(text('CREATE SCHEMA "clinic A"'))
    address = make_url(empty_postgres_url).update_query_dict({"options": '-csearch_path="clinic\\ A"'})
    engine = open_database(address.render_as_string(hide_password=False))
    for chain in CHAINS:
        upgrade(engine, chain)
        check_revision(engine, chain)
    assert inspect(plain).get_table_names("public") == []
    assert "events" in inspect(plain).get_table_names("clinic A")
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("TRUNCATE events"))
    engine.dispose()
    application = open_database(address.render_as_string(hide_password=False), application_role="anamnesis_app")
    check_revision(application, "events")
    with pytest.raises(DBAPIError, match="permission denied"), application.begin() as connection:
        connection.execute(text("DELETE FROM events"))
    application.dispose()
    plain.dispose()
