"""Fork a run: from any of its versions, as it stood, with another payload, or with another result of its last step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ......domain.errors import NotFound
from ......domain.execution.executors import StepResult
from ......domain.ports import RecordedEvent
from ......domain.run.events import STEP_COMPLETED, STEP_FAILED
from ......domain.workflow import WorkflowSnapshot, WorkflowVersion
from ......projections.runs.run import Run
from ....presentation.documents import to_json
from ....presentation.inputs import read_version
from ...rendering.words import short_id
from ..copy_as import CopyAs, command_line, python_call
from ..page import Page, Redirect, Refused
from ..query import check_names, one_of, text, whole
from .ahead import NodeAhead, nodes_ahead
from .execution import Execution, execution_of
from .form import ActForm, act_form, attempt, preconditions, reason_of
from .json_field import read_json, read_object
from .refused import RefusedAct
from .reproduce import EFFECTS
from .run_words import how_it_went

if TYPE_CHECKING:
    from ...requests import Call

VERSION: Final = "version"
WORKFLOW_VERSION: Final = "workflow_version"
CHANGES: Final = ("nothing", "payload", "output")


@dataclass(frozen=True, slots=True)
class LastResult:
    """The result that a fork may replace."""

    node_id: str
    output: str
    """As JSON; that of a step which failed is null."""
    handles: tuple[str, ...]
    """Those of the edges that lead on from it."""


@dataclass(frozen=True, slots=True)
class ForkPage:
    """A run at the version from which the fork branches off."""

    run: Run
    version: int
    status: str
    node_id: str | None
    """Where it goes on; None: nothing is left to run."""
    last: LastResult | None
    workflow: WorkflowSnapshot | None
    """The version on which it goes on."""
    chosen: str | None
    """That, where it isn't the run's own, as the address says it."""
    versions: tuple[WorkflowVersion, ...]
    """Those that there are, the newest first."""
    impossible: str | None
    ahead: tuple[NodeAhead, ...]
    change: str
    """What is other than then: one of CHANGES."""
    execution: Execution
    form: ActForm
    copy_as: CopyAs
    back: str

    @property
    def query(self) -> Mapping[str, Any]:
        """The query of the address at which this is done."""
        return {VERSION: None if self.version == self.run.version else self.version, WORKFLOW_VERSION: self.chosen}


def load(call: Call, refused: RefusedAct | None = None) -> ForkPage:
    """The page. Raises RunNotFound, VersionNotFound, InvalidRequest."""
    check_names(call.query, (VERSION, WORKFLOW_VERSION))
    run = call.ledger.runs.get(call.part("run"))
    header = call.ledger.history.header(run.id, version=whole(call.query, VERSION, 0) or None)
    version, node_id = header.version, header.current_node_id
    chosen = text(call.query, WORKFLOW_VERSION)
    workflow = _workflow(call, run, chosen)
    impossible = None
    if workflow is None:
        impossible = (
            f"Version {run.workflow_version} of {run.workflow_id}, which it ran on, can't be read: name another."
        )
    elif node_id is not None and all(node.id != node_id for node in workflow.definition.nodes):
        impossible = f"Version {workflow.version} has no node {node_id}, where it would go on: name another version."
    given = {"version": version, "workflow_version": None if workflow is None or chosen is None else workflow.version}
    return ForkPage(
        run,
        version,
        header.status,
        node_id,
        _last_result(call, run, version, workflow),
        workflow,
        chosen,
        tuple(each for each in reversed(_versions(call, run)) if each.kind == "saved"),
        impossible,
        () if workflow is None else nodes_ahead(call.ledger, workflow.definition, node_id),
        one_of(call.form, "change", CHANGES, "nothing"),
        execution_of(call),
        act_form(call, run.version, refused),
        CopyAs(
            call.links.data("fork", run=run.id, **{VERSION: version, WORKFLOW_VERSION: chosen}),
            command_line(["run", "fork", f"{run.id}@{version}"], {"workflow_version": given["workflow_version"]}),
            python_call("runs.fork", {**given, "by": call.by}, run.id),
        ),
        call.links("run", run=run.id),
    )


def _workflow(call: Call, run: Run, chosen: str | None) -> WorkflowSnapshot | None:
    if chosen is not None:
        return call.ledger.workflows.get(run.workflow_id, read_version(chosen))
    try:
        return call.ledger.history.workflow_of(run.id)
    except NotFound:
        return None


def _versions(call: Call, run: Run) -> list[WorkflowVersion]:
    try:
        return list(call.ledger.workflows.versions(run.workflow_id))
    except NotFound:
        return []


def _last_result(call: Call, run: Run, version: int, workflow: WorkflowSnapshot | None) -> LastResult | None:
    last: RecordedEvent | None = None
    for event in call.ledger.history.events(run.id):
        if event.version > version:
            break
        if event.type in (STEP_COMPLETED, STEP_FAILED):
            last = event
    if last is None:
        return None
    node_id = last.data["node_id"]
    edges = () if workflow is None else workflow.definition.edges
    handles = dict.fromkeys(edge.source_handle for edge in edges if edge.source == node_id)
    return LastResult(node_id, to_json(last.data.get("output")), tuple(filter(None, handles)))


def act(call: Call) -> Redirect | Refused:
    """Fork it. Raises RunNotFound, InvalidRequest, StorageError."""
    run_id, chosen = call.part("run"), text(call.query, WORKFLOW_VERSION)

    def do() -> Redirect:
        made = call.ledger.runs.fork(
            run_id,
            whole(call.query, VERSION, 0) or None,
            by=call.by,
            workflow_version=None if chosen is None else read_version(chosen),
            metadata=read_object(call.form, "metadata"),
            wait=execution_of(call).waits,
            effects=call.form.getlist(EFFECTS),
            reason=reason_of(call),
            **_edits(call),
            **preconditions(call),
        )
        said = f"Run {short_id(made.id)} branches off from {short_id(run_id)}"
        return Redirect(call.links("run", run=made.id), f"{said}; {how_it_went(made)}.")

    return attempt(call, do, load, of="The run")


def _edits(call: Call) -> dict[str, Any]:
    """What is other than then, as ``fork`` takes it. Raises InvalidRequest."""
    change = one_of(call.form, "change", CHANGES, "nothing")
    if change == "nothing":
        return {}
    if change == "payload":
        return {"payload": read_json(call.form, "payload")}
    output, handle = read_json(call.form, "output"), call.form.get("handle") or None
    return {"output": output if handle is None and output is not None else StepResult(output, handle)}


def to_document(page: ForkPage) -> dict[str, Any]:
    """From where it would go on, and with what."""
    return {
        "runId": page.run.id,
        "version": page.version,
        "status": page.status,
        "nodeId": page.node_id,
        "workflowVersion": None if page.workflow is None else page.workflow.version,
        "impossible": page.impossible,
    }


PAGES: Final = (Page("/runs/{run}/fork", "fork", "viewer", load, "acts/fork.html", to_document, act),)
