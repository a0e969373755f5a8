"""A ledger that stores in batches, with a loop that a test shapes round by round, and a second ledger that reads it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, current_thread
from typing import Any

import flowledger as fl
from flowledger.domain.execution.step import StepLimits
from flowledger.domain.ports import Write
from flowledger.domain.run import RunState, header_of
from flowledger.domain.values.clock import micros_clock
from flowledger.infrastructure.ledger.open import compose
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.verify import verify
from flowledger.projections.runs.run import fold

from .naive_fold import naive_run
from .stores import WrappedStore

LOOP = {
    "nodes": [{"id": "work", "type": "work"}, {"id": "end", "type": "work"}],
    "edges": [{"source": "work", "target": "work", "sourceHandle": "again"}, {"source": "work", "target": "end"}],
    "start": "work",
}
ALTERNATING = {
    "nodes": [*LOOP["nodes"], {"id": "relay", "type": "relay"}],
    "edges": [
        {"source": "work", "target": "relay", "sourceHandle": "again"},
        {"source": "relay", "target": "work"},
        {"source": "work", "target": "end"},
    ],
    "start": "work",
}
"""Sync and async executors in turn."""
NEVER = 3_600_000
"""Milliseconds: no test waits for them."""
BEFORE = fl.Batch(1_000, NEVER)
"""Steps wait until the run stops."""
AT_ONCE = fl.Batch(1_000, 1)
"""Steps wait for the timer alone."""

Hook = Callable[[fl.StepContext], Any]


class WatchedStore(WrappedStore):
    """Records what was appended, and calls a hook of the test before and after an append: each hook once."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.before: list[Callable[[Write], None]] = []
        self.after: list[Callable[[Write], None]] = []
        self.appends: list[tuple[str, int]] = []
        """Thread and number of events, of what was stored."""
        self.refused = 0
        self._changed = Condition()

    def append(self, *writes: Write) -> list[int]:
        try:
            if self.before and writes[0].events[-1].type != "run.started":
                self.before.pop(0)(writes[0])
            positions = super().append(*writes)
            if self.after and writes[0].events[-1].type != "run.started":
                self.after.pop(0)(writes[0])
        except fl.FlowledgerError:
            self.refused += 1
            raise
        else:
            self.appends.append((current_thread().name, sum(len(write.events) for write in writes)))
            return positions
        finally:
            with self._changed:
                self._changed.notify_all()

    def until(self, condition: Callable[[], bool]) -> None:
        """Return as soon as an append makes the condition true."""
        with self._changed:
            assert self._changed.wait_for(condition, 30)


class BatchHarness:
    """A ledger whose runs loop ``steps`` times through one node; ``hooks`` say what happens in which round (from 1)."""

    def __init__(
        self, url: str, batch: fl.Batch | None, *, steps: int = 6, by: str = "desk", max_event_bytes: int = 2**24
    ) -> None:
        self.steps, self.by = steps, by
        self.hooks: dict[int, Hook] = {}
        self.keys: list[str] = []
        self.store = WatchedStore(open_store(url, max_event_bytes=max_event_bytes))
        registry = fl.ExecutorRegistry()
        registry.register("work", retry=fl.RetryPolicy(max_retries=1, interval=1))(self.work)
        registry.register("relay")(self.relay)
        self.ledger = compose(self.store, registry, micros_clock(None), StepLimits(2**22), None, batch)  # type: ignore[arg-type]
        self.ledger.workflows.save(LOOP, workflow_id="loop")
        self.ledger.workflows.save(ALTERNATING, workflow_id="alternating")
        self.others = fl.open_ledger(url)

    def work(self, step: fl.StepContext) -> Any:
        self.keys.append(step.idempotency_key)
        if step.node.id == "end":
            return "ended"
        hook = self.hooks.pop(step.runs + 1, None)
        said = None if hook is None else hook(step)
        if isinstance(said, fl.StepResult | fl.Pause):
            return said
        return fl.StepResult(step.runs + 1 if said is None else said, "again" if step.runs + 1 < self.steps else None)

    async def relay(self, step: fl.StepContext) -> int:
        await asyncio.sleep(0)
        return step.runs

    def start(self, **arguments: Any) -> fl.Run:
        return self.ledger.runs.start("loop", by=self.by, **arguments)

    def stored(self, run_id: str) -> int:
        """The run's version, as somebody else sees it."""
        return self.others.history.header(run_id).version

    def until_stored(self, run_id: str, version: int) -> None:
        self.store.until(lambda: self.stored(run_id) >= version)

    def types(self, run_id: str) -> list[str]:
        return [event.type.removeprefix("run.") for event in self.others.history.events(run_id)]

    def outputs(self, run_id: str) -> list[Any]:
        context = self.others.history.snapshot(run_id).context
        return [result.output for results in context.values() for result in results]

    def agrees(self, run: fl.Run) -> None:
        """What a call returned is what is stored, and that is the naive fold of the events."""
        assert self.others.runs.get(run.id) == run
        events = list(self.others.history.events(run.id))
        naive = naive_run(run.id, [(event.type, event.data) for event in events])
        assert run.snapshot.to_data() == naive.snapshot()
        times = [event.recorded_at for event in events]
        assert times == sorted(times)
        for version in range(1, len(events) + 1):
            state = fold(RunState(run.id), self.store.pages(run.id, upto=version))
            assert self.others.history.header(run.id, version) == header_of(state)
        assert verify(self.store.inner, run.id).ok

    def close(self) -> None:
        self.others.close()
        self.ledger.close()


@contextmanager
def batch_harnesses(url: str) -> Iterator[Callable[..., BatchHarness]]:
    """Makes harnesses, and closes them at the end."""
    made: list[BatchHarness] = []

    def make(batch: fl.Batch | None, **arguments: Any) -> BatchHarness:
        made.append(BatchHarness(url, batch, **arguments))
        return made[-1]

    yield make
    for harness in made:
        harness.close()
