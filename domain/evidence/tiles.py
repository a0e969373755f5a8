"""The tree in tiles: 256 hashes of one level side by side, so that a few reads lead from any leaf to the root.

Tile ``(0, i)`` has the hashes of the leaves from ``256 * i`` on; tile ``(k, i)`` the roots of the full tiles of level
``k - 1`` from ``256 * i`` on. A tile only ever grows at its end, so a tree that was smaller is a part of that
of today.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from .merkle import EMPTY, HASH, node_hash, peak_sizes, perfect_root, root_of_peaks

BITS: Final = 8
TILE: Final = 1 << BITS
"""Hashes of a full tile."""

Tile = tuple[int, int]
"""A level, and which tile of it."""

ReadTiles = Callable[[Sequence[Tile]], dict[Tile, bytes]]
"""The hashes of tiles, one behind the other, of those that there are."""


class TilesMissing(LookupError):
    """A tile lacks hashes that the tree must have."""


class TiledTree:
    """Reads a tree of ``size`` leaves from its tiles; each tile is read once. Raises TilesMissing."""

    def __init__(self, size: int, read: ReadTiles) -> None:
        self.size = size
        self._read = read
        self._tiles: dict[Tile, bytes] = {}
        self._ranges: dict[tuple[int, int], bytes] = {}

    def load_edge(self) -> None:
        """Read all tiles of the right edge at once."""
        self.load((level, self.size >> BITS * (level + 1)) for level in range(_levels(self.size)))

    def load_paths(self, leaves: Iterable[int]) -> None:
        """Read all tiles above these leaves, and of the right edge, at once."""
        levels = range(_levels(self.size))
        above = {(level, leaf >> BITS * (level + 1)) for leaf in leaves for level in levels}
        self.load(above | {(level, self.size >> BITS * (level + 1)) for level in levels})

    def load(self, tiles: Iterable[Tile]) -> None:
        """Read these tiles at once."""
        new = sorted(set(tiles) - self._tiles.keys())
        if new:
            self._tiles |= dict.fromkeys(new, b"") | self._read(new)

    def leaf(self, index: int) -> bytes:
        """The hash of a leaf."""
        return self._perfect(index, 1)

    def root(self) -> bytes:
        """The root."""
        self.load_edge()
        return self._range(0, self.size) if self.size else EMPTY

    def path(self, index: int) -> list[bytes]:
        """The hashes beside the way from a leaf to the root, the lowest first."""
        found: list[bytes] = []
        start, end = 0, self.size
        while end - start > 1:
            split = start + _largest_power_below(end - start)
            if index < split:
                found.append(self._range(split, end))
                end = split
            else:
                found.append(self._range(start, split))
                start = split
        return found[::-1]

    def consistency(self, old: int) -> list[bytes]:
        """The hashes that show that this tree has the one of its first ``old`` leaves in it (RFC 9162, 2.1.4.1)."""
        found: list[bytes] = []
        start, end, left, is_whole = 0, self.size, old, True
        while 0 < left < end - start:
            split = _largest_power_below(end - start)
            if left <= split:
                found.append(self._range(start + split, end))
                end = start + split
            else:
                found.append(self._range(start, start + split))
                start, left, is_whole = start + split, left - split, False
        if not is_whole:
            found.append(self._range(start, end))
        return found[::-1]

    def _range(self, start: int, end: int) -> bytes:
        """The root of leaves side by side, which begin where a perfect tree does that is as large."""
        known = self._ranges.get((start, end))
        if known is None:
            at, peaks = start, []
            for size in peak_sizes(end - start):
                peaks.append(self._perfect(at, size))
                at += size
            known = self._ranges[start, end] = root_of_peaks(peaks)
        return known

    def _perfect(self, start: int, size: int) -> bytes:
        level, within = divmod(size.bit_length() - 1, BITS)
        place = start >> BITS * level
        tile, first = place >> BITS, place % TILE
        self.load([(level, tile)])
        hashes = _split(self._tiles[level, tile][first * HASH : (first + (1 << within)) * HASH])
        if len(hashes) != 1 << within:
            raise TilesMissing(f"tile {tile} of level {level} lacks hashes")
        return perfect_root(hashes)


def grow(size: int, leaves: Sequence[bytes], read: ReadTiles) -> dict[Tile, bytes]:
    """The tiles that change where leaves are added to a tree of ``size`` leaves. Raises TilesMissing."""
    changed: dict[Tile, bytes] = {}
    levels = range(_levels(size + len(leaves)))
    edge = read([(level, size >> BITS * (level + 1)) for level in levels if size >> BITS * level])
    added = list(leaves)
    for level in levels:
        have = size >> BITS * level
        tile, inside = divmod(have, TILE)
        before = edge.get((level, tile), b"")[: inside * HASH]
        if len(before) != inside * HASH:
            raise TilesMissing(f"tile {tile} of level {level} lacks hashes")
        hashes = _split(before) + added
        added = []
        for first in range(0, len(hashes), TILE):
            piece = hashes[first : first + TILE]
            if len(piece) > inside or first:
                changed[level, tile + first // TILE] = b"".join(piece)
            if len(piece) == TILE:
                added.append(perfect_root(piece))
        if not added:
            break
    return changed


def follows_path(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path leads from a leaf to the root of a tree of ``size`` leaves (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, hash = index, size - 1, leaf
    for beside in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            hash = node_hash(beside, hash)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            hash = node_hash(hash, beside)
        place, last = place >> 1, last >> 1
    return last == 0 and hash == root


def has_within(old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path shows that a tree has an older one of ``old`` leaves in it (RFC 9162, 2.1.4.2)."""
    if not 0 < old < size:
        return not path and (old == 0 or (old, old_root) == (size, root))
    hashes = list(path) if old & (old - 1) else [old_root, *path]
    if not hashes:
        return False
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    then = now = hashes[0]
    for beside in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            then, now = node_hash(beside, then), node_hash(beside, now)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            now = node_hash(now, beside)
        place, last = place >> 1, last >> 1
    return (last, then, now) == (0, old_root, root)


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH] for at in range(0, len(hashes), HASH)]


def _levels(size: int) -> int:
    levels = 0
    while size:
        size >>= BITS
        levels += 1
    return levels


def _largest_power_below(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1
