"""Whether an event is one that could have been decided on a run as it stood: the decisions, seen from their outcome."""

from collections.abc import Mapping
from typing import Any

from ..errors import IllegalTransition
from ..events.registry import check_may_follow
from ..status import TERMINAL
from .events import CLAIMED, FAILED, PAUSED, RECOVERED, RESUMED, RETRIED, STARTED, STEP_COMPLETED, STEP_FAILED
from .fold import is_running
from .registry import RUN_EVENTS
from .state import RunState

Routes = Mapping[str, Mapping[str | None, str]]
"""Node id → handle (None: no handle) → the next node."""


class Legality:
    """Asks of one event after the other whether it may follow. What a run stood at comes with each of them."""

    __slots__ = ("_in_flight", "_unrouted", "routes")

    def __init__(self, routes: Routes) -> None:
        """``routes``: of the definition that the run uses."""
        self.routes = routes
        self._in_flight = False
        """Whether a step is under way, whose outcome is recorded whatever operators say meanwhile."""
        self._unrouted = False
        """Whether the run must fail next, as no edge took the last handle."""

    def check(self, before: RunState, type: str, data: Mapping[str, Any]) -> None:
        """Raises IllegalTransition for what nobody could have decided on the run as it stood before."""
        if before.version == 0 and type != STARTED:
            raise IllegalTransition("a run begins with its start")
        if self._unrouted and type != FAILED:
            raise IllegalTransition("no edge took the handle of its last step, so the run must fail")
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
        if type == STEP_COMPLETED:
            self._check_route(node_id, data)

    def _check_route(self, node_id: str, data: Mapping[str, Any]) -> None:
        routes = self.routes.get(node_id, {})
        expected = routes.get(data.get("handle"))
        if data.get("next_node_id") != expected or ("unrouted" in data) != (bool(routes) and expected is None):
            raise IllegalTransition(f"no edge leads from node {node_id!r} where it says that the run went on")
