"""A ledger with a step that waits until the test releases it, in this process or in another one."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flowledger as fl
from flowledger.domain.execution.step import StepLimits
from flowledger.domain.values.clock import micros_clock
from flowledger.infrastructure.ledger.open import compose
from flowledger.infrastructure.ledger.stores import open_store

LINE = {
    "nodes": [{"id": "first", "type": "quick"}, {"id": "held", "type": "held"}, {"id": "last", "type": "quick"}],
    "edges": [{"source": "first", "target": "held"}, {"source": "held", "target": "last"}],
}
ASKING = LINE | {"nodes": [LINE["nodes"][0] | {"data": {"ask": True}}, *LINE["nodes"][1:]]}
"""The same, whose first node asks before it goes on."""
WHOLE_LINE = ["run.started", "run.claimed", *["run.step_completed"] * 3]


def quick(step: fl.StepContext) -> Any:
    return fl.Pause("go on?") if step.data.get("ask") and step.answer is None else step.node.id


class Worker:
    """The process of worker.py, with its pipes."""

    def __init__(self, url: str, command: str, run_id: str, *hold: str) -> None:
        script = Path(__file__).with_name("worker.py")
        arguments = [sys.executable, str(script), url, command, run_id, *hold]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def says(self) -> list[str]:
        """The next thing it says; an empty list when it is gone."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().split()

    def may_go_on(self, word: str = "go") -> None:
        assert self.process.stdin is not None
        print(word, file=self.process.stdin, flush=True)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


class HeldStepHarness:
    """A ledger whose ``held`` executor waits until ``let_go`` is set, and sets ``busy`` when it begins."""

    def __init__(self, url: str, wrap: Callable[[Any], Any] = lambda store: store) -> None:
        self.busy, self.let_go = threading.Event(), threading.Event()
        self.keys: list[str] = []
        registry = fl.ExecutorRegistry()
        registry.register("quick")(quick)
        registry.register("held")(self.held)
        self.store = wrap(open_store(url))
        self.ledger = compose(self.store, registry, micros_clock(None), StepLimits(2**20), None)
        self.ledger.workflows.save(LINE, workflow_id="line", by="ada")
        self.ledger.workflows.save(ASKING, workflow_id="asking", by="ada")

    def held(self, step: fl.StepContext) -> Any:
        self.keys.append(step.idempotency_key)
        self.busy.set()
        assert self.let_go.wait(60)
        return {"said": "harness", "payload": step.payload}

    def types(self, run_id: str) -> list[str]:
        return [event.type for event in self.ledger.history.events(run_id)]
