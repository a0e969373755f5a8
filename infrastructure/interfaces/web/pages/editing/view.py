"""What the page shows on which a workflow is edited."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ......domain.errors import Fault, InvalidRequest
from ......domain.visible import quoted
from ......domain.workflow import WorkflowSnapshot, WorkflowVersion, edge_terms
from ......domain.workflow.definition import Edge
from ......projections.layout import Graph, lay_out
from ......projections.layout.definition import link_of
from ...rendering.graph import Change, EdgeLook, NodeLook, Picture, edges_said, picture
from ...rendering.versions import ShownVersion
from ..drawings import draw_version
from .entries import Entry, entries_of, with_typed
from .merging import MergeView
from .said_changes import SaidChange, say_changes
from .settings import EDGE, METADATA, RETRY, STEP, WORKFLOW
from .working_copy import WorkingCopy

if TYPE_CHECKING:
    from ...requests import Call


@dataclass(frozen=True, slots=True)
class EdgeForm:
    """An edge of the step that is edited."""

    number: int
    """In the definition, from 0."""
    source: str
    target: str
    terms: str
    entries: tuple[Entry, ...]
    """Of an edge that leaves the step; those that lead to it are edited where they begin."""
    is_first: bool
    """Of those that leave the step."""


@dataclass(frozen=True, slots=True)
class StepForm:
    """A step that is edited."""

    id: str
    before: str | None
    after: str | None
    about: tuple[Entry, ...]
    retry: tuple[Entry, ...]
    metadata: tuple[Entry, ...]
    leaving: tuple[EdgeForm, ...]
    arriving: tuple[EdgeForm, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of them."""
        edges = (entry for edge in self.leaving for entry in edge.entries)
        return (*self.about, *self.retry, *self.metadata, *edges)


@dataclass(frozen=True, slots=True)
class SaidFault:
    """Something that keeps it from being saved."""

    step: str | None
    """Where it is wrong, where that is at a step."""
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class EditPage:
    """A workflow that is edited."""

    workflow: WorkflowSnapshot
    """The version that it began with."""
    shown: ShownVersion
    copy: WorkingCopy
    picture: Picture | None
    step: StepForm | None
    """None: the workflow as a whole is edited."""
    about: tuple[Entry, ...]
    """Of the workflow as a whole."""
    changes: tuple[SaidChange, ...]
    faults: tuple[SaidFault, ...]
    """What keeps it from being saved."""
    message: str
    new: Mapping[str, str]
    """What was typed of a step that is to be added, or of an edge."""
    new_fault: str | None
    next_version: int
    live_version: int | None
    types: tuple[str, ...]
    merge: MergeView | None = None
    """Where somebody else has saved meanwhile."""
    refused: bool = False
    """Whether a save was tried, and nothing was stored."""

    @property
    def wrong(self) -> tuple[Entry, ...]:
        """The fields in which something is wrong."""
        entries = self.about if self.step is None else self.step.entries
        return tuple(entry for entry in entries if entry.fault)


def show(
    call: Call,
    copy: WorkingCopy,
    step: str | None,
    *,
    message: str = "",
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, Fault] | None = None,
    faults: Sequence[Fault] | None = None,
    new_fault: str | None = None,
    merge: MergeView | None = None,
    refused: bool = False,
) -> EditPage:
    """The page; ``typed`` is the form where something in it is wrong, and is to be seen again.

    Raises WorkflowNotFound, VersionNotFound, InvalidRequest (there is no such step).
    """
    workflow_id = call.part("id")
    base = call.ledger.workflows.get(workflow_id, copy.base)
    versions = call.ledger.workflows.versions(workflow_id)
    differences = copy.changes_since(base.definition.to_data())
    form, typed = None if step is None else _step_form(copy, step), typed or {}
    about = () if form is not None else entries_of(copy.definition, WORKFLOW, "workflow")
    if wrong:
        about = with_typed(about, typed, wrong)
        form = None if form is None else _filled(form, typed, wrong)
    if faults is None:
        error = copy.faults()
        faults = () if error is None else error.faults
    return EditPage(
        workflow=base,
        shown=ShownVersion(workflow_id, base.version, base.snapshot_id, base.taken_at, base.is_latest),
        copy=copy,
        picture=None if merge is not None else _picture(call, copy, base, versions, step),
        step=form,
        about=about,
        changes=say_changes(differences),
        faults=tuple(_said_fault(copy, each) for each in faults),
        message=message,
        new={name: typed.get(name, "") for name in ("new.id", "new.type", "new.target")},
        new_fault=new_fault,
        next_version=versions[-1].version + 1,
        live_version=next((each.version for each in versions if each.is_live), None),
        types=tuple(sorted({*base.code, *(node["type"] for node in copy.definition["nodes"])})),
        merge=merge,
        refused=refused,
    )


