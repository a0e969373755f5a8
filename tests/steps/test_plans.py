"""What the databases do for lists of steps and failures: they walk an index in the order of the page, never a table."""

import json
import random
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.queries.index import runs as runs_sql
from flowledger.infrastructure.queries.index.reader import Index
from flowledger.infrastructure.queries.search.indexer import Lag
from flowledger.infrastructure.queries.steps import sql
from flowledger.infrastructure.queries.steps.failures import Failures
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.storage.recorder import EventRow
from flowledger.projections.index.query import Place, RunQuery
from flowledger.projections.steps.query import FailureQuery, StepQuery
from flowledger.projections.steps.rows import FailureRow, StepRow, StepRows, slowness

from ..storage.test_query_plans import check, walk

STEPS = 20_000
FAILURES = 4_000
MIDDLE = STEPS * 500
DEEP = Place(MIDDLE, STEPS // 2)


def step(number: int, chance: random.Random) -> StepRow:
    """Hardly any failed, paused or slow ones."""
    status: Any = chance.choices(["completed", "failed", "paused"], [980, 19, 1])[0]
    took = chance.choices([chance.randrange(5_000), 7_000_000], [995, 5])[0]
    error = f"E{number % 5}" if status == "failed" else None
    return StepRow(
        number, number * 1000, took, 2, number % 7 + 1, 1, None, slowness(took), False, f"r{number}", f"w{number % 50}",
        f"n{number % 20}", status, error, error and "no luck", None,
    )  # fmt: skip


def failure(number: int) -> FailureRow:
    return FailureRow(
        number, number * 1000, 2, number % 7 + 1, number % 90, number % 3 > 0, f"r{number}", f"w{number % 50}",
        f"n{number % 20}", f"E{number % 5}", "no luck",
    )  # fmt: skip


@pytest.fixture(scope="module")
def filled(new_postgres_url: Callable[[], str]) -> str:
    """The URL of a store with many steps and failures."""
    url = new_postgres_url()
    open_store(url).close()
    chance = random.Random(4)
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        for table, kind, rows in (
            ("flowledger_steps", StepRow, (step(number, chance) for number in range(1, STEPS + 1))),
            ("flowledger_failures", FailureRow, map(failure, range(1, FAILURES + 1))),
        ):
            with cursor.copy(f"COPY {table} ({', '.join(kind._fields)}) FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        cursor.execute(
            "INSERT INTO flowledger_index_runs (started_at, position, workflow_version, version, queued, run_id, "
            "work_order_id, workflow_id, status, actor) SELECT n * 1000, n, 1, 2, FALSE, 'r' || n, 'o' || n, "
            f"'w' || n % 50, 'failed', 'ada' FROM generate_series(1, {STEPS}) AS n".encode()
        )
        cursor.execute(
            "INSERT INTO flowledger_index_work_orders (opened_at, position, work_order_id, workflow_id, state, actor, "
            "last_run_id) SELECT n * 1000, n, 'o' || n, 'w' || n % 50, 'failed', 'ada', 'r' || n "
            f"FROM generate_series(1, {FAILURES}) AS n".encode()
        )
        cursor.execute("VACUUM ANALYZE")
    return url


QUERIES = {
    "all": StepQuery(),
    "workflow": StepQuery(workflow_id="w7"),
    "node": StepQuery(node="n7"),
    "node of a workflow": StepQuery(workflow_id="w7", node="n7"),
    "failed": StepQuery(status=("failed",)),
    "failed of a workflow": StepQuery(workflow_id="w7", status=("failed",)),
    "several statuses": StepQuery(status=("completed", "failed", "paused")),
    "error type": StepQuery(error_type="E1"),
    "slow": StepQuery(longer_than=5_000_000),
    "not fast": StepQuery(longer_than=1_000),
    "slow and failed": StepQuery(longer_than=1_000, status=("failed", "paused")),
    "time": StepQuery(since=MIDDLE, until=MIDDLE + 5_000_000),
}


@pytest.mark.parametrize("place", [None, DEEP], ids=["first page", "page far behind"])
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_no_list_of_steps_walks_a_whole_table(filled: str, query: StepQuery, place: Place | None) -> None:
    with psycopg.connect(filled, autocommit=True) as connection:
        check(connection, sql.steps(replace(query, before=place), "postgres", 51))


FAILURE_QUERIES = {
    "a time": (FailureQuery(since=1_000_000, until=1_200_000), 200),
    "a workflow": (FailureQuery(workflow_id="w7"), FAILURES // 50),
    "a workflow, retried ones, too": (FailureQuery(workflow_id="w7", retried=True, until=1_200_000), FAILURES // 50),
    "a node": (FailureQuery(node="n7", since=1_000_000, until=1_200_000), 200),
}


@pytest.mark.parametrize(("query", "failures"), FAILURE_QUERIES.values(), ids=FAILURE_QUERIES)
def test_groups_of_failures_cost_the_failures_that_they_count(
    filled: str, monkeypatch: pytest.MonkeyPatch, query: FailureQuery, failures: int
) -> None:
    with closing(open_store(filled)) as store:
        plans = plans_of(store, monkeypatch)
        page = Failures(Index(store.recorder), lambda: Lag(0, 0, 0.0)).page(query, None, 5)
        assert page
    counting, *_ = plans
    assert looked_at(counting, "flowledger_failures") <= failures
    for plan in plans:
        scans = {node["Relation Name"] for node in walk(plan) if node["Node Type"] == "Seq Scan"}
        assert not scans & {"flowledger_steps", "flowledger_failures"}, json.dumps(plan, indent=1)


@pytest.mark.parametrize("place", [None, DEEP], ids=["first page", "page far behind"])
def test_the_runs_of_a_group_are_found_by_the_group(filled: str, place: Place | None) -> None:
    with psycopg.connect(filled, autocommit=True) as connection:
        check(connection, runs_sql.runs(RunQuery(failure=17, before=place), "postgres", 51), FAILURES // 10)


def plans_of(store: LedgerEventStore, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The plans of all statements to come on failures."""
    plans: list[Any] = []
    query = store.recorder.query

    def explained(statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        if "flowledger_failures" in statement:
            ((plan,),) = query(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            plans.append((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
        return query(statement, parameters)

    monkeypatch.setattr(store.recorder, "query", explained)
    return plans


def looked_at(plan: Any, table: str) -> int:
    scans = [node for node in walk(plan) if node.get("Relation Name") == table]
    assert scans
    return sum((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in scans)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path: Path = tmp_path_factory.mktemp("plans") / "s.db"
    open_store(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection:
        yield connection


INDEXES = {
    "all": {"time"},
    "workflow": {"workflow"},
    "node": {"node"},
    "node of a workflow": {"node", "workflow"},
    "failed": {"status"},
    "failed of a workflow": {"workflow_status"},
    "several statuses": {"status", "time"},
    "error type": {"error"},
    "slow": {"slowness"},
    "not fast": {"slowness"},
    "slow and failed": {"slowness"},
    "time": {"time"},
}


@pytest.mark.parametrize("place", [None, DEEP], ids=["first page", "page far behind"])
@pytest.mark.parametrize("name", QUERIES)
def test_sqlite_walks_the_same_indexes_and_sorts_no_table(
    file: sqlite3.Connection, name: str, place: Place | None
) -> None:
    query = sql.steps(replace(QUERIES[name], before=place), "sqlite", 51)
    plan = [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {query.sql}", query.parameters)]
    used = set(re.findall(r"INDEX flowledger_steps_by_(\w+)", " ".join(plan)))
    assert used, plan
    assert used <= INDEXES[name], plan
    pages = len([line for line in plan if "flowledger_steps" in line])
    sorts = [line for line in plan if "TEMP B-TREE" in line]
    assert len(sorts) <= (pages if pages > 1 else 0), plan  # pages of their own are sorted to be merged


@pytest.mark.parametrize(("query", "_"), FAILURE_QUERIES.values(), ids=FAILURE_QUERIES)
def test_sqlite_counts_groups_by_the_same_indexes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: FailureQuery, _: int
) -> None:
    with closing(open_store(f"sqlite:///{tmp_path / 's.db'}")) as store:
        rows = [failure(number)._replace(workflow_id="w7", node_id="n7") for number in (1_000, 1_001)]
        assert store.search.save(store.search.progress(), [LAST], (), StepRows([], rows))
        plan: list[str] = []
        ask = store.recorder.query

        def explained(statement: str, parameters: Mapping[str, Any]) -> list[Any]:
            plan.extend(row[3] for row in ask(f"EXPLAIN QUERY PLAN {statement}", parameters))
            return ask(statement, parameters)

        monkeypatch.setattr(store.recorder, "query", explained)
        assert Failures(Index(store.recorder), lambda: Lag(0, 0, 0.0)).page(query, None, 5)
    on_failures = [line for line in plan if "flowledger_failures" in line]
    assert len(on_failures) >= 5
    assert all("USING" in line for line in on_failures), plan


LAST = EventRow("run", 1, 1, "run.started", b"")
