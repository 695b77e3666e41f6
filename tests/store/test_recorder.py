"""Appending and reading, one caller at a time."""

import time
import traceback
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent, Tracking
from sqlalchemy import delete, insert, text, update

from adapters.db.engines import open_database, write_transaction
from adapters.db.errors import ValueRefused
from adapters.event_store.groups import TrackingBehind
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, CommandRow
from adapters.event_store.tables import deployment, events, fences
from adapters.event_store.writer import LogNotOpened, LogReplaced
from domain.errors import Conflict, Erased, IdempotencyKeyReused, StaleVersion
from tests.store.audit import audit
from tests.store.conftest import DEPLOYMENT, append_of, new_row


def run(engine, statement):
    with write_transaction(engine) as connection:
        connection.execute(statement)


# Rows


def test_a_row_comes_back_as_it_was_given(recorder, events_engine):
    row = new_row(
        subject=uuid4(), record_class="journal", key_id=uuid4(), topic="record.1", state=b"\x01sealed\x00bytes"
    )
    appended = recorder.append(append_of(row))
    [stored] = recorder.read_stream(row.stream)
    assert (stored.position, stored.originator_id, stored.originator_version) == (1, row.stream, 1)
    assert (stored.topic, stored.state, stored.subject) == (row.topic, row.state, row.subject)
    assert (stored.record_class, stored.key_id, stored.incarnation) == ("journal", row.key_id, 1)
    assert (stored.state_hash, stored.redacted) == (sha256(row.state).digest(), False)
    assert stored.recorded_at_us == appended.recorded_at_us
    assert [each.leaf for each in audit(events_engine)] == [stored.leaf]


def test_the_answer_says_where_an_append_went(recorder):
    recorder.append(append_of(new_row()))
    appended = recorder.append(append_of(new_row(), new_row(), new_row()))
    assert (appended.first, appended.last, appended.replayed) == (2, 4, False)
    assert recorder.last_position() == recorder.tip.position == 4


def test_rows_of_one_append_may_follow_each_other_in_a_stream(recorder, events_engine):
    stream = uuid4()
    recorder.append(append_of(*(new_row(stream, version) for version in (1, 2, 3))))
    assert [row.originator_version for row in recorder.read_stream(stream)] == [1, 2, 3]
    assert [row.originator_version for row in recorder.read_stream(stream, after_version=2)] == [3]
    audit(events_engine)


@pytest.mark.parametrize("first", [0, 1])
def test_a_stream_may_begin_at_zero_or_one(recorder, first):
    stream = uuid4()
    recorder.append(append_of(new_row(stream, first)))
    recorder.append(append_of(new_row(stream, first + 1)))
    assert [row.originator_version for row in recorder.read_stream(stream)] == [first, first + 1]


@pytest.mark.parametrize("versions", [(2,), (1, 1), (1, 3), (2, 1), (-1,), (0, 2)])
def test_a_stream_has_no_gap_and_no_version_twice(recorder, versions):
    stream = uuid4()
    with pytest.raises(StaleVersion) as stale:
        recorder.append(append_of(new_row(), *(new_row(stream, version) for version in versions)))
    assert stale.value.facts["stream"] == str(stream)
    assert recorder.last_position() == 0


def test_the_second_writer_of_a_version_is_told(recorder):
    stream = uuid4()
    recorder.append(append_of(new_row(stream, 1)))
    with pytest.raises(StaleVersion) as stale:
        recorder.append(append_of(new_row(stream, 1)))
    assert stale.value.facts == {"stream": str(stream), "version": "1", "stored": "1"}


def test_time_never_runs_back_with_the_clock(open_recorder, events_engine):
    readings = iter([5_000_000, 3_000_000, 9_000_000])
    recorder = open_recorder(clock=lambda: next(readings))
    assert [recorder.append(append_of(new_row())).recorded_at_us for _ in range(3)] == [5_000, 5_000, 9_000]
    audit(events_engine)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_one_machine_whose_clock_jumped_ahead_does_not_date_the_log_into_the_future(open_recorder, events_engine):
    ahead = open_recorder(clock=lambda: time.time_ns() + 10**9 * 3600 * 24 * 365)
    recorded = ahead.append(append_of(new_row())).recorded_at_us
    assert recorded <= time.time_ns() // 1000
    assert open_recorder().append(append_of(new_row())).recorded_at_us > recorded
    audit(events_engine)


