"""Forking a run: where it begins, and the edit of its last result."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..errors import IllegalTransition, InvalidRequest, InvalidValue
from ..execution.executors import StepResult
from ..execution.plan import Plan
from ..execution.routing import scope_after, way_after_success
from ..execution.scoping import Globals
from ..expressions import Scope
from ..ports import RecordedEvent
from ..run import STARTED, STEP_COMPLETED, STEP_FAILED, EditedResult, RunState
from ..values.json import freeze
from ..values.names import check_name
from ..visible import quoted
from ..workflow.definition import Node


class Edit(NamedTuple):
    """The replacement of the last result."""

    output: Any
    handle: str | None
    keeps_handle: bool
    """Whether the run follows the edge that the recorded result took."""


def edit_of(given: Any, limit: int) -> Edit:
    """A plain value edits the output alone, a StepResult the handle as well. Raises InvalidValue."""
    if not isinstance(given, StepResult):
        return Edit(freeze(given, "output", limit), None, keeps_handle=True)
    if given.handle is not None and not isinstance(given.handle, str):
        raise InvalidValue("handle", f"{quoted(given.handle)} is {type(given.handle).__name__}, a handle is text")
    return Edit(freeze(given.output, "output", limit), freeze(given.handle, "handle"), keeps_handle=False)


class ForkPoint(NamedTuple):
    """The version of a run at which a fork begins, and the version of the workflow that it will run."""

    run_id: str
    run_version: int
    workflow_id: str
    version: int
    plan: Plan
    globals: Callable[[], Globals]
    """Those that conditions of edges see, where there is any to decide."""
    state_before: Callable[[RecordedEvent], RunState]
    """The run before the step whose result an event holds."""

    def check_node(self, node_id: str) -> None:
        """Raises IllegalTransition, with the known nodes, where the definition lacks the node."""
        if node_id not in self.plan.routes:
            known = ", ".join(map(repr, self.plan.routes))
            raise IllegalTransition(
                f"{self.label} needs node {quoted(node_id)}, which version {self.version} of workflow "
                f"{self.workflow_id!r} does not have; its nodes: {known}"
            )

    @property
    def label(self) -> str:
        return f"a fork of run {self.run_id!r} at version {self.run_version}"


def edit_result(edit: Edit, backwards: Iterable[RecordedEvent], fork_point: ForkPoint) -> EditedResult:
    """The edit in place of the last result in the events before the fork, newest first, with the node that follows.

    Raises InvalidRequest where there is no result yet, no edge takes the handle, or a condition can't be evaluated;
    IllegalTransition where the definition lacks the node.
    """
    event = next(filter(_has_result, backwards), None)
    if event is None:
        raise InvalidRequest(
            f"{fork_point.label} has no result yet whose output could be edited: give a payload instead"
        )
    recorded = event.data["edited"] if event.type == STARTED else event.data
    node_id: str = recorded["node_id"]
    fork_point.check_node(node_id)
    routes = fork_point.plan.routes[node_id]
    handle = recorded.get("handle") if edit.keeps_handle else edit.handle
    edited: EditedResult = {"run_id": event.stream, "version": event.version, "node_id": node_id}
    if "attempt" in recorded:
        edited["attempt"] = recorded["attempt"]
    if handle is not None:
        edited["handle"] = handle
    if edit.output is not None:
        edited["output"] = edit.output
    way = way_after_success(routes, handle, lambda: _scope_after_edit(event, edited, routes.node, fork_point))
    if way.fault is not None:
        raise InvalidRequest(f"{fork_point.label} has no way on. {way.fault}")
    if way.next_node_id is not None:
        edited["next_node_id"] = way.next_node_id
    elif edit.handle is not None:
        check_name(edit.handle, "handle")
    return edited


def _scope_after_edit(event: RecordedEvent, edited: EditedResult, node: Node, fork_point: ForkPoint) -> Scope:
    """What conditions of edges see where the step had ended with the edited result."""
    step = {**edited, "recorded_at": event.data["recorded_at"]}
    return scope_after(node, fork_point.state_before(event), step, fork_point.globals())()


def _has_result(event: RecordedEvent) -> bool:
    return event.type in (STEP_COMPLETED, STEP_FAILED) or (event.type == STARTED and "edited" in event.data)
