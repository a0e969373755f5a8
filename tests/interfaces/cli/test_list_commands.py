"""``history``, ``orders`` and ``rebuild``: tables, JSON, CSV and files, page by page."""

import csv
import io
import json
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

import flowledger as fl

from .conftest import CommandLine

WORKFLOW = 'a/b "c" \N{GRINNING FACE}'
EVE = "=1+1"


executors = fl.ExecutorRegistry()
executors.register("echo")(lambda step: step.payload)
executors.register("ask")(lambda step: fl.Pause(reason="a person must look"))


@executors.register("boom")
def boom(step: fl.StepContext) -> None:
    raise ValueError("kaputt")


@pytest.fixture
def cli(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The same, whose relative addresses hold in this process as well."""
    monkeypatch.chdir(cli.home)
    return cli


def node(type: str) -> dict[str, Any]:
    return {"nodes": [{"id": "n1", "type": type}]}


@pytest.fixture
def runs(cli: CommandLine) -> list[str]:
    """Ids of three runs, newest first: one by ``EVE`` that waits, one that failed, one that is done."""
    with fl.open_ledger(cli.store, executors) as ledger:
        for type in ("ask", "echo", "boom"):
            ledger.workflows.save(node(type), workflow_id="w", by="ada")
            if type == "echo":
                done = ledger.runs.start("w", by="ada").id
        ledger.workflows.save(node("ask"), workflow_id=WORKFLOW, by="ada")
        failed = ledger.runs.start("w", by="bob", payload={"total": 7}).id
        return [ledger.runs.start(WORKFLOW, by=EVE).id, failed, done]


def ids(cli: CommandLine, *arguments: str) -> list[str]:
    return [run["id"] for run in cli.json("history", *arguments)["runs"]]


def test_runs_are_a_table_with_what_a_reader_wants_to_know(cli: CommandLine, runs: list[str]) -> None:
    lines = cli("history").stdout.splitlines()
    assert lines[0].split() == ["started", "run", "workflow", "status", "node", "error", "by", "took"]
    waiting, failed, done = (line.split() for line in lines[1:])
    assert waiting[2] == runs[0]
    assert waiting[-3:] == ["paused", "n1", EVE]
    assert failed[2:8] == [runs[1], "w@3", "failed", "n1", "ValueError", "bob"]
    assert done[2:6] == [runs[2], "w@2", "completed", "ada"]
    assert "no runs" in cli("history", "--by", "nobody").stdout


def test_work_orders_are_a_table_with_their_states(cli: CommandLine, runs: list[str]) -> None:
    with fl.open_ledger(cli.store, executors) as ledger:
        ledger.runs.retry(runs[1], by="eve")
    lines = cli("orders").stdout.splitlines()
    assert lines[0].split() == ["opened", "work", "order", "workflow", "state", "runs", "by", "reason"]
    assert [line.split()[-3:] for line in lines[1:]] == [
        ["paused", "1", EVE],
        ["failed", "2", "bob"],
        ["success", "1", "ada"],
    ]
    (order,) = cli.json("orders", "--state", "failed", "--workflow", "w", "--by", "bob")["workOrders"]
    assert (order["runs"], order["state"], order["reason"]) == (2, "failed", None)
    assert "no work orders" in cli("orders", "--state", "rejected").stdout


def test_each_filter_of_the_history_holds(cli: CommandLine, runs: list[str]) -> None:
    waiting, failed, done = runs
    assert ids(cli) == runs
    assert ids(cli, "--workflow", "w") == [failed, done]
    assert ids(cli, "--workflow", WORKFLOW) == [waiting]
    assert ids(cli, "--status", "failed", "--status", "paused") == [waiting, failed]
    assert ids(cli, "--by", EVE) == [waiting]
    assert ids(cli, "--node", "n1") == [waiting, failed]
    assert ids(cli, "--error-type", "ValueError") == ids(cli, "--text", "kaputt") == [failed]
    assert ids(cli, "--where", "payload.total>6") == ids(cli, "--where", "payload.total == 7") == [failed]
    started = cli.json("history")["runs"][1]["startedAt"]
    assert ids(cli, "--since", started) == [waiting, failed]
    assert ids(cli, "--until", started) == [done]
    assert ids(cli, "--as-of", started) == [failed, done]


def test_a_version_is_a_number_or_a_snapshot_id_beside_the_workflow_or_apart(cli: CommandLine, runs: list[str]) -> None:
    _, failed, done = runs
    snapshot_id = cli.json("workflow", "show", "w@2")["snapshotId"]
    for version in ("2", snapshot_id):
        assert ids(cli, "--workflow", f"w@{version}") == [done]
        assert ids(cli, "--workflow", "w", "--version", version) == [done]
    assert ids(cli, "--workflow", "w@3") == [failed]
    found = cli.json("run", "cancel", "--all", "--workflow", f"w@{snapshot_id}", "--status", "completed", "--dry-run")
    assert found["found"] == [done]


def test_a_list_goes_on_behind_its_cursor_or_has_all_pages(cli: CommandLine, runs: list[str]) -> None:
    first = cli.json("history", "--limit", "2")
    rest = cli.json("history", "--limit", "2", "--after", first["next"])
    assert [run["id"] for run in first["runs"] + rest["runs"]] == runs
    assert rest["next"] is None
    assert f"more: --after {first['next']}" in cli("history", "--limit", "2").stdout
    assert cli.json("history", "--limit", "1", "--all")["next"] is None
    assert ids(cli, "--limit", "1", "--all") == runs
    assert ids(cli, "--limit", "1", "--all", "--after", first["next"]) == runs[2:]
    assert len(cli.json("orders", "--limit", "1", "--all")["workOrders"]) == 3


def test_a_page_past_the_end_is_empty(cli: CommandLine, runs: list[str]) -> None:
    cursor = cli.json("history", "--limit", "1")["next"]
    with fl.open_ledger("sqlite:///younger.db", executors) as younger:
        younger.workflows.save(node("echo"), workflow_id="w")
        younger.runs.start("w", wait=False)
    there = ("--store", "sqlite:///younger.db", "history")
    assert len(cli.json(*there)["runs"]) == 1
    assert cli.json(*there, "--after", cursor) == {"runs": [], "next": None}
    assert cli(*there, "--after", cursor).stdout == "no runs\n"


def marked(text: str) -> str:
    """With what keeps a spreadsheet from taking it for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def told(value: object) -> str:
    """As lists write values: those of JSON as JSON has them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_csv_on_stdout_is_the_list_and_nothing_else(cli: CommandLine, runs: list[str]) -> None:
    page = cli.json("history", "--limit", "2")
    done = cli("history", "--limit", "2", "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [list(row.values()) for row in rows] == [
        ["" if value is None else marked(told(value)) for value in run.values()] for run in page["runs"]
    ]
    assert (rows[0]["workflow_id"], rows[0]["by"]) == (WORKFLOW, f"'{EVE}")
    assert done.stderr == f"more: --after {page['next']}\n"
    assert len(cli("history", "--limit", "2", "--csv", "--all").stdout.splitlines()) == 4
    (order, *_) = csv.DictReader(io.StringIO(cli("orders", "--csv").stdout))
    assert (order["workflow_id"], order["state"], order["by"], order["reason"]) == (WORKFLOW, "paused", f"'{EVE}", "")
    titles = "id,workflow_id,state,by,opened_at,runs,last_run_id,reason,finished_at,last_event_at\n"
    assert cli("orders", "--csv", "--by", "nobody").stdout == titles


def rows_of(path: Path) -> list[dict[str, Any]]:
    match path.suffix:
        case ".csv":
            with path.open(newline="", encoding="utf-8") as file:
                return list(csv.DictReader(file))
        case ".json":
            return list(json.loads(path.read_bytes()))
        case ".jsonl":
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        case _:
            return list(parquet.read_table(path).to_pylist())


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet"])
def test_a_list_is_written_to_a_file(cli: CommandLine, runs: list[str], ending: str) -> None:
    name = f"list.{ending}"
    written = cli.json("history", "--limit", "2", "--out", name)
    page = cli.json("history", "--limit", "2")
    assert written == {"file": name, "rows": 2, "next": page["next"]}
    found = rows_of(cli.home / name)
    assert [(row["id"], row["workflow_id"], row["by"]) for row in found] == [
        (run["id"], run["workflowId"], marked(run["by"]) if ending == "csv" else run["by"]) for run in page["runs"]
    ]
    assert cli("history", "--limit", "1", "--all", "--out", name).stdout == f"3 rows in {name}\n"
    assert [row["id"] for row in rows_of(cli.home / name)] == runs
    assert cli.json("orders", "--all", "--out", name)["rows"] == 3
    assert [row["state"] for row in rows_of(cli.home / name)] == ["paused", "failed", "success"]


@pytest.mark.parametrize("command", ["history", "orders", "trail"])
def test_csv_is_the_same_by_each_route(cli: CommandLine, runs: list[str], command: str) -> None:
    cli(command, "--all", "--out", "list.csv")
    assert cli(command, "--all", "--csv").stdout == (cli.home / "list.csv").read_text(encoding="utf-8")
    with fl.open_ledger(cli.store) as ledger:
        kinds = {
            "history": (fl.RunSummary, ledger.history.runs()),
            "orders": (fl.WorkOrderSummary, ledger.history.work_orders()),
            "trail": (fl.Act, ledger.history.trail()),
        }
        fl.write_rows(cli.home / "rows.csv", *kinds[command])
    assert (cli.home / "rows.csv").read_bytes() == (cli.home / "list.csv").read_bytes()


def test_a_trail_with_differences_is_written_to_any_file(cli: CommandLine, runs: list[str]) -> None:
    for name in ("trail.parquet", "trail.csv", "trail.json"):
        assert cli.json("trail", "--on", "workflow:w", "--diff", "--out", name)["rows"] == 3
        newest = rows_of(cli.home / name)[0]
        changes = newest["changes"] if name.endswith("json") else json.loads(newest["changes"])
        assert changes["nodes"]["changed"][0]["id"] == "n1"


def test_a_file_that_outgrows_its_disk_leaves_the_one_before(cli: CommandLine) -> None:
    with fl.open_ledger(cli.store, executors) as ledger:
        ledger.workflows.save(node("echo"), workflow_id="w" * 1_000)
        for _ in range(100):
            ledger.runs.start("w" * 1_000, wait=False)
    (cli.home / "list.csv").write_text("kept")
    before = sorted(path.name for path in cli.home.iterdir())
    limited = subprocess.run(
        [sys.executable, "-m", "flowledger", "history", "--limit", "100", "--out", "list.csv"],
        cwd=cli.home,
        env=cli.environment,
        capture_output=True,
        encoding="utf-8",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16)),
    )
    assert limited.returncode == 2, limited.stderr
    assert limited.stderr == f"error: can't write {str((cli.home / 'list.csv').resolve())!r}: File too large\n"
    assert (cli.home / "list.csv").read_text() == "kept"
    assert sorted(path.name for path in cli.home.iterdir()) == before


REFUSED = [
    (["history", "--after", "nonsense"], "after 'nonsense' is no cursor"),
    (["history", "--after", ""], "is no cursor"),
    (["workflow", "list", "--after", ""], "is no cursor"),
    (["orders", "--after", "CURSOR"], "this cursor was made with other filters"),
    (["trail", "--after", "CURSOR"], "this cursor was made with other filters"),
    (["history", "--by", "bob", "--after", "CURSOR"], "this cursor was made with other filters"),
    (["history", "--status", "running"], "status 'running' does not exist: it is one of active, paused"),
    (["orders", "--state", "completed"], "state 'completed' does not exist: it is one of pending"),
    (["history", "--where", "payload.total >"], "syntax error at column 16: it ends too early"),
    (["history", "--where", "paylod.total > 3"], "unknown name 'paylod' at column 1"),
    (["history", "--text", "?!"], "there is no word in '?!'"),
    (["history", "--since", "whenever"], "--since 'whenever' is not a time"),
    (["history", "--as-of", "soon"], "--as-of 'soon' is not a time"),
    (["history", "--workflow", "ghost"], "no workflow 'ghost'"),
    (["orders", "--workflow", "ghost"], "no workflow 'ghost'"),
    (["history", "--workflow", "w@4"], "workflow 'w' has no version 4: its versions are 1 to 3"),
    (["history", "--workflow", "w", "--version", "0"], "has no version 0"),
    (["history", "--workflow", "w@" + "9" * 30], "has no version 999"),
    (["history", "--workflow", "w@zzzzzzz"], "has no snapshot id 'zzzzzzz'"),
    (["history", "--workflow", "w@1", "--version", "1"], "not both"),
    (["history", "--version", "1"], "of which workflow"),
    (["run", "cancel", "--all", "--workflow", "w@4", "--yes"], "has no version 4"),
    (["history", "--limit", "0"], "--limit"),
    (["history", "--limit", "1001"], "--limit"),
    (["history", "--out", "list.xlsx"], "ends with none of .csv, .json, .jsonl, .parquet"),
    (["history", "--csv", "--out", "list.csv"], "not both"),
    (["history", "--csv", "--out", "steps.py/list.csv"], "not both"),
    (["history", "--out", "steps.py/list.csv"], "can't write"),
]


@pytest.mark.exhaustive
def test_what_makes_no_sense_is_refused(cli: CommandLine, runs: list[str]) -> None:
    before = sorted(path.name for path in cli.home.iterdir())
    cursor = cli.json("history", "--limit", "1")["next"]
    for arguments, message in REFUSED:
        assert message in cli.refused(*(cursor if argument == "CURSOR" else argument for argument in arguments))
    assert sorted(path.name for path in cli.home.iterdir()) == before


def test_json_and_csv_are_two_answers(cli: CommandLine, runs: list[str]) -> None:
    assert cli.json("history", "--csv", code=2)["error"]["type"] == "InvalidRequest"


def test_an_index_that_was_lost_is_rebuilt(cli: CommandLine, runs: list[str]) -> None:
    before = cli.json("history"), cli.json("orders"), cli.json("history", "--text", "kaputt")
    with sqlite3.connect(cli.home / "ledger.db") as connection:
        connection.execute("DELETE FROM flowledger_index_runs")
        connection.execute("DELETE FROM flowledger_index_work_orders")
    connection.close()
    assert ids(cli) == []
    assert cli("rebuild").stdout == "rebuilt from 13 events\n"
    assert (cli.json("history"), cli.json("orders"), cli.json("history", "--text", "kaputt")) == before
    assert cli.json("rebuild") == {"events": 13, "unreadable": 0}


def test_a_rebuild_that_meets_an_unreadable_event_names_it_and_goes_on(cli: CommandLine, runs: list[str]) -> None:
    with sqlite3.connect(cli.home / "ledger.db") as connection:
        connection.execute("DROP TRIGGER flowledger_events_refuse_update")
        connection.execute("UPDATE flowledger_events SET state = x'00' WHERE originator_id = ?", (runs[1],))
    connection.close()
    before = ids(cli)
    done = cli("rebuild")
    assert f"event 1 of stream {runs[1]!r} can't be read" in done.stderr
    assert "can't be read, and verify names them" in done.stdout
    assert sorted(ids(cli)) == sorted(before)
    (damaged,) = [run for run in cli.json("history")["runs"] if run["id"] == runs[1]]
    assert damaged["status"] == "unreadable"
    assert "µs since 1970" in damaged["startedAt"]
    assert "unreadable" in cli("history").stdout
    assert runs[1] in cli("verify").stdout
