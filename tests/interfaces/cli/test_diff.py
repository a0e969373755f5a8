import jsonpatch
import pytest

from .conftest import CommandLine


@pytest.fixture
def two_runs(cli: CommandLine) -> tuple[str, str]:
    cli.workflow("flaky", "echo", "flaky", "ask")
    runs = []
    for payload in ("1", "2"):
        run_id = cli.json("run", "start", "flaky", "--payload", payload)["id"]
        cli.json("run", "proceed", run_id)
        runs.append(run_id)
    one, other = runs
    return one, other


@pytest.mark.exhaustive
def test_two_versions_are_told_line_by_line_and_as_a_patch(cli: CommandLine, two_runs: tuple[str, str]) -> None:
    run_id, _ = two_runs
    shown = cli("diff", run_id, "2", "5", "--ignore-times")
    assert shown.returncode == 0
    assert shown.stdout.splitlines() == [
        f"run {run_id}: version 2 → 5",
        '~ currentNodeId: "n2" → "n3"',
        "+ 'n2' attempt 1: failed: TimeoutError: too slow",
        "+ 'n2' attempt 2: \"at last\"",
    ]
    patch = cli.json("diff", run_id, "2", "5")
    assert jsonpatch.apply_patch(cli.json("show", f"{run_id}@2"), patch) == cli.json("show", f"{run_id}@5")
    assert cli.json("diff", run_id, "2") == cli.json("diff", run_id, "2", "6")
    only = cli.json("diff", run_id, "2", "5", "--ignore-times", "--ignore", "/context", "--ignore", "/version")
    assert only == [{"op": "replace", "path": "/currentNodeId", "value": "n3"}]


def test_two_runs_are_told_side_by_side(cli: CommandLine, two_runs: tuple[str, str]) -> None:
    one, other = two_runs
    told = cli("diff", one, "--with", other).stdout
    assert "parted after 0 steps alike: the payload of 'n1' attempt 1 differs" in told
    assert "    payload: 1 → 2" in told.splitlines()
    document = cli.json("diff", one, "--with", other, "--ignore-times")
    assert document["parted"]["kind"] == "payload"
    assert document["patch"] == [{"op": "replace", "path": "/context/n1/0/output", "value": 2}]
    alike = ["--ignore", "/context/*/*/payload", "--ignore", "/context/*/*/output"]
    assert "they took the same steps" in cli("diff", one, "--with", other, *alike).stdout


def test_what_can_not_be_compared_is_refused(cli: CommandLine, two_runs: tuple[str, str]) -> None:
    one, other = two_runs
    assert "has no version 99: its versions are 1 to 6" in cli.refused("diff", one, "1", "99")
    assert "name two versions" in cli.refused("diff", one)
    assert "name two versions" in cli.refused("diff", one, "1", "--with", other)
    assert "begins with a slash" in cli.refused("diff", one, "1", "2", "--ignore", "context")
    assert "no run 'nowhere'" in cli.refused("diff", one, "--with", "nowhere")
    assert "valid integer" in cli.refused("diff", one, "x", "2")


def test_the_diff_of_a_workflow_has_a_patch_too(cli: CommandLine) -> None:
    cli.workflow("w", "echo")
    cli.workflow("w", "ask")
    document = cli.json("workflow", "diff", "w", "1", "2")
    assert {"op": "replace", "path": "/definition/nodes/0/type", "value": "ask"} in document["patch"]
