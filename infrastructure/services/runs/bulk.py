"""The part of ``ledger.runs`` that retries and cancels many runs, one after the other, each by itself."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ....domain.errors import ConcurrencyError, FlowledgerError, InvalidRequest, StorageError
from ....domain.execution.cycle import CallSettings, check_actor
from ....domain.live import Live
from ....domain.rerun.bulk import BulkItem, operation_time, run_of_operation
from ....domain.run import cancel, proceed
from ....domain.run.snapshot import TERMINAL
from ....domain.visible import quoted
from ....domain.work_order import WorkOrderState
from ...concurrency.aio import in_thread
from ...concurrency.threads import Threads
from ...execution.runner import Execution, asynchronous, synchronous
from ...new_id import new_id
from ...repositories.contest import Contest
from ...repositories.work_orders import load_order, order_and_run
from .context import Workbench
from .rerun import retry_in
from .retry import Retries, begin


class _Target(NamedTuple):
    """One item: what was given, and what it stands for."""

    given: str
    work_order_id: str | None
    run_id: str | None
    runs: tuple[str, ...] = ()
    """Those of the work order."""
    problem: str | None = None


class BulkOperation(Live):
    """Many runs to be retried or cancelled. Iterating executes it and yields one ``BulkItem`` each, in the given order.

    ``count`` says exactly how many items there are, before anything is done. What is wrong with one item is reported in
    that item and doesn't stop the others; an error of the store stops the iteration. ``async for`` works as well.
    """

    _elsewhere = "send the ids of the runs; a retry goes on with its id as operation_id"

    def __init__(
        self, id: str | None, targets: list[_Target], do: Callable[[_Target], Execution[BulkItem]], threads: Threads,
        overtaken: int = 0,
    ) -> None:  # fmt: skip
        self.id = id
        """To resume a bulk retry: give it as ``operation_id``, with the same runs."""
        self.count = len(targets)
        self.overtaken = overtaken
        """How many of them will be skipped, because the last run of their work order isn't among those given."""
        self._targets = targets
        self._do = do
        self._threads = threads

    def __iter__(self) -> Iterator[BulkItem]:
        for target in self._targets:
            try:
                yield self._item(target)
            except FlowledgerError as error:
                yield _refused(target, error)

    async def __aiter__(self) -> AsyncIterator[BulkItem]:
        for target in self._targets:
            try:
                yield await self._aitem(target)
            except FlowledgerError as error:
                yield _refused(target, error)

    def _prepare(self, target: _Target) -> Execution[BulkItem]:
        if target.problem is not None:
            return _known(BulkItem(target.given, target.work_order_id, "refused", reason=target.problem))
        return self._do(target)

    _item = synchronous(_prepare)
    _aitem = asynchronous(_prepare)


