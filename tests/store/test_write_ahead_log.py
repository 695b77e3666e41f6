"""SQLite under steady reading: the file of changes that are not in the database yet stays short, and nobody waits long."""

from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Thread
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, make_url, select

from adapters.db import sqlite
from adapters.db.engines import open_database, read_transaction, write_transaction
from adapters.event_store.tables import events, snapshots
from tests.store.conftest import append_of, new_row

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
ROW = bytes(100_000)


@pytest.fixture
def engine(database_urls, monkeypatch):
    """Made after the bound was set low."""
    monkeypatch.setattr(sqlite, "WAL_BYTES", 256 * 1024)
    engine = open_database(database_urls.events)
    yield engine
    engine.dispose()


@pytest.fixture
def wal(database_urls):
    return Path(f"{make_url(database_urls.events).database}-wal")


@contextmanager
def readers_in_turn(engine):
    """Two readers who relieve each other: each begins before the other ends, so that there is always one."""
    turn = Barrier(2)

    def read(begins):
        with ExitStack() as stack, suppress(BrokenBarrierError):
            while True:
                if begins:
                    connection = stack.enter_context(read_transaction(engine))
                    connection.execute(select(func.count()).select_from(events)).scalar_one()
                turn.wait(30)
                if not begins:
                    stack.close()
                begins = not begins

    threads = [Thread(target=read, args=(begins,)) for begins in (True, False)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        turn.abort()
        for thread in threads:
            thread.join()


def appending(engine, open_recorder):
    recorder = open_recorder(engine=engine)
    return lambda: recorder.append(append_of(new_row(state=ROW)))


def inserting(engine, _open_recorder):
    def insert_one():
        row = {"stream": uuid4(), "version": 1, "topic": "t", "record_class": "", "incarnation": 1, "state": ROW}
        with write_transaction(engine) as connection:
            connection.execute(insert(snapshots).values(row))

    return insert_one


@pytest.mark.parametrize("writing", [appending, inserting])
def test_readers_who_never_all_pause_do_not_let_the_file_grow(engine, wal, open_recorder, writing):
    write = writing(engine, open_recorder)
    sizes = []
    with readers_in_turn(engine):
        for _ in range(60):
            write()
            sizes.append(wal.stat().st_size)
    assert max(sizes) < 1_000_000


def test_a_reader_who_never_ends_keeps_its_view_and_lets_writers_go_on(engine, open_recorder, monkeypatch):
    monkeypatch.setattr(sqlite, "_PAUSE_S", 0.01)
    recorder = open_recorder(engine=engine)
    with read_transaction(engine) as connection:
        seen = connection.execute(select(func.count()).select_from(events)).scalar_one()
        for _ in range(20):
            recorder.append(append_of(new_row(state=ROW)))
        assert connection.execute(select(func.count()).select_from(events)).scalar_one() == seen
    assert recorder.append(append_of(new_row())).first == 21
    writer = recorder._committer._settlement._writer._own._driver
    assert writer.execute("PRAGMA busy_timeout").fetchone() == (sqlite.BUSY_TIMEOUT_S * 1000,)
