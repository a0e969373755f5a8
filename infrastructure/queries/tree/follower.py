"""The tree follows the log, in the order of positions up to the horizon; no writer waits for it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ....domain.errors import StorageCorrupt
from ....domain.evidence.leaf import Leaf
from ....domain.evidence.tiles import TILE, TiledTree, TilesMissing, grow
from ...storage.codec import digest_of
from ...storage.tree_table import LeafName, TreeProgress, TreeTable
from .removed import RemovedLeaves, leaf_of

if TYPE_CHECKING:
    from ...storage.reader import EventReader
    from ...storage.recorder import EventRow

Places = Mapping[LeafName, int]
"""Events, each with its position."""


class EventTree:
    """The tree of a store. Several processes may catch up at once: each batch is kept once."""

    def __init__(self, store: "EventReader", table: TreeTable) -> None:
        self._store = store
        self._table = table

    def catch_up(self) -> TreeProgress:
        """Add the events that it lacks. Returns how far it goes then.

        Raises StorageCorrupt where the last event that it has isn't there any more, or it has gaps; StoreReadOnly,
        StorageUnavailable.
        """
        removed: RemovedLeaves | None = None
        while True:
            since = self._table.progress()
            page = self._next_page(since)
            if not page:
                return since
            if removed is None and self._store.removals is not None and self._store.removals.upto() > since.position:
                removed = RemovedLeaves(self._store, since.position)
            self._add(since, page, removed.among(page) if removed else list(map(leaf_of, page)))

    def read(self, size: int) -> TiledTree:
        """The tree as it was when it had so many events; reading it raises TilesMissing."""
        return TiledTree(size, self._table.tiles)

    def indexes(self, places: Places) -> dict[LeafName, int]:
        """At which leaf each of these events is. Those that the tree doesn't have are left out."""
        tiles = self._table.tiles_at(sorted(set(places.values()))) if places else []
        return {
            name: tile * TILE + at
            for tile, names in self._table.leaf_names(tiles).items()
            for at, name in enumerate(names)
            if name in places
        }

    def _next_page(self, since: TreeProgress) -> "Sequence[EventRow]":
        if since.size == 0:
            return self._store.digest_batch(0)
        page = self._store.digest_batch(since.position - 1)
        # What isn't settled any more, after a restore, is there nevertheless.
        first = page[:1] or self._store.digest_batch(since.position - 1, settled=False)[:1]
        for row in first:
            known = (since.position, since.last_stream, since.last_version, since.last_digest)
            if (row.position, row.stream, row.version, digest_of(row.encoded or b"")) == known:
                return page[1:]
        if since.last_stream is not None and self._store.was_removed(since.last_stream):
            return page
        raise StorageCorrupt(
            f"the tree has {since.size:,} events, and the last of them, event {since.last_version} of stream "
            f"{since.last_stream!r}, isn't there as it was: the store has lost events, or they were changed; "
            "`flowledger evidence check` says which, and `flowledger rebuild` makes the tree of those that are there"
        )

    def _add(self, since: TreeProgress, page: "Sequence[EventRow]", leaves: Sequence[Leaf]) -> None:
        try:
            tiles = grow(since.size, [leaf.hash for leaf in leaves], self._table.tiles)
        except TilesMissing as error:
            raise tree_damaged(error) from error
        last = page[-1]
        now = TreeProgress(
            since.size + len(leaves),
            last.position,
            since.generation,
            last.stream,
            last.version,
            digest_of(last.encoded or b""),
        )
        names = {tile: (position, names) for tile, position, names in self._names(since.size, leaves)}
        self._table.save(since, now, tiles, names)  # where somebody else was faster, go on behind that

    def _names(self, size: int, leaves: Sequence[Leaf]) -> "Iterator[tuple[int, int, list[LeafName | Leaf]]]":
        first, inside = divmod(size, TILE)
        names = self._table.leaf_names([first]).get(first, [])[:inside] if inside else []
        names += [LeafName("", 0)] * (inside - len(names))
        places: list[LeafName | Leaf] = [*names, *leaves]
        for at in range(0, len(places), TILE):
            piece = places[at : at + TILE]
            yield first + at // TILE, leaves[at + len(piece) - 1 - inside].position, piece


def tree_damaged(error: TilesMissing) -> StorageCorrupt:
    """What is raised where the tree's own tables were changed."""
    return StorageCorrupt(
        f"the tables of the tree were changed ({error}): `flowledger rebuild` makes it of the events again"
    )
