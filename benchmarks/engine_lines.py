"""The engine alone on lines of trivial nodes: a step must cost the same whatever came before it."""

import time
from collections.abc import Callable

import flowledger as fl

from .report import Row
from .rounds import interleaved, warmed_up
from .servers import Stores

LENGTHS = (100, 1_000, 10_000)


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    executors = fl.ExecutorRegistry()

    @executors.register("echo")
    def echo(step: fl.StepContext) -> object:
        return step.data

    def run(length: int) -> Callable[[], float]:
        engine = fl.Engine(line(length), executors)
        repeats = max(1, LENGTHS[-1] // length)

        def once() -> float:
            began = time.perf_counter()
            for _ in range(repeats):
                assert engine.execute(step_limit=None).status == "completed"
            return (time.perf_counter() - began) / (repeats * length)

        return once

    figures = interleaved(warmed_up({str(length): run(length) for length in LENGTHS}), rounds)
    rows = [
        Row(
            f"engine, line of {name} nodes",
            f"{1 / figure.median:,.0f} steps/s",
            "≥ 50,000",
            1 / figure.median >= 50_000,
            str(figure),
        )
        for name, figure in figures.items()
    ]
    medians = [figure.median for figure in figures.values()]
    ratio = max(medians) / min(medians)
    return [*rows, Row("engine, slowest line against fastest", f"{ratio:.2f} ×", "≤ 1.5 ×", ratio <= 1.5)]


def line(length: int) -> fl.WorkflowDefinition:
    """Nodes one after the other, of type ``echo``."""
    nodes = [{"id": f"n{i}", "type": "echo", "data": {"i": i}} for i in range(length)]
    edges = [{"source": f"n{i}", "target": f"n{i + 1}"} for i in range(length - 1)]
    return fl.WorkflowDefinition.model_validate({"nodes": nodes, "edges": edges})
