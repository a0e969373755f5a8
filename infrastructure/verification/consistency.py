"""Compare a store with an earlier checkpoint of it: all events are read again, and hashed again.

The kept tree isn't believed: it only helps to name what is gone, where it leads to the root that was signed.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...domain.evidence.checkpoint import TreeHead
from ...domain.evidence.leaf import Leaf
from ...domain.evidence.merkle import GrowingRoot
from ...domain.evidence.report import ConsistencyFinding, ConsistencyReport, LossKind
from ...domain.evidence.tiles import TiledTree, TilesMissing
from ...domain.values.clock import moment
from ..queries.tree.removed import RemovedLeaves, removed_histories
from ..storage.recorder import BATCH_ROWS
from ..storage.verify import ChainWalk
from .lost_leaves import name_losses

if TYPE_CHECKING:
    from ..storage.event_store import LedgerEventStore
    from ..storage.tree_table import TreeTable

_CHANGED = frozenset({"changed", "unreadable", "unknown_type"})


def compare_with(
    store: "LedgerEventStore",
    table: "TreeTable",
    heads: Sequence[TreeHead],
    progress: Callable[[int], object] | None = None,
) -> ConsistencyReport:
    """What the store lacks of what checkpoints' roots are of, or has otherwise; the largest decides, others narrow it
    down.

    ``progress`` is called now and then with the number of events read. Raises StorageUnavailable.
    """
    kept, head = table.progress().size, max(heads, key=lambda head: (head.size, head.time))
    seen = _read_log(store, {kept, *(head.size for head in heads)}, progress)
    findings = _damaged(store, seen.events, progress)
    held = [other for other in heads if seen.roots.get(other.size) == other.root]
    if head not in held:
        findings = _losses(store, table, head, seen, findings, max((other.size for other in held), default=0))
    else:
        findings += [_about_fork(other, head) for other in heads if other not in held]
        if not findings and any(
            _kept_root(table, size) != seen.roots.get(size) for size in {kept, min(kept, head.size)}
        ):
            findings = [_about_tree()]
    there = seen.events - seen.removed
    return ConsistencyReport(head.origin, head.size, there, tuple(findings), removed=removed_histories(store))


class SeenLog(NamedTuple):
    """What reading all events in their order has shown."""

    events: int
    """How many there are, with those that were removed."""
    removed: int
    first: bytes | None
    """The hash of the first leaf."""
    roots: dict[int, bytes]
    """The roots of the trees of some sizes."""


def _read_log(store: "LedgerEventStore", sizes: set[int], progress: Callable[[int], object] | None) -> SeenLog:
    growing, first, removed = GrowingRoot(), None, RemovedLeaves(store)
    roots = {0: growing.root()} if 0 in sizes else {}
    for leaf in read_leaves(store, removed):
        first = first or leaf.hash
        growing.add(leaf.hash)
        if growing.size in sizes:
            roots[growing.size] = growing.root()
        if progress is not None and growing.size % BATCH_ROWS == 0:
            progress(growing.size)
    return SeenLog(growing.size, removed.count, first, roots)


def read_leaves(store: "LedgerEventStore", removed: RemovedLeaves) -> Iterator[Leaf]:
    """The leaves of all events in the order of their positions, those that were removed among them."""
    page = store.digest_batch(-(2**63))  # a forger may have used any position
    while page:
        yield from removed.among(page)
        page = store.digest_batch(page[-1].position)
    yield from removed.rest()


def _damaged(
    store: "LedgerEventStore", events: int, progress: Callable[[int], object] | None
) -> list[ConsistencyFinding]:
    """Events that aren't as they were written, by the digests of their streams: what is hashed is only the digest."""
    walk = ChainWalk(store, progress=None if progress is None else lambda count: progress(events + count))
    return [
        ConsistencyFinding(found.stream, found.version, "missing" if found.kind == "gap" else "changed", found.message)
        for found in walk
        if found.kind == "gap" or found.kind in _CHANGED
    ]


def _losses(
    store: "LedgerEventStore",
    table: "TreeTable",
    head: TreeHead,
    seen: SeenLog,
    damaged: list[ConsistencyFinding],
    held: int,
) -> list[ConsistencyFinding]:
    if head.first is not None and head.first != seen.first and _kept_root(table, head.size) != head.root:
        return [_no_stream("other", _OTHER), *damaged]
    if _kept_root(table, head.size) == head.root:
        found = name_losses(
            read_leaves(store, RemovedLeaves(store)), TiledTree(head.size, table.tiles), table, store.head
        )
        named = {finding.stream for finding in found}
        return [*found, *(finding for finding in damaged if finding.stream not in named)]
    if seen.events < head.size:
        lacking = f"{head.size:,} events were signed, and the store has {seen.events:,}; {_NOT_NAMED}"
        return [_no_stream("cut", lacking), *damaged]
    return [_no_stream("unknown", f"among the events {held + 1:,} to {head.size:,} {_NOT_SIGNED}"), *damaged]


def _kept_root(table: "TreeTable", size: int) -> bytes | None:
    try:
        return TiledTree(size, table.tiles).root()
    except TilesMissing:
        return None


def _about_fork(other: TreeHead, head: TreeHead) -> ConsistencyFinding:
    return _no_stream(
        "forked",
        f"the checkpoint of {other.size:,} events, signed at {moment(other.time).isoformat()}, is of another history "
        f"than the one of {head.size:,}, which the store holds: two histories were signed",
    )


def _about_tree() -> ConsistencyFinding:
    return _no_stream(
        "tree",
        "all events are as they were signed, but the kept tree isn't that of the events: its tables were changed; "
        "`flowledger rebuild` makes it anew, and no checkpoint should be signed before",
    )


def _no_stream(kind: LossKind, message: str) -> ConsistencyFinding:
    return ConsistencyFinding("", 0, kind, message)


_OTHER = (
    "not even the first event is the one that was signed: it is a checkpoint of another store, or all of this one was "
    "replaced"
)
_NOT_SIGNED = "some aren't those that were signed; the kept tree isn't that either, so nothing that is left says which"
_NOT_NAMED = "the kept tree isn't the one that was signed either, so what is left doesn't say which"
