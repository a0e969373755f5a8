"""flowledger's workers, whose executors say when they began: as the output of their step, in nanoseconds since 1970."""

import threading
import time
from collections.abc import Callable

import flowledger as fl

LEASE = 2.0
WORKFLOW = "timed"


def save(ledger: fl.Ledger) -> None:
    ledger.workflows.save({"nodes": [{"id": "timed", "type": "timed"}], "edges": []}, workflow_id=WORKFLOW)


def began(ledger: fl.Ledger, run_id: str) -> int:
    """When its step was executed; waits until it has been."""
    run = ledger.runs.wait_for(run_id, until=("completed",), timeout=120)
    return int(run.snapshot.context["timed"][0].output)


def serve(url: str, ready: Callable[[], None]) -> None:
    """A worker as it is by default."""
    executors = fl.ExecutorRegistry()
    executors.register("timed")(lambda step: time.time_ns())
    with fl.open_ledger(url, executors) as ledger, ledger.worker():
        ready()
        threading.Event().wait()


def serve_until_killed(url: str, ready: Callable[[], None]) -> None:
    """A worker whose first execution of each run never ends."""
    executors = fl.ExecutorRegistry()

    @executors.register("timed")
    def timed(step: fl.StepContext) -> int:
        if not step.recoveries:
            threading.Event().wait()
        return time.time_ns()

    with fl.open_ledger(url, executors) as ledger, ledger.worker(lease=LEASE):
        ready()
        threading.Event().wait()
