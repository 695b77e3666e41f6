"""What a verification says, to the position."""

import sqlite3
from contextlib import closing
from hashlib import sha256

import pytest

from adapters.event_store.envelope import log_id
from adapters.event_store.unsealed import SystemRecord
from adapters.log.merkle import root_of
from adapters.log.notes import NoteSigner
from adapters.log.removals import removal_facts
from adapters.log.restores import Announced, restore_facts
from ops.verifying.findings import Kind
from tests.verify.world import (
    DEPLOYMENT,
    INSERT,
    LOG,
    SIGNER,
    WITNESS,
    build,
    checkpoints_of,
    copy_of,
    leaf_of_stored,
    leaves_of,
    recompute_leaves,
    recompute_tiles,
    rows_of,
    signed,
    verified,
)

from datetime import UTC, datetime  # isort: skip
from uuid import UUID  # isort: skip

AT = datetime(2026, 3, 2, tzinfo=UTC)
STRANGER = NoteSigner(SIGNER.name, seed=bytes(range(1, 33)))


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "events.db"
    build(path)
    with closing(sqlite3.connect(path, check_same_thread=False)) as database:
        yield database


@pytest.fixture
def copy(log):
    with closing(copy_of(log)) as database:
        yield database


def found(report, *, harmless=False):
    return [(each.kind, each.first, each.last) for each in report.findings if each.harmless is harmless]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE events SET state = x'00' WHERE position = 77", [(Kind.ALTERED, 77, 77)]),
        ("UPDATE events SET topic = 'risk.1' WHERE position IN (77, 78)", [(Kind.ALTERED, 77, 78)]),
        ("UPDATE events SET leaf = zeroblob(32) WHERE position = 540", [(Kind.ALTERED, 540, 540)]),
        ("UPDATE events SET state = NULL WHERE position = 300", [(Kind.MISSING, 300, 300)]),
        ("DELETE FROM events WHERE position BETWEEN 20 AND 29", [(Kind.MISSING, 20, 29)]),
        ("DELETE FROM tiles WHERE tile = 1", [(Kind.DAMAGED_TILE, 257, 512)]),
        ("UPDATE tiles SET hashes = zeroblob(8192) WHERE tile = 0", [(Kind.DAMAGED_TILE, 1, 256)]),
        ("UPDATE deployment SET first_position = 5", [(Kind.FORKED, 1, 1)]),
    ],
)
def test_a_crude_deed_is_named_to_the_position(log, copy, statement, expected):
    copy.execute(statement)
    report = verified(copy, checkpoints_of(log))
    # A row that is gone also leaves gaps in the streams it stood in, which show at the rows behind.
    kinds = [each for each in found(report) if each[0] is not Kind.MISSING or each in expected]
    assert kinds == expected


def test_two_rows_that_changed_places_are_both_said_to_be_moved(log, copy):
    for here, there in ((40, 10**6), (90, 40), (10**6, 90)):
        copy.execute("UPDATE events SET position = ? WHERE position = ?", (there, here))
    moved = [each for each in found(verified(copy, checkpoints_of(log))) if each[0] is Kind.MOVED]
    assert moved == [(Kind.MOVED, 40, 40), (Kind.MOVED, 90, 90)]


def test_a_history_written_anew_is_narrowed_down_by_the_checkpoints_around_it(log, copy):
    state = b"another history"
    copy.execute("UPDATE events SET state = ?, state_hash = ? WHERE position = 400", (state, sha256(state).digest()))
    recompute_leaves(copy)
    recompute_tiles(copy)
    report = verified(copy, checkpoints_of(log))
    assert found(report) == [(Kind.FORKED, 301, 560)]
    assert found(verified(copy, checkpoints_of(log, (399, 400, 560)))) == [(Kind.FORKED, 400, 560)]
    # Where the tiles are left, they name the row.
    copy.execute("DELETE FROM tiles")
    copy.execute("ATTACH ':memory:' AS aside")
    with closing(copy_of(log)) as original:
        copy.executemany(
            "INSERT INTO tiles VALUES (?, ?, ?)", original.execute("SELECT level, tile, hashes FROM tiles").fetchall()
        )
    assert found(verified(copy, checkpoints_of(log))) == [(Kind.ALTERED, 400, 400)]


