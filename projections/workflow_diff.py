"""What differs between two snapshots of a workflow: by node, edge and node type, down to the values and lines."""

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

from ..domain.jsonvalue import render_path
from ..domain.workflow import (
    Changes,
    WorkflowSnapshot,
    changes_between,
    compared,
    edge_label,
    keyed_edges,
    keyed_nodes,
    same,
)


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One value that differs: where (``data.items[3]``), and what was and is there."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    """None also where nothing was."""
    after: Any = None

    @property
    def text(self) -> str | None:
        """A unified diff, where the values are texts of several lines."""
        texts = [value for value in (self.before, self.after) if value is not None]
        if not all(isinstance(value, str) for value in texts) or not any("\n" in value for value in texts):
            return None
        return unified(self.before, self.after)

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        data: dict[str, Any] = {"path": self.path, "kind": self.kind}
        if self.kind != "added":
            data["before"] = self.before
        if self.kind != "removed":
            data["after"] = self.after
        text = self.text
        return data if text is None else data | {"diff": text}


@dataclass(frozen=True, slots=True)
class PartChange:
    """A node, an edge or the code of a node type that is in both, but not alike."""

    id: str
    """Node id, what people call the edge, or node type."""
    changes: tuple[ValueChange, ...]

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        return {"id": self.id, "changes": [change.to_data() for change in self.changes]}


@dataclass(frozen=True, slots=True)
class PartsDiff:
    """What became of all nodes, edges or job code: id → JSON of what was added or removed, and the changed ones."""

    added: Mapping[str, Mapping[str, Any]]
    removed: Mapping[str, Mapping[str, Any]]
    changed: tuple[PartChange, ...]

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "added": dict(self.added),
            "removed": dict(self.removed),
            "changed": [change.to_data() for change in self.changed],
        }


@dataclass(frozen=True, slots=True)
class WorkflowDiff:
    """The way from one WorkflowSnapshot to another. Falsy when nothing differs; ``str()`` for people.

    A node or edge that got another id was removed and added.
    """

    before: WorkflowSnapshot
    after: WorkflowSnapshot
    summary: Changes
    nodes: PartsDiff
    edges: PartsDiff
    code: PartsDiff
    """By node type."""
    start: ValueChange | None
    name: ValueChange | None

    def __bool__(self) -> bool:
        return bool(self.summary)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        """Line by line: ``+`` for what was added, ``-`` removed, ``~`` changed, and below that what of it, indented."""
        yield f"workflow {self.after.workflow_id!r}: {_side(self.before)} → {_side(self.after)}"
        if not self:
            yield "  nothing differs"
        for value in (self.name, self.start):
            yield from [] if value is None else _value_lines(value, "~ ")
        for kind, parts in (("node", self.nodes), ("edge", self.edges), ("job code of", self.code)):
            for sign, those in (("+", parts.added), ("-", parts.removed)):
                for id, part in those.items():
                    yield f"{sign} {kind} {id!r} {_brief(part)}"
            for change in parts.changed:
                yield f"~ {kind} {change.id!r}"
                for value in change.changes:
                    yield from _value_lines(value, "    ")
        if self.summary.order:
            yield "~ the nodes or edges are listed in another order"

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "workflowId": self.after.workflow_id,
            "before": {"version": self.before.version, "snapshotId": self.before.snapshot_id},
            "after": {"version": self.after.version, "snapshotId": self.after.snapshot_id},
            "summary": str(self.summary),
            "nodes": self.nodes.to_data(),
            "edges": self.edges.to_data(),
            "code": self.code.to_data(),
            "start": None if self.start is None else self.start.to_data(),
            "name": None if self.name is None else self.name.to_data(),
            "reordered": self.summary.order,
        }


def diff_of(before: WorkflowSnapshot, after: WorkflowSnapshot) -> WorkflowDiff:
    """What differs between two snapshots."""
    old, new = before.definition.to_data(), after.definition.to_data()
    return WorkflowDiff(
        before=before,
        after=after,
        summary=changes_between(_body(before, old), _body(after, new)),
        nodes=_parts(keyed_nodes(old), keyed_nodes(new)),
        edges=_parts(keyed_edges(old), keyed_edges(new), edge_label),
        code=_parts(dict(before.code), dict(after.code)),
        start=_of_one("start", old, new),
        name=_of_one("name", _body(before, old), _body(after, new)),
    )


def unified(before: str | None, after: str | None) -> str:
    """A unified diff of two texts, without file names; None: there is none on that side.

    Always right, and the shortest one, unless thousands of lines lie between the first and the last that differ.
    """
    old, new = ([] if text is None else text.split("\n") for text in (before, after))
    first = _alike(old, new)
    last = _alike(old[first:][::-1], new[first:][::-1])
    removed, added = old[first : len(old) - last], new[first : len(new) - last]
    if len(removed) * len(added) <= _THOROUGH:
        return "\n".join(list(difflib.unified_diff(old, new, lineterm=""))[2:])
    header = f"@@ -{first + 1},{len(removed)} +{first + 1},{len(added)} @@"
    return "\n".join([header, *(f"-{line}" for line in removed), *(f"+{line}" for line in added)])


_THOROUGH = 5_000 * 5_000
"""Pairs of lines; the time for the shortest diff grows with them."""


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines both begin with."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _body(snapshot: WorkflowSnapshot, definition: Mapping[str, Any]) -> dict[str, Any]:
    named = {} if snapshot.name is None else {"name": snapshot.name}
    return {"definition": definition, "code": snapshot.code, **named}


def _parts(
    before: Mapping[Any, Any], after: Mapping[Any, Any], label: Callable[[Mapping[str, Any]], str] | None = None
) -> PartsDiff:
    added, removed, changed = compared(before, after)
    called = {key: key if label is None else label(part) for key, part in {**before, **after}.items()}
    return PartsDiff(
        added={called[key]: after[key] for key in added},
        removed={called[key]: before[key] for key in removed},
        changed=tuple(PartChange(called[key], tuple(_changes(before[key], after[key], ()))) for key in changed),
    )


def _of_one(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> ValueChange | None:
    return next(_changes(before.get(key, _ABSENT), after.get(key, _ABSENT), (key,)), None)


def _changes(before: Any, after: Any, path: tuple[str | int, ...]) -> Iterator[ValueChange]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**before, **after}:
            yield from _changes(before.get(key, _ABSENT), after.get(key, _ABSENT), (*path, key))
    elif isinstance(before, list) and isinstance(after, list):
        for index, (one, other) in enumerate(zip_longest(before, after, fillvalue=_ABSENT)):
            yield from _changes(one, other, (*path, index))
    elif before is after:
        return
    elif before is _ABSENT:
        yield ValueChange(_rendered(path), "added", after=after)
    elif after is _ABSENT:
        yield ValueChange(_rendered(path), "removed", before=before)
    elif not same(before, after):
        yield ValueChange(_rendered(path), "changed", before, after)


_ABSENT = object()


def _rendered(path: tuple[str | int, ...]) -> str:
    return render_path(path).removeprefix(".")


def _side(snapshot: WorkflowSnapshot) -> str:
    return f"version {snapshot.version} ({snapshot.snapshot_id}, {snapshot.by})"


def _value_lines(change: ValueChange, lead: str) -> Iterator[str]:
    text = change.text
    if text is not None:
        yield f"{lead}{change.path}:"
        for line in text.split("\n"):
            yield f"{TEXT_INDENT}{line}"
    elif change.kind == "changed":
        yield f"{lead}{change.path}: {_brief(change.before)} → {_brief(change.after)}"
    else:
        yield f"{lead}{change.path}: {change.kind}, {_brief(change.after if change.kind == 'added' else change.before)}"


def _brief(value: Any) -> str:
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= _READ else line[:_READ] + "…"


TEXT_INDENT = "      "
"""Stands before each line of a text that differs."""

_READ = 120
"""Characters of a value that people read; ``to_data()`` has all of it."""
