"""A service is stopped by a SIGTERM whose handler exits, as is usual, while a step runs: nothing is lost or fails.

Each case is a process of its own, whose executor has the signal sent, and then never ends by itself.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import flowledger as fl

from ..prepared import PreparedPython

SERVICE = """
import asyncio, signal, sys, threading, time
import flowledger as fl

url, how = sys.argv[1:]
executors = fl.ExecutorRegistry()


def send(main):
    while True:  # Python may look for signals a moment before it waits in a system call, and not hear this one
        signal.pthread_kill(main, signal.SIGTERM)
        if "loop's handler" in how:  # which is woken up by a file descriptor
            return
        time.sleep(0.05)


def stop():
    threading.Thread(target=send, args=(threading.main_thread().ident,), daemon=True).start()


@executors.register("quick")
def quick(step):
    return step.payload


def held(step):
    print("begun", step.attempt, flush=True)
    stop()
    threading.Event().wait()


async def aheld(step):
    print("begun", step.attempt, flush=True)
    try:
        stop()
        await asyncio.Event().wait()
    finally:
        print("left", flush=True)


executors.register("held", retry=fl.RetryPolicy(max_retries=1, interval=0))(aheld if "async executor" in how else held)


def leave(number, frame):
    signal.signal(number, signal.SIG_IGN)
    sys.exit(143)


async def service(ledger):
    if "loop's handler" in how:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, sys.exit, 143)
    for order in range(2):
        if "inside of a loop" in how:
            ledger.runs.start("w", payload=order)
        else:
            await ledger.runs.astart("w", payload=order)


signal.signal(signal.SIGTERM, leave)
durability = fl.Batch(steps=50, milliseconds=60_000) if "batches" in how else "step"
with fl.open_ledger(url, executors, durability=durability) as ledger:
    if "loop" in how or "astart" in how:
        asyncio.run(service(ledger))
    else:
        for order in range(2):
            ledger.runs.start("w", payload=order)
print("went on", flush=True)
"""

WAYS = [
    "start",
    "start, async executor",
    "start inside of a loop",
    "start inside of a loop, async executor",
    "astart",
    "astart, async executor",
    "astart, loop's handler",
    "astart, loop's handler, async executor",
    "start in batches",
    "astart in batches, async executor",
]


@pytest.fixture
def executors() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()
    executors.register("quick")(lambda step: step.payload)
    executors.register("held", retry=fl.RetryPolicy(max_retries=1, interval=0))(lambda step: step.attempt)
    return executors


@pytest.fixture
def ledger(durable_url: str, executors: fl.ExecutorRegistry) -> Iterator[fl.Ledger]:
    with fl.open_ledger(durable_url, executors) as ledger:
        nodes = [{"id": "first", "type": "quick"}, {"id": "held", "type": "held"}]
        definition = {"nodes": nodes, "edges": [{"source": "first", "target": "held"}]}
        ledger.workflows.save(definition, workflow_id="w", by="ada")
        yield ledger


@pytest.mark.parametrize("how", WAYS)
def test_a_stopped_service_ends_and_leaves_its_run_to_be_recovered(
    ledger: fl.Ledger, durable_url: str, how: str, prepared_python: PreparedPython, tmp_path: Path
) -> None:
    done = prepared_python.run(["-c", SERVICE, durable_url, how], cwd=tmp_path, env=dict(os.environ))
    assert done.returncode == 143, done.stderr
    assert done.stdout.split("\n")[0] == "begun 1"
    assert "went on" not in done.stdout
    assert ("left" in done.stdout) == ("async executor" in how)
    (row,) = ledger.history.runs("w")
    assert [event.type for event in ledger.history.events(row.id)] == ["run.started", "run.step_completed"]
    assert ledger.runs.get(row.id).status == "active"
    run = ledger.runs.proceed(row.id, by="another process")
    assert run.status == "completed"
    assert run.snapshot.context["held"][-1].output == 1  # its first attempt
    assert ledger.verify().ok
