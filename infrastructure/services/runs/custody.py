"""Who executes which runs in this process: the lease under which they are held, and its heartbeat.

A lease is a worker's, not a run's: one row, renewed while the worker lives, covers all runs that it has claimed. A
process whose own calls execute runs holds them in the same way.
"""

import logging
import os
import socket
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from threading import Condition, Thread
from time import monotonic
from typing import Any
from uuid import uuid4

import orjson

from ....domain.errors import ConcurrencyError, EventsLost, FlowledgerError, InvalidRequest, InvalidValue
from ....domain.events.envelope import Worker
from ....domain.run import RunState, is_running
from ...concurrency.forking import ResetOnFork, handle_missed_fork, register_for_forks
from ...storage.leases import Leases, WorkerRow
from .executions import Execution, Executions
from .slots import Slots, Turns

_log = logging.getLogger("flowledger.workers")

RELEASE = "FLOWLEDGER_RELEASE"
"""The environment variable that says which release of an application runs here."""

BEATS_A_LEASE = 3
"""Heartbeats in the time of a lease, so that one or two may be late."""

_SECOND = 1_000_000

LOOK_EVERY = 1.0
"""Seconds between two looks at whether runs that take longer were cancelled, held or taken over."""


_NOT_STORED = (ConcurrencyError, EventsLost, InvalidRequest, InvalidValue)
"""What an append raises that has stored nothing for certain."""


@cache
def _own_release() -> str:
    """Reading what is installed takes longer than opening a store in memory."""
    return f"flowledger {version('flowledger')}"


