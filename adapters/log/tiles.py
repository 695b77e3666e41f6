"""Tiles of height 8 (C2SP tlog-tiles) and the frontier: what a writer keeps of the tree to go on with it.

A tile at level L and number N holds 256 hashes: of the perfect subtrees number 256·N to 256·N + 255, each over 256^L
leaves. Only full tiles are stored; they never change. Leaf index = position - 1.
"""

from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Final

from adapters.log.merkle import EMPTY_ROOT, HASH_BYTES, Node, node_hash, perfect_subtrees, root_of

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES

ReadTile = Callable[[int, int], bytes]
"""(level, number) → the full tile's 8,192 bytes. Raises LookupError when it isn't stored."""
ReadLeaves = Callable[[int, int], Iterable[bytes]]
"""(start, end) → the leaf hashes [start, end), in order."""


class TileDamaged(ValueError):
    """A stored tile or a run of leaves hasn't the length it must have."""


@dataclass(frozen=True, slots=True)
class Tile:
    level: int
    number: int
    hashes: bytes
    """256 hashes of 32 bytes, one after the other."""


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: for each tile level the hashes of its partial tile, 0 to 255 of them.

    A value: `extended` gives a new one, so a writer whose transaction fails simply keeps the old.
    """

    size: int = 0
    partial: tuple[tuple[bytes, ...], ...] = ()

    def extended(self, leaves: Iterable[bytes]) -> tuple["Frontier", list[Tile]]:
        """The frontier after these leaf hashes, and the tiles they filled, lowest level first."""
        added = list(leaves)
        tiles: list[Tile] = []
        levels: list[tuple[bytes, ...]] = []
        first, incoming = self.size, added
        for level in range(len(self.partial) + TILE_HEIGHT):
            edge = self.partial[level] if level < len(self.partial) else ()
            if level >= len(self.partial) and not incoming:
                break
            hashes = [*edge, *incoming]
            number = first >> (TILE_HEIGHT * (level + 1))
            full = len(hashes) // TILE_WIDTH * TILE_WIDTH
            incoming = []
            for start in range(0, full, TILE_WIDTH):
                tile = hashes[start : start + TILE_WIDTH]
                tiles.append(Tile(level, number + start // TILE_WIDTH, b"".join(tile)))
                incoming.append(root_of(tile))
            levels.append(tuple(hashes[full:]))
        return Frontier(self.size + len(added), tuple(levels)), tiles

    def root(self) -> bytes:
        """Merkle tree hash of the whole tree (RFC 6962 §2.1), folded from the right edge."""
        folded: bytes | None = None
        for hashes in self.partial:
            if not hashes:
                continue
            edge = [
                root_of(hashes[index << level : (index + 1) << level])
                for level, index in perfect_subtrees(0, len(hashes))
            ]
            for left in reversed(edge):
                folded = left if folded is None else node_hash(left, folded)
        return EMPTY_ROOT if folded is None else folded

    @staticmethod
    def at(size: int, read_tile: ReadTile, read_leaves: ReadLeaves) -> "Frontier":
        """The frontier of a stored tree of `size` leaves, from its full tiles and the leaves of the partial one.

        Reads at most 255 tiles a level: those whose roots the partial tile above holds. Raises LookupError, TileDamaged.
        """
        levels = []
        level, count = 0, size
        while count:
            full, rest = divmod(count, TILE_WIDTH)
            if level == 0:
                edge = tuple(read_leaves(size - rest, size)) if rest else ()
            else:
                edge = tuple(tile_root(read_tile(level - 1, number)) for number in range(count - rest, count))
            if len(edge) != rest:
                raise TileDamaged(f"{rest} hashes expected at the edge of level {level}, {len(edge)} found")
            levels.append(edge)
            level, count = level + 1, full
        return Frontier(size, tuple(levels))


def split_tile(hashes: bytes) -> list[bytes]:
    """A full tile's 256 hashes. Raises TileDamaged."""
    if len(hashes) != TILE_BYTES:
        raise TileDamaged(f"a full tile has {TILE_BYTES} bytes, this one {len(hashes)}")
    return [hashes[start : start + HASH_BYTES] for start in range(0, TILE_BYTES, HASH_BYTES)]


def tile_root(hashes: bytes) -> bytes:
    """The one hash that a full tile is on the level above."""
    return root_of(split_tile(hashes))


def tiled_nodes(
    size: int, read_tile: ReadTile, read_leaves: ReadLeaves, roots: MutableMapping[tuple[int, int], bytes] | None = None
) -> Node:
    """`node(level, index)` for a stored tree of `size` leaves, each tile and the partial edge read once at most.

    What proof builders need: about one tile a level. `roots` remembers roots of full tiles from call to call: the edge of a
    level needs up to 255 of those below. Node raises ValueError for a subtree that isn't inside the tree.
    """
    tiles: dict[tuple[int, int], list[bytes]] = {}
    known = {} if roots is None else roots

    def root_of_tile(level: int, number: int) -> bytes:
        key = (level, number)
        if key not in known:
            known[key] = tile_root(read_tile(level, number))
        return known[key]

    def hashes_of(level: int, number: int) -> list[bytes]:
        key = (level, number)
        if key not in tiles:
            count = size >> (TILE_HEIGHT * level)
            start, end = number * TILE_WIDTH, min((number + 1) * TILE_WIDTH, count)
            if end - start == TILE_WIDTH:
                tiles[key] = split_tile(read_tile(level, number))
            elif level == 0:
                tiles[key] = list(read_leaves(start, end))
            else:
                tiles[key] = [root_of_tile(level - 1, below) for below in range(start, end)]
        return tiles[key]

    def node(level: int, index: int) -> bytes:
        if index < 0 or (index + 1) << level > size:
            raise ValueError(f"subtree {index} of level {level} is not inside a tree of {size}")
        tile_level, inside = divmod(level, TILE_HEIGHT)
        number, offset = divmod(index << inside, TILE_WIDTH)
        return root_of(hashes_of(tile_level, number)[offset : offset + (1 << inside)])

    return node
