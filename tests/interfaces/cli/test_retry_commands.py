"""``run retry``, ``run reproduce``, and retrying and cancelling all that a query finds."""

import json
import re

from .conftest import CommandLine


def failed(cli: CommandLine, *payloads: str) -> list[str]:
    cli.workflow("boom", "echo", "boom")
    return [cli.json("run", "start", "boom", "--payload", payload, code=1)["id"] for payload in payloads]


def mended(cli: CommandLine) -> None:
    cli.workflow("boom", "echo", "echo")


def test_a_run_is_retried_with_the_latest_version_from_a_node(cli: CommandLine) -> None:
    (run_id,) = failed(cli, "1")
    mended(cli)
    preview = cli.json("run", "retry", run_id, "--from", "n2", "--preview")
    assert (preview["version"], preview["ranVersion"], preview["changed"]) == (2, 1, ["n2"])
    assert [node["nodeId"] for node in preview["reused"]] == ["n1"]
    told = cli("run", "retry", run_id, "--from", "n2", "--preview")
    assert "would run version 2 of boom (then it ran version 1) from n2" in told.stdout
    assert "reuses n1: 1 result of run" in told.stdout
    run = cli.json("run", "retry", run_id, "--from", "n2", "--by", "bob")
    assert (run["status"], run["workflowVersion"]) == ("completed", 2)
    assert run["origin"] == {"kind": "retry", "runId": run_id, "version": 2}
    assert "retry of" in cli("events", run["id"]).stdout
    assert cli("events", run["workOrderId"]).returncode == 0


def test_a_run_is_reproduced_with_its_own_version(cli: CommandLine) -> None:
    (run_id,) = failed(cli, "1")
    mended(cli)
    run = cli.json("run", "reproduce", run_id, code=1)
    assert (run["workflowVersion"], run["origin"]["kind"]) == (1, "reproduction")


def test_a_rejected_input_names_the_work_order_that_keeps_it(cli: CommandLine) -> None:
    steps = cli.home / "steps.py"
    steps.write_text(
        steps.read_text() + '\nexecutors.register("typed", input={"required": ["n"]})(lambda step: step.data)\n'
    )
    cli.workflow("typed", "typed")
    refused = cli.json("run", "start", "typed", code=2)["error"]
    assert refused["type"] == "WorkOrderRejected"
    again = cli.json("run", "retry", refused["workOrderId"], code=2)["error"]
    assert again["workOrderId"] == refused["workOrderId"]
    assert "rejected" in cli("events", refused["workOrderId"]).stdout


def test_a_key_starts_one_run(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    first = cli.json("run", "start", "echo", "--key", "order 7", "--payload", "1")
    assert cli.json("run", "start", "echo", "--key", "order 7", "--payload", "1") == first | {"created": False}
    assert "another payload" in cli.refused("run", "start", "echo", "--key", "order 7", "--payload", "2")


def test_all_that_failed_are_retried_oldest_first_after_the_count(cli: CommandLine) -> None:
    ids = failed(cli, "1", "2", "3")
    mended(cli)
    assert "3 runs to retry: there is no terminal to ask, so give --yes" in cli("run", "retry", "--all").stderr
    dry = cli.json("run", "retry", "--all", "--dry-run")
    assert (dry["count"], dry["found"], dry["items"], dry["dryRun"]) == (3, ids, [], True)
    done = cli("run", "retry", "--all", "--workflow", "boom", "--yes")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if "retried" in line] == ids
    assert "3 runs to retry, operation 0" in done.stderr
    assert "3 retried" in done.stderr
    operation = done.stderr.split("operation ")[1].split()[0]
    resumed = cli.json("run", "retry", "--all", "--workflow", "boom", "--yes", "--resume", operation)
    assert [(item["runId"], item["outcome"]) for item in resumed["items"]] == [(run_id, "skipped") for run_id in ids]
    assert resumed["operationId"] == operation
    again = cli("run", "retry", "--all", "--yes")
    assert "3 runs to retry (3 will be skipped: the work order has another last run by now)" in again.stderr
    assert "3 skipped" in again.stderr


FULL_DISK = """
import os, resource

@executors.register("full")
def full(step):
    if "FULL_AT" in os.environ and str(step.payload) == os.environ["FULL_AT"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    return step.payload
"""


def test_a_store_that_fails_in_the_middle_stops_all_and_says_how_it_goes_on(cli: CommandLine) -> None:
    steps = cli.home / "steps.py"
    steps.write_text(steps.read_text() + FULL_DISK)
    failed(cli, "1", "2", "3")
    cli.workflow("boom", "full")
    stopped = cli("run", "retry", "--all", "--yes", FULL_AT="2")
    assert stopped.returncode == 2
    assert len(stopped.stdout.splitlines()) == 1
    found = re.search(r"stopped after 1 of 3; continue with the same command and --resume (\S+)", stopped.stderr)
    assert found is not None
    assert "error: the SQLite store" in stopped.stderr
    resumed = cli.json("run", "retry", "--all", "--yes", "--resume", found[1])
    assert [(item["outcome"], item["status"]) for item in resumed["items"]] == [
        ("skipped", "completed"),
        ("retried", "completed"),
        ("retried", "completed"),
    ]


def test_filters_choose_what_is_retried(cli: CommandLine) -> None:
    ids = failed(cli, "1", "2")
    for filters, count in (
        (("--node", "n2"), 2),
        (("--node", "n1"), 0),
        (("--error-type", "ValueError"), 2),
        (("--error-type", "TimeoutError"), 0),
        (("--status", "completed"), 0),
        (("--started-by", "nobody"), 0),
        (("--since", "2100-01-01"), 0),
        (("--until", "2100-01-01"), 2),
        (("--text", "kaputt"), 2),
        (("--text", "fine"), 0),
        (("--where", "payload == 1"), 1),
    ):
        found = cli.json("run", "retry", "--all", "--dry-run", *filters)["found"]
        assert found == ids[:count], filters
    assert cli.json("run", "retry", "--all", "--yes", code=1)["items"][0]["status"] == "failed"


def test_all_that_wait_are_cancelled(cli: CommandLine) -> None:
    failed(cli, "1")
    cli.workflow("ask", "ask")
    ids = [cli.json("run", "start", "ask")["id"] for _ in range(2)]
    done = cli.json("run", "cancel", "--all", "--yes", "--reason", "recalled", "--by", "ops")
    assert [(item["runId"], item["outcome"], item["status"]) for item in done["items"]] == [
        (run_id, "cancelled", "cancelled") for run_id in ids
    ]
    assert "Cancelled by ops: recalled" in json.dumps(cli.json("show", ids[0]))
    assert cli.json("run", "cancel", "--all", "--yes")["count"] == 0


def test_commands_that_make_no_sense_are_refused(cli: CommandLine) -> None:
    (run_id,) = failed(cli, "1")
    assert "name one RUN, or --all" in cli.refused("run", "retry")
    assert "name one RUN, or --all" in cli.refused("run", "cancel", run_id, "--all")
    assert "filters are for --all" in cli.refused("run", "retry", run_id, "--status", "failed")
    assert "--preview is for one RUN" in cli.refused("run", "retry", "--all", "--preview")
    assert "--since 'soon' is not a time" in cli.refused("run", "cancel", "--all", "--since", "soon")
    assert "is not that of an operation" in cli.refused("run", "retry", "--all", "--resume", "7")
    assert "status" in cli.refused("run", "retry", "--all", "--status", "sad")
    assert "no run 'nobody'" in cli.refused("run", "retry", "nobody")
    assert "never came to node 'n7'" in cli.refused("run", "retry", run_id, "--from", "n7")
