"""A ledger whose steps wait until they are released, start other runs and wait for them, or report their thread."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import flowledger as fl

MAX_WAIT = 60
"""Seconds after which an event that should have happened counts as missing."""


class Harness:
    def __init__(self, url: str, threads: int, durability: Any = "step") -> None:
        self.let_go = threading.Event()
        self.begun = threading.Semaphore(0)
        self.names: list[str] = []
        """The threads of all steps, in the order in which they began."""
        executors = fl.ExecutorRegistry()
        executors.register("held")(self.held)
        executors.register("quick")(self.quick)
        executors.register("awaited")(self.awaited)
        self.executors = executors
        self.ledger = fl.open_ledger(url, executors, threads=threads, durability=durability)
        for type in ("held", "quick", "awaited"):
            self.save(type)

    def save(self, type: str) -> None:
        self.ledger.workflows.save({"nodes": [{"id": "a", "type": type}]}, workflow_id=type, by="ada")

    def add(self, type: str, executor: Callable[[fl.StepContext], Any]) -> None:
        self.executors.register(type)(executor)
        self.save(type)

    def held(self, step: fl.StepContext) -> Any:
        self.names.append(threading.current_thread().name)
        self.begun.release()
        assert self.let_go.wait(MAX_WAIT)

    def quick(self, step: fl.StepContext) -> Any:
        self.names.append(threading.current_thread().name)
        return step.payload

    async def awaited(self, step: fl.StepContext) -> Any:
        await asyncio.sleep(0)
        return step.payload

    @asynccontextmanager
    async def busy(self, runs: int, threads: int) -> AsyncIterator[list["asyncio.Task[fl.Run]"]]:
        """So many runs of held steps, of which so many have begun; they go on when the block is left."""
        tasks = [asyncio.create_task(self.ledger.runs.astart("held")) for _ in range(runs)]
        try:
            for _ in range(threads):
                assert await asyncio.to_thread(self.begun.acquire, timeout=MAX_WAIT)
            yield tasks
        finally:
            self.let_go.set()
        await asyncio.wait(tasks)
