"""What workers do with what is due: how late, how soon after another one died, and what idling costs the server."""

import asyncio
import os
import random
import re
import signal
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import flowledger as fl

from .fleet import fleet
from .report import Row
from .servers import Stores
from .systems.ours_due import LEASE, WORKFLOW, began, save, serve, serve_until_killed

WAITING = 10_000
WORKERS = 10


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    tries = 50 if quick else 300
    return [
        *_lateness(stores, tries, waiting=0),
        *_lateness(stores, tries, waiting=1_000 if quick else WAITING),
        _statements_of_an_idle_store(stores, seconds=10 if quick else 60),
        _recovery(stores, rounds),
    ]


def _lateness(stores: Stores, tries: int, waiting: int) -> list[Row]:
    url = stores.postgres()
    with fl.open_ledger(url) as ledger:
        save(ledger)
        asyncio.run(_let_wait(ledger, waiting))
        with fleet(serve, url, 2):
            queued = [_queued(ledger) for _ in range(tries)]
            planned = _planned(ledger, tries)
    store = f"{waiting:,} runs wait for tomorrow" if waiting else "an idle store"
    return [
        _row(f"from the start of a queued run to its execution by one of two workers, {store}", queued),
        _row(f"from the time for which a run was planned to its execution, {store}", planned),
    ]


async def _let_wait(ledger: fl.Ledger, runs: int) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for _ in range(0, runs, 500):
        await asyncio.gather(*(ledger.runs.astart(WORKFLOW, wait=False, run_at=tomorrow) for _ in range(500)))


def _queued(ledger: fl.Ledger) -> float:
    time.sleep(random.uniform(0.01, 0.05))  # at any moment of what workers do by the clock
    run = ledger.runs.start(WORKFLOW, wait=False)
    started = time.time_ns()
    return (began(ledger, run.id) - started) / 1e6


def _planned(ledger: fl.Ledger, runs: int) -> list[float]:
    planned: dict[str, datetime] = {}
    for _ in range(runs):
        at = datetime.now(UTC) + timedelta(seconds=random.uniform(2, 12))
        planned[ledger.runs.start(WORKFLOW, wait=False, run_at=at).id] = at
    return [(began(ledger, run_id) / 1e9 - at.timestamp()) * 1e3 for run_id, at in planned.items()]


def _row(what: str, milliseconds: Sequence[float]) -> Row:
    hundredths = statistics.quantiles(milliseconds, n=100, method="inclusive")
    text = f"{hundredths[49]:.1f} ms; {hundredths[98]:.1f} ms"
    detail = f"median; 99th percentile of {len(milliseconds)}, at most {max(milliseconds):.1f} ms"
    return Row(what, text, "", met=True, detail=detail)


def _statements_of_an_idle_store(stores: Stores, seconds: float) -> Row:
    what, target = f"statements a second of {WORKERS} workers that have nothing to do", "< 20"
    if stores.log is None:
        return Row(what, "the server's log isn't here to be counted", target, met=False)
    url = stores.postgres()
    with fl.open_ledger(url) as ledger:
        save(ledger)
    with fleet(serve, url, WORKERS), stores.logged_statements():
        before = _logged(stores)
        time.sleep(seconds)
        found = (_logged(stores) - before) / seconds
    return Row(what, f"{found:.1f}", target, met=found < 20, detail=f"counted in the server's log for {seconds:.0f} s")


def _logged(stores: Stores) -> int:
    assert stores.log is not None
    return len(re.findall(rb"LOG:  (?:statement|execute)", stores.log.read_bytes()))


def _recovery(stores: Stores, rounds: int) -> Row:
    url = stores.postgres()
    found: list[float] = []
    with fl.open_ledger(url) as ledger:
        save(ledger)
        for _ in range(rounds):
            with fleet(serve_until_killed, url, 2):
                found.append(_recovered(ledger))
    return Row(
        "from the death of a worker to the next execution of its run, in leases",
        f"{statistics.median(found):.2f}",
        "≤ 1.5",
        met=max(found) <= 1.5,
        detail=f"median; at most {max(found):.2f}, with leases of {LEASE:.0f} s",
    )


def _recovered(ledger: fl.Ledger) -> float:
    run = ledger.runs.start(WORKFLOW, wait=False)
    while not (claims := [e for e in ledger.history.events(run.id) if e.type == "run.claimed"]):
        time.sleep(0.01)
    time.sleep(random.uniform(0, LEASE))  # at any moment between two heartbeats
    os.kill(claims[0].data["worker"]["pid"], signal.SIGKILL)
    killed = time.time_ns()
    return (began(ledger, run.id) - killed) / 1e9 / LEASE
