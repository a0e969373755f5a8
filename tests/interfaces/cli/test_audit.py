import json
import resource
import subprocess
import sys

import pytest

from flowledger.domain.values.json_compare import json_digest
from flowledger.projections.audit.filed import lasting

from .conftest import CommandLine
from .test_read_commands import change_a_stored_payload


def a_run_with_a_story(cli: CommandLine) -> str:
    """A failure and its retry, a pause, and bob who ends it."""
    cli.workflow("triage", "echo", "flaky", "ask")
    run_id: str = cli.json("run", "start", "triage", "--payload", '"honest"', "--by", "ada")["id"]
    cli.json("run", "proceed", run_id, "--by", "timer")
    cli.json("run", "resume", run_id, "--payload", '{"approved": true}', "--by", "bob")
    return run_id


def test_an_audit_reads_as_a_report(cli: CommandLine) -> None:
    run_id = a_run_with_a_story(cli)
    report = cli("audit", run_id)
    assert report.returncode == 0, report.stderr
    for words in (
        f"run {run_id}@8",
        "completed",
        "triage@1",
        "by ada",
        "TimeoutError: too slow; retry due",
        "paused: a person must look; resumed by bob after",
        'with {"approved":true}',
        "→ n2",
        "as saved",
        "workflow:triage",
        "1–8",
        "every event that was checked is as it was written",
    ):
        assert words in report.stdout
    assert "Traceback" not in report.stdout


def test_full_prints_what_is_folded_otherwise(cli: CommandLine) -> None:
    run_id = a_run_with_a_story(cli)
    folded, full = cli("audit", run_id).stdout, cli("audit", run_id, "--full").stdout
    for words in ('raise TimeoutError("too slow")', '@executors.register("ask")', '"approved": true', '"nodes": ['):
        assert words in full
        assert words not in folded


def test_the_json_of_an_audit_is_the_same_on_stdout_and_in_a_file(cli: CommandLine) -> None:
    run_id = a_run_with_a_story(cli)
    audit = cli.json("audit", run_id, "--out", "audit.json")
    assert json.loads((cli.home / "audit.json").read_text("utf-8")) == audit
    assert audit["digest"] == json_digest(lasting(audit))
    assert [attempt["nodeId"] for attempt in audit["attempts"]] == ["n1", "n2", "n2", "n3", "n3"]
    assert audit["pauses"][0]["endedBy"] == "bob"


def test_an_audit_at_a_version_or_a_time_is_what_it_was_then(cli: CommandLine) -> None:
    cli.workflow("ask", "ask")
    run_id = cli.json("run", "start", "ask")["id"]
    then = cli.json("audit", run_id)
    cli.json("run", "resume", run_id, "--payload", "1")
    assert cli.json("audit", f"{run_id}@2") == then
    assert cli.json("audit", run_id, "--at", then["asOf"]) == then
    assert cli.json("audit", run_id)["digest"] != then["digest"]


def test_an_audit_of_changed_records_exits_with_1_and_names_the_event(cli: CommandLine) -> None:
    run_id = a_run_with_a_story(cli)
    change_a_stored_payload(cli, run_id)
    report = cli("audit", run_id)
    assert report.returncode == 1
    assert f"in {run_id} version 1: its digest does not match" in report.stdout
    audit = cli.json("audit", run_id, code=1)
    assert audit["provenance"]["ok"] is False
    assert audit["provenance"]["findings"][0]["version"] == 1


def test_a_file_that_cant_be_written_leaves_nothing(cli: CommandLine) -> None:
    cli.workflow("echo", "echo")
    run_id = cli.json("run", "start", "echo", "--payload", "-", stdin=json.dumps("x" * 500_000))["id"]
    assert "can't write" in cli.refused("audit", run_id, "--out", "steps.py/audit.json")
    (cli.home / "kept.json").write_text("kept")
    before = sorted(path.name for path in cli.home.iterdir())
    limited = subprocess.run(
        [sys.executable, "-m", "flowledger", "audit", run_id, "--out", "kept.json"],
        cwd=cli.home,
        env=cli.environment,
        capture_output=True,
        encoding="utf-8",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, 2**18)),
    )
    assert limited.returncode == 2, limited.stderr
    assert "can't write" in limited.stderr
    assert (cli.home / "kept.json").read_text() == "kept"
    assert sorted(path.name for path in cli.home.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["unheard-of"], "no run 'unheard-of'"),
        (["RUN@99"], "has no version 99"),
        (["RUN", "--at", "one day"], "is not a time"),
        (["RUN@1", "--at", "2030-01-01"], "not both"),
    ],
)
def test_what_cant_be_audited_is_refused(cli: CommandLine, arguments: list[str], message: str) -> None:
    cli.workflow("echo", "echo")
    run_id = cli.json("run", "start", "echo")["id"]
    assert message in cli.refused("audit", *(argument.replace("RUN", run_id) for argument in arguments))


def test_a_filed_audit_is_checked_where_it_was_written_and_where_the_run_was_moved_to(cli: CommandLine) -> None:
    """Positions are others there; and what came later to the run is no difference."""
    cli.workflow("other", "echo")
    cli("run", "start", "other", "--by", "ada")
    run_id = a_run_with_a_story(cli)
    assert cli("audit", run_id, "--out", "filed.json").returncode == 0
    cli("export", run_id, "run.jsonl")
    moved = cli("--store", "sqlite:///moved.db", "import", "run.jsonl")
    assert moved.returncode == 0, moved.stderr
    for store in ("ledger.db", "moved.db"):
        checked = cli("--store", f"sqlite:///{store}", "audit", "--check", "filed.json", "--json")
        assert (checked.returncode, json.loads(checked.stdout)["differences"]) == (0, []), checked.stdout

    assert cli("report", run_id, "run.html").returncode == 0
    checked = cli("--store", "sqlite:///moved.db", "audit", "--check", "run.html")
    assert (checked.returncode, checked.stdout) == (0, f"the report of run {run_id}@8 is what the store says\n")

    filed = json.loads((cli.home / "filed.json").read_text())
    filed["by"] = "mallory"
    del filed["digest"]
    filed["digest"] = json_digest(lasting(filed))
    (cli.home / "forged.json").write_text(json.dumps(filed))
    forged = cli("--store", "sqlite:///moved.db", "audit", "--check", "forged.json")
    assert forged.returncode == 1
    assert '/by: filed "mallory", stored "ada"' in forged.stdout
    filed["input"] = "another"
    (cli.home / "forged.json").write_text(json.dumps(filed))
    assert "its digest is not that of the rest" in cli("audit", "--check", "forged.json").stdout
    assert cli("audit", "--check", "forged.json", run_id).returncode != 0
    assert cli("audit").returncode != 0
