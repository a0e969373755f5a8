"""Commands that make a new run of an earlier one: retries, reproductions, forks.

Each takes ``expected_version``, the version of the earlier run that the caller looked at, and ``idempotency_key``.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, overload

from ....domain.rerun.retry import RetryPreview
from ....domain.values.json import freeze
from ....domain.work_order import WorkOrderState
from ....projections.runs.run import Run
from ...concurrency.async_variants import run_in_thread
from ...execution.runner import PreparedCall, asynchronous, synchronous
from .bulk import BulkOperation, prepare_retries
from .commands import make_command, sorted_names
from .fork import ForkRequest, plan_fork
from .rerun import Rerun, RerunOptions, repeat_once
from .retry import RetryRequest, plan_reproduction, preview_retry, start_retry
from .run_methods import RunMethods


class Repeating(RunMethods):
    """The methods of ``ledger.runs`` that repeat runs, or branch off from them."""

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
        again: bool = False,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        reason: str | None = None,
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
        again: bool = False,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        reason: str | None = None,
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
        again: bool = False,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        reason: str | None = None,
    ) -> Run | RetryPreview:
        """Start a new run on the same work order with the **live** version; ``reproduce`` runs the pinned one.

        Without ``from_node`` it begins at the start, with the work order's input. With it, it begins at that node,
        which sees the payload that it saw then; what the run produced before that node is reused, and marked as reused.
        Where that node had asked somebody, it asks again; ``answers=("approve",)`` takes over what node ``approve`` was
        answered then.

        ``run_id`` may also be the id of a work order, rejected or not. ``preview=True`` changes nothing and returns a
        RetryPreview of what would run.

        A run that was retried already, or whose work order has succeeded since, is only retried with ``again=True``; by
        its own id that is also true of a work order that has succeeded. ``reason`` says why, for the record.

        Raises RunNotFound, InvalidRequest (the run never came to the node, or ``answers`` names another one),
        AlreadyRetried, IllegalTransition (the node isn't in the live version, the workflow is archived, or this or
        another run of the work order hasn't ended), WorkOrderRejected (the input is refused again), RunMovedOn,
        VersionNotFound, IdempotencyConflict, ExecutorMissing, GlobalsMissing.
        """
        request = RetryRequest(
            run_id,
            from_node,
            by,
            globals,
            step_limit,
            wait,
            metadata,
            answers,
            again,
            expected_version,
            idempotency_key,
            reason,
        )
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
        again: bool = False,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        reason: str | None = None,
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
        again: bool = False,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        reason: str | None = None,
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
        again: bool = False,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        reason: str | None = None,
    ) -> Run | RetryPreview:
        request = RetryRequest(
            run_id,
            from_node,
            by,
            globals,
            step_limit,
            wait,
            metadata,
            answers,
            again,
            expected_version,
            idempotency_key,
            reason,
        )
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
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        reason: str | None = None,
    ) -> PreparedCall[Run]:
        """Execute a run once more to find out why it ended as it did: same version, same payload, from its start.

        Differences between the code that ran then and the code of today are recorded. The new run belongs to the work
        order as a reproduction and never changes the work order's state. It also works for an archived workflow.

        What acted on the world isn't done again: the outcomes of executors with ``effects=True`` are taken from the
        record, and marked so. What isn't on record fails its step as EffectNotRecorded. ``effects`` names types that
        are executed all the same. ``reason`` says why, for the record.

        Raises RunNotFound, InvalidRequest, ExecutorMissing, GlobalsMissing, RunMovedOn, VersionNotFound,
        IdempotencyConflict.
        """
        settings = self._services.settings(by, globals, step_limit)
        kept, named = self._services.freeze_metadata(metadata or {}), self._services.effects(effects)
        command = make_command(
            "reproduce",
            expected_version,
            idempotency_key,
            metadata=kept or None,
            effects=sorted_names(named),
            reason=reason,
        )
        freeze(reason, "reason")

        def plan(work_order: WorkOrderState, _: str | None) -> Rerun:
            return plan_reproduction(self._services, work_order, run_id)

        return repeat_once(
            self._services,
            run_id,
            plan,
            RerunOptions(settings, kept, wait, effects=named, command=command, reason=reason),
        )

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
        effects: Collection[str] = (),
        answers: Collection[str] = (),
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        reason: str | None = None,
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
        also works for an archived workflow. ``reason`` says why, for the record.

        Raises RunNotFound, VersionNotFound (of the run, or of the workflow), IllegalTransition (the workflow's version
        lacks a node that is needed), InvalidRequest (there is no result to replace, no edge takes the handle, nothing
        is left that would see the payload, or ``answers`` names a node without an answer), InvalidAnswer (the payload
        doesn't fit what is asked), InvalidValue, ExecutorMissing, GlobalsMissing, RunMovedOn, IdempotencyConflict; then
        nothing was written.
        """
        settings = self._services.settings(by, globals, step_limit)
        payload = self._services.freeze(payload, "payload")
        edit = None if output is None else self._services.edit(output)
        kept, named = self._services.freeze_metadata(metadata or {}), self._services.effects(effects)
        command = make_command(
            "fork",
            expected_version,
            idempotency_key,
            version=version,
            payload=payload,
            output=None if edit is None else edit._asdict(),
            workflow_version=workflow_version,
            metadata=kept or None,
            effects=sorted_names(named),
            answers=sorted_names(answers),
            reason=reason,
        )
        freeze(reason, "reason")
        # What it branches off from is the version that the caller saw, whatever comes behind that.
        at = expected_version if version is None else version
        request = ForkRequest(run_id, at, payload, edit, workflow_version, settings, answers)

        def plan(work_order: WorkOrderState, _: str | None) -> Rerun:
            return plan_fork(self._services, work_order, request)

        return repeat_once(
            self._services,
            run_id,
            plan,
            RerunOptions(settings, kept, wait, effects=named, command=command, reason=reason),
        )

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

    aretry_all = run_in_thread(retry_all)
