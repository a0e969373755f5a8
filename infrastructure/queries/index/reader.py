"""Reading the index: lists of runs, work orders, workflows and acts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ....domain.bulk import Standing
from ....domain.errors import StorageUnavailable, WorkflowNotFound
from ....projections.counts import RunGroup
from ....projections.index.changes import INDEX_REVISION
from ....projections.index.query import Condition, Place, RunQuery, WaitQuery, WorkOrderQuery
from ....projections.index.rows import ActRow, RunRow, SaveRow, WaitRow, WorkflowRow, WorkOrderRow
from ...storage.errors import translate_errors
from ...storage.recorder import LedgerRecorder
from ...storage.sql import Dialect
from . import sql
from .runs import FEW, RUNS, matching, run_counts, runs


class Index:
    """The read model of lists and filters. Every append updates it in its own transaction: read your own writes.

    Every method raises StorageUnavailable if the index must be rebuilt first.
    """

    def __init__(
        self, recorder: LedgerRecorder, missing_workflow: Callable[[str], WorkflowNotFound] = WorkflowNotFound
    ) -> None:
        self._recorder = recorder
        self.missing_workflow = missing_workflow
        """The error for a workflow that isn't here: that it never was, or was removed."""
        self._is_current = False

    def runs(self, query: RunQuery, limit: int, extra: Sequence[Condition] = (), source: str = RUNS) -> list[RunRow]:
        """A page of the list, from the table ``source``. ``extra`` conditions are on its row, called ``r``."""
        walks = not extra and source == RUNS and self._walks(query)
        found = self._rows(runs(query, self._recorder.dialect, limit, extra, source, walks=walks))
        return list(map(RunRow._make, found))

    def _walks(self, query: RunQuery) -> bool:
        """Whether to go through all runs in their order until a page is full: where many match, sorting takes longer.

        PostgreSQL keeps statistics and decides by itself.
        """
        if self._recorder.dialect == "postgres" or query.order.by == "started":
            return False
        return len(self._rows(matching(query, "sqlite", most=FEW))) == FEW

    def run_counts(self, query: RunQuery, group: RunGroup, limit: int) -> list[tuple[int | str, int]]:
        """Values and how many runs have each; a day is the number of days before it."""
        return [(value, count) for value, count in self._rows(run_counts(query, group, self.dialect, limit))]

    def related_runs(self, run_id: str) -> list[RunRow]:
        """All runs of the work order that a run belongs to, oldest first; empty if there is no such run."""
        return list(map(RunRow._make, self._rows(sql.related_runs(run_id))))

    def statuses(self, run_ids: Sequence[str]) -> dict[str, str]:
        """The statuses of those runs that exist."""
        return dict(self._rows(sql.statuses(run_ids, self.dialect))) if run_ids else {}

    def standings(self, run_ids: Sequence[str]) -> dict[str, Standing]:
        """How those runs stand that exist, by their ids."""
        rows = self._rows(sql.standings(run_ids, self.dialect)) if run_ids else []
        return {row[0]: Standing(*row) for row in rows}

    def last_runs(self, work_order_ids: Sequence[str]) -> dict[str, str | None]:
        """The last runs of those work orders that exist; None where it was rejected and has none."""
        return {row[0]: row[2] for row in self._work_orders_of(work_order_ids)}

    def rejected(self, work_order_ids: Sequence[str]) -> dict[str, Standing]:
        """Those work orders that exist and have no run, as they were rejected."""
        rows = self._work_orders_of(work_order_ids)
        return {id: Standing(id, id, workflow_id, "rejected", None) for id, workflow_id, last in rows if last is None}

    def _work_orders_of(self, ids: Sequence[str]) -> list[Any]:
        return self._rows(sql.last_runs(ids, self.dialect)) if ids else []

    def waits(self, query: WaitQuery, limit: int) -> list[WaitRow]:
        """Those first that were asked first."""
        return [row._replace(held=bool(row.held)) for row in map(WaitRow._make, self._rows(sql.waits(query, limit)))]

    def open_waits(self, most: int) -> int:
        """How many waits are open; at most so many are counted."""
        return int(self._rows(sql.open_waits(most))[0][0])

    def work_orders(self, query: WorkOrderQuery, limit: int) -> list[WorkOrderRow]:
        """A page of the list."""
        return list(map(WorkOrderRow._make, self._rows(sql.work_orders(query, self.dialect, limit))))

    def work_order(self, work_order_id: str) -> WorkOrderRow | None:
        found = self._rows(sql.work_order(work_order_id))
        return WorkOrderRow(*found[0]) if found else None

    def acts(
        self,
        by: str | None = None,
        stream: str | None = None,
        since: int | None = None,
        until: int | None = None,
        kind: str | None = None,
        channel: str | None = None,
        before: Place | None = None,
        limit: int = 50,
    ) -> list[ActRow]:
        """What actors did, newest first; times are microseconds since 1970."""
        return list(map(ActRow._make, self._rows(sql.acts(by, stream, since, until, kind, channel, before, limit))))

    def workflow(self, workflow_id: str) -> WorkflowRow | None:
        found = self._rows(sql.workflows("w.workflow_id = :id", {"id": workflow_id, "limit": 1}))
        return _workflow(found[0]) if found else None

    def workflows(self, after: str | None = None, limit: int = 50, *, archived: bool = False) -> list[WorkflowRow]:
        """In order of their ids, those after ``after``; with ``archived`` also archived ones."""
        wanted = "w.workflow_id > :after" + ("" if archived else " AND NOT w.archived")
        return [_workflow(row) for row in self._rows(sql.workflows(wanted, {"after": after or "", "limit": limit}))]

    def workflow_ids(self) -> list[str]:
        """Of all workflows, archived ones too."""
        return [name for (name,) in self._rows(Condition("SELECT workflow_id FROM flowledger_index_workflows", {}))]

    def saves_named(self, snapshot_id: str) -> list[SaveRow]:
        """The saves with this snapshot id: one, if any."""
        found = self._rows(sql.saves_named(snapshot_id))
        return list(map(SaveRow._make, found))

    def is_built(self) -> bool:
        """Whether its rows were made by this code's revision."""
        with translate_errors():
            return self._recorder.query("SELECT revision FROM flowledger_index", {}) == [(INDEX_REVISION,)]

    @property
    def dialect(self) -> Dialect:
        """The dialect of its SQL."""
        return self._recorder.dialect

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows of a statement, also if the index must be rebuilt."""
        with translate_errors():
            return self._recorder.query(sql, parameters)

    def counted(self, query: Condition) -> list[Any]:
        """The rows of a statement that counts."""
        return self._rows(query)

    def rows_beside_head(self, stream: str, sql: str, parameters: Mapping[str, Any]) -> tuple[int, list[Any]]:
        """The version of a stream, and the rows of a statement at the same moment. Its first column is never null."""
        with translate_errors():
            return self._recorder.query_beside_head(stream, sql, parameters)

    def select(self, query: Condition) -> list[Any]:
        """The rows of a query on its tables."""
        return self._rows(query)

    def _rows(self, query: Condition) -> list[Any]:
        with translate_errors():
            if not self._is_current:
                self._check()
            return self._recorder.query(query.sql, query.parameters)

    def _check(self) -> None:
        found = [revision for (revision,) in self._recorder.query("SELECT revision FROM flowledger_index", {})]
        if found != [INDEX_REVISION]:
            raise StorageUnavailable(
                "the index of this store was not built yet, or by other code: "
                "build it with `flowledger rebuild`, or ledger.rebuild()"
            )
        self._is_current = True


def _workflow(row: Sequence[Any]) -> WorkflowRow:
    found = WorkflowRow(*row)
    return found._replace(archived=bool(found.archived))  # SQLite knows 0 and 1
