"""A small world round a ledger: scripted executors, a hand-moved clock, a journal of what was stored and executed."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import flowledger as fl
from flowledger.domain.execution.step import StepLimits
from flowledger.domain.values.clock import micros_clock
from flowledger.infrastructure.ledger.ledger import Ledger
from flowledger.infrastructure.ledger.open import compose
from flowledger.infrastructure.ledger.stores import open_store

from .naive_fold import NaiveRun, naive_of
from .stores import JournalingStore

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

DEFINITION = {
    "nodes": [{"id": node, "type": "work", "data": {"at": node}} for node in ("a", "b", "c")],
    "edges": [
        {"source": "a", "target": "b"},
        {"source": "a", "target": "c", "sourceHandle": "skip"},
        {"source": "b", "target": "c"},
        {"source": "b", "target": "a", "sourceHandle": "again"},
        {"source": "b", "target": "c", "on": "failure"},
    ],
    "start": "a",
}
"""Two ways to the end, a loop, at ``b`` handles that no edge takes, and an edge for its failures."""


class Act(NamedTuple):
    """What an executor does when its turn comes: a name from ``World._acts`` and an argument."""

    name: str
    argument: Any = None


class HandClock:
    """Moves a little with each reading, and otherwise as it is told, also backwards."""

    def __init__(self) -> None:
        self.micros = 0

    def __call__(self) -> datetime:
        self.micros += 137
        return EPOCH + timedelta(microseconds=self.micros)


class ShutdownError(BaseException):
    """What no executor should raise, and some do."""


class World:
    """One store, opened and reopened; ``script`` holds what the next executions do, completing when it is empty."""

    def __init__(self, url: str, *, checkpoint_every: int | None = 3) -> None:
        self.url = url
        self.clock = HandClock()
        self.script: deque[Act] = deque()
        self.surprises: list[str] = []
        """What an executor saw and should not have seen."""
        self.keys: list[str] = []
        """The idempotency key of every execution, in order."""
        self._every = checkpoint_every
        self.store = JournalingStore(open_store(url))
        self.ledger = self._open()
        self.ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")

    def reopen(self) -> None:
        """As a new process would; what is in memory alone stays."""
        journal = self.store.journal
        if self.url != "memory:":
            self.store.close()
            self.store = JournalingStore(open_store(self.url))
            self.store.journal = journal
        self.store.crash_at = None
        self.ledger = self._open()

    def close(self) -> None:
        self.store.close()

    @contextmanager
    def doing(self, acts: list[Act]) -> Iterator[None]:
        """For as long as the block lasts, executors follow this script."""
        self.script = deque(acts)
        yield
        self.script.clear()

    def naive(self, run_id: str, version: int | None = None) -> NaiveRun:
        """The run as the journal tells it, now or after some of its events."""
        return naive_of(self.store.journal, run_id, version)

    def _open(self) -> Ledger:
        executors = fl.ExecutorRegistry()
        executors.register("work", retry=fl.RetryPolicy(max_retries=2, interval=1.0))(self.work)
        store: Any = self.store
        return compose(store, executors, micros_clock(self.clock), StepLimits(100_000), self._every)

    def work(self, step: fl.StepContext) -> Any:
        assert step.run_id is not None
        self._compare(step, self.naive(step.run_id))
        self.keys.append(step.idempotency_key)
        act = self.script.popleft() if self.script else Act("complete", step.runs)
        step.log.info("%s at %s", act.name, step.node.id)
        return getattr(self, f"_{act.name}")(step, act.argument)

    def _compare(self, step: fl.StepContext, run: NaiveRun) -> None:
        if run.status != "active":
            self.surprises.append(f"{run.run_id} is {run.status} and ran {step.node.id}")
        seen = (step.node.id, step.idempotency_key, step.attempt, step.payload)
        due = (run.node, run.next_key, run.next_attempt, run.payload)
        if seen != due:
            self.surprises.append(f"an executor saw {seen}, due was {due}")

    def _complete(self, step: fl.StepContext, output: Any) -> Any:
        return output

    def _route(self, step: fl.StepContext, handle: str) -> Any:
        return fl.StepResult({"to": handle}, handle=handle)

    def _fail(self, step: fl.StepContext, message: str) -> Any:
        raise RuntimeError(message)

    def _fatal(self, step: fl.StepContext, message: str) -> Any:
        raise fl.NonRetryable(message)

    def _blow_up(self, step: fl.StepContext, message: str) -> Any:
        raise ShutdownError(message)

    def _not_json(self, step: fl.StepContext, _: Any) -> Any:
        return {"tags": {1, 2}}

    def _wait(self, step: fl.StepContext, reason: str) -> Any:
        return fl.Pause(reason)

    def _interrupt(self, step: fl.StepContext, _: Any) -> Any:
        raise KeyboardInterrupt

    def _take(self, step: fl.StepContext, micros: int) -> Any:
        self.clock.micros += micros
        return {"took": micros}

    def _held_meanwhile(self, step: fl.StepContext, then: Act) -> Any:
        self.ledger.runs.hold(str(step.run_id), by="ops", reason="maintenance")
        return getattr(self, f"_{then.name}")(step, then.argument)

    def _cancelled_meanwhile(self, step: fl.StepContext, then: Act) -> Any:
        self.ledger.runs.cancel(str(step.run_id), by="ops", reason="duplicate")
        return getattr(self, f"_{then.name}")(step, then.argument)

    def _noted_meanwhile(self, step: fl.StepContext, then: Act) -> Any:
        self.ledger.runs.set_metadata(str(step.run_id), {"note": step.node.id}, by="ops")
        return getattr(self, f"_{then.name}")(step, then.argument)