class Custody(ResetOnFork):
    """The runs that one worker, or the calls of one process, execute.

    ``lease`` is in microseconds. Nothing is stored, and no thread runs, before the first run is claimed.
    """

    def __init__(
        self,
        leases: Leases,
        executions: Executions,
        now: Callable[[], int],
        lease: int,
        name: str | None = None,
        release: str | None = None,
        concurrency: int | None = None,
        details: Callable[[], Mapping[str, Any]] = dict,
        limits: Mapping[str, int] = {},
        refuse: Callable[[], object] = lambda: None,
    ) -> None:
        """``limits``: by node type, how many steps at once here; ``refuse`` raises where no more of them may begin."""
        self._leases = leases
        self._executions = executions
        self._now = now
        self.lease = lease
        self._name = name
        self._release = release or os.environ.get(RELEASE) or _own_release()
        self._concurrency = concurrency
        self._details = details
        self._closed = False
        self._start()
        self.slots = Slots(leases, now, lambda: self.id, self._hold, limits, refuse)
        register_for_forks(self)

    def _start(self) -> None:
        host, pid = socket.gethostname(), os.getpid()
        self.worker: Worker = {
            "id": uuid4().hex,
            "name": self._name or f"{host}:{pid}",
            "host": host,
            "pid": pid,
            "release": self._release,
        }
        self.lease_until = 0
        self._started_at = 0
        self._beat_at = 0.0
        """When the next heartbeat is due, by the machine's monotonic clock."""
        self._changed = Condition()
        self._thread: Thread | None = None
        self._is_attached = False
        self.is_handing_back = False
        """Whether it stops, and what it executes stops between two steps."""
        self._idle: set[str] = set()
        """Runs that are owned and weren't executed at the last look."""
        self._is_beating = False
        self._silent = 0
        """How often in a row the store wasn't reached."""
        self._untold: dict[str, bool] = {}
        """Runs that are given up, of which the store doesn't know yet; whether they were handed back."""
        self._given_up: set[str] = set()
        """Runs of which the store was told so."""

    def after_fork_in_child(self) -> None:
        self._start()  # the runs, and the lease, are the parent's

    @property
    def id(self) -> str:
        return self.worker["id"]

    # --- claims -------------------------------------------------------------------------------------------------------

    def claim(self, now: int) -> dict[str, Any]:
        """What an event says with which this worker claims a run, at the time ``now``. Raises StorageUnavailable."""
        handle_missed_fork()
        return {"worker": self.worker, "lease_until": self._hold(now)}

    def _hold(self, now: int) -> int:
        """The end of the lease, renewed where it is about to come."""
        if self.lease_until - now < self.lease // 2:
            self.renew(now)
        return self.lease_until

    def begin(self, state: RunState) -> Execution:
        """Note that the run's steps are executed from here on; until ``end`` the lease is renewed."""
        execution = self._executions.begin(str(state.run_id), self.id)
        self._beat()  # looks under the lock: a heartbeat that has just found nothing to do is ending
        return execution

    def end(self, execution: Execution, state: RunState, turns: Turns) -> None:
        """Note that nothing of the run is executed any more. One that isn't at an end is left to others."""
        turns.leave()
        self._executions.end(execution)
        if execution.run_id in self._executions.of(self.id):
            return  # its lease was over for a while, and it has claimed the run once more
        if is_running(state) and state.current_node_id is not None and not execution.is_taken_over:
            self.give_up(execution.run_id, handed_back=self.is_handing_back or turns.broke_off)

    @contextmanager
    def claiming(self, run_ids: Collection[str]) -> Generator[None]:
        """Store the claims of runs in this block, and prepare their execution.

        Where that fails although the claims may be stored, the runs are left to others: their owner lives, so nobody
        would take them, and nobody executes them.
        """
        try:
            if self._untold:
                self._tell_what_is_given_up()  # later it would be taken for what is claimed now
            yield
            self._take_back(run_ids)
        except _NOT_STORED:
            raise
        except BaseException:
            self._give_up(run_ids, handed_back=True)
            raise

    def give_up(self, run_id: str, *, handed_back: bool) -> None:
        """Leave a run to others. Where the store can't be told now, it is told with a later heartbeat."""
        self._give_up([run_id], handed_back=handed_back)

    def _give_up(self, run_ids: Collection[str], *, handed_back: bool) -> None:
        self._untold.update(dict.fromkeys(run_ids, handed_back))
        try:
            self._tell_what_is_given_up()
        except FlowledgerError as error:
            self._beat()
            runs = ", ".join(sorted(run_ids))
            _log.warning(
                "interrupted here, of which the store can't be told yet: run %s: %s",
                runs,
                error,
                extra={"worker": self.worker["name"]},
            )

    def _tell_what_is_given_up(self) -> None:
        for run_id, handed_back in list(self._untold.items()):
            self._leases.give_up(run_id, self.id, handed_back=handed_back)
            self._given_up.add(run_id)
            self._untold.pop(run_id, None)

    def _take_back(self, run_ids: Collection[str]) -> None:
        """What was given up once and is claimed again is given up no more."""
        if back := self._given_up.intersection(run_ids):
            self._leases.take_back(back, self.id)
            self._given_up -= back

    # --- the heartbeat ------------------------------------------------------------------------------------------------

    def renew(self, now: int | None = None) -> None:
        """Renew the lease, from ``now`` on. Raises StorageUnavailable."""
        if now is None:
            self._leases.set_clock()
            now = self._now()
        self._beat_at = monotonic() + self.lease / _SECOND / BEATS_A_LEASE
        self._started_at = self._started_at or now
        worker = self.worker
        self._leases.renew(
            WorkerRow(
                worker["id"],
                worker["name"],
                worker["host"],
                worker["pid"],
                worker["release"],
                self._started_at,
                now,
                now + self.lease,
                self.lease,
                self._concurrency,
                orjson.dumps(self._details()).decode(),
            )
        )
        self.lease_until = now + self.lease

    def attach(self) -> None:
        """Beat from now on, whether runs are executed or not. Raises StorageUnavailable."""
        self._is_attached = True
        self.renew()
        self._beat()

    def look(self) -> None:
        """Tell the runs that are executed here of what was done to them elsewhere. Raises StorageUnavailable."""
        mine = self._executions.under(self.id)  # before the store is asked: what begins meanwhile isn't told of before
        if not mine:
            return
        for run_id, owner, status, held in self._leases.standing({one.run_id for one in mine}):
            if status == "cancelled":
                self._executions.tell(run_id, "cancelled")
            elif owner != self.id:  # also where there is none, as whoever took the run over has left it since
                for one in mine:
                    if one.run_id == run_id:
                        one.tell("taken over")
            elif held:
                self._executions.tell(run_id, "held")

    def _leave_what_nobody_executes(self) -> None:
        """Give up runs that are executed here by the store's word and aren't, twice in a row.

        A store that failed over, for example, may have lost how they went on.
        """
        idle = self._leases.owned_by(self.id).difference(self._executions.of(self.id))
        if left := idle & self._idle:
            _log.warning(
                "nobody executes what worker %s owns: run %s",
                self.worker["name"],
                ", ".join(sorted(left)),
                extra={"worker": self.worker["name"]},
            )
            self._give_up(left, handed_back=False)
        self._idle = idle - left

    def close(self) -> None:
        """Stop beating and end the lease: what is executed here yet is left to others."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()
        if self.lease_until:
            try:
                now = self._now()
                if self.lease_until > now:
                    self._leases.expire(self.id, now)
            except FlowledgerError as error:
                _log.warning(
                    "the lease of worker %s ends by itself: %s",
                    self.worker["name"],
                    error,
                    extra={"worker": self.worker["name"]},
                )

    def _beat(self) -> None:
        with self._changed:
            if self._thread is None and not self._closed:
                self._thread = Thread(target=self._serve, name="flowledger-heartbeat", daemon=True)
                self._thread.start()

    def _serve(self) -> None:
        """Beat, and see to it that the steps hear in time of a lease that can't be renewed.

        Each beat has a thread of its own: a connection that leads nowhere may hold it up for longer than the lease.
        """
        every = min(LOOK_EVERY, self.lease / _SECOND / BEATS_A_LEASE)
        while self._is_busy(every):
            self._is_beating = True
            Thread(target=self._refresh, name="flowledger-heartbeat", daemon=True).start()
            while not self._is_refreshed(every):
                self._silent += 1
                self._lose_in_time(every)
            self._lose_in_time(every)

    def _is_refreshed(self, seconds: float) -> bool:
        """Wait for a beat, that long at most; nobody waits for one when this is closed."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: self._closed or not self._is_beating, seconds))

    def _refresh(self) -> None:
        try:
            self._beat_once()
        finally:
            with self._changed:
                self._is_beating = False
                self._changed.notify_all()

    def _beat_once(self) -> None:
        try:
            if monotonic() >= self._beat_at:
                self.renew()
                self._leave_what_nobody_executes()
            self._tell_what_is_given_up()
            self.look()
            self._silent = 0
        except FlowledgerError as error:
            if not self._silent:
                _log.warning(
                    "worker %s can't reach the store, and goes on trying: %s",
                    self.worker["name"],
                    error,
                    extra={"worker": self.worker["name"]},
                )
            self._silent += 1

    def _lose_in_time(self, every: float) -> None:
        """Give up what is executed here before others may take it, where the store stays away.

        A process that was stopped for a while tries once whether its lease can still be renewed.
        """
        if self._silent and self.lease_until - self._now() <= every * _SECOND:
            self._executions.lose(self.id)

    def _is_busy(self, seconds: float) -> bool:
        """Wait until the next look is due. False when there is nothing to renew a lease for."""
        with self._changed:
            if not self._closed:
                self._changed.wait(seconds)
            busy = not self._closed and (self._is_attached or bool(self._untold) or bool(self._executions.of(self.id)))
            if not busy:
                self._thread = None
            return busy
