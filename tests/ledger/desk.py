"""A ledger whose runs ask, fail, or wait for a retry, and every command that there is on such a run."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flowledger as fl
from flowledger.domain.execution.step import StepLimits
from flowledger.domain.ports import Write
from flowledger.domain.values.clock import micros_clock
from flowledger.infrastructure.ledger.open import compose
from flowledger.infrastructure.ledger.stores import open_store


class Desk:
    """Runs of ``ask`` wait for an answer, those of ``fail`` have failed, those of ``try`` wait for a retry."""

    def __init__(
        self, url: str, wrap: Callable[[Any], Any] = lambda store: store, checkpoint_every: int | None = None
    ) -> None:
        self.ran: list[str] = []
        self.executors = fl.ExecutorRegistry()
        self.executors.register("ask")(self.ask)
        self.executors.register("fail")(self.fail)
        self.executors.register("try", retry=fl.RetryPolicy(max_retries=9, interval=0))(self.try_)
        self.url = url
        self.store = wrap(open_store(url))
        self.ledger = compose(self.store, self.executors, micros_clock(None), StepLimits(2**20), checkpoint_every)
        self.runs = self.ledger.runs
        for kind in ("ask", "fail", "try"):
            self.ledger.workflows.save({"nodes": [{"id": "n", "type": kind}]}, workflow_id=kind, by="ada")

    def ask(self, step: fl.StepContext) -> Any:
        self.ran.append(step.run_id)
        return step.answer.payload if step.answer is not None else fl.Pause("yes?")

    def fail(self, step: fl.StepContext) -> Any:
        self.ran.append(step.run_id)
        raise fl.NonRetryable("closed")

    def try_(self, step: fl.StepContext) -> Any:
        self.ran.append(step.run_id)
        raise TimeoutError("slow")

    def state(self) -> tuple[int, int]:
        """How much was written and executed."""
        return self.ledger.verify().events, len(self.ran)

    def other(self) -> fl.Ledger:
        """The store, opened once more, as another process would; memory has but one."""
        return self.ledger if self.url == "memory:" else fl.open_ledger(self.url, self.executors)


class Overtaken:
    """A store in which something happens between what a command reads and what it appends."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.before_append: Callable[[], object] | None = None
        self.behind_head: Callable[[], object] | None = None

    def append(self, *writes: Write) -> Any:
        meanwhile, self.before_append = self.before_append, None
        if meanwhile is not None:
            meanwhile()
        return self._inner.append(*writes)

    def head(self, stream: str) -> int:
        head: int = self._inner.head(stream)
        meanwhile, self.behind_head = self.behind_head, None
        if meanwhile is not None:
            meanwhile()
        return head

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def overtaken_desk() -> tuple[Desk, Overtaken]:
    desk = Desk("memory:", Overtaken)
    return desk, desk.store


class AsyncRuns:
    """The async variants by the names of the others."""

    def __init__(self, runs: Any) -> None:
        self._runs = runs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runs, f"a{name}")


Call = Callable[..., fl.Run]


class Given(NamedTuple):
    """A command: what kind of run it is given for, and how; ``differently`` asks for something else."""

    kind: str
    call: Call
    differently: Call | None = None
    """None: there is nothing that could be different."""
    repeats: bool = False
    """Whether it makes a new run."""


def _released(runs: Any, run_id: str, **given: Any) -> fl.Run:
    released: fl.Run = runs.release(run_id, note="go on", by="bob", **given)
    return released


COMMANDS: dict[str, Given] = {
    "resume": Given(
        "ask",
        lambda runs, run_id, **given: runs.resume(run_id, payload={"yes": 1}, by="bob", **given),
        lambda runs, run_id, **given: runs.resume(run_id, payload={"yes": 2}, by="bob", **given),
    ),
    "proceed": Given("try", lambda runs, run_id, **given: runs.proceed(run_id, by="bob", **given)),
    "hold": Given(
        "ask",
        lambda runs, run_id, **given: runs.hold(run_id, reason="audit", by="bob", **given),
        lambda runs, run_id, **given: runs.hold(run_id, reason="holiday", by="bob", **given),
    ),
    "release": Given(
        "held", _released, lambda runs, run_id, **given: runs.release(run_id, note="at last", by="bob", **given)
    ),
    "cancel": Given(
        "ask",
        lambda runs, run_id, **given: runs.cancel(run_id, reason="sold out", by="bob", **given),
        lambda runs, run_id, **given: runs.cancel(run_id, by="bob", **given),
    ),
    "set_metadata": Given(
        "ask",
        lambda runs, run_id, **given: runs.set_metadata(run_id, {"ticket": 1}, by="bob", **given),
        lambda runs, run_id, **given: runs.set_metadata(run_id, {"ticket": None}, by="bob", **given),
    ),
    "retry": Given(
        "fail",
        lambda runs, run_id, **given: runs.retry(run_id, by="bob", **given),
        lambda runs, run_id, **given: runs.retry(run_id, "n", by="bob", **given),
        repeats=True,
    ),
    "reproduce": Given(
        "fail",
        lambda runs, run_id, **given: runs.reproduce(run_id, by="bob", **given),
        lambda runs, run_id, **given: runs.reproduce(run_id, by="bob", metadata={"why": "bug"}, **given),
        repeats=True,
    ),
    "fork": Given(
        "ask",
        lambda runs, run_id, **given: runs.fork(run_id, by="bob", metadata={"of": "ask"}, **given),
        lambda runs, run_id, **given: runs.fork(run_id, 1, by="bob", metadata={"of": "ask"}, **given),
        repeats=True,
    ),
}


def run_for(desk: Desk, command: str) -> fl.Run:
    """A run that takes the command."""
    kind = COMMANDS[command].kind
    if kind == "held":
        return desk.runs.hold(desk.runs.start("ask", by="shop").id, by="ann")
    return desk.runs.start(kind, by="shop")
