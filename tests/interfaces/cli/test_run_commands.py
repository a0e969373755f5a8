import json

import flowledger as fl

from .conftest import CommandLine


def test_a_run_is_started_with_a_payload_from_the_argument_a_file_or_stdin(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    payload = {"größe": [1, None, "✓"]}
    (cli.home / "payload.json").write_text(json.dumps(payload))
    for given, stdin in ((json.dumps(payload), ""), ("payload.json", ""), ("-", json.dumps(payload))):
        run = cli.json("run", "start", "echo", "--payload", given, "--by", "ada", stdin=stdin)
        assert run["status"] == "completed"
        assert run["snapshot"]["context"]["n1"][0]["output"] == payload


def test_start_prints_the_id_and_the_snapshot(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    done = cli("run", "start", "echo", "--payload", '"hello"')
    assert done.returncode == 0
    assert "run 0" in done.stdout
    assert "echo@1: completed" in done.stdout
    assert '"hello"' in done.stdout


def test_what_executors_print_goes_to_stderr_when_stdout_is_json(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    done = cli("--json", "run", "start", "echo")
    assert json.loads(done.stdout)["status"] == "completed"
    assert "an executor that prints" in done.stderr


def test_metadata_is_kept_with_the_run(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    run = cli.json("run", "start", "echo", "--metadata", '{"ticket": 7}')
    assert run["snapshot"]["metadata"] == {"ticket": 7}


def test_a_run_that_ends_failed_exits_with_1(cli: CommandLine) -> None:
    cli.workflow("boom", "boom")
    assert cli.json("run", "start", "boom", code=1)["status"] == "failed"
    done = cli("run", "start", "boom")
    assert done.returncode == 1
    assert "ValueError: kaputt" in done.stdout


def test_a_run_over_its_step_limit_fails_and_says_so(cli: CommandLine) -> None:
    cli.workflow("echo", "echo", "echo")
    run = cli.json("run", "start", "echo", "--step-limit", "1", code=1)
    assert run["snapshot"]["metadata"] == {"failedReason": "Step limit exceeded"}


def test_a_paused_run_is_resumed_by_another_process(cli: CommandLine) -> None:
    cli.workflow("ask", "ask", "echo")
    paused = cli.json("run", "start", "ask")
    assert paused["status"] == "paused"
    told = cli("run", "resume", paused["id"], "--payload", '{"approved": true}', "--by", "bob")
    assert told.returncode == 0, told.stderr
    assert "completed" in told.stdout
    events = cli.json("events", paused["id"])
    assert next(event["type"] for event in events if event["by"] == "bob") == "run.resumed"


def test_a_paused_run_says_what_to_do_next(cli: CommandLine) -> None:
    cli.workflow("ask", "ask")
    told = cli("run", "start", "ask")
    assert told.returncode == 0
    assert "a person must look" in told.stdout
    assert "next: flowledger run resume " in told.stdout


def test_a_due_retry_proceeds(cli: CommandLine) -> None:
    cli.workflow("flaky", "flaky")
    waiting = cli("run", "start", "flaky")
    assert waiting.returncode == 0
    run_id = waiting.stdout.split("next: flowledger run proceed ")[1].strip()
    run = cli.json("run", "proceed", run_id)
    assert run["status"] == "completed"
    assert [result["attempt"] for result in run["snapshot"]["context"]["n1"]] == [1, 2]


def test_globals_reach_executors_and_never_the_store(cli: CommandLine) -> None:
    cli.workflow("secret", "secret")
    run = cli.json("run", "start", "secret", "--global", "token=s3cr3t=!")
    assert run["snapshot"]["context"]["n1"][0]["output"] == {"length": 8}
    assert b"s3cr3t" not in b"".join(path.read_bytes() for path in cli.home.glob("ledger.db*"))


def test_globals_that_are_missing_are_named_and_nothing_begins(cli: CommandLine) -> None:
    definition = {"nodes": [{"id": "n1", "type": "echo", "data": {"auth": "{{ globals.token }}"}}]}
    (cli.home / "auth.json").write_text(json.dumps(definition))
    cli.json("workflow", "save", "auth.json", "--id", "auth", "--by", "ada")
    for given in ((), ("--global", "other=x")):
        refused = cli.refused("run", "start", "auth", *given)
        assert "'token' (node 'n1')" in refused
        assert "--global NAME=VALUE" in refused
    assert cli.json("history")["runs"] == []
    assert cli.json("run", "start", "auth", "--global", "token=s3cr3t")["status"] == "completed"


def test_operators_pause_and_cancel_a_run_that_is_under_way(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    registry = fl.ExecutorRegistry()
    registry.register("echo")(lambda step: None)
    with fl.open_ledger(f"sqlite:///{cli.home / 'ledger.db'}", registry) as ledger:
        run_id = ledger.runs.start("echo", wait=False).id
    held = cli.json("run", "hold", run_id, "--by", "ops", "--reason", "rush hour")
    shown = held["snapshot"]["metadata"]["held"]
    assert (held["status"], shown["by"], shown["reason"], shown["status"]) == ("paused", "ops", "rush hour", "active")
    assert "held by ops" in cli.refused("run", "pause", run_id)
    released = cli.json("run", "release", run_id, "--by", "ops", "--note", "it is over")
    assert (released["status"], released["snapshot"]["metadata"]) == ("active", {})
    assert "not held" in cli.refused("run", "release", run_id)
    cli.json("run", "pause", run_id, "--by", "ops")
    cancelled = cli.json("run", "cancel", run_id, "--by", "ops", "-r", "not needed")
    assert cancelled["status"] == "cancelled"
    assert cancelled["snapshot"]["metadata"]["failedReason"] == "Cancelled by ops: not needed"
    assert "cancelled" in cli.refused("run", "cancel", run_id)


def test_metadata_is_set_beside_what_is_there_once_for_a_key_and_on_what_was_seen(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    run = cli.json("run", "start", "echo", "--metadata", '{"tenant": "blue"}')
    noted = cli.json(
        "run", "set-metadata", f"{run['id']}@{run['version']}", '{"ticket": 12}', "--by", "ops", "--key", "k"
    )
    assert noted["snapshot"]["metadata"] == {"tenant": "blue", "ticket": 12}
    assert cli.json("run", "set-metadata", run["id"], '{"ticket": 12}', "--key", "k") == noted
    assert "has moved on" in cli.refused("run", "set-metadata", f"{run['id']}@{run['version']}", "{}")
    assert "METADATA is an array, not a JSON object" in cli.refused("run", "set-metadata", run["id"], "[]")


def test_what_stands_behind_a_run_is_the_number_of_a_version(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    run_id = cli.json("run", "start", "echo")["id"]
    for command in (("run", "cancel"), ("show",)):
        assert f"a run's version is a number, as in {run_id}@3, and not 'latest'" in cli.refused(
            *command, f"{run_id}@latest"
        )


ELSEWHERE = {
    "workflowId": "w",
    "status": "active",
    "currentNodeId": "n1",
    "context": {"before": [{"output": 1, "timestamp": 1_700_000_000_000.5, "attempt": 1}]},
    "version": 3,
    "metadata": {"tenant": "north"},
    "_id": "507f",
}


def test_a_snapshot_is_adopted_from_a_file_an_argument_or_stdin(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    text = json.dumps(ELSEWHERE)
    (cli.home / "snapshot.json").write_text(text)
    for given, stdin in ((text, ""), ("snapshot.json", ""), ("-", text)):
        run = cli.json("run", "adopt", given, "--workflow", "echo", "--by", "ada", stdin=stdin)
        assert (run["status"], run["snapshot"]["_id"]) == ("completed", "507f")
        assert run["origin"] == {"kind": "adoption", "runId": None, "version": 3}
        assert run["snapshot"]["context"]["before"][0]["output"] == 1
    shown = cli("run", "adopt", "snapshot.json", "--workflow", "echo@1", "--key", "507f")
    assert "adoption of a snapshot at version 3" in shown.stdout
    again = cli("run", "adopt", "snapshot.json", "--workflow", "echo", "--key", "507f")
    assert (again.returncode, "the key is known" in again.stderr) == (0, True)
    assert "of a snapshot at version 3, 1 of whose results it reuses" in cli("audit", run["id"]).stdout


def test_what_is_no_snapshot_is_refused_with_its_path(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    assert "$.status: is missing" in cli.refused("run", "adopt", "{}", "--workflow", "echo")
    elsewhere = json.dumps(ELSEWHERE | {"currentNodeId": "x"})
    assert "has no node 'x'; its nodes: 'n1'" in cli.refused("run", "adopt", elsewhere, "--workflow", "echo")
    assert "not a JSON object" in cli.refused("run", "adopt", "[1]", "--workflow", "echo")
