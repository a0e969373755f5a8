"""A worker process: takes hold of a run when told, says what it does on stdout, waits for leave on stdin.

    worker.py URL COMMAND RUN [hold]

With ``hold`` it has decided to claim the run, and waits before the append that claims it.
"""

import sys
from typing import Any

import flowledger as fl
from flowledger.domain.execution.step import StepLimits
from flowledger.domain.ports import Write
from flowledger.domain.values.clock import micros_clock
from flowledger.infrastructure.ledger.open import compose
from flowledger.infrastructure.ledger.stores import open_store


def say(*words: object) -> None:
    print(*words, flush=True)


def leave() -> str:
    return sys.stdin.readline().strip()


def quick(step: fl.StepContext) -> Any:
    return fl.Pause("go on?") if step.data.get("ask") and step.answer is None else step.node.id


def executors() -> fl.ExecutorRegistry:
    registry = fl.ExecutorRegistry()
    registry.register("quick")(quick)

    @registry.register("held")
    def held(step: fl.StepContext) -> Any:
        say("executing", step.idempotency_key, step.attempt)
        return {"said": leave(), "payload": step.payload}

    return registry


class HoldingStore:
    """Waits for leave before the first append."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._held = False

    def append(self, *writes: Write) -> Any:
        if not self._held:
            self._held = True
            say("claiming")
            leave()
        return self._inner.append(*writes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def main(url: str, command: str, run_id: str, hold: str = "") -> None:
    store: Any = open_store(url)
    store = HoldingStore(store) if hold else store
    with compose(store, executors(), micros_clock(None), StepLimits(2**20), None) as ledger:
        try:
            run = getattr(ledger.runs, command)(run_id, by=f"worker {command}")
        except fl.FlowledgerError as error:
            say("refused", type(error).__name__)
        else:
            say("done", run.status)


if __name__ == "__main__":
    main(*sys.argv[1:])
