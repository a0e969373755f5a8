"""The engine alone: the step loop over snapshots, without a store."""

import asyncio
from collections.abc import Mapping
from random import random
from time import monotonic_ns
from typing import Any

from ...domain.errors import Fault, IllegalTransition, InvalidDefinition, InvalidRequest, InvalidSnapshot
from ...domain.execution.executors import ExecutorRegistry
from ...domain.execution.plan import make_plan
from ...domain.execution.step import StepLimits
from ...domain.execution.step_loop import call_settings, step_loop
from ...domain.live import Unpicklable
from ...domain.ports import NewEvent
from ...domain.run import STARTED, RunState, evolve, proceed, refuse_held, resume
from ...domain.run.snapshot import Snapshot
from ...domain.status import TERMINAL
from ...domain.values.clock import Clock, micros_clock
from ...domain.values.json import MAX_VALUE_BYTES, freeze
from ...domain.values.names import check_name
from ...domain.visible import quoted
from ...domain.workflow.definition import WorkflowDefinition
from ...domain.workflow.graph_faults import start_faults
from ..concurrency.async_variants import run_in_thread
from ..concurrency.threads import EXECUTOR_THREADS, CallingThread, ThreadPool, Threads
from .expressions.dependencies import PLANNING_DEPENDENCIES
from .runner import PreparedCall, asynchronous, synchronous

_BY = "engine"

_THREADS = Threads(ThreadPool("flowledger-engine", EXECUTOR_THREADS), CallingThread())
"""Shared by all engines: they are never closed."""


