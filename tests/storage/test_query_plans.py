"""What PostgreSQL does for each list: it walks an index in the order of the page, and never a whole table."""

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import psycopg
import pytest

from flowledger.domain.values.clock import LATEST
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.queries.index import sql
from flowledger.infrastructure.queries.index.backlog import BACKLOG, RECOVERIES
from flowledger.infrastructure.queries.index.runs import RUN_COLUMNS, run_counts, runs
from flowledger.infrastructure.storage.postgres.recorder import convert_parameters
from flowledger.projections.counts import RunGroup
from flowledger.projections.index.query import Condition, Order, Place, RunQuery, SortKey, WaitQuery, WorkOrderQuery

RUNS = 20_000


@pytest.fixture(scope="module")
def connection(new_postgres_url: Any) -> Iterator[Any]:
    """A store with many runs in its index: hardly any paused or failed ones."""
    url = new_postgres_url()
    open_store(url).close()
    chance = random.Random(4)
    with psycopg.connect(url, autocommit=True) as connection:
        with connection.cursor() as cursor:
            columns = ", ".join(COLUMNS)
            with cursor.copy(f"COPY flowledger_index_runs ({columns}) FROM STDIN") as rows:
                for number in range(1, RUNS + 1):
                    rows.write_row(run(number, chance))
            with cursor.copy(
                "COPY flowledger_index_work_orders (opened_at, position, work_order_id, workflow_id, state, actor, "
                "last_run_id, finished_at) FROM STDIN"
            ) as rows:
                for number in range(1, RUNS + 1):
                    state = "failed" if number % 100 == 0 else "success"
                    who = f"w{number % 50}", state, f"a{number % 90}", f"r{number}"
                    rows.write_row((number * 1000, number, f"o{number}", *who, number * 1000 + 500))
            with cursor.copy(
                "COPY flowledger_index_changes (version, position, recorded_at, is_act, stream, actor, type, status) "
                "FROM STDIN"
            ) as rows:
                for number in range(1, RUNS + 1):
                    rows.write_row((1, number, number * 1000, True, f"r{number}", f"a{number % 90}", "t", "active"))
        connection.execute("ANALYZE")
        yield connection


def run(number: int, chance: random.Random) -> tuple[Any, ...]:
    status = chance.choices(["completed", "failed", "paused", "active"], [970, 28, 1, 1])[0]
    ended = number * 1000 + 500 if status in ("completed", "failed") else None
    row = {
        "run_id": f"r{number}",
        "work_order_id": f"o{number}",
        "workflow_id": f"w{number % 50}",
        "workflow_version": number % 7 + 1,
        "actor": f"a{number % 90}",
        "started_at": number * 1000,
        "position": number,
        "origin": None,
        "source": None,
        "status": status,
        "node_id": "n" if status in ("failed", "paused") else None,
        "error_type": f"E{number % 5}" if status == "failed" else None,
        "finished_at": ended,
        "version": 2,
        "queued": status == "active" and number % 2 == 0,
        "ready_at": number * 1000 if status != "paused" and ended is None and number % 2 == 0 else None,
        "wait_version": 2 if status == "paused" else None,
        "asked_at": number * 1000 if status == "paused" else None,
        "due_at": number * 2000 if status == "paused" and number % 2 else None,
        "held": False,
        "owner": f"o{number % 8}" if status == "active" and number % 2 else None,
        "active_at": LATEST if status == "active" and number % 2 else number * 1000 + 500,
    }
    return tuple(row[name] for name in COLUMNS)


COLUMNS = (*RUN_COLUMNS, "asked_at", "ready_at")


