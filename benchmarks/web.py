"""Pages: a long run's beside a short one's, asked for again and again; and the layout of a large graph."""

import asyncio
import random
import time
from functools import partial
from typing import Any

import httpx

import flowledger as fl
from flowledger.projections.layout import CANVAS, graph_of, lay_out
from flowledger.web import create_app

from .report import Row
from .rounds import interleaved, warmed_up
from .servers import Stores

SHORT, LONG = 50, 5_000
"""Rounds of a loop of two nodes: 100 and 10,000 steps."""
MOST = 2.0
"""Times what the page of the short run takes."""
NODES = 500
MOST_OF_LAYOUT = 0.030
"""Seconds."""


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    return [*(_pages(stores.new(backend), backend, rounds) for backend in ("PostgreSQL", "SQLite")), _layout(rounds)]


def _pages(url: str, backend: str, rounds: int) -> Row:
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: {"text": "x" * 60})
    executors.register("each")(each)
    with fl.open_ledger(url, executors) as ledger:
        app = create_app(ledger, requests_per_minute=None)
        pages = {turns: partial(_seconds_of, app, f"/runs/{store_run(ledger, turns)}") for turns in (SHORT, LONG)}
        first = pages[LONG]()
        figures = interleaved(warmed_up({str(turns): page for turns, page in pages.items()}), rounds)
    short, long = figures[str(SHORT)], figures[str(LONG)]
    ratio = long.median / short.median
    return Row(
        f"the page of a run of {2 * LONG:,} steps, beside one of {2 * SHORT}, {backend}",
        f"{ratio:.2f} ×",
        f"≤ {MOST} × the short one",
        ratio <= MOST,
        f"{long.median * 1000:.0f} ms; the first time, when all of it is read, {first * 1000:.0f} ms",
        f"{short.median * 1000:.0f} ms",
    )


def each(step: fl.StepContext) -> fl.StepResult:
    return fl.StepResult({"index": step.runs}, handle="done" if step.runs == step.data["turns"] else "item")


def store_run(ledger: fl.Ledger, turns: int) -> str:
    """A run that goes round a loop of two nodes so often: its id. The ledger has executors ``work`` and ``each``."""
    nodes: list[dict[str, Any]] = [
        {"id": "each", "type": "each", "data": {"turns": turns}},
        {"id": "work", "type": "work"},
        {"id": "last", "type": "work"},
    ]
    edges = [
        {"source": "each", "target": "work", "sourceHandle": "item"},
        {"source": "work", "target": "each"},
        {"source": "each", "target": "last", "sourceHandle": "done"},
    ]
    workflow_id = f"loop-{turns}"
    ledger.workflows.save({"start": "each", "nodes": nodes, "edges": edges}, workflow_id=workflow_id, by="bench")
    return ledger.runs.start(workflow_id, step_limit=None, by="bench").id


def _seconds_of(app: Any, path: str) -> float:
    """Of a page, without a server; a page is sent when all of it is made."""

    async def ask() -> float:
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            began = time.perf_counter()
            answer = await client.get(path)
            took = time.perf_counter() - began
        assert answer.status_code == 200, answer.text
        return took

    return asyncio.run(ask())


def _layout(rounds: int) -> Row:
    """Three edges for two nodes, most of them to nodes that are near."""
    chance = random.Random(7)
    edges = [{"source": f"n{at // 2}", "target": f"n{at}"} for at in range(1, NODES)]
    for _ in range(NODES // 2):
        source = chance.randrange(NODES - 20)
        edges.append({"source": f"n{source}", "target": f"n{source + chance.randrange(1, 20)}"})
    edges = [{**edge, "sourceHandle": f"h{number}"} for number, edge in enumerate(edges)]
    nodes = [{"id": f"n{at}", "type": "work"} for at in range(NODES)]
    graph = graph_of(fl.WorkflowDefinition.model_validate({"start": "n0", "nodes": nodes, "edges": edges}))

    def lay() -> float:
        began = time.perf_counter()
        assert lay_out(graph, CANVAS) is not None
        return time.perf_counter() - began

    took = interleaved(warmed_up({"layout": lay}), rounds)["layout"].median
    figure = f"{took * 1000:.0f} ms"
    return Row(f"layout of {NODES} nodes, {len(edges)} edges", figure, "≤ 30 ms", took <= MOST_OF_LAYOUT)