def test_a_removed_state_leaves_its_row_readable(recorder, events_engine):
    row = new_row()
    recorder.append(append_of(row, new_row()))
    run(events_engine, update(events).where(events.c.position == 1).values(state=None))
    redacted, kept = recorder.read_log(0, 10)
    assert (redacted.redacted, redacted.state, redacted.state_hash) == (True, b"", row.state_hash)
    assert not kept.redacted
    assert [each.redacted for each in recorder.read_stream(row.stream)] == [True]
    assert recorder.select_events(row.stream) == []
    assert [each.redacted for each in recorder.select_notifications(1, 10)] == [True, False]
    audit(events_engine)


def test_the_log_is_read_in_pages_in_order(recorder):
    for _ in range(7):
        recorder.append(append_of(new_row(), new_row()))
    assert [row.position for row in recorder.read_log(0, 5)] == [1, 2, 3, 4, 5]
    assert [row.position for row in recorder.read_log(5, 100)] == list(range(6, 15))
    assert [row.position for row in recorder.read_log(5, 100, stop=7)] == [6, 7]
    assert recorder.read_log(14, 5) == []


@pytest.mark.parametrize("size", [0, 1, 20 * 1024 * 1024])
def test_any_size_of_state_passes_up_to_twenty_megabytes(recorder, size):
    # Larger rows once hung a client and a server that each waited for the other to read.
    state = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    recorder.append(append_of(new_row(state=state), new_row()))
    large, _ = recorder.read_log(0, 2)
    assert large.state == state
    assert large.state_hash == sha256(state).digest()


def test_a_value_the_database_cannot_hold_fails_alone_and_says_nothing_of_it(recorder, database_kind):
    location = {"sqlite": "x", "postgresql": "what a person\x00wrote"}[database_kind]  # SQLite stores a NUL
    status = {"sqlite": 2**70, "postgresql": 200}[database_kind]
    with pytest.raises(ValueRefused) as refused:
        recorder.append(append_of(new_row(), location=location, status=status))
    assert "person" not in "".join(traceback.format_exception(refused.value))
    assert recorder.append(append_of(new_row())).first == 1


# Commands


def test_a_repeated_command_gives_its_first_outcome_and_writes_nothing(recorder):
    command = {"command_id": uuid4(), "fingerprint": b"f" * 32, "status": 201, "location": "/v1/x", "version": 3}
    resource = uuid4()
    first = recorder.append(append_of(new_row(), new_row(), resource_id=resource, **command))
    again = recorder.append(append_of(new_row(), resource_id=resource, **command))
    assert (again.replayed, again.first, again.last, again.recorded_at_us) == (True, 1, 2, first.recorded_at_us)
    assert again.command == first.command == recorder.command(first.command.id).command
    assert (again.command.status, again.command.location, again.command.version) == (201, "/v1/x", 3)
    assert again.command.resource_id == resource
    assert recorder.last_position() == 2


def test_a_repeated_command_is_answered_even_when_its_stream_has_moved_on(recorder):
    stream, command_id = uuid4(), uuid4()
    recorder.append(append_of(new_row(stream, 1), command_id=command_id))
    recorder.append(append_of(new_row(stream, 2)))
    assert recorder.append(append_of(new_row(stream, 1), command_id=command_id)).replayed


def test_a_command_id_with_another_request_is_refused(recorder):
    command_id = uuid4()
    recorder.append(append_of(new_row(), command_id=command_id, fingerprint=b"a" * 32))
    with pytest.raises(IdempotencyKeyReused):
        recorder.append(append_of(new_row(), command_id=command_id, fingerprint=b"b" * 32))
    assert recorder.last_position() == 1


def test_a_command_that_failed_may_be_tried_again(recorder):
    stream, command_id = uuid4(), uuid4()
    with pytest.raises(StaleVersion):
        recorder.append(append_of(new_row(stream, 7), command_id=command_id))
    assert recorder.command(command_id) is None
    assert not recorder.append(append_of(new_row(stream, 1), command_id=command_id)).replayed


# Fences


def test_a_fenced_client_takes_no_more_rows(recorder, events_engine):
    client, other = uuid4(), uuid4()
    recorder.append(append_of(new_row(subject=client)))
    run(events_engine, insert(fences).values(subject=client, position=1, reason="erasure"))
    with pytest.raises(Erased) as erased:
        recorder.append(append_of(new_row(subject=other), new_row(subject=client)))
    assert erased.value.facts == {"client": str(client)}
    assert recorder.append(append_of(new_row(subject=other), new_row())).first == 2


# Tracking


