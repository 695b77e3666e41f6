"""Recorders on a new database of each kind."""

import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, CommandRow, NewRow

DEPLOYMENT = UUID("5f0c8f3e-6a55-4a0e-9d0b-0b8d7d5a1c11")


def new_row(stream=None, version=1, state=b"\x00{}", **envelope):
    return NewRow(
        stream=stream or uuid4(),
        version=version,
        topic=envelope.pop("topic", "record.1"),
        state=state,
        state_hash=sha256(state).digest(),
        **envelope,
    )


def append_of(*rows, command_id=None, fingerprint=b"", writes=(), **command):
    return Append(
        rows=rows, command=CommandRow(id=command_id or uuid4(), fingerprint=fingerprint, **command), writes=writes
    )


@pytest.fixture
def open_recorder(events_engine: Engine) -> Iterator[Callable[..., Recorder]]:
    """Makes recorders on the same database; its log is open."""
    made = []

    def make(**options):
        recorder = Recorder(options.pop("engine", events_engine), **options)
        recorder.open_log(DEPLOYMENT, time.time_ns() // 1000)
        made.append(recorder)
        return recorder

    yield make
    for recorder in made:
        recorder.close()


@pytest.fixture
def recorder(open_recorder) -> Recorder:
    return open_recorder()
