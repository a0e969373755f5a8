"""Opening a ledger: the composition root, which puts a store and everything that works on it together."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from ...domain.errors import InvalidRequest
from ...domain.execution.executors import ExecutorRegistry
from ...domain.execution.step import StepLimits
from ...domain.values.clock import Clock, micros_clock
from ...domain.values.json import MAX_VALUE_BYTES
from ...domain.visible import quoted
from ...projections.runs.run import Run
from ..concurrency.threads import EXECUTOR_THREADS, ThreadPool, Threads
from ..execution.batching import Batch
from ..operations.overview import Overview
from ..operations.workers import Workers
from ..queries.index.reader import Index
from ..queries.runs_page import Lists
from ..queries.search.details import RunDetails
from ..queries.search.indexer import SearchIndex
from ..queries.search.runs import SearchedRuns
from ..repositories.missing import missing_workflow
from ..repositories.runs import RunRepository
from ..repositories.workflows import WorkflowRepository
from ..services.access.tokens import Tokens
from ..services.bulk.service import Bulk
from ..services.erasure.service import Erasure
from ..services.evidence.service import Evidence
from ..services.history.audit import Auditor
from ..services.history.replayer import Replayer
from ..services.history.service import History
from ..services.retention.service import Retention
from ..services.runs.call_globals import LedgerGlobals
from ..services.runs.custody import Custody
from ..services.runs.executions import Executions
from ..services.runs.lease import LEASE, read_lease
from ..services.runs.run_services import RunServices
from ..services.runs.service import Runs
from ..services.runs.waiting import RunReader
from ..services.search.service import Search
from ..services.subscriptions.service import Subscriptions
from ..services.workflows.service import Workflows
from ..storage.callers import CallersConnection
from ..telemetry.settings import Telemetry, observer_of
from .inside import Inside
from .ledger import Ledger

if TYPE_CHECKING:
    from ...domain.ports import EventStore
    from ..storage.event_store import LedgerEventStore
    from ..storage.log.event_log import EventLog
    from ..storage.sealing.key_ring import KeyRing
    from ..telemetry.observer import Observer


def open_ledger(
    url: "str | EventLog | EventStore",
    executors: ExecutorRegistry | None = None,
    clock: Clock | None = None,
    *,
    max_value_bytes: int = MAX_VALUE_BYTES,
    checkpoint_every: int | None = 1_000,
    create: bool = True,
    durability: Literal["step", "batch"] | Batch = "step",
    globals: Mapping[str, Any] | Callable[[Run], Mapping[str, Any] | None] | None = None,
    threads: int = EXECUTOR_THREADS,
    lease: float = LEASE,
    telemetry: Telemetry | None = None,
    keys: "KeyRing | None" = None,
) -> Ledger:
    """Open the store at ``url``: ``memory:``, ``sqlite:///path``, ``postgresql://…``, or another that a package brings.

    ``url`` may also be a store of yours: an EventLog, or what implements the port EventStore; the ledger closes it. A
    store is created on first use; with ``create=False`` an address without a store raises StorageUnavailable.

    Without ``executors`` the ledger can read and save, but not run. ``clock`` returns aware datetimes; by default it is
    the system's. ``max_value_bytes`` limits the size of one payload or output as JSON. A read that folds more than
    ``checkpoint_every`` events leaves a checkpoint (None: never); that changes the cost of reading, never an answer.

    ``durability``: with ``"step"`` each step is durable before the next begins. With ``"batch"``, or a ``Batch`` of
    another size, a crash may lose the last steps of a run, which then run again.

    ``globals``: for every call that executes steps and is given none: a mapping, or a function that is called once for
    each run that a call is about to execute, with the Run as it stands; where it is new, as it will begin, before it
    is stored. What the function raises, the call raises, and nothing is written.

    ``threads``: how many sync executors run at once under async calls, in a thread pool of their own. Store work has
    another pool, and asyncio's own is never used, so executors that wait hold up nothing but executors. A step that
    starts runs and waits for them lends them its thread.

    ``lease``: seconds for which a process that executes runs in its own calls holds them. While it lives it renews
    that; once it is gone, workers recover its runs when the lease is over.

    ``telemetry``: sends spans and metrics of runs by OpenTelemetry. Without it, nothing of OpenTelemetry is imported.

    ``keys`` are the master keys under which the keys of subjects are wrapped: see ``runs.start(subject=…)``. Without
    them what is sealed isn't readable.

    Raises InvalidRequest, StorageUnavailable, StorageCorrupt.
    """
    if executors is not None and not isinstance(executors, ExecutorRegistry):
        raise InvalidRequest(f"executors are an ExecutorRegistry, not {type(executors).__name__}")
    batch, ledger_globals = _read_durability(durability), LedgerGlobals(globals)
    if type(threads) is not int or threads < 1:
        raise InvalidRequest(f"threads {quoted(threads)} is not a number of threads, 1 or more")
    if type(max_value_bytes) is not int or max_value_bytes < 1:
        raise InvalidRequest(f"max_value_bytes {quoted(max_value_bytes)} is not a number of bytes, 1 or more")
    if checkpoint_every is not None and (type(checkpoint_every) is not int or checkpoint_every < 1):
        raise InvalidRequest(
            f"checkpoint_every {quoted(checkpoint_every)} is not a number of events, 1 or more, or None: no checkpoints"
        )
    lease_micros = read_lease(lease)
    if telemetry is not None and not isinstance(telemetry, Telemetry):
        raise InvalidRequest(f"telemetry {quoted(telemetry)} is no Telemetry: give fl.Telemetry()")
    from ..storage.codec import EVENT_OVERHEAD
    from .stores import open_store  # imports the storage libraries, which an engine alone doesn't need

    store = open_store(url, max_event_bytes=2 * max_value_bytes + EVENT_OVERHEAD, create=create)
    if keys is not None:
        _give_keys(store, keys)
    limits = StepLimits(max_value_bytes)
    now = store.clock if clock is None else micros_clock(clock)
    observer = None if telemetry is None else observer_of(telemetry)
    return compose(
        store, executors, now, limits, checkpoint_every, batch, threads, ledger_globals, lease_micros, observer
    )


def compose(
    store: "LedgerEventStore",
    executors: ExecutorRegistry | None,
    now: Callable[[], int],
    limits: StepLimits,
    checkpoint_every: int | None = None,
    batch: Batch | None = None,
    threads: int = EXECUTOR_THREADS,
    globals: LedgerGlobals | None = None,
    lease: int | None = None,
    observer: "Observer | None" = None,
) -> Ledger:
    """Compose a ledger on an open store. ``now`` returns microseconds since 1970.

    ``lease``: microseconds for which the process holds the runs that its own calls execute; None: it has no lease, and
    nobody can tell whether it still executes them.
    """
    pools = Threads(ThreadPool("flowledger-executor", threads), store.threads)
    runs = RunRepository(store, store.checkpoints, checkpoint_every)
    index = Index(store.recorder, partial(missing_workflow, store))
    workflows = WorkflowRepository(store, index)
    indexer = SearchIndex(store, store.search, now)
    lists = Lists(index, SearchedRuns(store, store.search, index, indexer), RunDetails(store, store.search))
    globals = globals or LedgerGlobals(None)
    replayer = Replayer(store, runs, workflows, executors, now, limits, globals)
    executions, reader = Executions(), RunReader(index, store.wakeups)
    custody = None if lease is None else Custody(store.leases, executions, now, lease)
    run_services = RunServices(
        store,
        runs,
        workflows,
        executors,
        now,
        limits,
        pools,
        globals,
        executions,
        reader,
        custody,
        batch,
        observer,
        store.subject_keys,
    )
    workers = Workers(run_services, store, pools)
    overview = Overview(store.recorder, index, indexer, workers, now)
    if observer is not None:
        observer.watch_queue(overview)

    def within(caller: CallersConnection) -> Inside:
        from ..storage.inside import InsideEventStore

        inside = InsideEventStore(store, caller)
        threads = Threads(pools.executors, inside.calls)
        index_inside = Index(inside.recorder, index.missing_workflow)
        workflows = WorkflowRepository(inside, index_inside)
        # Without checkpoints: they would be of events that the caller may take back.
        services = run_services.within(inside, RunRepository(inside, store.checkpoints, None), workflows, threads)
        return Inside(caller, Runs(services), Workflows(inside, index_inside, workflows, executors, now, threads))

    subscriptions = Subscriptions(store, now)

    def close() -> None:
        subscriptions.close()
        workers.close()
        pools.executors.close(_CLOSED)
        run_services.close()
        store.close()

    auditor = Auditor(store, index, runs, lambda run_id, version: history.header(run_id, version))
    evidence = Evidence(store, now, pools, auditor)
    history = History(store, runs, workflows, lists, replayer, pools, now, auditor, evidence.prove)
    erasure = Erasure(store, run_services)
    return Ledger(
        store,
        Workflows(store, index, workflows, executors, now, pools),
        Runs(run_services),
        history,
        Bulk(run_services, index, history.runs, pools),
        Search(indexer, pools),
        Tokens(store, now, pools),
        evidence,
        Retention(store, index, now, pools),
        subscriptions,
        workers,
        overview,
        erasure,
        pools,
        now,
        within,
        close,
        reopen,
    )


def reopen(url: str, app: str | None, max_value_bytes: int, keys: "Callable[[], KeyRing] | None" = None) -> Ledger:
    """Open the ledger of a store again, in a worker of bulk work. Raises InvalidRequest, StorageUnavailable."""
    from ..operations.jobs import load_registry

    executors = None if app is None else load_registry(app)
    # A process trusts only its own checkpoints, and this ledger is closed after a few runs.
    return open_ledger(
        url,
        executors,
        create=False,
        max_value_bytes=max_value_bytes,
        checkpoint_every=None,
        keys=None if keys is None else keys(),
    )


def _give_keys(store: "LedgerEventStore", keys: "KeyRing") -> None:
    """Raises InvalidRequest where that is no key ring, or the store has no place for keys; the store is closed then."""
    from ..storage.sealing.key_ring import KeyRing

    if isinstance(keys, KeyRing) and store.subject_keys is not None:
        store.subject_keys.ring = keys
        return
    store.close()
    if isinstance(keys, KeyRing):
        raise InvalidRequest("this store has no place for the keys of subjects: use SQLite or PostgreSQL")
    raise InvalidRequest(f"keys {quoted(keys)} are no KeyRing: give fl.KeyRing.from_file(path), or a KeyRing of yours")


def _read_durability(durability: object) -> Batch | None:
    if durability == "step":
        return None
    if durability == "batch":
        return Batch()
    if isinstance(durability, Batch):
        return durability
    raise InvalidRequest(f'durability {quoted(durability)} is none of "step", "batch" and a Batch')


_CLOSED = "the ledger was closed before this step began: open it again and continue the run with proceed"
