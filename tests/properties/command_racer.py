"""A process that gives one command on a run when it is told to, and says how it went.

command_racer.py URL COMMAND RUN {"key": …, "expected_version": …}
"""

import json
import sys
from typing import Any

import flowledger as fl

ARGUMENTS: dict[str, dict[str, Any]] = {"resume": {"payload": True}, "set_metadata": {"metadata": {"n": 1}}}


def executors() -> fl.ExecutorRegistry:
    registry = fl.ExecutorRegistry()
    registry.register("ask")(lambda step: fl.Pause("yes?") if step.answer is None else step.answer.payload)
    registry.register("fail")(fail)
    registry.register("try", retry=fl.RetryPolicy(max_retries=99, interval=0))(try_)
    return registry


def fail(step: fl.StepContext) -> Any:
    raise fl.NonRetryable("closed")


def try_(step: fl.StepContext) -> Any:
    raise TimeoutError("slow")


def main(url: str, command: str, run_id: str, given: str) -> None:
    with fl.open_ledger(url, executors()) as ledger:
        ledger.runs.get(run_id)
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            run = getattr(ledger.runs, command)(run_id, by="racer", **ARGUMENTS.get(command, {}), **json.loads(given))
        except fl.FlowledgerError as error:
            print("refused", type(error).__name__, flush=True)
        else:
            print("done", run.id, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
