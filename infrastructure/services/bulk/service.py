"""``ledger.bulk``: many runs retried or cancelled, as something that is stored, watched and stopped."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ....domain import bulk as domain
from ....domain.bulk import DIRECTORY, BulkAct, BulkState, Target
from ....domain.errors import ConcurrencyError, IdempotencyConflict, InvalidRequest
from ....domain.execution.step_loop import check_actor
from ....domain.live import Unpicklable
from ....domain.ports import ExpectedVersion, Write
from ....domain.values.clock import moment
from ....domain.values.idempotency import check_key, command_digest
from ....domain.values.ids import bulk_stream, keyed_bulk_id
from ....domain.values.json import freeze
from ....domain.values.names import check_name
from ....domain.visible import quoted
from ....projections.bulk_action import BULK_OUTCOMES, BulkAction, BulkActionItem, BulkPreview, bulk_action, bulk_items
from ....projections.pagination import Page
from ...concurrency.async_variants import run_in_thread
from ...concurrency.threads import Threads
from ...new_id import new_id
from ...queries.cursors import not_a_cursor
from ...queries.index.reader import Index
from ...queries.listing import check_limit
from ...repositories.bulk import load_bulk, load_directory
from ...repositories.optimistic_retry import OptimisticRetry
from ..runs.run_services import RunServices
from .preview import digest_of, preview_bulk
from .selection import FindRuns, Selected, select
from .work import BulkWork


class Bulk(Unpicklable):
    """``ledger.bulk``: retry or cancel many runs, as an action that is stored, watched and stopped.

    A worker works on it, ``flowledger serve``, or whoever calls ``run``; one process at a time, and another one goes on
    where that is gone. Each run is retried or cancelled once, however often that happens.
    """

    _send_instead = "send the store's URL, and open a ledger there"

    def __init__(self, services: RunServices, index: Index, find: FindRuns, threads: Threads) -> None:
        self._services = services
        self._store = services.store
        self._index = index
        self._find = find
        self._threads = threads

    def preview(
        self,
        act: BulkAct,
        runs: Iterable[str] | None = None,
        *,
        matching: Mapping[str, Any] | None = None,
        from_node: str | None = None,
        effects: bool = False,
    ) -> BulkPreview:
        """Count what ``request`` would do with these runs, by how they stand now; change nothing.

        ``act``, ``runs``, ``matching`` and ``from_node`` are as there.
        With ``effects`` it also says which executors would act on the world again, for which each run is read.

        Raises InvalidRequest, WorkflowNotFound, VersionNotFound, StorageUnavailable.
        """
        _check_act(act, from_node)
        selected = self._stand_for(select(self._find, runs, matching))
        return preview_bulk(self._services, self._index, act, selected.run_ids, from_node, effects=effects)

    def request(
        self,
        act: BulkAct,
        runs: Iterable[str] | None = None,
        *,
        matching: Mapping[str, Any] | None = None,
        by: str = "unknown",
        reason: str | None = None,
        from_node: str | None = None,
        idempotency_key: str | None = None,
        digest: str | None = None,
    ) -> BulkAction:
        """Store that the runs are to be retried (``act="retry"``) or cancelled (``"cancel"``); do nothing yet.

        ``runs`` are their ids, worked on in this order; or ``matching`` holds filters, named as in ``history.runs``:
        then the runs that match now are meant, oldest first, and none that come to match later. The id of a work order
        stands for its last run.

        A retry takes each run that has failed or was cancelled and is the last one of its work order, and begins at the
        start or, with ``from_node``, at that node, as in ``runs.retry``; the new runs are queued, and workers execute
        them. A work order that was rejected and has no run gets its first one, at the start, unless the live version
        refuses its input again; there is nothing of it to cancel. What can't be done with a run is its result.

        ``digest`` is that of a preview: where other runs are meant by now, this is refused. The same
        ``idempotency_key`` with the same request answers with the action that is there.

        Raises InvalidRequest (also for no run at all), ConcurrencyError (others match than at the preview),
        IdempotencyConflict, WorkflowNotFound, VersionNotFound, StorageUnavailable; then nothing was written.
        """
        _check_act(act, from_node)
        check_actor(by)
        freeze(reason, "reason")
        if reason is not None and not isinstance(reason, str):
            raise InvalidRequest(f"reason {quoted(reason)} is not text")
        named = None if runs is None else select(self._find, runs, matching)
        asked = _digest(act, None if named is None else named.run_ids, matching, from_node, reason)
        bulk_id = new_id(self._services.now()) if idempotency_key is None else _keyed_id(idempotency_key)
        if idempotency_key is not None and self._store.head(bulk_stream(bulk_id)):
            return self._known(bulk_id, idempotency_key, asked)
        selected = self._stand_for(named or select(self._find, None, matching))
        if not selected.run_ids:
            raise InvalidRequest("no run matches: there is nothing to do, and nothing was stored")
        if digest is not None and digest != digest_of(selected.run_ids):
            raise ConcurrencyError("bulk", "the runs of the preview", len(selected.run_ids))
        now = self._services.now()
        events = domain.request(
            act,
            self._targets(selected.run_ids),
            by=by,
            now=now,
            from_node=from_node,
            reason=reason,
            selection=None if selected.filters is None else freeze(selected.filters, "matching"),
            key=idempotency_key,
            digest=asked,
        )
        entry = domain.entered(bulk_id, by=by, now=now)
        try:
            self._store.append(
                Write(bulk_stream(bulk_id), ExpectedVersion.NO_STREAM, events),
                Write(DIRECTORY, ExpectedVersion.ANY, [entry]),
            )
        except ConcurrencyError:
            if idempotency_key is None:
                raise
            return self._known(bulk_id, idempotency_key, asked)
        return self.get(bulk_id)

    def get(self, bulk_id: str) -> BulkAction:
        """Return the bulk action ``bulk_id`` as it stands.

        Raises BulkActionNotFound, InvalidRequest, StorageUnavailable.
        """
        return self._shown(load_bulk(self._store, bulk_id))

    def items(
        self,
        bulk_id: str,
        outcome: str | None = None,
        status: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[BulkActionItem]:
        """List the runs of the bulk action ``bulk_id`` in the order in which they are worked on, a page at a time.

        ``outcome``: only those that were ``retried``, ``cancelled``, ``skipped``, ``refused``, or are ``open``.
        ``status``: only those whose new run stands so now.

        Raises BulkActionNotFound, InvalidRequest, StorageUnavailable.
        """
        check_limit(limit)
        if outcome is not None and outcome not in (*BULK_OUTCOMES, "open"):
            raise InvalidRequest(f"outcome {quoted(outcome)} is none of {', '.join(BULK_OUTCOMES)}, open")
        state = load_bulk(self._store, bulk_id)
        begin = _number(after)
        numbers = [number for number in range(begin + 1, state.count + 1) if _has(state, number, outcome)]
        if status is not None:
            all_statuses = self._index.statuses(_shown_runs(state, numbers))
            numbers = [number for number in numbers if _status(state, number, all_statuses) == status]
        page = numbers[:limit]
        items = bulk_items(state, page, self._index.statuses(_shown_runs(state, page)))
        return Page(items, str(page[-1]) if len(numbers) > limit else None)

    def list(self, after: str | None = None, limit: int = 50) -> Page[BulkAction]:
        """List all bulk actions, newest first, a page at a time.

        Raises InvalidRequest, StorageUnavailable.
        """
        check_limit(limit)
        ids = load_directory(self._store).ids
        end = len(ids) if after is None else min(_number(after), len(ids))
        page = ids[max(0, end - limit) : end][::-1]
        rest = end - len(page)
        return Page(tuple(map(self.get, page)), str(rest) if rest else None)

    def stop(self, bulk_id: str, by: str = "unknown", reason: str | None = None) -> BulkAction:
        """Stop the bulk action ``bulk_id`` behind the run that is worked on now. Runs that were retried already go on.

        Raises BulkActionNotFound, IllegalTransition (it has finished, or was stopped before), InvalidRequest,
        StorageUnavailable.
        """
        check_actor(by)
        freeze(reason, "reason")
        attempts = OptimisticRetry()
        while True:
            state = load_bulk(self._store, bulk_id)
            event = domain.stop(state, by=by, reason=reason, now=self._services.now())
            entry = domain.closed(bulk_id, by=by, now=event.data["recorded_at"])
            try:
                self._store.append(
                    Write(bulk_stream(bulk_id), state.version, [event]),
                    Write(DIRECTORY, ExpectedVersion.ANY, [entry]),
                )
            except ConcurrencyError as error:
                attempts.check_progress(state.version, error)
            else:
                return self.get(bulk_id)

    def run(self, bulk_id: str, by: str = "unknown") -> BulkAction:
        """Work on the bulk action ``bulk_id`` here, until it has finished or was stopped; return it as it stands then.

        Where another process works on it, it is returned as it stands now. ``by`` is who works, for the log: what is
        done is done in the name of who asked for it.

        Raises BulkActionNotFound, InvalidRequest, StorageUnavailable.
        """
        check_actor(by)
        work = BulkWork(self._services, by)
        try:
            while work.advance_one(bulk_id):
                pass
        finally:
            work.leave()
        return self.get(bulk_id)

    def _stand_for(self, selected: Selected) -> Selected:
        """The same with the last run in place of each work order that has one."""
        if selected.filters is not None:
            return selected
        known = self._index.statuses(selected.run_ids)
        last = self._index.last_runs([run_id for run_id in selected.run_ids if run_id not in known])
        return Selected(list(dict.fromkeys(last.get(run_id) or run_id for run_id in selected.run_ids)), None)

    def _targets(self, run_ids: Sequence[str]) -> Sequence[Target]:
        standings = self._index.standings(run_ids)
        standings |= self._index.rejected([run_id for run_id in run_ids if run_id not in standings])
        return [
            {"run_id": run_id, "work_order_id": standings[run_id].work_order_id}
            if run_id in standings
            else {"run_id": run_id}
            for run_id in run_ids
        ]

    def _known(self, bulk_id: str, key: str, asked: str) -> BulkAction:
        """The action that the key stands for. Raises IdempotencyConflict."""
        state = load_bulk(self._store, bulk_id)
        if state.request != asked:
            raise IdempotencyConflict(key, state.by, moment(state.requested_at), bulk_id=bulk_id)
        return replace(self._shown(state), created=False)

    def _shown(self, state: BulkState) -> BulkAction:
        made = [result["new_run_id"] for result in state.results if "new_run_id" in result]
        return bulk_action(state, dict(Counter(self._index.statuses(made).values())))

    apreview = run_in_thread(preview)
    arequest = run_in_thread(request)
    aget = run_in_thread(get)
    aitems = run_in_thread(items)
    alist = run_in_thread(list)
    astop = run_in_thread(stop)
    arun = run_in_thread(run)


def _check_act(act: object, from_node: object) -> None:
    if act not in ("retry", "cancel"):
        raise InvalidRequest(f"act {quoted(act)} is neither retry nor cancel")
    if from_node is not None and (act != "retry" or not isinstance(from_node, str)):
        raise InvalidRequest(f"from_node {quoted(from_node)} is the id of a node, for a retry")


def _keyed_id(key: str) -> str:
    check_key(key)
    check_name(key, "idempotency_key")
    return keyed_bulk_id(key)


def _digest(
    act: str,
    run_ids: Sequence[str] | None,
    matching: Mapping[str, Any] | None,
    from_node: str | None,
    reason: str | None,
) -> str:
    asked = None if matching is None else {str(name): str(value) for name, value in matching.items()}
    return command_digest(
        f"bulk {act}",
        runs=None if run_ids is None else [*run_ids],
        matching=asked,
        from_node=from_node,
        reason=reason,
    )


def _number(after: str | None) -> int:
    if after is None:
        return 0
    if not isinstance(after, str) or not after.isascii() or not after.isdigit() or len(after) > _DIGITS:
        raise not_a_cursor(after)
    return int(after)


_DIGITS = 12


def _has(state: BulkState, number: int, outcome: str | None) -> bool:
    if outcome is None:
        return True
    found = state.results[number - 1]["outcome"] if number <= state.done else "open"
    return found == outcome


def _shown_runs(state: BulkState, numbers: Iterable[int]) -> list[str]:
    return [run for number in numbers if (run := _shown_run(state, number)) is not None]


def _shown_run(state: BulkState, number: int) -> str | None:
    """The run whose status an item shows."""
    if state.act == "cancel":
        return state.targets[number - 1]["run_id"]
    return state.results[number - 1].get("new_run_id") if number <= state.done else None


def _status(state: BulkState, number: int, statuses: Mapping[str, str]) -> str | None:
    return statuses.get(_shown_run(state, number) or "")


def work_of(bulk: Bulk, by: str, is_stopping: Callable[[], bool]) -> BulkWork:
    """What works on the bulk actions of a ledger in this process, under a name."""
    return BulkWork(bulk._services, by, is_stopping)  # pyright: ignore[reportPrivateUsage]


def clock_of_bulk(bulk: Bulk) -> Callable[[], int]:
    """Its clock, in microseconds since 1970."""
    return bulk._services.now  # pyright: ignore[reportPrivateUsage]
