"""Turns at steps whose type is limited: how many may be under way at once, over all workers or in one of them."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Final
from uuid import uuid4

from ....domain.errors import FlowledgerError
from ....domain.execution.executors import Executor
from ...concurrency.forking import ResetOnFork, register_for_forks
from ...storage.leases import Leases

_log = logging.getLogger("flowledger.workers")

_SOON: Final = 0.01
_LATEST: Final = 0.5
"""Seconds until who waits asks again: at first, and at most."""


class Slots(ResetOnFork):
    """Those of one worker, or of the calls of one process. ``own``: by node type, its own limits.

    ``claim`` renews the lease under which slots are held where it is about to end, and returns the end of it.
    ``refuse`` raises where no more steps may begin, as the worker stops.
    """

    def __init__(
        self,
        leases: Leases,
        now: Callable[[], int],
        owner: Callable[[], str],
        claim: Callable[[int], int],
        own: Mapping[str, int],
        refuse: Callable[[], object],
    ) -> None:
        self._leases = leases
        self._now = now
        self._owner = owner
        self._claim = claim
        self._own = own
        self._refuse = refuse
        self.after_fork_in_child()
        register_for_forks(self)

    def after_fork_in_child(self) -> None:
        self._lock = Lock()
        self._turns: dict[str, list[str]] = {}
        """By type with a limit of the worker's own: who executes one or waits for that, in their order."""
        self._expected: dict[str, str] = {}
        """By run that was claimed here: the type of its next step, until that asks."""
        self._waiting: dict[str, float] = {}
        """By holder: in how many seconds it asks again."""

    def limits(self, executor: Executor) -> bool:
        """Whether steps of the executor take turns."""
        return executor.limit is not None or executor.type in self._own

    def ask(self, executor: Executor, holder: str) -> float:
        """In how many seconds to ask again whether the step may begin; 0.0: it may. Reads the store."""
        self._refuse()
        if self._has_turn(executor.type, holder) and self._takes(executor, holder):
            with self._lock:
                self._waiting.pop(holder, None)
            return 0.0
        with self._lock:
            pause = self._waiting.get(holder, _SOON)
            self._waiting[holder] = min(pause * 2, _LATEST)
        return pause

    def is_waiting(self, holder: str) -> bool:
        """Whether a step hasn't begun, because others are under way."""
        return holder in self._waiting

    def leave(self, executor: Executor, holder: str) -> None:
        """The step is over, or is waited for no more: let others begin."""
        with self._lock:
            self._waiting.pop(holder, None)
            ones = self._turns.get(executor.type, [])
            if holder in ones:
                ones.remove(holder)
        if executor.limit is not None:
            self._leases.leave_slot(executor.type, holder, self._owner())

    def expect(self, type: str, run_id: str) -> None:
        """A run was claimed whose next step is of a limited type."""
        with self._lock:
            self._expected[run_id] = type

    def expect_no_more(self, run_id: str) -> None:
        """Its step has begun, or it isn't executed here."""
        with self._lock:
            self._expected.pop(run_id, None)

    def room(self, executors: Iterable[Executor]) -> dict[str, int]:
        """By limited type how many more steps may begin now. Reads the store where any is limited over all workers."""
        limited = [executor for executor in executors if self.limits(executor)]
        shared = any(executor.limit is not None for executor in limited)
        with self._lock:  # before the store is read: a step that begins in between counts twice, not never
            own = {type: limit - len(self._turns.get(type, ())) for type, limit in self._own.items()}
            expected = Counter(self._expected.values())
        under_way = self._leases.slots(self._now()) if shared else {}
        return {
            one.type: -expected[one.type]
            + min(
                own.get(one.type, one.limit or 0),
                own.get(one.type, 0) if one.limit is None else one.limit - under_way.get(one.type, 0),
            )
            for one in limited
        }

    def _has_turn(self, type: str, holder: str) -> bool:
        if type not in self._own:
            return True
        with self._lock:
            ones = self._turns.setdefault(type, [])
            if holder not in ones:
                ones.append(holder)
            return ones.index(holder) < self._own[type]

    def _takes(self, executor: Executor, holder: str) -> bool:
        if executor.limit is None:
            return True
        now = self._now()
        until = self._claim(now)
        return self._leases.take_slot(executor.type, executor.limit, holder, self._owner(), now, until)


class Turns:
    """Those of one execution of a run, which has one step under way at a time."""

    __slots__ = ("_executor", "_holder", "_run_id", "_slots", "broke_off")

    def __init__(self, slots: Slots, run_id: str) -> None:
        self._slots = slots
        self._run_id = run_id
        self._holder: str | None = None
        self._executor: Executor | None = None
        self.broke_off = False
        """Whether a step was waited for and never begun."""

    def limits(self, executor: Executor) -> bool:
        """Whether its steps take turns."""
        return self._slots.limits(executor)

    def ask(self, executor: Executor) -> float:
        """In how many seconds to ask again whether the step may begin; 0.0: it may. Reads the store."""
        holder = self._holder
        if holder is None:
            holder = self._holder = uuid4().hex
            self._executor = executor
        pause = self._slots.ask(executor, holder)
        if not pause:
            self._slots.expect_no_more(self._run_id)
        if self._holder is not holder:
            self._leave(executor, holder)  # a task that waited was cancelled, while this thread asked
        return pause

    def leave(self) -> None:
        """The step is over, or is waited for no more. Where the store can't be told, the slot ends with the lease."""
        holder, executor = self._holder, self._executor
        if holder is not None and executor is not None:
            self.broke_off = self._slots.is_waiting(holder)
            self._holder = self._executor = None
            self._leave(executor, holder)
        self._slots.expect_no_more(self._run_id)

    def _leave(self, executor: Executor, holder: str) -> None:
        try:
            self._slots.leave(executor, holder)
        except FlowledgerError as error:
            _log.warning("a slot can't be given back now, and ends with the lease of its worker: %s", error)
