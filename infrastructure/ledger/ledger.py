"""The ledger: one store, and the doors to it. ``open_ledger`` is where everything is put together."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from ...domain.errors import EventNotReadable, InvalidRequest
from ...domain.events.integrity import VerifyReport
from ...domain.execution.executors import ExecutorRegistry
from ...domain.execution.step import StepLimits
from ...domain.live import Live
from ...domain.values.clock import Clock, reading
from ...domain.values.json import MAX_VALUE_BYTES
from ...domain.visible import quoted
from ..concurrency.aio import in_thread
from ..concurrency.threads import EXECUTOR_THREADS, ThreadPool, Threads
from ..execution.batching import Batch
from ..files.places import path_of
from ..queries.index.reader import Index
from ..queries.listing import Lists
from ..queries.search.indexer import SearchIndex
from ..queries.search.runs import SearchedRuns
from ..repositories.runs import RunStates
from ..repositories.workflows import WorkflowLog
from ..services.history.replayer import Replayer
from ..services.history.service import History
from ..services.runs.context import Workbench
from ..services.runs.service import Runs
from ..services.search.service import Search
from ..services.workflows.service import Workflows
from ..transfer.report import BackupReport

if TYPE_CHECKING:
    from ...domain.ports import EventStore
    from ..storage.event_store import LedgerEventStore
    from ..storage.log.event_log import EventLog


class Ledger(Live):
    """An open store. Use it with ``with`` or ``async with``, or call ``close``. May be shared between threads."""

    _elsewhere = "send the store's URL, and open a ledger there"

    def __init__(
        self, store: "LedgerEventStore", executors: ExecutorRegistry | None, now: Callable[[], int],
        limits: StepLimits, checkpoint_every: int | None, batch: Batch | None = None,
        threads: int = EXECUTOR_THREADS,
    ) -> None:  # fmt: skip
        self._store = store
        self._now = now
        self._executors = ThreadPool("flowledger-executor", threads)
        self._threads = Threads(self._executors, store.threads)
        states = RunStates(store, store.checkpoints, checkpoint_every)
        index = Index(store.recorder)
        log = WorkflowLog(store, index)
        self.workflows = Workflows(store, index, log, executors, now, self._threads)
        self._bench = Workbench(store, states, log, executors, now, limits, self._threads, batch)
        self.runs = Runs(self._bench)
        indexer = SearchIndex(store, store.search, now)
        replayer = Replayer(store, states, log, executors, now, limits)
        lists = Lists(index, SearchedRuns(store, store.search, index, indexer))
        self.history = History(store, states, log, lists, replayer, self._threads, now)
        self.search = Search(indexer, self._threads)

    def verify(
        self,
        progress: Callable[[int], object] | None = None,
        *,
        deep: bool = False,
        heads: str | Path | None = None,
    ) -> VerifyReport:
        """Walk the whole store and report what isn't as it was written, or contradicts itself.

        That is every change, gap or reordering of events; what no write could have recorded; whatever names a run,
        work order, source or version that is not there; rows of the index and checkpoints that aren't what the events
        make. ``deep`` also compares what a search knows. Others may write meanwhile. ``progress`` is told now and then
        how many events have been walked.

        ``heads`` is a file to be kept elsewhere, of how every stream stands. Where it is there, each stream must still
        hold what it held then: else it was cut, lost or rewritten, which nothing inside of a store could show. It is
        written where it wasn't there, and replaced where nothing at all was found; else it stays as it is.

        Raises StorageUnavailable, InvalidRequest for a file that isn't one of heads.
        """
        from ..verification.walk import verify

        place = None if heads is None else path_of(heads, "heads")
        now = None
        with suppress(InvalidRequest):  # a clock that tells no time is no reason to verify nothing
            now = self._now()
        return verify(self._store, progress, deep=deep, heads=place, now=now)

    def rebuild(
        self,
        progress: Callable[[float], object] | None = None,
        *,
        left_out: Callable[[EventNotReadable], object] | None = None,
    ) -> int:
        """Make the index that lists and filters read anew from the events; returns how many events moved its rows.

        All checkpoints are dropped with it. Others go on meanwhile. ``progress`` is told now and then the part that is
        done, 0 to 1. An event that can't be read moves no row and stops no other: ``left_out`` is told of it, as an
        EventNotReadable. A run, or work order, that begins with one is listed last, as ``unreadable`` until another
        event says how it stands.

        Raises StorageUnavailable, also where two rebuild at once: one of them is told so, and the other one goes on.
        The index is then as it was.
        """
        from ..queries.index.rebuild import rebuild_index

        return rebuild_index(self._store, progress, left_out)

    def backup(
        self, path: str | Path, *, force: bool = False, progress: Callable[[float], object] | None = None
    ) -> BackupReport:
        """Copy the store, as it is when this begins, into one file that is a store itself; others go on meanwhile.

        For SQLite. The copy is checked (SQLite's own check, and as many rows as the store has), private (0600), and
        appears when it is whole and on the disk. With ``force`` it takes the place of a file that is there; never that
        of the store itself. ``progress`` is told now and then the part that is done, 0 to 1. A large copy keeps
        SQLite from emptying its write-ahead log until it is done; don't fork meanwhile.

        Raises InvalidRequest: a file is there, the store is in memory, or in PostgreSQL, for which the message has the
        commands; StorageUnavailable; StorageCorrupt where the store is damaged.
        """
        from ..transfer.backup import back_up

        return back_up(self._store, path_of(path), force=force, progress=progress)

    def close(self) -> None:
        """Release the store's connections. What still waits for a batch is stored first.

        Executors that run in threads for async calls aren't waited for, and what they return is recorded nowhere; steps
        that wait for a thread never begin. Their calls raise StorageUnavailable, and the runs go on with ``proceed``.
        """
        self._executors.close(_CLOSED)
        self._bench.close()
        self._store.close()

    averify = in_thread(verify)
    abackup = in_thread(backup)
    arebuild = in_thread(rebuild)
    aclose = in_thread(close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def open_ledger(
    url: "str | EventLog | EventStore",
    executors: ExecutorRegistry | None = None,
    clock: Clock | None = None,
    *,
    max_value_bytes: int = MAX_VALUE_BYTES,
    checkpoint_every: int | None = 1_000,
    create: bool = True,
    durability: Literal["step", "batch"] | Batch = "step",
    threads: int = EXECUTOR_THREADS,
) -> Ledger:
    """Open the store at ``url``: ``memory:``, ``sqlite:///path``, ``postgresql://…``, or another that a package brings.

    Or it is a store of yours: an ``EventLog``, or what implements the port ``EventStore``. The ledger closes it.
    It is made on first use; with ``create=False`` an address without a store is StorageUnavailable.

    Without ``executors`` it can read and save, but not run. ``clock`` returns aware datetimes; the system's by default.
    ``max_value_bytes`` limits one payload or output. A read that folds ``checkpoint_every`` events leaves a checkpoint
    (None: never); it changes the cost of reading, never an answer.

    ``durability``: with ``"step"`` each step is durable before the next begins; with ``"batch"``, or a ``Batch`` of a
    certain size, a crash may lose the last steps of a run, which then run again.

    ``threads``: how many sync executors run at once under async calls, in a pool of their own. Store work has another
    pool, and asyncio's own is never used, so that executors which wait hold up nothing but executors. A step that
    starts runs and waits for them lends them its thread's place.

    Raises InvalidRequest, StorageUnavailable, StorageCorrupt.
    """
    if executors is not None and not isinstance(executors, ExecutorRegistry):
        raise InvalidRequest(f"executors are an ExecutorRegistry, not {type(executors).__name__}")
    batch = _batch(durability)
    if type(threads) is not int or threads < 1:
        raise InvalidRequest(f"threads {quoted(threads)} is not a number of threads, 1 or more")
    from ..storage.codec import EVENT_OVERHEAD
    from .stores import open_store  # brings the storage libraries, which an engine alone doesn't need

    store = open_store(url, max_event_bytes=2 * max_value_bytes + EVENT_OVERHEAD, create=create)
    return Ledger(store, executors, reading(clock), StepLimits(max_value_bytes), checkpoint_every, batch, threads)


def _batch(durability: object) -> Batch | None:
    if durability == "step":
        return None
    if durability == "batch":
        return Batch()
    if isinstance(durability, Batch):
        return durability
    raise InvalidRequest(f'durability {quoted(durability)} is none of "step", "batch" and a Batch')


_CLOSED = "the ledger was closed before this step began: open it again, and the run goes on with proceed"
