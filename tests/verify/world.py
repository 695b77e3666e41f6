"""A small log with checkpoints, in a SQLite file without its guards, as somebody who rules the database would have it."""

import sqlite3
import struct
from contextlib import closing, contextmanager
from hashlib import sha256
from random import Random
from uuid import UUID

from sqlalchemy import create_engine, event

from adapters.db.engines import open_database
from adapters.event_store.envelope import leaf_hash, log_id
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, CommandRow, NewRow
from adapters.log.checkpoints import Checkpoint, SignedCheckpoint, key_name
from adapters.log.merkle import root_of
from adapters.log.notes import COSIGNATURE, NoteSigner
from adapters.log.tiles import Frontier
from migrations.run import upgrade
from ops.verifying.reader import SqlLogReader
from ops.verifying.verify import verify_log

DEPLOYMENT = UUID("5f0c8f3e-6a55-4a0e-9d0b-0b8d7d5a1c11")
SIGNER = NoteSigner(key_name(DEPLOYMENT), seed=bytes(range(32)))
WITNESS = NoteSigner("witness.example", COSIGNATURE, bytes(range(2, 34)))
LOG = log_id(DEPLOYMENT, 1)
SIZE = 600
CHECKPOINTS = (130, 300, 520, 560)
COLUMNS = [
    "position",
    "stream",
    "version",
    "topic",
    "subject",
    "class",
    "key_id",
    "incarnation",
    "recorded_at_us",
    "state_hash",
    "leaf",
    "state",
]
INSERT = f"INSERT INTO events ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * 12)})"


def build(path, size=SIZE, seed=7):
    """Rows in streams of one to four, about half of them with a subject, one append after another."""
    engine = open_database(f"sqlite:///{path}")
    upgrade(engine, "events")
    random = Random(seed)
    at_us = iter(range(1_700_000_000_000_000, 1_800_000_000_000_000, 1_000_003))
    recorder = Recorder(engine, clock=lambda: next(at_us) * 1000)
    recorder.open_log(DEPLOYMENT, 1)
    written = 0
    while written < size:
        stream = UUID(int=random.getrandbits(128), version=4)
        subject = UUID(int=random.getrandbits(128), version=4) if random.random() < 0.5 else None
        count = min(random.randint(1, 4), size - written)
        rows = [new_row(random, stream, version, subject) for version in range(1, count + 1)]
        recorder.append(Append(rows=rows, command=CommandRow(id=UUID(int=random.getrandbits(128), version=4))))
        written += count
    recorder.close()
    engine.dispose()
    with closing(sqlite3.connect(path)) as database:
        unguard(database)
        database.execute("PRAGMA journal_mode = DELETE")


def new_row(random, stream, version, subject=None):
    state = random.randbytes(random.randint(20, 60))
    return NewRow(
        stream=stream,
        version=version,
        topic="record.1" if subject else "audit.2",
        state=state,
        state_hash=sha256(state).digest(),
        subject=subject,
        record_class="journal" if subject else "audit",
        key_id=UUID(int=random.getrandbits(128), version=4),
    )


def unguard(database):
    """Drop triggers and constraints, which whoever owns the file can."""
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {name}")
    database.execute(f"CREATE TABLE bare (position INTEGER PRIMARY KEY, {', '.join(COLUMNS[1:])})")
    database.execute(f"INSERT INTO bare SELECT {', '.join(COLUMNS)} FROM events")
    database.execute("DROP TABLE events")
    database.execute("ALTER TABLE bare RENAME TO events")
    database.commit()


def leaves_of(database):
    return [leaf for (leaf,) in database.execute("SELECT leaf FROM events ORDER BY position")]


def signed(size, root, incarnation=1, witnesses=()):
    checkpoint = Checkpoint(origin=log_id(DEPLOYMENT, incarnation).decode(), size=size, root=root)
    note = SignedCheckpoint.opened(SIGNER.sign(checkpoint.text), SIGNER.verifier).note
    return SignedCheckpoint(
        checkpoint, note.with_signatures([each.signature(checkpoint.text, 5) for each in witnesses])
    )


def checkpoints_of(database, sizes=CHECKPOINTS):
    leaves = leaves_of(database)
    return [signed(size, root_of(leaves[:size])) for size in sizes]


@contextmanager
def reader_on(database):
    """A reader over a driver's connection of our own."""
    engine = create_engine("sqlite://", creator=lambda: database)
    event.listen(engine, "close", lambda *_: None)
    with engine.connect() as connection:
        yield SqlLogReader(connection)


def verified(database, checkpoints, keys=(SIGNER.verifier,)):
    database.commit()
    with reader_on(database) as reader:
        return verify_log(reader, checkpoints, keys=keys)


def copy_of(database):
    copied = sqlite3.connect(":memory:", check_same_thread=False)
    database.backup(copied)
    return copied


def rows_of(database):
    return {row[0]: row for row in database.execute(f"SELECT {', '.join(COLUMNS)} FROM events")}


def tiles_of(database):
    return {(level, tile): hashes for level, tile, hashes in database.execute("SELECT level, tile, hashes FROM tiles")}


def leaf_of_stored(row):
    """What a clever attacker writes beside a row that was changed; None for a row that no leaf can be made of."""
    position, stream, version, topic, subject, record_class, key_id, incarnation, at_us, state_hash, _, _ = row
    try:
        return leaf_hash(
            log_id(DEPLOYMENT, incarnation),
            position,
            UUID(stream),
            version,
            topic,
            UUID(subject) if subject else None,
            record_class,
            UUID(key_id) if key_id else None,
            at_us,
            state_hash,
        )
    except (AttributeError, TypeError, ValueError, OverflowError, struct.error):
        return None


def recompute_leaves(database):
    for row in rows_of(database).values():
        leaf = leaf_of_stored(row)
        if leaf is not None and leaf != row[10]:
            database.execute("UPDATE events SET leaf = ? WHERE position = ?", (leaf, row[0]))


def recompute_tiles(database):
    rows = rows_of(database)
    leaves = [rows[position][10] for position in sorted(rows)]
    if any(type(leaf) is not bytes or len(leaf) != 32 for leaf in leaves):
        return
    database.execute("DELETE FROM tiles")
    database.executemany(
        "INSERT INTO tiles (level, tile, hashes) VALUES (?, ?, ?)",
        [(tile.level, tile.number, tile.hashes) for tile in Frontier().extended(leaves)[1]],
    )