def test_tracking_goes_with_the_rows_or_not_at_all(recorder):
    def process(position, *rows):
        return recorder.append(Append(rows=rows, command=CommandRow(id=uuid4()), tracking=("upstream", position)))

    process(3, new_row())
    with pytest.raises(TrackingBehind):
        process(3, new_row())
    with pytest.raises(StaleVersion):
        process(4, new_row(version=9))
    assert recorder.max_tracking_id("upstream") == 3
    nothing = process(5)
    assert (nothing.first, nothing.last) == (2, 1)
    assert recorder.max_tracking_id("upstream") == 5


# The library's way in


def test_the_library_gets_its_own_error_for_a_conflict(recorder):
    stored = StoredEvent(uuid4(), 1, "topic", b"state")
    assert recorder.insert_events([stored]) == [1]
    with pytest.raises(IntegrityError):
        recorder.insert_events([stored])
    recorder.insert_events([], tracking=Tracking("a", 1))
    with pytest.raises(IntegrityError):
        recorder.insert_events([], tracking=Tracking("a", 1))


def test_a_topic_filter_finds_its_own_in_order(recorder):
    for topic in ("a", "b", "a", "c"):
        recorder.append(append_of(new_row(topic=topic)))
    assert [row.position for row in recorder.select_notifications(1, 10, topics=["a", "c"])] == [1, 3, 4]


# The log


def test_a_log_is_opened_once(recorder, open_recorder):
    assert (recorder.deployment_id, recorder.incarnation) == (DEPLOYMENT, 1)
    assert recorder.log.name == b"anamnesis/" + str(DEPLOYMENT).encode() + b"/1"
    assert open_recorder().log == recorder.log


def test_a_database_of_another_deployment_is_refused(recorder, events_engine):
    with pytest.raises(Conflict) as refused:
        Recorder(events_engine).open_log(UUID(int=7), 1)
    assert refused.value.facts == {"deployment": str(DEPLOYMENT)}


def test_nothing_is_written_before_a_log_is_open(events_engine):
    recorder = Recorder(events_engine)
    with pytest.raises(LogNotOpened) as refused:
        recorder.append(append_of(new_row()))
    assert refused.value.code == "log_not_opened"


def test_a_restore_under_a_running_process_stops_its_writing(recorder, events_engine):
    recorder.append(append_of(new_row()))
    run(
        events_engine,
        insert(deployment).values(incarnation=2, deployment_id=DEPLOYMENT, first_position=2, opened_at_us=1),
    )
    with pytest.raises(LogReplaced):
        recorder.append(append_of(new_row()))
    with pytest.raises(LogReplaced):
        recorder.append(append_of(new_row()))
    renewed = Recorder(events_engine)
    assert renewed.append(append_of(new_row())).first == 2
    assert [row.incarnation for row in renewed.read_log(0, 9)] == [1, 2]
    audit(events_engine)
    renewed.close()


def test_a_log_that_lost_rows_is_not_written_on(recorder, events_engine, database_kind):
    recorder.append(append_of(new_row(), new_row()))
    with events_engine.connect() as connection:
        if database_kind == "postgresql":
            connection.execute(text("ALTER TABLE events DISABLE TRIGGER ALL"))
        else:
            for (name,) in connection.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'events'")
            ).all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(delete(events).where(events.c.position == 2))
        connection.commit()
    with pytest.raises(LogReplaced) as refused:
        recorder.append(append_of(new_row()))
    assert refused.value.facts == {"last_position": "1", "expected": "2"}


def test_a_closed_recorder_opens_its_connections_again(recorder):
    recorder.append(append_of(new_row()))
    assert recorder.wait_for_append(0, 1) == 1
    recorder.close()
    recorder.close()
    assert recorder.append(append_of(new_row())).first == 2
    assert recorder.wait_for_append(1, 1) == 2


def test_disposing_of_the_engine_closes_what_the_recorder_keeps(recorder, events_engine, database_kind):
    recorder.append(append_of(new_row()))
    recorder.wait_for_append(0, 1)
    events_engine.dispose()
    assert recorder._watcher is None
    assert not recorder._committer._settlement._writer.connected


@pytest.fixture
def application_engine(database_urls):
    engine = open_database(database_urls.events, application_role="anamnesis_app")
    yield engine
    engine.dispose()


def test_the_rights_of_the_application_are_enough(application_engine, events_engine, open_recorder):
    recorder = open_recorder(engine=application_engine)
    stream = uuid4()
    for version in range(1, 301):
        recorder.append(append_of(new_row(stream, version)))
    assert len(audit(events_engine)) == 300
