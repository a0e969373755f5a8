"""``ledger.runs``: start, steer, retry, fork and cancel runs."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, overload

from ....domain.live import Unpicklable
from ....domain.rerun.retry import RetryPreview
from ....domain.run import cancel, hold, proceed, release, set_metadata
from ....domain.run.snapshot import Snapshot
from ....projections.runs.run import Run, run_of
from ....projections.runs.work_order import WorkOrder
from ...concurrency.async_variants import run_in_thread
from ...execution.runner import PreparedCall, asynchronous, synchronous
from ...repositories.work_orders import read_work_order
from .adopt import AdoptRequest, adopt, read_snapshot
from .answer import AnswerRequest, answer_wait
from .bulk import BulkOperation, prepare_cancellations, prepare_retries
from .fork import ForkRequest, plan_fork
from .rerun import RerunOptions, start_beside_others
from .retry import RetryRequest, plan_reproduction, preview_retry, start_retry
from .run_services import RunServices
from .start import StartRequest, make_key, start_new, start_once


class Runs(Unpicklable):
    """``ledger.runs``: start and steer runs. Methods that run steps return when the run pauses, waits or ends."""

    _send_instead = "send the store's URL, and open a ledger there"

    def __init__(self, services: RunServices) -> None:
        self._services = services
        self._threads = services.threads

    def get(self, run_id: str) -> Run:
        """Return a run as it stands.

        Raises RunNotFound.
        """
        return run_of(self._services.runs.load(run_id))

    def work_order(self, work_order_id: str) -> WorkOrder:
        """Return a work order as it stands, with the ids of its runs.

        ``work_order_id`` is in ``Run.work_order_id``, and in WorkOrderRejected.

        Raises WorkOrderNotFound.
        """
        return read_work_order(self._services.store, self._services.runs, work_order_id)

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
        version: int | str | None = None,
    ) -> PreparedCall[Run]:
        """Start a run of a workflow's live version, and run it.

        ``version`` names another one: a number, a snapshot id, or ``"latest"``, which may be a draft.

        With ``wait=False`` the run is only recorded, as queued, and any process executes it later with ``proceed``.
        This one then needs no executors.

        ``idempotency_key`` makes a repeated start harmless: a key that was used before in this workflow, with the same
        payload, returns the last run of that work order as it stands, and nothing is executed.

        Raises WorkflowNotFound, VersionNotFound (also where every version is a draft), InvalidRequest, InvalidValue (a
        payload that isn't JSON), ExecutorMissing (this process lacks executors that the run may come to),
        GlobalsMissing (it may come to nodes that read others), IllegalTransition (the workflow is archived),
        IdempotencyConflict (the key was used with another payload or version); then nothing was written.
        Raises WorkOrderRejected if the first node's input schema refuses the input; the work order is kept and can be
        retried.
        """
        settings = self._services.settings(by, globals, step_limit)
        payload = self._services.freeze(payload, "payload")
        request = StartRequest(
            workflow_id, payload, self._services.freeze_metadata(metadata or {}), settings, wait, version
        )
        if idempotency_key is None:
            return start_new(self._services, request)
        return start_once(self._services, request, make_key(request, idempotency_key))

    def _adopt(
        self,
        snapshot: Snapshot | bytes | str | Mapping[str, Any],
        workflow_id: str,
        by: str = "unknown",
        version: int | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        idempotency_key: str | None = None,
    ) -> PreparedCall[Run]:
        """Go on with a run that began elsewhere, in another engine or another ledger, as a run of this ledger.

        The run begins as the ``snapshot`` stands: with its results, status, node, retry state and metadata, and with
        its payload where no step has seen it. What waits there waits here, for ``resume`` or ``proceed``; what had
        ended has ended; what is active goes on, or, with ``wait=False``, is queued. Its history begins here, and holds
        the snapshot: ``run.origin.kind`` is ``adoption``. ``metadata`` is merged into the snapshot's; null removes a
        key. ``version`` of the workflow, ``globals``, ``step_limit`` and ``idempotency_key`` are as in ``start``.

        Raises InvalidSnapshot (it is none, it is too large, or the version lacks its node), WorkflowNotFound,
        VersionNotFound, InvalidRequest, InvalidValue, ExecutorMissing, IllegalTransition (the workflow is archived),
        IdempotencyConflict (the key was used for something else); then nothing was written.
        """
        settings = self._services.settings(by, globals, step_limit)
        data = read_snapshot(self._services, snapshot)
        kept = self._services.freeze_metadata(metadata or {})
        request = AdoptRequest(workflow_id, data, kept, settings, wait, version)
        return adopt(self._services, request, idempotency_key)

    def _resume(
        self,
        run_id: str,
        payload: Any = None,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: str | None = None,
    ) -> PreparedCall[Run]:
        """Answer what a paused run waits for: the node that asked runs again, and ``step.answer`` is there.

        ``wait`` is the id of the question that is answered, of ``run.waits``; None is the one that is open. An answer
        that is delivered again, with the same payload to the same wait, gives the run as it stands.

        Raises RunNotFound, InvalidRequest (``wait`` is none of this run), InvalidValue, InvalidAnswer (it doesn't fit
        the schema of the wait), WaitClosed (it was answered otherwise), RunHeld, IllegalTransition (the run isn't
        paused), ConcurrencyError (another caller was faster), GlobalsMissing.
        """
        settings = self._services.settings(by, globals, step_limit)
        payload = self._services.freeze(payload, "payload")
        return answer_wait(self._services, run_id, AnswerRequest(payload, wait, settings))

    def _proceed(
        self,
        run_id: str,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
    ) -> PreparedCall[Run]:
        """Continue a run that waits for an automatic retry, is queued, or whose process is gone.

        A retry is made at once, before it is due. Where a question is open whose deadline has passed, that is its
        answer: the node that asked runs again, and ``step.answer.timed_out`` is True. A run that has ended is returned
        unchanged.

        Raises RunNotFound, RunHeld, IllegalTransition (the run waits for an answer), ConcurrencyError (another caller
        claimed it first), GlobalsMissing.
        """
        settings = self._services.settings(by, globals, step_limit)
        state = self._services.runs.load(run_id)
        return self._services.claim(state, proceed(state, None, by, self._services.now()), settings)

    start = synchronous(_start)
    astart = asynchronous(_start)
    adopt = synchronous(_adopt)
    aadopt = asynchronous(_adopt)
    resume = synchronous(_resume)
    aresume = asynchronous(_resume)
    proceed = synchronous(_proceed)
    aproceed = asynchronous(_proceed)

    def hold(self, run_id: str, by: str = "unknown", reason: str | None = None) -> Run:
        """Hold a run, also one that waits: nothing is executed and no answer is taken until it is released.

        A step that is being executed is still recorded. What the run waits for stays open. In a Snapshot a held run is
        ``paused``, and ``metadata.held`` says by whom.

        Raises RunNotFound, IllegalTransition (the run has ended), RunHeld (it is held already).
        """
        return self._services.command(run_id, by, lambda state: hold(state, reason, by, self._services.now()))

    def release(self, run_id: str, by: str = "unknown", note: str | None = None) -> Run:
        """Lift a hold: the run stands again where the hold met it. Executes nothing: ``proceed`` goes on with it.

        ``note`` is for people, and reaches no node.

        Raises RunNotFound, IllegalTransition (the run isn't held).
        """
        return self._services.command(run_id, by, lambda state: release(state, note, by, self._services.now()))

    def pause(self, run_id: str, by: str = "unknown", reason: str | None = None) -> Run:
        """Hold a run: the old name of ``hold``.

        Raises RunNotFound, IllegalTransition (the run has ended), RunHeld (it is held already).
        """
        return self.hold(run_id, by, reason)

    def cancel(self, run_id: str, by: str = "unknown", reason: str | None = None) -> Run:
        """End a run for good. A step that is being executed is still recorded.

        Raises RunNotFound, IllegalTransition (the run has ended).
        """
        return self._services.command(run_id, by, lambda state: cancel(state, reason, by, self._services.now()))

    def set_metadata(self, run_id: str, metadata: Mapping[str, Any], by: str = "unknown") -> Run:
        """Merge ``metadata`` into the run's metadata. A value of None removes its key.

        Raises RunNotFound, InvalidRequest (it isn't an object), InvalidValue.
        """
        frozen = self._services.freeze_metadata(metadata)
        return self._services.command(run_id, by, lambda state: set_metadata(state, frozen, by, self._services.now()))

    @overload
    def retry(
        self,
        run_id: str,
        from_node: str | None = None,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        preview: Literal[False] = False,
        metadata: Mapping[str, Any] | None = None,
        answers: Collection[str] = (),
    ) -> Run: ...

    @overload
    def retry(
        self,
        run_id: str,
        from_node: str | None = None,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        *,
        preview: Literal[True],
        metadata: Mapping[str, Any] | None = None,
        answers: Collection[str] = (),
    ) -> RetryPreview: ...

    def retry(
        self,
        run_id: str,
        from_node: str | None = None,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        preview: bool = False,
        metadata: Mapping[str, Any] | None = None,
        answers: Collection[str] = (),
    ) -> Run | RetryPreview:
        """Start a new run on the same work order with the **live** version; ``reproduce`` runs the pinned one.

        Without ``from_node`` it begins at the start, with the work order's input. With it, it begins at that node,
        which sees the payload that it saw then; what the run produced before that node is reused, and marked as reused.
        Where that node had asked somebody, it asks again; ``answers=("approve",)`` takes over what node ``approve`` was
        answered then.

        ``run_id`` may also be the id of a work order, rejected or not. ``preview=True`` changes nothing and returns a
        RetryPreview of what would run.

        Raises RunNotFound, InvalidRequest (the run never came to the node, or ``answers`` names another one),
        IllegalTransition (the node isn't in the live version, the workflow is archived, or this or another run of the
        work order hasn't ended), ConcurrencyError (another caller added a run first), WorkOrderRejected (the input is
        refused again), GlobalsMissing.
        """
        request = RetryRequest(run_id, from_node, by, globals, step_limit, wait, metadata, answers)
        if preview:
            return self._preview(request)
        return self._retry_now(request)

    @overload
    async def aretry(
        self,
        run_id: str,
        from_node: str | None = None,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        preview: Literal[False] = False,
        metadata: Mapping[str, Any] | None = None,
        answers: Collection[str] = (),
    ) -> Run: ...

    @overload
    async def aretry(
        self,
        run_id: str,
        from_node: str | None = None,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        *,
        preview: Literal[True],
        metadata: Mapping[str, Any] | None = None,
        answers: Collection[str] = (),
    ) -> RetryPreview: ...

    async def aretry(
        self,
        run_id: str,
        from_node: str | None = None,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        preview: bool = False,
        metadata: Mapping[str, Any] | None = None,
        answers: Collection[str] = (),
    ) -> Run | RetryPreview:
        request = RetryRequest(run_id, from_node, by, globals, step_limit, wait, metadata, answers)
        if preview:
            return await self._apreview(request)
        return await self._aretry_now(request)

    aretry.__doc__ = retry.__doc__

    def _start_retry(self, request: RetryRequest) -> PreparedCall[Run]:
        return start_retry(self._services, request)

    def _preview(self, request: RetryRequest) -> RetryPreview:
        return preview_retry(self._services, request)

    _retry_now = synchronous(_start_retry)
    _aretry_now = asynchronous(_start_retry)
    _apreview = run_in_thread(_preview)

    def _reproduce(
        self,
        run_id: str,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        metadata: Mapping[str, Any] | None = None,
        effects: Collection[str] = (),
    ) -> PreparedCall[Run]:
        """Execute a run once more to find out why it ended as it did: same version, same payload, from its start.

        What acted on the world isn't done again: the outcomes of executors with ``effects=True`` are taken from the
        record, and marked so. What isn't on record fails its step as EffectNotRecorded. ``effects`` names types that
        are executed all the same.

        Differences between the code that ran then and the code of today are recorded. The new run belongs to the work
        order as a reproduction and never changes the work order's state. It also works for an archived workflow.

        Raises RunNotFound, InvalidRequest, ExecutorMissing, GlobalsMissing.
        """
        settings = self._services.settings(by, globals, step_limit)
        metadata, named = self._services.freeze_metadata(metadata or {}), self._services.effects(effects)
        options = RerunOptions(settings, metadata, wait, effects=named)
        return start_beside_others(self._services, lambda: plan_reproduction(self._services, run_id), options)

    reproduce = synchronous(_reproduce)
    areproduce = asynchronous(_reproduce)

    def _fork(
        self,
        run_id: str,
        version: int | None = None,
        by: str = "unknown",
        payload: Any = None,
        output: Any = None,
        workflow_version: int | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        answers: Collection[str] = (),
        effects: Collection[str] = (),
    ) -> PreparedCall[Run]:
        """Start a new run from the state of another one at ``version`` (None: as it stands now).

        That is one append, however much the source has produced: nothing is copied. The fork begins with the source's
        status, node, results, retry state and metadata. So what waits for a person or a retry still waits, what had
        failed or was cancelled runs on at its node, and what was complete is complete. A node that had asked somebody,
        and isn't done with the answer yet, asks again where it or its executor's code has changed since;
        ``answers=("approve",)`` keeps what node ``approve`` was answered.

        ``payload``: the next step sees it in place of the recorded one, and nothing waits any more. ``output``:
        replaces the last result, and the run continues behind it on the edge that was taken then; a StepResult names
        another handle. ``workflow_version``: continue with that version of the workflow (number or snapshot id), not
        the one that ran. ``metadata`` is merged into the source's.

        What the work order's runs did to the world isn't done again: the outcomes of executors with ``effects=True``,
        also failures, are taken from the record, and marked so; what none of them tried is executed. ``effects`` names
        types that are executed all the same.

        The fork belongs to the work order and never changes its state. Its steps have idempotency keys of their own. It
        also works for an archived workflow.

        Raises RunNotFound, VersionNotFound (of the run, or of the workflow), IllegalTransition (the workflow's version
        lacks a node that is needed), InvalidRequest (there is no result to replace, no edge takes the handle, nothing
        is left that would see the payload, or ``answers`` names a node without an answer), InvalidAnswer (the payload
        doesn't fit what is asked), InvalidValue, GlobalsMissing; then nothing was written.
        """
        settings = self._services.settings(by, globals, step_limit)
        payload = self._services.freeze(payload, "payload")
        edit = None if output is None else self._services.edit(output)
        metadata, named = self._services.freeze_metadata(metadata or {}), self._services.effects(effects)
        options = RerunOptions(settings, metadata, wait, effects=named)
        request = ForkRequest(run_id, version, payload, edit, workflow_version, settings, answers)
        return start_beside_others(self._services, lambda: plan_fork(self._services, request), options)

    fork = synchronous(_fork)
    afork = asynchronous(_fork)

    def retry_all(
        self,
        runs: Iterable[str],
        from_node: str | None = None,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        metadata: Mapping[str, Any] | None = None,
        operation_id: str | None = None,
    ) -> BulkOperation:
        """Prepare the retry of many ``runs``; iterating over the result executes it.

        They are given by their ids, or by those of their work orders. There is one item for each work order, whose last
        run is retried. A work order whose last run isn't among the given ones is skipped: it was retried since.

        After a crash, the same call with the operation's ``id`` as ``operation_id`` finishes the work: what was done is
        skipped, what was interrupted continues, the rest is retried. ``from_node`` is as in ``retry``.

        Raises InvalidRequest.
        """
        settings = self._services.settings(by, globals, step_limit)
        options = RerunOptions(settings, self._services.freeze_metadata(metadata or {}), wait)
        return prepare_retries(self._services, runs, from_node, options, operation_id)

    def cancel_all(self, runs: Iterable[str], by: str = "unknown", reason: str | None = None) -> BulkOperation:
        """Prepare the cancellation of many ``runs``, given by their ids; iterating over the result executes it.

        The id of a work order stands for its last run. Runs that have ended are skipped.

        Raises InvalidRequest.
        """
        return prepare_cancellations(self._services, runs, by, reason)

    aretry_all = run_in_thread(retry_all)
    acancel_all = run_in_thread(cancel_all)
    ahold = run_in_thread(hold)
    arelease = run_in_thread(release)
    apause = run_in_thread(pause)
    acancel = run_in_thread(cancel)
    aset_metadata = run_in_thread(set_metadata)
    aget = run_in_thread(get)
    awork_order = run_in_thread(work_order)
