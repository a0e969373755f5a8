"""``ledger.runs.wait_for``: until a run stands in a certain way."""

import asyncio
from collections.abc import Collection
from concurrent.futures import Future
from threading import TIMEOUT_MAX
from time import monotonic
from typing import Final

from ....domain.errors import InvalidRequest, NotReached
from ....domain.status import ENDED, RUN_STATUSES, RunStatus
from ....domain.values.names import check_run_id
from ....domain.visible import quoted
from ....projections.runs.run import Run, run_of
from .run_methods import RunMethods

AT_REST: Final[tuple[RunStatus, ...]] = ("completed", "failed", "cancelled", "paused")
"""What runs are waited for by default: they have ended, or ask somebody."""


class WaitingFor(RunMethods):
    """The methods of ``ledger.runs`` that wait for a run that others execute."""

    def wait_for(
        self, run_id: str, until: RunStatus | Collection[RunStatus] = AT_REST, timeout: float | None = None
    ) -> Run:
        """Block until a run stands in one of these statuses, and return it; at once where it does already.

        ``timeout`` is in seconds; None waits for as long as it takes. A status that the run leaves again at once may
        be missed. However many threads and tasks of a process wait, one thread looks for all of them, when a commit
        wakes it. While the store can't be reached, this waits on.

        A task that waits may be cancelled at any moment.

        Raises RunNotFound, InvalidRequest (``until`` is no status), NotReached (a TimeoutError, with ``.run``: the time
        is over, or the run has ended otherwise), StorageUnavailable (the store can't be read at the beginning or the
        end, or the ledger is closed meanwhile), StorageCorrupt, EventNotReadable (the run is damaged).
        """
        wanted, timeout = _wanted(run_id, until), _seconds(timeout)
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            with self._services.reader.waiting(run_id, wanted) as reached:
                in_time = self._services.reader.is_settled(run_id, wanted)
                if not in_time:
                    in_time = _is_done(reached, deadline)
            run = run_of(self._services.runs.load(run_id))
            if run.status in wanted:
                return run
            if not in_time or run.status in ENDED:
                raise NotReached(run, wanted, timeout)

    async def await_for(
        self, run_id: str, until: RunStatus | Collection[RunStatus] = AT_REST, timeout: float | None = None
    ) -> Run:
        wanted, timeout = _wanted(run_id, until), _seconds(timeout)
        deadline = None if timeout is None else monotonic() + timeout
        store = self._threads.store
        while True:
            with self._services.reader.waiting(run_id, wanted) as reached:
                in_time = await store.run(self._services.reader.is_settled, run_id, wanted)
                if not in_time:
                    in_time = await _ais_done(reached, deadline)
            run = run_of(await store.run(self._services.runs.load, run_id))
            if run.status in wanted:
                return run
            if not in_time or run.status in ENDED:
                raise NotReached(run, wanted, timeout)

    await_for.__doc__ = wait_for.__doc__


def _is_done(reached: "Future[None]", deadline: float | None) -> bool:
    try:
        reached.result(_left(deadline))
    except TimeoutError:
        return False
    return True


async def _ais_done(reached: "Future[None]", deadline: float | None) -> bool:
    future = asyncio.wrap_future(reached)
    try:
        done, _ = await asyncio.wait([future], timeout=_left(deadline))
    finally:
        future.cancel()
    if done:
        future.result()
    return bool(done)


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - monotonic())


def _wanted(run_id: str, until: RunStatus | Collection[RunStatus]) -> tuple[RunStatus, ...]:
    check_run_id(run_id)
    wanted = (until,) if isinstance(until, str) else until
    if not isinstance(wanted, list | tuple | set | frozenset) or not wanted:
        raise InvalidRequest(f"until {quoted(until)} is neither a status nor several: {', '.join(RUN_STATUSES)}")
    for status in wanted:
        if status not in RUN_STATUSES:
            raise InvalidRequest(f"until: {quoted(status)} is no status of a run: {', '.join(RUN_STATUSES)}")
    return tuple(dict.fromkeys(wanted))


def _seconds(timeout: float | None) -> float | None:
    """Raises InvalidRequest."""
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout >= 0:
        raise InvalidRequest(f"timeout {quoted(timeout)} is not a number of seconds, 0 or more, nor None")
    return min(timeout, TIMEOUT_MAX)
