"""Branching off from a run: what is edited of it, and what is refused."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..errors import IllegalTransition, InvalidRequest, InvalidValue
from ..execution.executors import StepResult
from ..execution.plan import Plan, PlannedNode
from ..execution.step import describe_unrouted
from ..ports import RecordedEvent
from ..run import STARTED, STEP_COMPLETED, STEP_FAILED, EditedResult
from ..values.json import freeze
from ..values.names import check_name
from ..visible import quoted


class Edit(NamedTuple):
    """What the last result is to be instead."""

    output: Any
    handle: str | None
    keeps_handle: bool
    """Whether the way on is to be that of the result as it was recorded."""


def edit_of(given: Any, limit: int) -> Edit:
    """A plain value edits the output alone, a StepResult the handle as well. Raises InvalidValue."""
    if not isinstance(given, StepResult):
        return Edit(freeze(given, "output", limit), None, keeps_handle=True)
    if given.handle is not None and not isinstance(given.handle, str):
        raise InvalidValue("handle", f"{quoted(given.handle)} is {type(given.handle).__name__}, a handle is text")
    return Edit(freeze(given.output, "output", limit), freeze(given.handle, "handle"), keeps_handle=False)


class ForkPoint(NamedTuple):
    """What would run of which workflow's version, and from which version of which run."""

    run_id: str
    run_version: int
    workflow_id: str
    version: int
    plan: Plan

    def node(self, node_id: str) -> PlannedNode:
        """Raises IllegalTransition that names the nodes, where there is no such one."""
        planned = self.plan.nodes.get(node_id)
        if planned is None:
            known = ", ".join(map(repr, self.plan.nodes))
            raise IllegalTransition(
                f"{self.label} needs node {quoted(node_id)}, which version {self.version} of workflow "
                f"{self.workflow_id!r} does not have; its nodes: {known}"
            )
        return planned

    @property
    def label(self) -> str:
        return f"a fork of run {self.run_id!r} at version {self.run_version}"


def edited_result(edit: Edit, backwards: Iterable[RecordedEvent], standing: ForkPoint) -> EditedResult:
    """The edit in place of the last result in the events before the fork, newest first, and the way that it goes on.

    Raises InvalidRequest where there is no result yet, or no edge takes the handle; IllegalTransition where the
    definition lacks the node.
    """
    event = next(filter(_has_result, backwards), None)
    if event is None:
        raise InvalidRequest(f"{standing.label} has no result yet whose output could be edited: give a payload instead")
    recorded = event.data["edited"] if event.type == STARTED else event.data
    planned = standing.node(recorded["node_id"])
    handle = recorded.get("handle") if edit.keeps_handle else edit.handle
    edited: EditedResult = {"run_id": event.stream, "version": event.version, "node_id": planned.node.id}
    if "attempt" in recorded:
        edited["attempt"] = recorded["attempt"]
    if handle is not None:
        edited["handle"] = handle
    if planned.routes:
        if handle not in planned.routes:
            raise InvalidRequest(f"{standing.label} has no way on. {describe_unrouted(planned, handle)}")
        edited["next_node_id"] = planned.routes[handle]
    elif edit.handle is not None:
        check_name(edit.handle, "handle")
    if edit.output is not None:
        edited["output"] = edit.output
    return edited


def _has_result(event: RecordedEvent) -> bool:
    return event.type in (STEP_COMPLETED, STEP_FAILED) or (event.type == STARTED and "edited" in event.data)
