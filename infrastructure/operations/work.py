"""What both kinds of worker do, with threads and with tasks: claim runs, and hand back those that they stop with."""

import logging
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeVar

from ...domain.errors import ConcurrencyError, FlowledgerError, InvalidRequest, LeaseLost
from ...domain.execution.cancellation import INTERRUPTED
from ...domain.execution.step_loop import StepLoop, check_actor
from ...domain.ports import NewEvent
from ...domain.visible import quoted
from ...projections.runs.run import Run
from ..concurrency.jitter import random
from ..execution.runner import Commit, PreparedCall
from ..services.bulk.work import BulkWork
from ..services.runs.custody import Custody
from ..services.runs.lease import LONGEST_LEASE, read_lease
from ..services.runs.run_services import RunServices
from ..storage.event_store import LedgerEventStore
from ..storage.leases import ClaimableRow
from .claims import Claims

_log = logging.getLogger("flowledger.workers")

_Answer = TypeVar("_Answer")

POLL: Final = 2.0
"""Seconds between two looks at what is due, on average, where no wake-up comes."""

LONGEST_PAUSE: Final = 30.0
"""Seconds between two attempts to reach a store that is away."""

BULK_EVERY: Final = 16
"""Turns of a busy worker between two looks at bulk actions."""

LOT: Final = 64
"""Runs claimed in one commit, at most."""

REST_PER_LOOK: Final = 9.0
"""A worker that executes runs spends at most a tenth of its time on looking for more. So a look that takes long, as the
machine is busy with what is executed, isn't repeated at each of many wake-ups, and finds more at once."""

LONGEST_REST: Final = 0.1
"""Seconds; what comes due meanwhile waits for so long at most."""

LONGEST_NAME: Final = 200
"""Characters of a worker's name, which each of its claims records."""

_SECOND: Final = 1_000_000


def longer(pause: float) -> float:
    """Seconds until the next attempt, behind one that has failed after a pause of so many."""
    return min(max(0.25, pause * 2), LONGEST_PAUSE)


class _Unknown(Enum):
    UNKNOWN = "unknown"


_UNKNOWN: Final = _Unknown.UNKNOWN


class WorkerOptions:
    """Checked options of a worker. Raises InvalidRequest."""

    def __init__(
        self,
        name: str | None,
        concurrency: int,
        workflows: Sequence[str] | None,
        limits: Mapping[str, int] | None,
        lease: float,
        grace: float,
    ) -> None:
        if name is not None:
            if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
                raise InvalidRequest(f"name {quoted(name)} is not text of 1 to {LONGEST_NAME} characters")
            check_actor(name)
        if type(concurrency) is not int or concurrency < 1:
            raise InvalidRequest(f"concurrency {quoted(concurrency)} is not a number of runs at once, 1 or more")
        known = isinstance(workflows, list | tuple | set | frozenset) and all(isinstance(one, str) for one in workflows)
        if workflows is not None and not known:
            raise InvalidRequest(f"workflows {quoted(workflows)} is not a list of the ids of workflows")
        if limits is not None and not isinstance(limits, Mapping):
            raise InvalidRequest(f"limits {quoted(limits)} is not an object: node type to a number of steps at once")
        for type_, limit in (limits or {}).items():
            if not isinstance(type_, str) or type(limit) is not int or limit < 1:
                raise InvalidRequest(
                    f"limits: {quoted(type_)}: {quoted(limit)} is not a node type with a number of steps, 1 or more"
                )
        if type(grace) not in (int, float) or not 0 <= grace <= LONGEST_LEASE:
            raise InvalidRequest(f"grace {quoted(grace)} is not a number of seconds from 0 to {LONGEST_LEASE:,g}")
        self.name = name
        self.concurrency = concurrency
        self.workflows = None if workflows is None else tuple(workflows)
        self.limits = dict(limits or {})
        self.lease = read_lease(lease)
        self.grace = float(grace)


