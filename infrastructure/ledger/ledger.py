"""The ledger: one open store, and the public namespaces on it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from ...domain.errors import EventNotReadable, InvalidRequest
from ...domain.events.integrity import VerifyReport
from ...domain.execution.executors import ExecutorRegistry
from ...domain.live import Unpicklable
from ...projections.bulk import BulkFailure
from ...projections.erasure import ErasureReport
from ...projections.replay.report import ReplayReport
from ...projections.status.model import Health, Status
from ...projections.subscriptions import SubscriptionStatus
from ...projections.workers.status import WorkerStatus
from ..concurrency.async_variants import iterate_in_thread, run_in_thread
from ..concurrency.threads import Threads
from ..files.paths import to_path
from ..operations.async_worker import AsyncWorker
from ..operations.overview import Overview
from ..operations.spread import AnyExecutor
from ..operations.work import WorkerOptions
from ..operations.worker import Worker
from ..operations.workers import Workers
from ..services.access.sessions import Sessions
from ..services.access.tokens import Tokens
from ..services.access.viewings import ViewingRecord
from ..services.bulk.service import Bulk
from ..services.erasure.service import Erasure
from ..services.evidence.service import Evidence
from ..services.history.service import History
from ..services.retention.service import Retention
from ..services.runs.lease import LEASE
from ..services.runs.service import Runs
from ..services.search.service import Search
from ..services.subscriptions.service import Subscriptions
from ..services.subscriptions.subscription import AsyncSubscription, Subscription
from ..services.views import SavedViews
from ..services.workflows.service import Workflows
from ..storage.callers import CallersConnection
from ..transfer.report import BackupReport, ExportReport
from .inside import Inside

if TYPE_CHECKING:
    from ..storage.event_store import LedgerEventStore
    from .bulk import Reopen


class Ledger(Unpicklable):
    """An open store. Use it with ``with`` or ``async with``, or call ``close``. May be shared between threads."""

    _send_instead = "send the store's URL, and open a ledger there"

    def __init__(
        self,
        store: "LedgerEventStore",
        workflows: Workflows,
        runs: Runs,
        history: History,
        bulk: Bulk,
        search: Search,
        tokens: Tokens,
        evidence: Evidence,
        retention: Retention,
        subscriptions: Subscriptions,
        workers: Workers,
        overview: Overview,
        erasure: Erasure,
        threads: Threads,
        now: Callable[[], int],
        within: Callable[[CallersConnection], Inside],
        close: Callable[[], None],
        reopen: "Reopen",
    ) -> None:
        self._store = store
        self._threads = threads
        self._now = now
        self._within = within
        self._close = close
        self._subscriptions = subscriptions
        self._reopen = reopen
        self.workflows = workflows
        self.runs = runs
        self.history = history
        self.bulk = bulk
        self.search = search
        self.tokens = tokens
        self.evidence = evidence
        self.retention = retention
        self._workers = workers
        self._overview = overview
        self._erasure = erasure

    def within(self, connection: Any) -> Inside:
        """Append in a transaction of yours: a run starts, and your own row is written, or neither.

        ``connection`` leads to the database that the store is in: psycopg's (Connection, AsyncConnection), SQLAlchemy's
        (Connection, Session, AsyncConnection, AsyncSession), or, for a store in an SQLite file, that of sqlite3. The
        transaction is the one that is open on it, or that begins with its first statement; commit it yourself. What is
        appended can be read inside at once, and by others after the commit. A call that fails leaves the transaction as
        it was.

        Nothing is executed inside: a run is started with ``wait=False``, an answer is queued, and a worker goes on, or
        ``proceed`` after the commit. On an async connection the async variants are awaited. May be used as a context
        manager, with ``with`` or ``async with``: nothing is taken after its end.

        Its calls raise what those of the ledger do, and InvalidRequest (another database; no transaction, or one that
        has failed; the call would execute steps), TransactionConflict (others have written since it began),
        StoreReadOnly (it is READ ONLY).
        """
        return self._within(CallersConnection(connection))

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
        lead to. ``deep=True`` also compares the search index and the list of steps. ``progress`` is called now and then
        with the number of events read.

        ``heads`` is a file, to be kept elsewhere, of the last version and digest of every stream. If it exists, each
        stream must still hold what it held then; otherwise it was cut, lost or rewritten, which nothing inside a store
        can show. The file is written if it is new, and replaced if nothing at all was found.

        Raises StorageUnavailable, InvalidRequest (the file isn't one of heads).
        """
        from ..verification.walk import verify

        place = None if heads is None else to_path(heads, "heads")
        now = None
        with suppress(InvalidRequest):  # a store can be verified without a clock that works
            now = self._now()
        return verify(self._store, progress, deep=deep, heads=place, now=now)

    def rebuild(
        self,
        progress: Callable[[float], object] | None = None,
        *,
        left_out: Callable[[EventNotReadable], object] | None = None,
    ) -> int:
        """Build the index that lists and filters read again from the events; returns how many events wrote to it.

        All checkpoints of states are dropped, and the tree over all events, which ``evidence`` makes anew. Others may
        write meanwhile. An event that can't be read is passed over:
        ``left_out`` is called with an EventNotReadable for it. A run or work order that begins with such an event is
        listed last, as ``unreadable``, until another event says how it stands.

        Raises StorageUnavailable, also if another process rebuilds at the same time; then the index is as it was.
        """
        from ..queries.index.rebuild import rebuild_index

        return rebuild_index(self._store, progress, left_out)

    def backup(
        self,
        path: str | Path,
        *,
        force: bool = False,
        progress: Callable[[float], object] | None = None,
        subject_keys: bool = False,
    ) -> BackupReport:
        """Copy an SQLite store, as it is when this begins, into one file that is a store itself.

        Others may write meanwhile. The copy is checked (SQLite's own check, and the number of rows), is private (mode
        0600), and appears when it is complete and on the disk. ``force=True`` replaces an existing file, but never that
        of the store itself. During a large copy SQLite can't truncate its write-ahead log. Don't fork the process
        meanwhile.

        The keys of subjects are left out, as a copy that is kept would bring back those that are erased later; without
        them what is sealed in the copy can't be read. ``subject_keys=True`` has them in it: keep the newest such copy
        alone.

        Raises InvalidRequest (a file is there; or the store is in memory or in PostgreSQL, for which the message has
        the commands), StorageUnavailable, StorageCorrupt (the store is damaged).
        """
        from ..transfer.backup import back_up

        return back_up(self._store, to_path(path), force=force, progress=progress, subject_keys=subject_keys)

    def subscribe(
        self, after: int | Literal["now"] = 0, name: str | None = None, catch_up: bool = False, *, lease: float = LEASE
    ) -> Subscription:
        """Follow the events of the whole store: iterate over what this returns, and close it.

        Events come in order of position, each once, and none is passed over, however many processes write. It begins
        behind the position ``after``: 0 is the beginning, ``"now"`` the end of the store. At the end it waits for more;
        ``catch_up=True`` ends it there. It ends when it is closed, or the ledger is. While the store can't be reached
        it waits, and says so once in the log.

        ``name`` keeps the position in the store, whenever the next event is asked for: so the event before it is done,
        and one that wasn't done is delivered again, to whoever follows under that name next. Then ``after`` counts only
        for a new name. One follower at a time holds a name, for ``lease`` seconds, which are renewed while it lives,
        however long it works on an event.

        An event that can't be read raises EventNotReadable, each time, until ``subscription.skip()`` passes it. Where
        the store has lost the event that was delivered last, by a restore or a failover, asking for the next raises
        EventsLost: new events may lie before it; ``move_subscription`` lets a name go on elsewhere.

        Raises InvalidRequest (also for a position beyond the end: it is another store's, or this one has lost events;
        and for a name where a store of your own keeps none), SubscriptionHeld (somebody else follows under this name),
        StoreReadOnly (a position can't be kept), StorageUnavailable.
        """
        return self._subscriptions.subscribe(after, name, catch_up=catch_up, lease=lease)

    def asubscribe(
        self, after: int | Literal["now"] = 0, name: str | None = None, catch_up: bool = False, *, lease: float = LEASE
    ) -> AsyncSubscription:
        """The same for ``async for``. What reading or taking the name raises is raised with the first event asked for.

        Raises InvalidRequest.
        """
        return self._subscriptions.asubscribe(after, name, catch_up=catch_up, lease=lease)

    def subscriptions(self) -> list[SubscriptionStatus]:
        """The names under which positions are kept: how far each has come, and who follows.

        The cost grows with the number of events that they are behind. Raises StorageUnavailable.
        """
        return self._subscriptions.list()

    def move_subscription(self, name: str, after: int | Literal["now"]) -> None:
        """Let the next follower of ``name`` begin behind another position: ``after`` is as in ``subscribe``.

        Raises NotFound, SubscriptionHeld (somebody follows it now), InvalidRequest, StoreReadOnly, StorageUnavailable.
        """
        self._subscriptions.move(name, after)

    def forget_subscription(self, name: str) -> None:
        """Forget ``name`` and its position: who follows under it next begins anew.

        Raises NotFound, SubscriptionHeld (somebody follows it now), InvalidRequest, StoreReadOnly, StorageUnavailable.
        """
        self._subscriptions.forget(name)

    def worker(
        self,
        name: str | None = None,
        concurrency: int = 8,
        workflows: Sequence[str] | None = None,
        limits: Mapping[str, int] | None = None,
        lease: float = LEASE,
        grace: float = 30.0,
    ) -> Worker:
        """Return a worker that executes the runs that are due, were queued, or were left by workers that are gone.

        ``with ledger.worker():`` works in threads beside the block; ``ledger.worker().run()`` works here until it is
        told to stop. ``name``: by default host and process id; two workers may have the same one. ``concurrency``: how
        many runs at once. ``workflows``: the ids of those whose runs it takes; None: all. ``limits``: by node type, how
        many steps at once. ``lease``: seconds after which others take its runs when it is gone. ``grace``: seconds that
        steps under way have to end when it stops.

        Runs whose executors or globals this process lacks are left to others. Raises InvalidRequest, also where the
        ledger has no executors.
        """
        return self._workers.make(WorkerOptions(name, concurrency, workflows, limits, lease, grace))

    def aworker(
        self,
        name: str | None = None,
        concurrency: int = 100,
        workflows: Sequence[str] | None = None,
        limits: Mapping[str, int] | None = None,
        lease: float = LEASE,
        grace: float = 30.0,
        *,
        cluster: bool = False,
    ) -> AsyncWorker:
        """Return the same with a task for each run: ``async with ledger.aworker():``, or ``await worker.run()``.

        ``cluster``: its runs are handed out by Procrastinate, whose jobs are in a schema beside the ledger's
        (PostgreSQL; needs the extra ``cluster``).

        Raises InvalidRequest.
        """
        options = WorkerOptions(name, concurrency, workflows, limits, lease, grace)
        return self._workers.make_for_cluster(options) if cluster else self._workers.make_async(options)

    def workers(self) -> list[WorkerStatus]:
        """Return the workers that the store knows, with the ids of their runs, those first that began first.

        Processes that execute runs in their own calls are among them. One that is gone is listed until all its runs are
        taken, and some time longer.

        Raises StorageUnavailable.
        """
        return self._workers.status()

    def status(self) -> Status:
        """Return how the store stands: workers, what is to be done, what is late, what nobody can do.

        Runs are counted by indexes of what hasn't ended, all at one moment; what has ended costs nothing.

        Raises StorageUnavailable, also where the index must be rebuilt.
        """
        return self._overview.status()

    def health(self, worker: str | None = None) -> Health:
        """Return whether this process can work: the store answers, its index is of this release, and each worker that
        this ledger has made renews its lease in time.

        With ``worker``, instead of the last: whether a worker of that name lives, in whatever process.
        """
        return self._overview.health(worker)

    aworkers = run_in_thread(workers)
    astatus = run_in_thread(status)
    ahealth = run_in_thread(health)

    def replay_many(
        self,
        run_ids: Iterable[str],
        app: str,
        *,
        executor: AnyExecutor | None = None,
        workers: int | None = None,
        effects: Collection[str] = (),
        globals: Mapping[str, Any] | None = None,
        ignore_code: bool = False,
        against: int | str | None = None,
        chunk: int = 20,
        at_once: int = 64,
    ) -> Iterator[ReplayReport | BulkFailure]:
        """Replay many runs on the workers of an executor, and yield what came of each, in the order of ``run_ids``.

        ``executor`` has a ``submit`` that answers with a future, as those of concurrent.futures and Dask's Client have,
        or is a function that makes one: that one is closed in the end, and made anew where it breaks. Without one the
        runs are replayed in so many ``workers``, processes of their own, by default one for each core, and come as they
        are done.

        Workers are sent this store's URL, with its password, and import ``app``, the ``module:name`` of the registry;
        on other machines they need both, and this release of flowledger. Where the ledger has ``keys``, they read the
        key ring again from its file or variable, or by its ``reopen``. ``chunk`` runs are sent together, and
        ``at_once`` chunks are with the executor. ``effects``, ``globals``, ``ignore_code`` and ``against`` are as in
        ``history.replay``.

        What can't be read, or fails, is a ``BulkFailure`` of its own. A chunk whose worker was lost is repeated; a run
        that ends its worker each time is named. Closing the iterator cancels what hasn't begun.

        Raises InvalidRequest (also where workers can't do it), StorageUnavailable.
        """
        from .bulk import do_with_all, listed, replay_job

        job = replay_job(self._store, self._reopen, app, effects, globals, ignore_code, against)
        return do_with_all(job, listed(run_ids), executor, workers, chunk, at_once)

    def export_many(
        self,
        run_ids: Iterable[str],
        folder: str | Path,
        *,
        executor: AnyExecutor | None = None,
        workers: int | None = None,
        chunk: int = 20,
        at_once: int = 64,
    ) -> Iterator[ExportReport | BulkFailure]:
        """Write the runs ``run_ids``, each to a file as ``history.export`` writes it; yields what came of each.

        ``folder`` is made if it isn't there; workers on other machines must have it at the same path. ``executor``,
        ``workers``, ``chunk`` and ``at_once`` are as in ``replay_many``.

        Raises InvalidRequest (also where workers can't do it), StorageUnavailable.
        """
        from .bulk import do_with_all, export_job, listed

        ids = listed(run_ids)
        job = export_job(self._store, self._reopen, ids, to_path(folder, "folder"))
        return do_with_all(job, ids, executor, workers, chunk, at_once)

    def erase(
        self, subject: str, by: str = "unknown", reason: str | None = None, *, dry_run: bool = False
    ) -> ErasureReport:
        """Erase all that runs recorded of a ``subject``: destroy its key. It can't be undone.

        What was encrypted under the key stays in the log as it is, so ``verify`` and every proof stay right, and nobody
        can read it any more: each view shows ``<erased DATE>``. Runs that haven't ended are cancelled. The erasure is
        recorded, by whom, why and of how many values; of what the subject was called nothing is left.

        With ``dry_run`` nothing is done, and the report says what would be, and every place where its data may be.
        Repeat it where it was cut short.

        Raises SubjectNotFound, InvalidRequest, StoreReadOnly, StorageUnavailable.
        """
        return self._erasure.erase(subject, by, reason, dry_run=dry_run)

    def rewrap_keys(self) -> int:
        """Wrap the keys of all subjects with the current master key of the key ring; return how many were not.

        Then the master keys before it can be destroyed, and with them what copies of the table of keys hold: also the
        keys of subjects that were erased since.

        Raises InvalidRequest (there is no key ring), KeyMissing, StoreReadOnly, StorageUnavailable.
        """
        return self._erasure.rewrap_keys()

    def close(self) -> None:
        """Store what still waits for a batch, and release the store's connections.

        Executors that run in threads for async calls aren't waited for, and what they return isn't recorded. Steps that
        wait for a thread never begin. Their calls raise StorageUnavailable, and the runs continue with ``proceed``.
        """
        self._close()

    areplay_many = iterate_in_thread(replay_many)
    aexport_many = iterate_in_thread(export_many)
    averify = run_in_thread(verify)
    abackup = run_in_thread(backup)
    arebuild = run_in_thread(rebuild)
    asubscriptions = run_in_thread(subscriptions)
    amove_subscription = run_in_thread(move_subscription)
    aforget_subscription = run_in_thread(forget_subscription)
    aerase = run_in_thread(erase)
    arewrap_keys = run_in_thread(rewrap_keys)
    aclose = run_in_thread(close)

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


