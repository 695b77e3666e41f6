"""The database goes away, fills up, stays locked: nothing is half-written, nothing guessed, and work goes on after."""

import resource
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from real_servers import server_folder
from sqlalchemy import make_url, text

from adapters.db.engines import open_database
from adapters.db.errors import DatabaseBusy, DatabaseDown, DatabaseFull, DatabaseReadOnly
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Appended
from adapters.event_store.settlement import OutcomeUnknown
from adapters.event_store.writer import exclusive_transaction
from domain.errors import StoreUnavailable
from migrations.run import upgrade
from tests.conftest import database_at, execute_on
from tests.store.audit import audit
from tests.store.conftest import DEPLOYMENT, append_of, new_row
from tests.store.proxy import wire_to
from tests.store.together import queued, together

only_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
only_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def writer_of(recorder):
    return recorder._committer._settlement._writer


def on_the_writers_connection(recorder, statement):
    writer_of(recorder)._own._driver.execute(statement)


def end_connections(engine):
    """As an operator would, or a failing network."""
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def appends(count=4):
    return [append_of(new_row(), new_row()) for _ in range(count)]


# A connection lost during the commit


@pytest.fixture
def wire(database_urls):
    with server_folder() as folder, wire_to(database_urls.events, folder) as (wire, url):
        wire.url = url
        yield wire


@pytest.fixture
def over_wire(wire, open_recorder):
    """A recorder behind the wire, with a first append done."""
    engine = open_database(wire.url)
    recorder = open_recorder(engine=engine)
    recorder.append(append_of(new_row()))
    yield recorder
    recorder.close()
    engine.dispose()


@only_postgresql
@pytest.mark.parametrize("lost", ["answer", "question"])
def test_a_commit_whose_end_is_lost_is_resolved_by_command_ids(over_wire, wire, events_engine, lost):
    wire.cut(lost)
    outcomes = together(over_wire, events_engine, *appends())
    assert wire.was_cut.is_set()
    assert [(each.first, each.last, each.replayed) for each in outcomes] == [
        (2, 3, False),
        (4, 5, False),
        (6, 7, False),
        (8, 9, False),
    ]
    assert len(audit(events_engine)) == 9
    assert over_wire.append(append_of(new_row())).first == 10


@only_postgresql
def test_a_lost_answer_within_a_group_keeps_each_members_own_outcome(over_wire, wire, events_engine):
    stream, command_id = uuid4(), uuid4()
    wire.cut("answer")
    outcomes = together(
        over_wire,
        events_engine,
        append_of(new_row(stream, 1), command_id=command_id),
        append_of(new_row(stream, 1)),
        append_of(new_row(stream, 1), command_id=command_id),
    )
    assert wire.was_cut.is_set()
    assert [getattr(each, "replayed", "stale") for each in outcomes] == [False, "stale", True]
    assert len(audit(events_engine)) == 2


@only_postgresql
@pytest.mark.parametrize("lost", ["answer", "question"])
def test_an_outcome_that_cannot_be_learnt_is_not_guessed(wire, open_recorder, events_engine, lost):
    recorder = open_recorder(engine=open_database(wire.url), resolve_s=0.2)
    recorder.append(append_of(new_row()))
    append = append_of(new_row())
    wire.cut(lost, then_block=True)
    with pytest.raises(OutcomeUnknown) as unknown:
        recorder.append(append)
    assert unknown.value.facts == {"command": str(append.command.id)}
    wire.mend()
    assert recorder.append(append).replayed == (lost == "answer")
    assert len(audit(events_engine)) == 2
    recorder.close()
    recorder._engine.dispose()


@only_postgresql
def test_a_connection_that_died_idle_is_replaced_unnoticed(recorder, events_engine):
    recorder.append(append_of(new_row()))
    end_connections(events_engine)
    assert recorder.append(append_of(new_row())).first == 2
    assert len(audit(events_engine)) == 2


@only_postgresql
def test_a_connection_that_dies_within_a_group_costs_nobody_an_append(recorder, database_urls, events_engine):
    other = open_database(database_urls.events)
    recorder.append(append_of(new_row()))
    pid = writer_of(recorder)._own._driver.info.backend_pid
    outcomes = {}
    with exclusive_transaction(other) as connection:
        threads = [queued(recorder, each, outcomes, at) for at, each in enumerate(appends(3))]
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    for thread in threads:
        thread.join()
    assert sorted(outcomes[at].first for at in range(3)) == [2, 4, 6]
    audit(events_engine)
    other.dispose()


# A server that is down


