"""The door to what happened: states of runs at any version or moment, and the events behind them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ....domain.errors import InvalidRequest, RunNotFound, VersionNotFound
from ....domain.execution.executors import StepContext
from ....domain.live import Live
from ....domain.ports import RecordedEvent
from ....domain.run import RunHeader, header_in, header_of
from ....domain.run.snapshot import Snapshot
from ....domain.values.names import check_run_id
from ....domain.values.point_in_time import AsOf, AtVersion, moment_asked
from ....domain.visible import quoted
from ....domain.workflow import WorkflowSnapshot
from ....projections.audit.build import RunAudit
from ....projections.comparison.ignore import ignored_places
from ....projections.comparison.runs_model import RunComparison
from ....projections.comparison.snapshots import SnapshotDiff
from ....projections.index.query import RunQuery
from ....projections.pagination import Page
from ....projections.replay.report import ReplayReport
from ....projections.runs.audit_trail import Act
from ....projections.runs.lineage import Lineage
from ....projections.runs.reused_results import ReusedResult, reused
from ....projections.runs.summary import RunSummary, WorkOrderSummary
from ....projections.runs.timings import Timings
from ...concurrency.aio import each_in_thread, in_thread
from ...concurrency.threads import Threads
from ...execution.runner import Execution, asynchronous, synchronous
from ...files.places import path_of
from ...queries.listing import Lists, checked_id, checked_time, run_query, runs_page, work_order_query, work_orders_page
from ...queries.search.query import search_query
from ...repositories.as_of import version_at
from ...repositories.origins import origin_in, past_events
from ...repositories.runs import RunStates
from ...repositories.work_orders import input_of, started
from ...repositories.workflows import WorkflowLog
from ...transfer.limits import MAX_BYTES, MAX_EVENTS, MAX_STREAMS, ImportLimits
from ...transfer.report import ExportReport, ImportReport
from .audit import Auditor
from .audit_trail import trail as trail_of
from .compare import comparison_of, difference_of
from .lineage import lineage as lineage_of
from .replayer import Replayer
from .timings import timings as timings_of
from .walk import RunWalk

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore


class History(Live):
    """``ledger.history``."""

    _elsewhere = "send the store's URL, and open a ledger there"

    def __init__(
        self, store: "LedgerEventStore", states: RunStates, workflows: WorkflowLog, lists: Lists, replayer: Replayer,
        threads: Threads, now: Callable[[], int],
    ) -> None:  # fmt: skip
        self._store = store
        self._now = now
        self._states = states
        self._workflows = workflows
        self._lists = lists
        self._index = lists.index
        self._replayer = replayer
        self._threads = threads
        self._auditor = Auditor(store, lists.index, states, self.header)

    def runs(
        self,
        workflow_id: str | None = None,
        version: int | str | None = None,
        status: str | Sequence[str] | None = None,
        node: str | None = None,
        error_type: str | None = None,
        by: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        where: str | Sequence[str] = (),
        as_of: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[RunSummary]:
        """A page of runs, newest first; each filter that is given must hold.

        ``version``: of the workflow; a number, or the snapshot id of a save. ``status``: one or several. ``node``:
        where the run is paused, waits or failed. ``error_type``: of the failure that it waits after or ended with.
        ``by``: who started it. ``since`` and ``until``: when it was started, the latter not included. ``text``: words
        that begin words of its ids, errors, logs or values. ``where``: conditions on payload, output (by node) and
        metadata, as ``output["score"].value > 10`` or ``payload.customer=acme``. ``as_of``: runs as they stood at that
        time. ``after``: the ``next`` of the page before.

        A search, by ``text`` or ``where``, takes in first what was written lately, and says in ``behind`` how far
        behind the log it is all the same. Raises InvalidRequest, WorkflowNotFound, VersionNotFound.
        """
        number = self._number(workflow_id, version)
        query = run_query(workflow_id, number, status, node, error_type, by, since, until, as_of)
        return runs_page(
            self._lists, query, search_query(text, where), after, limit,
            lambda run_id: self.header(run_id, at=as_of).current_node_id,
        )  # fmt: skip

    def work_orders(
        self,
        workflow_id: str | None = None,
        state: str | None = None,
        by: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[WorkOrderSummary]:
        """A page of work orders, newest first; each filter that is given must hold.

        Raises InvalidRequest, WorkflowNotFound.
        """
        query = work_order_query(workflow_id, state, by, since, until)
        return work_orders_page(self._lists.index, query, after, limit)

    def snapshot(self, run_id: str, version: int | None = None, at: datetime | None = None) -> Snapshot:
        """The state of a run at a version (the fold of its first ``version`` events), as of a moment, or now.

        Raises RunNotFound, VersionNotFound, NothingAsOf.
        """
        moment = moment_asked(version, at)
        version = version_at(self._store, run_id, moment, self._head(run_id), f"run {run_id!r}")
        return self._states.load(run_id, version).snapshot()

    def header(self, run_id: str, version: int | None = None, at: datetime | None = None) -> RunHeader:
        """Where a run stood at a version, as of a moment, or now: status, node, attempt and times, without its results.

        Costs one row, however long the run is and whatever its steps produced. Raises RunNotFound, VersionNotFound,
        NothingAsOf.
        """
        check_run_id(run_id)
        moment = moment_asked(version, at)
        subject = f"run {run_id!r}"
        if isinstance(moment, AsOf):
            moment = AtVersion(version_at(self._store, run_id, moment, self._head(run_id), subject))
        upto = moment.version if isinstance(moment, AtVersion) else None
        found = self._store.beginning(run_id, upto)
        if found is None or upto not in (None, found.version):
            raise VersionNotFound(upto or 0, self._head(run_id), subject)
        return header_in(run_id, found) or header_of(self._states.load(run_id, found.version))

    def diff(self, run_id: str, a: int, b: int | None = None, ignore: str | Sequence[str] = ()) -> SnapshotDiff:
        """What differs from a run's Snapshot at version ``a`` to that at ``b``, by default the latest.

        ``ignore``: places that don't count, as JSON Pointers whose parts are globs (``/context/*/*/output/id``; ``**``
        is any number of parts), or the name of a set of them: ``times``. Costs the state at the earlier version, and
        the events between. Raises RunNotFound, VersionNotFound, InvalidRequest.
        """
        ignored = ignored_places(ignore)
        return difference_of(self._store, self._states, run_id, self._head(run_id), (a, b), ignored)

    def compare(self, run_a: str, run_b: str, ignore: str | Sequence[str] = ()) -> RunComparison:
        """Two runs aligned by node and attempt: where they part, in what, and what each did after.

        Results that a run began with, because an earlier run had produced them, are steps of it. ``ignore`` as in
        ``diff``; a step is compared as if its ``input``, ``payload``, ``outcome``, ``handle``, ``next`` and ``reason``
        stood beside output and error in the context. Reads all events of both. Raises RunNotFound, InvalidRequest.
        """
        ignored = ignored_places(ignore)
        return comparison_of(self._store, self._states, self._workflows, (run_a, run_b), ignored)

    def snapshots(self, run_id: str) -> Iterator[Snapshot]:
        """The state at every version, in order, in one pass. Raises RunNotFound at the first item."""
        yield from self._states.snapshots(run_id)

    def walk(self, run_id: str, progress: Callable[[int], object] | None = None) -> RunWalk:
        """A run, folded once, to walk through in both directions: the state at any version is then there at once.

        ``progress`` is told now and then how many events were folded. Raises RunNotFound.
        """
        return RunWalk(run_id, self._store, self._states, progress)

    def events(self, run_id: str) -> Iterator[RecordedEvent]:
        """The recorded events, in order. Any stream has them: a run's or work order's id, or ``workflow:<id>``.

        Raises RunNotFound at the first item, where there is no such stream.
        """
        self._head(run_id)
        yield from self._store.read(run_id)

    def workflow_of(self, run_id: str) -> WorkflowSnapshot:
        """The workflow's version that a run uses, with its work order's input. Raises RunNotFound."""
        first = started(self._store, run_id)
        seen = self._workflows.get(first["workflow_id"], first["workflow_version"])
        return replace(seen, input=input_of(self._store, run_id, first))

    def reused(self, run_id: str) -> list[ReusedResult]:
        """The results that a run began with, because an earlier run had produced them; none for most runs.

        They are the first ones of its context, in order. Raises RunNotFound.
        """
        first = started(self._store, run_id)
        return reused(past_events(self._store, run_id, origin_in(run_id, first)), first.get("edited"))

    def lineage(self, run_id: str) -> Lineage:
        """The runs that a run comes from, and those that came of it: retries, reproductions and forks, from the index.

        Raises RunNotFound.
        """
        return lineage_of(self._store, self._index, run_id)

    def audit(self, run_id: str, version: int | None = None, at: datetime | None = None) -> RunAudit:
        """Everything that it takes to defend a run: who, what, when, with which code and input, and the proof.

        At a version, as of a moment, or now; what it says of other streams is as they were then. Raises RunNotFound,
        VersionNotFound, NothingAsOf.
        """
        return self._auditor.audit(run_id, moment_asked(version, at))

    def trail(
        self,
        by: str | None = None,
        stream: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[Act]:
        """A page of what actors did to workflows, runs and work orders, newest first; each given filter must hold.

        ``stream``: a run's or work order's id, or ``workflow:<id>``. ``since`` and ``until``: when it was done, the
        latter not included. ``after``: the ``next`` of the page before. Raises InvalidRequest, and RunNotFound where
        there is no such stream.
        """
        return trail_of(self._store, self._index, by, stream, since, until, after, limit)

    def timings(
        self,
        workflow_id: str,
        by: Literal["version", "day"] = "version",
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        reproductions: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> Timings:
        """How long a workflow's nodes take and wait, how often they fail, and which save made which one slower.

        From the recorded steps of all its runs, or of those started from ``since`` on and before ``until``. Results
        that a run reused are none of its steps. ``progress`` is told how many runs were read so far. Raises
        InvalidRequest, WorkflowNotFound.
        """
        query = RunQuery(
            checked_id(workflow_id, "workflow_id"),
            since=checked_time(since, "since"),
            until=checked_time(until, "until"),
        )
        return timings_of(self._store, self._index, query, by, reproductions, progress)

    def _number(self, workflow_id: str | None, version: int | str | None) -> int | None:
        if version is None:
            return None
        if workflow_id is None:
            raise InvalidRequest(f"version {quoted(version)} of which workflow? Give workflow_id too")
        return self._workflows.number(workflow_id, version)

    def _replay(
        self,
        run_id: str,
        verify: bool = True,
        effects: Collection[str] = (),
        globals: Mapping[str, Any] | None = None,
    ) -> Execution[ReplayReport]:
        """Execute each recorded step of a run again, as far as the run is, and compare. Nothing is written.

        Each step is given what it was given then: input, payload, context, attempt. ``globals``, which are never
        recorded, are those of this call. Executors that were registered with ``deterministic=False`` are taken from the
        record, and so are those with ``effects=True``, unless ``effects`` names their types. The report tells the
        first divergence; with ``verify=False`` nothing is executed, and only the record is checked.

        Raises RunNotFound, EventNotReadable, InvalidRequest (no executors, a type that isn't registered).
        """
        return self._replayer.replay(run_id, verify, effects, globals)

    replay = synchronous(_replay)
    areplay = asynchronous(_replay)

    def context_at(self, run_id: str, version: int, globals: Mapping[str, Any] | None = None) -> StepContext:
        """What the executor of a recorded step was given; ``version`` is that of the step's event.

        Without ``globals``, values that came from globals are masked in it. Raises RunNotFound, VersionNotFound,
        InvalidRequest (the event is no step, or its executor was never called).
        """
        return self._replayer.context_at(run_id, version, globals)

    def export(
        self, run_id: str, path: str | Path, *, progress: Callable[[float], object] | None = None
    ) -> ExportReport:
        """Write a run to one file, with all that it refers to: its work order, the workflow's versions with their code,
        the runs that it came from.

        ``import_`` gives them back, in any store. JSON lines, compressed with zstd unless the name ends in ``.jsonl``;
        the same history gives the same bytes. The file appears when it is complete; memory doesn't grow with the run.
        ``progress`` is told now and then the part that is done, 0 to 1.

        Raises RunNotFound, StorageCorrupt (an event isn't as it was written, or is missing), StorageUnavailable.
        """
        from ...transfer.export import export  # brings the storage libraries, which are there once a store is open

        return export(self._store, run_id, path_of(path), progress)

    def import_(
        self,
        path: str | Path,
        *,
        continue_existing: bool = False,
        dry_run: bool = False,
        max_streams: int = MAX_STREAMS,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
        progress: Callable[[float], object] | None = None,
    ) -> ImportReport:
        """Take over what ``export`` wrote, with the same ids, versions, times and digests; positions are new.

        All of it is verified before anything is stored: it may be a stranger's. Only what this store could have
        recorded itself is taken, and only what the run needs; no time may be ahead of this ledger's clock by more than
        5 minutes. What the store has already is passed over, so importing twice changes nothing. Events behind those
        that it has of a stream are taken with ``continue_existing`` alone. With ``dry_run`` the file is verified and
        compared alone. ``max_bytes`` counts what the file holds once it is unpacked.

        Digests prove that a file is whole, not who wrote it.

        Raises InvalidRequest (no such file), InvalidExport (it isn't as it was written, over a limit, or holds what
        nobody can have recorded), ConflictingHistory (the store tells another history of one of the streams),
        WouldContinue (it goes on with streams of this store); then nothing was imported. Raises StorageUnavailable;
        then the beginning of a large file may be there, and importing it again, to continue, completes it.
        """
        from ...transfer.import_ import import_export

        limits = ImportLimits(max_streams, max_events, max_bytes)
        return import_export(
            self._store, path_of(path), self._now, limits,
            continue_existing=continue_existing, dry_run=dry_run, progress=progress,
        )  # fmt: skip

    def _head(self, run_id: str) -> int:
        head = self._store.head(run_id)
        if head == 0:
            raise RunNotFound(run_id)
        return head

    aruns = in_thread(runs)
    acontext_at = in_thread(context_at)
    awork_orders = in_thread(work_orders)
    aaudit = in_thread(audit)
    atrail = in_thread(trail)
    atimings = in_thread(timings)
    adiff = in_thread(diff)
    acompare = in_thread(compare)
    aheader = in_thread(header)
    asnapshot = in_thread(snapshot)
    asnapshots = each_in_thread(snapshots)
    aevents = each_in_thread(events)
    aexport = in_thread(export)
    aimport_ = in_thread(import_)
    awalk = in_thread(walk)
    areused = in_thread(reused)
    alineage = in_thread(lineage)
    aworkflow_of = in_thread(workflow_of)
