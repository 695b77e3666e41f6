"""Leaves and tiles as they are stored, for frontiers and proofs."""

from sqlalchemy import Connection, select

from adapters.event_store.tables import events, tiles
from adapters.log.tiles import TileDamaged


def read_leaves(connection: Connection, start: int, end: int) -> list[bytes]:
    """Leaf hashes [start, end) (leaf index = position - 1). Raises TileDamaged when some aren't there."""
    leaves = (
        select(events.c.leaf).where(events.c.position > start, events.c.position <= end).order_by(events.c.position)
    )
    found = list(connection.execute(leaves).scalars())
    if len(found) != end - start:
        raise TileDamaged(f"{end - start} leaves expected from position {start + 1} on, {len(found)} found")
    return found


def read_tile(connection: Connection, level: int, number: int) -> bytes:
    """A full tile's 8,192 bytes. Raises LookupError when it isn't stored."""
    stored = select(tiles.c.hashes).where(tiles.c.level == level, tiles.c.tile == number)
    hashes: bytes | None = connection.execute(stored).scalar_one_or_none()
    if hashes is None:
        raise LookupError(f"tile {number} of level {level} is not stored")
    return hashes
