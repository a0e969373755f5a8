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
        """Read the whole store and report whatever was changed, or contradicts itself; others may write meanwhile.

        It finds every change, gap and reordering of events, events that no write could have recorded, references to
        runs, work orders or versions that aren't there, and rows of the index and checkpoints that the events don't
        lead to. ``deep=True`` also compares the search index. ``progress`` is called now and then with the number of
        events read.

        ``heads`` is a file, to be kept elsewhere, of the last version and digest of every stream. If it exists, each
        stream must still hold what it held then; otherwise it was cut, lost or rewritten, which nothing inside a store
        can show. The file is written if it is new, and replaced if nothing at all was found.

        Raises StorageUnavailable, InvalidRequest (the file isn't one of heads).
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
        """Build the index that lists and filters read again from the events; returns how many events wrote to it.

        All checkpoints are dropped. Others may write meanwhile. An event that can't be read is passed over:
        ``left_out`` is called with an EventNotReadable for it. A run or work order that begins with such an event is
        listed last, as ``unreadable``, until another event says how it stands.

        Raises StorageUnavailable, also if somebody else rebuilds at the same time; then the index is as it was.
        """
        from ..queries.index.rebuild import rebuild_index

        return rebuild_index(self._store, progress, left_out)

    def backup(
        self, path: str | Path, *, force: bool = False, progress: Callable[[float], object] | None = None
    ) -> BackupReport:
        """Copy an SQLite store, as it is when this begins, into one file that is a store itself.

        Others may write meanwhile. The copy is checked (SQLite's own check, and the number of rows), is private (mode
        0600), and appears when it is complete and on the disk. ``force=True`` replaces an existing file, but never that
        of the store itself. During a large copy SQLite can't truncate its write-ahead log. Don't fork the process
        meanwhile.

        Raises InvalidRequest (a file is there; or the store is in memory or in PostgreSQL, for which the message has
        the commands), StorageUnavailable, StorageCorrupt (the store is damaged).
        """
        from ..transfer.backup import back_up

        return back_up(self._store, path_of(path), force=force, progress=progress)

    def close(self) -> None:
        """Store what still waits for a batch, and release the store's connections.

        Executors that run in threads for async calls aren't waited for, and what they return isn't recorded. Steps that
        wait for a thread never begin. Their calls raise StorageUnavailable, and the runs continue with ``proceed``.
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

    ``url`` may also be a store of yours: an EventLog, or what implements the port EventStore; the ledger closes it. A
    store is created on first use; with ``create=False`` an address without a store raises StorageUnavailable.

    Without ``executors`` the ledger can read and save, but not run. ``clock`` returns aware datetimes; by default it is
    the system's. ``max_value_bytes`` limits the size of one payload or output as JSON. A read that folds more than
    ``checkpoint_every`` events leaves a checkpoint (None: never); that changes the cost of reading, never an answer.

    ``durability``: with ``"step"`` each step is durable before the next begins. With ``"batch"``, or a ``Batch`` of
    another size, a crash may lose the last steps of a run, which then run again.

    ``threads``: how many sync executors run at once under async calls, in a thread pool of their own. Store work has
    another pool, and asyncio's own is never used, so executors that wait hold up nothing but executors. A step that
    starts runs and waits for them lends them its thread.

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
