"""Retrying and cancelling many runs, one after the other, each by itself."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ....domain.errors import ConcurrencyError, FlowledgerError, InvalidRequest, StorageError
from ....domain.execution.step_loop import check_actor
from ....domain.live import Unpicklable
from ....domain.rerun.bulk import BulkItem, operation_time, run_of_operation
from ....domain.rerun.effects import RepeatedEffect
from ....domain.run import cancel, proceed
from ....domain.status import ENDED, RunStatus
from ....domain.visible import quoted
from ....domain.work_order import WorkOrderState
from ...concurrency.async_variants import run_in_thread
from ...concurrency.threads import Threads
from ...execution.runner import PreparedCall, asynchronous, synchronous
from ...new_id import new_id
from ...repositories.optimistic_retry import OptimisticRetry
from ...repositories.work_orders import find_work_order_and_run, load_work_order
from .preview import find_repeated
from .rerun import RerunOptions, draft_rerun, start_rerun
from .retry import plan_retry_in
from .run_services import RunServices


class _Target(NamedTuple):
    """One item: the id that was given, and what it stands for."""

    given: str
    work_order_id: str | None
    run_id: str | None
    runs: tuple[str, ...] = ()
    """Those of the work order."""
    problem: str | None = None


class BulkOperation(Unpicklable):
    """Many runs to be retried or cancelled. Iterating executes it and yields one ``BulkItem`` each, in the given order.

    ``count`` says exactly how many items there are, before anything is done. What is wrong with one item is reported in
    that item and doesn't stop the others; an error of the store stops the iteration. ``async for`` works as well.
    """

    _send_instead = "send the ids of the runs; a retry continues with its id as operation_id"

    def __init__(
        self,
        id: str | None,
        targets: list[_Target],
        do: Callable[[_Target], PreparedCall[BulkItem]],
        threads: Threads,
        overtaken: int = 0,
        effects_of: Callable[[_Target], Iterable[RepeatedEffect]] = lambda _: (),
    ) -> None:
        self.id = id
        """Resumes a bulk retry: pass it as ``operation_id``, with the same runs."""
        self.count = len(targets)
        self.overtaken = overtaken
        """How many items will be skipped, because the last run of their work order isn't among those given."""
        self._targets = targets
        self._do = do
        self._threads = threads
        self._effects_of = effects_of

    def __iter__(self) -> Iterator[BulkItem]:
        for target in self._targets:
            try:
                yield self._item(target)
            except FlowledgerError as error:
                yield _refuse(target, error)

    async def __aiter__(self) -> AsyncIterator[BulkItem]:
        for target in self._targets:
            try:
                yield await self._aitem(target)
            except FlowledgerError as error:
                yield _refuse(target, error)

    def repeated_effects(self) -> Mapping[str, int]:
        """Types of executors that would act on the world again, and in how many of the runs.

        Reads all runs of their work orders. What can't be retried counts for nothing.
        """
        found: Counter[str] = Counter()
        for target in self._targets:
            try:
                found.update({effect.type for effect in self._effects_of(target)})
            except StorageError:
                raise
            except FlowledgerError:
                continue  # the item will say why
        return dict(found)

    arepeated_effects = run_in_thread(repeated_effects)

    def _prepare(self, target: _Target) -> PreparedCall[BulkItem]:
        if target.problem is not None:
            return _without_work(BulkItem(target.given, target.work_order_id, "refused", reason=target.problem))
        return self._do(target)

    _item = synchronous(_prepare)
    _aitem = asynchronous(_prepare)


def prepare_retries(
    services: RunServices,
    runs: Iterable[str],
    from_node: str | None,
    options: RerunOptions,
    operation_id: str | None,
) -> BulkOperation:
    """One item for each work order that ``runs`` name; iterating over the operation retries its last run.

    Raises InvalidRequest.
    """
    id = operation_id if operation_id is not None else new_id(services.now())
    operation_time(id)
    targets = list(_find_targets(services, runs))
    work = _BulkRetry(services, partial(run_of_operation, id), from_node, options, {target.given for target in targets})
    items = list(_one_for_each_work_order(targets))
    overtaken = sum(work.is_overtaken(item.work_order_id, item.runs) for item in items)
    return BulkOperation(id, items, work.retry, services.threads, overtaken, work.effects_of)