def clock_of(ledger: Ledger) -> Callable[[], int]:
    """The clock of a ledger, in microseconds since 1970; it is private to callers."""
    return ledger._now  # pyright: ignore[reportPrivateUsage]


def sessions_of(ledger: Ledger) -> Sessions:
    """The sessions of who signs in with a token of a ledger. Raises InvalidRequest where its store keeps none."""
    return Sessions(ledger._store, ledger._now)  # pyright: ignore[reportPrivateUsage]


def views_of(ledger: Ledger) -> SavedViews:
    """The filters that are saved in a ledger's store under names."""
    return SavedViews(ledger._store, ledger._now)  # pyright: ignore[reportPrivateUsage]


def viewings_of(ledger: Ledger) -> ViewingRecord:
    """What keeps on record who looked at what in a ledger."""
    return ViewingRecord(ledger._store, ledger._now)  # pyright: ignore[reportPrivateUsage]


def has_key_ring(ledger: Ledger) -> bool:
    """Whether runs can be started for subjects: the ledger was opened with ``keys=``, for a store that has a place."""
    keys = ledger._store.subject_keys  # pyright: ignore[reportPrivateUsage]
    return keys is not None and keys.ring is not None


def executors_of(ledger: Ledger) -> ExecutorRegistry | None:
    """The executors that a ledger was opened with; None where it can't run. They are private to callers."""
    return ledger.runs._services.executors  # pyright: ignore[reportPrivateUsage]


def position_of(ledger: Ledger) -> int:
    """The position of the last event of a ledger's store. Raises StorageUnavailable."""
    return ledger._store.last_position()  # pyright: ignore[reportPrivateUsage]


def url_of(ledger: Ledger) -> str | None:
    """The URL of a ledger's store, which may hold a password; None where the caller has opened it."""
    return ledger._store.url  # pyright: ignore[reportPrivateUsage]


def open_waits_of(ledger: Ledger, most: int) -> int:
    """How many waits are open in a ledger's store; at most so many are counted. Raises StorageUnavailable."""
    return ledger.history._lists.index.open_waits(most)  # pyright: ignore[reportPrivateUsage]