MIDDLE = RUNS * 500
DEEP = Place(MIDDLE, RUNS // 2)
QUERIES = {
    "all": RunQuery(),
    "workflow": RunQuery(workflow_id="w7"),
    "version": RunQuery(workflow_id="w7", version=3),
    "status": RunQuery(status=("failed",)),
    "several statuses": RunQuery(status=("failed", "paused", "completed")),
    "status of a workflow": RunQuery(workflow_id="w7", status=("failed",)),
    "actor": RunQuery(by="a3"),
    "node": RunQuery(node="n"),
    "error type": RunQuery(error_type="E1"),
    "time": RunQuery(since=MIDDLE, until=MIDDLE + 5_000_000),
    "due": RunQuery(due_before=MIDDLE),
    "held": RunQuery(held=True),
    "queued": RunQuery(queued=True),
    "owner": RunQuery(owner="o1"),
    "as of": RunQuery(as_of=MIDDLE),
    "failed as of": RunQuery(as_of=MIDDLE, status=("failed",)),
    "by activity": RunQuery(order=Order("activity")),
    "least active first": RunQuery(order=Order("activity", descending=False)),
    "by end": RunQuery(order=Order("ended")),
    "by duration": RunQuery(order=Order("duration")),
    "shortest first": RunQuery(order=Order("duration", descending=False)),
    "workflow by activity": RunQuery(workflow_id="w7", order=Order("activity")),
    "failed by end": RunQuery(status=("failed",), order=Order("ended")),
    "failed and paused by duration": RunQuery(status=("failed", "paused"), order=Order("duration")),
    "key": RunQuery(work_orders=("o7", "o8")),
    "paused as of": RunQuery(as_of=MIDDLE, status=("paused",)),
}


@pytest.mark.parametrize("place", [None, DEEP], ids=["first page", "page far behind"])
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_no_list_of_runs_walks_a_whole_table(connection: Any, query: RunQuery, place: Place | None) -> None:

    check(connection, runs(replace(query, before=place), "postgres", 51))


@pytest.mark.parametrize("group", get_args(RunGroup))
@pytest.mark.parametrize(
    "query",
    [
        RunQuery(status=("failed",)),
        RunQuery(status=("failed", "paused")),
        RunQuery(error_type="E1"),
        RunQuery(since=MIDDLE, until=MIDDLE + 500_000),
        RunQuery(held=True),
        RunQuery(owner="o1"),
    ],
    ids=["status", "statuses", "error type", "time", "held", "owner"],
)
def test_counting_some_runs_looks_at_no_others(connection: Any, query: RunQuery, group: RunGroup) -> None:
    # Each is counted by the index that finds it, by the bitmaps made of it, and in the table.
    check(connection, run_counts(query, group, "postgres", 100), RUNS // 6)


@pytest.mark.parametrize("place", [None, DEEP], ids=["first page", "page far behind"])
@pytest.mark.parametrize(
    "query",
    [
        {},
        {"workflow_id": "w7"},
        {"state": "failed"},
        {"workflow_id": "w7", "state": "failed"},
        {"by": "a3"},
        {"order": Order("ended")},
        {"order": Order("duration")},
        {"order": Order("activity")},
    ],
)
def test_no_list_of_work_orders_walks_a_whole_table(connection: Any, query: Any, place: Place | None) -> None:
    check(connection, sql.work_orders(WorkOrderQuery(**query, before=place), "postgres", 51))


@pytest.mark.parametrize("place", [None, DEEP], ids=["first page", "page far behind"])
@pytest.mark.parametrize("query", [{}, {"workflow_id": "w7"}, {"node": "n"}, {"workflow_id": "w7", "node": "n"}])
@pytest.mark.parametrize("due_before", [None, MIDDLE])
def test_a_list_of_waits_looks_at_nothing_but_waits(
    connection: Any, query: Any, due_before: int | None, place: Place | None
) -> None:
    condition = sql.waits(WaitQuery(**query, due_before=due_before, behind=place), 51)
    check(connection, condition, at_most=60)


@pytest.mark.parametrize("by", [None, "a3"])
def test_no_trail_walks_a_whole_table(connection: Any, by: str | None) -> None:
    check(connection, sql.acts(by, None, None, None, None, None, DEEP, 51))


@pytest.mark.parametrize(("kind", "channel"), [("run", None), ("tokens", None), (None, "web"), ("run", "cli")])
def test_a_trail_of_a_kind_or_channel_reads_rows_of_acts_that_match_alone(
    connection: Any, kind: str | None, channel: str | None
) -> None:
    check(connection, sql.acts(None, None, None, None, kind, channel, DEEP, 51))


def test_the_family_of_a_run_is_found_by_its_work_order(connection: Any) -> None:
    check(connection, sql.related_runs("r7"))


def check(connection: Any, query: Condition, at_most: int = RUNS // 10) -> None:
    rows = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {convert_parameters(query.sql)}", query.parameters)
    ((plan,),) = rows.fetchall()
    nodes = list(walk(plan[0]["Plan"]))
    kinds = [node["Node Type"] for node in nodes]
    assert "Seq Scan" not in kinds, json.dumps(plan, indent=1)
    looked_at = sum(node["Actual Rows"] * node["Actual Loops"] for node in nodes if "Scan" in node["Node Type"])
    assert looked_at < at_most, json.dumps(plan, indent=1)


def walk(node: Any) -> Iterator[Any]:
    yield node
    for below in node.get("Plans", ()):
        yield from walk(below)


@pytest.mark.parametrize("query", [Condition(BACKLOG, {"now": MIDDLE}), Condition(RECOVERIES, {})])
def test_counting_what_has_not_ended_looks_at_nothing_else(connection: Any, query: Condition) -> None:
    rows = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {convert_parameters(query.sql)}", query.parameters)
    ((plan,),) = rows.fetchall()
    scans = [node for node in walk(plan[0]["Plan"]) if node.get("Relation Name", "").startswith("flowledger_index")]
    assert "Seq Scan" not in {node["Node Type"] for node in scans}, json.dumps(plan, indent=1)
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in scans) < RUNS // 100, json.dumps(plan, indent=1)


def test_sqlite_counts_them_by_the_same_indexes(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path / 'runs.db'}").close()
    chance = random.Random(4)
    with closing(sqlite3.connect(tmp_path / "runs.db")) as connection:
        insert = f"INSERT INTO flowledger_index_runs ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
        connection.executemany(insert, (run(number, chance) for number in range(1, 2_001)))
        connection.execute("ANALYZE")
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {BACKLOG}", {"now": MIDDLE})]
    used = {step.split(" INDEX ")[-1].split(" ")[0] for step in plan if "flowledger_index_runs" in step}
    names = {"ready", "by_status", "by_owner", "unowned"}
    assert used <= {f"flowledger_index_runs_{name}" for name in names}, plan


@pytest.mark.parametrize("by", ["activity", "ended", "duration"])
@pytest.mark.parametrize("descending", [True, False])
def test_sqlite_walks_the_index_of_an_order_or_sorts_what_a_filter_finds(
    tmp_path: Path, by: SortKey, *, descending: bool
) -> None:
    open_store(f"sqlite:///{tmp_path / 'runs.db'}").close()
    query = RunQuery(workflow_id="w7", status=("failed",), order=Order(by, descending), before=DEEP)
    index = {"activity": "by_activity", "ended": "by_end", "duration": "by_duration"}[by]
    with closing(sqlite3.connect(tmp_path / "runs.db")) as connection:
        for walks in (True, False):
            condition = runs(query, "sqlite", 51, walks=walks)
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {condition.sql}", condition.parameters)]
            assert any(f"USING INDEX flowledger_index_runs_{index}" in step for step in plan) is walks, plan
            assert not any(step.startswith("SCAN flowledger_index_runs") and "INDEX" not in step for step in plan), plan
