"""A ledger, a table of the caller's beside it, and callers of each kind."""

import sqlite3
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

import flowledger as fl

from ..storage.clusters import run_sql
from .callers import POSTGRES, SQLITE, Caller

executors = fl.ExecutorRegistry()


@executors.register("echo")
def echo(step: fl.StepContext) -> Any:
    return step.payload


@executors.register("ask")
def ask(step: fl.StepContext) -> Any:
    return fl.Pause(reason="approve?") if step.answer is None else step.answer.payload


def definition(*types: str) -> dict[str, Any]:
    nodes = [{"id": f"{type}{number}", "type": type} for number, type in enumerate(types)]
    edges = [
        {"id": f"e{number}", "source": before["id"], "target": after["id"]}
        for number, (before, after) in enumerate(pairwise(nodes))
    ]
    return {"nodes": nodes, "edges": edges, "start": nodes[0]["id"]}


@pytest.fixture(scope="module")
def pg_url(new_postgres_url: Callable[[], str]) -> str:
    url = new_postgres_url()
    run_sql(url, "CREATE TABLE mine (text text PRIMARY KEY)")
    return url


@pytest.fixture(scope="module")
def pg_ledger(pg_url: str) -> Iterator[fl.Ledger]:
    with fl.open_ledger(pg_url, executors) as ledger:
        ledger.workflows.save(definition("echo"), workflow_id="order")
        ledger.workflows.save(definition("ask", "echo"), workflow_id="approval")
        yield ledger


@pytest.fixture
def pg(pg_url: str) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(pg_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture(params=[*POSTGRES, *SQLITE])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if kind in POSTGRES:
        return str(request.getfixturevalue("pg_url"))
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with fl.open_ledger(url, executors) as ledger:
        ledger.workflows.save(definition("echo"), workflow_id="order")
        ledger.workflows.save(definition("ask", "echo"), workflow_id="approval")
    connection = sqlite3.connect(tmp_path / "ledger.db")
    connection.execute("CREATE TABLE mine (text text PRIMARY KEY)")
    connection.close()
    return url


@pytest.fixture
def ledger(kind: str, url: str, request: pytest.FixtureRequest) -> Iterator[fl.Ledger]:
    if kind in POSTGRES:
        yield request.getfixturevalue("pg_ledger")
        return
    with fl.open_ledger(url, executors) as ledger:
        yield ledger


@pytest.fixture
def caller(kind: str, url: str, ledger: fl.Ledger) -> Iterator[Caller]:
    caller = (POSTGRES | SQLITE)[kind](url)
    yield caller
    caller.close()


@pytest.fixture
def rows(url: str) -> Callable[[], set[str]]:
    """Call it for the caller's own rows, as another connection sees them."""

    def read() -> set[str]:
        if url.startswith("sqlite"):
            connection: Any = sqlite3.connect(url.removeprefix("sqlite:///"))
        else:
            connection = psycopg.connect(url)
        found = {text for (text,) in connection.execute("SELECT text FROM mine")}
        connection.close()
        return found

    return read
