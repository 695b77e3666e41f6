"""Many callers, one transaction: who loses, loses alone."""

import os
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Thread
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from real_servers import until
from sqlalchemy import bindparam, insert, select, text

from adapters.db.errors import ConstraintViolated
from adapters.event_store.forks import MadeBeforeFork
from adapters.event_store.rows import Append, Appended, CommandRow, StateWrite
from adapters.event_store.tables import fences, tracking
from adapters.event_store.writer import exclusive_transaction
from domain.errors import Erased, IdempotencyKeyReused, StaleVersion
from tests.store.audit import audit
from tests.store.conftest import append_of, new_row
from tests.store.together import queued, together, waiting


def positions(outcomes: Sequence[object]):
    return [(each.first, each.last) if isinstance(each, Appended) else type(each) for each in outcomes]


def state_write(application="state", position=1):
    return StateWrite(statement=insert(tracking).values(application=application, position=position))


def tracked(engine):
    with engine.connect() as connection:
        return {row.application: row.position for row in connection.execute(select(tracking))}


@pytest.fixture
def groups():
    """Counts the groups: each reads the clock once."""
    return count(1_000_000)


@pytest.fixture
def recorder(open_recorder, groups):
    return open_recorder(clock=lambda: next(groups) * 1000)


def test_those_who_wait_are_written_in_one_transaction_in_their_order(recorder, events_engine):
    outcomes = together(recorder, events_engine, *(append_of(new_row(), new_row()) for _ in range(5)))
    assert positions(outcomes) == [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)]
    assert {each.recorded_at_us for each in outcomes} == {1_000_000}
    audit(events_engine)


def test_a_loser_takes_no_position_and_hurts_nobody(recorder, events_engine):
    stream, client = uuid4(), uuid4()
    with exclusive_transaction(events_engine) as connection:
        connection.execute(insert(fences).values(subject=client, position=1, reason="erasure"))
    outcomes = together(
        recorder,
        events_engine,
        append_of(new_row(stream, 1)),
        append_of(new_row(), new_row(stream, 1)),  # another was first
        append_of(new_row(stream, 2)),  # and this one knew of it
        append_of(new_row(), new_row(subject=client)),
        append_of(new_row(version=5)),
        append_of(new_row()),
    )
    assert positions(outcomes) == [(1, 1), StaleVersion, (2, 2), Erased, StaleVersion, (3, 3)]
    assert len(audit(events_engine)) == 3


def test_a_group_of_losers_alone_writes_nothing(recorder, events_engine):
    outcomes = together(recorder, events_engine, append_of(new_row(version=5)), append_of(new_row(version=6)))
    assert positions(outcomes) == [StaleVersion, StaleVersion]
    assert audit(events_engine) == []
    assert recorder.append(append_of(new_row())).first == 1


def test_the_same_command_twice_in_a_group_is_carried_out_once(recorder, events_engine):
    command_id, row = uuid4(), new_row()
    outcomes = together(
        recorder,
        events_engine,
        append_of(row, command_id=command_id, fingerprint=b"a"),
        append_of(row, command_id=command_id, fingerprint=b"a"),
        append_of(new_row(), command_id=command_id, fingerprint=b"b"),
        append_of(new_row()),
    )
    assert positions(outcomes) == [(1, 1), (1, 1), IdempotencyKeyReused, (2, 2)]
    assert [each.replayed for each in outcomes[:2]] == [False, True]
    assert len(audit(events_engine)) == 2


def test_a_command_whose_first_try_lost_may_win_in_the_same_group(recorder, events_engine):
    command_id, stream = uuid4(), uuid4()
    outcomes = together(
        recorder,
        events_engine,
        append_of(new_row(stream, 2), command_id=command_id),
        append_of(new_row(stream, 1)),
        append_of(new_row(stream, 2), command_id=command_id),
    )
    assert positions(outcomes) == [StaleVersion, (1, 1), (2, 2)]


def test_tracked_positions_of_a_group_follow_each_other(recorder, events_engine):
    def processed(position):
        return Append(rows=[new_row()], command=CommandRow(id=uuid4()), tracking=("upstream", position))

    outcomes = together(recorder, events_engine, *(processed(position) for position in (1, 1, 3, 2)))
    assert [isinstance(each, Appended) for each in outcomes] == [True, False, True, False]
    assert tracked(events_engine) == {"upstream": 3}


def test_state_writes_are_in_the_transaction_of_their_rows(recorder, events_engine):
    outcomes = together(
        recorder,
        events_engine,
        append_of(new_row(), writes=[state_write("a"), state_write("b")]),
        append_of(
            new_row(),
            writes=[
                StateWrite(
                    statement=insert(tracking),
                    parameters=[{"application": "c", "position": 1}, {"application": "d", "position": 2}],
                )
            ],
        ),
    )
    assert positions(outcomes) == [(1, 1), (2, 2)]
    assert tracked(events_engine) == {"a": 1, "b": 1, "c": 1, "d": 2}


def test_a_state_write_that_fails_fails_its_own_append_alone(recorder, events_engine):
    unbound = StateWrite(statement=insert(tracking).values(application=bindparam("name"), position=1), parameters={})
    outcomes = together(
        recorder,
        events_engine,
        append_of(new_row(), writes=[state_write("a")]),
        append_of(new_row(), writes=[state_write("b"), state_write("b")]),  # the second contradicts the first
        append_of(new_row(), writes=[unbound]),
        append_of(new_row(), writes=[StateWrite(statement=text("SELECT * FROM no_such_table"))]),
        append_of(new_row(), writes=[state_write("c")]),
    )
    assert [isinstance(each, Appended) for each in outcomes] == [True, False, False, False, True]
    assert isinstance(outcomes[1], ConstraintViolated)
    assert tracked(events_engine) == {"a": 1, "c": 1}
    assert len(audit(events_engine)) == 2


