"""The ledger: one open store, and the public namespaces on it."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from ...domain.errors import EventNotReadable, InvalidRequest
from ...domain.events.integrity import VerifyReport
from ...domain.live import Unpicklable
from ...projections.subscriptions import SubscriptionStatus
from ..concurrency.async_variants import run_in_thread
from ..concurrency.threads import Threads
from ..files.paths import to_path
from ..services.history.service import History
from ..services.runs.service import Runs
from ..services.search.service import Search
from ..services.subscriptions.service import LEASE, Subscriptions
from ..services.subscriptions.subscription import AsyncSubscription, Subscription
from ..services.workflows.service import Workflows
from ..transfer.report import BackupReport

if TYPE_CHECKING:
    from ..storage.event_store import LedgerEventStore


class Ledger(Unpicklable):
    """An open store. Use it with ``with`` or ``async with``, or call ``close``. May be shared between threads."""

    _send_instead = "send the store's URL, and open a ledger there"

    def __init__(
        self,
        store: "LedgerEventStore",
        workflows: Workflows,
        runs: Runs,
        history: History,
        search: Search,
        subscriptions: Subscriptions,
        threads: Threads,
        now: Callable[[], int],
        close: Callable[[], None],
    ) -> None:
        self._store = store
        self._threads = threads
        self._now = now
        self._close = close
        self._subscriptions = subscriptions
        self.workflows = workflows
        self.runs = runs
        self.history = history
        self.search = search

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

        All checkpoints are dropped. Others may write meanwhile. An event that can't be read is passed over:
        ``left_out`` is called with an EventNotReadable for it. A run or work order that begins with such an event is
        listed last, as ``unreadable``, until another event says how it stands.

        Raises StorageUnavailable, also if another process rebuilds at the same time; then the index is as it was.
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

        return back_up(self._store, to_path(path), force=force, progress=progress)

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
        """Let the next follower of a name begin behind another position; 0 is the beginning.

        Raises NotFound, SubscriptionHeld (somebody follows it now), InvalidRequest, StoreReadOnly, StorageUnavailable.
        """
        self._subscriptions.move(name, after)

    def forget_subscription(self, name: str) -> None:
        """Forget a name and its position.

        Raises NotFound, SubscriptionHeld (somebody follows it now), InvalidRequest, StoreReadOnly, StorageUnavailable.
        """
        self._subscriptions.forget(name)

    def close(self) -> None:
        """Store what still waits for a batch, and release the store's connections.

        Executors that run in threads for async calls aren't waited for, and what they return isn't recorded. Steps that
        wait for a thread never begin. Their calls raise StorageUnavailable, and the runs continue with ``proceed``.
        """
        self._close()

    averify = run_in_thread(verify)
    abackup = run_in_thread(backup)
    arebuild = run_in_thread(rebuild)
    asubscriptions = run_in_thread(subscriptions)
    amove_subscription = run_in_thread(move_subscription)
    aforget_subscription = run_in_thread(forget_subscription)
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
