"""Many runs at once in one process: they share commits, and each is what it would have been alone."""

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent

import flowledger as fl
from flowledger.domain.ports import Write

from ..properties.naive_fold import naive_run
from .harness import line

ACTS = ("go", "fail", "hold", "cancel")


class Crowd:
    """A ledger that counts commits. A run does as its payload says: it goes through, fails twice, or is stopped."""

    def __init__(self, url: str) -> None:
        executors = fl.ExecutorRegistry()
        executors.register("do")(self.do)
        executors.register("ado")(self.ado)
        self.ledger = fl.open_ledger(url, executors)
        retry = {"maxRetries": 2, "interval": 0}
        for workflow_id, type in (("on threads", "do"), ("on a loop", "ado")):
            definition = line("begin", "operated", "flaky", "end")
            for node in definition["nodes"]:
                node |= {"type": type, "metadata": {"retry": retry}}
            self.ledger.workflows.save(definition, workflow_id=workflow_id, by="ada")
        self.commits: list[int] = []
        """How many events each commit held."""
        recorder = self.ledger._store.recorder
        insert_events = recorder.insert_events

        def counting(events: Sequence[StoredEvent], **options: Any) -> list[int]:
            self.commits.append(len(events))
            return insert_events(events, **options)

        recorder.insert_events = counting  # type: ignore[method-assign]

    def do(self, step: fl.StepContext) -> Any:
        if (command := self._command(step)) is not None:
            getattr(self.ledger.runs, command)(step.run_id, by="ops")
        return self._output(step)

    async def ado(self, step: fl.StepContext) -> Any:
        if (command := self._command(step)) is not None:
            await getattr(self.ledger.runs, f"a{command}")(step.run_id, by="ops")
        return self._output(step)

    def _command(self, step: fl.StepContext) -> str | None:
        if step.node.id != "operated":
            return None
        act = step.context["begin"][0].output
        return act if act in ("hold", "cancel") else None

    def _output(self, step: fl.StepContext) -> Any:
        if step.node.id == "begin":
            return step.payload
        if step.node.id == "flaky" and step.context["begin"][0].output == "fail" and step.attempt < 3:
            raise ValueError(f"no luck at attempt {step.attempt}")
        return [step.node.id, step.attempt]

    def run(self, act: str) -> fl.Run:
        run = self.ledger.runs.start("on threads", payload=act, by=act)
        while run.status in ("error", "paused"):
            if run.held is not None:
                self.ledger.runs.release(run.id, by="ops")
            run = self.ledger.runs.proceed(run.id, by="ops")
        return run

    async def arun(self, act: str) -> fl.Run:
        run = await self.ledger.runs.astart("on a loop", payload=act, by=act)
        while run.status in ("error", "paused"):
            if run.held is not None:
                await self.ledger.runs.arelease(run.id, by="ops")
            run = await self.ledger.runs.aproceed(run.id, by="ops")
        return run


@pytest.fixture
def crowd(durable_url: str) -> Iterator[Crowd]:
    crowd = Crowd(durable_url)
    yield crowd
    crowd.ledger.close()


WHOLE = {"run.started": 1, "run.step_completed": 4}
EXPECTED = {
    "go": WHOLE,
    "fail": WHOLE | {"run.step_failed": 2, "run.retried": 2},
    "hold": WHOLE | {"run.held": 1, "run.released": 1, "run.claimed": 1},
    "cancel": {"run.started": 1, "run.step_completed": 2, "run.cancelled": 1},
}


def test_64_runs_on_one_loop_and_32_on_threads_are_what_each_would_be_alone(crowd: Crowd) -> None:
    before = crowd.ledger.verify().events
    crowd.commits.clear()

    async def on_one_loop() -> list[fl.Run]:
        return await asyncio.gather(*(crowd.arun(ACTS[number % 4]) for number in range(64)))

    with ThreadPoolExecutor(33) as pool:
        on_loop = pool.submit(asyncio.run, on_one_loop())
        runs = list(pool.map(crowd.run, [ACTS[number % 4] for number in range(32)])) + on_loop.result()

    report = crowd.ledger.verify()
    assert report.findings == ()
    assert sum(crowd.commits) >= report.events - before
    assert len(crowd.commits) < (report.events - before) / 2
    assert Counter(run.status for run in runs) == {"completed": 72, "cancelled": 24}
    for run in runs:
        check(crowd.ledger, run)


