"""The canvas: a workflow as it was at one save, or as it is; the versions beside it, or the step that is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from .....domain.errors import InvalidRequest
from .....domain.values.json_pointer import json_pointer
from .....domain.visible import quoted
from .....domain.workflow import WorkflowSnapshot
from .....projections.history_beginning import HistoryBeginning
from .....projections.layout import Graph, Layout, graph_of
from .....projections.runs.attempts import Attempt
from ...presentation.documents import version_document, workflow_document
from ...presentation.inputs import read_moment, read_version
from ..rendering.frame import reader_zone
from ..rendering.graph import EdgeLook, NodeLook, Picture, edges_said, picture
from ..rendering.versions import ShownVersion
from .acts.buttons import ActLink, workflow_acts
from .copy_as import CopyAs, command_line, python_call
from .drawings import draw_version
from .inspector import Inspector, RunValues, inspect
from .page import Page
from .query import check_names, flag, one_of, text, whole
from .run_on_canvas import RunOnCanvas, run_on_canvas
from .version_list import VersionList, list_versions

if TYPE_CHECKING:
    from ..requests import Call

PARAMETERS: Final = frozenset({"run", "step", "attempt", "panel", "older", "live", "at", "zoom"})
"""Of the page's address."""


@dataclass(frozen=True, slots=True)
class CanvasPage:
    """A canvas."""

    workflow: WorkflowSnapshot
    shown: ShownVersion
    versions: VersionList
    begins: HistoryBeginning | None
    """From when on their runs are whole, where some were removed."""
    picture: Picture | None
    """None: it is too large for one."""
    step: str | None
    """The node that is selected."""
    inspector: Inspector | None
    """What is shown of it; None: the versions are."""
    run: RunOnCanvas | None
    """The run that colours the nodes."""
    at: datetime | None
    """The moment that was asked for."""
    live_only: bool
    earlier: int | None
    later: int | None
    """The saves before and after."""
    zoom: int
    """Per cent of the natural size."""
    may_edit: bool
    """Whether who looks at it may edit it, as it is the latest version."""
    copy_as: CopyAs
    acts: tuple[ActLink, ...]
    """What whoever reads the page may do with it."""
    here: Mapping[str, Any]
    """What the address says besides the version, as a link takes it."""

    @property
    def is_old(self) -> bool:
        """Whether it is an old snapshot, which nobody can change or run."""
        return not self.workflow.is_latest

    @property
    def smaller(self) -> int | None:
        """The zoom below this one."""
        return next((zoom for zoom in reversed(ZOOMS) if zoom < self.zoom), None)

    @property
    def larger(self) -> int | None:
        """The zoom above this one."""
        return next((zoom for zoom in ZOOMS if zoom > self.zoom), None)

    def query(self, **changes: Any) -> dict[str, Any]:
        """The query of an address that shows the same but for these changes."""
        return {**self.here, **changes}


def load(call: Call) -> CanvasPage:
    """The version that the address asks for. Raises WorkflowNotFound, VersionNotFound, NothingAsOf, RunNotFound,
    InvalidRequest (the run is of another workflow, there is no such step)."""
    query = call.query
    check_names(query, PARAMETERS)
    workflow_id, asked = call.part("id"), call.request.path_params.get("n")
    at = _read_time(call, text(query, "at"))
    version = None if asked is None else read_version(asked)
    workflow = call.ledger.workflows.get(workflow_id, version, at)
    versions = call.ledger.workflows.versions(workflow_id)
    saves = [each for each in versions if each.kind == "saved"]
    run = _run(call, text(query, "run"), workflow)
    step = text(query, "step")
    attempt = whole(query, "attempt", 0) or None
    inspector = (
        None
        if step is None
        else inspect(workflow, step, run, attempt, None if run is None else _values_of(call, run.id))
    )
    panel = one_of(query, "panel", ("inspector", "versions"), "inspector")
    live_only = flag(query, "live") is True
    counted = call.ledger.history.counts("version", workflow_id)
    runs = {count.value: count.count for count in counted}
    here = {
        "run": None if run is None else run.id,
        "step": step,
        "panel": "versions" if panel == "versions" and step is not None else None,
        "zoom": text(query, "zoom"),
    }
    shown = ShownVersion(workflow_id, workflow.version, workflow.snapshot_id, workflow.taken_at, workflow.is_latest)
    layout = draw_version(call.ledger, workflow, versions)
    return CanvasPage(
        workflow=workflow,
        shown=shown,
        versions=list_versions(versions, workflow.version, runs, whole(query, "older", 0) or None, live_only=live_only),
        begins=counted.begins,
        picture=_picture(call, workflow, shown, layout, run, step),
        step=step,
        inspector=inspector if panel == "inspector" else None,
        run=run,
        at=at,
        live_only=live_only,
        earlier=max((each.version for each in saves if each.version < workflow.version), default=None),
        later=min((each.version for each in saves if each.version > workflow.version), default=None),
        zoom=_read_zoom(text(query, "zoom")),
        may_edit=workflow.is_latest and not workflow.archived and call.may("editor"),
        copy_as=_copy_as(call, workflow, latest=asked is None and at is None),
        acts=workflow_acts(call, workflow),
        here={name: value for name, value in here.items() if value is not None},
    )


