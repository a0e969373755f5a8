"""DBOS: a workflow whose steps return the output."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from ..workers import Work
from .ours import OUTPUT


@contextmanager
def steps(url: str, runs: int = 1) -> Generator[Work]:
    """Each unit is a step of one of so many workflows; several are started in the background."""
    from dbos import DBOS

    DBOS(config={"name": "benchmark", "system_database_url": url, "log_level": "ERROR"})

    @DBOS.step()
    def step() -> str:
        return OUTPUT

    @DBOS.workflow()
    def line(steps: int) -> None:
        for _ in range(steps):
            step()

    DBOS.launch()

    def work(units: int) -> float:
        began = time.perf_counter()
        if runs == 1:
            line(units)
        else:
            for handle in [DBOS.start_workflow(line, units // runs) for _ in range(runs)]:
                handle.get_result()
        return time.perf_counter() - began

    try:
        yield work
    finally:
        DBOS.destroy()
