"""A server that came back without rows it had acknowledged: a failover to a standby that lagged, a file put back."""

import pytest
from sqlalchemy import delete, text

from adapters.db.engines import open_database, write_transaction
from adapters.event_store.tables import commands, events, tiles
from adapters.event_store.writer import LogReplaced
from tests.store.audit import audit
from tests.store.conftest import append_of, new_row


@pytest.fixture
def other(database_urls, open_recorder):
    """A recorder with an engine of its own, as another process has."""
    engine = open_database(database_urls.events)
    yield open_recorder(engine=engine)
    engine.dispose()


def lose_rows_beyond(engine, position):
    """As if the newest rows had never been: the guards are out of the way only to play that."""
    with write_transaction(engine) as connection:
        if engine.dialect.name == "postgresql":
            for table in ("events", "tiles"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        else:
            for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(delete(events).where(events.c.position > position))
        connection.execute(delete(commands).where(commands.c.last_position > position))
        connection.execute(delete(tiles).where((tiles.c.tile + 1) * 256 > position))


@pytest.mark.parametrize("more", [0, 1, 5])
@pytest.mark.parametrize("sizes", [(3, 1), (255, 1), (256, 1), (250, 7)])
def test_a_writer_whose_last_rows_were_replaced_by_others_spoils_no_tile(recorder, other, events_engine, sizes, more):
    before, lost = sizes
    recorder.append(append_of(*(new_row() for _ in range(before))))
    recorder.append(append_of(*(new_row() for _ in range(lost))))
    lose_rows_beyond(events_engine, before)
    other.append(append_of(*(new_row() for _ in range(lost + more))))
    with pytest.raises(LogReplaced) as refused:
        recorder.append(append_of(new_row()))
    assert refused.value.facts["position"] == str(before + lost)
    other.append(append_of(*(new_row() for _ in range(300))))
    assert len(audit(events_engine)) == before + lost + more + 300
