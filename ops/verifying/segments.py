"""Leaves between checkpoints: whether they give the roots that were published, and if not, which of them are wrong.

Where the rows' own leaves don't give the root, others may: the leaf stored beside each row, or the one in a stored tile.
If some choice of those gives the root, it is the truth, and rows that say otherwise are wrong, one by one. If none does,
the history was written anew with all its hashes, and only the range since the last good checkpoint can be named.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.log.merkle import HASH_BYTES
from adapters.log.restores import Announced
from adapters.log.tiles import TILE_BYTES, TILE_HEIGHT, TILE_WIDTH, Frontier, Tile
from ops.verifying.findings import Findings, Kind
from ops.verifying.reader import LogReader

Leaf = bytes | None


@dataclass(frozen=True, slots=True, order=True)
class Anchor:
    """A checkpoint that is trusted."""

    size: int
    incarnation: int
    root: bytes


class Segments:
    """Feed it the leaf of each position in turn, None where there is no telling; then call `end`."""

    def __init__(self, reader: LogReader, anchors: Sequence[Anchor], findings: Findings) -> None:
        self._reader = reader
        self._anchors = sorted(anchors)
        self._findings = findings
        self._start = 0
        self._leaves: list[Leaf] = []
        self._stored: dict[int, bytes] = {}
        self._frontier: Frontier | None = Frontier()
        self._next = 0
        self._lost_from = 0
        self._lost_why = Kind.UNPROVEN
        self._tiles_read: dict[int, bytes | None] = {}
        self.proven = 0
        """The largest checkpoint that the log agrees with."""
        while self._anchors and self._anchors[0].size == 0:
            self._anchors.pop(0)
        self._find_next()

    @property
    def covered(self) -> int:
        """The size of the largest checkpoint."""
        return self._anchors[-1].size if self._anchors else 0

    def take(self, leaf: Leaf, stored: Any) -> None:
        """The leaf as the row gives it, and as it is stored beside the row."""
        self._leaves.append(leaf)
        if stored != leaf and type(stored) is bytes and len(stored) == HASH_BYTES:
            self._stored[self._start + len(self._leaves)] = stored
        if self._start + len(self._leaves) == self._next:
            self._settle()

    def crossed(self, position: int, incarnation: int, announced: Announced | None) -> None:
        """A new incarnation begins here: what was published of those before, from here on, was given up.

        By right only where the log's key announced it, from just this log: else whoever rules the database could have cut
        the log off and called it a restore. Where nothing that was published is given up, there is nothing to excuse.
        """
        if announced is not None and announced.kept != position - 1:
            self._findings.add(Kind.FORKED, position, "restored_elsewhere")
            announced = None
        if announced is not None:
            self._hold(announced.root, incarnation - 1)
        given_up = [each for each in self._anchors if each.incarnation < incarnation and each.size >= position]
        if given_up:
            newest = max(each.size for each in given_up)
            if announced is None:
                self._findings.add_range(Kind.FORKED, position, newest, "restore_unsigned")
            else:
                self._findings.add_range(Kind.RESTORED, position, newest)
        self._anchors = [each for each in self._anchors if each not in given_up]
        self._find_next()

    def _hold(self, root: bytes, incarnation: int) -> None:
        """All leaves so far against a root that was signed, as against a checkpoint's."""
        here = self._start + len(self._leaves)
        if self._leaves:
            self._anchors = sorted((*self._anchors, Anchor(here, incarnation, root)))
            self._next = here
            self._settle()
        elif self._frontier is not None and not self._lost_from and self._frontier.root() != root:
            self._findings.add_range(Kind.FORKED, 1, max(here, 1), "restored_elsewhere")

    def end(self) -> None:
        """Missing ends, what is past the last checkpoint, tiles that shouldn't be there."""
        last = self._start + len(self._leaves)
        covered = self.covered
        if last < covered:
            self._findings.add_range(Kind.MISSING, last + 1, covered)
            for _ in range(last, covered):
                self.take(None, None)
        if self._lost_from:
            self._findings.add_range(self._lost_why, self._lost_from, covered)
        self._findings.add_range(Kind.UNPROTECTED, covered + 1, last)
        self._settle_tail()
        self._tell_strange_tiles(max(last, covered))

    def _find_next(self) -> None:
        here = self._start + len(self._leaves)
        self._next = next((each.size for each in self._anchors if each.size > here), 0)

    def _settle(self) -> None:
        """At a checkpoint's size."""
        roots = {each.root for each in self._anchors if each.size == self._next}
        if len(roots) > 1:
            self._findings.add_range(Kind.FORKED, self.proven + 1, self._next, "two_checkpoints")
        if self._frontier is not None:
            self._settle_at(self._frontier, roots)
        self._begin_segment()
        self._find_next()

    def _settle_at(self, frontier: Frontier, roots: set[bytes]) -> None:
        if self._lost_from:  # no root after the first wrong one can come out right
            self._lose()
            return
        for choice in self._choices():
            extended, filled = frontier.extended(choice)
            if extended.root() in roots:
                self._tell_wrong(choice)
                self._check_tiles(filled)
                self._frontier, self.proven = extended, self._next
                return
        crude = self._findings.has(self._start + 1, self._next) or bool(self._stored)
        self._lost_from = self.proven + 1
        self._lost_why = Kind.UNPROVEN if crude else Kind.FORKED
        self._lose()

    def _lose(self) -> None:
        """Go on with the rows' word alone, to say at least what contradicts itself."""
        if self._frontier is None or any(leaf is None for leaf in self._leaves):
            self._frontier = None
            return
        extended, filled = self._frontier.extended(leaf for leaf in self._leaves if leaf is not None)
        self._check_tiles(filled)
        self._frontier = extended

    def _settle_tail(self) -> None:
        """Past the last checkpoint nothing proves anything, but contradictions still show."""
        positions = range(self._start + 1, self._start + len(self._leaves) + 1)
        chosen = [
            _most(leaf, self._stored.get(position, leaf), self._tiled(position)) if position in self._stored else leaf
            for position, leaf in zip(positions, self._leaves, strict=True)
        ]
        whole = [leaf for leaf in chosen if leaf is not None]
        if self._frontier is not None and len(whole) == len(chosen):
            self._check_tiles(self._frontier.extended(whole)[1])

    def _begin_segment(self) -> None:
        self._start += len(self._leaves)
        self._leaves, self._stored, self._tiles_read = [], {}, {}

    def _choices(self) -> Iterator[list[bytes]]:
        """Whole segments of leaves to try, the rows' own first."""
        rows = self._leaves
        whole = [leaf for leaf in rows if leaf is not None]
        if len(whole) == len(rows):
            yield whole
        positions = range(self._start + 1, self._start + len(rows) + 1)
        for pick in (_most, _tile_first, _stored_first):
            chosen = [
                pick(leaf, self._stored.get(position, leaf), self._tiled(position))
                for position, leaf in zip(positions, rows, strict=True)
            ]
            found = [leaf for leaf in chosen if leaf is not None]
            if len(found) == len(rows) and found != whole:
                yield found

    def _tiled(self, position: int) -> Leaf:
        """The leaf as a stored tile has it."""
        number, offset = divmod(position - 1, TILE_WIDTH)
        if number not in self._tiles_read:
            hashes = self._reader.tile(0, number)
            self._tiles_read[number] = hashes if type(hashes) is bytes and len(hashes) == TILE_BYTES else None
        hashes = self._tiles_read[number]
        return None if hashes is None else hashes[offset * HASH_BYTES : (offset + 1) * HASH_BYTES]

    def _tell_wrong(self, choice: Sequence[bytes]) -> None:
        for position, (said, true) in enumerate(zip(self._leaves, choice, strict=True), self._start + 1):
            if said is not None and said != true and position not in self._stored:
                # The row agrees with the leaf beside it: both were changed. Otherwise the row is known to be odd.
                self._findings.add(Kind.ALTERED, position, "row")

    def _check_tiles(self, filled: Iterable[Tile]) -> None:
        for tile in filled:
            if self._reader.tile(tile.level, tile.number) != tile.hashes:
                width = TILE_WIDTH ** (tile.level + 1)
                first = tile.number * width + 1
                self._findings.add_range(Kind.DAMAGED_TILE, first, first + width - 1, f"level_{tile.level}")

    def _tell_strange_tiles(self, size: int) -> None:
        for level, number in self._reader.tiles():
            width = TILE_WIDTH << (TILE_HEIGHT * level) if 0 <= level < 8 else 0
            if number < 0 or not width or (number + 1) * width > size:
                self._findings.add_range(
                    Kind.DAMAGED_TILE, number * width + 1, (number + 1) * width, f"level_{level}_not_filled"
                )


def _most(row: Leaf, stored: Leaf, tiled: Leaf) -> Leaf:
    """What two of the three say; the tile where all differ."""
    if row is not None and row in {stored, tiled}:
        return row
    return tiled if tiled is not None else stored


def _tile_first(row: Leaf, stored: Leaf, tiled: Leaf) -> Leaf:
    return tiled if tiled is not None else stored if stored is not None else row


def _stored_first(row: Leaf, stored: Leaf, tiled: Leaf) -> Leaf:
    return stored if stored is not None else tiled if tiled is not None else row
