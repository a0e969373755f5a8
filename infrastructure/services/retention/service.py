"""``ledger.retention``: take away what is old, hold what must stay, and say what went."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from threading import Event
from typing import TYPE_CHECKING, Final

from ....domain.errors import InvalidRequest, SubjectNotFound
from ....domain.evidence.report import RemovedHistory
from ....domain.execution.step_loop import check_actor
from ....domain.live import Unpicklable
from ....domain.ports import Write
from ....domain.retention import (
    LEGAL_HOLDS,
    HoldTarget,
    LegalHolds,
    RetentionPolicy,
    legal_hold_lifted,
    legal_hold_placed,
)
from ....domain.values.ids import workflow_stream
from ....domain.values.names import check_run_id
from ....domain.visible import quoted
from ....projections.history_beginning import HistoryBeginning
from ....projections.retention import PlacedHold, RetentionReport, placed_hold
from ...concurrency.async_variants import run_in_thread
from ...concurrency.regular import RegularAct
from ...concurrency.threads import Threads
from ...files.atomic import make_folder
from ...new_id import new_id
from ...queries.history_beginning import HistoryBeginnings
from ...queries.index.orders import runs_of, streams_of
from ...queries.listing import check_id, check_text, check_time
from ...queries.tree.removed import removed_histories
from ...repositories.legal_holds import load_holds_on, load_legal_holds
from ...repositories.missing import missing_run
from .archive import NOT_ARCHIVED, Archived, archive, archive_workflow
from .parquet_archive import ParquetArchive
from .removal import Act, Removed, Remover
from .selection import OrderToGo, Selection, held_orders, select
from .workflows import WorkflowSelection, select_workflows

if TYPE_CHECKING:
    from ...queries.index.reader import Index
    from ...storage.event_store import LedgerEventStore
    from ...storage.removal_table import RemovalTable

_log = logging.getLogger("flowledger.retention")

EVENTS_AT_ONCE: Final = 4_000
"""Events that one commit removes, but for a work order that has more."""

ORDERS_AT_ONCE: Final = 500


class Retention(Unpicklable):
    """``ledger.retention``: policies say what goes, legal holds what must stay."""

    _send_instead = "send the store's URL, and open a ledger there"

    def __init__(self, store: "LedgerEventStore", index: "Index", now: Callable[[], int], threads: Threads) -> None:
        self._store = store
        self._index = index
        self._now = now
        self._threads = threads
        self._beginnings = HistoryBeginnings(store)

    def preview(self, policy: RetentionPolicy) -> RetentionReport:
        """Return what ``apply`` would take away now under a ``policy``, and what stays and why. Nothing is changed.

        Reads the index of all work orders and workflows that the policy is about, and counts the bytes of those that
        would go.

        Raises InvalidRequest, StorageUnavailable.
        """
        _check_policy(policy)
        holds = load_legal_holds(self._store)
        found = select(self._store, self._index, self._store.removals, policy, holds, self._now())
        would, going = Removed(), Counter(order.workflow_id for order in found.going.values())
        for runs in self._batches(found.going):
            would.runs += sum(map(len, runs.values()))
            would.work_orders += len(runs)
            self._measure(would, streams_of(runs))
        workflows = select_workflows(self._store, self._index, policy, going, self._now())
        would.workflows = len(workflows.going)
        self._measure(would, [workflow_stream(id) for id in workflows.going])
        return _report(policy, found, workflows, would, None, 0, preview=True)

    def apply(
        self,
        policy: RetentionPolicy,
        by: str = "unknown",
        reason: str | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> RetentionReport:
        """Take away what the ``policy`` says. It can't be undone; its ``archive`` has each run in a file before.

        It goes in small steps, each one commit, beside others who write; where it is cut short, call it again. A record
        stays of what went, with the hashes of its events, so ``verify``, checkpoints and proofs of what stays are
        right. A run that went raises RunRemoved, and an idempotency key that it began with begins nothing anew; a
        workflow that went raises WorkflowRemoved, and its id isn't used again. What was freed goes back to the disk as
        far as that is possible beside others. ``progress`` is called with the fraction done, 0 to 1.

        Raises InvalidRequest (the policy would leave nothing, and doesn't say ``everything``; the store is in memory),
        StorageCorrupt (a run is damaged, or its archive isn't what the store holds), StoreReadOnly, StorageUnavailable.
        """
        _check_policy(policy)
        check_actor(by)
        check_text(reason, "reason")
        table = self._table()
        _refuse_everything(policy)
        if policy.archive is not None:
            make_folder(policy.archive)
        holds = load_legal_holds(self._store)
        found = select(self._store, self._index, table, policy, holds, self._now())
        act = Act(new_id(self._now()), policy, by, reason)
        remover = Remover(self._store, table, act, self._now)
        parquet = None
        if policy.archive is not None and policy.archive_format == "parquet":
            parquet = ParquetArchive(self._store, self._index, policy.archive, act.id)
        total = len(found.going)
        for runs in self._batches(dict(found.going)):
            holds = self._let_held_stay(found, holds)
            wanted = {order: ids for order, ids in runs.items() if order in found.going}
            archived = self._archive(policy, wanted) if parquet is None else parquet.write(wanted)
            for order in remover.remove(wanted, archived, holds.version):
                found.take_back(order, "changed")
            if progress is not None:
                progress(remover.done.work_orders / total)
        workflows = select_workflows(self._store, self._index, policy, {}, self._now())
        for id in tuple(workflows.going):
            archived = self._archive_workflow(policy, id)
            if not remover.remove_workflow(id, archived, self._store.head(LEGAL_HOLDS)):
                workflows.take_back(id)
            if progress is not None:
                progress(1.0)
        returned = 0
        if remover.done.work_orders or remover.done.workflows:
            table.forget_rows()
            returned = self._store.recorder.return_space()
        return _report(policy, found, workflows, remover.done, act.id, returned, preview=False)

    def apply_regularly(
        self, policy: RetentionPolicy, by: str = "unknown", every: timedelta = timedelta(hours=1)
    ) -> RegularAct:
        """Apply a ``policy`` every so often, in a thread of its own, for as long as the block lasts.

        ``every``: so much time lies between two. Several processes may do it at once. At the end of the block it stops
        behind the step that is under way. What can't be removed is an error in the process's log
        (``flowledger.retention``), and is tried again the next time.

        Raises InvalidRequest (also where the policy would leave nothing, and doesn't say ``everything``).
        """
        _check_policy(policy)
        check_actor(by)
        self._table()
        _refuse_everything(policy)
        if not isinstance(every, timedelta) or every <= timedelta(0):
            raise InvalidRequest("every is a length of time above 0")

        def apply(stopped: Event) -> None:
            def progress(_: float) -> None:
                if stopped.is_set():
                    raise _Stopped

            with suppress(_Stopped):
                report = self.apply(policy, by, progress=progress)
                if report.removal_id is not None:
                    _log.info(
                        "%d runs and %d workflows with %d events were removed",
                        report.runs,
                        report.workflows,
                        report.events,
                    )

        return RegularAct("flowledger-retention", apply, every, _log, "the retention policy wasn't applied")

    def begins(self, workflow_id: str | None = None, since: datetime | None = None) -> HistoryBeginning | None:
        """Return from when on the history of runs is whole, and what is missing from before; None: nothing is missing.

        ``workflow_id``: of this workflow's runs. ``since``: what happened before doesn't matter. Lists and timings
        have it, too, as their ``begins``. Cheap, unlike ``removals``.

        Raises InvalidRequest, StorageUnavailable.
        """
        check_time(since, "since")
        return self._beginnings.find(check_id(workflow_id, "workflow_id"), since)

    def removals(self) -> tuple[RemovedHistory, ...]:
        """Return what went so far, in the order in which it went: when, by whom, how much, and where its archive is.

        Raises StorageUnavailable.
        """
        return removed_histories(self._store)

    def hold(self, run_id: str | None = None, *, subject: str | None = None, by: str, reason: str) -> PlacedHold:
        """Place a legal hold on a run, or on all runs of a ``subject``: no policy takes them, and nobody erases them.

        What is held already stays held as it was. Raises RunNotFound, SubjectNotFound, InvalidRequest, StoreReadOnly,
        StorageUnavailable.
        """
        check_actor(by)
        check_text(reason, "reason")
        if not reason:
            raise InvalidRequest("a legal hold needs a reason")
        target = self._target(run_id, subject)
        holds = load_legal_holds(self._store)
        if target not in holds.holds:
            event = legal_hold_placed(holds, target, by=by, reason=reason, now=self._now())
            self._store.append(Write(LEGAL_HOLDS, holds.version, [event]))
            holds = load_legal_holds(self._store)
        return placed_hold(holds.holds[target])

    def lift(
        self, run_id: str | None = None, *, subject: str | None = None, by: str, reason: str | None = None
    ) -> None:
        """Lift a legal hold on a run, or on a ``subject``: policies and erasures count again.

        Raises InvalidRequest (nothing holds it), RunNotFound, SubjectNotFound, StoreReadOnly, StorageUnavailable.
        """
        check_actor(by)
        check_text(reason, "reason")
        target = self._target(run_id, subject)
        holds = load_legal_holds(self._store)
        if target not in holds.holds:
            raise InvalidRequest(f"{target.kind} {quoted(target.id)} is under no legal hold")
        event = legal_hold_lifted(holds, target, by=by, reason=reason, now=self._now())
        self._store.append(Write(LEGAL_HOLDS, holds.version, [event]))

    def holds(self, run_id: str | None = None) -> tuple[PlacedHold, ...]:
        """Return the legal holds that stand, those first that were placed first.

        ``run_id``: those that keep this run. They are on it, on a subject of its, or on another run of its work order,
        with which it stays.

        Raises RunNotFound, StorageUnavailable.
        """
        if run_id is None:
            return tuple(map(placed_hold, load_legal_holds(self._store).holds.values()))
        check_run_id(run_id)
        return tuple(map(placed_hold, load_holds_on(self._store, run_id)))

    def _batches(self, going: Mapping[str, OrderToGo]) -> Iterator[dict[str, list[str]]]:
        """Work orders with their runs, some at a time."""
        orders = iter(going.items())
        while page := list(islice(orders, ORDERS_AT_ONCE)):
            runs = runs_of(self._index, [order for order, _ in page])
            batch: dict[str, list[str]] = {}
            events = 0
            for order, (_, count, _) in page:
                if batch and events + count > EVENTS_AT_ONCE:
                    yield batch
                    batch, events = {}, 0
                batch[order] = runs[order]
                events += count
            if batch:
                yield batch

    def _let_held_stay(self, found: Selection, known: LegalHolds) -> LegalHolds:
        """A hold that was placed since the last batch counts."""
        if self._store.head(LEGAL_HOLDS) == known.version:
            return known
        holds = load_legal_holds(self._store)
        held = held_orders(self._store, self._index, holds)
        for order in [order for order in found.going if order in held]:
            found.take_back(order, "held")
        return holds

    def _archive(self, policy: RetentionPolicy, runs: Mapping[str, list[str]]) -> Archived:
        if policy.archive is None:
            return NOT_ARCHIVED
        return archive(self._store, [run for ids in runs.values() for run in ids], policy.archive, self._now)

    def _archive_workflow(self, policy: RetentionPolicy, workflow_id: str) -> Archived:
        if policy.archive is None:
            return NOT_ARCHIVED
        return archive_workflow(self._store, workflow_id, policy.archive, self._now)

    def _measure(self, would: Removed, streams: list[str]) -> None:
        if self._store.removals is not None:
            heads = self._store.removals.sizes_of(streams)
            would.events += sum(events for events, _ in heads.values())
            would.bytes += sum(size for _, size in heads.values())

    def _target(self, run_id: str | None, subject: str | None) -> HoldTarget:
        if (run_id is None) == (subject is None):
            raise InvalidRequest("name a run, or a subject")
        if run_id is not None:
            check_run_id(run_id)
            if self._store.head(run_id) == 0:
                raise missing_run(self._store, run_id)
            return HoldTarget("run", run_id)
        keys = self._store.subject_keys
        key = None if keys is None or not isinstance(subject, str) else keys.table.find(subject)
        if key is None:
            raise SubjectNotFound(str(subject))
        return HoldTarget("subject", key.id)

    def _table(self) -> "RemovalTable":
        if self._store.removals is None:
            raise InvalidRequest(
                "a store in memory, or of your own, keeps all that it has: retention needs SQLite or PostgreSQL"
            )
        return self._store.removals

    apreview = run_in_thread(preview)
    aapply = run_in_thread(apply)
    abegins = run_in_thread(begins)
    aremovals = run_in_thread(removals)
    ahold = run_in_thread(hold)
    alift = run_in_thread(lift)
    aholds = run_in_thread(holds)


def _check_policy(policy: object) -> None:
    if not isinstance(policy, RetentionPolicy):
        raise InvalidRequest(f"policy {quoted(policy)} is no RetentionPolicy")


def _refuse_everything(policy: RetentionPolicy) -> None:
    if policy.keeps_nothing and not policy.everything:
        raise InvalidRequest(
            "this policy keeps nothing that has ended so: give older_than, keep_last or max_bytes, or say that all "
            "of it is meant with everything=True (--everything)"
        )


class _Stopped(Exception):
    """The block is over."""


def _report(
    policy: RetentionPolicy,
    found: Selection,
    workflows: WorkflowSelection,
    done: Removed,
    removal_id: str | None,
    returned: int,
    *,
    preview: bool,
) -> RetentionReport:
    return RetentionReport(
        preview,
        done.runs,
        done.work_orders,
        done.events,
        done.bytes,
        found.told(),
        policy.archive,
        removal_id if done.work_orders or done.workflows else None,
        returned,
        done.workflows,
        workflows.told(),
    )
