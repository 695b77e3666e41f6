"""A connection that is there and of no use: replaced, not kept until somebody restarts the process."""

import pytest

from adapters.db.engines import open_database
from adapters.db.postgresql import LOCK_TIMEOUT_S
from adapters.event_store.inserts import postgresql
from domain.errors import StoreUnavailable
from tests.store.audit import audit
from tests.store.conftest import append_of, new_row

pytestmark = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


def driver_of(recorder):
    return recorder._committer._settlement._writer._own._driver


def test_a_connection_whose_statements_were_forgotten_is_replaced(recorder, events_engine):
    """As a connection pooler does between two transactions."""
    for _ in range(2):
        recorder.append(append_of(new_row(), new_row()))
        driver_of(recorder).execute("DO 'BEGIN DEALLOCATE ALL; END'")
    assert recorder.append(append_of(new_row())).first == 5
    assert len(audit(events_engine)) == 5


def test_a_connection_that_could_not_be_set_up_is_not_kept(recorder, events_engine, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(postgresql, "_SETTINGS", "SET statement_timeout = '50ms'; SELECT pg_sleep(30)")
        with pytest.raises(StoreUnavailable):
            recorder.append(append_of(new_row()))
    assert recorder.append(append_of(new_row())).first == 1
    assert len(audit(events_engine)) == 1


@pytest.fixture
def other(database_urls, open_recorder):
    """A recorder with an engine of its own, as another process has."""
    engine = open_database(database_urls.events)
    yield open_recorder(engine=engine)
    engine.dispose()


def test_a_writer_that_stops_under_the_lock_does_not_hold_up_the_others_for_long(
    recorder, other, events_engine, monkeypatch
):
    """A process that was suspended, or whose machine stands still."""
    assert postgresql.IDLE_S < LOCK_TIMEOUT_S
    monkeypatch.setattr(postgresql, "_SETTINGS", postgresql._SETTINGS.replace(f"'{postgresql.IDLE_S}s'", "'300ms'"))
    recorder.append(append_of(new_row()))
    stopped = recorder._committer._settlement
    assert stopped.begin() is None
    assert other.append(append_of(new_row())).first == 2  # once the server has ended the other's transaction
    [late] = stopped.settle([append_of(new_row())])
    assert (late.first, late.replayed) == (3, False)
    assert len(audit(events_engine)) == 3
