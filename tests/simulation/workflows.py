"""Workflows, drawn; and executors whose behaviour depends on nothing but the seed and the piece of work."""

from random import Random
from typing import Any
from zlib import crc32

import flowledger as fl

from .faults import LEASE
from .scheduler import SECOND

TYPES = ("work", "work", "flaky", "pay", "pay", "ask", "ask", "slow", "fatal")


def draw_definition(chance: Random) -> dict[str, Any]:
    """Two to five nodes in a row, sometimes a loop back from the last, sometimes edges for failures."""
    count = chance.randint(2, 5)
    nodes = [{"id": f"n{place}", "type": chance.choice(TYPES)} for place in range(count)]
    edges: list[dict[str, Any]] = [{"source": f"n{place}", "target": f"n{place + 1}"} for place in range(count - 1)]
    if chance.random() < 0.4:
        nodes[-1]["type"] = "again"
        nodes.append({"id": f"n{count}", "type": "work"})
        edges.append({"source": f"n{count - 1}", "target": f"n{count}"})
        edges.append({"source": f"n{count - 1}", "target": f"n{chance.randrange(count - 1)}", "sourceHandle": "again"})
    edges += [
        {"source": f"n{place}", "target": f"n{count - 1}", "on": "failure"}
        for place in range(count - 1)
        if chance.random() < 0.25
    ]
    return {"nodes": nodes, "edges": edges, "start": "n0"}


class Executors:
    """The executors of one process; what they do is seen by the world."""

    def __init__(self, world: Any, process: Any) -> None:
        self._world = world
        self._process = process
        self.registry = fl.ExecutorRegistry()
        register = self.registry.register
        retry = fl.RetryPolicy(max_retries=2, interval=2.0)
        register("work")(self._work)
        register("flaky", retry=retry)(self._flaky)
        register("pay", effects=True, retry=retry)(self._pay)
        register("ask")(self._ask)
        register("slow")(self._slow)
        register("fatal")(self._fatal)
        register("again")(self._again)

    def _work(self, step: fl.StepContext) -> Any:
        self._begin(step)
        return {"done": step.node.id}

    def _flaky(self, step: fl.StepContext) -> Any:
        self._begin(step)
        if self._luck(step, 3) == 0:
            raise RuntimeError("no luck")
        return {"attempt": step.attempt}

    def _pay(self, step: fl.StepContext) -> Any:
        self._begin(step)
        self._world.scheduler.point("effect")
        self._world.watch.acts(step)
        if self._luck(step, 4) == 0:
            raise RuntimeError("the bank is closed")
        return {"paid": step.effect_key}

    def _ask(self, step: fl.StepContext) -> Any:
        self._begin(step)
        if step.answer is not None:
            self._world.watch.answered(step)
            return {"answer": step.answer.payload}
        deadline = None
        if self._luck(step, 2) == 0:
            deadline = self._world.moment(self._world.now() + self._luck(step, 20) * SECOND)
        return fl.Pause(f"{step.node.id}?", until=deadline)

    def _slow(self, step: fl.StepContext) -> Any:
        self._begin(step)
        self._world.scheduler.sleep((SECOND // 10, SECOND, LEASE // 2, 2 * LEASE)[self._luck(step, 4)])
        return {"slept": True}

    def _fatal(self, step: fl.StepContext) -> Any:
        self._begin(step)
        if self._luck(step, 2) == 0:
            raise fl.NonRetryable("no way")
        return {"got away": True}

    def _again(self, step: fl.StepContext) -> Any:
        self._begin(step)
        again = step.visit < 1 + self._luck(step, 3)
        return fl.StepResult({"visit": step.visit}, handle="again" if again else None)

    def _begin(self, step: fl.StepContext) -> None:
        self._world.watch.executes(self._process, step)
        self._world.scheduler.point("execute")

    def _luck(self, step: fl.StepContext, sides: int) -> int:
        """The same whenever and wherever this attempt is made."""
        run = self._world.label(str(step.run_id))
        key = f"{self._world.seed}:{run}:{step.node.id}:{step.visit}:{step.attempt}:{sides}"
        return crc32(key.encode()) // 7 % sides
