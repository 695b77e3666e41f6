"""The frontier and its tiles against RFC 6962 as written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.log.merkle import EMPTY_ROOT, consistency_proof, inclusion_proof, root_of
from adapters.log.tiles import TILE_WIDTH, Frontier, TileDamaged, split_tile, tile_root, tiled_nodes
from tests.log import naive

LEAVES = [naive.leaf(number) for number in range(66_200)]


class Stored:
    """What a database would hold: tiles by level and number, and the leaves."""

    def __init__(self, leaves):
        self.leaves = leaves
        self.tiles = {(tile.level, tile.number): tile.hashes for tile in Frontier().extended(leaves)[1]}

    def tile(self, level, number):
        return self.tiles[level, number]

    def run(self, start, end):
        return self.leaves[start:end]


WHOLE = Stored(LEAVES)


def test_roots_of_all_sizes_are_those_of_the_rfc():
    frontier = Frontier()
    for size in range(601):
        assert (frontier.size, frontier.root()) == (size, naive.mth(LEAVES[:size]))
        frontier, _ = frontier.extended([LEAVES[size]])


@given(st.lists(st.integers(0, 700), max_size=8))
def test_how_leaves_are_grouped_changes_nothing(groups):
    frontier, tiles, at = Frontier(), [], 0
    for count in groups:
        frontier, filled = frontier.extended(LEAVES[at : at + count])
        tiles += filled
        at += count
    once, all_tiles = Frontier().extended(LEAVES[:at])
    assert frontier == once
    assert sorted(tiles, key=lambda tile: (tile.level, tile.number)) == all_tiles
    assert frontier.root() == root_of(LEAVES[:at])


def test_tiles_hold_the_hashes_of_their_level():
    assert sorted(WHOLE.tiles) == [*((0, number) for number in range(len(LEAVES) // TILE_WIDTH)), (1, 0)]
    assert WHOLE.tile(0, 3) == b"".join(LEAVES[768:1024])
    assert split_tile(WHOLE.tile(1, 0))[7] == naive.mth(LEAVES[7 * 256 : 8 * 256]) == tile_root(WHOLE.tile(0, 7))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 65_535, 65_536, 65_537, 66_199])
def test_a_frontier_read_back_is_the_one_that_was_left(size):
    assert Frontier.at(size, WHOLE.tile, WHOLE.run) == Frontier().extended(LEAVES[:size])[0]


@given(st.integers(0, 1500))
def test_a_frontier_of_any_size_is_read_back(size):
    frontier = Frontier.at(size, WHOLE.tile, WHOLE.run)
    assert frontier == Frontier().extended(LEAVES[:size])[0]
    assert frontier.root() == root_of(LEAVES[:size])


@given(st.integers(1, len(LEAVES)), st.data())
def test_proofs_from_tiles_are_those_from_leaves(size, data):
    node = tiled_nodes(size, WHOLE.tile, WHOLE.run)

    def naive_node(level, index):
        return root_of(LEAVES[index << level : (index + 1) << level])

    index = data.draw(st.integers(0, size - 1))
    assert inclusion_proof(index, size, node) == inclusion_proof(index, size, naive_node)
    first = data.draw(st.integers(0, size))
    assert consistency_proof(first, size, node) == consistency_proof(first, size, naive_node)


def test_a_missing_tile_is_told():
    with pytest.raises(LookupError):
        Frontier.at(600, lambda level, number: {}[level, number], WHOLE.run)


def test_damaged_tiles_and_missing_leaves_are_told():
    with pytest.raises(TileDamaged):
        split_tile(b"\0" * 31)
    with pytest.raises(TileDamaged):
        Frontier.at(300, WHOLE.tile, lambda start, end: LEAVES[start : end - 1])


def test_a_subtree_outside_the_tree_is_refused():
    node = tiled_nodes(10, WHOLE.tile, WHOLE.run)
    with pytest.raises(ValueError, match="not inside"):
        node(2, 2)


def test_an_empty_frontier_has_the_empty_root():
    assert Frontier().root() == EMPTY_ROOT
    assert Frontier().extended([]) == (Frontier(), [])
