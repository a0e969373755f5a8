"""The workers of a ledger: those that it makes, and those that the store knows."""

from threading import Lock
from weakref import WeakSet

import orjson

from ...domain.errors import InvalidRequest
from ...projections.workers.status import WorkerStatus, worker_status
from ..concurrency.threads import Threads
from ..services.runs.run_services import RunServices
from ..storage.event_store import LedgerEventStore
from .async_worker import AsyncWorker
from .work import Work, WorkerOptions
from .worker import Worker


class Workers:
    """Makes workers on one open store, and stops them when it is closed."""

    def __init__(self, services: RunServices, store: LedgerEventStore, threads: Threads) -> None:
        self._services = services
        self._store = store
        self._threads = threads
        self._lock = Lock()
        self._made: WeakSet[Worker | AsyncWorker] = WeakSet()
        self._works: WeakSet[Work] = WeakSet()

    def make(self, options: WorkerOptions) -> Worker:
        """A worker with threads, which doesn't work yet."""
        work = Work(self._services, self._store, options)
        worker = Worker(work, self._store.wakeups)
        with self._lock:
            self._made.add(worker)
            self._works.add(work)
        return worker

    def make_async(self, options: WorkerOptions) -> AsyncWorker:
        """A worker with tasks, which doesn't work yet."""
        work = Work(self._services, self._store, options)
        worker = AsyncWorker(work, self._store.wakeups, self._threads)
        with self._lock:
            self._made.add(worker)
            self._works.add(work)
        return worker

    def make_for_cluster(self, options: WorkerOptions) -> AsyncWorker:
        """One whose runs Procrastinate hands out. Raises InvalidRequest."""
        datastore = getattr(self._store.recorder, "datastore", None)
        conninfo = getattr(datastore, "conninfo", None)
        if datastore is None or conninfo is None:
            raise InvalidRequest("a cluster's worker needs a ledger on PostgreSQL, where its jobs are kept")
        try:
            from .cluster.schema import schema_of
            from .cluster.worker import ClusterWorker
        except ImportError as error:
            raise InvalidRequest(
                f"a cluster's worker needs an extra: pip install 'flowledger[cluster]' ({error})"
            ) from None
        work = Work(self._services, self._store, options)
        schema = schema_of(datastore.store_schema)
        worker = ClusterWorker(work, self._store.wakeups, self._threads, conninfo, schema)
        with self._lock:
            self._made.add(worker)
            self._works.add(work)
        return worker

    def status(self) -> list[WorkerStatus]:
        """All workers that the store knows, also those that are gone and whose runs nobody has taken yet."""
        owned = self._store.leases.owned()
        now = self._services.now()
        return [
            worker_status(row, orjson.loads(row.details), owned.get(row.id, ()), now)
            for row in self._store.leases.workers()
        ]

    def leases(self) -> list[tuple[str, int]]:
        """Name and end of the lease, in microseconds since 1970, of those that were made here and work."""
        with self._lock:
            works = list(self._works)
        return [
            (work.custody.worker["name"], work.custody.lease_until)
            for work in works
            if work.custody.lease_until and not work.is_stopping
        ]

    def close(self) -> None:
        """Tell all that were made here to stop."""
        with self._lock:
            made = list(self._made)
        for worker in made:
            worker.stop()