def prepare_cancellations(services: RunServices, runs: Iterable[str], by: str, reason: str | None) -> BulkOperation:
    """One item for each of ``runs``; iterating over the operation cancels it. Raises InvalidRequest."""
    check_actor(by)

    def cancel_one(target: _Target) -> PreparedCall[BulkItem]:
        if target.run_id is None:
            return _without_work(_skip(target, "the work order was rejected and has no run"))
        status = services.runs.header(target.run_id).status
        if status in ENDED:
            return _without_work(_skip(target, f"the run is {status}", status=status))
        run = services.command(target.run_id, by, lambda state: cancel(state, reason, by, services.now()))
        return _without_work(BulkItem(target.given, target.work_order_id, "cancelled", status=run.status))

    return BulkOperation(None, list(_find_targets(services, runs)), cancel_one, services.threads)


def retry_once(
    services: RunServices,
    run_id: str,
    work_order_id: str,
    run_of: Callable[[str], str],
    from_node: str | None,
    options: RerunOptions,
) -> BulkItem:
    """Retry the last run of a work order, whose id is ``run_id``, and leave the retry to whoever executes it.

    Where the work order was rejected and has no run, ``run_id`` is its own id.

    The retry has the id that ``run_of`` says: so it is there once, however often this is called. Raises what
    ``plan_retry_in`` and ``start_rerun`` raise.
    """
    work = _BulkRetry(services, run_of, from_node, options, {run_id})
    return work.retry(_Target(run_id, work_order_id, run_id, (run_id,))).result()


def effects_once(services: RunServices, run_id: str, work_order_id: str, from_node: str | None) -> set[str]:
    """The types of executors that such a retry would let act on the world again. Raises as ``plan_retry_in`` does."""
    work_order = load_work_order(services.store, work_order_id)
    rerun = plan_retry_in(services, work_order, run_id, from_node)
    return {effect.type for effect in find_repeated(services, rerun)}


def why_rejected_again(services: RunServices, work_order: WorkOrderState) -> str | None:
    """Why the live version would refuse the input of a rejected work order once more; None where it takes it.

    Raises as ``plan_retry_in`` does.
    """
    rerun = plan_retry_in(services, work_order, None, None)
    options = RerunOptions(services.settings("unknown", None, None), {}, wait=False)
    refused = draft_rerun(services, rerun, options).refused
    return None if refused is None else f"version {rerun.runnable.version} would refuse its input again: {refused[0]}"


