"""Absurd: a task with ten steps, each a checkpoint in its stored procedures."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from ..fleet import STEPS, fleet, runs_from_start_to_end
from ..workers import Work
from .ours import OUTPUT

CONNECTIONS = 6
"""Of each process: a client works on one connection, whatever its concurrency."""
QUEUE = "bench"
OPEN = "SELECT count(*) FROM absurd.r_bench WHERE state IN ('pending', 'sleeping', 'running')"


@contextmanager
def queued_runs(url: str, workers: int) -> Generator[Work]:
    """Each unit is a step of a queued run."""
    import absurd_sdk
    from absurdctl import BUNDLED_SCHEMA_SQL

    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(BUNDLED_SCHEMA_SQL.encode())
        client = absurd_sdk.Absurd(connection, queue_name=QUEUE)
        client.create_queue()

        def queue(runs: int) -> None:
            with connection.transaction():
                for _ in range(runs):
                    client.spawn("line", {}, queue=QUEUE)

        with fleet(_serve, url, workers) as crew, runs_from_start_to_end(crew, url, queue, OPEN) as work:
            yield work


def _serve(url: str, ready: Callable[[], None]) -> None:
    async def serve() -> None:
        clients = [_client(url) for _ in range(CONNECTIONS)]
        ready()
        await asyncio.gather(*(client.start_worker(concurrency=4, poll_interval=0.05) for client in clients))

    asyncio.run(serve())


def _client(url: str) -> Any:
    import absurd_sdk

    client = absurd_sdk.AsyncAbsurd(url, queue_name=QUEUE)

    async def step() -> str:
        return OUTPUT

    @client.register_task("line")
    async def line(parameters: Any, context: Any) -> None:
        for number in range(STEPS):
            await context.step(f"step {number}", step)

    return client