class Bulk(Retries):
    """Retries and cancels many runs."""

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

        They are given by their ids, or by those of their work orders. There is one item for each work order, of which
        the last run is retried. A work order whose last run isn't among the given ones is skipped: somebody has retried
        it since.

        After a crash, the same call with the operation's ``id`` as ``operation_id`` finishes the work: what was done is
        skipped, what was interrupted continues, the rest is retried. ``from_node`` is as in ``retry``.

        Raises InvalidRequest.
        """
        settings = self._bench.settings(by, globals, step_limit)
        kept = self._bench.freeze_metadata(metadata or {})
        id = operation_id if operation_id is not None else new_id(self._bench.now())
        operation_time(id)
        targets = list(_targets(self._bench, runs))
        work = _BulkRetry(self._bench, id, from_node, settings, kept, wait, {target.given for target in targets})
        items = list(_one_for_each_order(targets))
        overtaken = sum(work.overtaken(item.work_order_id, item.runs) for item in items)
        return BulkOperation(id, items, work.retry, self._threads, overtaken)

    def cancel_all(self, runs: Iterable[str], by: str = "unknown", reason: str | None = None) -> BulkOperation:
        """Prepare the cancellation of many ``runs``, given by their ids; iterating over the result executes it.

        The id of a work order stands for its last run. Runs that have ended are skipped.

        Raises InvalidRequest.
        """
        check_actor(by)
        bench = self._bench

        def cancel_one(target: _Target) -> Execution[BulkItem]:
            if target.run_id is None:
                return _known(_skipped(target, "the work order was rejected and has no run"))
            status = bench.states.header(target.run_id).status
            if status in _ENDED:
                return _known(_skipped(target, f"the run is {status}", status=status))
            run = bench.command(target.run_id, by, lambda state: cancel(state, reason, by, bench.now()))
            return _known(BulkItem(target.given, target.work_order_id, "cancelled", status=run.status))

        return BulkOperation(None, list(_targets(bench, runs)), cancel_one, self._threads)

    aretry_all = in_thread(retry_all)
    acancel_all = in_thread(cancel_all)


class _BulkRetry(NamedTuple):
    bench: Workbench
    id: str
    from_node: str | None
    settings: CallSettings
    metadata: Mapping[str, Any]
    wait: bool
    given: set[str]

    def retry(self, target: _Target) -> Execution[BulkItem]:
        order = load_order(self.bench.store, str(target.work_order_id))
        run_id = run_of_operation(self.id, order.id)
        if run_id in order.runs:
            return self._go_on(target, run_id)
        contest = Contest()
        while True:
            try:
                return self._begin(target, order, run_id)
            except ConcurrencyError as error:
                contest.lost(order.version, error)
                order = load_order(self.bench.store, order.id)
                if run_id in order.runs:
                    reason = "this operation also goes on elsewhere, and has retried it just now"
                    return _known(_skipped(target, reason, new_run_id=run_id))

    def _begin(self, target: _Target, order: WorkOrderState, run_id: str) -> Execution[BulkItem]:
        """Decided by the order as it was read: when it has moved, that is ConcurrencyError."""
        if self.overtaken(order.id, order.runs):
            return _known(
                _skipped(target, f"the last run of its work order is {order.last_run_id}, which wasn't given")
            )
        repetition = retry_in(self.bench, order, order.last_run_id, self.from_node)
        execution = begin(self.bench, repetition, self.settings, self.metadata, wait=self.wait, run_id=run_id)
        return _told(execution, target, run_id)

    def overtaken(self, work_order_id: str | None, runs: Sequence[str]) -> bool:
        """Whether the last run is none of those that were given, nor this operation's own."""
        if not runs or work_order_id is None or run_of_operation(self.id, work_order_id) in runs:
            return False
        return self.given.isdisjoint((runs[-1], work_order_id))

    def _go_on(self, target: _Target, run_id: str) -> Execution[BulkItem]:
        """The operation came as far as this before: a run that was interrupted proceeds, any other one stays."""
        header = self.bench.states.header(run_id)
        if header.status != "active" or (header.queued and not self.wait):
            reason = "this operation has retried it before"
            return _known(_skipped(target, reason, new_run_id=run_id, status=header.status))
        state = self.bench.states.load(run_id)
        event = proceed(state, None, self.settings.by, self.bench.now())
        return _told(self.bench.claim(state, event, self.settings), target, run_id)


_ENDED = TERMINAL | {"cancelled"}


def _targets(bench: Workbench, runs: Iterable[str]) -> Iterator[_Target]:
    """What each id stands for, each id once."""
    if isinstance(runs, str):
        raise InvalidRequest(f"give a list of run ids, such as [{quoted(runs)}]")
    try:
        asked = dict.fromkeys(runs)
    except TypeError as error:
        raise InvalidRequest(f"give a list of run ids, not {quoted(runs)}: {error}") from error
    for given in asked:
        try:
            order, run_id = order_and_run(bench.store, given)
        except StorageError:
            raise
        except FlowledgerError as error:
            yield _Target(given, None, None, problem=str(error))
        else:
            yield _Target(given, order.id, run_id, tuple(order.runs))


def _one_for_each_order(targets: Iterable[_Target]) -> Iterator[_Target]:
    seen: set[str] = set()
    for target in targets:
        if target.work_order_id is None or target.work_order_id not in seen:
            yield target
        if target.work_order_id is not None:
            seen.add(target.work_order_id)


def _told(execution: Execution[Any], target: _Target, run_id: str) -> Execution[BulkItem]:
    def item() -> BulkItem:
        return BulkItem(target.given, target.work_order_id, "retried", run_id, execution.result().status)

    return Execution(execution.work, item, execution.interrupted)


def _known(item: BulkItem) -> Execution[BulkItem]:
    return Execution(None, lambda: item)


def _skipped(target: _Target, reason: str, *, new_run_id: str | None = None, status: str | None = None) -> BulkItem:
    return BulkItem(target.given, target.work_order_id, "skipped", new_run_id, status, reason)


def _refused(target: _Target, error: FlowledgerError) -> BulkItem:
    """What is wrong with this item alone. What is wrong with the store is raised."""
    if isinstance(error, StorageError):
        raise error
    return BulkItem(target.given, target.work_order_id, "refused", reason=str(error))
