"""The tree in tiles is the tree of RFC 9162, however it grew."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.evidence.leaf import leaf_data
from flowledger.domain.evidence.merkle import leaf_hash, root_of
from flowledger.domain.evidence.tiles import Tile, TiledTree, TilesMissing, follows_path, grow


def defined_root(leaves: list[bytes]) -> bytes:
    """The definition, word for word: MTH(D[n])."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + defined_root(leaves[:split]) + defined_root(leaves[split:])).digest()


def data(count: int) -> list[bytes]:
    return [b"leaf %d" % number for number in range(count)]


class Tiles:
    """Tiles in a dict, grown in pieces."""

    def __init__(self) -> None:
        self.tiles: dict[Tile, bytes] = {}
        self.size = 0

    def read(self, tiles: object) -> dict[Tile, bytes]:
        return {tile: self.tiles[tile] for tile in tiles if tile in self.tiles}  # type: ignore[attr-defined]

    def add(self, leaves: list[bytes]) -> None:
        self.add_hashes(list(map(leaf_hash, leaves)))

    def add_hashes(self, hashes: list[bytes]) -> None:
        self.tiles |= grow(self.size, hashes, self.read)
        self.size += len(hashes)


SIZES = st.lists(st.sampled_from([1, 2, 3, 7, 100, 255, 256, 257, 300]), max_size=6)


@given(SIZES, st.randoms())
def test_grown_in_any_pieces_it_has_the_root_that_is_defined_and_paths_that_lead_there(
    pieces: list[int], random
) -> None:  # type: ignore[no-untyped-def]
    tiles, leaves = Tiles(), data(sum(pieces))
    for piece in pieces:
        tiles.add(leaves[tiles.size : tiles.size + piece])
    for size in {len(leaves), random.randint(0, len(leaves)), len(leaves) // 2}:
        tree = TiledTree(size, tiles.read)
        assert tree.root() == defined_root(leaves[:size]) == root_of(map(leaf_hash, leaves[:size]))
        for index in {0, size - 1, random.randrange(size)} if size else set[int]():
            path, leaf = tree.path(index), leaf_hash(leaves[index])
            assert follows_path(leaf, index, size, path, tree.root())
            assert not follows_path(leaf, index, size + 1, path, leaf)
            assert not follows_path(leaf_hash(b"another"), index, size, path, tree.root())


def test_a_tree_of_three_levels_of_tiles_is_the_same_in_one_piece_and_in_many() -> None:
    hashes = [sha256(b"%d" % number).digest() for number in range(256 * 256 + 300)]
    at_once = grow(0, hashes, lambda tiles: {})
    assert {level for level, _ in at_once} == {0, 1, 2}
    tiles = Tiles()
    for piece in (1, 1000, 64000, 534, 301):
        tiles.add_hashes(hashes[tiles.size : tiles.size + piece])
    assert tiles.tiles == at_once
    tree = TiledTree(tiles.size, tiles.read)
    assert tree.root() == root_of(hashes)
    for index in (0, 255, 256, 65535, 65536, tiles.size - 1):
        assert follows_path(hashes[index], index, tiles.size, tree.path(index), tree.root())


def test_a_tile_that_lacks_hashes_is_told_and_not_guessed() -> None:
    tiles = Tiles()
    tiles.add(data(300))
    tiles.tiles[0, 1] = tiles.tiles[0, 1][:-32]
    with pytest.raises(TilesMissing):
        TiledTree(300, tiles.read).root()
    with pytest.raises(TilesMissing):
        tiles.add(data(1))


def test_the_leaf_of_an_event_is_a_text_that_anybody_can_write() -> None:
    digest = bytes(range(32))
    assert leaf_data("run\nwith a break", 7, "run.started", digest).decode().split("\n", 4) == [
        "flowledger/event@v1",
        digest.hex(),
        "7",
        "run.started",
        "run\nwith a break\n",
    ]