def test_without_a_checkpoint_everything_is_unprotected_and_contradictions_still_show(log, copy):
    assert found(verified(copy, [])) == []
    assert found(verified(copy, []), harmless=True) == [(Kind.UNPROTECTED, 1, 600)]
    copy.execute("UPDATE events SET recorded_at_us = recorded_at_us + 1 WHERE position = 580")
    assert found(verified(copy, [])) == [(Kind.ALTERED, 580, 580)]


def test_what_is_missing_at_the_end_is_named_up_to_the_checkpoint(log, copy):
    copy.execute("DELETE FROM events WHERE position > 530")
    report = verified(copy, checkpoints_of(log))
    assert (Kind.MISSING, 531, 560) in found(report)
    assert (Kind.UNPROVEN, 521, 560) in found(report)


def test_an_empty_log_is_sound_and_one_that_was_emptied_is_not(log, copy):
    checkpoints = checkpoints_of(log)
    copy.execute("DELETE FROM events")
    copy.execute("DELETE FROM tiles")
    assert verified(copy, []).sound(strict=True)
    assert (Kind.MISSING, 1, 560) in found(verified(copy, checkpoints))


def test_two_checkpoints_of_one_size_that_differ_are_a_fork(log, copy):
    checkpoints = [*checkpoints_of(log), signed(560, bytes(32))]
    assert (Kind.FORKED, 521, 560) in found(verified(copy, checkpoints))


def test_rows_of_another_deployment_are_not_this_log(log, copy):
    copy.execute("UPDATE deployment SET deployment_id = ?", (UUID(int=5).hex,))
    assert (Kind.FORKED, 1, 600) in found(verified(copy, checkpoints_of(log)))


def put_record(database, kind, facts, incarnation=1):
    """An unsealed record at the end of the log, as the product would write it."""
    rows = rows_of(database)
    last = max(rows)
    record = SystemRecord(originator_id=UUID(int=last), originator_version=1, timestamp=AT, kind=kind, facts=facts)
    state = record.encoded()
    row = [last + 1, record.originator_id.hex, 1, "system.1", None, "", None, incarnation, rows[last][8]]
    row += [sha256(state).digest(), None, state]
    row[10] = leaf_of_stored(row)
    database.execute(INSERT, row)
    recompute_tiles(database)
    return last + 1


def test_a_state_that_is_gone_is_explained_by_a_signed_record_alone(log, copy):
    positions = [100, 101, 559]
    copy.execute("UPDATE events SET state = NULL WHERE position IN (100, 101, 559)")
    assert (Kind.MISSING, 100, 101) in found(verified(copy, checkpoints_of(log)))
    put_record(copy, "system.redacted", {"positions": positions, "reason": "retention"})
    assert (Kind.MISSING, 100, 101) in found(verified(copy, checkpoints_of(log)))
    put_record(copy, "system.redacted", removal_facts(STRANGER, LOG, positions, "retention"))
    assert {(Kind.MISSING, 100, 101), (Kind.ALTERED, 602, 602)} <= set(found(verified(copy, checkpoints_of(log))))
    copy.execute("DELETE FROM events WHERE position = 602")
    put_record(copy, "system.redacted", removal_facts(SIGNER, LOG, positions, "retention"))
    assert found(verified(copy, checkpoints_of(log))) == []
    assert (Kind.MISSING, 559, 559) in found(verified(copy, checkpoints_of(log), keys=()))


def test_a_record_explains_only_what_came_before_it(log, copy):
    put_record(copy, "system.redacted", removal_facts(SIGNER, LOG, [602], "retention"))
    put_record(copy, "system.other", {})
    copy.execute("UPDATE events SET state = NULL WHERE position = 602")
    assert found(verified(copy, [])) == [(Kind.MISSING, 602, 602)]


