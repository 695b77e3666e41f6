"""Everything that whoever rules the database might do to a log, at random; some cover their tracks as well as they can."""

from hashlib import sha256
from uuid import UUID

from tests.verify.world import COLUMNS, INSERT, new_row, recompute_leaves, recompute_tiles, rows_of, tiles_of


def mutate(database, random):
    """One deed, and perhaps its covering up; its name."""
    deed = random.choice(DEEDS)
    deed(database, random)
    if deed not in TILE_DEEDS:
        cover = random.randrange(3)
        if cover:
            recompute_leaves(database)
        if cover == 2:
            recompute_tiles(database)
    database.commit()
    return deed.__name__


def some_position(database, random):
    return random.choice(sorted(rows_of(database)))


def flip(database, random):
    position = some_position(database, random)
    column = random.choice([column for column in COLUMNS if column != "position"])
    value = database.execute(f"SELECT {column} FROM events WHERE position = ?", (position,)).fetchone()[0]
    database.execute(f"UPDATE events SET {column} = ? WHERE position = ?", (another(value, random), position))


def another(value, random):
    if isinstance(value, bytes) and value:
        place = random.randrange(len(value))
        return value[:place] + bytes((value[place] ^ (1 << random.randrange(8)),)) + value[place + 1 :]
    if isinstance(value, int):
        return value + random.choice([-1, 1, 1000, -1000])
    if isinstance(value, str) and len(value) == 32:
        return random.choice([UUID(int=random.getrandbits(128)).hex, value.upper() + " ", value[:-1], None])
    return random.choice(["risk.1", "", 7, b"x", None if value else "x"])


def rewrite_state(database, random):
    """The state and its hash together."""
    state = random.randbytes(40)
    database.execute(
        "UPDATE events SET state = ?, state_hash = ? WHERE position = ?",
        (state, sha256(state).digest(), some_position(database, random)),
    )


def remove_state(database, random):
    database.execute("UPDATE events SET state = NULL WHERE position = ?", (some_position(database, random),))


def delete(database, random):
    database.execute("DELETE FROM events WHERE position = ?", (some_position(database, random),))


def delete_run(database, random):
    first = some_position(database, random)
    database.execute("DELETE FROM events WHERE position BETWEEN ? AND ?", (first, first + random.randrange(40)))


def delete_and_close_up(database, random):
    position = some_position(database, random)
    database.execute("DELETE FROM events WHERE position = ?", (position,))
    shift(database, position, -1)


def insert(database, random):
    position = some_position(database, random)
    shift(database, position - 1, 1)
    put(database, random, position)


def insert_outside(database, random):
    put(database, random, random.choice([0, -1, -(10**6), 10**9, max(rows_of(database)) + random.randint(1, 50)]))


def append(database, random):
    put(database, random, max(rows_of(database)) + 1)


def swap(database, random):
    one, other = some_position(database, random), some_position(database, random)
    move(database, {one: other, other: one})


def swap_states(database, random):
    one, other = some_position(database, random), some_position(database, random)
    rows = rows_of(database)
    for here, there in ((one, other), (other, one)):
        database.execute(
            "UPDATE events SET state = ?, state_hash = ? WHERE position = ?", (rows[there][11], rows[there][9], here)
        )


def reorder(database, random):
    first = some_position(database, random)
    run = [position for position in sorted(rows_of(database)) if first <= position < first + 12]
    shuffled = run[:]
    random.shuffle(shuffled)
    move(database, dict(zip(run, shuffled, strict=True)))


def truncate(database, random):
    position = some_position(database, random)
    database.execute("DELETE FROM events WHERE position >= ?", (position,))
    if random.random() < 0.5:
        database.execute(
            "DELETE FROM tiles WHERE (tile + 1) * (CASE level WHEN 0 THEN 256 ELSE 65536 END) >= ?", (position,)
        )


def roll_back(database, random):
    """An older copy, on which others wrote since."""
    position = some_position(database, random)
    last = max(rows_of(database))
    database.execute("DELETE FROM events WHERE position >= ?", (position,))
    for new in range(position, random.randint(position, last + 20) + 1):
        put(database, random, new)
    recompute_leaves(database)


def fork(database, random):
    """A history with another event in it, all its hashes made anew."""
    rewrite_state(database, random)
    recompute_leaves(database)
    recompute_tiles(database)


def damage_tile(database, random):
    key = random.choice(sorted(tiles_of(database)))
    hashes = another(tiles_of(database)[key], random)
    database.execute("UPDATE tiles SET hashes = ? WHERE level = ? AND tile = ?", (hashes, *key))


def lose_tile(database, random):
    database.execute("DELETE FROM tiles WHERE level = ? AND tile = ?", random.choice(sorted(tiles_of(database))))


def invent_tile(database, random):
    database.execute(
        "INSERT OR IGNORE INTO tiles (level, tile, hashes) VALUES (?, ?, ?)",
        (random.choice([0, 1]), random.choice([2, 3, 70]), random.randbytes(8192)),
    )


def put(database, random, position):
    row = new_row(random, UUID(int=random.getrandbits(128), version=4), 1)
    last_us = database.execute("SELECT max(recorded_at_us) FROM events WHERE position < ?", (position,)).fetchone()[0]
    key = row.key_id.hex
    envelope = (position, row.stream.hex, 1, row.topic, None, row.record_class, key, 1, last_us or 1, row.state_hash)
    database.execute(INSERT, (*envelope, random.randbytes(32), row.state))


def shift(database, after, by):
    rows = sorted(position for position in rows_of(database) if position > after)
    for position in reversed(rows) if by > 0 else rows:
        database.execute("UPDATE events SET position = ? WHERE position = ?", (position + by, position))


def move(database, places):
    """Rows to other positions, all at once."""
    far = 10**12
    for here in places:
        database.execute("UPDATE events SET position = ? WHERE position = ?", (far + here, here))
    for here, there in places.items():
        database.execute("UPDATE events SET position = ? WHERE position = ?", (there, far + here))


TILE_DEEDS = (damage_tile, lose_tile, invent_tile)
DEEDS = (
    flip,
    flip,
    flip,
    rewrite_state,
    remove_state,
    delete,
    delete_run,
    delete_and_close_up,
    insert,
    insert_outside,
    append,
    swap,
    swap_states,
    reorder,
    truncate,
    roll_back,
    fork,
    *TILE_DEEDS,
)