def test_a_server_that_is_down_is_told_and_found_again(own_postgres):
    name = f"down_{uuid4().hex}"
    execute_on(own_postgres.url(), f'CREATE DATABASE "{name}"')
    engine = open_database(database_at(own_postgres.url(), name))
    upgrade(engine, "events")
    recorder = Recorder(engine)
    recorder.open_log(DEPLOYMENT, 1)
    recorder.append(append_of(new_row()))
    own_postgres.stop()
    append = append_of(new_row())
    with pytest.raises(DatabaseDown) as down:
        recorder.append(append)
    assert down.value.code == "database_down"
    with pytest.raises(StoreUnavailable):
        recorder.read_log(0, 1)
    own_postgres.start()
    assert not recorder.append(append).replayed
    assert len(audit(engine)) == 2
    recorder.close()
    engine.dispose()


# A lock that somebody keeps


def test_a_lock_that_is_kept_too_long_is_told_to_all_who_wait(recorder, database_kind, events_engine):
    recorder.append(append_of(new_row()))
    patience = {"sqlite": "PRAGMA busy_timeout = 50", "postgresql": "SET lock_timeout = '50ms'"}[database_kind]
    on_the_writers_connection(recorder, patience)
    with exclusive_transaction(events_engine):
        for _ in range(2):
            with pytest.raises(DatabaseBusy):
                recorder.append(append_of(new_row()))
    assert recorder.append(append_of(new_row())).first == 2
    assert len(audit(events_engine)) == 2


# Full and read-only


@only_sqlite
def test_a_full_disk_refuses_the_append_whole_and_passes(recorder, events_engine):
    recorder.append(append_of(new_row()))
    (pages,) = writer_of(recorder)._own._driver.execute("PRAGMA page_count").fetchone()
    on_the_writers_connection(recorder, f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(DatabaseFull) as full:
        recorder.append(append_of(*(new_row(state=bytes(4000)) for _ in range(20))))
    assert full.value.code == "database_full"
    on_the_writers_connection(recorder, "PRAGMA max_page_count = 1000000")
    assert recorder.append(append_of(*(new_row(state=bytes(4000)) for _ in range(20)))).first == 2
    assert len(audit(events_engine)) == 21


@contextmanager
def files_limited_to(size_bytes):
    """No file of this process may grow beyond: writing fails in the operating system, as on a broken disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@only_sqlite
def test_a_disk_that_fails_in_the_commit_leaves_no_doubt_behind(open_recorder, database_urls, events_engine):
    recorder = open_recorder(resolve_s=0.1)
    recorder.append(append_of(new_row()))
    log = Path(str(make_url(database_urls.events).database) + "-wal")
    append = append_of(new_row(state=bytes(100_000)))
    with files_limited_to(log.stat().st_size + 8192), pytest.raises(StoreUnavailable):
        recorder.append(append)
    assert len(audit(events_engine)) == 1
    assert not recorder.append(append).replayed
    assert len(audit(events_engine)) == 2


@only_sqlite
def test_a_file_that_may_only_be_read_is_told(recorder, events_engine, database_urls):
    recorder.append(append_of(new_row()))
    reading = open_database(f"sqlite:///file:{make_url(database_urls.events).database}?mode=ro&uri=true")
    reader = Recorder(reading)
    assert len(reader.read_log(0, 10)) == 1
    with pytest.raises(DatabaseReadOnly):
        reader.append(append_of(new_row()))
    reader.close()
    reading.dispose()
    assert recorder.append(append_of(new_row())).first == 2


@only_postgresql
def test_a_server_that_may_only_be_read_is_told_and_found_writable_again(recorder, database_urls, events_engine):
    recorder.append(append_of(new_row()))
    name = make_url(database_urls.events).database
    execute_on(database_urls.events, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    end_connections(events_engine)
    with pytest.raises(DatabaseReadOnly):
        recorder.append(append_of(new_row()))
    maintenance = database_at(database_urls.events, "postgres")
    execute_on(maintenance, f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    assert recorder.append(append_of(new_row())).first == 2
    assert len(audit(events_engine)) == 2


@only_postgresql
def test_a_full_server_refuses_the_append_whole_and_passes(recorder, database_urls, events_engine):
    recorder.append(append_of(new_row()))
    execute_on(
        database_urls.events,
        "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$",
        "CREATE TRIGGER full_disk AFTER INSERT ON commands FOR EACH ROW EXECUTE FUNCTION no_space()",
    )
    outcomes = together(recorder, events_engine, *appends())
    assert {type(each) for each in outcomes} == {DatabaseFull}
    assert recorder.last_position() == 1
    execute_on(database_urls.events, "DROP TRIGGER full_disk ON commands")
    assert all(isinstance(each, Appended) for each in together(recorder, events_engine, *appends()))
    assert len(audit(events_engine)) == 9