def _said_fault(copy: WorkingCopy, fault: Fault) -> SaidFault:
    """The fault with the names of steps in place of their numbers."""
    found = _PLACE.match(fault.path)
    parts = None if found is None else copy.definition[found[1]]
    if found is None or parts is None or int(found[2]) >= len(parts):
        return SaidFault(None, fault.path, fault.message)
    part, rest = parts[int(found[2])], fault.path[found.end() :].removeprefix(".")
    if found[1] == "nodes":
        return SaidFault(part["id"], rest, fault.message)
    return SaidFault(part["source"], f"edge to {part['target']}{f', {rest}' if rest else ''}", fault.message)


_PLACE: Final = re.compile(r"(nodes|edges)\[(\d{1,9})\]")


def _step_form(copy: WorkingCopy, step: str) -> StepForm:
    nodes, ids = copy.definition["nodes"], copy.node_ids
    if step not in ids:
        raise InvalidRequest(f"step {quoted(step)}: there is none of that id")
    place = ids.index(step)
    node = nodes[place]
    edges = [*enumerate(copy.definition["edges"])]
    leaving = [(number, edge) for number, edge in edges if edge["source"] == step]
    arriving = [(number, edge) for number, edge in edges if edge["target"] == step and edge["source"] != step]
    return StepForm(
        id=step,
        before=ids[place - 1] if place else None,
        after=ids[place + 1] if place + 1 < len(ids) else None,
        about=entries_of(node, STEP, "step"),
        retry=entries_of(node, RETRY, "step"),
        metadata=entries_of(node, METADATA, "step"),
        leaving=tuple(_edge_form(number, edge, is_first=not place) for place, (number, edge) in enumerate(leaving)),
        arriving=tuple(_edge_form(number, edge, is_first=True) for number, edge in arriving),
    )


def _edge_form(number: int, edge: Mapping[str, Any], *, is_first: bool) -> EdgeForm:
    entries = entries_of(edge, EDGE, f"edge.{number}")
    return EdgeForm(number, edge["source"], edge["target"], edge_terms(edge), entries, is_first)


def _filled(form: StepForm, typed: Mapping[str, str], wrong: Mapping[str, Fault]) -> StepForm:
    leaving = (
        EdgeForm(
            edge.number, edge.source, edge.target, edge.terms, with_typed(edge.entries, typed, wrong), edge.is_first
        )
        for edge in form.leaving
    )
    return StepForm(
        form.id,
        form.before,
        form.after,
        with_typed(form.about, typed, wrong),
        with_typed(form.retry, typed, wrong),
        with_typed(form.metadata, typed, wrong),
        tuple(leaving),
        form.arriving,
    )


def _picture(
    call: Call, copy: WorkingCopy, base: WorkflowSnapshot, versions: Sequence[WorkflowVersion], step: str | None
) -> Picture | None:
    """What is edited, in which what the version has stands where it stood."""
    known = {*copy.node_ids}
    edges = [edge for edge in copy.definition["edges"] if {edge["source"], edge["target"]} <= known]
    start = copy.definition.get("start")
    graph = Graph(
        copy.node_ids,
        tuple(link_of(Edge.model_validate(edge)) for edge in edges),
        start if start in known else None,
    )
    layout = lay_out(graph, before=draw_version(call.ledger, base, versions))
    if layout is None:
        return None
    changed = _changed_nodes(copy, base)
    nodes = {
        node["id"]: NodeLook(
            node["type"],
            press=f"go:{node['id']}",
            selected=node["id"] == step,
            change=changed.get(node["id"]),
            badges=("retry",) if "retry" in node else (),
        )
        for node in copy.definition["nodes"]
    }
    before = [edge.to_data() for edge in base.definition.edges]
    looks = [
        EdgeLook(None if edge in before else "add", said=said)
        for edge, said in zip(edges, edges_said(graph), strict=True)
    ]
    return picture(graph, layout, nodes, looks, said=f"{base.workflow_id} as you have edited it")


def _changed_nodes(copy: WorkingCopy, base: WorkflowSnapshot) -> dict[str, Change]:
    before = {node.id: node.to_data() for node in base.definition.nodes}
    return {
        node["id"]: "mod" if node["id"] in before else "add"
        for node in copy.definition["nodes"]
        if node != before.get(node["id"])
    }
