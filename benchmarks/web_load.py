"""A server that many ask at once, and one on which many follow a store in which nothing happens."""

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import psycopg

import flowledger as fl

from .report import Row
from .servers import Stores

AT_ONCE = 200
FOLLOWERS = 1_000
SETTLED = 15.0
"""Seconds after which PostgreSQL has counted what came before: an idle connection tells it within ten."""
IDLE = 10.0
"""Seconds for which statements are counted."""
PATIENCE = 120.0
MOST_GROWTH = 100
"""MB that the server may grow by when all ask at once, or follow."""
MOST_TRANSACTIONS = 10
"""A second, of all followers together: one reader looks for all of them."""


class Server(NamedTuple):
    """``flowledger serve``, in a process of its own."""

    url: str
    pid: int

    def megabytes(self, line: str = "VmRSS") -> float:
        """What it holds, or with VmHWM has held at most."""
        status = Path(f"/proc/{self.pid}/status").read_text("utf-8")
        (found,) = [each for each in status.splitlines() if each.startswith(f"{line}:")]
        return int(found.split()[1]) / 1024


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    del rounds, quick
    _allow_connections()
    url = stores.postgres()
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: {"text": "x" * 60})
    with fl.open_ledger(url, executors, create=True) as ledger:
        nodes = [{"id": f"n{number}", "type": "work"} for number in range(10)]
        edges = [{"source": f"n{number}", "target": f"n{number + 1}"} for number in range(9)]
        ledger.workflows.save({"nodes": nodes, "edges": edges}, workflow_id="ten", by="bench")
        run = [ledger.runs.start("ten", by="bench").id for _ in range(100)][-1]
    with serving(url) as server:
        asked = asyncio.run(_ask_at_once(server, ["/history", f"/runs/{run}", "/api/runs", "/failures"]))
    with serving(url) as server:
        followed = asyncio.run(_follow(server, url))
    return [asked, *followed]


def _allow_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8_192), most))


@contextmanager
def serving(url: str) -> Generator[Server]:
    words = [sys.executable, "-m", "flowledger", "--store", url, "serve", "--port", "0", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            told = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
            yield Server(told["url"].rstrip("/"), process.pid)
        finally:
            process.terminate()


async def _ask_at_once(server: Server, paths: list[str]) -> Row:
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE, limits=limits) as client:
        for path in paths:  # what is read or compiled once
            (await client.get(path)).raise_for_status()
        before = server.megabytes("VmHWM")
        began = time.perf_counter()
        answers = await asyncio.gather(*(client.get(paths[n % len(paths)]) for n in range(AT_ONCE)))
        took = time.perf_counter() - began
    failed = sum(answer.status_code != 200 for answer in answers)
    grown = server.megabytes("VmHWM") - before
    return Row(
        f"{AT_ONCE} pages and lists asked for at once, PostgreSQL",
        f"{failed} errors, + {grown:.0f} MB",
        f"0 errors, ≤ + {MOST_GROWTH} MB",
        failed == 0 and grown <= MOST_GROWTH,
        f"all answered in {took:.1f} s; {before:.0f} MB before",
    )


async def _follow(server: Server, url: str) -> list[Row]:
    before = server.megabytes()
    first = await _open_stream(server)
    alone = await _transactions_a_second(url)
    others = await asyncio.gather(*(_open_stream(server) for _ in range(FOLLOWERS - 1)))
    together = await _transactions_a_second(url)
    grown = server.megabytes() - before
    for writer in (first, *others):
        writer.close()
    return [
        Row(
            f"memory of {FOLLOWERS:,} idle streams",
            f"{grown:.0f} MB",
            f"≤ {MOST_GROWTH} MB",
            grown <= MOST_GROWTH,
            f"{grown * 1024 / FOLLOWERS:.0f} kB a stream",
        ),
        Row(
            f"transactions of {FOLLOWERS:,} idle streams",
            f"{together:.1f} a second",
            f"≤ {MOST_TRANSACTIONS} a second",
            together <= MOST_TRANSACTIONS,
            f"one stream: {alone:.1f} a second",
        ),
    ]


async def _open_stream(server: Server) -> asyncio.StreamWriter:
    """One that has begun."""
    address = httpx.URL(server.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(f"GET /api/stream HTTP/1.1\r\nHost: {address.host}:{address.port}\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE):
        await reader.readuntil(b"retry: 1000")
    return writer


async def _transactions_a_second(url: str) -> float:
    query = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    with psycopg.connect(url, autocommit=True) as connection:

        def counted() -> int:
            connection.execute("SELECT pg_stat_clear_snapshot()")
            (row,) = connection.execute(query).fetchall()
            return int(row[0])

        await asyncio.sleep(SETTLED)
        before, began = counted(), time.perf_counter()
        await asyncio.sleep(IDLE)
        return (counted() - before) / (time.perf_counter() - began)
