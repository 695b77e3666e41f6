"""The databases themselves refuse to change the log, whoever asks, the owner of the tables included."""

from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Table, Uuid, insert, select, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from adapters.db.engines import write_transaction
from adapters.db.errors import HistoryRefusesChange, translated
from adapters.event_store.tables import deployment, events, tiles

ROWS: dict[str, dict[str, Any]] = {
    "events": {
        "position": 1,
        "stream": UUID(int=1),
        "version": 1,
        "topic": "client.1",
        "subject": UUID(int=2),
        "record_class": "journal",
        "key_id": UUID(int=3),
        "incarnation": 1,
        "recorded_at_us": 1_700_000_000_000_000,
        "state_hash": sha256(b"state").digest(),
        "leaf": sha256(b"leaf").digest(),
        "state": b"state",
    },
    "tiles": {"level": 0, "tile": 0, "hashes": bytes(8192)},
    "deployment": {"incarnation": 1, "deployment_id": UUID(int=4), "first_position": 1, "opened_at_us": 1},
}
TABLES = [events, tiles, deployment]
ENVELOPE = [name for name in ROWS["events"] if name != "state"]


@pytest.fixture
def engine(databases):
    with write_transaction(databases.events) as connection:
        for table in TABLES:
            connection.execute(insert(table).values(ROWS[table.name]))
    return databases.events


def run(engine, statement) -> None:
    with translated("events"), write_transaction(engine) as connection:
        connection.execute(statement)


def rows(engine, table: Table) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        names = [column.key for column in table.columns]
        return [dict(zip(names, row, strict=True)) for row in connection.execute(select(table))]


def other(column) -> Any:
    """A value that differs from the stored one."""
    stored = ROWS[column.table.name][column.key]
    if isinstance(column.type, Uuid):
        return UUID(int=99)
    return stored + type(stored)(b"!" if isinstance(stored, bytes) else "!" if isinstance(stored, str) else 1)


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_rows_are_never_deleted(engine, table):
    with pytest.raises(HistoryRefusesChange) as refused:
        run(engine, table.delete())
    assert refused.value.code == "history_refuses_change"
    assert rows(engine, table) == [ROWS[table.name]]


@pytest.mark.parametrize("name", ENVELOPE)
def test_no_part_of_an_envelope_changes(engine, name):
    with pytest.raises(HistoryRefusesChange):
        run(engine, events.update().values({name: other(events.c[name])}))
    assert rows(engine, events) == [ROWS["events"]]


@pytest.mark.parametrize("name", ENVELOPE)
def test_no_part_of_an_envelope_changes_while_its_state_is_removed(engine, name):
    with pytest.raises(HistoryRefusesChange):
        run(engine, events.update().values({name: other(events.c[name]), "state": None}))
    assert rows(engine, events) == [ROWS["events"]]


@pytest.mark.parametrize("name", ["subject", "key_id"])
def test_an_empty_part_of_an_envelope_stays_empty(engine, name):
    second = {**ROWS["events"], "position": 2, "version": 2, name: None}
    run(engine, insert(events).values(second))
    with pytest.raises(HistoryRefusesChange):
        run(engine, events.update().where(events.c.position == 2).values({name: UUID(int=5), "state": None}))


def test_a_state_can_be_removed_and_never_comes_back(engine):
    run(engine, events.update().values(state=None))
    assert rows(engine, events) == [{**ROWS["events"], "state": None}]
    with pytest.raises(HistoryRefusesChange):
        run(engine, events.update().values(state=b"state"))
    run(engine, events.update().values(state=None))  # removing again is no change
    assert rows(engine, events) == [{**ROWS["events"], "state": None}]


def test_a_state_is_not_replaced(engine):
    with pytest.raises(HistoryRefusesChange):
        run(engine, events.update().values(state=b"other"))
    assert rows(engine, events) == [ROWS["events"]]


@pytest.mark.parametrize("table", [tiles, deployment], ids=str)
def test_tiles_and_openings_never_change(engine, table):
    for column in table.columns:
        changed = bytes(8191) + b"!" if column.key == "hashes" else other(column)
        with pytest.raises(HistoryRefusesChange):
            run(engine, table.update().values({column.key: changed}))
    assert rows(engine, table) == [ROWS[table.name]]


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_inserting_over_a_row_does_not_change_it(engine, table):
    made = (sqlite_insert if engine.dialect.name == "sqlite" else postgresql_insert)(table).values(ROWS[table.name])
    keys = [column.name for column in table.primary_key]
    changed = made.on_conflict_do_update(index_elements=keys, set_={key: table.c[key] for key in keys})
    with pytest.raises(HistoryRefusesChange):
        # Even a change to the same values, where it isn't the removal of a state.
        run(engine, changed)
    assert rows(engine, table) == [ROWS[table.name]]


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("table", TABLES, ids=str)
def test_insert_or_replace_does_not_get_around_the_guards(engine, table):
    with pytest.raises(HistoryRefusesChange):
        run(engine, insert(table).prefix_with("OR REPLACE").values(ROWS[table.name]))
    assert rows(engine, table) == [ROWS[table.name]]


@pytest.mark.parametrize("database_kind", ["postgresql"])
@pytest.mark.parametrize("table", TABLES, ids=str)
def test_truncate_is_refused(engine, table):
    with pytest.raises(HistoryRefusesChange):
        run(engine, text(f"TRUNCATE {table.name}"))
    assert rows(engine, table) == [ROWS[table.name]]


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_guards_hold_for_sessions_that_switch_ordinary_triggers_off(engine):
    for statement in ("DELETE FROM events", "UPDATE events SET state = 'x'", "TRUNCATE tiles"):
        with write_transaction(engine) as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            with pytest.raises(HistoryRefusesChange), translated(), connection.begin_nested():
                connection.execute(text(statement))
    assert rows(engine, events) == [ROWS["events"]]
