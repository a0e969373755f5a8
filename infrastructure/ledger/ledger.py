"""The ledger: one open store, and the public namespaces on it."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ...domain.errors import EventNotReadable, InvalidRequest
from ...domain.events.integrity import VerifyReport
from ...domain.live import Unpicklable
from ..concurrency.async_variants import run_in_thread
from ..concurrency.threads import Threads
from ..files.paths import to_path
from ..services.history.service import History
from ..services.runs.service import Runs
from ..services.search.service import Search
from ..services.workflows.service import Workflows
from ..storage.callers import CallersConnection
from ..transfer.report import BackupReport
from .inside import Inside

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
        threads: Threads,
        now: Callable[[], int],
        within: Callable[[CallersConnection], Inside],
        close: Callable[[], None],
    ) -> None:
        self._store = store
        self._threads = threads
        self._now = now
        self._within = within
        self._close = close
        self.workflows = workflows
        self.runs = runs
        self.history = history
        self.search = search

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

    def close(self) -> None:
        """Store what still waits for a batch, and release the store's connections.

        Executors that run in threads for async calls aren't waited for, and what they return isn't recorded. Steps that
        wait for a thread never begin. Their calls raise StorageUnavailable, and the runs continue with ``proceed``.
        """
        self._close()

    averify = run_in_thread(verify)
    abackup = run_in_thread(backup)
    arebuild = run_in_thread(rebuild)
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
