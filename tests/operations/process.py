"""A worker in a process of its own. ``python -m tests.operations.process URL NAME LEASE [inline]``.

It prints a line when it works. The executor ``note`` appends a line to a file whenever it is called: a node of its data
``{"sleep": seconds}`` takes so long.
"""

import os
import sys
import time
from pathlib import Path

import flowledger as fl


def executors(effects: Path) -> fl.ExecutorRegistry:
    registry = fl.ExecutorRegistry()

    @registry.register("note")
    def note(step: fl.StepContext) -> str:
        with effects.open("a") as file:
            file.write(f"{step.effect_key} {os.getpid()} {step.recoveries}\n")
        deadline = time.monotonic() + step.data.get("sleep", 0)
        while time.monotonic() < deadline:
            if step.cancelled.wait(0.02):
                with effects.open("a") as file:
                    file.write(f"told {step.cancelled.reason} {os.getpid()}\n")
                break
        return step.node.id

    return registry


def main(url: str, effects: str, name: str, lease: float, inline: bool) -> None:
    with fl.open_ledger(url, executors(Path(effects)), lease=lease) as ledger:
        print("works", flush=True)
        if inline:
            ledger.runs.start("w")
        else:
            ledger.worker(name=name, lease=lease, grace=5.0).run()
    print("ended", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), sys.argv[5:] == ["inline"])
