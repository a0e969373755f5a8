"""The tables of the tree over all events: tiles, which events they are of, how far it goes, what was signed of it."""

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import orjson

from ...domain.evidence.leaf import Leaf
from ...domain.evidence.tiles import TILE, Tile
from .errors import translate_errors


class TreeProgress(NamedTuple):
    """How far the tree goes."""

    size: int
    """How many events it has."""
    position: int
    """Of the last one."""
    generation: int
    """Grows when the tree is made anew."""
    last_stream: str | None = None
    """What identifies the last event."""
    last_version: int | None = None
    last_digest: bytes | None = None


class LeafName(NamedTuple):
    """Which event a leaf is of."""

    stream: str
    version: int


Execute = Callable[[str, Mapping[str, Any]], list[Any]]
"""Runs a named statement, and returns its rows."""


class TreeTable:
    """Reads and writes them. ``begin`` begins a transaction; ``list_of`` makes a list a parameter.

    Raises StorageUnavailable, StoreReadOnly, StorageCorrupt.
    """

    def __init__(
        self,
        fetch: Callable[[str, Mapping[str, Any]], list[Any]],
        begin: Callable[[], AbstractContextManager[Execute]],
        list_of: Callable[[Sequence[int]], object] = json.dumps,
    ) -> None:
        self._fetch = fetch
        self._begin = begin
        self._list_of = list_of

    def progress(self) -> TreeProgress:
        """How far the tree goes."""
        rows = self._look("tree_progress")
        return TreeProgress._make(rows[0]) if rows else TreeProgress(0, 0, 0)

    def tiles(self, tiles: Sequence[Tile]) -> dict[Tile, bytes]:
        """The hashes of those tiles that there are."""
        levels, places = [level for level, _ in tiles], [place for _, place in tiles]
        rows = self._look("tree_tiles", levels=self._list_of(levels), tiles=self._list_of(places)) if tiles else []
        return {(level, tile): bytes(hashes) for level, tile, hashes in rows}

    def leaf_names(self, tiles: Iterable[int]) -> dict[int, list[LeafName]]:
        """Which events these tiles of level 0 are of, as far as that is kept and can be read."""
        rows = self._look("tree_leaves", tiles=self._list_of(list(tiles)))
        return {tile: _unpack(packed) for tile, packed in rows}

    def tiles_at(self, positions: Sequence[int]) -> list[int]:
        """The tiles of level 0 with the events at these positions."""
        return [tile for (tile,) in self._look("tiles_at", positions=self._list_of(positions))]

    def save(
        self,
        since: TreeProgress,
        now: TreeProgress,
        tiles: Mapping[Tile, bytes],
        leaves: Mapping[int, tuple[int, Sequence[LeafName | Leaf]]],
    ) -> bool:
        """Keep tiles, and for each of level 0 its last event's position and which events it is of; go on to ``now``.

        All in one commit. False, and nothing is kept, where the tree isn't at ``since`` any more.
        """
        with translate_errors(), self._begin() as execute:
            if not execute("move_tree", {**now._asdict(), "was": since.size}):
                return False
            for (level, tile), hashes in tiles.items():
                execute("save_tile", {"level": level, "tile": tile, "hashes": hashes})
            for tile, (position, names) in leaves.items():
                execute("save_leaves", {"tile": tile, "last_position": position, "leaves": _pack(names)})
        return True

    def restart(self) -> None:
        """Forget the tree; it is made from the events again. What was signed is kept."""
        with translate_errors(), self._begin() as execute:
            for statement in ("restart_tree", "clear_tiles", "clear_leaves"):
                execute(statement, {})

    def keep_checkpoint(self, signed_at: int, size: int, note: str) -> None:
        """Keep a checkpoint that was signed."""
        with translate_errors(), self._begin() as execute:
            execute("keep_checkpoint", {"signed_at": signed_at, "size": size, "note": note})

    def last_checkpoint(self) -> str | None:
        """The one that was signed last."""
        rows = self._look("last_checkpoint")
        return rows[0][0] if rows else None

    def _look(self, query: str, **parameters: Any) -> list[Any]:
        with translate_errors():
            return self._fetch(query, parameters)


def _pack(names: Sequence[LeafName | Leaf]) -> bytes:
    return zlib.compress(orjson.dumps([[name.stream, name.version] for name in names]), 1)


def _unpack(packed: bytes) -> list[LeafName]:
    """An empty list for what somebody else has written: these are hints, which nothing depends on."""
    try:
        bounded = zlib.decompressobj().decompress(packed, TILE * _LONGEST_NAME)
        return [LeafName(str(stream), int(version)) for stream, version in orjson.loads(bounded)]
    except (zlib.error, ValueError, TypeError):
        return []


_LONGEST_NAME = 8192
"""Bytes of a leaf's name as JSON, which a database still takes as a key."""