class Engine(Unpicklable):
    """Runs one definition without a store. It keeps no state: all there is to know of a run is in its Snapshot.

    ``clock`` returns aware datetimes; by default it is the system's. ``max_value_bytes`` limits the size of one payload
    or output as JSON. Sync executors of all engines share 32 threads under ``aexecute`` and ``astep``.

    Raises InvalidDefinition (a node's type has no executor, or a policy or an input schema is invalid).
    """

    _send_instead = "send the definition and a Snapshot, and make an engine there"

    def __init__(
        self,
        definition: WorkflowDefinition,
        executors: ExecutorRegistry,
        clock: Clock | None = None,
        *,
        max_value_bytes: int = MAX_VALUE_BYTES,
    ) -> None:
        self._definition = definition
        self._plan = make_plan(definition, executors, PLANNING_DEPENDENCIES)
        self._now = micros_clock(clock)
        self._stopwatch = monotonic_ns if clock is None else None
        self._limits = StepLimits(max_value_bytes)
        self._threads = _THREADS

    def begin(
        self, start: str | None = None, *, workflow_id: str = "default", metadata: Mapping[str, Any] | None = None
    ) -> Snapshot:
        """Return the first snapshot of a new run: active, at its start node, nothing executed.

        ``start`` is a node id; by default the definition's.

        Raises InvalidDefinition (there is no such node, or no single start node), InvalidValue.
        """
        return self._begin(start, workflow_id, None, metadata).snapshot()

    abegin = run_in_thread(begin)

    def _execute(
        self,
        snapshot: Snapshot | None = None,
        *,
        start: str | None = None,
        workflow_id: str = "default",
        payload: Any = None,
        step_limit: int | None = 100,
        globals: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> PreparedCall[Snapshot]:
        """Run until the run pauses, waits for a retry, ends, or has made ``step_limit`` steps in this call.

        Without a ``snapshot`` a new run begins at the node ``start``, by default the definition's. A paused run is
        resumed, one that waits for a retry is retried now, and one that has ended is returned unchanged. ``payload``
        reaches the first step only. A run that reaches the step limit (None: no limit) ends as failed.

        Raises InvalidDefinition (there is no such start node), InvalidRequest, InvalidValue, RunHeld (an operator holds
        the run of the snapshot), InvalidSnapshot (the definition lacks the snapshot's node).
        """
        if snapshot is not None:
            _check_snapshot(snapshot)
            if snapshot.status in TERMINAL:
                return PreparedCall(None, lambda: snapshot)
        if snapshot is None:
            state = self._begin(start, workflow_id, payload, metadata)
        else:
            state = self._claim(snapshot, payload)
        return self._execution(state, globals, step_limit)

    def _step(
        self, snapshot: Snapshot, payload: Any = None, globals: Mapping[str, Any] | None = None
    ) -> PreparedCall[Snapshot]:
        """Execute exactly one step of the run at ``snapshot``.

        Raises IllegalTransition (the run has ended), InvalidRequest, InvalidValue, RunHeld (an operator holds the run
        of the snapshot), InvalidSnapshot (the definition lacks the snapshot's node).
        """
        _check_snapshot(snapshot)
        if snapshot.status in TERMINAL:
            raise IllegalTransition(f"the run is {snapshot.status}: there is no step left to make")
        return self._execution(self._claim(snapshot, payload), globals, None, single=True)

    execute = synchronous(_execute)
    aexecute = asynchronous(_execute)
    step = synchronous(_step)
    astep = asynchronous(_step)

    def _execution(
        self, state: RunState, globals: Mapping[str, Any] | None, step_limit: int | None, *, single: bool = False
    ) -> PreparedCall[Snapshot]:
        if self._plan.loops.need_order:
            state.context = state.context.with_order_told()
        settings = call_settings(_BY, globals, step_limit, self._now, random, self._limits, self._stopwatch)
        steps = step_loop(state, self._plan, settings, single=single)
        return PreparedCall((steps, _FoldOnly(state)), state.snapshot)

    def _begin(self, start: str | None, workflow_id: str, payload: Any, metadata: Mapping[str, Any] | None) -> RunState:
        if start is None:
            if self._definition.start is None:
                raise InvalidDefinition(start_faults(self._definition))
            start = self._definition.start
        elif not isinstance(start, str) or start not in self._plan.nodes:
            raise InvalidDefinition([Fault("start", f"there is no node {quoted(start)}")])
        check_name(workflow_id, "workflow_id")
        if not isinstance(metadata or {}, Mapping):
            raise InvalidRequest(f"metadata {quoted(metadata)} is not an object")
        event = {
            "recorded_at": self._now(),
            "by": _BY,
            "workflow_id": workflow_id,
            "workflow_version": 0,
            "start_node_id": start,
            "payload": self._freeze(payload, "payload"),
            "metadata": self._freeze(metadata or {}, "metadata"),
        }
        state = RunState()
        evolve(state, STARTED, event)
        return state

    def _claim(self, snapshot: Snapshot, payload: Any) -> RunState:
        payload = self._freeze(payload, "payload")
        state = RunState.from_snapshot(snapshot)
        if state.current_node_id is None:  # it was complete without saying so
            state.version += 1
            state.last_started_at = self._now()
            return state
        if state.current_node_id not in self._plan.nodes:
            node_id = quoted(state.current_node_id)
            raise InvalidSnapshot("$.currentNodeId", f"the definition has no node {node_id}")
        refuse_held(state)
        if state.status == "paused":
            _fold(state, resume(state, payload, _BY, self._now()))
        elif state.status == "error" and (retried := proceed(state, payload, _BY, self._now())) is not None:
            _fold(state, retried)
        else:
            state.last_started_at = self._now()
            state.payload = payload if payload is not None else state.payload
        return state

    def _freeze(self, value: Any, name: str) -> Any:
        return freeze(value, name, self._limits.max_value_bytes)


def _check_snapshot(snapshot: object) -> None:
    if not isinstance(snapshot, Snapshot):
        raise InvalidRequest(f"{quoted(snapshot)} is no Snapshot: Snapshot.from_json makes one of JSON")


def _fold(state: RunState, event: NewEvent) -> None:
    evolve(state, event.type, event.data)


class _FoldOnly:
    """Folds events into the state, and stores nothing."""

    def __init__(self, state: RunState) -> None:
        self._state = state

    def __call__(self, events: list[NewEvent]) -> None:
        for event in events:
            _fold(self._state, event)

    async def acommit(self, events: list[NewEvent]) -> None:
        self(events)
        await asyncio.sleep(0)  # let other tasks run, even if no executor ever waits

    def close(self) -> None:
        """Nothing is held back."""