class Work:
    """The part of a worker that needs neither threads nor tasks."""

    def __init__(self, services: RunServices, store: LedgerEventStore, options: WorkerOptions) -> None:
        if services.executors is None:
            raise InvalidRequest("this ledger was opened without executors, so it has nothing to run workflows with")
        self.options = options
        self.is_stopping = False
        """Then runs are handed back between two steps."""
        self.custody = Custody(
            store.leases,
            services.executions,
            services.now,
            options.lease,
            options.name,
            concurrency=options.concurrency,
            details=self._details,
            limits=options.limits,
            refuse=self.refuse_steps,
        )
        self.services = services.with_custody(self.custody)
        self.now = services.now
        self.claims = Claims(self.services, store, store.leases, self.custody.worker["name"], options.workflows)
        self._bulk = BulkWork(self.services, self._name, lambda: self.is_stopping)
        self._turns = 0
        self._store = store
        self._leases = store.leases
        self._pause = 0.0
        self._is_idle = False
        """Whether there was nothing to take at the last look: then one looks first whether there is."""
        self._next_due: int | _Unknown | None = _UNKNOWN
        """When the next run is due, where the last look has told."""
        self.rest = 0.0
        """Seconds after the last look until a worker that executes runs or came late looks again, whatever wakes it."""
        self.came_late = False
        """Whether at the last look others were about to claim what was due: of many workers that are woken for a few
        runs, most come late."""
        self._tidied_at = 0
        self._told: dict[str, str] = {}

    def take(self, free: int) -> list[PreparedCall[Run]]:
        """Claim at most so many runs; none while the store is away, which is said once."""
        began = self.now()
        self.claims.may_be_more = self.came_late = False
        taken = self._reach(lambda: self._take(min(free, LOT))) or []
        self.rest = min(max(0.0, REST_PER_LOOK * (self.now() - began) / _SECOND), LONGEST_REST)
        if self.came_late:
            self.rest *= 2 * random()  # so that they don't come all at once again
        return taken

    @property
    def may_be_more(self) -> bool:
        """Whether the last look may have left something that is due."""
        return self.claims.may_be_more

    @property
    def hears_all(self) -> bool:
        """Whether the claim or the end of a run is a reason to look again, here or by another worker."""
        return self.claims.hears_all

    def _take(self, most: int) -> list[PreparedCall[Run]]:
        taken = []
        self.claims.hears_all = True  # what happens during the look may come too late for it
        if self._may_be_due():
            taken = self.claims.take(most)
            self.came_late = self._is_idle and not taken
            self._tell_what_is_lacking()
        else:
            self.claims.hears_all = False
        self._is_idle = not taken
        return taken

    def _may_be_due(self) -> bool:
        """Whether it is worth a look at what there is to take, which takes locks."""
        self._next_due = _UNKNOWN
        if not self._is_idle:
            return True
        first = self.claims.first_due()
        if first is not None and first <= self.now():
            return True
        self._next_due = first
        return False

    def _tell_what_is_lacking(self) -> None:
        """Let lists of workers show at once what this one leaves to others."""
        lacking = self.claims.lacking.reasons()
        if lacking != self._told:
            self.custody.renew()
            self._told = lacking

    def advance_bulk(self, *, is_busy: bool) -> bool:
        """Do some of a bulk action that nobody else works on; whether there may be more of it to do now.

        ``is_busy``: it has just taken runs, and will come back at once: then it looks only now and then.
        """
        self._turns += 1
        if self._pause or (is_busy and self._turns % BULK_EVERY):
            return False  # the store is away: the next look finds out when it is back
        return bool(self._reach(self._bulk.advance))

    def leave_bulk(self) -> None:
        """Let others go on with the bulk action that it works on."""
        if self._bulk.has_some:
            self._reach(self._bulk.leave)

    def take_one(self, run_id: str) -> PreparedCall[Run] | None:
        """Claim this run, if it may be taken now."""
        return self._reach(lambda: self.claims.take_one(run_id))

    def due(self, most: int) -> list[ClaimableRow]:
        """At most so many runs that may be taken now."""
        return self._reach(lambda: self._due(most)) or []

    def _due(self, most: int) -> list[ClaimableRow]:
        due = self.claims.due(most) if self._may_be_due() else []
        self._is_idle = not due
        return due

    @property
    def _name(self) -> str:
        return self.custody.worker["name"]

    @property
    def _fields(self) -> dict[str, str]:
        """The attributes of log records."""
        return {"worker": self._name}

    def _reach(self, ask: Callable[[], _Answer]) -> _Answer | None:
        """The answer of the store; None while it is away, which is said once."""
        try:
            if not self.custody.lease_until:
                self.custody.attach()
            self._tidy()
            answer = ask()
        except Exception as error:  # noqa: BLE001 - it would end the worker without a word, while its heartbeat goes on
            self._meet(error)
            return None
        if self._pause:
            _log.warning("worker %s reaches the store again", self._name, extra=self._fields)
            self._pause = 0.0
            self._look_for_losses()
        return answer

    def _look_for_losses(self) -> None:
        try:
            self._store.look_for_losses()
        except FlowledgerError as error:
            self._meet(error)

    def seconds_to_wait(self) -> float:
        """Until what is due is looked at again, if nothing wakes the worker."""
        if self._pause:
            return self._pause * (0.5 + random())
        seconds = POLL * (0.5 + random())
        try:
            due = self.claims.next_due() if isinstance(self._next_due, _Unknown) else self._next_due
        except FlowledgerError as error:
            self._meet(error)
            return self._pause
        return seconds if due is None else min(seconds, max(0.0, (due - self.now()) / _SECOND))

    def steps_of(self, call: PreparedCall[Run]) -> "tuple[StepLoop, Commit] | None":
        """The steps of a claimed run, which stop between two of them when the worker stops."""
        if call.work is None:
            return None
        steps, commit = call.work
        return steps, _StoppingCommit(self, commit)

    def abandon(self) -> None:
        """Tell the steps that are under way yet, and leave their runs to others."""
        for run_id in self.services.executions.of(self.custody.id):
            _log.warning(
                "worker %s abandons the step of run %s that is under way",
                self._name,
                run_id,
                extra={**self._fields, "run_id": run_id},
            )
            self.services.executions.tell(run_id, INTERRUPTED, self.custody.id)
            self.custody.give_up(run_id, handed_back=False)

    def report(self, error: BaseException) -> None:
        """Say how the execution of a run was cut off: it is left to others."""
        if isinstance(error, HandedBack) or (isinstance(error, LeaseLost) and error.given_up):
            return  # it was said when the step was abandoned
        if isinstance(error, ConcurrencyError):
            _log.info("worker %s: %s", self._name, error, extra=self._fields)
        elif isinstance(error, FlowledgerError):
            _log.warning("worker %s leaves a run to others: %s", self._name, error, extra=self._fields)
        else:
            _log.error("worker %s leaves a run to others", self._name, exc_info=error, extra=self._fields)

    def _meet(self, error: Exception) -> None:
        if not self._pause:
            unexpected = None if isinstance(error, FlowledgerError) else error
            said = "worker %s can't work now, and goes on trying: %s"
            _log.warning(said, self._name, error, exc_info=unexpected, extra=self._fields)
        self._pause = longer(self._pause)

    def _tidy(self) -> None:
        """Once a lease: forget workers that are gone, and see to the runs of those that nobody knows."""
        now, lease = self.now(), self.custody.lease
        if now - self._tidied_at >= lease:
            self._leases.tidy(now, lease, now - 10 * lease)
            self._leases.tidy_slots(now)
            self._tidied_at = now

    def refuse_steps(self) -> None:
        """Raises HandedBack where the worker stops: a step that waits for its turn doesn't begin."""
        if self.is_stopping:
            self.custody.is_handing_back = True
            raise HandedBack

    def _details(self) -> dict[str, Any]:
        options = self.options
        return {
            "worker": True,
            **({"limits": options.limits} if options.limits else {}),
            **({"workflows": options.workflows} if options.workflows is not None else {}),
            **({"lacking": lacking} if (lacking := self.claims.lacking.reasons()) else {}),
        }


class HandedBack(BaseException):
    """The worker stops: the run is handed back between two steps."""


class _StoppingCommit:
    """Stores the events of a run, and stops it behind a step when its worker stops."""

    def __init__(self, work: Work, commit: Commit) -> None:
        self._work = work
        self._commit = commit

    def __call__(self, events: list[NewEvent]) -> None:
        self._commit(events)
        self._work.refuse_steps()

    async def acommit(self, events: list[NewEvent]) -> None:
        await self._commit.acommit(events)
        self._work.refuse_steps()

    def close(self) -> None:
        self._commit.close()
