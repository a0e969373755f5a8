"""Whether an event is one that could have been decided on a run as it stood: the decisions, seen from their outcome."""

from collections.abc import Mapping
from typing import Any

from ..errors import IllegalTransition
from ..events.registry import check_may_follow
from ..status import TERMINAL
from ..workflow.routes import NodeRoutes, may_lead_nowhere
from .events import CLAIMED, FAILED, PAUSED, RECOVERED, RESUMED, RETRIED, STARTED, STEP_COMPLETED, STEP_FAILED
from .fold import is_running
from .registry import RUN_EVENTS
from .state import RunState


class Legality:
    """Asks of one event after the other whether it may follow. What a run stood at comes with each of them."""

    __slots__ = ("_in_flight", "_unrouted", "routes")

    def __init__(self, routes: Mapping[str, NodeRoutes]) -> None:
        """``routes``: of each node of the definition that the run uses."""
        self.routes = routes
        self._in_flight = False
        """Whether a step is under way, whose outcome is recorded whatever operators say meanwhile."""
        self._unrouted = False
        """Whether the run must fail next, as no edge took the last handle, or a condition failed."""

    def check(self, before: RunState, type: str, data: Mapping[str, Any]) -> None:
        """Raises IllegalTransition for what nobody could have decided on the run as it stood before."""
        if before.version == 0 and type != STARTED:
            raise IllegalTransition("a run begins with its start")
        if self._unrouted and type != FAILED:
            raise IllegalTransition("there was no way on from its last step, so the run must fail")
        if type in (STEP_COMPLETED, STEP_FAILED) or (type == PAUSED and "node_id" in data):
            self._check_outcome(before, type, data)
        else:
            check_may_follow(RUN_EVENTS, before, type)

    def went_on(self, after: RunState, type: str, data: Mapping[str, Any]) -> None:
        """The event was one; the run stands there now. Raises IllegalTransition for a node that isn't there."""
        node_id = after.current_node_id
        if node_id is not None and node_id not in self.routes:
            raise IllegalTransition(f"the workflow has no node {node_id!r}")
        if node_id is None and after.status not in TERMINAL:
            raise IllegalTransition("it leaves a run that goes on at no node")
        if type in (STARTED, RESUMED, RETRIED, CLAIMED, RECOVERED) or "node_id" in data:
            self._in_flight = is_running(after) and not after.queued
        self._unrouted = "unrouted" in data and not after.cancelled

    def _check_outcome(self, before: RunState, type: str, data: Mapping[str, Any]) -> None:
        node_id = data.get("node_id")
        if node_id is None or node_id != before.current_node_id:
            raise IllegalTransition(f"it is of node {node_id!r}, and the run stands at {before.current_node_id!r}")
        if not self._in_flight:
            raise IllegalTransition(f"no step is under way in a run that is {before.run_status}")
        if (attempt := data.get("attempt", 1)) != (due := before.context.next_attempt(node_id)):
            raise IllegalTransition(f"it is attempt {attempt} at node {node_id!r}, and attempt {due} is due")
        if data.get("spent", 0) < (before.total_time or 0):
            raise IllegalTransition("the time spent in executors never gets less")
        if type != PAUSED and not _is_way(self.routes.get(node_id, NodeRoutes()), type, data):
            raise IllegalTransition(f"no edge leads from node {node_id!r} where it says that the run went on")


def _is_way(routes: NodeRoutes, type: str, data: Mapping[str, Any]) -> bool:
    """Whether a step may have led where it says; what its conditions were isn't known here."""
    failed = type == STEP_FAILED
    edges = routes.on_failure if failed else routes.on_success.get(data.get("handle"), ())
    is_unrouted, found_none = "unrouted" in data, "no_condition_held" in data
    if (next_node_id := data.get("next_node_id")) is not None:
        leads_there = any(edge.target == next_node_id for edge in edges)
        return leads_there and not is_unrouted and not found_none and "retry_at" not in data
    if not edges:
        # On failure it just fails; so it does when its event was too large to say where it leads.
        return not found_none and (failed or is_unrouted == bool(routes.on_success))
    if failed and not found_none:
        return True
    return may_lead_nowhere(edges) and is_unrouted != found_none and "retry_at" not in data