def check(ledger: fl.Ledger, run: fl.Run) -> None:
    events = list(ledger.history.events(run.id))
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    assert Counter(event.type for event in events) == EXPECTED[events[0].by]
    naive = naive_run(run.id, [(event.type, event.data) for event in events])
    assert ledger.history.snapshot(run.id).to_data() == naive.snapshot()
    assert run.snapshot == ledger.history.snapshot(run.id)


def test_a_lone_run_commits_once_per_step(crowd: Crowd) -> None:
    for run in (lambda: crowd.run("go"), lambda: asyncio.run(crowd.arun("go"))):
        crowd.commits.clear()
        check(crowd.ledger, run())
        assert crowd.commits == [2, 1, 1, 1, 1], "the run with its work order, then each step by itself"


class Gate:
    """Holds commits from the moment it is shut until it is opened."""

    def __init__(self, ledger: fl.Ledger) -> None:
        self.may_pass = threading.Event()
        self.may_pass.set()
        self.somebody_waits = threading.Event()
        self.gave_up = False
        recorder = ledger._store.recorder
        insert_events = recorder.insert_events

        def gated(events: Sequence[StoredEvent], **options: Any) -> list[int]:
            if not self.may_pass.is_set():
                self.somebody_waits.set()
                self.gave_up |= not self.may_pass.wait(60)
            return insert_events(events, **options)

        recorder.insert_events = gated  # type: ignore[method-assign]


@pytest.mark.parametrize("size", [1, 2**20 + 1])
@pytest.mark.parametrize("durability", ["step", "batch"])
@pytest.mark.parametrize("type", ["quick", "aquick"])
def test_a_loop_goes_on_while_a_commit_takes_its_time(durable_url: str, durability: Any, type: str, size: int) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("quick")(lambda step: shut_at_the_last(step))

    @executors.register("aquick")
    async def aquick(step: fl.StepContext) -> str:
        return shut_at_the_last(step)

    def shut_at_the_last(step: fl.StepContext) -> str:
        if step.node.id == "second":
            gate.may_pass.clear()
        return "x" * size

    async def story() -> fl.Run:
        run = asyncio.create_task(ledger.runs.astart("line"))
        while not gate.somebody_waits.is_set() and not run.done():
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert not run.done()
        assert not gate.gave_up, "the loop stood still"
        gate.may_pass.set()
        return await run

    with fl.open_ledger(durable_url, executors, durability=durability) as ledger:
        definition = line("first", "second", "third")
        for node in definition["nodes"]:
            node["type"] = type
        ledger.workflows.save(definition, workflow_id="line")
        gate = Gate(ledger)
        assert asyncio.run(story()).status == "completed"


@pytest.mark.parametrize("racers", ["sync and sync", "sync and async", "async and async"])
def test_of_two_calls_that_race_one_is_told_of_the_other(crowd: Crowd, racers: str) -> None:
    run = crowd.ledger.runs.start("on a loop", payload="go", wait=False)
    both_decide_before_either_appends(crowd.ledger, run.id)

    async def race() -> list[str]:
        return await asyncio.gather(*(outcome(calls[racer]()) for racer in racers.split(" and ")))

    async def outcome(call: Any) -> str:
        try:
            return str((await call).status)
        except fl.ConcurrencyError:
            return "refused"

    calls: dict[str, Callable[[], Any]] = {
        "sync": lambda: asyncio.to_thread(crowd.ledger.runs.proceed, run.id),
        "async": lambda: crowd.ledger.runs.aproceed(run.id),
    }
    assert sorted(asyncio.run(race())) == ["completed", "refused"]
    assert Counter(event.type for event in crowd.ledger.history.events(run.id))["run.claimed"] == 1


def both_decide_before_either_appends(ledger: fl.Ledger, run_id: str) -> None:
    store = ledger._store
    place, calls, both = store._place, itertools.count(), threading.Barrier(2)

    def meeting(writes: Sequence[Write]) -> Any:
        placed = place(writes)
        if writes[0].stream == run_id and next(calls) < 2:
            both.wait(60)
        return placed

    store._place = meeting  # type: ignore[method-assign]
