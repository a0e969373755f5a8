"""What differs between two snapshots of one run: results that came, and where the run stands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...domain.lazy import lazy
from ...domain.run.context import PlacedResult
from ...domain.run.snapshot import Snapshot, data_without_context
from ...domain.values.clock import moment_of_millis
from ...domain.visible import visible_lines
from .ignore import Ignored, below
from .json_patch import Operation, operations, patch_of
from .values import ValueChange, abbreviate, change_lines, value_changes


@dataclass(frozen=True)
class SnapshotDiff:
    """The difference between a run's snapshots at two versions. Falsy when there is none."""

    run_id: str
    before: Snapshot
    after: Snapshot
    added: tuple[PlacedResult, ...]
    """Results that only the later snapshot has, in the order in which they were recorded."""
    removed: tuple[PlacedResult, ...]
    """Results that only the first snapshot has, newest first: it is that of a later version."""
    _operations: tuple[Operation, ...] = field(repr=False)

    @lazy
    def changes(self) -> tuple[ValueChange, ...]:
        """What differs in all but the results: status, current node, metadata, retry, times."""
        return value_changes(self._operations)

    @lazy
    def patch(self) -> list[dict[str, Any]]:
        """JSON Patch (RFC 6902) from the one snapshot's JSON to the other's, but for what is ignored."""
        return patch_of([*self._operations, *_removals(self.removed), *_additions(self.added)])

    def __bool__(self) -> bool:
        return bool(self._operations or self.added or self.removed)

    def __str__(self) -> str:
        return visible_lines("\n".join(self.lines()))

    def lines(self) -> Iterator[str]:
        """Line by line: ``~`` for what changed, ``+`` and ``-`` for the results that came, or are gone."""
        yield f"run {self.run_id}: version {self.before.version} → {self.after.version}"
        if not self:
            yield "  nothing differs"
        for change in self.changes:
            if change.path != "version":
                yield from change_lines(_readable(change), "~ ")
        for sign, results in (("-", self.removed), ("+", self.added)):
            for placed in results:
                result = placed.result
                outcome = abbreviate(result.output) if result.error is None else f"failed: {result.error}"
                yield f"{sign} {placed.node_id!r} attempt {result.attempt}: {outcome}"


def snapshot_diff(run_id: str, before: Snapshot, after: Snapshot, ignored: Ignored | None) -> SnapshotDiff:
    """The difference of two snapshots that were folded from one stream and share their results."""
    return SnapshotDiff(
        run_id=run_id,
        before=before,
        after=after,
        added=_results_behind(before, after, ignored),
        removed=_results_behind(after, before, ignored)[::-1],
        _operations=tuple(operations(data_without_context(before), data_without_context(after), ignored)),
    )


def _results_behind(earlier: Snapshot, later: Snapshot, ignored: Ignored | None) -> tuple[PlacedResult, ...]:
    """The results that the later snapshot has more. Those are the last ones of each node, as results only ever come."""
    context = below(ignored, "context")
    results = later.context.placed(earlier.context.count)
    if context is None:
        return tuple(results)
    if context.whole:
        return ()
    left_out = {node_id: (node := context.below(node_id)) is not None and node.whole for node_id in later.context}
    return tuple(placed for placed in results if not left_out[placed.node_id])


def _additions(added: Sequence[PlacedResult]) -> Iterator[Operation]:
    """A node that had no result yet gets all of its new ones at once."""
    first_ones: dict[str, list[Any]] = {placed.node_id: [] for placed in added if placed.index == 0}
    for placed in added:
        if placed.node_id in first_ones:
            first_ones[placed.node_id].append(placed.result.to_data())
    for node_id, results in first_ones.items():
        yield Operation("add", ("context", node_id), after=results)
    for placed in added:
        if placed.node_id not in first_ones:
            yield Operation("add", ("context", placed.node_id, placed.index), after=placed.result.to_data())


def _removals(removed: Sequence[PlacedResult]) -> Iterator[Operation]:
    """They come last one first. A node that is left without any goes as a whole."""
    gone = {placed.node_id: None for placed in removed if placed.index == 0}
    yield from (Operation("remove", ("context", node_id)) for node_id in gone)
    for placed in removed:
        if placed.node_id not in gone:
            yield Operation("remove", ("context", placed.node_id, placed.index))


_TIMES = frozenset({"lastStartedAt", "retryState.nextRetryAt"})


def _readable(change: ValueChange) -> ValueChange:
    """Milliseconds since 1970 as times."""
    if change.path not in _TIMES:
        return change
    before, after = (
        None if value is None else moment_of_millis(value).isoformat() for value in (change.before, change.after)
    )
    return ValueChange(change.path, change.kind, before, after)
