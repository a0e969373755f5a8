"""What executors and clients saw, as it happened; judged in the end."""

from collections import Counter
from typing import Any, NamedTuple

import flowledger as fl

from .clients import MEANT_FOR_ANY


class Execution(NamedTuple):
    """An executor began."""

    run_id: str
    node_id: str
    key: str
    effect_key: str
    attempt: int
    process: str
    task: int
    head: int
    """The version of the run in the store at that moment, whatever the process believed."""


class Watch:
    """Of all processes together."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self.executions: list[Execution] = []
        self.last_of: dict[int, Execution] = {}
        """By the number of the task."""
        self.sent: Counter[tuple[str, int]] = Counter()
        """How often each act of each client was sent and not refused."""
        self.effects: list[Execution] = []
        """Each time that something was done to the world."""
        self.acknowledged_answers: list[tuple[str, str | None, Any]] = []
        """Run, wait and payload, as whoever gave it was told that it was taken."""
        self.answers_of: Counter[str] = Counter()
        """What clients were told."""
        self.wrong: list[str] = []

    def executes(self, process: Any, step: fl.StepContext) -> None:
        run_id = str(step.run_id)
        task = self._world.scheduler.current
        execution = Execution(
            run_id,
            step.node.id,
            step.idempotency_key,
            step.effect_key,
            step.attempt,
            process.name,
            task.number,
            self._world.store.recorder.head(run_id),
        )
        self.executions.append(execution)
        self._world.story.tell(
            "executes", run=self._world.label(run_id), node=step.node.id, type=step.node.type, attempt=step.attempt
        )
        self.last_of[task.number] = execution

    def acts(self, step: fl.StepContext) -> None:
        """Something is done to the world."""
        self.effects.append(self.last_of[self._world.scheduler.current.number])

    def answered(self, step: fl.StepContext) -> None:
        answer = step.answer
        assert answer is not None
        if answer.timed_out:
            return
        meant = answer.payload["for"]
        if meant not in (answer.wait, MEANT_FOR_ANY):
            self.wrong.append(f"an answer to {meant} reached {answer.wait} of run {step.run_id}")
