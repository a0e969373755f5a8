"""A policy that is previewed or applied: work orders some at a time, then workflows, each archived before it goes."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Final

from ....domain.retention import LEGAL_HOLDS, LegalHolds, RetentionPolicy
from ....domain.values.ids import workflow_stream
from ....projections.retention import RetentionReport
from ...files.atomic import make_folder
from ...new_id import new_id
from ...queries.index.orders import runs_of, streams_of
from ...repositories.legal_holds import load_legal_holds
from .archive import NOT_ARCHIVED, Archived, archive, archive_workflow
from .pace import Pace
from .parquet_archive import ParquetArchive
from .removal import Act, Removed, Remover
from .selection import OrderToGo, Selection, held_orders, select
from .workflows import WorkflowSelection, select_workflows

if TYPE_CHECKING:
    from ...queries.index.reader import Index
    from ...storage.event_store import LedgerEventStore
    from ...storage.removal_table import RemovalTable

EVENTS_AT_ONCE: Final = 4_000
"""Events that one commit removes, but for a work order that has more."""

ORDERS_AT_ONCE: Final = 500


class PolicyAct:
    """One preview, or one application, of a policy."""

    def __init__(
        self, store: "LedgerEventStore", index: "Index", now: Callable[[], int], policy: RetentionPolicy
    ) -> None:
        self._store = store
        self._index = index
        self._now = now
        self._policy = policy

    def preview(self) -> RetentionReport:
        """See ``Retention.preview``."""
        policy = self._policy
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
        return self._report(found, workflows, would, None, 0, preview=True)

    def apply(
        self,
        table: "RemovalTable",
        by: str,
        reason: str | None,
        progress: Callable[[float], object] | None,
        pace: Pace,
    ) -> RetentionReport:
        """See ``Retention.apply``."""
        policy = self._policy
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
            archived = self._archive(wanted) if parquet is None else parquet.write(wanted)
            for order in remover.remove(wanted, archived, holds.version):
                found.take_back(order, "changed")
            if progress is not None:
                progress(remover.done.work_orders / total)
            pace.give_way(remover.take_recorded())
        workflows = select_workflows(self._store, self._index, policy, {}, self._now())
        for id in tuple(workflows.going):
            archived = self._archive_workflow(id)
            if not remover.remove_workflow(id, archived, self._store.head(LEGAL_HOLDS)):
                workflows.take_back(id)
            if progress is not None:
                progress(1.0)
            pace.give_way(remover.take_recorded())
        returned = 0
        if remover.done.work_orders or remover.done.workflows:
            table.forget_rows()
            returned = self._store.recorder.return_space(pace.give_way)
        return self._report(found, workflows, remover.done, act.id, returned, preview=False)

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

    def _archive(self, runs: Mapping[str, list[str]]) -> Archived:
        if self._policy.archive is None:
            return NOT_ARCHIVED
        return archive(self._store, [run for ids in runs.values() for run in ids], self._policy.archive, self._now)

    def _archive_workflow(self, workflow_id: str) -> Archived:
        if self._policy.archive is None:
            return NOT_ARCHIVED
        return archive_workflow(self._store, workflow_id, self._policy.archive, self._now)

    def _measure(self, would: Removed, streams: list[str]) -> None:
        if self._store.removals is not None:
            heads = self._store.removals.sizes_of(streams)
            would.events += sum(events for events, _ in heads.values())
            would.bytes += sum(size for _, size in heads.values())

    def _report(
        self,
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
            self._policy.archive,
            removal_id if done.work_orders or done.workflows else None,
            returned,
            done.workflows,
            workflows.told(),
        )
