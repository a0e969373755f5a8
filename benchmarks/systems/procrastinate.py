"""Procrastinate: a job is one step, and defers the next one before it is done, so that a crash loses no step."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from ..fleet import STEPS, fleet, runs_from_start_to_end
from ..workers import Work
from .ours import OUTPUT

CONCURRENCY = 10
"""Jobs at once in a process: more are not faster."""
LONGEST_TURN = 600.0
"""Seconds for which others may have theirs, while these workers stand still and are not to be taken for dead."""
OPEN = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"


@contextmanager
def queued_runs(url: str, workers: int, *, jobs_per_run: int = STEPS) -> Generator[Work]:
    """Each unit is a step of a queued run. With one job a run, nothing is recorded of its steps."""
    import procrastinate

    app, step = _app(procrastinate.SyncPsycopgConnector(conninfo=url))
    with app.open():
        app.schema_manager.apply_schema()

        def queue(runs: int) -> None:
            step.batch_defer(*({"number": STEPS - jobs_per_run + 1, "before": OUTPUT} for _ in range(runs)))

        with fleet(_serve, url, workers) as crew, runs_from_start_to_end(crew, url, queue, OPEN) as work:
            yield work


def _serve(url: str, ready: Callable[[], None]) -> None:
    import procrastinate

    app, _ = _app(procrastinate.PsycopgConnector(conninfo=url, min_size=2, max_size=CONCURRENCY))

    async def serve() -> None:
        async with app.open_async():
            ready()
            await app.run_worker_async(
                concurrency=CONCURRENCY,
                fetch_job_polling_interval=0.05,
                delete_jobs="successful",
                stalled_worker_timeout=LONGEST_TURN,
            )

    asyncio.run(serve())


def _app(connector: Any) -> tuple[Any, Any]:
    import procrastinate

    app = procrastinate.App(connector=connector)

    @app.task(name="step")
    async def step(number: int, before: str) -> str:
        if number < STEPS:
            await step.defer_async(number=number + 1, before=OUTPUT)
        return OUTPUT

    return app, step