def test_each_member_gets_an_error_object_of_its_own(recorder, events_engine):
    unusable = StateWrite(statement=text("SELECT * FROM no_such_table"))
    outcomes = together(recorder, events_engine, *(append_of(new_row(), writes=[unusable]) for _ in range(3)))
    assert len({id(each) for each in outcomes}) == 3
    assert {type(each).__name__ for each in outcomes} == {"DatabaseMissing"}


@pytest.mark.parametrize(("group_bytes", "expected"), [(1, 4), (600, 2), (10**9, 1)])
def test_a_group_is_bounded_by_its_bytes(open_recorder, events_engine, groups, group_bytes, expected):
    recorder = open_recorder(clock=lambda: next(groups) * 1000, group_bytes=group_bytes)
    together(recorder, events_engine, *(append_of(new_row()) for _ in range(4)))
    assert next(groups) - 1_000_000 == expected
    assert len(audit(events_engine)) == 4


def test_when_the_leader_is_torn_away_the_others_are_written(open_recorder, events_engine):
    readings = iter([KeyboardInterrupt])

    def clock():
        for interruption in readings:
            raise interruption
        return 1

    recorder = open_recorder(clock=clock)
    outcomes = together(recorder, events_engine, *(append_of(new_row()) for _ in range(4)))
    assert positions(outcomes) == [KeyboardInterrupt, (1, 1), (2, 2), (3, 3)]
    assert recorder.append(append_of(new_row())).first == 4


@pytest.fixture
def interruptible():
    """SIGINT interrupts, as at a terminal; what a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_waiting_caller_who_is_interrupted_leaves_the_queue(recorder, events_engine):
    outcomes = {}

    def interrupt_me():
        until(lambda: waiting(recorder) == 2, "the caller never queued")
        os.kill(os.getpid(), signal.SIGINT)

    with exclusive_transaction(events_engine):
        leader = queued(recorder, append_of(new_row()), outcomes, 0)
        interruption = Thread(target=interrupt_me)
        interruption.start()
        with pytest.raises(KeyboardInterrupt):
            recorder.append(append_of(new_row()))
        interruption.join()
        last = queued(recorder, append_of(new_row()), outcomes, 1)
    leader.join()
    last.join()
    assert positions([outcomes[0], outcomes[1]]) == [(1, 1), (2, 2)]


def test_closing_while_a_group_is_under_way_lets_it_finish(recorder, events_engine):
    outcomes = {}
    with exclusive_transaction(events_engine):
        thread = queued(recorder, append_of(new_row()), outcomes, 0)
        recorder.close()
    thread.join()
    assert positions([outcomes[0]]) == [(1, 1)]


streams = st.integers(0, 2)
plans = st.lists(st.lists(st.lists(streams, min_size=1, max_size=4), max_size=12), min_size=2, max_size=6)


def appended(recorder, step):
    """One row for each stream of `step`, at the versions that stand now; one more try when somebody was first."""
    for _attempt in range(2):
        heads = {stream: len(recorder.read_stream(stream)) for stream in step}
        rows = []
        for stream in step:
            heads[stream] += 1
            rows.append(new_row(stream, heads[stream], state=os.urandom(heads[stream] % 7)))
        try:
            return [recorder.append(append_of(*rows))]
        except StaleVersion:
            continue
    return []


@given(plans, st.sampled_from([1, 700, 4 * 1024 * 1024]))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_threads_do_the_log_holds(open_recorder, events_engine, plans, group_bytes):
    """Each thread appends to a few streams that all of them share, at versions they keep guessing; whoever is late
    reads and tries again once."""
    recorder = open_recorder(group_bytes=group_bytes)
    known = [uuid4() for _ in range(3)]
    before = recorder.last_position()

    def work(plan):
        return [each for step in plan for each in appended(recorder, [known[index] for index in step])]

    with ThreadPoolExecutor(len(plans)) as threads:
        stored = [each for done in threads.map(work, plans) for each in done]
    recorder.close()
    rows = audit(events_engine)
    taken = sorted(position for each in stored for position in range(each.first, each.last + 1))
    assert taken == list(range(before + 1, len(rows) + 1))
    for each in stored:
        assert recorder.command(each.command.id).first == each.first


def test_a_child_of_a_fork_is_refused_and_leaves_the_parent_its_connections(recorder, events_engine):
    recorder.append(append_of(new_row()))
    recorder.wait_for_append(0, 5)
    uses = [
        lambda: recorder.append(append_of(new_row())),
        lambda: recorder.read_log(0, 1),
        lambda: recorder.wait_for_append(1, 0),
        lambda: recorder.command(uuid4()),
    ]
    child = os.fork()
    if child == 0:
        refused = 0
        try:
            for use in uses:
                try:
                    use()
                except MadeBeforeFork:
                    refused += 1
            recorder.close()
        finally:
            os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == len(uses)
    assert recorder.append(append_of(new_row())).first == 2
    assert recorder.wait_for_append(1, 30) == 2
    assert len(audit(events_engine)) == 2
