"""Forks and lineage on the command line."""

import pytest

from .conftest import CommandLine


@pytest.fixture
def paused(cli: CommandLine) -> str:
    """The id of a run that is paused at its second node, version 3."""
    cli.workflow("w", "echo", "ask", "echo")
    return str(cli.json("run", "start", "w", "--payload", "1", "--by", "ada")["id"])


def test_a_fork_begins_at_the_version_that_is_named(cli: CommandLine, paused: str) -> None:
    again = cli.json("run", "fork", f"{paused}@1", "--payload", '{"order": 2}', "--by", "eve")
    assert again["origin"] == {"kind": "fork", "runId": paused, "version": 1}
    assert again["snapshot"]["context"]["n1"][0]["output"] == {"order": 2}
    answered = cli.json("run", "fork", paused, "--payload", "true", "--metadata", '{"why": "test"}', "--by", "eve")
    assert (answered["status"], answered["snapshot"]["metadata"]) == ("completed", {"why": "test"})


@pytest.mark.parametrize("given", ['{"x": 1}', "null"])
def test_an_edited_output_may_be_any_json(cli: CommandLine, paused: str, given: str) -> None:
    handled = ["--handle", ""] if given == "null" else []
    assert not handled or "no edge takes" in cli.refused("run", "fork", paused, "--output", given, *handled)
    edited = cli.json("run", "fork", paused, "--output", given, "--by", "eve")
    (result,) = edited["snapshot"]["context"]["n1"]
    assert result["output"] == (None if given == "null" else {"x": 1})
    assert edited["snapshot"]["currentNodeId"] == "n2"


def test_lineage_is_a_tree(cli: CommandLine, paused: str) -> None:
    fork = cli.json("run", "fork", f"{paused}@2", "--by", "eve")["id"]
    twig = cli.json("run", "fork", fork, "--payload", "true", "--by", "eve")["id"]
    document = cli.json("lineage", fork)
    assert [relative["runId"] for relative in document["ancestors"]] == [paused]
    assert [relative["runId"] for relative in document["descendants"]] == [twig]
    assert (document["run"]["sourceVersion"], document["run"]["source"]) == (2, paused)
    tree = cli("lineage", fork).stdout
    first, second, third = (line for line in tree.splitlines() if "workflow version" in line)
    assert first.startswith(paused)
    assert second.startswith(f"└── {fork}")
    assert third.startswith(f"    └── {twig}")
    assert "← this run" in tree
    audit = cli("audit", fork).stdout
    assert f"of {paused} at version 2" in audit
    assert f"fork of run {fork} at version 2" in cli("run", "fork", f"{fork}@2").stdout


def test_bad_input_is_refused_in_words(cli: CommandLine, paused: str) -> None:
    assert "has no version 9: its versions are 1 to 3" in cli.refused("run", "fork", f"{paused}@9")
    assert "workflow 'w' has no version 9" in cli.refused("run", "fork", paused, "--workflow-version", "9")
    assert "give its --output as well" in cli.refused("run", "fork", paused, "--handle", "x")
    assert "neither a file nor JSON" in cli.refused("run", "fork", paused, "--output", "oops")
    assert "nobody" in cli.refused("lineage", "nobody")
    assert [row["id"] for row in cli.json("history")["runs"]] == [paused]
