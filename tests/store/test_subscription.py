"""Waiting for what others write: woken by this process and by others, nothing missed, nothing out of order."""

import os
import time
from threading import Event, Thread
from uuid import uuid4

import pytest
from real_servers import until
from sqlalchemy import text, update

from adapters.db.engines import open_database, write_transaction
from adapters.event_store import subscription, watch
from adapters.event_store.tables import events
from adapters.event_store.tip import Tip
from tests.store.conftest import append_of, new_row

LONG_S = 30.0
only_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


@pytest.fixture
def other(database_urls, open_recorder):
    """A recorder with an engine of its own, as another process has."""
    engine = open_database(database_urls.events)
    yield open_recorder(engine=engine)
    engine.dispose()


def in_thread(call):
    """Runs `call` beside the test; `result()` waits for its value."""
    box = []
    thread = Thread(target=lambda: box.append(call()))
    thread.start()

    def result():
        thread.join(LONG_S)
        return box[0]

    return result


def test_a_wait_ends_when_this_process_appends(recorder):
    waited = in_thread(lambda: recorder.wait_for_append(0, LONG_S))
    recorder.append(append_of(new_row()))
    assert waited() == 1


def test_a_wait_ends_when_another_process_appends(recorder, other):
    waited = in_thread(lambda: recorder.wait_for_append(0, LONG_S))
    other.append(append_of(new_row(), new_row()))
    assert waited() == 2
    waited = in_thread(lambda: recorder.wait_for_append(2, LONG_S))
    other.append(append_of(new_row()))
    assert waited() == 3


def test_a_wait_for_what_is_there_ends_at_once(recorder, other):
    other.append(append_of(new_row()))
    assert recorder.wait_for_append(0, LONG_S) == 1
    assert recorder.wait_for_append(-1, 0) == 1


def test_a_wait_that_times_out_tells_how_far_the_log_is(recorder):
    recorder.append(append_of(new_row()))
    assert recorder.wait_for_append(1, 0.01) == 1


def test_a_losing_append_wakes_nobody(recorder, other):
    recorder.append(append_of(new_row()))
    with pytest.raises(Exception, match="changed by someone else"):
        other.append(append_of(new_row(version=9)))
    assert recorder.wait_for_append(1, 0.05) == 1


@only_postgresql
def test_watching_goes_on_after_its_connection_was_lost(recorder, other, events_engine):
    other.append(append_of(new_row()))
    assert recorder.wait_for_append(0, LONG_S) == 1
    with events_engine.connect() as connection:
        ended = connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%SELECT max(position) FROM events), (SELECT replace(max(%' AND pid <> pg_backend_pid()"
            )
        ).all()
    assert ended
    other.append(append_of(new_row()))
    assert recorder.wait_for_append(1, LONG_S) == 2


@only_postgresql
def test_notifications_of_another_log_on_the_same_server_move_nothing(recorder, other, events_engine):
    recorder.wait_for_append(0, 0.01)
    with write_transaction(events_engine) as connection:
        connection.execute(text("SELECT pg_notify('anamnesis_events', :other)"), {"other": uuid4().hex + ":999"})
    other.append(append_of(new_row()))
    assert recorder.wait_for_append(0, LONG_S) == 1


@only_postgresql
def test_a_missed_notification_costs_a_moment_and_no_event(recorder, other, monkeypatch):
    monkeypatch.setattr(watch, "CHANNEL", "nobody_speaks_here")
    monkeypatch.setattr(watch, "LOOK_S", 0.05)
    waited = in_thread(lambda: recorder.wait_for_append(0, LONG_S))
    other.append(append_of(new_row()))
    assert waited() == 1


@only_postgresql
@pytest.mark.parametrize("payload", ["999", "no number", "", "9" * 40])
def test_whoever_may_notify_makes_no_reader_believe_in_rows_that_are_not_there(recorder, other, events_engine, payload):
    recorder.append(append_of(new_row()))
    with recorder.subscribe(gt=1) as found:
        coming = in_thread(lambda: next(found).id)
        until(lambda: recorder._watcher is not None, "nobody watches")
        with write_transaction(events_engine) as connection:
            for _ in range(3):
                told = f"{recorder.deployment_id.hex}:{payload}"
                connection.execute(text("SELECT pg_notify('anamnesis_events', :told)"), {"told": told})
        other.append(append_of(new_row()))
        assert coming() == 2
    assert recorder.wait_for_append(2, 0.01) == 2


# Subscriptions


def test_a_subscription_gives_what_was_there_and_what_comes(recorder, other):
    recorder.append(append_of(new_row(), new_row()))
    with recorder.subscribe(gt=1) as found:
        assert next(found).id == 2
        coming = in_thread(lambda: next(found).id)
        other.append(append_of(new_row()))
        assert coming() == 3


def test_a_subscription_by_topic_passes_over_the_rest(recorder, monkeypatch):
    monkeypatch.setattr(subscription, "_PAGE", 2)
    for number in range(9):
        recorder.append(append_of(new_row(topic="wanted" if number % 3 == 0 else "other")))
    with recorder.subscribe(topics=["wanted"]) as found:
        assert [next(found).id for _ in range(3)] == [1, 4, 7]
        coming = in_thread(lambda: next(found).id)
        recorder.append(append_of(new_row(topic="other"), new_row(topic="wanted")))
        assert coming() == 11


def test_a_subscription_gives_removed_states_too(recorder, events_engine):
    recorder.append(append_of(new_row(), new_row()))
    with write_transaction(events_engine) as connection:
        connection.execute(update(events).where(events.c.position == 1).values(state=None))
    with recorder.subscribe() as found:
        assert [next(found).redacted for _ in range(2)] == [True, False]


def test_stopping_ends_a_subscription_that_waits(recorder):
    found = recorder.subscribe()
    waiting = Event()

    def drain():
        waiting.set()
        return list(found)

    ended = in_thread(drain)
    waiting.wait(LONG_S)
    found.stop()
    assert ended() == []


def test_many_writers_and_a_subscriber_agree_on_the_order(recorder, other):
    def write(each):
        for _ in range(40):
            each.append(append_of(new_row(), new_row(state=os.urandom(300))))

    with recorder.subscribe() as found:
        seen = in_thread(lambda: [next(found).id for _ in range(4 * 80)])
        threads = [Thread(target=write, args=(each,)) for each in (recorder, other, recorder, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen() == list(range(1, 321))


def test_a_recorder_that_is_forgotten_leaves_no_thread_behind(database_urls, open_recorder):
    from adapters.event_store.recorder import Recorder

    engine = open_database(database_urls.events)
    open_recorder()
    forgotten = Recorder(engine)
    forgotten.wait_for_append(0, 0.01)
    thread = forgotten._watcher._thread
    del forgotten
    until(lambda: not thread.is_alive(), "the watcher goes on for a recorder that is gone")
    engine.dispose()


# The tip


def test_the_tip_never_moves_back():
    tip = Tip()
    tip.advance(5)
    tip.advance(3)
    assert tip.position == tip.wait(4, 0) == 5


def test_a_stopped_wait_returns_before_its_time():
    tip, stopped = Tip(), Event()
    began = time.monotonic()
    waited = in_thread(lambda: tip.wait(0, LONG_S, stopped.is_set))
    stopped.set()
    tip.wake()
    assert waited() == 0
    assert time.monotonic() - began < LONG_S