class _BulkRetry(NamedTuple):
    """The retries of one operation."""

    services: RunServices
    run_of: Callable[[str], str]
    """The id of the run that it adds to a work order: the same whenever it is resumed."""
    from_node: str | None
    options: RerunOptions
    given: set[str]
    """The ids that the caller gave."""

    def retry(self, target: _Target) -> PreparedCall[BulkItem]:
        work_order = load_work_order(self.services.store, str(target.work_order_id))
        run_id = self.run_of(work_order.id)
        if run_id in work_order.runs:
            return self._continue(target, run_id)
        attempts = OptimisticRetry()
        while True:
            try:
                return self._start(target, work_order, run_id)
            except ConcurrencyError as error:
                attempts.check_progress(work_order.version, error)
                work_order = load_work_order(self.services.store, work_order.id)
                if run_id in work_order.runs:
                    reason = "this operation also runs elsewhere, and has retried it just now"
                    return _without_work(_skip(target, reason, new_run_id=run_id))

    def effects_of(self, target: _Target) -> tuple[RepeatedEffect, ...]:
        """What the retry of this work order would do to the world again."""
        if target.work_order_id is None or self.is_overtaken(target.work_order_id, target.runs):
            return ()
        work_order = load_work_order(self.services.store, target.work_order_id)
        if self.run_of(work_order.id) in work_order.runs:
            return ()
        rerun = plan_retry_in(self.services, work_order, work_order.last_run_id, self.from_node)
        return find_repeated(self.services, rerun)

    def _start(self, target: _Target, work_order: WorkOrderState, run_id: str) -> PreparedCall[BulkItem]:
        """Decide by the work order as it was read; raises ConcurrencyError when it has moved since."""
        if self.is_overtaken(work_order.id, work_order.runs):
            last = work_order.last_run_id
            return _without_work(_skip(target, f"the last run of its work order is {last}, which wasn't given"))
        rerun = plan_retry_in(self.services, work_order, work_order.last_run_id, self.from_node)
        execution = start_rerun(self.services, rerun, self.options._replace(run_id=run_id))
        return _report_retry(execution, target, run_id)

    def is_overtaken(self, work_order_id: str | None, runs: Sequence[str]) -> bool:
        """Whether the last run is none of those that were given, nor this operation's own."""
        if not runs or work_order_id is None or self.run_of(work_order_id) in runs:
            return False
        return self.given.isdisjoint((runs[-1], work_order_id))

    def _continue(self, target: _Target, run_id: str) -> PreparedCall[BulkItem]:
        """The operation got as far as this before: a run that was interrupted proceeds, any other one stays."""
        header = self.services.runs.header(run_id)
        if header.status != "active" or (header.queued and not self.options.wait):
            reason = "this operation has retried it before"
            return _without_work(_skip(target, reason, new_run_id=run_id, status=header.status))
        state = self.services.runs.load(run_id)
        event = proceed(state, None, self.options.settings.by, self.services.now())
        return _report_retry(self.services.claim(state, event, self.options.settings), target, run_id)


def _find_targets(services: RunServices, runs: Iterable[str]) -> Iterator[_Target]:
    """The run and the work order of each id, each id once."""
    if isinstance(runs, str):
        raise InvalidRequest(f"give a list of run ids, such as [{quoted(runs)}]")
    try:
        asked = dict.fromkeys(runs)
    except TypeError as error:
        raise InvalidRequest(f"give a list of run ids, not {quoted(runs)}: {error}") from error
    for given in asked:
        try:
            work_order, run_id = find_work_order_and_run(services.store, given)
        except StorageError:
            raise
        except FlowledgerError as error:
            yield _Target(given, None, None, problem=str(error))
        else:
            yield _Target(given, work_order.id, run_id, tuple(work_order.runs))


def _one_for_each_work_order(targets: Iterable[_Target]) -> Iterator[_Target]:
    seen: set[str] = set()
    for target in targets:
        if target.work_order_id is None or target.work_order_id not in seen:
            yield target
        if target.work_order_id is not None:
            seen.add(target.work_order_id)


def _report_retry(execution: PreparedCall[Any], target: _Target, run_id: str) -> PreparedCall[BulkItem]:
    def item() -> BulkItem:
        return BulkItem(target.given, target.work_order_id, "retried", run_id, execution.result().status)

    return PreparedCall(execution.work, item, execution.interrupted)


def _without_work(item: BulkItem) -> PreparedCall[BulkItem]:
    return PreparedCall(None, lambda: item)


def _skip(target: _Target, reason: str, *, new_run_id: str | None = None, status: RunStatus | None = None) -> BulkItem:
    return BulkItem(target.given, target.work_order_id, "skipped", new_run_id, status, reason)


def _refuse(target: _Target, error: FlowledgerError) -> BulkItem:
    """The item of an error that concerns this run alone. An error of the store is raised."""
    if isinstance(error, StorageError):
        raise error
    return BulkItem(target.given, target.work_order_id, "refused", reason=str(error))