def _picture(
    call: Call,
    workflow: WorkflowSnapshot,
    shown: ShownVersion,
    layout: Layout | None,
    run: RunOnCanvas | None,
    step: str | None,
) -> Picture | None:
    if layout is None:
        return None
    run_id = None if run is None else run.id
    if run is not None and run.workflow_version != workflow.version:
        run = None  # it has done nothing here
    nodes = {
        node.id: NodeLook(
            node.type,
            version_link(call, shown, run=run_id, step=node.id),
            None if run is None else run.statuses.get(node.id, "none"),
            node.id == step,
            badges=("retry",) if node.retry is not None else (),
        )
        for node in workflow.definition.nodes
    }
    said = f"{workflow.workflow_id} at version {workflow.version}"
    said += "" if run is None else f", coloured by run {run.id}"
    graph = graph_of(workflow.definition)
    return picture(graph, layout, nodes, _edge_looks(graph, workflow, run), said=said)


def _edge_looks(graph: Graph, workflow: WorkflowSnapshot, run: RunOnCanvas | None) -> list[EdgeLook]:
    looks: list[EdgeLook] = []
    for number, (said, edge) in enumerate(zip(edges_said(graph), workflow.definition.edges, strict=True)):
        if run is None:
            looks.append(EdgeLook(None if edge.enabled else "idle", said=said))
        else:
            times = run.taken[number]
            looks.append(EdgeLook("taken" if times else "idle", max(1, times), said))
    return looks


def _run(call: Call, run_id: str | None, workflow: WorkflowSnapshot) -> RunOnCanvas | None:
    if run_id is None:
        return None
    found = run_on_canvas(call.ledger, run_id)
    if found.workflow_id != workflow.workflow_id:
        raise InvalidRequest(
            f"run {quoted(run_id)} is of workflow {quoted(found.workflow_id)}, not of {quoted(workflow.workflow_id)}"
        )
    return found


def _values_of(call: Call, run_id: str) -> RunValues:
    def place_of(attempt: Attempt) -> str:
        results = call.ledger.history.snapshot(run_id, version=attempt.version).context[attempt.node_id]
        return json_pointer(("context", attempt.node_id, len(results) - 1))

    return RunValues(
        lambda attempt, pointer: call.links(
            "run", run=run_id, version=attempt.version, step=attempt.node_id, value=pointer
        ),
        place_of,
    )


def version_link(call: Call, shown: ShownVersion, **query: Any) -> str:
    """The address of a version's canvas: that of the workflow where it is the latest."""
    if shown.is_latest and not query.get("run"):
        return call.links("workflow", id=shown.workflow_id, **query)
    return call.links("version", id=shown.workflow_id, n=shown.number, **query)


def _read_time(call: Call, asked: str | None) -> datetime | None:
    """A time; without an offset it is one of the reader's zone, as a form sends it."""
    return read_moment(asked, "at", now=call.now, of=reader_zone(call.request.cookies)[0])


def _read_zoom(asked: str | None) -> int:
    if asked is None:
        return 100
    known = {str(zoom): zoom for zoom in ZOOMS}
    if asked not in known:
        raise InvalidRequest(f"zoom {quoted(asked)} is none of {', '.join(known)}")
    return known[asked]


ZOOMS: Final = (50, 75, 100, 150)
"""Per cent."""


def _copy_as(call: Call, workflow: WorkflowSnapshot, *, latest: bool) -> CopyAs:
    workflow_id, version = workflow.workflow_id, workflow.version
    if latest:
        address = call.links.data("workflow", id=workflow_id)
        return CopyAs(
            address, command_line(("workflow", "show", workflow_id), {}), python_call("workflows.get", {}, workflow_id)
        )
    return CopyAs(
        call.links.data("version", id=workflow_id, n=version),
        command_line(("workflow", "show", f"{workflow_id}@{version}"), {}),
        python_call("workflows.get", {"version": version}, workflow_id),
    )


def to_document(page: CanvasPage) -> dict[str, Any]:
    """The workflow as the command line's ``--json`` has it, and its versions."""
    rows = [version_document(row.version) | {"runs": row.runs} for row in page.versions.rows]
    return {**workflow_document(page.workflow), "versions": rows, "next": page.versions.older_from}


PAGES: Final = (
    Page("/workflows/{id}", "workflow", "viewer", load, "canvas.html", to_document),
    Page("/workflows/{id}/versions/{n}", "version", "viewer", load, "canvas.html", to_document),
)
