import sqlite3

from .conftest import CommandLine


def test_show_tells_any_version_of_a_run(cli: CommandLine) -> None:
    cli.workflow("flaky", "echo", "flaky")
    run_id = cli.json("run", "start", "flaky")["id"]
    cli.json("run", "proceed", run_id)
    statuses = [cli.json("show", f"{run_id}@{version}")["status"] for version in (1, 2, 3, 4, 5)]
    assert statuses == ["active", "active", "error", "active", "completed"]
    waiting = cli("show", f"{run_id}@3")
    assert waiting.returncode == 0
    assert "retry of n2 due" in waiting.stdout
    assert "TimeoutError: too slow" in waiting.stdout


def test_show_tells_the_state_as_of_a_time(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    run_id = cli.json("run", "start", "echo")["id"]
    first, last = cli.json("events", run_id)
    assert cli.json("show", run_id, "--at", first["recordedAt"])["version"] == 1
    assert cli.json("show", run_id, "--at", last["recordedAt"].replace("+00:00", ""))["version"] == 2
    assert "did not exist as of" in cli.refused("show", run_id, "--at", "1999-12-31")


def test_events_tell_who_did_what_when(cli: CommandLine) -> None:
    cli.workflow("ask", "ask")
    run_id = cli.json("run", "start", "ask", "--by", "ada")["id"]
    cli.json("run", "resume", run_id, "--payload", '{"approved": true}', "--by", "bob")
    events = cli.json("events", run_id)
    assert [event["type"] for event in events] == [
        "run.started",
        "run.paused",
        "run.resumed",
        "run.step_completed",
    ]
    assert [event["version"] for event in events] == [1, 2, 3, 4]
    table = cli("events", run_id).stdout
    for words in ("run.paused", "ada", "bob", "n1", "a person must look", '{"approved":true}', " ms"):
        assert words in table


def test_events_of_a_workflow_are_its_saves(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    assert [event["type"] for event in cli.json("events", "workflow:echo")] == ["workflow.created"]
    assert "1 node" in cli("events", "workflow:echo").stdout


def test_an_untouched_store_verifies(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    cli.json("run", "start", "echo")
    report = cli.json("verify")
    assert (report["ok"], report["events"], report["streams"], report["findings"]) == (True, 4, 3, [])
    assert "nothing wrong" in cli("verify").stdout


def test_a_store_that_was_tampered_with_exits_with_1_and_names_the_event(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    run_id = cli.json("run", "start", "echo", "--payload", '"honest"')["id"]
    change_a_stored_payload(cli, run_id)
    report = cli.json("verify", code=1)
    assert report["ok"] is False
    assert {(finding["stream"], finding["version"]) for finding in report["findings"]} >= {(run_id, 1)}
    told = cli("verify")
    assert told.returncode == 1
    assert run_id in told.stdout


def test_verify_says_what_it_looked_at(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    cli.json("run", "start", "echo")
    cli.json("history", "--text", "echo")
    report = cli.json("verify", "--deep")
    counts = {
        key: report[key] for key in ("runs", "workOrders", "workflows", "indexRows", "checkpoints", "searchEntries")
    }
    assert counts == {"runs": 1, "workOrders": 1, "workflows": 1, "indexRows": 7, "checkpoints": 0, "searchEntries": 1}
    assert cli.json("verify")["searchEntries"] is None
    told = cli("verify", "--deep").stdout
    assert (
        "4 events in 3 streams (1 run, 1 work order, 1 workflow); 7 index rows, 0 checkpoints, 1 search entry" in told
    )


def test_verify_keeps_heads_and_compares_with_them_the_next_time(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    run_id = cli.json("run", "start", "echo")["id"]
    assert "heads kept in elsewhere" in cli("verify", "--heads", "elsewhere").stdout
    kept = (cli.home / "elsewhere").read_bytes()
    report = cli.json("verify", "--heads", "elsewhere")
    assert (report["ok"], report["headsCompared"], report["headsWritten"]) == (True, 3, True)
    database = sqlite3.connect(cli.home / "ledger.db")
    for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f'DROP TRIGGER "{trigger}"')
    database.execute("DELETE FROM flowledger_events WHERE originator_id = ? AND originator_version > 1", (run_id,))
    database.commit()
    database.close()
    cli("rebuild")
    told = cli("verify", "--heads", "elsewhere")
    assert told.returncode == 1
    assert f"cut in {run_id} version 2" in told.stdout
    assert "elsewhere stays as it was, as something was found" in told.stdout
    assert cli.json("verify", "--heads", "elsewhere", code=1)["headsWritten"] is False
    assert (cli.home / "elsewhere").read_bytes() == kept


def test_a_file_that_holds_no_heads_is_refused(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    (cli.home / "notes").write_text("not yours")
    assert "line 1 of 'notes'" in cli.refused("verify", "--heads", "notes")
    assert (cli.home / "notes").read_text() == "not yours"


def change_a_stored_payload(cli: CommandLine, run_id: str) -> None:
    """As somebody with the file in hand could: the triggers that guard the events are dropped first."""
    database = sqlite3.connect(cli.home / "ledger.db")
    try:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')
        where = "WHERE originator_id = ? AND originator_version = 1"
        (table,) = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%originator_version%'"
        ).fetchone()
        (state,) = database.execute(f"SELECT state FROM {table} {where}", [run_id]).fetchone()
        database.execute(f"UPDATE {table} SET state = ? {where}", [state.replace(b"honest", b"forged"), run_id])
        database.commit()
    finally:
        database.close()
