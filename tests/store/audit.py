"""Re-derives everything a log claims from its rows alone, slowly and by the letter of the format."""

from hashlib import sha256

from sqlalchemy import select

from adapters.event_store.tables import commands, deployment, events, tiles
from tests.log import naive


def prefixed(field):
    return len(field).to_bytes(4, "big") + field


def literal_leaf(log, row):
    """Leaf = SHA-256(0x00 ‖ length-prefixed(format, log id, envelope)), each field as the format names it."""
    fields = [
        b"\x01",
        log,
        row.position.to_bytes(8, "big"),
        row.stream.bytes,
        row.version.to_bytes(8, "big"),
        row.topic.encode(),
        row.subject.bytes if row.subject else b"",
        row.record_class.encode(),
        row.key_id.bytes if row.key_id else b"",
        row.recorded_at_us.to_bytes(8, "big"),
        row.state_hash,
    ]
    return sha256(b"\x00" + b"".join(prefixed(field) for field in fields)).digest()


def audit(engine):
    """All rows, after these hold: positions without a gap, each stream contiguous, time never running back, states and
    leaves that hash to what the rows say, tiles that are the naive tree's, and commands that name stored positions."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # One moment for all tables: the commit of a writer that was killed may end only now, on the server.
            connection.execution_options(isolation_level="REPEATABLE READ")
        rows = list(connection.execute(select(events).order_by(events.c.position)))
        stored_tiles = {(row.level, row.tile): row.hashes for row in connection.execute(select(tiles))}
        stored_commands = list(connection.execute(select(commands)))
        log_ids = {
            row.incarnation: b"anamnesis/%s/%d" % (str(row.deployment_id).encode(), row.incarnation)
            for row in connection.execute(select(deployment))
        }
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    heads = {}
    for before, row in zip([None, *rows], rows, strict=False):
        assert row.version == heads.get(row.stream, row.version - 1) + 1, f"position {row.position}"
        assert row.stream in heads or row.version in {0, 1}
        heads[row.stream] = row.version
        assert before is None or before.recorded_at_us <= row.recorded_at_us
        assert row.state is None or sha256(row.state).digest() == row.state_hash
        assert row.leaf == literal_leaf(log_ids[row.incarnation], row), f"position {row.position}"
    assert stored_tiles == naive_tiles([row.leaf for row in rows])
    covered = [
        position
        for row in sorted(stored_commands, key=lambda row: (row.first_position, row.last_position))
        for position in range(row.first_position, row.last_position + 1)
    ]
    assert covered == list(range(1, len(rows) + 1))
    return rows


def naive_tiles(leaves):
    """The full tiles of a tree, from leaf to root."""
    found, level, hashes = {}, 0, leaves
    while len(hashes) >= 256:
        full = len(hashes) // 256
        for number in range(full):
            found[level, number] = b"".join(hashes[256 * number : 256 * (number + 1)])
        hashes = [naive.mth(hashes[256 * number : 256 * (number + 1)]) for number in range(full)]
        level += 1
    return found
