"""The benchmark of importing measures a real import: everything it counts is in the database."""

from ops.bench.imports import imports
from ops.bench.options import Options
from ops.bench.places import SqliteHome, scratch


def test_it_takes_over_as_many_transcripts_as_it_says() -> None:
    with scratch(None) as folder:
        (row,) = imports(SqliteHome(folder), Options(), file=None, rounds=1)

    assert row.note.startswith("101 transcripts, 8,181 utterances, invented")
    assert row.value > 0
    assert (row.aim.bound, row.aim.at_least) == (20, True)
