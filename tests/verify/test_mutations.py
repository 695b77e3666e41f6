"""Whatever is done to a stored log is found where a checkpoint covers it, and said to be unprotected where none does."""

import sqlite3
from contextlib import closing
from random import Random

import pytest

from ops.verifying.findings import Kind
from tests.verify.mutations import mutate
from tests.verify.world import CHECKPOINTS, build, checkpoints_of, copy_of, rows_of, tiles_of, verified

COVERED = CHECKPOINTS[-1]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "events.db"
    build(path)
    with closing(sqlite3.connect(path, check_same_thread=False)) as database:
        yield database


def test_a_log_that_nobody_touched_is_sound(log):
    report = verified(copy_of(log), checkpoints_of(log))
    assert report.sound()
    assert not report.sound(strict=True)
    assert [(each.kind, each.first, each.last) for each in report.findings] == [(Kind.UNPROTECTED, COVERED + 1, 600)]
    assert (report.rows, report.covered, report.last_position) == (600, COVERED, 600)


@pytest.mark.parametrize("part", range(4))
def test_each_of_some_hundred_mutations_is_found(log, part):
    mutations(log, seeds=range(part * 100, part * 100 + 100))


@pytest.mark.faults
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("part", range(10))
def test_each_of_ten_thousand_mutations_is_found(log, part):
    mutations(log, seeds=range(1_000 + part * 1_000, 2_000 + part * 1_000))


def mutations(log, seeds):
    checkpoints = checkpoints_of(log)
    rows, tiles = rows_of(log), tiles_of(log)
    for seed in seeds:
        random = Random(seed)
        with closing(copy_of(log)) as database:
            name = mutate(database, random)
            report = verified(database, checkpoints)
            check(name, seed, report, changed(rows, rows_of(database)), changed(tiles, tiles_of(database)))


def changed(before, after):
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def check(name, seed, report, touched, tiles):
    what = f"{name}, seed {seed}: {report.findings}"
    wrong = [each for each in report.findings if not each.harmless]
    of_rows = [each for each in wrong if each.kind is not Kind.DAMAGED_TILE]
    covered = {position for position in touched if position <= COVERED}
    for position in covered:
        assert any(each.first <= position <= each.last for each in of_rows), what
    assert report.sound() == (not wrong), what
    if not touched and not tiles:
        assert not wrong, what
    elif not covered:
        # Nothing that a checkpoint covers changed: it is neither blamed nor left out.
        assert all(each.first > COVERED for each in of_rows), what
    else:
        before = max((size for size in CHECKPOINTS if size < min(covered)), default=0)
        assert all(each.last > before or each.first < 1 for each in of_rows), what
        assert all(each.first > before or each.first < 1 for each in of_rows), what
    for position in touched - covered:
        unprotected = any(
            each.kind is Kind.UNPROTECTED and each.first <= position <= each.last for each in report.findings
        )
        assert unprotected or position > report.last_position, what
    if tiles and not touched:
        assert any(each.kind is Kind.DAMAGED_TILE for each in wrong), what
