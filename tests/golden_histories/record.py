"""``python -m tests.golden_histories.record FOLDER``, from the root, records each history for a new release.

What a release has recorded is never recorded again.
"""

import sys
import tempfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from types import FunctionType
from typing import Any

import flowledger as fl
from flowledger.testing import ManualClock, memory_ledger

from .executors import EXECUTORS, price_of_then, registry

LINE = {
    "nodes": [
        {"id": "read", "type": "read", "data": {"what": "{{ payload.what }}"}},
        {"id": "price", "type": "price", "data": {"net": "{{ nodes.read.output.net }}"}},
    ],
    "edges": [{"source": "read", "target": "price"}],
}
BRANCH = {
    "nodes": [
        *LINE["nodes"],
        {"id": "route", "type": "route", "data": {"gross": "{{ nodes.price.output.gross }}"}},
        {"id": "ask", "type": "ask"},
        {"id": "send", "type": "price", "data": {"net": 1}},
    ],
    "edges": [
        *LINE["edges"],
        {"source": "price", "target": "route"},
        {"source": "route", "target": "ask", "sourceHandle": "dear"},
        {"source": "route", "target": "send", "sourceHandle": "cheap"},
        {"source": "ask", "target": "send"},
    ],
}
LOOP = {
    "nodes": [{"id": "count", "type": "count"}, {"id": "price", "type": "price", "data": {"net": 2}}],
    "edges": [{"source": "count", "target": "count", "sourceHandle": "again"}, {"source": "count", "target": "price"}],
    "start": "count",
}
ONE = {"nodes": [{"id": "only", "type": "flaky"}]}
STOCK = {
    "nodes": [LINE["nodes"][0], {"id": "stock", "type": "refuse", "data": {"what": "{{ nodes.read.output.what }}"}}],
    "edges": [{"source": "read", "target": "stock"}],
}
APPROVAL = {"nodes": [{"id": "approve", "type": "approve", "data": {"amount": 1_000_000}}]}
ROUTED = {
    "name": "What the stock says",
    "nodes": [*STOCK["nodes"], {"id": "dear", "type": "price", "data": {"net": 2}}, LOOP["nodes"][1]],
    "edges": [
        *STOCK["edges"],
        {"source": "stock", "target": "dear", "on": "failure", "label": "sold out"},
        {"source": "dear", "target": "price", "when": "{{ nodes.dear.output.gross > 1 }}"},
    ],
}
CHARGED = {
    "nodes": [LINE["nodes"][0], {"id": "charge", "type": "charge"}],
    "edges": [{"source": "read", "target": "charge"}],
}
TEA = {"what": "tea"}


def anywhere(**instead: Any) -> fl.ExecutorRegistry:
    """The executors, with a place in tracebacks that is the same on each machine; Python finds it from the root."""
    return registry(**{type: placed(function) for type, function in {**EXECUTORS, **instead}.items()})


def placed(function: Any) -> FunctionType:
    code = function.__code__.replace(co_filename="tests/golden_histories/executors.py")
    return FunctionType(code, function.__globals__, function.__name__)


class Recorder:
    """A ledger in memory whose clock moves a second with each step."""

    def __init__(self, definition: Any, **instead: Any) -> None:
        self.clock = ManualClock()
        self.ledger = memory_ledger(anywhere(**instead), lambda: self.clock.advance(1))
        self.ledger.workflows.save(definition, workflow_id="order", by="ada", message="first draft")

    def run(self, payload: Any = TEA) -> fl.Run:
        return self.ledger.runs.start("order", payload=payload, by="webhook")


def linear() -> tuple[fl.Ledger, fl.Run]:
    recorder = Recorder(LINE)
    return recorder.ledger, recorder.run()


def branch() -> tuple[fl.Ledger, fl.Run]:
    recorder = Recorder(BRANCH)
    return recorder.ledger, recorder.ledger.runs.resume(recorder.run().id, payload={"ok": True}, by="bob")


def loop() -> tuple[fl.Ledger, fl.Run]:
    recorder = Recorder(LOOP)
    return recorder.ledger, recorder.run()


def retry() -> tuple[fl.Ledger, fl.Run]:
    recorder = Recorder(ONE)
    return recorder.ledger, recorder.ledger.runs.proceed(recorder.run().id, by="worker")


def pause_resume() -> tuple[fl.Ledger, fl.Run]:
    recorder = Recorder({"nodes": [{"id": "ask", "type": "ask"}]})
    run = recorder.run(None)
    recorder.ledger.runs.set_metadata(run.id, {"ticket": 7}, by="ops")
    return recorder.ledger, recorder.ledger.runs.resume(run.id, payload=["yes", 1.5, None], by="bob")


def cancelled() -> tuple[fl.Ledger, fl.Run]:
    recorder = Recorder(BRANCH)
    return recorder.ledger, recorder.ledger.runs.cancel(recorder.run().id, by="ops", reason="duplicate")


def failure() -> tuple[fl.Ledger, fl.Run]:
    recorder = Recorder(STOCK)
    return recorder.ledger, recorder.run()


