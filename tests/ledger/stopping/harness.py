"""Executors that take too long, in each way of executing them."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import flowledger as fl

MAX_WAIT = 60.0

SHORT = 0.05
"""Seconds: the timeout of steps that are to time out."""

ONE = {"nodes": [{"id": "slow", "type": "slow"}, {"id": "next", "type": "next"}]}
ONE["edges"] = [{"source": "slow", "target": "next"}]


class Slow:
    """One node that takes as long as it is made to, and one behind it. What its executors saw."""

    def __init__(self, *, is_async: bool, **registered: Any) -> None:
        self.reasons: list[str | None] = []
        self.threads: list[int] = []
        self.let_go = threading.Event()
        """For what doesn't listen."""
        self.executors = fl.ExecutorRegistry()
        self.executors.register("slow", **{"timeout": SHORT, **registered})(self.await_it if is_async else self.block)
        self.executors.register("next")(self.go_on)

    def block(self, step: fl.StepContext) -> Any:
        self.threads.append(threading.get_ident())
        assert step.cancelled.wait(MAX_WAIT)
        self.reasons.append(step.cancelled.reason)
        return "late"

    async def await_it(self, step: fl.StepContext) -> Any:
        self.threads.append(threading.get_ident())
        try:
            await asyncio.wait_for(asyncio.Event().wait(), MAX_WAIT)
        finally:
            await asyncio.sleep(0)  # cleaning up takes a while
            self.reasons.append(step.cancelled.reason)

    def go_on(self, step: fl.StepContext) -> Any:
        self.threads.append(threading.get_ident())
        return "went on"


def start(ledger: fl.Ledger) -> fl.Run:
    return ledger.runs.start("w", by="ada")


def astart(ledger: fl.Ledger) -> fl.Run:
    return asyncio.run(ledger.runs.astart("w", by="ada"))


def start_in_async_code(ledger: fl.Ledger) -> fl.Run:
    """A sync call, while this thread's event loop runs."""

    async def call() -> fl.Run:
        return ledger.runs.start("w", by="ada")

    return asyncio.run(call())


WAYS: dict[str, Callable[[fl.Ledger], fl.Run]] = {
    "start": start,
    "astart": astart,
    "start in async code": start_in_async_code,
}


def outcomes(ledger: fl.Ledger, run: fl.Run) -> list[str]:
    """The types of errors of a run's steps, in order; "" for a success."""
    return [
        event.data.get("error", {}).get("type", "")
        for event in ledger.history.events(run.id)
        if event.type.startswith("run.step_")
    ]


def first_step() -> fl.StepContext:
    """What an executor is given, of a step that is over."""
    seen: list[fl.StepContext] = []
    executors = fl.ExecutorRegistry()
    executors.register("a")(seen.append)
    fl.Engine(fl.WorkflowDefinition.model_validate({"nodes": [{"id": "a", "type": "a"}]}), executors).execute()
    return seen[0]
