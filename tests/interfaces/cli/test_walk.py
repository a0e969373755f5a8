"""``replay``: a run walked through as text or JSON lines; the full screen has tests of its own."""

import json
from typing import Any

import pytest

from ..tui.story import ledger_at, order
from .conftest import CommandLine


@pytest.fixture
def run_id(cli: CommandLine) -> str:
    """A run of ten events: a failure, a retry, a pause, a note, a bad end."""
    with ledger_at(f"sqlite:///{cli.home / 'ledger.db'}") as ledger:
        return order(ledger)


def versions_of(cli: CommandLine, *arguments: str) -> list[dict[str, Any]]:
    done = cli("replay", *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert list(document) == ["runId", "versions"]
    return list(document["versions"])


def test_json_is_one_document_with_each_version(cli: CommandLine, run_id: str) -> None:
    versions = versions_of(cli, run_id)
    with ledger_at(f"sqlite:///{cli.home / 'ledger.db'}") as ledger:
        events, snapshots = list(ledger.history.events(run_id)), list(ledger.history.snapshots(run_id))
    assert len(versions) == 10
    for line, event, snapshot in zip(versions, events, snapshots, strict=True):
        assert (line["version"], line["type"], line["by"]) == (event.version, event.type, event.by)
        assert line["recordedAt"] == event.recorded_at.isoformat()
        assert (line["node"], line["status"]) == (snapshot.current_node_id, snapshot.status)
        assert line["version"] in [change["value"] for change in line["changes"] if change["path"] == "/version"]
    assert versions[2]["changes"][0]["value"][0]["error"] == "TimeoutError: the bank is silent"


def test_text_tells_what_happened_what_it_changed_and_where_it_led(cli: CommandLine, run_id: str) -> None:
    told = cli("replay", run_id).stdout
    assert " 3  03:04:00.008  ✗ step_failed  charge  TimeoutError: the bank is silent; retry due" in told
    assert '    + /context/charge [{"output":null,' in told
    assert '    ~ /status "error"\n' in told
    assert "    - /retryState\n" in told
    assert "    = paused at review\n" in told
    assert told.endswith("    = failed at ship\n")


def test_a_range_is_given_by_versions_or_times(cli: CommandLine, run_id: str) -> None:
    def versions(*arguments: str) -> list[int]:
        return [line["version"] for line in versions_of(cli, *arguments)]

    assert versions(run_id, "--from", "3", "--to", "5") == [3, 4, 5]
    assert versions(run_id, "--from", "9") == versions(f"{run_id}@9") == [9, 10]
    assert versions(run_id, "--to", "2026-01-02T03:04:00.007") == [1, 2]
    assert versions(run_id, "--from", "2026-01-02T03:04:00.017Z", "--to", "2100-01-01") == [9, 10]


def test_without_a_terminal_a_step_by_step_walk_is_text(cli: CommandLine, run_id: str) -> None:
    assert cli("replay", run_id, "--step").stdout == cli("replay", run_id).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "--from", "11"], "has no version 11: its versions are 1 to 10"),
        (["RUN", "--to", "0"], "has no version 0: its versions are 1 to 10"),
        (["RUN@99"], "has no version 99: its versions are 1 to 10"),
        (["RUN", "--from", "2001-01-01"], "did not exist as of 2001-01-01T00:00:00+00:00: it began at"),
        (["RUN", "--from", "noon"], "'noon' is neither a version (1 to 10) nor a time"),
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
from flowledger.infrastructure.interfaces.cli import main
from flowledger.infrastructure.interfaces.cli.commands import walk

walk._is_terminal = lambda: True
main()
"""


def test_without_textual_the_full_screen_says_what_to_install_and_text_is_told(cli: CommandLine, run_id: str) -> None:
    refused = cli.python("-c", WITHOUT_TEXTUAL, "replay", run_id, "--step")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "pip install 'flowledger[tui]'" in refused.stderr
    assert cli.python("-c", WITHOUT_TEXTUAL, "replay", run_id).stdout == cli("replay", run_id).stdout
