"""``RUN@VERSION``, ``--key``, ``--expect`` and ``--again``: commands that come late, or twice."""

import pytest

from .conftest import CommandLine


def asked(cli: CommandLine) -> tuple[str, int]:
    cli.workflow("ask", "ask", "ask")
    run = cli.json("run", "start", "ask")
    return run["id"], run["version"]


@pytest.mark.parametrize(
    "command",
    [("resume", "--payload", "true"), ("proceed",), ("hold",), ("pause",), ("cancel",), ("retry",), ("reproduce",)],
    ids=lambda command: command[0],
)
def test_a_run_that_has_moved_on_refuses_the_command(cli: CommandLine, command: tuple[str, ...]) -> None:
    run_id, version = asked(cli)
    cli.json("run", "resume", f"{run_id}@{version}", "--payload", "true", "--by", "ann")
    error = cli.json("run", command[0], f"{run_id}@{version}", *command[1:], code=2)["error"]
    assert (error["type"], error["runId"], error["expected"]) == ("RunMovedOn", run_id, version)
    assert {"type": "run.resumed", "by": "ann"}.items() <= error["events"][0].items()


def test_a_release_is_for_the_hold_that_was_seen(cli: CommandLine) -> None:
    run_id, version = asked(cli)
    held = cli.json("run", "hold", f"{run_id}@{version}", "--key", "k")
    assert cli.json("run", "hold", f"{run_id}@{version}", "--key", "k") == held
    assert "has moved on" in cli.refused("run", "release", f"{run_id}@{version}")
    assert cli.json("run", "release", f"{run_id}@{version + 1}")["version"] == version + 2


def test_a_fork_says_what_it_expects_beside_where_it_branches_off(cli: CommandLine) -> None:
    run_id, version = asked(cli)
    cli.json("run", "resume", run_id, "--payload", "true")
    assert "has moved on" in cli.refused("run", "fork", f"{run_id}@1", "--expect", str(version))
    first = cli.json("run", "fork", f"{run_id}@{version}", "--key", "k")
    again = cli("run", "fork", f"{run_id}@{version}", "--key", "k")
    assert first["id"] in again.stdout
    assert "the key is known, and nothing was started" in again.stderr
    assert "was used for another command" in cli.refused("run", "fork", f"{run_id}@1", "--key", "k")


def test_a_run_is_retried_once(cli: CommandLine) -> None:
    cli.workflow("boom", "boom")
    run_id = cli.json("run", "start", "boom", code=1)["id"]
    second = cli.json("run", "retry", run_id, "--key", "k", "--by", "ann", code=1)
    assert cli.json("run", "retry", run_id, "--key", "k", code=1) == second | {"created": False}
    assert "retried already: run" in cli.refused("run", "retry", run_id)
    assert "unless again is given" in cli("run", "retry", run_id, "--preview").stdout
    assert cli.json("run", "retry", run_id, "--again", code=1)["origin"]["runId"] == run_id


@pytest.mark.parametrize("command", ["retry", "cancel"])
def test_a_key_is_for_one_run(cli: CommandLine, command: str) -> None:
    assert "for one RUN" in cli.refused("run", command, "--all", "--key", "k")
