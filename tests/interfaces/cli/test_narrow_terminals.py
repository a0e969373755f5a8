"""Eighty columns are enough: no id, status or figure is cut off."""

import pytest

from .conftest import CommandLine
from .test_audit import a_run_with_a_story


@pytest.fixture
def narrow(cli: CommandLine) -> CommandLine:
    cli.environment["COLUMNS"] = "80"
    return cli


def read(cli: CommandLine, *arguments: str) -> str:
    """What is printed, as it is read across the lines of a column."""
    printed = cli(*arguments)
    assert printed.returncode == 0, printed.stderr
    assert "…" not in printed.stdout
    assert max(map(len, printed.stdout.splitlines())) <= 80
    return printed.stdout


def test_lists_tell_each_run_and_work_order_in_two_lines(narrow: CommandLine) -> None:
    run_id = a_run_with_a_story(narrow)
    narrow.json("run", "retry", run_id, "--from", "n3", "--answers", "n3", "--by", "carol")
    narrow.workflow("broken", "boom")
    failed = narrow.json("run", "start", "broken", "--by", "eve", code=1)["id"]
    history, orders = read(narrow, "history"), read(narrow, "orders")
    for words in (run_id, failed, "completed", "completed (retry)", "n1 ValueError", "triage@1", "carol", "eve"):
        assert words in history
    for words in ("failed, 1 run", "success, 2 runs", "triage", "broken"):
        assert words in orders


def test_timings_keep_their_figures_whole_and_shorten_their_bars(narrow: CommandLine) -> None:
    a_run_with_a_story(narrow)
    table = read(narrow, "timings", "triage")
    for title in ("steps", "failed", "retried", "median", "p95", "max", "waited"):
        assert title in table
    assert "50.0%" in table
    assert "█" in table


def test_an_audit_names_streams_and_executors_whole(narrow: CommandLine) -> None:
    run_id = a_run_with_a_story(narrow)
    retry = narrow.json("run", "retry", run_id, "--from", "n3", "--answers", "n3", "--by", "eve")["id"]
    report = read(narrow, "audit", retry)
    records = [line.split()[0] for line in report[report.index("records") :].splitlines() if line]
    assert run_id in records
    assert retry in records