def reuse() -> tuple[fl.Ledger, fl.Run]:
    """A retry from the node that failed, in another version of the workflow."""
    recorder = Recorder(STOCK)
    failed = recorder.run()
    nodes = [STOCK["nodes"][0], {**STOCK["nodes"][1], "type": "price", "data": {"net": "{{ nodes.read.output.net }}"}}]
    recorder.ledger.workflows.save({**STOCK, "nodes": nodes}, workflow_id="order", by="ada")
    return recorder.ledger, recorder.ledger.runs.retry(failed.id, "stock", by="bob")


def drifted() -> tuple[fl.Ledger, fl.Run]:
    """Begun with other code than that with which it went on."""
    edges = [{"source": "ask", "target": "price"}]
    then = Recorder({"nodes": [{"id": "ask", "type": "ask"}, LOOP["nodes"][1]], "edges": edges}, price=price_of_then)
    run = then.run(None)
    now = memory_ledger(anywhere(), lambda: then.clock.advance(1))
    with tempfile.TemporaryDirectory() as folder:
        then.ledger.history.export(run.id, f"{folder}/run.jsonl")
        now.history.import_(f"{folder}/run.jsonl")
        then.clock.advance(-1)  # the import asked for the time, too
    return now, now.runs.resume(run.id, payload="yes", by="bob")


def answered() -> tuple[fl.Ledger, fl.Run]:
    """A question with a deadline and a schema; held, released, noted and answered, each command with its own key."""
    recorder = Recorder(APPROVAL)
    runs, run = recorder.ledger.runs, recorder.run(None)
    runs.hold(run.id, by="ops", reason="under investigation", idempotency_key="hold-1", expected_version=run.version)
    runs.set_metadata(run.id, {"ticket": 7}, by="ops", idempotency_key="note-1")
    runs.release(run.id, by="ops", note="false alarm", idempotency_key="release-1")
    answer = {"payload": {"approved": True}, "by": "cfo", "wait": run.waits[0].id, "idempotency_key": "mail-1"}
    return recorder.ledger, runs.resume(run.id, **answer)


def routed() -> tuple[fl.Ledger, fl.Run]:
    """A failure that an edge takes, and then a condition that is true."""
    recorder = Recorder(ROUTED)
    return recorder.ledger, recorder.run()


def queued() -> tuple[fl.Ledger, fl.Run]:
    """Left to a worker, with a draft beside the version that is live."""
    recorder = Recorder(LINE)
    recorder.ledger.workflows.save(ONE, workflow_id="order", by="ada", draft=True)
    run = recorder.ledger.runs.start("order", payload=TEA, by="webhook", wait=False, idempotency_key="order-1")
    return recorder.ledger, recorder.ledger.runs.proceed(run.id, by="worker")


def reproduced() -> tuple[fl.Ledger, fl.Run]:
    """What acts on the world is taken from the record."""
    recorder = Recorder(CHARGED)
    return recorder.ledger, recorder.ledger.runs.reproduce(recorder.run().id, by="dev")


def asked_again() -> tuple[fl.Ledger, fl.Run]:
    """A retry from the node that had asked."""
    recorder = Recorder(APPROVAL)
    runs = recorder.ledger.runs
    first = runs.resume(recorder.run(None).id, payload={"approved": True}, by="cfo")
    again = runs.retry(first.id, "approve", by="eve")
    return recorder.ledger, runs.resume(again.id, payload={"approved": False}, by="bob")


def adopted() -> tuple[fl.Ledger, fl.Run]:
    """A snapshot from elsewhere goes on."""
    recorder = Recorder(LINE)
    read = {"output": {"what": "tea", "net": 100.0}, "timestamp": 1_700_000_000_000, "attempt": 1}
    snapshot = {
        "workflowId": "elsewhere",
        "status": "active",
        "currentNodeId": "price",
        "context": {"read": [read]},
        "version": 3,
        "metadata": {"team": "north"},
    }
    return recorder.ledger, recorder.ledger.runs.adopt(snapshot, workflow_id="order", by="ada")


def changed() -> tuple[fl.Ledger, fl.Run]:
    """Run with other code than today's: a replay must fail."""
    recorder = Recorder(LINE, price=price_of_then)
    return recorder.ledger, recorder.run()


History = Callable[[], tuple[fl.Ledger, fl.Run]]

SINCE: dict[str, list[History]] = {
    "0.1.0": [linear, branch, loop, retry, pause_resume, cancelled, failure, reuse, drifted, changed],
    "0.2.0": [answered, routed, queued, reproduced, asked_again, adopted],
}
"""The histories that each release has that the ones before it couldn't record."""

HISTORIES = list(chain.from_iterable(SINCE.values()))


def main(folder: Path) -> None:
    folder.mkdir(parents=True)
    for history in HISTORIES:
        ledger, run = history()
        with ledger:
            ledger.history.export(run.id, folder / f"{history.__name__}.jsonl")
            (folder / f"{history.__name__}.json").write_bytes(ledger.history.snapshot(run.id).to_json() + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
