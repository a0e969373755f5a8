"""What changed between two versions of a workflow: on the canvas, in words, line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .....domain.workflow import WorkflowSnapshot, WorkflowVersion, edge_terms, keyed_edges
from .....domain.workflow.changes import EdgeKey
from .....domain.workflow.definition import Edge, Node
from .....projections.comparison.values import ValueChange, abbreviate
from .....projections.comparison.workflows import PartChange, WorkflowDiff
from .....projections.history_beginning import HistoryBeginning
from .....projections.layout import Graph, lay_out
from .....projections.layout.definition import link_of
from ...presentation.inputs import read_version
from ..rendering.graph import Change, EdgeLook, NodeLook, Picture, edges_said, picture
from ..rendering.text_diff import TextDiff, text_diff
from ..rendering.versions import ShownVersion
from .copy_as import CopyAs, command_line, python_call
from .drawings import draw_version
from .page import Page
from .query import check_names, one_of

if TYPE_CHECKING:
    from ..requests import Call


@dataclass(frozen=True, slots=True)
class ChangedValue:
    """A value of a part that differs, in a line."""

    path: str
    before: str | None
    after: str | None
    is_text: bool
    """Whether it is a text of several lines, which is shown below."""


@dataclass(frozen=True, slots=True)
class Said:
    """One part that differs."""

    change: Change
    kind: str
    """``node``, ``edge``, ``code of``, or what else of the definition."""
    name: str
    anchor: str | None
    """Where the picture leads to."""
    about: str
    """What is said of a part that is new, or gone."""
    values: tuple[ChangedValue, ...]
    where: str | None
    """The save that changed it last, and who made it."""


@dataclass(frozen=True, slots=True)
class ChangedText:
    """A text that both versions have, line by line."""

    title: str
    about: str
    diff: TextDiff


@dataclass(frozen=True, slots=True)
class Fared:
    """How the runs of a version have fared."""

    shown: ShownVersion
    runs: int
    failed: int


@dataclass(frozen=True, slots=True)
class DiffPage:
    """A difference."""

    diff: WorkflowDiff
    a: ShownVersion
    b: ShownVersion
    choices: tuple[WorkflowVersion, ...]
    """The saves that can be compared, the newest first."""
    saves: tuple[WorkflowVersion, ...]
    """Those that lie between, the oldest first."""
    counted: str
    picture: Picture | None
    said: tuple[Said, ...]
    texts: tuple[ChangedText, ...]
    fared: tuple[Fared, ...]
    begins: HistoryBeginning | None
    """From when on their runs are whole, where some were removed."""
    view: str
    """``unified`` or ``split``."""
    copy_as: CopyAs


def load(call: Call) -> DiffPage:
    """Raises WorkflowNotFound, VersionNotFound, InvalidRequest."""
    check_names(call.query, ("view", "a", "b"))
    workflow_id = call.part("id")
    a, b = (read_version(call.query.get(name) or call.part(name)) for name in ("a", "b"))
    diff = call.ledger.workflows.diff(workflow_id, a, b)
    versions = call.ledger.workflows.versions(workflow_id)
    saves = [each for each in versions if each.kind == "saved"]
    low, high = sorted((diff.before.version, diff.after.version))
    between = [each for each in saves if low < each.version <= high]
    numbers = (diff.before.version, diff.after.version)
    return DiffPage(
        diff=diff,
        a=_shown(diff.before),
        b=_shown(diff.after),
        choices=tuple(reversed(saves)),
        saves=tuple(between),
        counted=_counted(diff),
        picture=_picture(call, diff, versions),
        said=tuple(all_said(diff, between if numbers == (low, high) else ())),
        texts=tuple(texts_of(diff)),
        begins=call.ledger.retention.begins(workflow_id),
        fared=_fared(call, [each for each in saves if low <= each.version <= high]),
        view=one_of(call.query, "view", ("unified", "split"), "unified"),
        copy_as=CopyAs(
            call.links.data("workflow-diff", id=workflow_id, a=numbers[0], b=numbers[1]),
            command_line(("workflow", "diff", workflow_id, *map(str, numbers)), {}),
            python_call("workflows.diff", {}, workflow_id, *numbers),
        ),
    )


def _shown(saved: WorkflowSnapshot) -> ShownVersion:
    return ShownVersion(saved.workflow_id, saved.version, saved.snapshot_id, saved.taken_at, saved.is_latest)


def _counted(diff: WorkflowDiff) -> str:
    """``1 node added, 2 changed, 8 alike; 2 edges added, 11 alike``."""
    parts: list[str] = []
    for kind, found, total in (
        ("node", diff.summary.nodes, len(diff.after.definition.nodes)),
        ("edge", diff.summary.edges, len(diff.after.definition.edges)),
    ):
        counts = [
            (len(found.added), "added"),
            (len(found.removed), "removed"),
            (len(found.changed), "changed"),
            (total - len(found.added) - len(found.changed), "alike"),
        ]
        words = [f"{count:,} {word}" for count, word in counts if count or (word == "alike" and total)]
        if words:
            first, _, rest = words[0].partition(" ")
            words[0] = f"{first} {kind}{'s' * (first != '1')} {rest}"
        parts.append(", ".join(words))
    return "; ".join(filter(None, parts))


def _picture(call: Call, diff: WorkflowDiff, versions: Sequence[WorkflowVersion]) -> Picture | None:
    """Both versions in one drawing, in which what both have stands where the first one has it."""
    base = draw_version(call.ledger, diff.before, versions)
    old, new = (_keyed(side) for side in (diff.before, diff.after))
    gone = {key: edge for key, edge in old.items() if key not in new}
    graph = Graph(
        tuple(dict.fromkeys(node.id for side in (diff.after, diff.before) for node in side.definition.nodes)),
        tuple(link_of(edge) for edge in (*new.values(), *gone.values())),
        diff.after.definition.start,
    )
    layout = lay_out(graph, before=base)
    if layout is None:
        return None
    changes: dict[str, Change] = dict.fromkeys(diff.nodes.added, "add")
    changes |= dict.fromkeys(diff.nodes.removed, "del")
    changes |= dict.fromkeys((change.id for change in diff.nodes.changed), "mod")
    nodes: dict[str, Node] = {node.id: node for side in (diff.before, diff.after) for node in side.definition.nodes}
    for node in diff.after.definition.nodes:
        if node.type in diff.summary.code:
            changes.setdefault(node.id, "mod")
    looks = {
        name: NodeLook(
            node.type, f"#{_anchor(name)}" if name in changes else None, None, False, changes.get(name),
            ("retry",) if node.retry is not None else (),
        )
        for name, node in nodes.items()
    }  # fmt: skip
    ways = ["add" if key not in old else None for key in new] + ["del"] * len(gone)
    edges = [EdgeLook(way, said=said) for way, said in zip(ways, edges_said(graph), strict=True)]  # type: ignore[arg-type]
    said = f"What changed from version {diff.before.version} to version {diff.after.version}"
    return picture(graph, layout, looks, edges, said=said)


def _keyed(side: WorkflowSnapshot) -> Mapping[EdgeKey, Edge]:
    edges = side.definition.edges
    return dict(zip(keyed_edges(side.definition.to_data()), edges, strict=True))


def _anchor(name: str) -> str:
    return f"node-{name}"


def all_said(diff: WorkflowDiff, saves: Sequence[WorkflowVersion]) -> list[Said]:
    """Every part that differs; ``saves`` are those that may have changed it, for who did."""
    found = [Said("mod", value.path, "", None, "", (_value(value, path=""),), None)
             for value in (diff.name, *diff.about, diff.start) if value is not None]  # fmt: skip
    for kind, parts in (("node", diff.nodes), ("edge", diff.edges)):
        for change, those in (("add", parts.added), ("del", parts.removed)):
            for name, part in those.items():
                anchor = _anchor(name) if kind == "node" else None
                found.append(Said(change, kind, name, anchor, _about(kind, part), (), _where(kind, name, saves)))  # type: ignore[arg-type]
        for changed in parts.changed:
            anchor = _anchor(changed.id) if kind == "node" else None
            found.append(_changed(kind, changed, anchor, _where(kind, changed.id, saves)))
    users = {node.type: node.id for node in reversed(diff.after.definition.nodes)}
    changed_nodes = {change.id for change in diff.nodes.changed}
    for changed in diff.code.changed:
        node = users.get(changed.id)
        anchor = None if node is None or node in changed_nodes else _anchor(node)
        found.append(_changed("code of", changed, anchor, _where("code of", changed.id, saves)))
    if diff.summary.order:
        found.append(Said("mod", "the order in which nodes or edges are listed", "", None, "", (), None))
    return found


def _about(kind: str, part: Mapping[str, Any]) -> str:
    if kind == "node":
        return f"type {part['type']}"
    terms = edge_terms(part)
    return f"{part['source']} → {part['target']}{f', {terms}' if terms else ''}" if part.get("id") else terms


def _changed(kind: str, change: PartChange, anchor: str | None, where: str | None) -> Said:
    return Said("mod", kind, change.id, anchor, "", tuple(_value(value) for value in change.changes), where)


def _value(value: ValueChange, path: str | None = None) -> ChangedValue:
    return ChangedValue(
        value.path if path is None else path,
        None if value.kind == "added" else abbreviate(value.before),
        None if value.kind == "removed" else abbreviate(value.after),
        value.text is not None,
    )


def _where(kind: str, name: str, saves: Sequence[WorkflowVersion]) -> str | None:
    """The last of these saves that changed the part: ``v9, tess``."""
    for save in reversed(saves):
        changes = save.changes
        parts = {"node": changes.nodes, "edge": changes.edges}.get(kind, ((), (), changes.code))
        if any(name in ids for ids in parts):
            return f"v{save.version}, {save.by}"
    return None


def texts_of(diff: WorkflowDiff) -> list[ChangedText]:
    """Texts of several lines that differ: job code of nodes, and sources of executors."""
    found: list[ChangedText] = []
    old, new = ({node.id: node for node in side.definition.nodes} for side in (diff.before, diff.after))
    for change in diff.nodes.changed:
        for value in change.changes:
            if value.text is not None:
                title = f"{value.path} of {change.id}"
                found.append(ChangedText(title, new[change.id].type, text_diff(value.before or "", value.after or "")))
    users = {node.type: node.id for node in (*old.values(), *new.values())}
    for change in diff.code.changed:
        before, after = (side.code[change.id].get("source", "") for side in (diff.before, diff.after))
        if before != after:
            name = diff.after.code[change.id]["name"]
            title = f"Code of {users.get(change.id, change.id)}"
            found.append(ChangedText(title, f"{change.id}, {name}", text_diff(before, after)))
    return found


def _fared(call: Call, saves: Sequence[WorkflowVersion]) -> tuple[Fared, ...]:
    if not saves:
        return ()
    workflow_id = saves[0].workflow_id
    runs, failed = (
        {each.value: each.count for each in call.ledger.history.counts("version", workflow_id, status=status)}
        for status in (None, "failed")
    )
    return tuple(
        Fared(
            ShownVersion(workflow_id, each.version, each.snapshot_id or "", each.taken_at, each.is_latest),
            runs.get(each.version, 0),
            failed.get(each.version, 0),
        )
        for each in reversed(saves)
    )


def to_document(page: DiffPage) -> dict[str, Any]:
    """The difference as the command line's ``--json`` has it."""
    return page.diff.to_data() | {"patch": page.diff.patch}


PAGES: Final = (
    Page("/workflows/{id}/diff/{a}/{b}", "workflow-diff", "viewer", load, "workflow_diff.html", to_document),
)
