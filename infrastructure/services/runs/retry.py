"""The part of ``ledger.runs`` that repeats runs: retries with the latest version, reproductions with the pinned one."""

from collections.abc import Mapping
from typing import Any, Literal, overload

from ....domain.errors import ConcurrencyError
from ....domain.execution.cycle import CallSettings, cycle
from ....domain.ports import Write
from ....domain.rerun.retry import RetryPreview
from ....domain.work_order import add_run
from ....projections.runs.run import Run
from ...concurrency.aio import in_thread
from ...execution.runner import Execution, asynchronous, synchronous
from .context import OnWorkbench, Workbench
from .preview import preview as preview_of
from .rerun import Repetition, drafted, reproduction_of, retry_of
from .start import keep_rejected


class Retries(OnWorkbench):
    """Repeats runs."""

    @overload
    def retry(
        self, run_id: str, from_node: str | None = None, by: str = "unknown",
        globals: Mapping[str, Any] | None = None, step_limit: int | None = 10_000, wait: bool = True,
        preview: Literal[False] = False, metadata: Mapping[str, Any] | None = None,
    ) -> Run: ...  # fmt: skip

    @overload
    def retry(
        self, run_id: str, from_node: str | None = None, by: str = "unknown",
        globals: Mapping[str, Any] | None = None, step_limit: int | None = 10_000, wait: bool = True, *,
        preview: Literal[True], metadata: Mapping[str, Any] | None = None,
    ) -> RetryPreview: ...  # fmt: skip

    def retry(
        self, run_id: str, from_node: str | None = None, by: str = "unknown",
        globals: Mapping[str, Any] | None = None, step_limit: int | None = 10_000, wait: bool = True,
        preview: bool = False, metadata: Mapping[str, Any] | None = None,
    ) -> Run | RetryPreview:  # fmt: skip
        """Start a new run on the same work order with the **latest** version; ``reproduce`` runs the pinned one.

        Without ``from_node`` it begins at the start, with the work order's input. With it, it begins at that node,
        which sees the payload that it saw then; what the run produced before that node is reused, and marked as reused.
        ``run_id`` may also be the id of a work order, rejected or not. ``preview=True`` changes nothing and returns a
        RetryPreview of what would run.

        Raises RunNotFound, InvalidRequest (the run never came to the node), IllegalTransition (the node isn't in the
        latest version, the workflow is archived, or this or another run of the work order hasn't ended),
        ConcurrencyError (somebody else added a run first), WorkOrderRejected (the input is refused again).
        """
        if preview:
            return self._preview(run_id, from_node, by, globals, step_limit, wait, metadata)
        return self._retry_now(run_id, from_node, by, globals, step_limit, wait, metadata)

    @overload
    async def aretry(
        self, run_id: str, from_node: str | None = None, by: str = "unknown",
        globals: Mapping[str, Any] | None = None, step_limit: int | None = 10_000, wait: bool = True,
        preview: Literal[False] = False, metadata: Mapping[str, Any] | None = None,
    ) -> Run: ...  # fmt: skip

    @overload
    async def aretry(
        self, run_id: str, from_node: str | None = None, by: str = "unknown",
        globals: Mapping[str, Any] | None = None, step_limit: int | None = 10_000, wait: bool = True, *,
        preview: Literal[True], metadata: Mapping[str, Any] | None = None,
    ) -> RetryPreview: ...  # fmt: skip

    async def aretry(
        self, run_id: str, from_node: str | None = None, by: str = "unknown",
        globals: Mapping[str, Any] | None = None, step_limit: int | None = 10_000, wait: bool = True,
        preview: bool = False, metadata: Mapping[str, Any] | None = None,
    ) -> Run | RetryPreview:  # fmt: skip
        if preview:
            return await self._apreview(run_id, from_node, by, globals, step_limit, wait, metadata)
        return await self._aretry_now(run_id, from_node, by, globals, step_limit, wait, metadata)

    aretry.__doc__ = retry.__doc__

    def _reproduce(
        self,
        run_id: str,
        by: str = "unknown",
        globals: Mapping[str, Any] | None = None,
        step_limit: int | None = 10_000,
        wait: bool = True,
        metadata: Mapping[str, Any] | None = None,
    ) -> Execution[Run]:
        """Execute a run once more to find out why it ended as it did: same version, same payload, from its start.

        Differences between the code that ran then and the code of today are recorded. The new run belongs to the work
        order as a reproduction and never changes the work order's state. It also works for an archived workflow.

        Raises RunNotFound, InvalidRequest, InvalidDefinition (an executor is missing).
        """
        settings = self._bench.settings(by, globals, step_limit)
        kept = self._bench.freeze_metadata(metadata or {})
        while True:
            try:
                return begin(self._bench, reproduction_of(self._bench, run_id), settings, kept, wait=wait)
            except ConcurrencyError:  # somebody added a run to the work order, which changes nothing for this one
                continue

    reproduce = synchronous(_reproduce)
    areproduce = asynchronous(_reproduce)

    def _retry(
        self, run_id: str, from_node: str | None, by: str, globals: Mapping[str, Any] | None, step_limit: int | None,
        wait: bool, metadata: Mapping[str, Any] | None,
    ) -> Execution[Run]:  # fmt: skip
        settings = self._bench.settings(by, globals, step_limit)
        kept = self._bench.freeze_metadata(metadata or {})
        return begin(self._bench, retry_of(self._bench, run_id, from_node), settings, kept, wait=wait)

    _retry_now = synchronous(_retry)
    _aretry_now = asynchronous(_retry)

    def _preview(
        self, run_id: str, from_node: str | None, by: str, globals: Mapping[str, Any] | None, step_limit: int | None,
        wait: bool, metadata: Mapping[str, Any] | None,
    ) -> RetryPreview:  # fmt: skip
        settings = self._bench.settings(by, globals, step_limit)
        kept = self._bench.freeze_metadata(metadata or {})
        repetition = retry_of(self._bench, run_id, from_node)
        return preview_of(self._bench, repetition, drafted(self._bench, repetition, settings, kept, wait=wait).refused)

    _apreview = in_thread(_preview)


def begin(
    bench: Workbench, repetition: Repetition, settings: CallSettings, metadata: Mapping[str, Any], *,
    wait: bool, run_id: str | None = None,
) -> Execution[Run]:  # fmt: skip
    """Start the run, in one commit with its entry in the work order.

    Raises ConcurrencyError when that has moved, WorkOrderRejected when it never had a run and its input is refused.
    """
    order, runnable, origin = repetition.order, repetition.runnable, repetition.origin
    state, events, kept, refused = drafted(bench, repetition, settings, metadata, wait=wait, run_id=run_id)
    if refused is not None:
        raise keep_rejected(bench.store, order, runnable, refused, repetition.payload, kept, settings)
    kind = "retry" if origin is None else origin["kind"]
    added = add_run(order, str(state.run_id), kind, by=settings.by, now=events[0].data["recorded_at"])
    bench.begin(state, events, Write(order.id, order.version, [added]))
    return bench.execution(state, cycle(state, runnable.plan, settings) if wait else None)
