"""What people type: a part of an id, options where they come to mind, times in words; what they read at 80 columns."""

import json
from datetime import UTC, datetime

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.cli.app import make_command

from .conftest import CommandLine


@pytest.fixture
def run(cli: CommandLine) -> dict[str, str]:
    cli.workflow("greet", "echo", "echo")
    return dict(cli.json("run", "start", "greet", "--payload", '{"order": "o-1"}'))


@pytest.mark.parametrize("command", ["show", "events", "audit", "lineage", "trace", "replay", "replay --verify"])
def test_a_run_is_named_by_the_end_of_its_id(cli: CommandLine, run: dict[str, str], command: str) -> None:
    whole, part = (cli(*command.split(), id) for id in (run["id"], run["id"][-8:].upper()))
    assert (part.returncode, part.stdout) == (0, whole.stdout)


def test_commands_on_runs_take_a_part_of_an_id_with_a_version(cli: CommandLine, run: dict[str, str]) -> None:
    part = run["id"][-10:]
    assert cli.json("run", "fork", f"{part}@2", "--by", "ada")["origin"]["runId"] == run["id"]
    assert cli.json("diff", part, "1", "2") == cli.json("diff", run["id"], "1", "2")
    assert (
        cli.json("run", "retry", run["workOrderId"][-10:], "--again", "--by", "ada")["workOrderId"]
        == (run["workOrderId"])
    )
    moved_on = cli.refused("run", "retry", f"{part}@1", "--by", "ada")
    assert run["id"] in moved_on


def test_an_ambiguous_part_is_refused_with_the_ids_that_have_it(cli: CommandLine, run: dict[str, str]) -> None:
    other = cli.json("run", "start", "greet")["id"]
    part = run["id"][:6]
    refused = cli.refused("show", part)
    assert "several runs begin or end with" in refused
    assert run["id"] in refused
    assert other in refused
    assert cli.refused("run", "cancel", part, "--by", "ada") == refused


@pytest.mark.parametrize("part", ["12345", "not-hex", "abcdef", "%%%%%%", "______"])
def test_what_no_id_begins_or_ends_with_is_not_found(cli: CommandLine, run: dict[str, str], part: str) -> None:
    if run["id"].endswith(part):
        pytest.skip("this id does end so")
    assert f"no run '{part}'" in cli.refused("show", part)


def test_a_work_order_is_shown_with_its_runs(cli: CommandLine, run: dict[str, str]) -> None:
    shown = cli("show", run["workOrderId"])
    assert shown.returncode == 0
    assert run["id"] in shown.stdout
    assert "o-1" in shown.stdout
    document = cli.json("show", run["workOrderId"][-8:])
    assert (document["id"], document["runs"]) == (run["workOrderId"], [run["id"]])


def test_ids_are_found_by_beginnings_and_ends_on_each_store(store_url: str) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: 1)
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "work"}]}, workflow_id="w", by="ada")
        runs = [ledger.runs.start("w") for _ in range(3)]
        newest = tuple(sorted((run.id for run in runs), reverse=True))  # of one millisecond they come in any order
        assert ledger.history.ids(runs[0].id[:6]) == newest
        assert ledger.history.ids(runs[0].id[:6], limit=2) == newest[:2]
        assert ledger.history.ids(runs[1].id[-12:]) == (runs[1].id,)
        assert ledger.history.ids(runs[1].id) == (runs[1].id,)
        assert ledger.history.ids(runs[1].work_order_id[-12:], "work_order") == (runs[1].work_order_id,)
        assert ledger.history.ids("ffffff") == ()
        for part, limit in (("12345", 1), ("%%%%%%", 1), ("x" * 8, 1), (7, 1), ("abcdef", 0), ("abcdef", True)):
            with pytest.raises(fl.InvalidRequest):
                ledger.history.ids(part, limit=limit)  # type: ignore[arg-type]
        with pytest.raises(fl.InvalidRequest, match="neither 'run' nor 'work_order'"):
            ledger.history.ids("abcdef", "wait")  # type: ignore[arg-type]


def test_store_app_and_zone_may_stand_behind_the_command(cli: CommandLine, run: dict[str, str]) -> None:
    store = f"sqlite:///{cli.home}/ledger.db"
    cli.environment["FLOWLEDGER_STORE"] = "sqlite:///nowhere.db"
    del cli.environment["FLOWLEDGER_APP"]
    behind = cli("history", "--store", store)
    assert behind.stdout == cli("--store", store, "history").stdout
    assert run["id"] in behind.stdout
    assert cli("--store", "sqlite:///nowhere.db", "history", "--store", store).stdout == behind.stdout
    assert cli("run", "start", "greet", "--app", "steps:executors", f"--store={store}").returncode == 0


