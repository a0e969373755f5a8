"""Drafts, releases, starts of a version, folders that remember, expected versions and keys, on the command line."""

import json
from typing import Any

import pytest

from .conftest import CommandLine


def definition(text: str, type: str = "echo") -> str:
    return json.dumps({"nodes": [{"id": "a", "type": type, "data": {"text": text}}]})


def save(cli: CommandLine, text: str, *options: str) -> dict[str, Any]:
    return cli.json("workflow", "save", "-", "--id", "w", "--by", "ada", *options, stdin=definition(text))


def test_a_draft_is_tried_released_and_taken_back(cli: CommandLine) -> None:
    assert save(cli, "one")["isLive"] is True
    draft = save(cli, "two", "--draft")
    assert (draft["version"], draft["isLive"], draft["isLatest"]) == (2, False, True)
    assert "which is not live" in cli("workflow", "save", "-", "--id", "w", "--draft", stdin=definition("two")).stdout
    ways = ("w", "w@latest", "w@live", "w@2", f"w@{draft['snapshotId']}", "w --version 2", "w --version latest")
    started = {asked: cli.json("run", "start", *asked.split())["workflowVersion"] for asked in ways}
    assert [*started.values()] == [1, 2, 1, 2, 2, 2, 2]
    assert "twice" in cli.refused("run", "start", "w@1", "--version", "2")
    assert "no version 7" in cli.refused("run", "start", "w@7")
    released = cli.json("workflow", "release", "w", "latest", "--by", "bob", "-m", "tried")
    assert (released["version"], released["isLive"]) == (2, True)
    assert cli.json("run", "start", "w")["workflowVersion"] == 2
    assert "workflow w starts with version 1" in cli("workflow", "release", "w", "1", "--by", "eve").stdout
    assert "workflow w starts with version 1" in cli("workflow", "release", "w@1", "--by", "eve").stdout
    assert "give one: 'w@latest'" in cli.refused("workflow", "release", "w")
    assert "w@1" in cli.refused("workflow", "release", "w@1", "1")
    assert cli.json("workflow", "show", "w@live")["version"] == 1
    assert "(live)" in cli("workflow", "show", "w@1").stdout
    compared = cli.json("workflow", "diff", "w", "live", "latest")
    assert compared["patch"] == [{"op": "replace", "path": "/definition/nodes/0/data/text", "value": "two"}]
    assert len(cli.json("history", "--workflow", "w@live", "--limit", "50")["runs"]) == 2
    assert len(cli.json("history", "--workflow", "w@latest", "--limit", "50")["runs"]) == 6
    assert "(latest)" in cli("workflow", "show", "w").stdout


def test_lists_say_what_is_live_and_what_is_a_draft(cli: CommandLine) -> None:
    save(cli, "one")
    save(cli, "two", "--draft")
    cli.json("workflow", "release", "w", "2", "--by", "bob")
    cli.json("workflow", "release", "w", "1", "--by", "bob")
    save(cli, "three", "--draft")
    cli.json("workflow", "save", "-", "--id", "fresh", "--draft", stdin=definition("x"))
    rows = {row["id"]: row["liveVersion"] for row in cli.json("workflow", "list")["workflows"]}
    assert rows == {"fresh": None, "w": 1}
    listed = cli.json("workflow", "versions", "w")
    assert [(row["kind"], row["isLive"], row["isDraft"], row["ofVersion"]) for row in listed] == [
        ("saved", True, False, None),
        ("saved", False, False, None),
        ("released", False, False, 2),
        ("released", False, False, 1),
        ("saved", False, True, None),
    ]
    shown = cli("workflow", "versions", "w").stdout
    assert "released version 2" in shown
    assert "draft: changed node 'a'" in shown
    assert "live added node 'a'" in shown


def test_a_missing_executor_is_told_in_one_line(cli: CommandLine) -> None:
    cli.environment.pop("FLOWLEDGER_APP")
    save(cli, "one")
    cli.json("workflow", "save", "-", "--id", "w", stdin=definition("two", "fraud"))
    cli.environment["FLOWLEDGER_APP"] = "steps:executors"
    told = cli.refused("run", "start", "w")
    assert told.startswith("error: version 2 of 'w' needs executor 'fraud' (node 'a'), which this process doesn't have")
    error = cli.json("run", "start", "w", code=2)["error"]
    assert (error["type"], error["workflowId"], error["version"]) == ("ExecutorMissing", "w", 2)
    assert error["needed"] == {"fraud": ["a"]}
    assert cli.json("run", "start", "w@1")["status"] == "completed"


def test_a_folder_is_based_on_what_it_was_exported_from(cli: CommandLine) -> None:
    save(cli, "one")
    cli.json("workflow", "export", "w", "out")
    save(cli, "two", "-m", "theirs")
    main = cli.home / "out/workflow.json"
    main.write_text(main.read_text().replace("one", "mine"))
    told = cli.refused("workflow", "save", "out", "--id", "w", "--by", "zed")
    assert "your save was based on 1: ada saved at" in told
    assert "--force" in told
    assert "both changed node 'a'" in cli.refused("workflow", "save", "out", "--id", "w", "--by", "zed", "--merge")
    forced = cli.json("workflow", "save", "out", "--id", "w", "--by", "zed", "--force")
    assert (forced["version"], forced["by"]) == (3, "zed")
    main.write_text(main.read_text().replace("mine", "mine again"))
    assert cli.json("workflow", "save", "out", "--id", "w", "--by", "zed")["version"] == 4
    assert cli.json("workflow", "save", "out/workflow.json", "--id", "w", "--by", "zed")["version"] == 4
    assert "--expect" in cli.refused("workflow", "save", "out", "--id", "other", "--merge")


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "command",
    [
        ["rename", "w", "a name"],
        ["release", "w", "1"],
        ["archive", "w"],
        ["restore", "w@1"],
    ],
    ids=lambda command: command[0],
)
def test_a_command_says_what_it_expects_and_is_sent_once(cli: CommandLine, command: list[str]) -> None:
    save(cli, "one")
    save(cli, "two")
    told = cli.refused("workflow", *command, "--by", "bob", "--expect", "1")
    assert f"your {command[0]} was based on 1: ada saved at" in told
    first = cli.json("workflow", *command, "--by", "bob", "--expect", "2", "--key", "k")
    assert cli.json("workflow", *command, "--by", "bob", "--expect", "2", "--key", "k") == first
    assert len(cli.json("workflow", "versions", "w")) == 3
    conflict = cli.json("workflow", "save", "-", "--id", "w", "--key", "k", stdin=definition("three"), code=2)["error"]
    assert (conflict["type"], conflict["usedBy"]) == ("IdempotencyConflict", "bob")
