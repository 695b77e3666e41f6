"""Writes to a log from several threads and tells of each acknowledged append; started by tests as a program.

Arguments: the events URL, how many threads, how many appends each. Lines on standard output: `<command id> <first>
<last>`, written once the append was acknowledged.
"""

import os
import sys
from hashlib import sha256
from itertools import count
from threading import Thread
from uuid import UUID, uuid4

from adapters.db.engines import open_database
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, CommandRow, NewRow


def append(stream: UUID, version: int) -> Append:
    """A domain event and its audit entry, as the product writes them."""
    subject, state = uuid4(), os.urandom(200 + version % 300)
    digest = sha256(state).digest()
    return Append(
        rows=[
            NewRow(stream=stream, version=version, topic="record.1", state=state, state_hash=digest, subject=subject),
            NewRow(stream=uuid4(), version=1, topic="audit.1", state=state, state_hash=digest),
        ],
        command=CommandRow(id=uuid4(), fingerprint=bytes(32), status=201),
    )


def write(recorder: Recorder, appends: int | None, out: int) -> None:
    """Append to a stream of its own, `appends` times or for ever."""
    stream = uuid4()
    for version in count(1) if appends is None else range(1, appends + 1):
        appended = recorder.append(append(stream, version))
        # One write a line, shorter than PIPE_BUF: lines of several threads never mix.
        os.write(out, f"{appended.command.id} {appended.first} {appended.last}\n".encode())


def run(url: str, threads: int, appends: int | None, out: int) -> None:
    engine = open_database(url)
    recorder = Recorder(engine)
    writers = [Thread(target=write, args=(recorder, appends, out)) for _ in range(threads)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    recorder.close()
    engine.dispose()


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.stdout.fileno())
