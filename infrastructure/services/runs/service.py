"""The door to runs: start them, go on with them, stop them."""

from collections.abc import Mapping
from typing import Any

from ....domain.run import cancel, pause, proceed, resume, set_metadata
from ....projections.runs.run import Run, run_of
from ....projections.runs.work_order import WorkOrder
from ...concurrency.aio import in_thread
from ...execution.runner import Execution, asynchronous, synchronous
from ...repositories.work_orders import read_order
from .bulk import Bulk
from .context import Workbench
from .fork import Forks
from .start import Request, key_of, start_new, start_once


class Runs(Bulk, Forks):
    """``ledger.runs``: start and steer runs. Methods that run steps return when the run pauses, waits or ends."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def get(self, run_id: str) -> Run:
        """Return a run as it stands.

        Raises RunNotFound.
        """
        return run_of(self._bench.states.load(run_id))

    def work_order(self, work_order_id: str) -> WorkOrder:
        """Return a work order as it stands, with the ids of its runs.

        ``work_order_id`` is in ``Run.work_order_id``, and in WorkOrderRejected.

        Raises WorkOrderNotFound.
        """
        return read_order(self._bench.store, self._bench.states, work_order_id)

    def _start(
        self,
        workflow_id: str,
        payload: Any = None,
        by: str = "unknown",
        metadata: Mapping[str, Any] | None = None,
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        idempotency_key: str | None = None,
    ) -> Execution[Run]:
        """Start a run of a workflow's latest version, and run it.

        With ``wait=False`` the run is only recorded, as queued, and any process executes it later with ``proceed``.

        ``idempotency_key`` makes a repeated start harmless: a key that was used before in this workflow, with the same
        payload, returns the last run of that work order as it stands, and nothing is executed.

        Raises WorkflowNotFound, InvalidRequest, InvalidValue (a payload that isn't JSON), IllegalTransition (the
        workflow is archived), IdempotencyConflict (the key was used with another payload); then nothing was written.
        Raises WorkOrderRejected if the first node's input schema refuses the input; the work order is kept and can be
        retried.
        """
        settings = self._bench.settings(by, globals, step_limit)
        payload = self._bench.freeze(payload, "payload")
        request = Request(workflow_id, payload, self._bench.freeze_metadata(metadata or {}), settings, wait)
        if idempotency_key is None:
            return start_new(self._bench, request)
        return start_once(self._bench, request, key_of(request, idempotency_key))

    def _resume(
        self,
        run_id: str,
        payload: Any = None,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
    ) -> Execution[Run]:
        """Continue a paused run: the node that paused runs again and sees ``payload``.

        Raises RunNotFound, InvalidValue, IllegalTransition (the run isn't paused), ConcurrencyError (somebody else
        resumed it first).
        """
        settings = self._bench.settings(by, globals, step_limit)
        payload = self._bench.freeze(payload, "payload")
        state = self._bench.states.load(run_id)
        return self._bench.claim(state, resume(state, payload, by, self._bench.now()), settings)

    def _proceed(
        self,
        run_id: str,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
    ) -> Execution[Run]:
        """Continue a run that waits for an automatic retry, is queued, or whose process is gone.

        A retry is made at once, before it is due. A run that has ended is returned unchanged.

        Raises RunNotFound, IllegalTransition (the run is paused), ConcurrencyError (somebody else claimed it first).
        """
        settings = self._bench.settings(by, globals, step_limit)
        state = self._bench.states.load(run_id)
        return self._bench.claim(state, proceed(state, None, by, self._bench.now()), settings)

    start = synchronous(_start)
    astart = asynchronous(_start)
    resume = synchronous(_resume)
    aresume = asynchronous(_resume)
    proceed = synchronous(_proceed)
    aproceed = asynchronous(_proceed)

    def pause(self, run_id: str, by: str = "unknown", reason: str | None = None) -> Run:
        """Pause a run at its next step boundary. A step that is being executed is still recorded.

        Raises RunNotFound, IllegalTransition (the run has ended or is paused already).
        """
        return self._bench.command(run_id, by, lambda state: pause(state, reason, by, self._bench.now()))

    def cancel(self, run_id: str, by: str = "unknown", reason: str | None = None) -> Run:
        """End a run for good. A step that is being executed is still recorded.

        Raises RunNotFound, IllegalTransition (the run has ended).
        """
        return self._bench.command(run_id, by, lambda state: cancel(state, reason, by, self._bench.now()))

    def set_metadata(self, run_id: str, metadata: Mapping[str, Any], by: str = "unknown") -> Run:
        """Merge ``metadata`` into the run's metadata. A value of None removes its key.

        Raises RunNotFound, InvalidValue.
        """
        frozen = self._bench.freeze_metadata(metadata)
        return self._bench.command(run_id, by, lambda state: set_metadata(state, frozen, by, self._bench.now()))

    apause = in_thread(pause)
    acancel = in_thread(cancel)
    aset_metadata = in_thread(set_metadata)
    aget = in_thread(get)
    awork_order = in_thread(work_order)
