"""Questions on the command line: what is asked, until when, what an answer looks like; lists, answers, refusals."""

import csv
import io
import json
from typing import Any

import pytest

import flowledger as fl

from .conftest import CommandLine

APP = """
from datetime import UTC, datetime
import flowledger as fl

registry = fl.ExecutorRegistry()


@registry.register("approve")
def approve(step):
    if step.answer is None:
        until = datetime(2030, 1, 1, tzinfo=UTC) if step.payload == "soon" else None
        return fl.Pause("pay 100?", until=until, answer={"type": "object", "required": ["approved"]})
    return step.answer.payload
"""


@pytest.fixture
def desk(cli: CommandLine) -> CommandLine:
    (cli.home / "desk.py").write_text(APP)
    (cli.home / "payout.json").write_text(json.dumps({"nodes": [{"id": "approve", "type": "approve"}]}))
    assert run(cli, "workflow", "save", "payout.json", "--id", "payout").returncode == 0
    return cli


def run(cli: CommandLine, *arguments: str) -> Any:
    return cli("--app", "desk:registry", *arguments)


def start(cli: CommandLine, *arguments: str) -> Any:
    return json.loads(run(cli, "--json", "run", "start", "payout", *arguments).stdout)


def test_a_run_says_what_it_asks_until_when_and_how_to_answer(desk: CommandLine) -> None:
    told = run(desk, "run", "start", "payout", "--payload", '"soon"').stdout
    (wait,) = json.loads(desk("--json", "waits").stdout)["waits"]
    assert f"approve asks: pay 100?\n  wait {wait['id']}, asked " in told
    assert ", until 2030-01-01 00:00:00.000Z\n" in told
    assert '  its answer fits {"type":"object","required":["approved"]}\n' in told
    assert f"next: flowledger run resume {wait['runId']} --wait {wait['id']} --payload JSON\n" in told
    shown = desk("show", wait["runId"]).stdout
    assert "approve asks: pay 100?" in shown
    assert "asks: " not in desk("show", f"{wait['runId']}@1").stdout, "at that version it hadn't asked"


def test_json_has_waits_hold_and_due_time(desk: CommandLine) -> None:
    asked = start(desk, "--payload", '"soon"')
    assert asked["nextDueAt"] == "2030-01-01T00:00:00+00:00"
    assert asked["held"] is None
    (wait,) = asked["waits"]
    assert wait["answer"] == {"type": "object", "required": ["approved"]}
    assert (wait["id"], wait["nodeId"], wait["version"]) == (f"{asked['id']}:2", "approve", 2)
    held = json.loads(desk("--json", "run", "hold", asked["id"], "--by", "ops", "--reason", "fraud?").stdout)
    assert (held["held"]["by"], held["held"]["reason"], held["nextDueAt"], held["waits"]) == (
        "ops",
        "fraud?",
        None,
        [wait],
    )


def test_a_held_run_says_by_whom_and_how_it_is_released(desk: CommandLine) -> None:
    asked = start(desk)
    told = desk("run", "hold", asked["id"], "--by", "ops", "--reason", "fraud?").stdout
    assert "held by ops since " in told
    assert ": fraud?\n" in told
    assert f"next: flowledger run release {asked['id']}" in told
    assert "approve asks: pay 100?" in told, "its question is still open"


def test_an_answer_that_does_not_fit_is_refused_with_its_issues(desk: CommandLine) -> None:
    asked = start(desk)
    refused = run(desk, "run", "resume", asked["id"], "--payload", '{"yes": true}')
    assert refused.returncode == 2
    assert '  - approved: "approved" is a required property' in refused.stderr
    document = json.loads(run(desk, "--json", "run", "resume", asked["id"], "--payload", "{}").stdout)["error"]
    assert document["type"] == "InvalidAnswer"
    assert document["issues"] == [{"path": "approved", "message": '"approved" is a required property'}]
    assert document["wait"] == asked["waits"][0]["id"]
    done = run(desk, "run", "resume", asked["id"], "--wait", asked["waits"][0]["id"], "--payload", '{"approved": true}')
    assert done.returncode == 0, done.stderr


def test_waits_are_listed_filtered_and_paged(desk: CommandLine) -> None:
    soon, later = start(desk, "--payload", '"soon"'), start(desk)
    listed = desk("waits").stdout
    assert "pay 100?" in listed
    assert listed.index(soon["id"]) < listed.index(later["id"])
    due = json.loads(desk("--json", "waits", "--due-before", "2031-01-01").stdout)
    assert [wait["runId"] for wait in due["waits"]] == [soon["id"]]
    page = json.loads(desk("--json", "waits", "--workflow", "payout", "--node", "approve", "--limit", "1").stdout)
    rest = json.loads(
        desk("--json", "waits", "--workflow", "payout", "--node", "approve", "--after", page["next"]).stdout
    )
    assert [wait["runId"] for wait in page["waits"] + rest["waits"]] == [soon["id"], later["id"]]
    rows = list(csv.DictReader(io.StringIO(desk("waits", "--csv").stdout)))
    assert [row["run_id"] for row in rows] == [soon["id"], later["id"]]
    assert desk("waits", "--node", "nobody").stdout == "nothing waits for an answer\n"
    assert desk("waits", "--workflow", "nothing").returncode == 2


def test_a_retry_says_that_it_asks_again_unless_its_answer_is_named(desk: CommandLine) -> None:
    asked = start(desk)
    run(desk, "run", "resume", asked["id"], "--payload", '{"approved": false}', "--by", "bob")
    preview = run(desk, "run", "retry", asked["id"], "--from", "approve", "--preview").stdout
    assert "approve asks again; then bob answered 'pay 100?' with {\"approved\":false} at " in preview
    named = ("run", "retry", asked["id"], "--from", "approve", "--answers", "approve")
    assert "approve goes on with what bob answered" in run(desk, *named, "--preview").stdout
    assert json.loads(run(desk, "--json", *named).stdout)["status"] == "completed"
    assert run(desk, "run", "retry", "--all", "--answers", "approve").returncode == 2


def test_the_list_is_the_same_as_in_python(desk: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.home)
    start(desk, "--payload", '"soon"')
    with fl.open_ledger(desk.store) as ledger:
        (wait,) = ledger.history.waits()
    (listed,) = json.loads(desk("--json", "waits").stdout)["waits"]
    assert (listed["id"], listed["until"], listed["answer"]) == (wait.id, "2030-01-01T00:00:00+00:00", wait.answer)
