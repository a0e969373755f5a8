"""The state of a run over its versions: when each value outside of the context changed, when each result came."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...domain.run.snapshot import Snapshot
from ...domain.values.json_pointer import Path
from ..comparison.events import StateChange, state_changes


class _Absent:
    """Stands for a value that isn't there."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


@dataclass(slots=True)
class StateSeries:
    """What it takes to show any version, from one pass over the snapshots."""

    version: int = 0
    """The last one that it knows."""

    leaves: dict[Path, list[tuple[int, Any]]] = field(default_factory=dict)
    """By the path of a scalar or list, or of what is empty, outside of the context: from which version on it was what;
    ABSENT where it was gone."""
    results: dict[tuple[str, int], int] = field(default_factory=dict)
    """By node and index in its list of results: the version at which the result came. 1: also those that the run began
    with."""

    def take(self, before: Snapshot | None, snapshot: Snapshot) -> None:
        """Go on by one version; ``before`` is the snapshot of the one that it knows, None where it knows none."""
        self.version += 1
        for change in state_changes(before, snapshot):
            if change.path[0] == "context":
                self.results.update(dict.fromkeys(_results(change, snapshot), self.version))
            else:
                _note(self.leaves, change, self.version)

    def at(self, path: Path, version: int) -> Any:
        """The value of a leaf at a version; ABSENT where there was none."""
        return next((value for since, value in reversed(self.leaves[path]) if since <= version), ABSENT)

    def times(self, path: Path) -> list[tuple[int, bool]]:
        """From which version on there was anything at a path, or nothing any more; nothing for one in the context."""
        inside = [leaf for leaf in self.leaves if leaf[: len(path)] == path]
        changes = sorted({since for leaf in inside for since, _ in self.leaves[leaf]})
        told: list[tuple[int, bool]] = []
        for version in changes:
            there = any(self.at(leaf, version) is not ABSENT for leaf in inside)
            if not told or told[-1][1] != there:
                told.append((version, there))
        return told

    def is_there(self, path: Path, version: int) -> bool:
        """Whether there was anything at a path outside of the context at a version; True for those within it."""
        told = self.times(path)
        return next((there for since, there in reversed(told) if since <= version), not told)


def state_series(snapshots: Iterable[Snapshot]) -> StateSeries:
    """The series of a run, from its snapshots in order, beginning with the first."""
    series = StateSeries()
    before: Snapshot | None = None
    for snapshot in snapshots:
        series.take(before, snapshot)
        before = snapshot
    return series


def _results(change: StateChange, snapshot: Snapshot) -> Iterator[tuple[str, int]]:
    match change.path:
        case ("context", str(node_id), int(place)):
            yield node_id, place
        case ("context", str(node_id)):
            yield from ((node_id, place) for place in range(len(change.value)))
        case _:
            yield from ((node_id, place) for node_id, known in snapshot.context.items() for place in range(len(known)))


def _note(leaves: dict[Path, list[tuple[int, Any]]], change: StateChange, version: int) -> None:
    now = {} if change.op == "remove" else dict(leaves_of(change.value, change.path))
    gone = {} if change.op == "add" else dict(leaves_of(change.before, change.path))
    for path in gone:
        if path not in now:
            leaves[path].append((version, ABSENT))
    for path, value in now.items():
        leaves.setdefault(path, []).append((version, value))


def leaves_of(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The scalars and lists in a JSON value, and what is empty, by their paths."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves_of(item, (*path, key))
    else:
        yield path, value