def test_every_command_takes_the_store_behind_it() -> None:
    def leaves(command: object) -> list[object]:
        below = getattr(command, "commands", None)
        return [command] if below is None else [leaf for each in below.values() for leaf in leaves(each)]

    for command in leaves(make_command()):
        taken = [name for parameter in command.params for name in parameter.opts]  # type: ignore[attr-defined]
        for name in ("--store", "--app", "--tz"):
            assert taken.count(name) == 1, (command, name)


def test_times_are_shown_and_read_in_a_zone(cli: CommandLine, run: dict[str, str]) -> None:
    at = datetime.fromisoformat(str(run["startedAt"]))
    shown = cli("history", "--tz", "Asia/Kathmandu").stdout
    assert "+05:45" in shown
    assert "Asia/Kathmandu" in cli("events", run["id"], "--tz", "Asia/Kathmandu").stdout
    local = at.astimezone(UTC).isoformat()[:-6]
    for zone, found in (("UTC", 1), ("Asia/Kathmandu", 1), ("America/New_York", 0)):
        assert len(cli.json("history", "--since", local, "--tz", zone)["runs"]) == found
    assert cli.json("history")["runs"] == cli.json("history", "--tz", "Asia/Kathmandu")["runs"]
    assert "is no time zone" in cli.refused("history", "--tz", "../etc/passwd")
    assert "is no time zone" in cli.refused("history", "--tz", "Mars/Olympus")


@pytest.mark.parametrize("since", ["1h", "yesterday", "2020-01", "2020"])
def test_times_may_be_words(cli: CommandLine, run: dict[str, str], since: str) -> None:
    assert [row["id"] for row in cli.json("history", "--since", since)["runs"]] == [run["id"]]
    assert cli.json("history", "--until", since)["runs"] == []


def test_events_come_a_page_at_a_time(cli: CommandLine, run: dict[str, str]) -> None:
    every = cli.json("events", run["id"])
    assert cli.json("events", run["id"], "--limit", "2") == every[:2]
    assert cli.json("events", run["id"], "--after", "2") == every[2:]
    assert "more: --after 2" in cli("events", run["id"], "--limit", "2").stdout
    assert "more:" not in cli("events", run["id"], "--limit", str(len(every))).stdout


def test_lists_break_no_id_at_80_columns(cli: CommandLine, run: dict[str, str]) -> None:
    cli.environment["COLUMNS"] = "80"
    cli.workflow("broken", "boom")
    failed = cli.json("run", "start", "broken", code=1)["id"]
    for command in ("history", "trail", "steps", "failures", f"audit {failed}"):
        printed = cli(*command.split()).stdout
        assert max(map(len, printed.splitlines())) <= 80
        assert failed in printed


def test_steps_failures_and_counts_say_what_python_says(cli: CommandLine, run: dict[str, str]) -> None:
    cli.workflow("broken", "boom")
    failed = cli.json("run", "start", "broken", code=1)["id"]
    with fl.open_ledger(f"sqlite:///{cli.home}/ledger.db") as ledger:
        steps, groups = ledger.history.steps(), ledger.history.failures()
        counts = ledger.history.counts("status")
    told = cli.json("steps")["steps"]
    assert [(row["runId"], row["version"]) for row in told] == [(step.run_id, step.version) for step in steps]
    assert [row["runId"] for row in cli.json("steps", "--status", "failed", "--error-type", "ValueError")["steps"]] == [
        failed
    ]
    assert cli.json("steps", "--longer-than", "3600")["steps"] == []
    assert [(row["id"], row["count"]) for row in cli.json("failures")["failures"]] == [
        (group.id, group.count) for group in groups
    ]
    assert cli.json("counts", "status")["counts"] == [{"value": count.value, "count": count.count} for count in counts]
    assert cli.json("counts", "workflow", "--status", "failed")["counts"] == [{"value": "broken", "count": 1}]
    assert cli("failures", "--csv").stdout.splitlines()[0].startswith("id,workflow_id,node_id")


def test_help_has_a_short_form(cli: CommandLine) -> None:
    assert cli("run", "start", "-h").stdout == cli("run", "start", "--help").stdout


def test_shells_complete_commands_and_options(cli: CommandLine) -> None:
    def completed(words: str, place: int) -> list[str]:
        asked = {"_FLOWLEDGER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(place)}
        return cli("", **asked).stdout.split()

    assert completed("flowledger fail", 1) == ["failures"]
    assert "--error-type" in completed("flowledger steps --e", 2)
    for shell in ("bash", "zsh", "fish"):
        assert "_FLOWLEDGER_COMPLETE" in cli("completion", shell).stdout
    assert json.loads(cli("completion", "bash", "--json").stdout)["shell"] == "bash"
