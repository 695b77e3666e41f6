"""A caller torn away at any line of the group commit (Ctrl-C) takes nobody along: the others are written and woken."""

import sys
from itertools import count
from linecache import getline
from threading import Thread

import pytest
from real_servers import until

from adapters.event_store import committer
from adapters.event_store.rows import Appended
from adapters.event_store.writer import exclusive_transaction
from tests.store.audit import audit
from tests.store.conftest import append_of, new_row

PATIENCE_S = 20
LEAST_LINES = 5


def torn_at(line):
    """A trace that interrupts before the `line`th line of the committer that its thread executes."""
    executed = count(1)

    def trace(frame, happening, _):
        if frame.f_code.co_filename != committer.__file__:
            return None
        # The interpreter itself never interrupts between the end of a `with` and the release of its lock; a trace does.
        leaving = (
            "with self._mutex" in getline(committer.__file__, frame.f_lineno) and frame.f_locals["self"]._mutex.locked()
        )
        if happening == "line" and not leaving and next(executed) == line:
            raise KeyboardInterrupt
        return trace

    return trace


def started(recorder, outcomes, at, trace=None):
    """A thread that is waiting with an append, or was interrupted."""
    append = append_of(new_row())

    def call():
        sys.settrace(trace)
        try:
            outcomes[at] = recorder.append(append)
        except KeyboardInterrupt:
            outcomes[at] = KeyboardInterrupt
        finally:
            sys.settrace(None)

    thread = Thread(target=call, daemon=True)
    thread.start()
    queue = recorder._committer._waiting
    until(lambda: at in outcomes or any(each.append is append for each in list(queue)), "an append never queued")
    return thread


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_whoever_is_interrupted_wherever_takes_nobody_along(recorder, events_engine, place):
    """`place` in a queue of three, of whom the first leads."""
    recorder.append(append_of(new_row()))
    for line in count(1):
        outcomes = {}
        with exclusive_transaction(events_engine):
            threads = [started(recorder, outcomes, at, torn_at(line) if at == place else None) for at in range(3)]
        for thread in threads:
            thread.join(PATIENCE_S)
        assert set(outcomes) == {0, 1, 2}, f"somebody waits for ever after an interrupt at line {line}"
        assert all(isinstance(outcomes[at], Appended) for at in range(3) if at != place)
        assert recorder._committer._leader is None
        assert not recorder._committer._waiting
        if outcomes[place] is not KeyboardInterrupt:
            break
    audit(events_engine)
    assert line > LEAST_LINES