def restored(log, copy, *, announced=None, signer=SIGNER, kept=540, named=2):
    """Cut off behind 540, and a second incarnation that says a back-up was restored."""
    copy.execute("DELETE FROM events WHERE position > 540")
    copy.execute("INSERT INTO deployment VALUES (2, ?, 541, 1)", (DEPLOYMENT.hex,))
    facts = {"kept": 540}
    if announced is None:
        root = root_of(leaves_of(log)[:540])
        facts |= restore_facts(signer, log_id(DEPLOYMENT, named), Announced(kept=kept, root=root))
    else:
        facts |= announced
    assert put_record(copy, "system.restored", facts, incarnation=2) == 541


def test_a_restore_names_what_was_given_up(log, copy):
    restored(log, copy)
    report = verified(copy, checkpoints_of(log))
    assert found(report) == []
    # What the back-up kept is vouched for by the note that announced the restore.
    assert found(report, harmless=True) == [(Kind.UNPROTECTED, 541, 541), (Kind.RESTORED, 541, 560)]
    newest = signed(541, root_of(leaves_of(copy)), incarnation=2)
    assert found(verified(copy, [*checkpoints_of(log), newest]), harmless=True) == [(Kind.RESTORED, 541, 560)]


@pytest.mark.parametrize(
    "forgery",
    [
        {"announced": {}},
        {"announced": {"announcement": "restored, believe me"}},
        {"signer": STRANGER},
        {"kept": 539},
        {"named": 3},
    ],
)
def test_a_restore_that_the_logs_key_did_not_announce_excuses_nothing(log, copy, forgery):
    restored(log, copy, **forgery)
    report = verified(copy, checkpoints_of(log))
    assert (Kind.FORKED, 541, 560) in found(report)
    assert not any(each.kind is Kind.RESTORED for each in report.findings)


def test_a_restore_that_was_announced_excuses_no_other_history_before_it(log, copy):
    state = b"another history"
    copy.execute("UPDATE events SET state = ?, state_hash = ? WHERE position = 530", (state, sha256(state).digest()))
    recompute_leaves(copy)
    restored(log, copy)
    recompute_tiles(copy)
    assert (Kind.FORKED, 521, 540) in found(verified(copy, checkpoints_of(log)))
    # And where the last checkpoint is just as large as what was kept.
    assert (Kind.FORKED, 521, 540) in found(verified(copy, checkpoints_of(log, (520, 540))))
    assert verified(copy, [signed(540, root_of(leaves_of(copy)[:540]))]).sound() is False


def test_an_unsigned_restore_that_gives_up_nothing_published_is_no_failure(log, copy):
    restored(log, copy, announced={})
    assert found(verified(copy, checkpoints_of(log, (130, 300, 540)))) == []


def test_another_incarnation_that_nothing_announces_is_a_fork(log, copy):
    copy.execute("INSERT INTO deployment VALUES (2, ?, 590, 1)", (DEPLOYMENT.hex,))
    copy.execute("UPDATE events SET incarnation = 2 WHERE position >= 590")
    recompute_leaves(copy)
    assert (Kind.FORKED, 590, 600) in found(verified(copy, checkpoints_of(log)))


def test_only_cosigned_checkpoints_count_where_witnesses_are_named(log):
    from ops.verifying.trust import trusted

    bare, cosigned = signed(130, bytes(32)), signed(300, bytes(32), witnesses=[WITNESS])
    used = trusted([bytes(bare.note), bytes(cosigned.note)], SIGNER.verifier, [WITNESS.verifier])
    assert ([one.checkpoint.size for one in used.checkpoints], used.left_out, used.cosigned) == ([300], 1, 300)


def test_the_leaf_is_computed_alike_by_two_hands(log):
    from ops.verifying.leaves import leaf_head, leaf_of, log_name

    assert log_name(DEPLOYMENT, 3) == log_id(DEPLOYMENT, 3)
    for row in rows_of(log).values():
        assert leaf_of(row, leaf_head(LOG), bytes.fromhex) == row[10]
