"""How a store and this process stand, for ``ledger.status`` and ``ledger.health``."""

from collections.abc import Callable, Iterator

from ...domain.errors import StorageError
from ...domain.execution.step_loop import check_actor
from ...domain.values.clock import moment
from ...projections.status.counts import by_workflow, stranded, total
from ...projections.status.model import Health, HealthCheck, Status
from ..queries.index.backlog import count_backlog, count_recoveries
from ..queries.index.reader import Index
from ..queries.search.indexer import SearchIndex
from ..storage.recorder import LedgerRecorder
from .workers import Workers


class Overview:
    """``now`` returns microseconds since 1970."""

    def __init__(
        self, recorder: LedgerRecorder, index: Index, search: SearchIndex, workers: Workers, now: Callable[[], int]
    ) -> None:
        self._recorder = recorder
        self._index = index
        self._search = search
        self._workers = workers
        self._now = now

    def status(self) -> Status:
        """See ``Ledger.status``."""
        now = self._now()
        workers, workflows = self._workers.status(), by_workflow(count_backlog(self._index, now))
        return Status(
            moment(now),
            tuple(workers),
            total(workflows),
            workflows,
            min((each.oldest_due_at for each in workflows if each.oldest_due_at is not None), default=None),
            sum(each.lost for each in workflows),
            sum(each.unowned for each in workflows),
            stranded(workflows, workers),
            count_recoveries(self._index),
            self._search.lag().seconds,
            self._recorder.pool_use(),
        )

    def queue(self) -> dict[str, int]:
        """The numbers of runs that haven't ended, by state."""
        backlog = total(by_workflow(count_backlog(self._index, self._now())))
        return {name: getattr(backlog, name) for name in backlog.__slots__}

    def health(self, worker: str | None) -> Health:
        """See ``Ledger.health``."""
        if worker is not None:
            check_actor(worker)
        checks = tuple(self._checks(worker))
        return Health(all(check.ok for check in checks), checks)

    def _checks(self, worker: str | None) -> Iterator[HealthCheck]:
        try:
            built = self._index.is_built()
        except StorageError as error:
            yield HealthCheck("store", False, str(error))
            return
        yield HealthCheck("store", True, "it answers")
        told = "it is of this release" if built else "it was built by other code, or not yet: flowledger rebuild"
        yield HealthCheck("index", built, told)
        yield from self._beats() if worker is None else self._beats_of(worker)

    def _beats(self) -> Iterator[HealthCheck]:
        """Of the workers that this ledger has made."""
        now = self._now()
        for name, lease_until in self._workers.leases():
            late = (now - lease_until) / 1_000_000
            told = f"{name} renewed its lease" if late <= 0 else f"the lease of {name} has been over for {late:.1f} s"
            yield HealthCheck("worker", late <= 0, told)

    def _beats_of(self, name: str) -> Iterator[HealthCheck]:
        """Of a worker anywhere."""
        try:
            alive = any(worker.is_alive and worker.name == name for worker in self._workers.status())
        except StorageError as error:
            yield HealthCheck("worker", False, str(error))
            return
        yield HealthCheck("worker", alive, f"{name} {'renewed its lease' if alive else 'is not there'}")
