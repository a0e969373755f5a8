"""``replay``: a run walked through as text or JSON lines; the full screen has tests of its own."""

import json
from typing import Any

import pytest

from .conftest import CommandLine


@pytest.fixture
def run_id(cli: CommandLine) -> str:
    """A run of eight events: a failure, a retry, a pause, its end."""
    cli.workflow("orders", "echo", "flaky", "ask")
    run = cli.json("run", "start", "orders", "--payload", '{"order": 17}', "--by", "ada")["id"]
    cli.json("run", "proceed", run, "--by", "worker")
    cli.json("run", "resume", run, "--payload", '"yes"', "--by", "bob")
    return str(run)


def lines(cli: CommandLine, *arguments: str) -> list[dict[str, Any]]:
    done = cli("replay", *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_json_has_one_object_a_line_for_each_version(cli: CommandLine, run_id: str) -> None:
    versions = lines(cli, run_id)
    assert [line["version"] for line in versions] == list(range(1, 9))
    events = cli.json("events", run_id)
    for line, event in zip(versions, events, strict=True):
        shown = cli.json("show", f"{run_id}@{line['version']}")
        assert {key: line[key] for key in ("version", "type", "recordedAt", "by")} == {
            key: event[key] for key in ("version", "type", "recordedAt", "by")
        }
        assert (line["node"], line["status"]) == (shown["currentNodeId"], shown["status"])
        assert {
            "op": "add" if line["version"] == 1 else "replace",
            "path": "/version",
            "value": line["version"],
        } in line["changes"]
    assert versions[2]["type"] == "run.step_failed"
    assert versions[2]["changes"][0]["value"][0]["error"] == "TimeoutError: too slow"


def test_text_tells_what_happened_what_it_changed_and_where_it_led(cli: CommandLine, run_id: str) -> None:
    told = cli("replay", run_id).stdout
    assert "✗ step_failed  n2  TimeoutError: too slow; retry due" in told
    assert '+ /context/n2 [{"output":null,' in told
    assert '~ /status "error"\n' in told
    assert "- /retryState\n" in told
    assert "= paused at n3\n" in told
    assert told.endswith("= completed\n")


def test_a_range_is_given_by_versions_or_times(cli: CommandLine, run_id: str) -> None:
    def versions(*arguments: str) -> list[int]:
        return [line["version"] for line in lines(cli, *arguments)]

    times = [event["recordedAt"] for event in cli.json("events", run_id)]
    assert versions(run_id, "--from", "3", "--to", "5") == [3, 4, 5]
    assert versions(run_id, "--from", "6") == versions(f"{run_id}@6") == [6, 7, 8]
    assert versions(run_id, "--to", times[1]) == [1, 2]
    assert versions(run_id, "--from", times[5], "--to", "2100-01-01") == [6, 7, 8]


def test_without_a_terminal_a_step_by_step_walk_is_text(cli: CommandLine, run_id: str) -> None:
    assert cli("replay", run_id, "--step").stdout == cli("replay", run_id).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "--from", "9"], "has no version 9: its versions are 1 to 8"),
        (["RUN", "--to", "0"], "has no version 0: its versions are 1 to 8"),
        (["RUN@99"], "has no version 99: its versions are 1 to 8"),
        (["RUN", "--from", "2001-01-01"], "did not exist as of 2001-01-01T00:00:00+00:00: it began at"),
        (["RUN", "--from", "noon"], "'noon' is neither a version (1 to 8) nor a time"),
        (["RUN", "--from", "5", "--to", "3"], "--to is version 3, before --from, which is version 5"),
        (["RUN@2", "--from", "3"], "give RUN@VERSION or --from, not both"),
        (["nobody"], "no run 'nobody' in this store"),
    ],
)
def test_bad_input_is_refused(cli: CommandLine, run_id: str, arguments: list[str], message: str) -> None:
    assert message in cli.refused("replay", *(argument.replace("RUN", run_id) for argument in arguments))


WITHOUT_TEXTUAL = """
import sys

sys.modules["textual"] = None
from flowledger.infrastructure.cli import main, walk

walk._is_terminal = lambda: True
main()
"""


def test_without_textual_the_full_screen_says_what_to_install_and_text_is_told(cli: CommandLine, run_id: str) -> None:
    refused = cli.python("-c", WITHOUT_TEXTUAL, "replay", run_id, "--step")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "pip install 'flowledger[tui]'" in refused.stderr
    assert cli.python("-c", WITHOUT_TEXTUAL, "replay", run_id).stdout == cli("replay", run_id).stdout
