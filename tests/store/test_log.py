"""What the recorder leaves of the tree: leaves and tiles that anyone can re-derive, whoever wrote them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, text

from adapters.db.engines import open_database, write_transaction
from adapters.event_store import writer
from adapters.event_store.log_reader import read_leaves, read_tile
from adapters.event_store.tables import tiles
from adapters.log.merkle import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from adapters.log.tiles import Frontier, TileDamaged, tiled_nodes
from tests.log import naive
from tests.store.audit import audit
from tests.store.conftest import append_of, new_row


def many(count):
    return append_of(*(new_row() for _ in range(count)))


@pytest.fixture
def other(database_urls, open_recorder):
    engine = open_database(database_urls.events)
    yield open_recorder(engine=engine)
    engine.dispose()


@pytest.mark.parametrize("sizes", [(255, 1, 1), (256, 256), (300, 700), (1, 1023)])
def test_tiles_are_stored_with_the_rows_that_fill_them(recorder, events_engine, sizes):
    for size in sizes:
        recorder.append(many(size))
    assert len(audit(events_engine)) == sum(sizes)


def test_writers_of_several_processes_build_one_tree(recorder, other, events_engine):
    for size in (100, 200, 300):
        recorder.append(many(size))
        other.append(many(size))
    assert len(audit(events_engine)) == 1200


def test_a_writer_far_behind_catches_up_from_tiles(recorder, other, events_engine, monkeypatch):
    monkeypatch.setattr(writer, "_NEAR", 10)
    recorder.append(many(3))
    other.append(many(700))
    recorder.append(many(600))
    assert len(audit(events_engine)) == 1303


def test_a_writer_that_finds_a_tile_missing_writes_nothing(recorder, open_recorder, events_engine, database_kind):
    recorder.append(many(300))
    with write_transaction(events_engine) as connection:
        if database_kind == "postgresql":
            connection.execute(text("ALTER TABLE tiles DISABLE TRIGGER ALL"))
        else:
            names = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'tiles'")
            for (name,) in connection.execute(names).all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(delete(tiles))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "_NEAR", 10)
        with pytest.raises(LookupError, match="tile 0 of level 0"):
            open_recorder().append(many(1))
    assert recorder.last_position() == 300


@given(st.lists(st.integers(1, 400), min_size=1, max_size=4), st.integers(0, 2**20), st.integers(0, 2**20))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_proofs_read_from_the_database_verify_against_the_naive_tree(recorder, events_engine, sizes, one, another):
    for size in sizes:
        recorder.append(many(size))
    recorder.close()
    with events_engine.connect() as connection:
        size = recorder.last_position()
        leaves = read_leaves(connection, 0, size)
        node = tiled_nodes(
            size,
            lambda level, number: read_tile(connection, level, number),
            lambda start, end: read_leaves(connection, start, end),
        )
        index, first = one % size, another % size + 1
        root = naive.mth(leaves)
        verify_inclusion(leaves[index], index, size, inclusion_proof(index, size, node), root)
        verify_consistency(first, size, naive.mth(leaves[:first]), root, consistency_proof(first, size, node))
        frontier = Frontier.at(
            size,
            lambda level, number: read_tile(connection, level, number),
            lambda start, end: read_leaves(connection, start, end),
        )
    assert frontier.root() == root


def test_leaves_that_are_not_there_are_told(recorder, events_engine):
    recorder.append(many(2))
    with events_engine.connect() as connection, pytest.raises(TileDamaged, match="3 leaves expected from position 1"):
        read_leaves(connection, 0, 3)
