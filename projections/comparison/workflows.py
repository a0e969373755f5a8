"""What differs between two snapshots of a workflow: by node, edge and node type, down to the values and lines."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...domain.visible import visible_lines
from ...domain.workflow import (
    ABOUT,
    Changes,
    WorkflowSnapshot,
    changes_between,
    compare_parts,
    edge_label,
    keyed_edges,
    keyed_nodes,
)
from .json_patch import operations, patch_of
from .values import ValueChange, abbreviate, change_lines, value_changes


@dataclass(frozen=True, slots=True)
class PartChange:
    """A node, an edge or the code of a node type that both versions have, with its differences."""

    id: str
    """A node's id, an edge's name, or a node type."""
    changes: tuple[ValueChange, ...]

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        return {"id": self.id, "changes": [change.to_data() for change in self.changes]}


@dataclass(frozen=True, slots=True)
class PartsDiff:
    """What was added, removed and changed among all nodes, edges or code."""

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
    """The difference between two WorkflowSnapshots. Falsy when there is none; ``str()`` for people.

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
    about: tuple[ValueChange, ...]
    """What differs in the definition's own ``name``, ``description`` and ``metadata``."""

    def __bool__(self) -> bool:
        return bool(self.summary)

    def __str__(self) -> str:
        return visible_lines("\n".join(self.lines()))

    @property
    def patch(self) -> list[dict[str, Any]]:
        """JSON Patch (RFC 6902) from ``{"definition", "code", "name"?}`` of the one to that of the other."""
        old, new = (_body(side, side.definition.to_data()) for side in (self.before, self.after))
        return patch_of(operations(old, new))

    def lines(self) -> Iterator[str]:
        """Line by line: ``+`` for what was added, ``-`` removed, ``~`` changed, and below that what of it, indented."""
        yield f"workflow {self.after.workflow_id!r}: {_side(self.before)} → {_side(self.after)}"
        if not self:
            yield "  nothing differs"
        for value in (self.name, *self.about, self.start):
            yield from [] if value is None else change_lines(value, "~ ")
        for kind, parts in (("node", self.nodes), ("edge", self.edges), ("job code of", self.code)):
            for sign, those in (("+", parts.added), ("-", parts.removed)):
                for id, part in those.items():
                    yield f"{sign} {kind} {id!r} {abbreviate(part)}"
            for change in parts.changed:
                yield f"~ {kind} {change.id!r}"
                for value in change.changes:
                    yield from change_lines(value, "    ")
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
            "about": [change.to_data() for change in self.about],
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
        about=value_changes(operations(_about(old), _about(new))),
    )


def _about(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {key: definition[key] for key in ABOUT if key in definition}


def _body(snapshot: WorkflowSnapshot, definition: Mapping[str, Any]) -> dict[str, Any]:
    named = {} if snapshot.name is None else {"name": snapshot.name}
    return {"definition": definition, "code": snapshot.code, **named}


def _parts(
    before: Mapping[Any, Any], after: Mapping[Any, Any], label: Callable[[Mapping[str, Any]], str] | None = None
) -> PartsDiff:
    added, removed, changed = compare_parts(before, after)
    called = {key: key if label is None else label(part) for key, part in {**before, **after}.items()}
    return PartsDiff(
        added={called[key]: after[key] for key in added},
        removed={called[key]: before[key] for key in removed},
        changed=tuple(PartChange(called[key], value_changes(operations(before[key], after[key]))) for key in changed),
    )


def _of_one(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> ValueChange | None:
    old, new = ({key: body[key]} if key in body else {} for body in (before, after))
    return next(iter(value_changes(operations(old, new))), None)


def _side(snapshot: WorkflowSnapshot) -> str:
    return f"version {snapshot.version} ({snapshot.snapshot_id}, {snapshot.by})"
