"""The door to runs: start them, go on with them, stop them."""

from collections.abc import Callable, Mapping
from typing import Any

from ...domain.cycle import CallSettings, Cycle, call_settings, check_actor, cycle
from ...domain.definition import WorkflowDefinition, start_faults
from ...domain.errors import ConcurrencyError, InvalidDefinition, InvalidRequest
from ...domain.executors import ExecutorRegistry
from ...domain.ids import uuid7
from ...domain.jsonvalue import freeze
from ...domain.ports import EventStore, ExpectedVersion, NewEvent, Write
from ...domain.run import STARTED, RunState, cancel, evolve, pause, proceed, resume, set_metadata
from ...domain.step import StepLimits
from ...domain.work_order import open_work_order
from ...projections.runs import Run, run_of
from ..driver import Commit, Execution, asynchronous, synchronous
from .batches import Batch, BatchCommitter, Timer
from .commit import Committer, write_of
from .jobcode import code_now, known_code
from .states import RunStates
from .twins import in_thread
from .workflows import Workflows


class Runs:
    """``ledger.runs``. Every method that runs steps returns when the run pauses, waits for a retry, or has ended."""

    def __init__(
        self, store: EventStore, states: RunStates, workflows: Workflows, executors: ExecutorRegistry | None,
        now: Callable[[], int], limits: StepLimits, batch: Batch | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._states = states
        self._workflows = workflows
        self._executors = executors
        self._now = now
        self._limits = limits
        self._batch = batch
        self._timer = Timer()

    def close(self) -> None:
        """Store what still waits for a batch to fill."""
        self._timer.close()

    def get(self, run_id: str) -> Run:
        """A run as it stands. Raises RunNotFound."""
        return run_of(self._states.load(run_id))

    def _start(
        self,
        workflow_id: str,
        payload: Any = None,
        by: str = "unknown",
        metadata: Mapping[str, Any] | None = None,
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
    ) -> Execution[Run]:
        """Start a run of a workflow's latest version, and run it. ``globals`` are for this call alone and never stored.

        With ``wait=False`` the run is recorded and left for ``proceed``. Raises WorkflowNotFound, InvalidValue
        (a payload that isn't JSON); then nothing was written.
        """
        settings = self._settings(by, globals, step_limit)
        payload, metadata = self._freeze(payload, "payload"), self._freeze_metadata(metadata or {})
        saved = self._workflows.latest(workflow_id)
        plan = self._workflows.plan(workflow_id, saved.version)
        now = self._now()
        run_id, order_id = uuid7(now), uuid7(now)
        started: dict[str, Any] = {
            "recorded_at": now,
            "by": by,
            "correlation_id": order_id,
            "workflow_id": workflow_id,
            "workflow_version": saved.version,
            "definition_digest": saved.data["digest"],
            "start_node_id": _start_node(plan.definition),
            **code_now(plan.definition, self._executors, *known_code(saved.data["code"])),
        }
        if payload is not None:
            started["payload"] = payload
        if metadata:
            started["metadata"] = metadata
        order = open_work_order(order_id, workflow_id=workflow_id, run_id=run_id, by=by, now=now)
        state = RunState(run_id)
        self._store.append(
            write_of(state, [NewEvent(STARTED, started)]), Write(order_id, ExpectedVersion.NO_STREAM, [order])
        )
        evolve(state, STARTED, started)
        return self._execution(state, cycle(state, plan, settings) if wait else None)

    def _resume(
        self,
        run_id: str,
        payload: Any = None,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
    ) -> Execution[Run]:
        """Go on with a paused run; its node runs again and sees ``payload``.

        Raises RunNotFound, IllegalTransition (it isn't paused), ConcurrencyError (somebody else resumed it first).
        """
        settings = self._settings(by, globals, step_limit)
        payload = self._freeze(payload, "payload")
        state = self._states.load(run_id)
        return self._claim(state, resume(state, payload, by, self._now()), settings)

    def _proceed(
        self,
        run_id: str,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
    ) -> Execution[Run]:
        """Go on with a run that waits for an automatic retry, now, or whose worker is gone.

        A run that has ended comes back unchanged. Raises RunNotFound, IllegalTransition (it is paused),
        ConcurrencyError (somebody else claimed it first).
        """
        settings = self._settings(by, globals, step_limit)
        state = self._states.load(run_id)
        return self._claim(state, proceed(state, None, by, self._now()), settings)

    start = synchronous(_start)
    astart = asynchronous(_start)
    resume = synchronous(_resume)
    aresume = asynchronous(_resume)
    proceed = synchronous(_proceed)
    aproceed = asynchronous(_proceed)

    def pause(self, run_id: str, by: str = "unknown", reason: str | None = None) -> Run:
        """Stop a run at its next step boundary; a step in flight is still recorded.

        Raises RunNotFound, IllegalTransition.
        """
        return self._order(run_id, by, lambda state: pause(state, reason, by, self._now()))

    def cancel(self, run_id: str, by: str = "unknown", reason: str | None = None) -> Run:
        """End a run for good; a step in flight is still recorded. Raises RunNotFound, IllegalTransition."""
        return self._order(run_id, by, lambda state: cancel(state, reason, by, self._now()))

    def set_metadata(self, run_id: str, metadata: Mapping[str, Any], by: str = "unknown") -> Run:
        """Merge into a run's metadata; null removes a key. Raises RunNotFound, InvalidValue."""
        frozen = self._freeze_metadata(metadata)
        return self._order(run_id, by, lambda state: set_metadata(state, frozen, by, self._now()))

    apause = in_thread(pause)
    acancel = in_thread(cancel)
    aset_metadata = in_thread(set_metadata)
    aget = in_thread(get)

    def _order(self, run_id: str, by: str, decide: Callable[[RunState], NewEvent]) -> Run:
        """An operator's command: decided again for as long as others append first."""
        check_actor(by)
        while True:
            state = self._states.load(run_id)
            event = decide(state)
            try:
                self._store.append(write_of(state, [event]))
            except ConcurrencyError:
                continue
            evolve(state, event.type, event.data)
            return run_of(state)

    def _claim(self, state: RunState, event: NewEvent | None, settings: CallSettings) -> Execution[Run]:
        """Take hold of a run by an append: of two callers, one is refused with ConcurrencyError."""
        if event is None:
            return self._execution(state, None)
        plan = self._workflows.plan(state.workflow_id, state.workflow_version)
        code = code_now(plan.definition, self._executors, state.code, state.distributions)
        if "drifted" in code:
            event = NewEvent(event.type, {**event.data, **code})
        Committer(self._store, state)([event])
        return self._execution(state, cycle(state, plan, settings))

    def _execution(self, state: RunState, steps: Cycle | None) -> Execution[Run]:
        hint = f"run {state.run_id} was interrupted in a step; it goes on with: run proceed {state.run_id}"
        return Execution(None if steps is None else (steps, self._commit(state)), lambda: run_of(state), hint)

    def _commit(self, state: RunState) -> Commit:
        if self._batch is None:
            return Committer(self._store, state)
        return BatchCommitter(self._store, self._states.load, state, self._batch, self._timer)

    def _settings(self, by: str, globals: Mapping[str, Any] | None, step_limit: int | None) -> CallSettings:
        return call_settings(by, globals, step_limit, self._now, self._limits)

    def _freeze(self, value: Any, name: str) -> Any:
        return freeze(value, name, self._limits.max_value_bytes)

    def _freeze_metadata(self, metadata: Mapping[str, Any]) -> Any:
        if not isinstance(metadata, Mapping):
            raise InvalidRequest(f"metadata {metadata!r} is not an object")
        return self._freeze(metadata, "metadata")


def _start_node(definition: WorkflowDefinition) -> str:
    if definition.start is None:
        raise InvalidDefinition(start_faults(definition))
    return definition.start
