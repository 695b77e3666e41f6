"""Several processes write to one database while another reads along: no gap, nothing twice, nothing missed."""

import subprocess
import sys
from pathlib import Path

from adapters.db.engines import open_database
from tests.store.audit import audit

ROOT = Path(__file__).parents[2]
WRITER = Path(__file__).with_name("writer_process.py")
PROCESSES, THREADS, APPENDS = 3, 4, 25
EXPECTED = PROCESSES * THREADS * APPENDS * 2


def test_writers_of_three_processes_and_a_tailing_reader(open_recorder, database_urls, events_engine):
    open_recorder()
    reading = open_database(database_urls.events)
    reader = open_recorder(engine=reading)
    command = [sys.executable, str(WRITER), database_urls.events, str(THREADS), str(APPENDS)]
    writers = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)})
        for _ in range(PROCESSES)
    ]
    seen = []
    with reader.subscribe() as tail:
        for row in tail:
            seen.append(row.id)
            if len(seen) == EXPECTED:
                break
    acknowledged = []
    for writer in writers:
        out, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0
        acknowledged += [tuple(map(int, line.split()[1:])) for line in out.splitlines()]
    assert seen == list(range(1, EXPECTED + 1))
    assert sorted(position for first, last in acknowledged for position in range(first, last + 1)) == seen
    assert len(audit(events_engine)) == EXPECTED
    reading.dispose()
