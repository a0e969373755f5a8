"""``ledger.history``: the states of runs at any version or moment, and the events that led to them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ....domain.errors import VersionNotFound
from ....domain.execution.executors import StepContext
from ....domain.live import Unpicklable
from ....domain.ports import RecordedEvent
from ....domain.run import RunHeader, header_of, read_header
from ....domain.run.snapshot import Snapshot
from ....domain.values.names import check_run_id
from ....domain.values.point_in_time import AsOf, AtVersion, parse_moment
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
from ....projections.runs.reused_results import ReusedResult, adopted_results, reused_results
from ....projections.runs.timings import Timings
from ....projections.runs.trace_link import TraceLink, one_event, whole_run
from ...concurrency.async_variants import iterate_in_thread, run_in_thread
from ...concurrency.threads import Threads
from ...execution.runner import PreparedCall, asynchronous, synchronous
from ...files.paths import to_path
from ...queries.history_beginning import HistoryBeginnings
from ...queries.listing import check_id, check_time
from ...queries.runs_page import Lists
from ...queries.steps.failures import Failures
from ...queries.steps.page import Steps
from ...repositories.as_of import event_at, version_at
from ...repositories.missing import missing_run
from ...repositories.origins import origin_in, past_events
from ...repositories.runs import RunRepository
from ...repositories.work_orders import load_started, run_input
from ...repositories.workflows import WorkflowRepository
from ...transfer.limits import MAX_BYTES, MAX_EVENTS, MAX_STREAMS, ImportLimits
from ...transfer.report import ExportReport, ImportReport
from .audit import Auditor
from .audit_trail import load_trail
from .compare import compare_runs, compare_snapshots
from .ids import IdSearch
from .lineage import load_lineage
from .replayer import Replayer
from .run_lists import RunLists
from .steps import StepLists
from .timings import measure_timings
from .walk import RunWalk

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore


class History(RunLists, StepLists, IdSearch, Unpicklable):
    """``ledger.history``: read any past state, compare, audit, replay and export runs, and list them."""

    _send_instead = "send the store's URL, and open a ledger there"

    def __init__(
        self,
        store: "LedgerEventStore",
        runs: RunRepository,
        workflows: WorkflowRepository,
        lists: Lists,
        replayer: Replayer,
        threads: Threads,
        now: Callable[[], int],
        auditor: Auditor,
        prove: Callable[[str], bytes],
    ) -> None:
        self._store = store
        self._prove = prove
        self._now = now
        self._runs = runs
        self._workflows = workflows
        self._lists = lists
        self._index = lists.index
        self._replayer = replayer
        self._threads = threads
        self._auditor = auditor
        self._beginnings = HistoryBeginnings(store)
        self._steps = Steps(store, lists.index, lists.searched.catch_up)
        self._failures = Failures(lists.index, lists.searched.catch_up)

    def snapshot(self, run_id: str, version: int | None = None, at: datetime | None = None) -> Snapshot:
        """Return the state of a run at a version (the fold of its first ``version`` events), as of a moment, or now.

        Raises RunNotFound, VersionNotFound, NothingAsOf, InvalidRequest (both ``version`` and ``at``).
        """
        moment = parse_moment(version, at)
        version = version_at(self._store, run_id, moment, self._head(run_id), f"run {run_id!r}")
        return self._runs.load(run_id, version).snapshot()

    def header(self, run_id: str, version: int | None = None, at: datetime | None = None) -> RunHeader:
        """Return where a run stood: status, node, attempt and times, without its results.

        It costs one row, however long the run is and whatever its steps produced.

        Raises RunNotFound, VersionNotFound, NothingAsOf, InvalidRequest (both ``version`` and ``at``).
        """
        check_run_id(run_id)
        moment = parse_moment(version, at)
        subject = f"run {run_id!r}"
        if isinstance(moment, AsOf):
            moment = AtVersion(version_at(self._store, run_id, moment, self._head(run_id), subject))
        upto = moment.version if isinstance(moment, AtVersion) else None
        found = self._store.beginning(run_id, upto)
        if found is None or upto not in (None, found.version):
            raise VersionNotFound(upto or 0, self._head(run_id), subject)
        return read_header(run_id, found) or header_of(self._runs.load(run_id, found.version))

    def trace(self, run_id: str, version: int | None = None) -> TraceLink:
        """Return where a run, or its event at ``version``, is among the traces that OpenTelemetry collected.

        The ids are derived from those of the run and its events, so there are some for every run, also for one that was
        executed without telemetry, or by another process.

        Raises RunNotFound, VersionNotFound.
        """
        check_run_id(run_id)
        started_in = load_started(self._store, run_id).get("traceparent")
        if version is None:
            return whole_run(run_id, started_in)
        moment = parse_moment(version, None)
        version = version_at(self._store, run_id, moment, self._head(run_id), f"run {run_id!r}")
        return one_event(run_id, self._store.read(run_id, upto=version, backwards=True), started_in)

    def diff(self, run_id: str, a: int, b: int | None = None, ignore: str | Sequence[str] = ()) -> SnapshotDiff:
        """Compare the snapshots of a run at the versions ``a`` and ``b`` (None: the latest), in either direction.

        ``ignore`` names places that don't count: JSON Pointers whose parts are globs (``/context/*/*/output/id``;
        ``**`` is any number of parts), or the name of a set of them, ``times``. The cost is that of the state at the
        earlier version, and of the events between.

        Raises RunNotFound, VersionNotFound, InvalidRequest.
        """
        ignored = ignored_places(ignore)
        return compare_snapshots(self._store, self._runs, run_id, self._head(run_id), (a, b), ignored)

    def compare(self, run_a: str, run_b: str, ignore: str | Sequence[str] = ()) -> RunComparison:
        """Compare two runs, aligned by node and attempt: where they part, in what, and what each did afterwards.

        Results that a run reused from an earlier run count as its steps. ``ignore`` is as in ``diff``; a step is
        compared as if its ``input``, ``payload``, ``outcome``, ``handle``, ``next`` and ``reason`` stood beside output
        and error in the context. ``run_a`` and ``run_b`` are run ids; all events of both are read.

        Raises RunNotFound, InvalidRequest.
        """
        ignored = ignored_places(ignore)
        return compare_runs(self._store, self._runs, self._workflows, (run_a, run_b), ignored)

    def snapshots(self, run_id: str) -> Iterator[Snapshot]:
        """Iterate over the state at every version, in order, in one pass.

        Raises RunNotFound at the first item.
        """
        yield from self._runs.snapshots(run_id)

    def walk(self, run_id: str, progress: Callable[[int], object] | None = None, *, upto: int | None = None) -> RunWalk:
        """Open a run for walking through it in both directions; it is folded once, then any version is there at once.

        ``progress`` is called now and then with the number of events folded so far. Events after the version ``upto``
        are left out, for a run that can be read no further.

        Raises RunNotFound, VersionNotFound (``upto``), InvalidRequest.
        """
        return RunWalk(run_id, self._store, self._runs, progress, upto)

    def events(self, run_id: str) -> Iterator[RecordedEvent]:
        """Iterate over the recorded events of a run, in order.

        ``run_id`` may name any stream: the id of a run or work order, or ``workflow:<id>``.

        Raises RunNotFound at the first item, if there is no such stream.
        """
        self._head(run_id)
        yield from self._store.read(run_id)

    def workflow_of(self, run_id: str) -> WorkflowSnapshot:
        """Return the workflow version that a run uses, with its work order's input in ``input``.

        Raises RunNotFound.
        """
        first = load_started(self._store, run_id)
        seen = self._workflows.get(first["workflow_id"], first["workflow_version"])
        return replace(seen, input=run_input(self._store, run_id, first))

    def reused(self, run_id: str) -> list[ReusedResult]:
        """Return the results that a run took over, from an earlier run or an adopted snapshot; most runs have none.

        They are the first results of its context, in order.

        Raises RunNotFound.
        """
        first = load_started(self._store, run_id)
        if "adopted" in first:
            return list(adopted_results(event_at(self._store, run_id, 1)))
        return reused_results(past_events(self._store, run_id, origin_in(run_id, first)), first.get("edited"))

    def lineage(self, run_id: str) -> Lineage:
        """Return the runs that a run comes from, and those that came from it: retries, reproductions and forks.

        Raises RunNotFound.
        """
        return load_lineage(self._store, self._index, run_id)

    def audit(
        self, run_id: str, version: int | None = None, at: datetime | None = None, *, proof: bool = False
    ) -> RunAudit:
        """Return everything that it takes to defend a run: who, what, when, with which code and input, and the proof.

        At a version, as of a moment, or now; what it says of other streams is as they were then. With ``proof`` it
        carries what ``evidence.prove`` gives by the checkpoint that was signed last.

        Raises RunNotFound, VersionNotFound, NothingAsOf, InvalidRequest (both ``version`` and ``at``; a proof, and no
        checkpoint was signed yet, or only before the run began), StorageCorrupt (it can't be proved).
        """
        audit = self._auditor.audit(run_id, parse_moment(version, at))
        return replace(audit, proof=self._prove(run_id).decode()) if proof else audit

    def trail(
        self,
        by: str | None = None,
        stream: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
        kind: str | None = None,
        channel: str | None = None,
    ) -> Page[Act]:
        """List what actors did to workflows, runs and work orders, newest first, a page at a time.

        Every filter that is given must hold. ``by``: who did it. ``stream``: the id of a run or work order, or
        ``workflow:<id>``. ``since`` and ``until``: when it was done. ``kind``: what kind of thing it was done to, a
        ``workflow``, ``run``, ``work order``, ``bulk action``, ``token`` or ``subject``; ``view``: who looked at what,
        where that is recorded, which is listed for that kind, or its stream (``access:run:<id>``), alone. ``channel``:
        through what, such as ``web``, ``api`` or ``cli``. What was done from Python has none, nor has what was
        done before channels were kept; of acts before the index knew them, it finds those that ``rebuild`` has
        read again. What was done to runs that were removed isn't listed, which ``Page.begins`` says.

        Raises InvalidRequest, RunNotFound (there is no such stream).
        """
        page = load_trail(self._store, self._index, by, stream, since, until, kind, channel, after, limit)
        if stream is not None or kind not in (None, "run", "work order"):
            return page  # a stream that is there is whole, and no others go
        return self._beginnings.mark(page, None, since, lambda act: act.at)

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
        """Report how long a workflow's nodes take and wait, how often they fail, and which save made one slower.

        It reads the recorded steps of all runs of the workflow, or of those started between ``since`` and ``until``.
        ``by`` groups by workflow version or by day (UTC). Results that a run reused are not among its steps;
        ``reproductions=True`` includes reproductions and forks. ``progress`` is called with the number of runs read.
        ``Timings.begins`` says what was removed of them.

        Raises InvalidRequest, WorkflowNotFound.
        """
        query = RunQuery(
            check_id(workflow_id, "workflow_id"),
            since=check_time(since, "since"),
            until=check_time(until, "until"),
        )
        found = measure_timings(self._store, self._index, query, by, reproductions, progress)
        begins = self._beginnings.find(workflow_id, since)
        return found if begins is None else replace(found, begins=begins)

    def _replay(
        self,
        run_id: str,
        verify: bool = True,
        effects: Collection[str] = (),
        globals: Mapping[str, Any] | None = None,
        ignore_code: bool = False,
        against: int | str | None = None,
    ) -> PreparedCall[ReplayReport]:
        """Execute each recorded step of a run again, as far as the run has come, and compare. Nothing is written.

        Each step gets what it got then: input, payload, context, attempt. ``globals`` are never recorded, so they are
        those of this call. The results of executors that were registered with ``deterministic=False`` or
        ``effects=True`` are taken from the record; ``effects`` names types that are executed all the same. The report
        holds the first divergence. With ``verify=False`` nothing is executed, and only the record itself is checked.

        An outcome that is taken from the record is doubtful where the code has changed since, which is a divergence if
        nothing else is. ``ignore_code`` leaves that out; the report says it all the same. Code is the same if its
        syntax tree is: comments, layout and the module don't count.

        ``against`` names another version of the run's workflow (number, snapshot id, ``live``, ``latest``): the record
        is compared with what its definition would make of the same inputs, step by step, up to where it would go
        another way.

        Raises RunNotFound, EventNotReadable, InvalidRequest (no executors, or a type that isn't registered),
        VersionNotFound.
        """
        return self._replayer.replay(run_id, verify, effects, globals, ignore_code, against)

    replay = synchronous(_replay)
    areplay = asynchronous(_replay)

    def context_at(self, run_id: str, version: int, globals: Mapping[str, Any] | None = None) -> StepContext:
        """Return the StepContext that a recorded step's executor was given; ``version`` is that of the step's event.

        Without ``globals``, values that came from globals are masked in it.

        Raises RunNotFound, VersionNotFound, InvalidRequest (the event is no step, or its executor was never called).
        """
        return self._replayer.context_at(run_id, version, globals)

    def export(
        self, run_id: str, path: str | Path, *, progress: Callable[[float], object] | None = None
    ) -> ExportReport:
        """Write a run to a file, with all that it refers to: work order, workflow versions, the runs that it came from.

        ``import_`` reads it, in any store. The file is JSON lines, compressed with zstd unless its name ends in
        ``.jsonl``; the same history gives the same bytes. It appears when it is complete, and memory doesn't grow with
        the run.

        Raises RunNotFound, StorageCorrupt (an event was changed or is missing), StorageUnavailable.
        """
        from ...transfer.export import export  # brings the storage libraries, which are there once a store is open

        return export(self._store, run_id, to_path(path), progress)

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
        """Import what ``export`` wrote, with the same ids, versions, times and digests; only positions are new.

        The whole file is verified before anything is stored, as it may be a stranger's: only what this store could have
        recorded itself is taken, only what the run needs, and no time more than 5 minutes ahead of this ledger's clock.
        Digests prove that a file is whole, not who wrote it.

        What the store has already is passed over, so importing twice changes nothing. ``continue_existing=True`` allows
        the import to append to streams that the store has. ``dry_run=True`` only verifies and compares.
        ``max_streams``, ``max_events`` and ``max_bytes`` (of the unpacked file) bound what is read.

        Raises InvalidRequest (no such file), InvalidExport (it was changed, exceeds a limit, or holds what no store can
        have recorded), ConflictingHistory (the store has another history of one of the streams), WouldContinue (it
        appends to streams of this store); then nothing was imported. Raises StorageUnavailable; then the beginning of a
        large file may be there, and importing it again, with ``continue_existing``, completes it.
        """
        from ...transfer.import_ import import_export

        limits = ImportLimits(max_streams, max_events, max_bytes)
        return import_export(
            self._store,
            to_path(path),
            self._now,
            limits,
            continue_existing=continue_existing,
            dry_run=dry_run,
            progress=progress,
        )

    def _head(self, run_id: str) -> int:
        head = self._store.head(run_id)
        if head == 0:
            raise missing_run(self._store, run_id)
        return head

    acontext_at = run_in_thread(context_at)
    aaudit = run_in_thread(audit)
    atrail = run_in_thread(trail)
    atimings = run_in_thread(timings)
    atrace = run_in_thread(trace)
    adiff = run_in_thread(diff)
    acompare = run_in_thread(compare)
    aheader = run_in_thread(header)
    asnapshot = run_in_thread(snapshot)
    asnapshots = iterate_in_thread(snapshots)
    aevents = iterate_in_thread(events)
    aexport = run_in_thread(export)
    aimport_ = run_in_thread(import_)
    awalk = run_in_thread(walk)
    areused = run_in_thread(reused)
    alineage = run_in_thread(lineage)
    aworkflow_of = run_in_thread(workflow_of)
