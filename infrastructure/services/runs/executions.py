"""The runs that are being executed in this process, by whomever, so that what happens to one reaches its steps."""

from threading import Lock

from ....domain.errors import LeaseLost
from ....domain.execution.cancellation import INTERRUPTED, TAKEN_OVER, Cancellation
from ...concurrency.forking import ResetOnFork, register_for_forks


class Execution:
    """A run whose steps are being executed."""

    __slots__ = ("cancellation", "is_lost", "is_taken_over", "owner", "run_id")

    def __init__(self, run_id: str, owner: str) -> None:
        self.run_id = run_id
        self.owner = owner
        self.cancellation = Cancellation()
        self.is_taken_over = False
        self.is_lost = False
        """The lease was over before it could be renewed: whether the run was taken over isn't known."""

    def tell(self, reason: str) -> None:
        """Tell the step that is under way why it is no longer wanted."""
        self.is_taken_over = self.is_taken_over or reason == TAKEN_OVER
        self.cancellation.set(reason)

    def refuse_late(self) -> None:
        """Raises LeaseLost where the step was told that others may execute it, and stopped for that reason perhaps."""
        if not self.cancellation.is_heard:
            return
        if self.is_lost:
            raise LeaseLost(self.run_id)
        if self.cancellation.reason == INTERRUPTED:
            raise LeaseLost(self.run_id, given_up=True)


class Executions(ResetOnFork):
    """By run, usually one each. Whoever doesn't know yet that his run was taken over may be a second one."""

    def __init__(self) -> None:
        self.after_fork_in_child()
        register_for_forks(self)

    def after_fork_in_child(self) -> None:
        self._lock = Lock()
        self._by_run: dict[str, list[Execution]] = {}

    def begin(self, run_id: str, owner: str) -> Execution:
        execution = Execution(run_id, owner)
        with self._lock:
            self._by_run.setdefault(run_id, []).append(execution)
        return execution

    def end(self, execution: Execution) -> None:
        with self._lock:
            ones = self._by_run.get(execution.run_id, [])
            if execution in ones:
                ones.remove(execution)
            if not ones:
                self._by_run.pop(execution.run_id, None)

    def end_hold(self, run_id: str) -> None:
        """A run was released whose step may be under way here."""
        with self._lock:
            told = list(self._by_run.get(run_id, ()))
        for one in told:
            one.cancellation.end_hold()

    def under(self, owner: str) -> list[Execution]:
        """What a worker executes."""
        with self._lock:
            return [one for ones in self._by_run.values() for one in ones if one.owner == owner]

    def of(self, owner: str) -> list[str]:
        """The runs that a worker executes."""
        with self._lock:
            return [run_id for run_id, ones in self._by_run.items() if any(one.owner == owner for one in ones)]

    def lose(self, owner: str) -> None:
        """Tell what a worker executes that its lease is over, and others may execute it."""
        with self._lock:
            told = [one for ones in self._by_run.values() for one in ones if one.owner == owner and not one.is_lost]
        for one in told:
            one.is_lost = True
            one.cancellation.set(TAKEN_OVER)

    def tell(self, run_id: str, reason: str, owner: str | None = None) -> None:
        """Tell the step of a run, where one is under way here, why it is no longer wanted: all, or one owner's."""
        with self._lock:
            told = [one for one in self._by_run.get(run_id, ()) if owner in (None, one.owner)]
        for one in told:
            one.tell(reason)
