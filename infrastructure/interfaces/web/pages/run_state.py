"""The state of a run as its page shows it: a tree that can be scrubbed, and who set one of its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from .....domain.errors import InvalidRequest
from .....domain.run.snapshot import Snapshot, shallow_data
from .....domain.values.json_pointer import Path, json_pointer, pointer_parts
from .....domain.visible import quoted
from .....projections.comparison.events import state_changes
from .....projections.run_view.json_tree import Member, json_tree
from .....projections.run_view.state_series import ABSENT, StateSeries
from .....projections.run_view.value_history import Setting, find_value, value_history
from ..read_runs import SCRUBBED, ReadRun

RESULTS: Final = 10
"""Results of each node that the page of a longer run has: the last ones of the version that is shown."""


@dataclass(frozen=True, slots=True)
class ValueHistory:
    """Who set a value."""

    pointer: str
    settings: tuple[Setting, ...]
    """Newest first; those up to the version that is shown."""
    later: int
    """How often it was set after that."""

    @property
    def name(self) -> str:
        """The last part of its place."""
        return pointer_parts(self.pointer)[-1] if self.pointer else "the state"


@dataclass(frozen=True, slots=True)
class ShownState:
    """The state at a version, with what it takes to show the others."""

    tree: Member
    changed: frozenset[Path]
    """Places that the version's event changed."""
    added: frozenset[Path]
    series: StateSeries | None
    """None where the page has this one version only."""
    version: int
    history: ValueHistory | None

    def since(self, path: Path) -> int:
        """The version at which a result came, or the first result of a node; 0 for all else."""
        if self.series is None or path[:1] != ("context",):
            return 0
        match path:
            case ("context", str(node_id)):
                return self.series.results.get((node_id, 0), 0)
            case ("context", str(node_id), int(place)):
                return self.series.results.get((node_id, place), 0)
            case _:
                return 0

    def steps(self, path: Path) -> list[list[Any]] | None:
        """From which version on a value was what; a version alone: it was gone. None: it is always the same."""
        known = None if self.series is None else self.series.leaves.get(path)
        if known is None or (len(known) == 1 and known[0][0] == 1):
            return None
        return [[since] if value is ABSENT else [since, value] for since, value in known]

    def is_there(self, path: Path) -> bool:
        """Whether a part that comes and goes is there at the version that is shown."""
        if self.series is None:
            return True
        if path in self.series.leaves:
            return self.series.at(path, self.version) is not ABSENT
        return self.series.is_there(path, self.version)

    def times(self, path: Path) -> list[list[Any]] | None:
        """From which version on an object is there; a version alone: it isn't.

        None: it always is, or is no part that comes and goes.
        """
        known = [] if self.series is None else self.series.times(path)
        if not known or known == [(1, True)]:
            return None
        return [[since, 1] if there else [since] for since, there in known]


NO_STATE: Final = ShownState(json_tree({}), frozenset(), frozenset(), None, 0, None)
"""Of a part of a page that shows none."""


def shown_state(read: ReadRun, version: int, pointer: str | None) -> ShownState:
    """The state of a run at a version; ``pointer`` names the value of which it is told who set it.

    Raises InvalidRequest for a pointer that leads nowhere.
    """
    walk = read.walk
    snapshot = walk.snapshot(version)
    series = read.series() if read.head <= SCRUBBED else None
    changes = state_changes(walk.snapshot(version - 1) if version > 1 else None, snapshot) if version > 1 else []
    document = shallow_data(snapshot) if series is None else _union(series, walk.snapshot(read.head), version)
    return ShownState(
        tree=json_tree(document, newest=RESULTS if series is None else None),
        changed=frozenset(change.path for change in changes if change.op == "replace"),
        added=frozenset(change.path for change in changes if change.op == "add"),
        series=series,
        version=version,
        history=None if pointer is None or pointer.startswith("/input") else history_of(read, pointer, version),
    )


def state_data(snapshot: Snapshot, *, whole: bool) -> tuple[dict[str, Any], dict[str, int]]:
    """The state as JSON, and how many results of each node are left out, which are none where it is ``whole``.

    The others are those that the page shows: the last ones of each node.
    """
    if whole:
        return snapshot.to_data(), {}
    context = snapshot.context
    shown = {node_id: [each.to_data() for each in results[-RESULTS:]] for node_id, results in context.items()}
    left_out = {node_id: len(results) - RESULTS for node_id, results in context.items() if len(results) > RESULTS}
    return {**shallow_data(snapshot), "context": shown}, left_out


def _union(series: StateSeries, last: Snapshot, version: int) -> dict[str, Any]:
    """All that the state has at any version: results as at the last one, other values as at the one that is shown, or
    as they were last."""
    document: dict[str, Any] = {}
    for path, known in series.leaves.items():
        now = series.at(path, version)
        value = next(value for _, value in reversed(known) if value is not ABSENT) if now is ABSENT else now
        _put(document, path, value)
    context = last.context.to_data()
    return {key: context if key == "context" else value for key, value in {**_order(last), **document}.items()}


def _order(last: Snapshot) -> dict[str, Any]:
    """The keys in the order in which a snapshot has them."""
    return dict(shallow_data(last).items())


def _put(document: dict[Any, Any], path: Path, value: Any) -> None:
    """Put a value at its path, whose parts are keys of objects."""
    place = document
    for part in path[:-1]:
        inner = place.get(part)
        if not isinstance(inner, dict):
            inner = place[part] = {}
        place = inner
    if value != {} or not isinstance(place.get(path[-1]), dict):  # what is empty now was perhaps filled before
        place[path[-1]] = {} if value == {} else value


def history_of(read: ReadRun, pointer: str, version: int) -> ValueHistory:
    """Who set a value of the state. Raises InvalidRequest for a pointer that leads nowhere."""
    if not pointer.startswith("/"):
        raise InvalidRequest(f"value {quoted(pointer)} is no JSON Pointer: it begins with a slash")
    walk = read.walk
    path, value = path_of(shallow_data(walk.snapshot(read.head)), pointer)
    settings = value_history(read.series(), path, value, walk.event)
    if not settings:
        raise InvalidRequest(f"value {quoted(pointer)} was never part of this run's state")
    shown = tuple(setting for setting in settings if setting.version <= version)
    return ValueHistory(json_pointer(path), shown, len(settings) - len(shown))


def path_of(document: Any, pointer: str) -> tuple[Path, Any]:
    """The path that a pointer names in a document, and the value there; ABSENT: there is none.

    Numbers are indexes where there is a list.
    """
    path: list[str | int] = []
    value = document
    for part in pointer_parts(pointer):
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        key: str | int = int(part) if is_list and part.isdigit() and len(part) < _DIGITS else part
        path.append(key)
        value = _plain(find_value(value, (key,)))
    return tuple(path), value


_DIGITS: Final = 10


def _plain(value: Any) -> Any:
    """A result as its JSON."""
    return value.to_data() if hasattr(value, "to_data") else value
