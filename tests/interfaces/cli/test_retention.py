"""``flowledger retention``: what would go, what went, and what is held."""

import os
import pty
import subprocess
import sys
from contextlib import suppress

from .conftest import CommandLine


def on_a_terminal(cli: CommandLine, typed: str, *arguments: str) -> str:
    """What a command shows there, which is answered with a line."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "flowledger", *arguments]
    process = subprocess.Popen(command, cwd=cli.home, env=cli.environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, f"{typed}\n".encode())
    shown = b""
    with suppress(OSError):  # how Linux says that the other side was closed
        while got := os.read(ours, 65536):
            shown += got
    os.close(ours)
    process.wait(timeout=60)
    return shown.decode()


def test_from_a_preview_to_what_went_and_is_held(cli: CommandLine) -> None:
    cli.workflow("triage", "echo")
    runs = [cli.json("run", "start", "triage", "--payload", str(number), "--by", "ada")["id"] for number in range(4)]
    assert "were removed" not in cli("history").stderr
    would = cli("retention", "preview", "--keep-last", "1")
    assert "3 runs of 3 work orders would go" in would.stdout, would.stderr
    assert "they are among the newest that the policy keeps" in would.stdout
    kept = cli.json("retention", "preview", "--keep-last", "1")["kept"]
    assert all(each["example"] in would.stdout for each in kept)  # whole, on one line
    held = cli.json("retention", "hold", runs[0][-8:], "--reason", "case 7", "--by", "law")
    assert (held["kind"], held["id"], held["reason"]) == ("run", runs[0], "case 7")
    asked = on_a_terminal(cli, "n", "retention", "apply", "--keep-last", "1")
    assert "2 runs go, and can't be brought back. Remove them?" in asked
    assert cli.json("retention", "removals") == {"removals": []}
    nothing = cli("retention", "apply", "--older-than", "90d")
    assert (nothing.returncode, nothing.stdout.startswith("0 runs of 0 work orders went")) == (0, True), nothing.stderr
    went = cli("retention", "apply", "--keep-last", "1", "--archive", "kept", "--by", "ops", "-r", "enough")
    assert "2 runs of 2 work orders went" in went.stdout, went.stderr
    assert "under a legal hold" in went.stdout
    assert len(list((cli.home / "kept").iterdir())) == 2
    assert "2 runs, " in cli("retention", "removals").stdout
    assert cli.json("retention", "removals")["removals"][0]["by"] == "ops"
    assert "runs were removed under a retention policy" in cli("history").stderr
    gone = cli("show", runs[1])
    assert gone.returncode != 0
    assert "was removed under a retention policy" in gone.stderr
    assert "case 7 (law" in cli("retention", "holds").stdout
    assert "under a legal hold: case 7 (law, " in cli("show", runs[0]).stdout
    assert "legal hold" not in cli("show", runs[3]).stdout
    assert [hold["id"] for hold in cli.json("retention", "holds", runs[0][-8:])["holds"]] == [runs[0]]
    assert cli.json("retention", "holds", runs[3]) == {"holds": []}
    assert cli.json("retention", "lift", runs[0])["holds"] == []
    assert cli("verify").returncode == 0


def test_an_archived_workflow_goes_with_its_last_run(cli: CommandLine) -> None:
    cli.workflow("triage", "echo")
    cli.json("run", "start", "triage", "--payload", "1")
    policy = ("--keep-last", "0", "--everything", "--archived-workflows")
    kept = cli("retention", "apply", *policy)
    assert "1 runs of 1 work orders went" in kept.stdout, kept.stderr
    assert "they aren't archived" in kept.stdout
    cli.json("workflow", "archive", "triage")
    went = cli("retention", "apply", *policy, "--archive", "kept")
    assert "0 runs of 0 work orders and 1 workflows went" in went.stdout, went.stderr
    assert "0 runs and 1 workflows, " in cli("retention", "removals").stdout
    gone = cli("workflow", "show", "triage")
    assert gone.returncode == 2
    assert "workflow 'triage' was removed under a retention policy" in gone.stderr
    (file,) = (cli.home / "kept").iterdir()
    imported = cli("--store", "sqlite:///other.db", "import", str(file))
    assert "workflow:triage: added 2 events" in imported.stdout, imported.stderr


def test_runs_are_archived_as_rows(cli: CommandLine) -> None:
    cli.workflow("triage", "echo")
    cli.json("run", "start", "triage", "--payload", "1")
    policy = ("--keep-last", "0", "--archive", "kept", "--archive-format", "parquet")
    assert cli.json("retention", "preview", *policy)["runs"] == 1
    assert not (cli.home / "kept").exists()
    went = cli("retention", "apply", *policy, "--everything")
    assert went.returncode == 0, went.stderr
    assert [len(list((cli.home / "kept" / kind).iterdir())) for kind in ("runs", "steps")] == [1, 1]
    wrong = cli("retention", "preview", "--archive", "kept", "--archive-format", "csv")
    assert "is neither export nor parquet" in wrong.stderr


def test_an_erasure_asks_on_a_terminal_too(cli: CommandLine) -> None:
    cli("keys", "generate", "ring.json")
    keys = ("--keys", "ring.json")
    cli.workflow("triage", "echo")
    run = cli.json(*keys, "run", "start", "triage", "--payload", '"Ada"', "--subject", "customer:42")["id"]
    assert "of 1 runs can't be read by anybody then. Erase them?" in on_a_terminal(
        cli, "n", *keys, "erase", "customer:42"
    )
    assert "Ada" in cli(*keys, "show", run).stdout
    assert "Erase them?" not in on_a_terminal(cli, "", *keys, "erase", "customer:42", "--yes")
    assert "<erased " in cli(*keys, "show", run).stdout


def test_a_policy_that_is_none_says_what_one_looks_like(cli: CommandLine) -> None:
    cli.workflow("triage", "echo")
    for wrong, told in (
        (["--older-than", "soon"], "--older-than: 'soon' is no length of time, such as 90d"),
        (["--status", "active"], "only runs that have ended go"),
        (["--yes"], "--everything"),
    ):
        refused = cli("retention", "apply", *wrong)
        assert refused.returncode == 2
        assert told in refused.stderr
    for option in (["--archive-format", "parquet"], ["--remove-archived-workflows"]):
        refused = cli("worker", *option)
        assert refused.returncode == 2
        assert option[0] in refused.stderr
