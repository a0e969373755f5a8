"""flowledger: a run that starts in a transaction of the caller's, beside a start and the caller's own row apart."""

import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

import flowledger as fl

from ..workers import Work
from .ours_queued import WORKFLOW, save_line

Unit = Callable[[fl.Ledger, Any, str], object]


def both_apart(ledger: fl.Ledger, caller: Any, insert: str) -> None:
    caller.execute(insert)
    caller.commit()
    ledger.runs.start(WORKFLOW, wait=False)


def both_together(ledger: fl.Ledger, caller: Any, insert: str) -> None:
    ledger.within(caller).runs.start(WORKFLOW, wait=False)
    caller.execute(insert)
    caller.commit()


def start_alone(ledger: fl.Ledger, caller: Any, insert: str) -> None:
    ledger.runs.start(WORKFLOW, wait=False)


def start_inside(ledger: fl.Ledger, caller: Any, insert: str) -> None:
    ledger.within(caller).runs.start(WORKFLOW, wait=False)
    caller.commit()


@contextmanager
def doing(unit: Unit, url: str) -> Generator[Work]:
    """Each unit of work is one call of ``unit``."""
    with fl.open_ledger(url) as ledger, closing(_connect(url)) as caller:
        save_line(ledger)
        caller.execute("CREATE TABLE orders (name TEXT NOT NULL)")
        caller.commit()

        def work(units: int) -> float:
            began = time.perf_counter()
            for _ in range(units):
                unit(ledger, caller, "INSERT INTO orders VALUES ('a')")
            return time.perf_counter() - began

        yield work


def _connect(url: str) -> Any:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute("PRAGMA synchronous = FULL")
        return connection
    return psycopg.connect(url)
